// Resampling along one axis of a tensor, any of them: an output is a weighted mean of up to four cells around its place
// in the input, or of all under a kernel as much wider as the axis shrinks (antialiasing). Pixels have their centres at half (as in Keras, and PyTorch's default), or the outer centres are aligned.
// Images and volumes are resized axis by axis, which is exact: the weights are products.

import type { TensorSpec } from '../core/dtype.js';
import { shapeText, sizeOf } from '../core/shape.js';
import { doubles, doublesScratch } from './gemm.js';
import { attr, defineOp, floats, type InferContext, type OpCase, type Value } from './op.js';
import { atLeast, float32, floatInput, within } from './rules.js';

const modes = ['nearest', 'linear', 'cubic'] as const;
type Mode = (typeof modes)[number];

/** For each output the first of its cells, and the weights of that cell and those behind it. */
interface Taps {
  readonly start: Int32Array;
  readonly weights: Float64Array;
  /** Weights per output. */
  readonly count: number;
}

/** Weight of a cell at distance d: the tent, or Keys's cubic (1981) with a = -1/2, as Keras and TensorFlow have it. */
function weightAt(mode: Mode, d: number): number {
  if (mode === 'linear') return Math.max(0, 1 - d);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

type Kernel = Pick<ResizeAttrs, 'mode' | 'alignCorners' | 'antialias'>;

/** How many cells of the input a cell of the kernel is wide. */
const spreadOf = ({ antialias }: Kernel, size: number, outputs: number): number =>
  antialias ? Math.max(1, size / outputs) : 1;

/** Cells that an output takes at most. */
function tapCount(kernel: Kernel, size: number, outputs: number): number {
  const cells = { nearest: 1, linear: 2, cubic: 4 }[kernel.mode];
  return Math.min(size, cells === 1 ? 1 : Math.ceil(cells * spreadOf(kernel, size, outputs)));
}

/** Cells beyond the border are left out, and what is left is weighted to sum to 1. */
function tapsOf(kernel: Kernel, size: number, outputs: number): Taps {
  const { mode, alignCorners } = kernel;
  const count = tapCount(kernel, size, outputs);
  const spread = spreadOf(kernel, size, outputs);
  const start = new Int32Array(outputs);
  const weights = new Float64Array(outputs * count);
  const reach = (mode === 'cubic' ? 2 : 1) * spread;
  for (let o = 0; o < outputs; o++) {
    if (mode === 'nearest') {
      start[o] = Math.floor(((2 * o + 1) * size) / (2 * outputs));
      weights[o] = 1;
      continue;
    }
    const aligned = outputs > 1 ? (o * (size - 1)) / (outputs - 1) : 0;
    const place = alignCorners ? aligned : ((2 * o + 1) * size) / (2 * outputs) - 0.5;
    start[o] = Math.min(Math.max(Math.floor(place - reach) + 1, 0), size - count);
    let sum = 0;
    for (let k = 0; k < count; k++) {
      weights[o * count + k] = weightAt(mode, Math.abs(place - start[o] - k) / spread);
      sum += weights[o * count + k];
    }
    for (let k = 0; k < count; k++) weights[o * count + k] /= sum;
  }
  return { start, weights, count };
}

interface ResizeAttrs {
  readonly axis: number;
  readonly size: number;
  readonly mode: Mode;
  readonly alignCorners: number;
  readonly antialias: number;
}

const resizeAttrs = {
  axis: attr.int(),
  size: attr.int(),
  mode: attr.oneOf(modes, 'nearest'),
  alignCorners: attr.int(0),
  antialias: attr.int(0),
} as const;

function inferResize(context: InferContext<ResizeAttrs>, name: string): TensorSpec[] {
  const { shape } = floatInput(context, 0, name);
  const { axis, size } = context.attrs;
  within(context, 'axis', axis, 0, shape.length);
  atLeast(context, 'size', size, 1);
  if (shape[axis] < 1) context.fail(`'${name}' with at least one cell along axis ${axis}`, shapeText(shape));
  return [float32(shape.map((length, i) => (i === axis ? size : length)))];
}

/** Sizes of what lies before and behind an axis. */
const around = (shape: readonly number[], axis: number): [number, number] => [
  sizeOf(shape.slice(0, axis)),
  sizeOf(shape.slice(axis + 1)),
];

/** Operations for outputs of `shape` on an axis of `size` cells. */
const work = (attrs: ResizeAttrs, size: number, shape: readonly number[]): number =>
  attrs.mode === 'nearest' ? 0 : 2 * tapCount(attrs, size, shape[attrs.axis]) * sizeOf(shape);

const problems: readonly { name: string; shape: readonly number[]; axis: number; size: number }[] = [
  { name: 'rows up', shape: [2, 3, 5, 2], axis: 1, size: 7 },
  { name: 'columns up', shape: [1, 3, 5, 3], axis: 2, size: 10 },
  { name: 'columns down', shape: [2, 2, 11, 17], axis: 2, size: 4 },
  { name: 'far down', shape: [1, 13, 3], axis: 1, size: 2 },
  { name: 'the same size', shape: [2, 5, 3], axis: 1, size: 5 },
  { name: 'from one cell', shape: [2, 1, 3], axis: 1, size: 4 },
  { name: 'from two cells', shape: [1, 2, 3, 1], axis: 1, size: 5 },
  { name: 'to one cell', shape: [2, 7, 3], axis: 1, size: 1 },
  { name: 'last axis', shape: [3, 5], axis: 1, size: 8 },
  { name: 'empty batch', shape: [0, 3, 2], axis: 1, size: 5 },
];

const kernels: readonly Kernel[] = [
  { mode: 'nearest', alignCorners: 0, antialias: 0 },
  { mode: 'linear', alignCorners: 0, antialias: 0 },
  { mode: 'linear', alignCorners: 1, antialias: 0 },
  { mode: 'linear', alignCorners: 0, antialias: 1 },
  { mode: 'cubic', alignCorners: 0, antialias: 0 },
  { mode: 'cubic', alignCorners: 1, antialias: 0 },
  { mode: 'cubic', alignCorners: 0, antialias: 1 },
];

const cases = (
  make: (shape: readonly number[], axis: number, size: number) => Pick<OpCase, 'inputs' | 'attrs'>,
): OpCase[] =>
  kernels.flatMap((kernel) =>
    problems.map(({ name, shape, axis, size }) => {
      const { inputs, attrs } = make(shape, axis, size);
      const special = `${kernel.alignCorners ? ', corners aligned' : ''}${kernel.antialias ? ', antialiased' : ''}`;
      return { name: `${kernel.mode}, ${name}${special}`, inputs, attrs: { axis, ...kernel, ...attrs } };
    }),
  );

const resize = defineOp({
  name: 'resize',
  inputs: ['x'],
  outputs: ['y'],
  attrs: resizeAttrs,
  infer: (context) => inferResize(context, 'x'),
  run({ inputs, outputs, attrs }) {
    const { axis, size } = attrs;
    const [x, y] = [floats(inputs[0]), floats(outputs[0])];
    const shape = inputs[0]?.shape ?? [];
    const [outer, inner] = around(shape, axis);
    const { start, weights, count } = tapsOf(attrs, shape[axis], size);
    for (let row = 0; row < outer * size; row++) {
      const o = row % size;
      const from = (Math.floor(row / size) * shape[axis] + start[o]) * inner;
      for (let i = 0; i < inner; i++) {
        let sum = weights[o * count] * x[from + i];
        for (let k = 1; k < count; k++) sum += weights[o * count + k] * x[from + k * inner + i];
        y[row * inner + i] = sum;
      }
    }
  },
  gradient(context) {
    const size = (context.inputs[0] as Value).shape[context.attrs.axis];
    return context.emit('resizeGrad', [context.dOutputs[0]], { ...context.attrs, size });
  },
  flops: (inputs, outputs, attrs) => work(attrs, inputs[0]?.shape[attrs.axis] ?? 1, outputs[0].shape),
  cases: cases((shape, _, size) => ({ inputs: [{ shape }], attrs: { size } })),
});

const resizeGrad = defineOp({
  name: 'resizeGrad',
  inputs: ['dy'],
  outputs: ['dx'],
  attrs: resizeAttrs,
  infer: (context) => inferResize(context, 'dy'),
  run({ inputs, outputs, attrs, scratch }) {
    const { axis, size } = attrs;
    const [dy, dx] = [floats(inputs[0]), floats(outputs[0])];
    const shape = inputs[0]?.shape ?? [];
    const [outer, inner] = around(shape, axis);
    const { start, weights, count } = tapsOf(attrs, size, shape[axis]);
    const sums = doubles(scratch, size * inner);
    for (let block = 0; block < outer; block++) {
      sums.fill(0);
      for (let o = 0; o < shape[axis]; o++) {
        const from = (block * shape[axis] + o) * inner;
        for (let k = 0; k < count; k++) {
          const to = (start[o] + k) * inner;
          for (let i = 0; i < inner; i++) sums[to + i] += weights[o * count + k] * dy[from + i];
        }
      }
      dx.set(sums, block * size * inner);
    }
  },
  gradient(context) {
    const size = (context.inputs[0] as Value).shape[context.attrs.axis];
    return context.emit('resize', [context.dOutputs[0]], { ...context.attrs, size });
  },
  scratch: (_, outputs, { axis }) => doublesScratch(sizeOf(outputs[0].shape.slice(axis))),
  flops: (inputs, _, attrs) => work(attrs, attrs.size, inputs[0]?.shape ?? []),
  cases: cases((shape, axis, size) => ({
    inputs: [{ shape: shape.map((length, i) => (i === axis ? size : length)) }],
    attrs: { size: shape[axis] },
  })),
});

export const resizeOps = [resize, resizeGrad];
