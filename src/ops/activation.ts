// Activations and their gradients, which are formed from the output y: nothing but y has to be kept.
// softmax and logSoftmax run over the last axis and subtract its maximum first.

import type { FloatArray, TensorView } from '../core/dtype.js';
import { attr, defineOp, floats, type GradientContext, type InferContext, type OpCase, type Value } from './op.js';
import {
  ceilings,
  fromOutput,
  isRectifier,
  likeX,
  pointwiseCases,
  pointwiseGradCases,
  rectifierOps,
  rectify,
} from './rectifier.js';
import { atLeast, equalFloats } from './rules.js';

/** Activations that an op may apply to its own output (attribute `activation`), in the order C++ numbers them. */
export const fusedActivations = ['linear', 'relu', 'sigmoid', 'tanh', 'relu6'] as const;
export type FusedActivation = (typeof fusedActivations)[number];

/** Applies a fused activation to the whole of y. */
export function activateInPlace(y: FloatArray, activation: FusedActivation): void {
  if (isRectifier(activation)) rectify(y, y, ceilings[activation]);
  else if (activation === 'sigmoid') sigmoidLoop(y, y);
  else if (activation === 'tanh') tanhLoop(y, y);
}

/** Gradient before a fused activation, from the one after it. */
export function throughActivation(context: GradientContext, y: Value, dy: Value, activation: FusedActivation): Value {
  return activation === 'linear' ? dy : context.emit(`${activation}Grad`, [y, dy])[0];
}

export function sigmoidLoop(x: FloatArray, y: FloatArray): void {
  for (let i = 0; i < y.length; i++) y[i] = sigmoidOf(x[i]);
}

/** 1 / (1 + exp(-x)); exp(-x) may overflow to infinity, then the result is 0 as it should be. */
export function sigmoidOf(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function tanhLoop(x: FloatArray, y: FloatArray): void {
  for (let i = 0; i < y.length; i++) y[i] = Math.tanh(x[i]);
}

const likeY = (context: InferContext) => [equalFloats(context, ['y', 'dy'])];

const leakyRelu = defineOp({
  name: 'leakyRelu',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { alpha: attr.float(0.2) },
  infer(context) {
    // A negative slope would make y ambiguous: the gradient is read from the sign of y.
    atLeast(context, 'alpha', context.attrs.alpha, 0);
    return likeX(context);
  },
  run({ inputs, outputs, attrs: { alpha } }) {
    const [x, y] = [floats(inputs[0]), floats(outputs[0])];
    for (let i = 0; i < y.length; i++) y[i] = x[i] > 0 ? x[i] : alpha * x[i];
  },
  gradient: fromOutput('leakyReluGrad'),
  inplace: [[0, 0]],
  cases: [
    ...pointwiseCases,
    { name: 'alpha 0.01', inputs: [{ shape: [3, 11], values: 'awayFromZero' }], attrs: { alpha: 0.01 } },
    { name: 'alpha 0', inputs: [{ shape: [13], values: 'awayFromZero' }], attrs: { alpha: 0 } },
  ],
});

const leakyReluGrad = defineOp({
  name: 'leakyReluGrad',
  inputs: ['y', 'dy'],
  outputs: ['dx'],
  attrs: { alpha: attr.float(0.2) },
  infer(context) {
    atLeast(context, 'alpha', context.attrs.alpha, 0);
    return likeY(context);
  },
  run({ inputs, outputs, attrs: { alpha } }) {
    const [y, dy, dx] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    for (let i = 0; i < dx.length; i++) dx[i] = y[i] > 0 ? dy[i] : alpha * dy[i];
  },
  inplace: [[1, 0]],
  cases: pointwiseGradCases,
});

const sigmoid = defineOp({
  name: 'sigmoid',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  infer: likeX,
  run: ({ inputs, outputs }) => sigmoidLoop(floats(inputs[0]), floats(outputs[0])),
  gradient: fromOutput('sigmoidGrad'),
  inplace: [[0, 0]],
  cases: pointwiseCases,
});

const sigmoidGrad = defineOp({
  name: 'sigmoidGrad',
  inputs: ['y', 'dy'],
  outputs: ['dx'],
  attrs: {},
  infer: likeY,
  run({ inputs, outputs }) {
    const [y, dy, dx] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    for (let i = 0; i < dx.length; i++) dx[i] = dy[i] * y[i] * (1 - y[i]);
  },
  inplace: [[1, 0]],
  cases: pointwiseGradCases,
});

const tanh = defineOp({
  name: 'tanh',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  infer: likeX,
  run: ({ inputs, outputs }) => tanhLoop(floats(inputs[0]), floats(outputs[0])),
  gradient: fromOutput('tanhGrad'),
  inplace: [[0, 0]],
  cases: pointwiseCases,
});

const tanhGrad = defineOp({
  name: 'tanhGrad',
  inputs: ['y', 'dy'],
  outputs: ['dx'],
  attrs: {},
  infer: likeY,
  run({ inputs, outputs }) {
    const [y, dy, dx] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    for (let i = 0; i < dx.length; i++) dx[i] = dy[i] * (1 - y[i] * y[i]);
  },
  inplace: [[1, 0]],
  cases: pointwiseGradCases,
});

/** Length of the rows that softmax works on; 1 for an empty tensor, so that loops end. */
const rowLength = (view: TensorView) => Math.max(1, view.shape[view.shape.length - 1]);

/** y = softmax(x) of one row; returns log(sum(exp(x))). */
export function softmaxRow(x: FloatArray, y: FloatArray, start: number, length: number): number {
  const end = start + length;
  let max = x[start];
  for (let i = start + 1; i < end; i++) if (x[i] > max) max = x[i];
  let sum = 0;
  for (let i = start; i < end; i++) {
    const power = Math.exp(x[i] - max);
    y[i] = power;
    sum += power;
  }
  for (let i = start; i < end; i++) y[i] /= sum;
  return max + Math.log(sum);
}

function inferRows(context: InferContext, names: readonly string[]) {
  const spec = equalFloats(context, names);
  if (spec.shape.length === 0) context.fail(`'${names[0]}' of rank 1 or more`, 'a scalar');
  if (spec.shape[spec.shape.length - 1] === 0)
    context.fail(`'${names[0]}' with at least one class`, 'a last axis of size 0');
  return [spec];
}

const rowCases: readonly OpCase[] = [
  { name: 'rows of prime length', inputs: [{ shape: [5, 11] }] },
  { name: 'one class', inputs: [{ shape: [4, 1] }] },
  { name: 'vector', inputs: [{ shape: [19] }] },
  { name: 'rank 4', inputs: [{ shape: [2, 3, 1, 7] }] },
  { name: 'empty batch', inputs: [{ shape: [0, 4] }] },
  { name: 'large logits', inputs: [{ shape: [2, 3], values: [1000, 999, -1000, -800, -801, -799] }], gradientOf: [] },
];

const rowGradCases: readonly OpCase[] = [
  { name: 'rows of prime length', inputs: [{ shape: [5, 11], values: 'probabilities' }, { shape: [5, 11] }] },
  { name: 'rank 4', inputs: [{ shape: [2, 3, 1, 7], values: 'probabilities' }, { shape: [2, 3, 1, 7] }] },
  { name: 'empty batch', inputs: [{ shape: [0, 4] }, { shape: [0, 4] }] },
];

const softmax = defineOp({
  name: 'softmax',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  infer: (context) => inferRows(context, ['x']),
  run({ inputs, outputs }) {
    const [x, y, length] = [floats(inputs[0]), floats(outputs[0]), rowLength(outputs[0])];
    for (let start = 0; start < y.length; start += length) softmaxRow(x, y, start, length);
  },
  gradient: fromOutput('softmaxGrad'),
  cases: rowCases,
});

const softmaxGrad = defineOp({
  name: 'softmaxGrad',
  inputs: ['y', 'dy'],
  outputs: ['dx'],
  attrs: {},
  infer: (context) => inferRows(context, ['y', 'dy']),
  run({ inputs, outputs }) {
    const [y, dy, dx, length] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0]), rowLength(outputs[0])];
    for (let start = 0; start < dx.length; start += length) {
      let dot = 0;
      for (let i = start; i < start + length; i++) dot += y[i] * dy[i];
      for (let i = start; i < start + length; i++) dx[i] = y[i] * (dy[i] - dot);
    }
  },
  cases: rowGradCases,
});

