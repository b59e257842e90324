// Matrix products of a whole batch: y[n] = a[n] * b[n], each matrix read as it stands or transposed.

import { shapeText } from '../core/shape.js';
import { gemm, gemmScratch, matrix } from './gemm.js';
import { attr, defineOp, floats, type GradientContext, type Value } from './op.js';
import { float32, floatInput } from './rules.js';

function emitProduct(context: GradientContext, a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value {
  return context.emit('batchMatmul', [a, b], { transposeA: Number(transposeA), transposeB: Number(transposeB) })[0];
}

const batchMatmul = defineOp({
  name: 'batchMatmul',
  inputs: ['a', 'b'],
  outputs: ['y'],
  attrs: { transposeA: attr.int(0), transposeB: attr.int(0) },
  infer(context) {
    const { transposeA, transposeB } = context.attrs;
    const a = floatInput(context, 0, 'a', 3).shape;
    const b = floatInput(context, 1, 'b', 3).shape;
    if (a[0] !== b[0]) context.fail(`'b' of the batch of 'a' (${a[0]})`, b[0]);
    const [rows, depth] = transposeA ? [a[2], a[1]] : [a[1], a[2]];
    const [bDepth, columns] = transposeB ? [b[2], b[1]] : [b[1], b[2]];
    if (depth !== bDepth) {
      const flags = `transposeA ${transposeA}, transposeB ${transposeB}`;
      context.fail(`inner sizes of 'a' and 'b' to be equal`, `${shapeText(a)} and ${shapeText(b)} (${flags})`);
    }
    return [float32([a[0], rows, columns])];
  },
  run({ inputs, outputs, attrs: { transposeA, transposeB }, scratch }) {
    const [a, b, y] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    const [batch, rows, columns] = outputs[0].shape;
    const depth = inputs[0]?.shape[transposeA ? 1 : 2] ?? 0;
    y.fill(0);
    for (let n = 0; n < batch; n++) {
      const [fromA, fromB] = [n * rows * depth, n * depth * columns];
      const left = transposeA ? matrix(a, fromA, 1, rows) : matrix(a, fromA, depth, 1);
      const right = transposeB ? matrix(b, fromB, depth, 1) : matrix(b, fromB, 1, columns);
      gemm(rows, columns, depth, left, right, y, n * rows * columns, columns, scratch);
    }
  },
  gradient(context) {
    const [a, b] = context.inputs as readonly Value[];
    const dy = context.dOutputs[0] as Value;
    const transposeA = context.attrs.transposeA !== 0;
    const transposeB = context.attrs.transposeB !== 0;
    const da = () =>
      transposeA ? emitProduct(context, b, dy, transposeB, true) : emitProduct(context, dy, b, false, !transposeB);
    const db = () =>
      transposeB ? emitProduct(context, dy, a, true, transposeA) : emitProduct(context, a, dy, !transposeA, false);
    return [context.needs[0] ? da() : null, context.needs[1] ? db() : null];
  },
  flops: (inputs, outputs, { transposeA }) =>
    2 * outputs[0].shape.reduce((a, b) => a * b, 1) * (inputs[0]?.shape[transposeA ? 1 : 2] ?? 0),
  scratch: (inputs, outputs, { transposeA }) =>
    gemmScratch(outputs[0].shape[1], outputs[0].shape[2], inputs[0]?.shape[transposeA ? 1 : 2] ?? 0),
  cases: [
    { name: 'prime sizes', inputs: [{ shape: [3, 7, 11] }, { shape: [3, 11, 5] }] },
    { name: 'a transposed', inputs: [{ shape: [2, 11, 7] }, { shape: [2, 11, 5] }], attrs: { transposeA: 1 } },
    { name: 'b transposed', inputs: [{ shape: [2, 7, 11] }, { shape: [2, 5, 11] }], attrs: { transposeB: 1 } },
    {
      name: 'both transposed',
      inputs: [{ shape: [2, 11, 7] }, { shape: [2, 5, 11] }],
      attrs: { transposeA: 1, transposeB: 1 },
    },
    { name: 'rows times columns', inputs: [{ shape: [5, 1, 13] }, { shape: [5, 13, 1] }] },
    { name: 'columns times rows', inputs: [{ shape: [3, 5, 1] }, { shape: [3, 1, 3] }] },
    { name: 'beyond one block', inputs: [{ shape: [2, 67, 259] }, { shape: [2, 259, 17] }], gradientOf: [] },
    { name: 'empty batch', inputs: [{ shape: [0, 3, 4] }, { shape: [0, 4, 2] }] },
    { name: 'nothing to sum gives zero', inputs: [{ shape: [2, 2, 0] }, { shape: [2, 0, 3] }] },
  ],
});

export const batchMatmulOps = [batchMatmul];
