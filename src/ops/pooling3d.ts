// Max pooling over volumes [batch, depth, height, width, channels] (images are volumes of depth 1) that tells where each
// maximum stands: indices count the cells of a sample's channel, (z * height + y) * width + x, as PyTorch's do. Windows
// are strided and dilated, adaptive (PyTorch), or fractional (Graham 2014). Gradients go through maxUnpool.

import type { TensorSpec } from '../core/dtype.js';
import { philox } from '../core/random.js';
import { shapeText, sizeOf } from '../core/shape.js';
import {
  type AxisWindows,
  adaptiveWindows,
  fractionalWindows,
  maxOfBoxes,
  stridedWindows,
  volumeInput,
} from './boxes.js';
import {
  type AttrSchema,
  attr,
  defineOp,
  floats,
  type GradientContext,
  type InferContext,
  numbers,
  type OpCase,
  type Value,
} from './op.js';
import { atLeast, float32, input, within } from './rules.js';
import { kernelSpan, outputSizes } from './windows.js';

/** y and indices of the pooling of `x` into this many windows. */
function pooled(x: TensorSpec, windows: readonly number[]): TensorSpec[] {
  const shape = [x.shape[0], ...windows, x.shape[4]];
  return [float32(shape), { shape, dtype: 'int32' }];
}

function routeBack(context: GradientContext): Value {
  const inputSize = (context.inputs[0] as Value).shape.slice(1, 4);
  const [dy, indices] = [context.dOutputs[0], context.outputs[1]];
  return context.emit('maxUnpool', [dy, indices], { outputSize: inputSize, accumulate: 1 })[0];
}

interface StridedAttrs {
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
}

const axesOf = (size: readonly number[], counts: readonly number[], attrs: StridedAttrs): AxisWindows[] =>
  size.map((length, axis) =>
    stridedWindows(
      length,
      counts[axis],
      attrs.poolSize[axis],
      attrs.strides[axis],
      attrs.padding[2 * axis],
      attrs.dilation[axis],
    ),
  );

function inferStrided(context: InferContext<StridedAttrs>): TensorSpec[] {
  const x = volumeInput(context, 0, 'x');
  const { poolSize, strides, padding, dilation } = context.attrs;
  atLeast(context, 'poolSize', poolSize, 1);
  atLeast(context, 'strides', strides, 1);
  atLeast(context, 'dilation', dilation, 1);
  atLeast(context, 'padding', padding, 0);
  const inputSize = x.shape.slice(1, 4);
  const counts = outputSizes({ inputSize, kernelSize: poolSize, strides, dilation }, padding);
  if (counts.some((count) => count < 1)) {
    const padded = inputSize.map((size, axis) => size + padding[2 * axis] + padding[2 * axis + 1]);
    const span = poolSize.map((pool, axis) => kernelSpan(pool, dilation[axis]));
    context.fail(`a pool that fits into the padded input of ${shapeText(padded)}`, shapeText(span));
  }
  const empty = axesOf(inputSize, counts, context.attrs).some(({ first, last }) => first.some((f, w) => f >= last[w]));
  if (empty) {
    const help = 'a window would lie in the padding alone';
    context.fail(`padding smaller than the pool of ${shapeText(poolSize)}`, padding, help, 'ERR_OCELLUS_ARGUMENT');
  }
  return pooled(x, counts);
}

interface Problem {
  name: string;
  volume: readonly number[];
  poolSize: readonly number[];
  strides: readonly number[];
  padding?: readonly number[];
  dilation?: readonly number[];
}

