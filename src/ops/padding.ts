// Padding of any axes by a constant, or by the tensor's own values: mirrored, repeated at the border, or continued from
// the other end. The last three are gathers, one table of positions per axis; their gradient adds up along it.

import { shapeText, sizeOf, stridesOf } from '../core/shape.js';
import { attr, defineOp, floats, type InferContext, numbers, type OpCase, type Value } from './op.js';
import { atLeast, float32, floatInput, input, onePerAxis } from './rules.js';
import { copyStrided, positionOf } from './strided.js';

/** Where the values outside a tensor come from, other than from a constant. */
const borderModes = ['reflect', 'replicate', 'circular'] as const;
export type BorderMode = (typeof borderModes)[number];
/** reflect: 3 2 | 1 2 3 | 2 1. replicate: 1 1 | 1 2 3 | 3 3. circular: 2 3 | 1 2 3 | 1 2. */
export const padModes = ['constant', ...borderModes] as const;

/** Position in [0, size) that `position`, anywhere, shows. Reflections go on beyond the first, as NumPy's do. */
function sourceOf(mode: BorderMode, position: number, size: number): number {
  const wrap = (period: number) => ((position % period) + period) % period;
  if (mode === 'circular') return wrap(size);
  if (mode === 'replicate' || size === 1) return Math.min(Math.max(position, 0), size - 1);
  const period = 2 * (size - 1);
  return Math.min(wrap(period), period - wrap(period));
}

/** Calls visit(inner position, padded position) for each element of the padded tensor, in order. */
function forEachSource(
  mode: BorderMode,
  inner: readonly number[],
  padded: readonly number[],
  before: readonly number[],
  visit: (innerAt: number, paddedAt: number) => void,
): void {
  const strides = stridesOf(inner);
  const tables = padded.map((length, axis) =>
    Int32Array.from({ length }, (_, i) => sourceOf(mode, i - before[axis], inner[axis]) * strides[axis]),
  );
  const last = padded.length - 1;
  let at = 0;
  const walk = (axis: number, origin: number): void => {
    if (axis > last) visit(origin, at++);
    else for (const offset of tables[axis]) walk(axis + 1, origin + offset);
  };
  walk(0, 0);
}

function checkSides(context: InferContext, { before, after }: PadSides, shape: readonly number[]): void {
  onePerAxis(context, 'before', before, shape);
  onePerAxis(context, 'after', after, shape);
  atLeast(context, 'before', before, 0);
  atLeast(context, 'after', after, 0);
}

/** A border of an axis without elements has nothing to show. */
function checkSources(context: InferContext, { before, after }: PadSides, shape: readonly number[]): void {
  const axis = shape.findIndex((size, i) => size === 0 && before[i] + after[i] > 0);
  if (axis < 0) return;
  context.fail(`a size of at least 1 on axis ${axis} (the border shows its values)`, shapeText(shape));
}

interface PadSides {
  before: readonly number[];
  after: readonly number[];
}

/** Shapes with borders, for the cases of both rows. */
const borders = [
  { name: 'vector', shape: [7], before: [3], after: [2] },
  { name: 'image', shape: [2, 3, 5, 3], before: [0, 1, 2, 0], after: [0, 2, 1, 0] },
  { name: 'wide channels', shape: [1, 4, 3, 37], before: [0, 2, 1, 0], after: [0, 1, 2, 0] },
  { name: 'all axes', shape: [2, 3, 2], before: [1, 0, 2], after: [0, 2, 1] },
  { name: 'borders longer than the tensor', shape: [2, 3, 2], before: [0, 7, 5], after: [0, 8, 3] },
  { name: 'sizes of 1', shape: [1, 1, 3], before: [2, 1, 0], after: [1, 3, 0] },
  { name: 'nothing', shape: [3, 2], before: [0, 0], after: [0, 0] },
  { name: 'scalar', shape: [], before: [], after: [] },
  { name: 'empty batch', shape: [0, 2, 3], before: [0, 1, 0], after: [0, 1, 0] },
];

