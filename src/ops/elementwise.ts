// Arithmetic element by element: two operands under NumPy's broadcasting rule, functions of one operand, and the
// sources of constants. Gradients of broadcast operands are summed back to the operand's shape.

import type { FloatArray } from '../core/dtype.js';
import { broadcastShapes, broadcastStrides, shapeText, sizeOf, stridesOf } from '../core/shape.js';
import { activateInPlace, type FusedActivation, throughActivation } from './activation.js';
import {
  type AnyOp,
  type AttrSchema,
  attr,
  defineOp,
  floats,
  type GradientContext,
  numbers,
  type OpCase,
  type Value,
} from './op.js';
import { sumTo } from './reduce.js';
import { atLeast, float32, floatInput, input } from './rules.js';
import { forEachRow } from './strided.js';

/** One row of a binary op: y[yi + i] = f(a[ai + i * as], b[bi + i * bs]) for i < n. Steps are 0 or 1. */
type BinaryLoop = (
  y: FloatArray,
  yi: number,
  a: FloatArray,
  ai: number,
  as: number,
  b: FloatArray,
  bi: number,
  bs: number,
  n: number,
) => void;

/** What `add` may apply to its output: residual connections end in a ReLU. */
const addActivations = ['linear', 'relu', 'relu6'] as const;

/** Gradients of a binary op, before they are summed to the operands' shapes. */
interface BinaryGradient {
  a(context: GradientContext, dy: Value): Value;
  b(context: GradientContext, dy: Value): Value;
}

function binaryOp(
  name: string,
  loop: BinaryLoop,
  gradient: BinaryGradient | null,
  cases: readonly OpCase[],
  attrs: AttrSchema = {},
): AnyOp {
  return defineOp({
    name,
    inputs: ['a', 'b'],
    outputs: ['y'],
    attrs,
    infer(context) {
      const a = floatInput(context, 0, 'a').shape;
      const b = floatInput(context, 1, 'b').shape;
      const shape = broadcastShapes(a, b);
      if (shape) return [float32(shape)];
      return context.fail(
        'two shapes that broadcast',
        `${shapeText(a)} and ${shapeText(b)}`,
        'aligned at the last axis, sizes must be equal or one of them 1',
      );
    },
    run({ inputs, outputs, attrs: { activation } }) {
      const [a, b, y] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
      const shape = outputs[0].shape;
      const strides = [
        stridesOf(shape),
        broadcastStrides(inputs[0]?.shape ?? [], shape),
        broadcastStrides(inputs[1]?.shape ?? [], shape),
      ];
      forEachRow(shape, strides, (n, [yi, ai, bi], [, as, bs]) => loop(y, yi, a, ai, as, b, bi, bs, n));
      if (activation) activateInPlace(y, activation as FusedActivation);
    },
    ...(gradient && {
      gradient(context: GradientContext) {
        const [a, b] = context.inputs as readonly Value[];
        const { activation = 'linear' } = context.attrs;
        const dy = throughActivation(context, context.outputs[0], context.dOutputs[0] as Value, activation);
        return [
          context.needs[0] ? sumTo(context, gradient.a(context, dy), a.shape) : null,
          context.needs[1] ? sumTo(context, gradient.b(context, dy), b.shape) : null,
        ];
      },
    }),
    inplace: [
      [0, 0],
      [1, 0],
    ],
    flops: (_, outputs) => sizeOf(outputs[0].shape),
    cases,
  });
}

/** Shapes that meet every way of broadcasting; `a` and `b` say how the operands are filled. */
function binaryCases(a: 'normal' | 'distinct' | 'awayFromZero', b: 'normal' | 'positive' | 'distinct'): OpCase[] {
  const shapes: [string, number[], number[]][] = [
    ['equal shapes', [5, 7], [5, 7]],
    ['equal images', [2, 3, 5, 4], [2, 3, 5, 4]],
    ['scalar on the right', [3, 7], []],
    ['scalar on the left', [], [3, 7]],
    ['one element of higher rank', [5], [1, 1]],
    ['row', [4, 7], [7]],
    ['column', [5, 1], [5, 11]],
    ['outer', [1, 5], [3, 1]],
    ['per channel', [2, 3, 3, 5], [5]],
    ['per image and channel', [2, 3, 3, 5], [2, 1, 1, 5]],
    ['axis in the middle', [2, 1, 3], [5, 1, 4, 1]],
    ['rank 8', [1, 2, 1, 3, 1, 2, 1, 2], [2, 1, 2, 1, 2, 1, 2, 1]],
    ['long', [1031], [1031]],
    ['empty batch', [0, 3], [3]],
  ];
  return shapes.map(([name, left, right]) => ({
    name,
    inputs: [
      { shape: left, values: a },
      { shape: right, values: b },
    ],
  }));
}

