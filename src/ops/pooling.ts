// Maximum and average over windows of an image, NHWC. Padded cells never win and, unless countIncludePad, do not count.
// The maximum remembers where in its window it stood, so that the gradient needs neither x nor y.

import type { DType, TensorSpec } from '../core/dtype.js';
import { sameShape, shapeText } from '../core/shape.js';
import { doubles, doublesScratch } from './gemm.js';
import { attr, defineOp, floats, type InferContext, numbers, type OpCase } from './op.js';
import { type Geometry, geometryOf, pixelCount, tapPositions } from './patches.js';
import { atLeast, float32, floatInput, floatOfShape, input, positiveSizes } from './rules.js';
import { outputSizes } from './windows.js';

interface PoolAttrs {
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly number[];
}

const poolAttrs = { poolSize: attr.ints(2), strides: attr.ints(2), padding: attr.ints(4, [0, 0, 0, 0]) } as const;

function geometry(
  image: TensorSpec | null,
  output: TensorSpec | null,
  { poolSize, strides, padding }: PoolAttrs,
): Geometry {
  const attrs = { strides, padding, dilation: [1, 1], groups: 1 };
  return geometryOf(image?.shape ?? [], output?.shape ?? [], poolSize, attrs);
}

/** Checks the attributes and returns the number of windows along both axes. */
function windowsOf(context: InferContext<PoolAttrs>, inputSize: readonly number[]): number[] {
  const { poolSize, strides, padding } = context.attrs;
  atLeast(context, 'poolSize', poolSize, 1);
  atLeast(context, 'strides', strides, 1);
  atLeast(context, 'padding', padding, 0);
  if (padding.some((side, i) => side >= poolSize[i >> 1])) {
    const help = 'a window would lie in the padding alone';
    context.fail(`padding smaller than the pool of ${shapeText(poolSize)}`, padding, help, 'ERR_OCELLUS_ARGUMENT');
  }
  const windows = outputSizes({ inputSize, kernelSize: poolSize, strides }, padding);
  if (windows.some((count) => count < 1)) {
    const padded = inputSize.map((size, axis) => size + padding[2 * axis] + padding[2 * axis + 1]);
    const help = "a smaller pool, padding: 'same', or fewer poolings and strides before";
    context.fail(`a pool that fits into the padded input of ${shapeText(padded)}`, shapeText(poolSize), help);
  }
  return windows;
}

function inferPool(context: InferContext<PoolAttrs>): number[] {
  const x = floatInput(context, 0, 'x', 4);
  positiveSizes(context, 'x', x);
  const [batch, height, width, channels] = x.shape;
  return [batch, ...windowsOf(context, [height, width]), channels];
}

/** Shape of the image whose pooling has the shape of dy. */
function inferPoolGrad(
  context: InferContext<PoolAttrs & { inputSize: readonly number[] }>,
  dy: TensorSpec,
): TensorSpec {
  const { inputSize } = context.attrs;
  atLeast(context, 'inputSize', inputSize, 1);
  const windows = windowsOf(context, inputSize);
  const size = dy.shape.slice(1, 3);
  if (!sameShape(windows, size)) {
    context.fail(`'dy' of ${shapeText(windows)} pixels, the windows over ${shapeText(inputSize)}`, shapeText(size));
  }
  return float32([dy.shape[0], ...inputSize, dy.shape[3]]);
}

/** Positions in a window fit into a byte unless it is very large. */
const indexType = (poolSize: readonly number[]): DType => (poolSize[0] * poolSize[1] <= 256 ? 'uint8' : 'int32');

interface Problem {
  name: string;
  image: readonly [number, number, number, number];
  poolSize: readonly number[];
  strides: readonly number[];
  padding?: readonly number[];
}

const problems: readonly Problem[] = [
  { name: '2x2', image: [2, 6, 8, 3], poolSize: [2, 2], strides: [2, 2] },
  { name: 'a rest is left out', image: [1, 7, 5, 5], poolSize: [2, 2], strides: [2, 2] },
  { name: 'partial windows at the end', image: [2, 5, 7, 3], poolSize: [2, 2], strides: [2, 2], padding: [0, 1, 0, 1] },
  { name: 'overlapping', image: [1, 7, 9, 2], poolSize: [3, 3], strides: [2, 2] },
  { name: 'overlapping, padded', image: [2, 5, 6, 3], poolSize: [3, 3], strides: [1, 1], padding: [1, 1, 1, 1] },
  { name: 'asymmetric', image: [1, 7, 8, 2], poolSize: [3, 4], strides: [2, 1], padding: [2, 0, 1, 3] },
  { name: 'gaps between windows', image: [1, 8, 9, 2], poolSize: [2, 2], strides: [3, 4] },
  { name: 'one row', image: [2, 1, 11, 3], poolSize: [1, 3], strides: [1, 2], padding: [0, 0, 1, 1] },
  { name: '1x1', image: [2, 3, 5, 2], poolSize: [1, 1], strides: [1, 1] },
  { name: 'whole image', image: [3, 5, 7, 2], poolSize: [5, 7], strides: [1, 1] },
  { name: 'window of 289 cells', image: [1, 18, 17, 2], poolSize: [17, 17], strides: [1, 1] },
  { name: 'many channels', image: [1, 4, 4, 37], poolSize: [2, 2], strides: [2, 2] },
  { name: 'empty batch', image: [0, 4, 4, 2], poolSize: [2, 2], strides: [2, 2] },
];

