// Ops that move elements without changing them: reshape (no work at all), slice, concat, transpose, reverse. Any type.

import { sameShape, shapeText, sizeOf, stridesOf } from '../core/shape.js';
import { attr, defineOp, numbers, type OpCase, type Value } from './op.js';
import { atLeast, input, onePerAxis, within } from './rules.js';
import { copyStrided, positionOf } from './strided.js';

/** Resolves a -1 in `wanted`; null when the sizes do not fit. */
function resolveShape(size: number, wanted: readonly number[]): number[] | null {
  const open = wanted.indexOf(-1);
  if (wanted.some((dim, axis) => dim < 0 && axis !== open)) return null;
  if (open < 0) return sizeOf(wanted) === size ? [...wanted] : null;
  const known = sizeOf(wanted.filter((_, axis) => axis !== open));
  if (known === 0 || size % known !== 0) return null;
  return wanted.map((dim) => (dim === -1 ? size / known : dim));
}

const reshape = defineOp({
  name: 'reshape',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { shape: attr.shape() },
  infer(context) {
    const x = input(context, 0, 'x', null);
    const size = sizeOf(x.shape);
    const shape = resolveShape(size, context.attrs.shape);
    if (shape) return [{ shape, dtype: x.dtype }];
    const help = 'at most one size may be -1; it stands for what is left';
    return context.fail(
      `a shape of ${size} elements (x is ${shapeText(x.shape)})`,
      shapeText(context.attrs.shape),
      help,
    );
  },
  run({ inputs, outputs }) {
    numbers(outputs[0]).set(numbers(inputs[0]));
  },
  gradient(context) {
    const { shape } = context.inputs[0] as Value;
    return context.emit('reshape', [context.dOutputs[0]], { shape });
  },
  alias: true,
  cases: [
    { name: 'flatten', inputs: [{ shape: [2, 3, 5, 7] }], attrs: { shape: [2, -1] } },
    { name: 'to a vector', inputs: [{ shape: [3, 5] }], attrs: { shape: [15] } },
    { name: 'scalar to vector', inputs: [{ shape: [] }], attrs: { shape: [1] } },
    { name: 'bytes', inputs: [{ shape: [4, 6], dtype: 'uint8', values: 'bytes' }], attrs: { shape: [4, 3, -1] } },
    { name: 'empty batch', inputs: [{ shape: [0, 6] }], attrs: { shape: [0, 2, 3] } },
  ],
});

const slice = defineOp({
  name: 'slice',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { begin: attr.shape(), size: attr.shape() },
  infer(context) {
    const x = input(context, 0, 'x', null);
    const { begin, size } = context.attrs;
    onePerAxis(context, 'begin', begin, x.shape);
    onePerAxis(context, 'size', size, x.shape);
    atLeast(context, 'begin', begin, 0);
    atLeast(context, 'size', size, 0);
    if (x.shape.some((length, axis) => begin[axis] + size[axis] > length)) {
      const got = `begin ${JSON.stringify(begin)}, size ${JSON.stringify(size)}`;
      context.fail(
        `a part of ${shapeText(x.shape)}`,
        got,
        'begin + size may not pass the end of an axis',
        'ERR_OCELLUS_ARGUMENT',
      );
    }
    return [{ shape: [...size], dtype: x.dtype }];
  },
  run({ inputs, outputs, attrs: { begin, size } }) {
    const strides = stridesOf(inputs[0]?.shape ?? []);
    const from = { data: numbers(inputs[0]), strides, origin: positionOf(begin, strides) };
    copyStrided(size, from, { data: numbers(outputs[0]), strides: stridesOf(size) });
  },
  gradient(context) {
    const { shape } = context.inputs[0] as Value;
    const { begin, size } = context.attrs;
    const after = shape.map((length, axis) => length - begin[axis] - size[axis]);
    return context.emit('pad', [context.dOutputs[0]], { before: begin, after, value: 0 });
  },
  cases: [
    { name: 'vector', inputs: [{ shape: [11] }], attrs: { begin: [3], size: [5] } },
    { name: 'rows', inputs: [{ shape: [7, 5] }], attrs: { begin: [2, 0], size: [3, 5] } },
    { name: 'columns', inputs: [{ shape: [7, 5] }], attrs: { begin: [0, 1], size: [7, 3] } },
    { name: 'crop', inputs: [{ shape: [2, 5, 7, 3] }], attrs: { begin: [0, 1, 2, 0], size: [2, 3, 4, 3] } },
    { name: 'one element', inputs: [{ shape: [3, 4] }], attrs: { begin: [2, 3], size: [1, 1] } },
    { name: 'everything', inputs: [{ shape: [3, 4] }], attrs: { begin: [0, 0], size: [3, 4] } },
    {
      name: 'bytes',
      inputs: [{ shape: [5, 4], dtype: 'uint8', values: 'bytes' }],
      attrs: { begin: [1, 1], size: [3, 2] },
    },
    { name: 'nothing', inputs: [{ shape: [3, 4] }], attrs: { begin: [3, 0], size: [0, 4] } },
  ],
});