const bothEnds = { shape: [5], values: [-2, 0.5, 3, 6, 8] };
const relu6Cases: readonly OpCase[] = [
  { name: 'equal shapes', inputs: [bothEnds, { shape: [5] }] },
  { name: 'per channel', inputs: [{ shape: [2, 3, 3, 5] }, bothEnds] },
  { name: 'scalar on the left', inputs: [{ shape: [], values: [5.5] }, { shape: [3, 7] }] },
].map((one) => ({ ...one, name: `${one.name}, relu6`, attrs: { activation: 'relu6' } }));

const nanCase: OpCase = {
  name: 'NaN on either side',
  inputs: [
    { shape: [4], values: [Number.NaN, 1, 2, Number.NaN] },
    { shape: [4], values: [0, Number.NaN, 2, Number.NaN] },
  ],
  gradientOf: [],
};

const multiplyBy = (context: GradientContext, dy: Value, factor: Value | null) =>
  context.emit('multiply', [dy, factor])[0];
/** dy where the first operand wins; half of it in a tie. */
const whereGreater = (context: GradientContext, dy: Value, winner: number, loser: number) =>
  multiplyBy(context, dy, context.emit('compare', [context.inputs[winner], context.inputs[loser]])[0]);

const binaryOps = [
  binaryOp(
    'add',
    (y, yi, a, ai, as, b, bi, bs, n) => {
      for (let i = 0; i < n; i++) y[yi + i] = a[ai + i * as] + b[bi + i * bs];
    },
    { a: (_, dy) => dy, b: (_, dy) => dy },
    [
      ...binaryCases('normal', 'normal'),
      ...binaryCases('normal', 'normal').map((one) => ({
        ...one,
        name: `${one.name}, relu`,
        attrs: { activation: 'relu' },
      })),
      ...relu6Cases,
    ],
    { activation: attr.oneOf(addActivations, 'linear') },
  ),
  binaryOp(
    'subtract',
    (y, yi, a, ai, as, b, bi, bs, n) => {
      for (let i = 0; i < n; i++) y[yi + i] = a[ai + i * as] - b[bi + i * bs];
    },
    { a: (_, dy) => dy, b: (context, dy) => context.emit('negate', [dy])[0] },
    binaryCases('normal', 'normal'),
  ),
  binaryOp(
    'multiply',
    (y, yi, a, ai, as, b, bi, bs, n) => {
      for (let i = 0; i < n; i++) y[yi + i] = a[ai + i * as] * b[bi + i * bs];
    },
    {
      a: (context, dy) => multiplyBy(context, dy, context.inputs[1]),
      b: (context, dy) => multiplyBy(context, dy, context.inputs[0]),
    },
    binaryCases('normal', 'normal'),
  ),
  binaryOp(
    'divide',
    (y, yi, a, ai, as, b, bi, bs, n) => {
      for (let i = 0; i < n; i++) y[yi + i] = a[ai + i * as] / b[bi + i * bs];
    },
    {
      a: (context, dy) => context.emit('divide', [dy, context.inputs[1]])[0],
      b(context, dy) {
        const [quotient] = context.emit('divide', [context.outputs[0], context.inputs[1]]);
        return context.emit('negate', [multiplyBy(context, dy, quotient)])[0];
      },
    },
    binaryCases('normal', 'positive'),
  ),
  binaryOp(
    'maximum',
    (y, yi, a, ai, as, b, bi, bs, n) => {
      for (let i = 0; i < n; i++) y[yi + i] = Math.max(a[ai + i * as], b[bi + i * bs]);
    },
    { a: (context, dy) => whereGreater(context, dy, 0, 1), b: (context, dy) => whereGreater(context, dy, 1, 0) },
    [...binaryCases('normal', 'distinct'), nanCase],
  ),
  binaryOp(
    'minimum',
    (y, yi, a, ai, as, b, bi, bs, n) => {
      for (let i = 0; i < n; i++) y[yi + i] = Math.min(a[ai + i * as], b[bi + i * bs]);
    },
    { a: (context, dy) => whereGreater(context, dy, 1, 0), b: (context, dy) => whereGreater(context, dy, 0, 1) },
    [...binaryCases('normal', 'distinct'), nanCase],
  ),
  binaryOp(
    'compare',
    (y, yi, a, ai, as, b, bi, bs, n) => {
      for (let i = 0; i < n; i++) {
        const left = a[ai + i * as];
        const right = b[bi + i * bs];
        y[yi + i] = left > right ? 1 : left === right ? 0.5 : 0;
      }
    },
    null,
    [
      ...binaryCases('normal', 'normal'),
      {
        name: 'ties',
        inputs: [
          { shape: [2, 3], values: [1, 2, 3, 3, 2, 1] },
          { shape: [3], values: [1, 2, 3] },
        ],
      },
      nanCase,
    ],
  ),
  binaryOp(
    'prelu',
    (y, yi, a, ai, as, b, bi, bs, n) => {
      for (let i = 0; i < n; i++) {
        const x = a[ai + i * as];
        y[yi + i] = x > 0 ? x : x * b[bi + i * bs];
      }
    },
    {
      a: (context, dy) => multiplyBy(context, dy, context.emit('preluSlope', context.inputs)[0]),
      b(context, dy) {
        const [none] = context.emit('fill', [], { value: 0, shape: [] });
        return multiplyBy(context, dy, context.emit('minimum', [context.inputs[0], none])[0]);
      },
    },
    binaryCases('awayFromZero', 'normal'),
  ),
  // Of prelu, at a; 0 at the corner, as in Keras, where prelu is made of two relus.
  binaryOp(
    'preluSlope',
    (y, yi, a, ai, as, b, bi, bs, n) => {
      for (let i = 0; i < n; i++) {
        const x = a[ai + i * as];
        y[yi + i] = x > 0 ? 1 : x < 0 ? b[bi + i * bs] : 0;
      }
    },
    null,
    [
      ...binaryCases('normal', 'normal'),
      { name: 'corner', inputs: [{ shape: [3], values: [-1, 0, 1] }, { shape: [1] }] },
    ],
  ),
];