const problems: readonly Problem[] = [
  { name: '2x2x2', volume: [2, 4, 6, 2, 3], poolSize: [2, 2, 2], strides: [2, 2, 2] },
  { name: 'a rest is left out', volume: [1, 3, 5, 7, 2], poolSize: [2, 2, 2], strides: [2, 2, 2] },
  {
    name: 'overlapping, padded',
    volume: [1, 3, 5, 4, 3],
    poolSize: [2, 3, 3],
    strides: [1, 2, 1],
    padding: [1, 0, 1, 1, 2, 1],
  },
  { name: 'gaps between windows', volume: [1, 5, 7, 8, 1], poolSize: [1, 2, 2], strides: [2, 3, 4] },
  {
    name: 'dilated image',
    volume: [2, 1, 7, 8, 3],
    poolSize: [1, 3, 2],
    strides: [1, 1, 2],
    dilation: [1, 2, 3],
    padding: [0, 0, 2, 1, 1, 2],
  },
  { name: 'dilated volume', volume: [1, 5, 5, 6, 2], poolSize: [2, 2, 2], strides: [1, 2, 1], dilation: [3, 2, 4] },
  { name: 'axes of size 1', volume: [1, 1, 1, 5, 1], poolSize: [1, 1, 2], strides: [1, 1, 1] },
  { name: 'many channels', volume: [1, 2, 3, 2, 37], poolSize: [2, 2, 2], strides: [1, 1, 1] },
  { name: 'whole volume', volume: [2, 2, 3, 5, 2], poolSize: [2, 3, 5], strides: [1, 1, 1] },
  { name: 'empty batch', volume: [0, 2, 2, 2, 2], poolSize: [2, 2, 2], strides: [2, 2, 2] },
];

const maxPool3d = defineOp({
  name: 'maxPool3d',
  inputs: ['x'],
  outputs: ['y', 'indices'],
  attrs: {
    poolSize: attr.ints(3),
    strides: attr.ints(3),
    padding: attr.ints(6, [0, 0, 0, 0, 0, 0]),
    dilation: attr.ints(3, [1, 1, 1]),
  },
  infer: inferStrided,
  run({ inputs, outputs, attrs }) {
    const shape = inputs[0]?.shape ?? [];
    const windows = axesOf(shape.slice(1, 4), outputs[0].shape.slice(1, 4), attrs);
    maxOfBoxes(floats(inputs[0]), shape, windows, floats(outputs[0]), numbers(outputs[1]));
  },
  gradient: (context) => [routeBack(context)],
  cases: [
    ...problems.map(
      ({ name, volume, ...attrs }): OpCase => ({ name, inputs: [{ shape: volume, values: 'distinct' }], attrs }),
    ),
    {
      name: 'equal values: the first wins',
      inputs: [{ shape: [1, 1, 2, 4, 1], values: [1, 1, 0, 0, 1, 1, 0, 0] }],
      attrs: { poolSize: [1, 2, 2], strides: [1, 2, 2] },
      gradientOf: [],
    },
    {
      name: 'NaN and -Infinity',
      inputs: [
        { shape: [1, 2, 1, 4, 1], values: [3, Number.NaN, -Infinity, -Infinity, Number.NaN, 5, -Infinity, -Infinity] },
      ],
      attrs: { poolSize: [2, 1, 2], strides: [2, 1, 2] },
      gradientOf: [],
    },
  ],
});

const adaptiveProblems: readonly { name: string; volume: readonly number[]; outputSize: readonly number[] }[] = [
  { name: 'even', volume: [2, 4, 6, 9, 3], outputSize: [2, 3, 3] },
  { name: 'uneven', volume: [1, 5, 7, 11, 2], outputSize: [3, 2, 4] },
  { name: 'more windows than cells', volume: [1, 2, 3, 2, 3], outputSize: [3, 5, 4] },
  { name: 'one window', volume: [2, 3, 5, 2, 5], outputSize: [1, 1, 1] },
  { name: 'image', volume: [2, 1, 7, 5, 17], outputSize: [1, 3, 4] },
  { name: 'empty batch', volume: [0, 2, 2, 2, 2], outputSize: [1, 2, 1] },
];

/** Rejects sizes that no window fits: shared by the adaptive poolings. */
function inferAdaptive(context: InferContext<{ readonly outputSize: readonly number[] }>): TensorSpec {
  const x = volumeInput(context, 0, 'x');
  atLeast(context, 'outputSize', context.attrs.outputSize, 1);
  return x;
}

const adaptiveMaxPool3d = defineOp({
  name: 'adaptiveMaxPool3d',
  inputs: ['x'],
  outputs: ['y', 'indices'],
  attrs: { outputSize: attr.ints(3) },
  infer: (context) => pooled(inferAdaptive(context), context.attrs.outputSize),
  run({ inputs, outputs, attrs: { outputSize } }) {
    const shape = inputs[0]?.shape ?? [];
    const windows = outputSize.map((count, axis) => adaptiveWindows(shape[axis + 1], count));
    maxOfBoxes(floats(inputs[0]), shape, windows, floats(outputs[0]), numbers(outputs[1]));
  },
  gradient: (context) => [routeBack(context)],
  cases: adaptiveProblems.map(({ name, volume, outputSize }) => ({
    name,
    inputs: [{ shape: volume, values: 'distinct' }],
    attrs: { outputSize },
  })),
});

