// The way back from max pooling: every value returns to the cell that its index names. As an op of its own (SegNet,
// Badrinarayanan et al. 2015) and, adding up where windows share a maximum, as the gradient of max pooling.

import { sameShape, shapeText, sizeOf } from '../core/shape.js';
import { attr, defineOp, floats, type InferContext, numbers, type OpCase, type Value } from './op.js';
import { atLeast, float32, floatInput, input, positiveSizes } from './rules.js';

/** Shape of the volume, for values and indices of one shape. */
function inferUnpool(context: InferContext<{ readonly outputSize: readonly number[] }>): number[] {
  const { shape } = floatInput(context, 0, 'x', 5);
  const indices = input(context, 1, 'indices', 'int32');
  if (!sameShape(indices.shape, shape)) {
    context.fail(`'indices' of shape ${shapeText(shape)} (the shape of 'x')`, shapeText(indices.shape));
  }
  const { outputSize } = context.attrs;
  atLeast(context, 'outputSize', outputSize, 1);
  if (sizeOf(outputSize) >= 2 ** 31) context.fail('outputSize of less than 2^31 cells', shapeText(outputSize));
  return [shape[0], ...outputSize, shape[4]];
}

/** Calls visit(position of an element of the pooled volume, of its cell in the large one); indices outside are skipped. */
function forEachIndexed(
  indices: ArrayLike<number>,
  pooled: readonly number[],
  size: readonly number[],
  visit: (from: number, to: number) => void,
): void {
  const channels = pooled[4];
  const perSample = sizeOf(pooled.slice(1));
  const cells = sizeOf(size);
  for (let i = 0; i < indices.length; i++) {
    const cell = indices[i];
    if (cell < 0 || cell >= cells) continue;
    visit(i, (Math.floor(i / perSample) * cells + cell) * channels + (i % channels));
  }
}

/** Indices that name different cells within each channel. */
const apart = (shape: readonly number[], cells: number): OpCase['inputs'][number] => {
  const [channels, windows] = [shape[4], sizeOf(shape.slice(1, 4))];
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => {
    const window = Math.floor(i / channels) % windows;
    return (window * 7 + 3 * (i % channels)) % cells;
  });
  return { shape, dtype: 'int32', values };
};

const problems: readonly { name: string; pooled: readonly number[]; outputSize: readonly number[] }[] = [
  { name: 'volume', pooled: [2, 2, 3, 2, 3], outputSize: [4, 5, 5] },
  { name: 'image', pooled: [1, 1, 3, 5, 17], outputSize: [1, 6, 11] },
  { name: 'as large as before', pooled: [2, 1, 1, 5, 1], outputSize: [1, 1, 5] },
  { name: 'one cell', pooled: [3, 1, 1, 1, 2], outputSize: [1, 1, 1] },
  { name: 'empty batch', pooled: [0, 1, 2, 2, 3], outputSize: [1, 4, 4] },
];

const cases = (accumulate: number): OpCase[] =>
  problems.map(({ name, pooled, outputSize }) => ({
    name: accumulate ? `${name}, adding up` : name,
    inputs: [{ shape: pooled }, apart(pooled, sizeOf(outputSize))],
    attrs: { outputSize, accumulate },
    gradientOf: [0],
  }));

const twice = { shape: [1, 1, 1, 4, 1], dtype: 'int32', values: [2, 0, 2, 9] } as const;

const maxUnpool = defineOp({
  name: 'maxUnpool',
  inputs: ['x', 'indices'],
  outputs: ['y'],
  attrs: { outputSize: attr.ints(3), accumulate: attr.int(0) },
  infer: (context) => [float32(inferUnpool(context))],
  run({ inputs, outputs, attrs: { outputSize, accumulate } }) {
    const [x, y] = [floats(inputs[0]), floats(outputs[0])];
    y.fill(0);
    forEachIndexed(numbers(inputs[1]), inputs[0]?.shape ?? [], outputSize, (from, to) => {
      y[to] = accumulate ? y[to] + x[from] : x[from];
    });
  },
  gradient: (context) => [context.emit('takeCells', [context.dOutputs[0], context.inputs[1]])[0], null],
  cases: [
    ...cases(0),
    ...cases(1),
    {
      name: 'the last of two wins, none outside',
      inputs: [{ shape: [1, 1, 1, 4, 1] }, twice],
      attrs: { outputSize: [1, 1, 3] },
      gradientOf: [],
    },
    {
      name: 'two add up, none outside',
      inputs: [{ shape: [1, 1, 1, 4, 1] }, twice],
      attrs: { outputSize: [1, 1, 3], accumulate: 1 },
      gradientOf: [0],
    },
  ],
});

const takeCells = defineOp({
  name: 'takeCells',
  inputs: ['x', 'indices'],
  outputs: ['y'],
  attrs: {},
  infer(context) {
    const x = floatInput(context, 0, 'x', 5);
    positiveSizes(context, 'x', x);
    const { shape } = input(context, 1, 'indices', 'int32', 5);
    if (shape[0] !== x.shape[0] || shape[4] !== x.shape[4]) {
      const expected = `'indices' for ${x.shape[0]} samples of ${x.shape[4]} channels`;
      context.fail(expected, shapeText(shape));
    }
    return [float32(shape)];
  },
  run({ inputs, outputs }) {
    const [x, y] = [floats(inputs[0]), floats(outputs[0])];
    y.fill(0);
    forEachIndexed(numbers(inputs[1]), outputs[0].shape, (inputs[0]?.shape ?? []).slice(1, 4), (from, to) => {
      y[from] = x[to];
    });
  },
  gradient(context) {
    const outputSize = (context.inputs[0] as Value).shape.slice(1, 4);
    const attrs = { outputSize, accumulate: 1 };
    return [context.emit('maxUnpool', [context.dOutputs[0], context.inputs[1]], attrs)[0], null];
  },
  cases: [
    ...problems.map(
      ({ name, pooled, outputSize }): OpCase => ({
        name,
        inputs: [{ shape: [pooled[0], ...outputSize, pooled[4]] }, apart(pooled, sizeOf(outputSize))],
        gradientOf: [0],
      }),
    ),
    { name: 'one cell twice, zero outside', inputs: [{ shape: [1, 1, 1, 3, 1] }, twice], gradientOf: [0] },
  ],
});

export const unpoolingOps = [maxUnpool, takeCells];
