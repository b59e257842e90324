// Cross-entropies from logits, with the activation folded in: stable for any logits, and the gradient is p - label.
// softmax variants return the probabilities too, from which the gradient is formed.

import { sizeOf } from '../core/shape.js';
import { sigmoidOf, softmaxRow } from './activation.js';
import { attr, defineOp, floats, type GradientContext, type InferContext, numbers, type Value } from './op.js';
import { equalFloats, float32, floatInput, floatOfShape, input } from './rules.js';

/** `logits` (or `probabilities`), the first input: [N, C] with C >= 1. */
function inferClasses(context: InferContext, name: string): readonly number[] {
  const { shape } = floatInput(context, 0, name, 2);
  if (shape[1] < 1) context.fail(`'${name}' with at least one class`, 'a last axis of size 0');
  return shape;
}

function checkSparseLabels(context: InferContext, rows: number): void {
  const labels = input(context, 1, 'labels', 'int32', 1);
  if (labels.shape[0] !== rows) context.fail(`${rows} labels, one per row of logits`, labels.shape[0]);
}

/** dlogits from the loss, plus what flows back through the probabilities if somebody uses them. */
function classGradient(context: GradientContext, gradOp: string): (Value | null)[] {
  const probabilities = context.outputs[1];
  const [dloss, dProbabilities] = context.dOutputs;
  const parts: Value[] = [];
  if (dloss) parts.push(context.emit(gradOp, [probabilities, context.inputs[1], dloss], context.attrs)[0]);
  if (dProbabilities) parts.push(context.emit('softmaxGrad', [probabilities, dProbabilities])[0]);
  return [parts.length === 2 ? context.emit('add', parts)[0] : (parts[0] ?? null), null];
}

const softmaxCrossEntropy = defineOp({
  name: 'softmaxCrossEntropy',
  inputs: ['logits', 'labels'],
  outputs: ['loss', 'probabilities'],
  attrs: {},
  infer(context) {
    const shape = inferClasses(context, 'logits');
    floatOfShape(context, 1, 'labels', shape, "the shape of 'logits'");
    return [float32([shape[0]]), float32(shape)];
  },
  run({ inputs, outputs }) {
    const [logits, labels, loss, probabilities] = [...inputs, ...outputs].map(floats);
    const [rows, classes] = outputs[1].shape;
    for (let row = 0; row < rows; row++) {
      const start = row * classes;
      const logSum = softmaxRow(logits, probabilities, start, classes);
      let sum = 0;
      for (let i = start; i < start + classes; i++) sum += labels[i] * (logSum - logits[i]);
      loss[row] = sum;
    }
  },
  gradient: (context) => classGradient(context, 'softmaxCrossEntropyGrad'),
  cases: [
    { name: 'rows', inputs: [{ shape: [7, 11] }, { shape: [7, 11], values: 'probabilities' }], gradientOf: [0] },
    {
      name: 'labels that do not sum to 1',
      inputs: [{ shape: [3, 5] }, { shape: [3, 5], values: 'positive' }],
      gradientOf: [0],
    },
    {
      name: 'one-hot, large logits',
      inputs: [
        { shape: [2, 3], values: [100, 0, -100, 30, 31, 29] },
        { shape: [2, 3], values: [0, 1, 0, 1, 0, 0] },
      ],
      gradientOf: [],
    },
    { name: 'one class', inputs: [{ shape: [3, 1] }, { shape: [3, 1], values: 'probabilities' }], gradientOf: [0] },
    { name: 'empty batch', inputs: [{ shape: [0, 4] }, { shape: [0, 4] }], gradientOf: [0] },
  ],
});