/** Three numbers in [0, 1) from (seed, step, salt), or those given. */
function samplesOf(seed: ArrayLike<number> | undefined, salt: number, samples: readonly number[]): number[] {
  if (!seed) return samples.map(Math.fround);
  const words = new Uint32Array(4);
  philox(words, 0, 0, salt, seed[1], seed[0], 0);
  return [0, 1, 2].map((axis) => (words[axis] >>> 8) / 16777216);
}

const fractional = (
  name: string,
  volume: readonly number[],
  poolSize: readonly number[],
  outputSize: readonly number[],
  samples: readonly number[],
): OpCase => ({
  name,
  inputs: [{ shape: volume, values: 'distinct' }, null],
  attrs: { poolSize, outputSize, samples },
  gradientOf: [0],
});

const fractionalAttrs = {
  poolSize: attr.ints(3),
  outputSize: attr.ints(3),
  samples: { kind: 'float', count: 3, fallback: [0.5, 0.5, 0.5] },
  salt: attr.int(0),
} as const satisfies AttrSchema;

const fractionalMaxPool3d = defineOp({
  name: 'fractionalMaxPool3d',
  inputs: ['x', 'seed?'],
  outputs: ['y', 'indices'],
  attrs: fractionalAttrs,
  infer(context) {
    const x = volumeInput(context, 0, 'x');
    const { poolSize, outputSize, samples } = context.attrs;
    atLeast(context, 'poolSize', poolSize, 1);
    atLeast(context, 'outputSize', outputSize, 1);
    for (const sample of samples) within(context, 'samples', sample, 0, 1);
    const room = x.shape.slice(1, 4).map((size, axis) => size - poolSize[axis] + 1);
    if (outputSize.some((count, axis) => count > room[axis])) {
      const help = 'each window must start at another cell';
      context.fail(
        `outputSize of at most ${shapeText(room)} (pool ${shapeText(poolSize)})`,
        shapeText(outputSize),
        help,
      );
    }
    if (context.inputs[1] && sizeOf(input(context, 1, 'seed', 'int32', 1).shape) !== 2) {
      context.fail("'seed' of two numbers (seed, step)", sizeOf(context.inputs[1].shape));
    }
    return pooled(x, outputSize);
  },
  run({ inputs, outputs, attrs: { poolSize, outputSize, samples, salt } }) {
    const shape = inputs[0]?.shape ?? [];
    const drawn = samplesOf(inputs[1]?.data, salt, samples);
    const windows = outputSize.map((count, axis) =>
      fractionalWindows(shape[axis + 1], count, poolSize[axis], drawn[axis]),
    );
    maxOfBoxes(floats(inputs[0]), shape, windows, floats(outputs[0]), numbers(outputs[1]));
  },
  gradient: (context) => [routeBack(context), null],
  cases: [
    fractional('image', [2, 1, 7, 9, 3], [1, 2, 2], [1, 4, 5], [0, 0.25, 0.75]),
    fractional('volume', [1, 5, 7, 6, 2], [2, 3, 2], [3, 4, 5], [0.125, 0.5, 0.875]),
    fractional('one window', [1, 2, 5, 3, 17], [1, 2, 3], [1, 1, 1], [0.5, 0.5, 0.5]),
    fractional('every cell', [1, 1, 3, 5, 2], [1, 1, 1], [1, 3, 5], [0, 0.9, 0.1]),
    fractional('empty batch', [0, 1, 5, 5, 2], [1, 2, 2], [1, 3, 3], [0, 0, 0]),
    {
      name: 'drawn from a seed',
      inputs: [
        { shape: [2, 3, 11, 13, 2], values: 'distinct' },
        { shape: [2], dtype: 'int32', values: [42, 7] },
      ],
      attrs: { poolSize: [1, 2, 2], outputSize: [2, 7, 9], salt: -3 },
      gradientOf: [0],
    },
  ],
});

export const pooling3dOps = [maxPool3d, adaptiveMaxPool3d, fractionalMaxPool3d];