type UnaryLoop = (x: FloatArray, y: FloatArray) => void;

function unaryOp(
  name: string,
  loop: UnaryLoop,
  gradient: (context: GradientContext, dy: Value) => Value | null,
  values: 'normal' | 'positive' | 'awayFromZero',
  more: readonly OpCase[] = [],
): AnyOp {
  return defineOp({
    name,
    inputs: ['x'],
    outputs: ['y'],
    attrs: {},
    infer: (context) => [floatInput(context, 0, 'x')],
    run: ({ inputs, outputs }) => loop(floats(inputs[0]), floats(outputs[0])),
    gradient: (context) => [gradient(context, context.dOutputs[0] as Value)],
    inplace: [[0, 0]],
    cases: [
      { name: 'vector of prime length', inputs: [{ shape: [41], values }] },
      { name: 'image batch', inputs: [{ shape: [2, 3, 5, 3], values }] },
      { name: 'scalar', inputs: [{ shape: [], values }] },
      { name: 'empty batch', inputs: [{ shape: [0, 3], values }] },
      ...more,
    ],
  });
}

const zeroAndSigns: OpCase = { name: 'zero', inputs: [{ shape: [3], values: [-2, 0, 3] }], gradientOf: [] };

const unaryOps = [
  unaryOp(
    'negate',
    (x, y) => {
      for (let i = 0; i < y.length; i++) y[i] = -x[i];
    },
    (context, dy) => context.emit('negate', [dy])[0],
    'normal',
  ),
  unaryOp(
    'abs',
    (x, y) => {
      for (let i = 0; i < y.length; i++) y[i] = Math.abs(x[i]);
    },
    (context, dy) => multiplyBy(context, dy, context.emit('sign', [context.inputs[0]])[0]),
    'awayFromZero',
    [zeroAndSigns],
  ),
  unaryOp(
    'sign',
    (x, y) => {
      for (let i = 0; i < y.length; i++) y[i] = Math.sign(x[i]);
    },
    // Piecewise constant: nothing flows back.
    () => null,
    'awayFromZero',
    [zeroAndSigns],
  ),
  unaryOp(
    'square',
    (x, y) => {
      for (let i = 0; i < y.length; i++) y[i] = x[i] * x[i];
    },
    (context, dy) => multiplyBy(context, dy, rescaled(context, context.inputs[0], 2)),
    'normal',
  ),
  unaryOp(
    'sqrt',
    (x, y) => {
      for (let i = 0; i < y.length; i++) y[i] = Math.sqrt(x[i]);
    },
    (context, dy) => context.emit('divide', [rescaled(context, dy, 0.5), context.outputs[0]])[0],
    'positive',
  ),
  unaryOp(
    'exp',
    (x, y) => {
      for (let i = 0; i < y.length; i++) y[i] = Math.exp(x[i]);
    },
    (context, dy) => multiplyBy(context, dy, context.outputs[0]),
    'normal',
  ),
  unaryOp(
    'log',
    (x, y) => {
      for (let i = 0; i < y.length; i++) y[i] = Math.log(x[i]);
    },
    (context, dy) => context.emit('divide', [dy, context.inputs[0]])[0],
    'positive',
  ),
];