function sizesOf({ image, poolSize, strides, padding = [0, 0, 0, 0] }: Problem) {
  const inputSize = [image[1], image[2]];
  const windows = outputSizes({ inputSize, kernelSize: poolSize, strides }, padding);
  return { inputSize, output: [image[0], ...windows, image[3]], attrs: { poolSize, strides, padding } };
}

const maxPool2d = defineOp({
  name: 'maxPool2d',
  inputs: ['x'],
  outputs: ['y', 'indices'],
  attrs: poolAttrs,
  infer(context) {
    const shape = inferPool(context);
    return [float32(shape), { shape, dtype: indexType(context.attrs.poolSize) }];
  },
  run({ inputs, outputs, attrs }) {
    const [x, y, indices] = [floats(inputs[0]), floats(outputs[0]), numbers(outputs[1])];
    const g = geometry(inputs[0], outputs[0], attrs);
    const pixels = pixelCount(g);
    const positions = new Int32Array(g.kernelHeight * g.kernelWidth);
    for (let pixel = 0; pixel < pixels; pixel++) {
      tapPositions(g, pixel, positions);
      const to = pixel * g.channels;
      const first = positions.findIndex((position) => position >= 0);
      for (let c = 0; c < g.channels; c++) {
        y[to + c] = x[positions[first] + c];
        indices[to + c] = first;
      }
      for (let tap = first + 1; tap < positions.length; tap++) {
        const from = positions[tap];
        if (from < 0) continue;
        for (let c = 0; c < g.channels; c++) {
          const value = x[from + c];
          const best = y[to + c];
          // The second half lets the first NaN win.
          if (value > best || (Number.isNaN(value) && !Number.isNaN(best))) {
            y[to + c] = value;
            indices[to + c] = tap;
          }
        }
      }
    }
  },
  gradient(context) {
    const inputSize = context.inputs[0]?.shape.slice(1, 3);
    return context.emit('maxPool2dGrad', [context.outputs[1], context.dOutputs[0]], { inputSize, ...context.attrs });
  },
  cases: [
    ...problems.map(
      (problem): OpCase => ({
        name: problem.name,
        inputs: [{ shape: problem.image, values: 'distinct' }],
        attrs: sizesOf(problem).attrs,
      }),
    ),
    {
      name: 'equal values: the first wins',
      inputs: [{ shape: [1, 2, 4, 1], values: [1, 1, 0, 0, 1, 1, 0, 0] }],
      attrs: { poolSize: [2, 2], strides: [2, 2] },
      gradientOf: [],
    },
    {
      name: 'all negative, padded',
      inputs: [{ shape: [1, 2, 2, 1], values: [-4, -3, -2, -1] }],
      attrs: { poolSize: [2, 2], strides: [1, 1], padding: [1, 1, 1, 1] },
      gradientOf: [],
    },
    {
      name: 'NaN and -Infinity',
      inputs: [
        { shape: [1, 2, 4, 1], values: [3, Number.NaN, -Infinity, -Infinity, Number.NaN, 5, -Infinity, -Infinity] },
      ],
      attrs: { poolSize: [2, 2], strides: [2, 2] },
      gradientOf: [],
    },
  ],
});