const pad = defineOp({
  name: 'pad',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { before: attr.shape(), after: attr.shape(), mode: attr.oneOf(padModes, 'constant'), value: attr.float(0) },
  infer(context) {
    const x = input(context, 0, 'x', null);
    const { before, after, mode } = context.attrs;
    checkSides(context, context.attrs, x.shape);
    if (mode !== 'constant') checkSources(context, context.attrs, x.shape);
    return [{ shape: x.shape.map((size, axis) => before[axis] + size + after[axis]), dtype: x.dtype }];
  },
  run({ inputs, outputs, attrs: { before, mode, value } }) {
    const [x, y] = [numbers(inputs[0]), numbers(outputs[0])];
    const shape = inputs[0]?.shape ?? [];
    if (mode !== 'constant') {
      forEachSource(mode, shape, outputs[0].shape, before, (from, to) => {
        y[to] = x[from];
      });
      return;
    }
    const strides = stridesOf(outputs[0].shape);
    y.fill(value);
    copyStrided(
      shape,
      { data: x, strides: stridesOf(shape) },
      { data: y, strides, origin: positionOf(before, strides) },
    );
  },
  gradient(context) {
    const { shape } = context.inputs[0] as Value;
    const { before, after, mode } = context.attrs;
    if (mode !== 'constant') return context.emit('padGrad', [context.dOutputs[0]], { before, after, mode });
    return context.emit('slice', [context.dOutputs[0]], { begin: before, size: shape });
  },
  cases: [
    { name: 'vector', inputs: [{ shape: [5] }], attrs: { before: [2], after: [3] } },
    {
      name: 'image, asymmetric, other value',
      inputs: [{ shape: [2, 3, 5, 3] }],
      attrs: { before: [0, 1, 2, 0], after: [0, 0, 3, 0], value: -1.5 },
    },
    { name: 'all axes', inputs: [{ shape: [2, 3, 2] }], attrs: { before: [1, 0, 2], after: [0, 2, 1] } },
    { name: 'nothing', inputs: [{ shape: [3, 2] }], attrs: { before: [0, 0], after: [0, 0] } },
    {
      name: 'bytes',
      inputs: [{ shape: [3, 4], dtype: 'uint8', values: 'bytes' }],
      attrs: { before: [1, 1], after: [1, 1], value: 7 },
    },
    {
      name: 'integers',
      inputs: [{ shape: [7], dtype: 'int32', values: 'labels', max: 9 }],
      attrs: { before: [0], after: [2], value: -1 },
    },
    { name: 'scalar', inputs: [{ shape: [] }], attrs: { before: [], after: [] } },
    { name: 'empty batch', inputs: [{ shape: [0, 2] }], attrs: { before: [0, 1], after: [0, 1] } },
    { name: 'only padding', inputs: [{ shape: [0, 2] }], attrs: { before: [1, 0], after: [1, 0], value: 3 } },
    ...borderModes.flatMap((mode): OpCase[] => [
      ...borders.map(({ name, shape, before, after }) => ({
        name: `${mode}, ${name}`,
        inputs: [{ shape }],
        attrs: { before, after, mode },
      })),
      {
        name: `${mode}, bytes`,
        inputs: [{ shape: [3, 5], dtype: 'uint8', values: 'bytes' }],
        attrs: { before: [1, 2], after: [2, 1], mode },
      },
      {
        name: `${mode}, integers`,
        inputs: [{ shape: [2, 5, 3], dtype: 'int32', values: 'labels', max: 99 }],
        attrs: { before: [0, 2, 0], after: [0, 1, 0], mode },
      },
    ]),
  ],
});

const padGrad = defineOp({
  name: 'padGrad',
  inputs: ['dy'],
  outputs: ['dx'],
  attrs: { before: attr.shape(), after: attr.shape(), mode: attr.oneOf(borderModes) },
  infer(context) {
    const dy = floatInput(context, 0, 'dy');
    const { before, after } = context.attrs;
    checkSides(context, context.attrs, dy.shape);
    const shape = dy.shape.map((size, axis) => size - before[axis] - after[axis]);
    if (shape.some((size, axis) => size < 0 || (size === 0 && dy.shape[axis] > 0))) {
      context.fail("'dy' longer than its paddings on every axis", shapeText(dy.shape));
    }
    return [float32(shape)];
  },
  run({ inputs, outputs, attrs: { before, mode } }) {
    const [dy, dx] = [floats(inputs[0]), floats(outputs[0])];
    dx.fill(0);
    forEachSource(mode, outputs[0].shape, inputs[0]?.shape ?? [], before, (to, from) => {
      dx[to] += dy[from];
    });
  },
  gradient: (context) => context.emit('pad', [context.dOutputs[0]], context.attrs),
  flops: ([dy]) => sizeOf(dy?.shape ?? []),
  cases: borderModes.flatMap((mode) =>
    borders.map(({ name, shape, before, after }) => ({
      name: `${mode}, ${name}`,
      inputs: [{ shape: shape.map((size, axis) => before[axis] + size + after[axis]) }],
      attrs: { before, after, mode },
    })),
  ),
});

export const paddingOps = [pad, padGrad];
