// What inference does to weights before it uses them: batch normalization with given statistics is taken into the
// weight and bias of the op before it. Ops of the prologue of a plan; training never sees them.

import { shapeText, sizeOf } from '../core/shape.js';
import { attr, defineOp, floats, type OpCase } from './op.js';
import { atLeast, float32, floatInput, floatOfShape, optionalOfShape } from './rules.js';

interface FoldProblem {
  name: string;
  shape: readonly number[];
  /** Axis of the channels; default: the last. */
  axis?: number;
  bias?: boolean;
  gamma?: boolean;
  beta?: boolean;
  epsilon?: number;
}

function makeCase({ name, shape, axis = shape.length - 1, bias, gamma, beta, epsilon = 1e-3 }: FoldProblem): OpCase {
  const channels = [shape[axis]];
  const given = (present: boolean | undefined) => (present ? { shape: channels } : null);
  const variance = { shape: channels, values: 'positive' as const };
  return {
    name,
    inputs: [{ shape }, given(bias), given(gamma), given(beta), { shape: channels }, variance],
    attrs: { epsilon, axis },
  };
}

const foldBatchNorm = defineOp({
  name: 'foldBatchNorm',
  inputs: ['weight', 'bias?', 'gamma?', 'beta?', 'mean', 'variance'],
  outputs: ['foldedWeight', 'foldedBias'],
  attrs: { epsilon: attr.float(1e-3), axis: attr.int() },
  infer(context) {
    const { epsilon, axis } = context.attrs;
    const { shape } = floatInput(context, 0, 'weight');
    atLeast(context, 'epsilon', epsilon, 0);
    if (!(axis >= 0 && axis < shape.length)) context.fail(`an axis of 'weight' (${shapeText(shape)})`, axis);
    const channels = [shape[axis]];
    const names = ['bias', 'gamma', 'beta'];
    names.forEach((name, i) => optionalOfShape(context, 1 + i, name, channels, 'one per channel'));
    floatOfShape(context, 4, 'mean', channels, 'one per channel');
    floatOfShape(context, 5, 'variance', channels, 'one per channel');
    return [float32(shape), float32(channels)];
  },
  run({ inputs, outputs, attrs: { epsilon, axis } }) {
    const [weight, bias, gamma, beta, mean, variance] = inputs.map((input) => input && floats(input));
    const [foldedWeight, foldedBias] = outputs.map(floats);
    const shape = inputs[0]?.shape ?? [];
    const channels = foldedBias.length;
    const inner = sizeOf(shape.slice(axis + 1));
    const outer = sizeOf(shape.slice(0, axis));
    for (let c = 0; c < channels; c++) {
      const scale = (gamma?.[c] ?? 1) / Math.sqrt(variance![c] + epsilon);
      for (let o = 0; o < outer; o++) {
        const start = (o * channels + c) * inner;
        for (let i = start; i < start + inner; i++) foldedWeight[i] = weight![i] * scale;
      }
      foldedBias[c] = ((bias?.[c] ?? 0) - mean![c]) * scale + (beta?.[c] ?? 0);
    }
  },
  cases: [
    { name: 'convolution', shape: [3, 3, 5, 7], bias: true, gamma: true, beta: true },
    { name: 'no bias', shape: [3, 3, 2, 16], gamma: true, beta: true },
    { name: 'no bias, gamma, beta', shape: [1, 1, 4, 5], epsilon: 1e-5 },
    { name: 'dense, many units', shape: [37, 131], bias: true, gamma: true },
    { name: 'transposed', shape: [2, 2, 5, 19], axis: 2, bias: true, beta: true },
    { name: 'first axis', shape: [3, 4], axis: 0, gamma: true },
    { name: 'one channel', shape: [5, 1], bias: true, gamma: true, beta: true },
    { name: 'large', shape: [3, 3, 64, 520], gamma: true, beta: true },
  ].map(makeCase),
});

export const foldingOps = [foldBatchNorm];