const logSoftmax = defineOp({
  name: 'logSoftmax',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  infer: (context) => inferRows(context, ['x']),
  run({ inputs, outputs }) {
    const [x, y, length] = [floats(inputs[0]), floats(outputs[0]), rowLength(outputs[0])];
    for (let start = 0; start < y.length; start += length) {
      const logSum = softmaxRow(x, y, start, length);
      for (let i = start; i < start + length; i++) y[i] = x[i] - logSum;
    }
  },
  gradient: fromOutput('logSoftmaxGrad'),
  cases: rowCases,
});

const logSoftmaxGrad = defineOp({
  name: 'logSoftmaxGrad',
  inputs: ['y', 'dy'],
  outputs: ['dx'],
  attrs: {},
  infer: (context) => inferRows(context, ['y', 'dy']),
  run({ inputs, outputs }) {
    const [y, dy, dx, length] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0]), rowLength(outputs[0])];
    for (let start = 0; start < dx.length; start += length) {
      let sum = 0;
      for (let i = start; i < start + length; i++) sum += dy[i];
      for (let i = start; i < start + length; i++) dx[i] = dy[i] - Math.exp(y[i]) * sum;
    }
  },
  cases: [
    { name: 'rows of prime length', inputs: [{ shape: [5, 11] }, { shape: [5, 11] }] },
    { name: 'rank 4', inputs: [{ shape: [2, 3, 1, 7] }, { shape: [2, 3, 1, 7] }] },
    { name: 'empty batch', inputs: [{ shape: [0, 4] }, { shape: [0, 4] }] },
  ],
});

export const activationOps = [
  ...rectifierOps,
  leakyRelu,
  leakyReluGrad,
  sigmoid,
  sigmoidGrad,
  tanh,
  tanhGrad,
  softmax,
  softmaxGrad,
  logSoftmax,
  logSoftmaxGrad,
];