const concat = defineOp({
  name: 'concat',
  inputs: ['...xs'],
  outputs: ['y'],
  attrs: { axis: attr.int() },
  infer(context) {
    const first = input(context, 0, 'xs[0]', null);
    const { axis } = context.attrs;
    within(context, 'axis', axis, 0, first.shape.length);
    let length = 0;
    for (let i = 0; i < context.inputs.length; i++) {
      const { shape } = input(context, i, `xs[${i}]`, first.dtype, first.shape.length);
      const likeFirst = shape.map((size, a) => (a === axis ? first.shape[axis] : size));
      if (!sameShape(likeFirst, first.shape)) {
        context.fail(`'xs[${i}]' to equal ${shapeText(first.shape)} on all axes but ${axis}`, shapeText(shape));
      }
      length += shape[axis];
    }
    return [{ shape: first.shape.map((size, a) => (a === axis ? length : size)), dtype: first.dtype }];
  },
  run({ inputs, outputs, attrs: { axis } }) {
    const y = numbers(outputs[0]);
    const strides = stridesOf(outputs[0].shape);
    let origin = 0;
    for (const x of inputs) {
      if (!x) continue;
      copyStrided(x.shape, { data: x.data, strides: stridesOf(x.shape) }, { data: y, strides, origin });
      origin += x.shape[axis] * strides[axis];
    }
  },
  gradient(context) {
    const { axis } = context.attrs;
    let start = 0;
    return context.inputs.map((x, i) => {
      const { shape } = x as Value;
      const begin = shape.map((_, a) => (a === axis ? start : 0));
      start += shape[axis];
      return context.needs[i] ? context.emit('slice', [context.dOutputs[0]], { begin, size: shape })[0] : null;
    });
  },
  cases: [
    { name: 'rows', inputs: [{ shape: [3, 5] }, { shape: [2, 5] }], attrs: { axis: 0 } },
    {
      name: 'channels',
      inputs: [{ shape: [2, 3, 3, 5] }, { shape: [2, 3, 3, 1] }, { shape: [2, 3, 3, 2] }],
      attrs: { axis: 3 },
    },
    { name: 'middle', inputs: [{ shape: [2, 3, 5] }, { shape: [2, 4, 5] }], attrs: { axis: 1 } },
    { name: 'one input', inputs: [{ shape: [7] }], attrs: { axis: 0 } },
    { name: 'one of them empty', inputs: [{ shape: [2, 0] }, { shape: [2, 3] }], attrs: { axis: 1 } },
    {
      name: 'bytes',
      inputs: [
        { shape: [3, 2], dtype: 'uint8', values: 'bytes' },
        { shape: [3, 4], dtype: 'uint8', values: 'bytes' },
      ],
      attrs: { axis: 1 },
    },
  ],
});

function inverse(permutation: readonly number[]): number[] {
  return permutation.map((_, axis) => permutation.indexOf(axis));
}

const transposeCase = (name: string, shape: number[], permutation: number[]): OpCase => ({
  name,
  inputs: [{ shape }],
  attrs: { permutation },
});

