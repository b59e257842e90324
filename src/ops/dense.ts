// The dense layer's op: activation(x * weight + bias).

import type { FloatArray } from '../core/dtype.js';
import { shapeText } from '../core/shape.js';
import { activateInPlace, fusedActivations, throughActivation } from './activation.js';
import { gemm, gemmScratch, matrix } from './gemm.js';
import { emitProduct } from './matmul.js';
import { attr, defineOp, floats, type RunContext, type Value } from './op.js';
import { sumPerChannel } from './reduce.js';
import { float32, floatInput, optionalOfShape } from './rules.js';

/** Starts every row of y with the bias, or with zeros. */
export function startWithBias(y: FloatArray, bias: FloatArray | undefined): void {
  if (!bias) {
    y.fill(0);
    return;
  }
  const channels = bias.length;
  for (let start = 0; start < y.length; start += channels) {
    for (let c = 0; c < channels; c++) y[start + c] = bias[c];
  }
}

function runDense({ inputs, outputs, attrs, scratch }: RunContext): void {
  const [x, weight, y] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
  const [rows, columns] = outputs[0].shape;
  const depth = inputs[0]?.shape[1] ?? 0;
  startWithBias(y, inputs[2] ? floats(inputs[2]) : undefined);
  gemm(rows, columns, depth, matrix(x, 0, depth, 1), matrix(weight, 0, 1, columns), y, 0, columns, scratch);
  activateInPlace(y, attrs.activation);
}

const dense = defineOp({
  name: 'dense',
  inputs: ['x', 'weight', 'bias?'],
  outputs: ['y'],
  attrs: { activation: attr.oneOf(fusedActivations, 'linear') },
  infer(context) {
    const x = floatInput(context, 0, 'x', 2).shape;
    const weight = floatInput(context, 1, 'weight', 2).shape;
    if (x[1] !== weight[0]) {
      const help = 'the weight is [inputs, units]; flatten images before a dense layer';
      context.fail(`'x' with ${weight[0]} features (the weight is ${shapeText(weight)})`, shapeText(x), help);
    }
    optionalOfShape(context, 2, 'bias', [weight[1]], 'one per column of the weight');
    return [float32([x[0], weight[1]])];
  },
  run: runDense,
  gradient(context) {
    const [x, weight, bias] = context.inputs as readonly Value[];
    const dy = throughActivation(context, context.outputs[0], context.dOutputs[0] as Value, context.attrs.activation);
    // The weight's first: x is free then, and its place may serve for dx.
    const dbias = bias && context.needs[2] ? sumPerChannel(context, dy) : null;
    const dWeight = context.needs[1] ? emitProduct(context, x, dy, true, false) : null;
    const dx = context.needs[0] ? emitProduct(context, dy, weight, false, true) : null;
    return [dx, dWeight, dbias];
  },
  flops: (inputs, outputs) => 2 * outputs[0].shape[0] * outputs[0].shape[1] * (inputs[0]?.shape[1] ?? 0),
  scratch: (inputs, outputs) => gemmScratch(outputs[0].shape[0], outputs[0].shape[1], inputs[0]?.shape[1] ?? 0),
  cases: [
    { name: 'bias', inputs: [{ shape: [5, 13] }, { shape: [13, 7] }, { shape: [7] }] },
    { name: 'no bias', inputs: [{ shape: [3, 11] }, { shape: [11, 5] }, null] },
    { name: 'relu', inputs: [{ shape: [7, 5] }, { shape: [5, 3] }, { shape: [3] }], attrs: { activation: 'relu' } },
    {
      name: 'sigmoid',
      inputs: [{ shape: [7, 5] }, { shape: [5, 3] }, { shape: [3] }],
      attrs: { activation: 'sigmoid' },
    },
    { name: 'relu6', inputs: [{ shape: [7, 29] }, { shape: [29, 5] }, { shape: [5] }], attrs: { activation: 'relu6' } },
    { name: 'tanh, no bias', inputs: [{ shape: [2, 3] }, { shape: [3, 5] }, null], attrs: { activation: 'tanh' } },
    { name: 'one row', inputs: [{ shape: [1, 17] }, { shape: [17, 11] }, { shape: [11] }] },
    { name: 'one unit', inputs: [{ shape: [9, 17] }, { shape: [17, 1] }, { shape: [1] }] },
    { name: 'beyond one block', inputs: [{ shape: [70, 300] }, { shape: [300, 10] }, { shape: [10] }], gradientOf: [] },
    { name: 'empty batch', inputs: [{ shape: [0, 3] }, { shape: [3, 2] }, { shape: [2] }] },
  ],
});

export const denseOps = [dense];