const softmaxCrossEntropyGrad = defineOp({
  name: 'softmaxCrossEntropyGrad',
  inputs: ['probabilities', 'labels', 'dloss'],
  outputs: ['dlogits'],
  attrs: {},
  infer(context) {
    const shape = inferClasses(context, 'probabilities');
    floatOfShape(context, 1, 'labels', shape, "the shape of 'probabilities'");
    floatOfShape(context, 2, 'dloss', [shape[0]], 'one per row');
    return [float32(shape)];
  },
  run({ inputs, outputs }) {
    const [probabilities, labels, dloss, dlogits] = [...inputs, ...outputs].map(floats);
    const [rows, classes] = outputs[0].shape;
    for (let row = 0; row < rows; row++) {
      const start = row * classes;
      let total = 0;
      for (let i = start; i < start + classes; i++) total += labels[i];
      for (let i = start; i < start + classes; i++) dlogits[i] = (probabilities[i] * total - labels[i]) * dloss[row];
    }
  },
  cases: [
    {
      name: 'rows',
      inputs: [
        { shape: [7, 11], values: 'probabilities' },
        { shape: [7, 11], values: 'probabilities' },
        { shape: [7] },
      ],
    },
    {
      name: 'labels that do not sum to 1',
      inputs: [{ shape: [3, 5], values: 'probabilities' }, { shape: [3, 5], values: 'positive' }, { shape: [3] }],
    },
    { name: 'empty batch', inputs: [{ shape: [0, 4] }, { shape: [0, 4] }, { shape: [0] }] },
  ],
});

/** Rows with this label have no loss and no gradient. The default stands for none. */
const sparseAttrs = { ignoreIndex: attr.int(-2147483647) } as const;

const sparseSoftmaxCrossEntropy = defineOp({
  name: 'sparseSoftmaxCrossEntropy',
  inputs: ['logits', 'labels'],
  outputs: ['loss', 'probabilities'],
  attrs: sparseAttrs,
  infer(context) {
    const shape = inferClasses(context, 'logits');
    checkSparseLabels(context, shape[0]);
    return [float32([shape[0]]), float32(shape)];
  },
  run({ inputs, outputs, attrs: { ignoreIndex } }) {
    const [logits, loss, probabilities] = [floats(inputs[0]), floats(outputs[0]), floats(outputs[1])];
    const labels = numbers(inputs[1]);
    const [rows, classes] = outputs[1].shape;
    for (let row = 0; row < rows; row++) {
      const logSum = softmaxRow(logits, probabilities, row * classes, classes);
      const label = labels[row];
      if (label === ignoreIndex) loss[row] = 0;
      else loss[row] = label >= 0 && label < classes ? logSum - logits[row * classes + label] : Number.NaN;
    }
  },
  gradient: (context) => classGradient(context, 'sparseSoftmaxCrossEntropyGrad'),
  cases: [
    { name: 'rows', inputs: [{ shape: [7, 11] }, { shape: [7], dtype: 'int32', values: 'labels', max: 11 }] },
    { name: 'one class', inputs: [{ shape: [3, 1] }, { shape: [3], dtype: 'int32', values: 'labels', max: 1 }] },
    {
      name: 'label out of range',
      inputs: [{ shape: [4, 3] }, { shape: [4], dtype: 'int32', values: [-1, 0, 3, 2147483647] }],
      gradientOf: [],
    },
    {
      name: 'ignored label of a class',
      inputs: [{ shape: [5, 3] }, { shape: [5], dtype: 'int32', values: [1, 0, 2, 1, 0] }],
      attrs: { ignoreIndex: 1 },
    },
    {
      name: 'ignored label out of range',
      inputs: [{ shape: [4, 13] }, { shape: [4], dtype: 'int32', values: [-1, 0, 12, -1] }],
      attrs: { ignoreIndex: -1 },
    },
    { name: 'empty batch', inputs: [{ shape: [0, 4] }, { shape: [0], dtype: 'int32', values: 'labels', max: 4 }] },
  ],
});