const maxPool2dGrad = defineOp({
  name: 'maxPool2dGrad',
  inputs: ['indices', 'dy'],
  outputs: ['dx'],
  attrs: { inputSize: attr.ints(2), ...poolAttrs },
  infer(context) {
    const indices = input(context, 0, 'indices', indexType(context.attrs.poolSize), 4);
    return [inferPoolGrad(context, floatOfShape(context, 1, 'dy', indices.shape, "the shape of 'indices'"))];
  },
  run({ inputs, outputs, attrs }) {
    const [indices, dy, dx] = [numbers(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    const g = geometry(outputs[0], inputs[1], attrs);
    const pixels = pixelCount(g);
    const positions = new Int32Array(g.kernelHeight * g.kernelWidth);
    dx.fill(0);
    for (let pixel = 0; pixel < pixels; pixel++) {
      tapPositions(g, pixel, positions);
      const from = pixel * g.channels;
      for (let c = 0; c < g.channels; c++) dx[positions[indices[from + c]] + c] += dy[from + c];
    }
  },
  cases: problems.map((problem): OpCase => {
    const { inputSize, output, attrs } = sizesOf(problem);
    const dtype = indexType(problem.poolSize);
    const indices = { shape: output, dtype, values: realTaps(problem) };
    return { name: problem.name, inputs: [indices, { shape: output }], attrs: { inputSize, ...attrs } };
  }),
});

/** Indices for a test: each element another cell of its window, never one in the padding. */
function realTaps(problem: Problem): number[] {
  const { output, attrs } = sizesOf(problem);
  const g = geometry({ shape: problem.image, dtype: 'float32' }, { shape: output, dtype: 'float32' }, attrs);
  const positions = new Int32Array(g.kernelHeight * g.kernelWidth);
  const indices: number[] = [];
  for (let pixel = 0; pixel < pixelCount(g); pixel++) {
    tapPositions(g, pixel, positions);
    const real = [...positions.keys()].filter((tap) => positions[tap] >= 0);
    for (let c = 0; c < g.channels; c++) indices.push(real[(7 * pixel + 3 * c) % real.length]);
  }
  return indices;
}

/** What the sum of a window is divided by. */
function divisorOf(positions: Int32Array, countIncludePad: number): number {
  if (countIncludePad) return positions.length;
  let count = 0;
  for (let tap = 0; tap < positions.length; tap++) if (positions[tap] >= 0) count++;
  return count;
}

const averageAttrs = { ...poolAttrs, countIncludePad: attr.int(0) } as const;

const averagePool2d = defineOp({
  name: 'averagePool2d',
  inputs: ['x'],
  outputs: ['y'],
  attrs: averageAttrs,
  infer: (context) => [float32(inferPool(context))],
  run({ inputs, outputs, attrs, scratch }) {
    const [x, y] = [floats(inputs[0]), floats(outputs[0])];
    const g = geometry(inputs[0], outputs[0], attrs);
    const pixels = pixelCount(g);
    const positions = new Int32Array(g.kernelHeight * g.kernelWidth);
    const sums = doubles(scratch, g.channels);
    for (let pixel = 0; pixel < pixels; pixel++) {
      tapPositions(g, pixel, positions);
      sums.fill(0);
      for (let tap = 0; tap < positions.length; tap++) {
        const from = positions[tap];
        if (from < 0) continue;
        for (let c = 0; c < g.channels; c++) sums[c] += x[from + c];
      }
      const divisor = divisorOf(positions, attrs.countIncludePad);
      const to = pixel * g.channels;
      for (let c = 0; c < g.channels; c++) y[to + c] = sums[c] / divisor;
    }
  },
  gradient(context) {
    const inputSize = context.inputs[0]?.shape.slice(1, 3);
    return context.emit('averagePool2dGrad', [context.dOutputs[0]], { inputSize, ...context.attrs });
  },
  scratch: (inputs) => doublesScratch(inputs[0]?.shape[3] ?? 0),
  cases: averageCases((problem) => ({ inputs: [{ shape: problem.image }], attrs: {} })),
});

const averagePool2dGrad = defineOp({
  name: 'averagePool2dGrad',
  inputs: ['dy'],
  outputs: ['dx'],
  attrs: { inputSize: attr.ints(2), ...averageAttrs },
  infer: (context) => [inferPoolGrad(context, floatInput(context, 0, 'dy', 4))],
  run({ inputs, outputs, attrs }) {
    const [dy, dx] = [floats(inputs[0]), floats(outputs[0])];
    const g = geometry(outputs[0], inputs[0], attrs);
    const pixels = pixelCount(g);
    const positions = new Int32Array(g.kernelHeight * g.kernelWidth);
    dx.fill(0);
    for (let pixel = 0; pixel < pixels; pixel++) {
      tapPositions(g, pixel, positions);
      const divisor = divisorOf(positions, attrs.countIncludePad);
      const from = pixel * g.channels;
      for (let tap = 0; tap < positions.length; tap++) {
        const to = positions[tap];
        if (to < 0) continue;
        for (let c = 0; c < g.channels; c++) dx[to + c] += dy[from + c] / divisor;
      }
    }
  },
  gradient(context) {
    const { inputSize: _, ...attrs } = context.attrs;
    return context.emit('averagePool2d', [context.dOutputs[0]], attrs);
  },
  cases: averageCases((problem) => {
    const { inputSize, output } = sizesOf(problem);
    return { inputs: [{ shape: output }], attrs: { inputSize } };
  }),
});

/** Every problem, and the padded ones with their padding counted too. */
function averageCases(make: (problem: Problem) => Required<Pick<OpCase, 'inputs' | 'attrs'>>): OpCase[] {
  return problems.flatMap((problem) =>
    (problem.padding ? [0, 1] : [0]).map((countIncludePad) => {
      const { inputs, attrs } = make(problem);
      const name = countIncludePad ? `${problem.name}, padding counted` : problem.name;
      return { name, inputs, attrs: { ...attrs, ...sizesOf(problem).attrs, countIncludePad } };
    }),
  );
}

export const poolingOps = [maxPool2d, maxPool2dGrad, averagePool2d, averagePool2dGrad];