const transpose = defineOp({
  name: 'transpose',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { permutation: attr.shape() },
  infer(context) {
    const x = input(context, 0, 'x', null);
    const { permutation } = context.attrs;
    onePerAxis(context, 'permutation', permutation, x.shape);
    if (x.shape.some((_, axis) => !permutation.includes(axis))) {
      context.fail(`a permutation of the ${x.shape.length} axes`, permutation, undefined, 'ERR_OCELLUS_ARGUMENT');
    }
    return [{ shape: permutation.map((axis) => x.shape[axis]), dtype: x.dtype }];
  },
  run({ inputs, outputs, attrs: { permutation } }) {
    const { shape } = outputs[0];
    const own = stridesOf(inputs[0]?.shape ?? []);
    const from = { data: numbers(inputs[0]), strides: permutation.map((axis) => own[axis]) };
    copyStrided(shape, from, { data: numbers(outputs[0]), strides: stridesOf(shape) });
  },
  gradient: (context) =>
    context.emit('transpose', [context.dOutputs[0]], { permutation: inverse(context.attrs.permutation) }),
  cases: [
    transposeCase('matrix', [5, 7], [1, 0]),
    transposeCase('channels first to last', [2, 3, 5, 4], [0, 2, 3, 1]),
    transposeCase('channels last to first', [2, 5, 4, 3], [0, 3, 1, 2]),
    transposeCase('reversed', [2, 3, 5], [2, 1, 0]),
    transposeCase('identity', [3, 4], [0, 1]),
    transposeCase('rank 8', [1, 2, 1, 3, 2, 1, 2, 2], [7, 0, 3, 2, 1, 6, 5, 4]),
    transposeCase('scalar', [], []),
    transposeCase('empty batch', [0, 3], [1, 0]),
    {
      name: 'bytes',
      inputs: [{ shape: [2, 3, 5], dtype: 'uint8', values: 'bytes' }],
      attrs: { permutation: [1, 2, 0] },
    },
  ],
});

const reverse = defineOp({
  name: 'reverse',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { axes: attr.shape() },
  infer(context) {
    const x = input(context, 0, 'x', null);
    const { axes } = context.attrs;
    for (const axis of axes) within(context, 'axes', axis, 0, x.shape.length);
    if (new Set(axes).size < axes.length) {
      context.fail('axes that differ', axes, undefined, 'ERR_OCELLUS_ARGUMENT');
    }
    return [x];
  },
  run({ inputs, outputs, attrs: { axes } }) {
    const { shape } = outputs[0];
    const strides = stridesOf(shape);
    const last = axes.reduce((sum, axis) => sum + (shape[axis] - 1) * strides[axis], 0);
    const backwards = strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride));
    const from = { data: numbers(inputs[0]), strides: backwards, origin: last };
    copyStrided(shape, from, { data: numbers(outputs[0]), strides });
  },
  gradient: (context) => context.emit('reverse', [context.dOutputs[0]], context.attrs),
  cases: [
    { name: 'vector', inputs: [{ shape: [37] }], attrs: { axes: [0] } },
    { name: 'rows', inputs: [{ shape: [3, 5] }], attrs: { axes: [0] } },
    { name: 'filter', inputs: [{ shape: [3, 2, 5, 7] }], attrs: { axes: [0, 1] } },
    { name: 'images from right to left', inputs: [{ shape: [2, 3, 5, 3] }], attrs: { axes: [2] } },
    { name: 'outer and last', inputs: [{ shape: [3, 2, 19] }], attrs: { axes: [2, 0] } },
    { name: 'no axis', inputs: [{ shape: [3, 2] }], attrs: { axes: [] } },
    { name: 'sizes of 1', inputs: [{ shape: [1, 3, 1] }], attrs: { axes: [0, 1, 2] } },
    { name: 'scalar', inputs: [{ shape: [] }], attrs: { axes: [] } },
    { name: 'empty batch', inputs: [{ shape: [0, 3] }], attrs: { axes: [0, 1] } },
    {
      name: 'bytes',
      inputs: [{ shape: [3, 5, 2], dtype: 'uint8', values: 'bytes' }],
      attrs: { axes: [1] },
    },
    {
      name: 'bytes, last axis',
      inputs: [{ shape: [3, 5], dtype: 'uint8', values: 'bytes' }],
      attrs: { axes: [0, 1] },
    },
  ],
});

export const shapeOps = [reshape, slice, concat, transpose, reverse];
