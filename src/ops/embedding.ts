// Rows of a table by their numbers, and the gradient of the table: rows added up in the order of the numbers.

import { shapeText, sizeOf } from '../core/shape.js';
import { attr, defineOp, floats, type InferContext, maxRank, numbers, type OpCase, type Value } from './op.js';
import { atLeast, float32, floatInput, floatOfShape, input } from './rules.js';

/** `x` (numbers of any type) and the shape of what is found, rows of `length`. */
function foundShape(context: InferContext, length: number): number[] {
  const x = input(context, 0, 'x', null);
  if (x.shape.length >= maxRank) context.fail(`'x' of rank ${maxRank - 1} or less`, shapeText(x.shape));
  return [...x.shape, length];
}

/** The row that a number stands for; -1 when there is none. Fractions are cut off, as in Keras. */
const rowOf = (value: number, rows: number): number => (value >= 0 && value < rows ? Math.trunc(value) : -1);

const labels = (shape: readonly number[], max: number) => ({ shape, dtype: 'int32', values: 'labels', max }) as const;
const bytes = { shape: [5], dtype: 'uint8', values: [4, 0, 4, 1, 9] } as const;
const outside = { shape: [4], dtype: 'int32', values: [-1, 0, 3, 2] } as const;

const embedding = defineOp({
  name: 'embedding',
  inputs: ['x', 'table'],
  outputs: ['y'],
  attrs: {},
  infer(context) {
    const table = floatInput(context, 1, 'table', 2);
    return [float32(foundShape(context, table.shape[1]))];
  },
  run({ inputs, outputs }) {
    const [x, table, y] = [numbers(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    const [rows, length] = inputs[1]?.shape ?? [];
    for (let i = 0; i < x.length; i++) {
      const row = rowOf(x[i], rows);
      // A number without a row must not pass for one.
      for (let j = 0; j < length; j++) y[i * length + j] = row < 0 ? Number.NaN : table[row * length + j];
    }
  },
  gradient(context) {
    const [x, table] = context.inputs as readonly Value[];
    const attrs = { inputDim: table.shape[0] };
    return [null, context.needs[1] ? context.emit('embeddingGrad', [x, context.dOutputs[0]], attrs)[0] : null];
  },
  cases: [
    { name: 'sentence', inputs: [labels([3, 7], 11), { shape: [11, 5] }] },
    { name: 'one row', inputs: [labels([5], 1), { shape: [1, 3] }] },
    { name: 'bytes', inputs: [bytes, { shape: [10, 37] }] },
    { name: 'floats', inputs: [{ shape: [3], values: [0.25, 2, 1.75] }, { shape: [3, 4] }], gradientOf: [1] },
    { name: 'rows of one', inputs: [labels([2, 3], 4), { shape: [4, 1] }] },
    { name: 'outside', inputs: [outside, { shape: [3, 2] }], gradientOf: [] },
    { name: 'scalar', inputs: [labels([], 3), { shape: [3, 4] }] },
    { name: 'empty batch', inputs: [labels([0, 3], 3), { shape: [3, 4] }] },
  ],
});

const gradCase = (name: string, x: OpCase['inputs'][number], length: number, inputDim: number): OpCase => ({
  name,
  inputs: [x, { shape: [...(x?.shape ?? []), length] }],
  attrs: { inputDim },
});

const embeddingGrad = defineOp({
  name: 'embeddingGrad',
  inputs: ['x', 'dy'],
  outputs: ['dtable'],
  attrs: { inputDim: attr.int() },
  infer(context) {
    atLeast(context, 'inputDim', context.attrs.inputDim, 1);
    const { shape } = floatInput(context, 1, 'dy');
    const length = shape[shape.length - 1] ?? 0;
    floatOfShape(context, 1, 'dy', foundShape(context, length), "the shape of 'x' and a row");
    return [float32([context.attrs.inputDim, length])];
  },
  run({ inputs, outputs }) {
    const [x, dy, dtable] = [numbers(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    const [rows, length] = outputs[0].shape;
    dtable.fill(0);
    for (let i = 0; i < x.length; i++) {
      const row = rowOf(x[i], rows);
      if (row < 0) continue;
      for (let j = 0; j < length; j++) dtable[row * length + j] += dy[i * length + j];
    }
  },
  flops: (inputs) => sizeOf(inputs[1]?.shape ?? []),
  cases: [
    gradCase('sentence', labels([3, 7], 5), 6, 5),
    gradCase('long rows', labels([13], 3), 131, 3),
    gradCase('rows nobody asked for', labels([4], 2), 3, 17),
    gradCase('bytes', bytes, 4, 10),
    gradCase('outside', outside, 2, 3),
    gradCase('many rows', labels([5, 41], 700), 517, 700),
    gradCase('empty batch', labels([0], 3), 4, 3),
  ],
});

export const embeddingOps = [embedding, embeddingGrad];
