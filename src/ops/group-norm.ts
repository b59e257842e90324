// Group normalization (Wu & He, 2018) of [batch, positions, channels]: each sample by its own statistics, over all
// positions and one group of channels at a time. One group of one position is layer normalization (Ba et al., 2016), one
// channel per group instance normalization (Ulyanov et al., 2016); without the mean, it is RMS normalization (Zhang &
// Sennrich, 2019). The gradient finds the statistics again: nothing but x has to be kept.

import type { FloatArray, TensorSpec } from '../core/dtype.js';
import { shapeText } from '../core/shape.js';
import { doubles, doublesScratch } from './gemm.js';
import { attr, defineOp, floats, type InferContext, type OpCase, type RunContext, type Value } from './op.js';
import { atLeast, float32, floatInput, floatOfShape, optionalOfShape } from './rules.js';

const attrs = {
  groups: attr.int(1),
  epsilon: attr.float(1e-3),
  /** 0: the mean counts as 0 (RMS normalization). */
  centered: attr.int(1),
} as const;

interface Sizes {
  batch: number;
  positions: number;
  channels: number;
}

function checkX(context: InferContext): { x: TensorSpec; channels: number } {
  const x = floatInput(context, 0, 'x', 3);
  const { groups, epsilon } = context.attrs;
  const [, positions, channels] = x.shape;
  atLeast(context, 'groups', groups, 1);
  atLeast(context, 'epsilon', epsilon, 0);
  if (positions < 1 || channels < 1) context.fail("'x' with positions and channels", shapeText(x.shape));
  if (channels % groups !== 0) context.fail(`channels divisible by groups (${groups})`, channels);
  optionalOfShape(context, 1, 'gamma', [channels], 'one value per channel');
  return { x, channels };
}

const sizesOf = ({ shape: [batch, positions, channels] }: TensorSpec): Sizes => ({ batch, positions, channels });

/** Calls body(first, last, visit) for every group: channels [first, last) of one sample, visit(element, channel). */
function forGroups(
  { batch, positions, channels }: Sizes,
  groups: number,
  body: (visit: (each: (i: number, c: number) => void) => void, count: number) => void,
): void {
  const width = channels / groups;
  for (let n = 0; n < batch; n++) {
    for (let first = 0; first < channels; first += width) {
      body((each) => {
        for (let s = 0; s < positions; s++) {
          const start = (n * positions + s) * channels;
          for (let c = first; c < first + width; c++) each(start + c, c);
        }
      }, positions * width);
    }
  }
}

type Visit = (each: (i: number, c: number) => void) => void;

function momentsOf(x: FloatArray, visit: Visit, count: number, centered: number, epsilon: number): [number, number] {
  let [mean, variance] = [0, 0];
  if (centered) {
    visit((i) => {
      mean += x[i];
    });
    mean /= count;
  }
  visit((i) => {
    variance += (x[i] - mean) ** 2;
  });
  return [mean, 1 / Math.sqrt(variance / count + epsilon)];
}

const optional = (view: RunContext['inputs'][number]) => (view ? floats(view) : undefined);

const problems: { name: string; shape: number[]; groups?: number; centered?: number; bare?: boolean }[] = [
  { name: 'images', shape: [2, 15, 6], groups: 3 },
  { name: 'one group', shape: [3, 7, 5] },
  { name: 'rows', shape: [5, 1, 11] },
  { name: 'one channel per group', shape: [2, 13, 3], groups: 3 },
  { name: 'no gamma, no beta', shape: [2, 5, 4], groups: 2, bare: true },
  { name: 'not centered', shape: [3, 1, 7], centered: 0 },
  { name: 'not centered, groups', shape: [2, 5, 4], groups: 2, centered: 0, bare: true },
  { name: 'many channels', shape: [2, 3, 140], groups: 35 },
  { name: 'wide groups', shape: [2, 2, 146], groups: 2 },
  { name: 'many positions', shape: [1, 131, 2], groups: 1 },
  { name: 'many samples', shape: [67, 1, 3] },
  { name: 'one of each', shape: [1, 1, 1], centered: 0 },
  { name: 'empty batch', shape: [0, 3, 4], groups: 2 },
];

