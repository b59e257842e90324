// Sums and means over axes, and their opposite: repetition to a larger shape. Sums are kept in doubles until the end.

import { broadcastShapes, broadcastStrides, sameShape, shapeText, sizeOf, stridesOf } from '../core/shape.js';
import { doubles, doublesScratch } from './gemm.js';
import { type AnyOp, attr, defineOp, type Emitter, floats, type InferContext, type OpCase, type Value } from './op.js';
import { atLeast, float32, floatInput } from './rules.js';
import { copyStrided, forEachRow } from './strided.js';

/** `shape` with the reduced axes set to 1. */
function keptShape(shape: readonly number[], axes: readonly number[]): number[] {
  return shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
}

function checkAxes(context: InferContext, axes: readonly number[], shape: readonly number[]): void {
  const ascending = axes.every((axis, i) => axis >= 0 && axis < shape.length && (i === 0 || axis > axes[i - 1]));
  if (ascending) return;
  context.fail(`axes of ${shapeText(shape)}, ascending, each once`, axes, undefined, 'ERR_OCELLUS_ARGUMENT');
}

function reduceOp(name: string, isMean: boolean, cases: readonly OpCase[]): AnyOp {
  return defineOp({
    name,
    inputs: ['x'],
    outputs: ['y'],
    attrs: { axes: attr.shape(), keepDims: attr.int(0) },
    infer(context) {
      const { shape } = floatInput(context, 0, 'x');
      const { axes, keepDims } = context.attrs;
      checkAxes(context, axes, shape);
      return [float32(keepDims ? keptShape(shape, axes) : shape.filter((_, axis) => !axes.includes(axis)))];
    },
    run({ inputs, outputs, attrs: { axes }, scratch }) {
      const [x, y] = [floats(inputs[0]), floats(outputs[0])];
      const shape = inputs[0]?.shape ?? [];
      const sums = doubles(scratch, y.length);
      sums.fill(0);
      const sumStrides = broadcastStrides(keptShape(shape, axes), shape);
      forEachRow(shape, [stridesOf(shape), sumStrides], (length, [from, to], [fromStep, toStep]) => {
        if (toStep === 0) {
          let sum = 0;
          for (let i = 0; i < length; i++) sum += x[from + i * fromStep];
          sums[to] += sum;
        } else for (let i = 0; i < length; i++) sums[to + i * toStep] += x[from + i * fromStep];
      });
      const count = isMean ? sizeOf(axes.map((axis) => shape[axis])) : 1;
      for (let i = 0; i < y.length; i++) y[i] = sums[i] / count;
    },
    gradient(context) {
      const { shape } = context.inputs[0] as Value;
      const { axes } = context.attrs;
      let dy = reshaped(context, context.dOutputs[0] as Value, keptShape(shape, axes));
      if (isMean) {
        const count = sizeOf(axes.map((axis: number) => shape[axis]));
        dy = context.emit('rescale', [dy], { scale: 1 / count, offset: 0 })[0];
      }
      return [broadcast(context, dy, shape)];
    },
    flops: (inputs) => sizeOf(inputs[0]?.shape ?? []),
    scratch: (_, outputs) => doublesScratch(sizeOf(outputs[0].shape)),
    cases,
  });
}

function reshaped(emitter: Emitter, value: Value, shape: readonly number[]): Value {
  return sameShape(value.shape, shape) ? value : emitter.emit('reshape', [value], { shape })[0];
}

function broadcast(emitter: Emitter, value: Value, shape: readonly number[]): Value {
  return sameShape(value.shape, shape) ? value : emitter.emit('broadcastTo', [value], { shape })[0];
}

/** Emits the sum of `value` over the axes along which `shape` was broadcast to it. */
export function sumTo(emitter: Emitter, value: Value, shape: readonly number[]): Value {
  const shift = value.shape.length - shape.length;
  const axes = value.shape.flatMap((size, axis) =>
    axis < shift || (shape[axis - shift] === 1 && size !== 1) ? [axis] : [],
  );
  const sum = axes.length === 0 ? value : emitter.emit('reduceSum', [value], { axes, keepDims: 0 })[0];
  return reshaped(emitter, sum, shape);
}