/** Emits value * scale + offset. */
export function rescaled(context: GradientContext, value: Value | null, scale: number, offset = 0): Value {
  return context.emit('rescale', [value], { scale, offset })[0];
}

const rescale = defineOp({
  name: 'rescale',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { scale: attr.float(1), offset: attr.float(0) },
  infer: (context) => [float32(input(context, 0, 'x', null).shape)],
  run({ inputs, outputs, attrs: { scale, offset } }) {
    const [x, y] = [numbers(inputs[0]), floats(outputs[0])];
    for (let i = 0; i < y.length; i++) y[i] = x[i] * scale + offset;
  },
  gradient: (context) => {
    const isFloat = context.inputs[0]?.dtype === 'float32';
    return [isFloat ? rescaled(context, context.dOutputs[0], context.attrs.scale) : null];
  },
  inplace: [[0, 0]],
  cases: [
    { name: 'floats', inputs: [{ shape: [5, 7] }], attrs: { scale: -1.5, offset: 0.25 } },
    { name: 'bytes', inputs: [{ shape: [2, 5, 5, 3], dtype: 'uint8', values: 'bytes' }], attrs: { scale: 1 / 255 } },
    {
      name: 'integers',
      inputs: [{ shape: [13], dtype: 'int32', values: 'labels', max: 100 }],
      attrs: { scale: 2, offset: -1 },
    },
    { name: 'scalar', inputs: [{ shape: [] }], attrs: { offset: 3 } },
    { name: 'empty batch', inputs: [{ shape: [0, 2], dtype: 'uint8', values: 'bytes' }], attrs: { scale: 2 } },
  ],
});

const copy = defineOp({
  name: 'copy',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  infer: (context) => [input(context, 0, 'x', null)],
  run({ inputs, outputs }) {
    numbers(outputs[0]).set(numbers(inputs[0]));
  },
  gradient: (context) => [context.dOutputs[0]],
  cases: [
    { name: 'floats', inputs: [{ shape: [5, 7] }] },
    { name: 'bytes', inputs: [{ shape: [2, 5, 5, 3], dtype: 'uint8', values: 'bytes' }] },
    { name: 'integers', inputs: [{ shape: [13], dtype: 'int32', values: 'labels', max: 100 }] },
    { name: 'scalar', inputs: [{ shape: [] }] },
    { name: 'empty batch', inputs: [{ shape: [0, 2] }] },
  ],
});

const fill = defineOp({
  name: 'fill',
  inputs: [],
  outputs: ['y'],
  attrs: { value: attr.float(0), shape: attr.shape() },
  infer(context) {
    atLeast(context, 'shape', context.attrs.shape, 0);
    return [float32(context.attrs.shape)];
  },
  run({ outputs, attrs: { value } }) {
    floats(outputs[0]).fill(value);
  },
  gradient: () => [],
  cases: [
    { name: 'zeros', inputs: [], attrs: { shape: [3, 5] } },
    { name: 'scalar', inputs: [], attrs: { value: -2.5, shape: [] } },
    { name: 'empty', inputs: [], attrs: { value: 1, shape: [0, 3] } },
  ],
});

const oneHot = defineOp({
  name: 'oneHot',
  inputs: ['labels'],
  outputs: ['y'],
  attrs: { depth: attr.int() },
  infer(context) {
    const labels = input(context, 0, 'labels', 'int32');
    atLeast(context, 'depth', context.attrs.depth, 1);
    if (labels.shape.length >= 8) context.fail("'labels' of rank 7 or less", `rank ${labels.shape.length}`);
    return [float32([...labels.shape, context.attrs.depth])];
  },
  run({ inputs, outputs, attrs: { depth } }) {
    const [labels, y] = [numbers(inputs[0]), floats(outputs[0])];
    y.fill(0);
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i];
      if (label >= 0 && label < depth) y[i * depth + label] = 1;
    }
  },
  cases: [
    { name: 'labels', inputs: [{ shape: [17], dtype: 'int32', values: 'labels', max: 5 }], attrs: { depth: 5 } },
    { name: 'rank 2', inputs: [{ shape: [3, 5], dtype: 'int32', values: 'labels', max: 7 }], attrs: { depth: 7 } },
    { name: 'out of range', inputs: [{ shape: [4], dtype: 'int32', values: [-1, 0, 2, 3] }], attrs: { depth: 3 } },
    { name: 'scalar', inputs: [{ shape: [], dtype: 'int32', values: [1] }], attrs: { depth: 2 } },
    { name: 'empty batch', inputs: [{ shape: [0], dtype: 'int32', values: 'labels', max: 2 }], attrs: { depth: 2 } },
  ],
});

export const elementwiseOps = [...binaryOps, ...unaryOps, rescale, copy, fill, oneHot];