const makeCases = (isGradient: boolean): OpCase[] =>
  problems.map(({ name, shape, bare, ...settings }) => {
    const gamma = bare ? null : { shape: shape.slice(2), values: 'positive' as const };
    const last = isGradient ? { shape } : bare ? null : { shape: shape.slice(2) };
    return { name, inputs: [{ shape }, gamma, last], attrs: { epsilon: 0.1, ...settings } };
  });

const groupNorm = defineOp({
  name: 'groupNorm',
  inputs: ['x', 'gamma?', 'beta?'],
  outputs: ['y'],
  attrs,
  infer(context) {
    const { x, channels } = checkX(context);
    optionalOfShape(context, 2, 'beta', [channels], 'one value per channel');
    return [x];
  },
  run({ inputs, outputs, attrs: { groups, epsilon, centered } }) {
    const [x, y] = [floats(inputs[0]), floats(outputs[0])];
    const [gamma, beta] = [optional(inputs[1]), optional(inputs[2])];
    forGroups(sizesOf(outputs[0]), groups, (visit, count) => {
      const [mean, inverse] = momentsOf(x, visit, count, centered, epsilon);
      visit((i, c) => {
        y[i] = (x[i] - mean) * inverse * (gamma ? gamma[c] : 1) + (beta ? beta[c] : 0);
      });
    });
  },
  gradient(context) {
    const [x, gamma, beta] = context.inputs as readonly Value[];
    const [dx, dgamma, dbeta] = context.emit('groupNormGrad', [x, gamma, context.dOutputs[0]], context.attrs);
    return [dx, gamma ? dgamma : null, beta ? dbeta : null];
  },
  inplace: [[0, 0]],
  flops: (inputs) => 8 * (inputs[0]?.shape.reduce((a, b) => a * b, 1) ?? 0),
  cases: [
    ...makeCases(false),
    {
      name: 'mean far from zero',
      inputs: [{ shape: [1, 4, 1], values: [1000.5, 1001, 999.5, 1000] }, null, null],
      gradientOf: [],
    },
    {
      name: 'all equal',
      inputs: [{ shape: [1, 4, 1], values: [5, 5, 5, 5] }, null, null],
      gradientOf: [],
    },
  ],
});

const groupNormGrad = defineOp({
  name: 'groupNormGrad',
  inputs: ['x', 'gamma?', 'dy'],
  outputs: ['dx', 'dgamma', 'dbeta'],
  attrs,
  infer(context) {
    const { x, channels } = checkX(context);
    floatOfShape(context, 2, 'dy', x.shape, "the shape of 'x'");
    return [x, float32([channels]), float32([channels])];
  },
  run({ inputs, outputs, attrs: { groups, epsilon, centered }, scratch }) {
    const [x, dy, dx] = [inputs[0], inputs[2], outputs[0]].map(floats);
    const gamma = optional(inputs[1]);
    const { channels } = sizesOf(outputs[0]);
    const sums = doubles(scratch, 2 * channels).fill(0);
    forGroups(sizesOf(outputs[0]), groups, (visit, count) => {
      const [mean, inverse] = momentsOf(x, visit, count, centered, epsilon);
      let [sum, dot] = [0, 0];
      visit((i, c) => {
        const normal = (x[i] - mean) * inverse;
        const inner = dy[i] * (gamma ? gamma[c] : 1);
        sum += inner;
        dot += inner * normal;
        sums[c] += dy[i] * normal;
        sums[channels + c] += dy[i];
      });
      const shift = centered ? sum / count : 0;
      visit((i, c) => {
        const normal = (x[i] - mean) * inverse;
        dx[i] = inverse * (dy[i] * (gamma ? gamma[c] : 1) - shift - (normal * dot) / count);
      });
    });
    floats(outputs[1]).set(sums.subarray(0, channels));
    floats(outputs[2]).set(sums.subarray(channels));
  },
  inplace: [
    [0, 0],
    [2, 0],
  ],
  scratch: (inputs) => doublesScratch(2 * (inputs[0]?.shape[2] ?? 0)),
  cases: makeCases(true),
});

export const groupNormOps = [groupNorm, groupNormGrad];
