// ReLU and ReLU6: x cut to [0, ceiling]. Their gradients are formed from the output y, which tells where x was cut; they
// may take in a second gradient of y, and sum up the gradient of a bias on the way.

import type { FloatArray, TensorSpec } from '../core/dtype.js';
import { doubles, doublesScratch } from './gemm.js';
import {
  type AnyOp,
  defineOp,
  floats,
  type GradientContext,
  type InferContext,
  type OpCase,
  type RunContext,
} from './op.js';
import { equalFloats, float32, floatInput, optionalOfShape } from './rules.js';

/** The largest output of each. */
export const ceilings = { relu: Number.POSITIVE_INFINITY, relu6: 6 } as const;
export type Rectifier = keyof typeof ceilings;

export const isRectifier = (name: string): name is Rectifier => Object.hasOwn(ceilings, name);

/** y = min(max(x, 0), ceiling). */
export function rectify(x: FloatArray, y: FloatArray, ceiling: number): void {
  for (let i = 0; i < y.length; i++) y[i] = Math.min(Math.max(x[i], 0), ceiling);
}

/** For rows whose gradient is the op `name`(y, dy) with the same attributes. */
export const fromOutput = (name: string) => (context: GradientContext) =>
  context.emit(name, [context.outputs[0], context.dOutputs[0]], context.attrs);

export const likeX = (context: InferContext) => [floatInput(context, 0, 'x')];

export const pointwiseCases: readonly OpCase[] = [
  { name: 'vector of prime length', inputs: [{ shape: [37], values: 'awayFromZero' }] },
  { name: 'image batch', inputs: [{ shape: [2, 5, 7, 3], values: 'awayFromZero' }] },
  { name: 'one element', inputs: [{ shape: [1], values: 'awayFromZero' }] },
  { name: 'scalar', inputs: [{ shape: [], values: 'awayFromZero' }] },
  { name: 'empty batch', inputs: [{ shape: [0, 4] }] },
  { name: 'large values', inputs: [{ shape: [6], values: [-1000, -90, -20, 20, 90, 1000] }], gradientOf: [] },
];

export const pointwiseGradCases: readonly OpCase[] = [
  { name: 'vector of prime length', inputs: [{ shape: [37], values: 'awayFromZero' }, { shape: [37] }] },
  { name: 'image batch', inputs: [{ shape: [2, 5, 7, 3] }, { shape: [2, 5, 7, 3] }] },
  { name: 'output zero', inputs: [{ shape: [3], values: [0, 1, -1] }, { shape: [3] }] },
  { name: 'empty batch', inputs: [{ shape: [0, 4] }, { shape: [0, 4] }] },
];

const forwardCases: readonly OpCase[] = [
  ...pointwiseCases,
  { name: 'around both ends', inputs: [{ shape: [6], values: [-0.5, 0.5, 3, 5.5, 6.5, 100] }] },
  { name: 'NaN stays', inputs: [{ shape: [5], values: [Number.NaN, -1, 0, 7, Number.NaN] }], gradientOf: [] },
];

const withOther = (cases: readonly OpCase[]): OpCase[] =>
  cases.flatMap((one) => [
    one,
    { ...one, name: `${one.name}, two gradients`, inputs: [...one.inputs, { shape: one.inputs[0]?.shape ?? [] }] },
  ]);

const gradCases = withOther([
  ...pointwiseGradCases,
  { name: 'both ends', inputs: [{ shape: [4], values: [0, 6, 3, 5.9] }, { shape: [4] }] },
]);

const gradBiasCases = withOther([
  { name: 'image batch', inputs: [{ shape: [2, 5, 7, 3] }, { shape: [2, 5, 7, 3] }] },
  { name: 'rows', inputs: [{ shape: [13, 37] }, { shape: [13, 37] }] },
  { name: 'whole vectors', inputs: [{ shape: [3, 9, 9, 32] }, { shape: [3, 9, 9, 32] }] },
  { name: 'many channels', inputs: [{ shape: [11, 517] }, { shape: [11, 517] }] },
  { name: 'vector', inputs: [{ shape: [5], values: [0, 6, 3, 5.9, 7] }, { shape: [5] }] },
  { name: 'empty batch', inputs: [{ shape: [0, 4] }, { shape: [0, 4] }] },
]);

/** y, dy and, where the gradient comes from two readers of y, the second part of it. */
function inferGrad(context: InferContext): TensorSpec {
  const y = equalFloats(context, ['y', 'dy']);
  optionalOfShape(context, 2, 'other', y.shape, "the shape of 'y'");
  return y;
}

/** The rows of one of them. */
function rectifier(name: Rectifier): AnyOp[] {
  const ceiling = ceilings[name];
  const runGrad = ({ inputs, outputs }: Pick<RunContext, 'inputs' | 'outputs'>): void => {
    const [y, dy, dx] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    const other = inputs[2] && floats(inputs[2]);
    for (let i = 0; i < dx.length; i++) dx[i] = y[i] > 0 && y[i] < ceiling ? dy[i] + (other ? other[i] : 0) : 0;
  };
  const forward = defineOp({
    name,
    inputs: ['x'],
    outputs: ['y'],
    attrs: {},
    infer: likeX,
    run: ({ inputs, outputs }) => rectify(floats(inputs[0]), floats(outputs[0]), ceiling),
    gradient: fromOutput(`${name}Grad`),
    inplace: [[0, 0]],
    cases: forwardCases,
  });
  const grad = defineOp({
    name: `${name}Grad`,
    inputs: ['y', 'dy', 'other?'],
    outputs: ['dx'],
    attrs: {},
    infer: (context) => [inferGrad(context)],
    run: runGrad,
    inplace: [
      [1, 0],
      [2, 0],
    ],
    cases: gradCases,
  });
  const gradBias = defineOp({
    name: `${name}GradBias`,
    inputs: ['y', 'dy', 'other?'],
    outputs: ['dx', 'dbias'],
    attrs: {},
    infer(context) {
      const y = inferGrad(context);
      if (y.shape.length === 0) context.fail("'y' of rank 1 or more", 'a scalar');
      return [y, float32(y.shape.slice(-1))];
    },
    run({ inputs, outputs, scratch }) {
      runGrad({ inputs, outputs });
      const [dx, dbias] = outputs.map(floats);
      const sums = doubles(scratch, dbias.length);
      sums.fill(0);
      for (let start = 0; start < dx.length; start += sums.length) {
        for (let c = 0; c < sums.length; c++) sums[c] += dx[start + c];
      }
      dbias.set(sums);
    },
    inplace: [
      [1, 0],
      [2, 0],
    ],
    scratch: (_, outputs) => doublesScratch(outputs[1].shape[0]),
    cases: gradBiasCases,
  });
  return [forward, grad, gradBias];
}

export const rectifierOps = [...rectifier('relu'), ...rectifier('relu6')];
