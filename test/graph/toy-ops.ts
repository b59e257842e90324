// Small ops for graph tests: they say nothing about numbers, only about shapes, in-place work and aliasing.

import { attr, defineOp } from '../../src/ops/op.js';

const elementwise = (name: string, inputs: string[], inplace: [number, number][]) =>
  defineOp({
    name,
    inputs,
    outputs: ['y'],
    attrs: {},
    infer: ({ inputs: [x] }) => [{ shape: x!.shape, dtype: 'float32' }],
    run: ({ inputs: operands, outputs: [y] }) => {
      for (let i = 0; i < y.data.length; i++) y.data[i] = operands.reduce((sum, x) => sum + x!.data[i], 1);
    },
    inplace,
    cases: [],
  });

export const step = elementwise('step', ['x'], [[0, 0]]);
export const join = elementwise(
  'join',
  ['a', 'b'],
  [
    [0, 0],
    [1, 0],
  ],
);
/** Not allowed to work in place. */
export const apart = elementwise('apart', ['x'], []);

/** Two outputs; the second may take the input's place. */
export const split = defineOp({
  name: 'split',
  inputs: ['x'],
  outputs: ['a', 'b'],
  attrs: {},
  infer: ({ inputs: [x] }) => [x!, x!],
  run: ({ inputs: [x], outputs: [a, b] }) => {
    for (let i = 0; i < a.data.length; i++) {
      const value = x!.data[i];
      a.data[i] = value + 2;
      b.data[i] = value + 3;
    }
  },
  inplace: [[0, 1]],
  cases: [],
});

/** The same bytes under another shape. */
export const view = defineOp({
  name: 'view',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { shape: attr.shape() },
  infer: ({ attrs }) => [{ shape: attrs.shape, dtype: 'float32' }],
  run: () => {
    throw new Error('an alias is never run');
  },
  alias: true,
  cases: [],
});

/** Half as many elements. */
export const shrink = defineOp({
  name: 'shrink',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  infer: ({ inputs: [x] }) => [{ shape: [Math.max(1, x!.shape[0] >> 1)], dtype: 'float32' }],
  run: ({ inputs: [x], outputs: [y] }) => {
    for (let i = 0; i < y.data.length; i++) y.data[i] = 0.5 * x!.data[i % x!.data.length];
  },
  scratch: () => 37,
  cases: [],
});