const sparseSoftmaxCrossEntropyGrad = defineOp({
  name: 'sparseSoftmaxCrossEntropyGrad',
  inputs: ['probabilities', 'labels', 'dloss'],
  outputs: ['dlogits'],
  attrs: sparseAttrs,
  infer(context) {
    const shape = inferClasses(context, 'probabilities');
    checkSparseLabels(context, shape[0]);
    floatOfShape(context, 2, 'dloss', [shape[0]], 'one per row');
    return [float32(shape)];
  },
  run({ inputs, outputs, attrs: { ignoreIndex } }) {
    const [probabilities, dloss, dlogits] = [floats(inputs[0]), floats(inputs[2]), floats(outputs[0])];
    const labels = numbers(inputs[1]);
    const [rows, classes] = outputs[0].shape;
    for (let row = 0; row < rows; row++) {
      const start = row * classes;
      const label = labels[row];
      if (label === ignoreIndex) {
        dlogits.fill(0, start, start + classes);
        continue;
      }
      const scale = label >= 0 && label < classes ? dloss[row] : Number.NaN;
      for (let c = 0; c < classes; c++) dlogits[start + c] = (probabilities[start + c] - (c === label ? 1 : 0)) * scale;
    }
  },
  cases: [
    {
      name: 'rows',
      inputs: [
        { shape: [7, 11], values: 'probabilities' },
        { shape: [7], dtype: 'int32', values: 'labels', max: 11 },
        { shape: [7] },
      ],
    },
    {
      name: 'label out of range',
      inputs: [
        { shape: [4, 3], values: 'probabilities' },
        { shape: [4], dtype: 'int32', values: [-1, 0, 3, 2147483647] },
        { shape: [4] },
      ],
    },
    {
      name: 'ignored label',
      inputs: [
        { shape: [5, 13], values: 'probabilities' },
        { shape: [5], dtype: 'int32', values: [255, 0, 12, 255, 3] },
        { shape: [5] },
      ],
      attrs: { ignoreIndex: 255 },
    },
    {
      name: 'empty batch',
      inputs: [{ shape: [0, 4] }, { shape: [0], dtype: 'int32', values: 'labels', max: 4 }, { shape: [0] }],
    },
  ],
});

const sigmoidCrossEntropy = defineOp({
  name: 'sigmoidCrossEntropy',
  inputs: ['logits', 'labels'],
  outputs: ['loss'],
  attrs: {},
  infer: (context) => [equalFloats(context, ['logits', 'labels'])],
  run({ inputs, outputs }) {
    const [logits, labels, loss] = [...inputs, ...outputs].map(floats);
    for (let i = 0; i < loss.length; i++) {
      const x = logits[i];
      loss[i] = Math.max(x, 0) - x * labels[i] + Math.log1p(Math.exp(-Math.abs(x)));
    }
  },
  gradient: (context) => [context.emit('sigmoidCrossEntropyGrad', [...context.inputs, context.dOutputs[0]])[0], null],
  flops: (_, outputs) => 4 * sizeOf(outputs[0].shape),
  cases: [
    {
      name: 'rows',
      inputs: [
        { shape: [5, 7], values: 'awayFromZero' },
        { shape: [5, 7], values: 'probabilities' },
      ],
      gradientOf: [0],
    },
    {
      name: 'one column',
      inputs: [
        { shape: [13, 1], values: 'awayFromZero' },
        { shape: [13, 1], values: 'positive' },
      ],
      gradientOf: [0],
    },
    {
      name: 'large logits',
      inputs: [
        { shape: [6], values: [1000, -1000, 90, -90, 0, 20] },
        { shape: [6], values: [1, 0, 0, 1, 0.5, 1] },
      ],
      gradientOf: [],
    },
    { name: 'empty batch', inputs: [{ shape: [0, 1] }, { shape: [0, 1] }], gradientOf: [0] },
  ],
});

const sigmoidCrossEntropyGrad = defineOp({
  name: 'sigmoidCrossEntropyGrad',
  inputs: ['logits', 'labels', 'dloss'],
  outputs: ['dlogits'],
  attrs: {},
  infer: (context) => [equalFloats(context, ['logits', 'labels', 'dloss'])],
  run({ inputs, outputs }) {
    const [logits, labels, dloss, dlogits] = [...inputs, ...outputs].map(floats);
    for (let i = 0; i < dlogits.length; i++) dlogits[i] = (sigmoidOf(logits[i]) - labels[i]) * dloss[i];
  },
  cases: [
    { name: 'rows', inputs: [{ shape: [5, 7] }, { shape: [5, 7], values: 'probabilities' }, { shape: [5, 7] }] },
    { name: 'empty batch', inputs: [{ shape: [0, 1] }, { shape: [0, 1] }, { shape: [0, 1] }] },
  ],
});

export const lossOps = [
  softmaxCrossEntropy,
  softmaxCrossEntropyGrad,
  sparseSoftmaxCrossEntropy,
  sparseSoftmaxCrossEntropyGrad,
  sigmoidCrossEntropy,
  sigmoidCrossEntropyGrad,
];