/** Emits the sum over all axes but the last: the gradient of a value per channel. */
export function sumPerChannel(emitter: Emitter, value: Value): Value {
  return sumTo(emitter, value, value.shape.slice(-1));
}

const commonCases: readonly OpCase[] = [
  { name: 'rows', inputs: [{ shape: [5, 11] }], attrs: { axes: [1] } },
  { name: 'columns', inputs: [{ shape: [13, 3] }], attrs: { axes: [0] } },
  { name: 'per channel', inputs: [{ shape: [2, 5, 7, 3] }], attrs: { axes: [0, 1, 2] } },
  { name: 'image, axes kept', inputs: [{ shape: [2, 5, 7, 3] }], attrs: { axes: [1, 2], keepDims: 1 } },
  { name: 'alternating axes', inputs: [{ shape: [2, 3, 5, 3] }], attrs: { axes: [0, 2] } },
  { name: 'alternating axes, kept', inputs: [{ shape: [3, 2, 3, 5] }], attrs: { axes: [1, 3], keepDims: 1 } },
  { name: 'all axes', inputs: [{ shape: [3, 5, 2] }], attrs: { axes: [0, 1, 2] } },
  { name: 'no axes', inputs: [{ shape: [3, 5] }], attrs: { axes: [] } },
  { name: 'axes of size 1', inputs: [{ shape: [1, 7, 1] }], attrs: { axes: [0, 2] } },
  { name: 'scalar', inputs: [{ shape: [] }], attrs: { axes: [] } },
  { name: 'long, far from zero', inputs: [{ shape: [3001], values: 'positive' }], attrs: { axes: [0] } },
  { name: 'empty batch, other axis', inputs: [{ shape: [0, 3] }], attrs: { axes: [1] } },
];

const reduceSum = reduceOp('reduceSum', false, [
  ...commonCases,
  { name: 'empty axis gives zero', inputs: [{ shape: [0, 3] }], attrs: { axes: [0] } },
]);
const reduceMean = reduceOp('reduceMean', true, commonCases);

const broadcastTo = defineOp({
  name: 'broadcastTo',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { shape: attr.shape() },
  infer(context) {
    const { shape } = floatInput(context, 0, 'x');
    const target = context.attrs.shape;
    atLeast(context, 'shape', target, 0);
    const joined = broadcastShapes(shape, target);
    if (!joined || !sameShape(joined, target)) {
      context.fail(`'x' that broadcasts to ${shapeText(target)}`, shapeText(shape), 'sizes must be equal or 1 in x');
    }
    return [float32(target)];
  },
  run({ inputs, outputs, attrs: { shape } }) {
    const from = { data: floats(inputs[0]), strides: broadcastStrides(inputs[0]?.shape ?? [], shape) };
    copyStrided(shape, from, { data: floats(outputs[0]), strides: stridesOf(shape) });
  },
  gradient: (context) => [sumTo(context, context.dOutputs[0] as Value, (context.inputs[0] as Value).shape)],
  cases: [
    { name: 'scalar', inputs: [{ shape: [] }], attrs: { shape: [3, 5] } },
    { name: 'row', inputs: [{ shape: [7] }], attrs: { shape: [5, 7] } },
    { name: 'column', inputs: [{ shape: [5, 1] }], attrs: { shape: [5, 11] } },
    { name: 'image axes', inputs: [{ shape: [2, 1, 1, 3] }], attrs: { shape: [2, 5, 7, 3] } },
    { name: 'same shape', inputs: [{ shape: [3, 2] }], attrs: { shape: [3, 2] } },
    { name: 'outer and inner', inputs: [{ shape: [3, 1] }], attrs: { shape: [2, 3, 5] } },
    { name: 'to nothing', inputs: [{ shape: [1, 3] }], attrs: { shape: [0, 3] } },
  ],
});

export const reduceOps = [reduceSum, reduceMean, broadcastTo];
