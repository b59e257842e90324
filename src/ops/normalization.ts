// Batch normalization over all axes but the last (Ioffe & Szegedy 2015), by the statistics of the batch or by given
// ones, and the moving average that keeps them. Two passes in doubles; the variance is biased.

import type { FloatArray, TensorSpec } from '../core/dtype.js';
import { shapeText, sizeOf } from '../core/shape.js';
import { activateInPlace, fusedActivations, throughActivation } from './activation.js';
import { rescaled } from './elementwise.js';
import { doubles, doublesScratch } from './gemm.js';
import { attr, defineOp, floats, type GradientContext, type InferContext, type OpCase, type Value } from './op.js';
import { ceilings } from './rectifier.js';
import { sumPerChannel } from './reduce.js';
import { atLeast, equalFloats, float32, floatInput, floatOfShape, optionalOfShape, within } from './rules.js';

const epsilonAttr = attr.float(1e-3);
const normAttrs = { epsilon: epsilonAttr, activation: attr.oneOf(fusedActivations, 'linear') } as const;

/** x of rank 1 or more, with at least one channel; returns their number. */
function checkX(context: InferContext): { x: TensorSpec; channels: number } {
  atLeast(context, 'epsilon', context.attrs.epsilon, 0);
  const x = floatInput(context, 0, 'x');
  const channels = x.shape[x.shape.length - 1];
  if (x.shape.length === 0 || channels < 1)
    context.fail("'x' with at least one channel on its last axis", shapeText(x.shape));
  return { x, channels };
}

const perChannel = 'one per channel';

function checkBatch(context: InferContext, x: TensorSpec, channels: number): void {
  if (sizeOf(x.shape) >= channels) return;
  context.fail(
    "'x' with at least one value per channel",
    shapeText(x.shape),
    'the statistics of an empty batch are undefined',
  );
}

const lastSize = (spec: TensorSpec | null) => spec?.shape[spec.shape.length - 1] ?? 1;

/** scale[c] = gamma[c] / sqrt(variance[c] + epsilon). `scale` may be `variance`. */
function writeScale(scale: Float64Array, gamma: FloatArray | undefined, variance: FloatArray, epsilon: number): void {
  for (let c = 0; c < scale.length; c++) scale[c] = (gamma ? gamma[c] : 1) / Math.sqrt(variance[c] + epsilon);
}

/** y = (x - mean) * scale + beta, channel by channel. */
function normalize(
  x: FloatArray,
  mean: FloatArray,
  scale: Float64Array,
  beta: FloatArray | undefined,
  y: FloatArray,
): void {
  const channels = scale.length;
  for (let start = 0; start < y.length; start += channels) {
    for (let c = 0; c < channels; c++) y[start + c] = (x[start + c] - mean[c]) * scale[c] + (beta ? beta[c] : 0);
  }
}

/** Mean and biased variance of every channel. */
function writeMoments(x: FloatArray, mean: Float64Array, variance: Float64Array): void {
  const channels = mean.length;
  const rows = x.length / channels;
  mean.fill(0);
  for (let start = 0; start < x.length; start += channels) {
    for (let c = 0; c < channels; c++) mean[c] += x[start + c];
  }
  for (let c = 0; c < channels; c++) mean[c] /= rows;
  variance.fill(0);
  for (let start = 0; start < x.length; start += channels) {
    for (let c = 0; c < channels; c++) {
      const difference = x[start + c] - mean[c];
      variance[c] += difference * difference;
    }
  }
  for (let c = 0; c < channels; c++) variance[c] /= rows;
}

/** dbeta = sum of dy, dgamma = sum of dy * (x - mean) / sqrt(variance + epsilon), channel by channel. */
function writeParameterSums(
  x: FloatArray,
  dy: FloatArray,
  mean: FloatArray,
  variance: FloatArray,
  epsilon: number,
  dgamma: Float64Array,
  dbeta: Float64Array,
): void {
  const channels = dgamma.length;
  dgamma.fill(0);
  dbeta.fill(0);
  for (let start = 0; start < dy.length; start += channels) {
    for (let c = 0; c < channels; c++) {
      dgamma[c] += dy[start + c] * (x[start + c] - mean[c]);
      dbeta[c] += dy[start + c];
    }
  }
  for (let c = 0; c < channels; c++) dgamma[c] /= Math.sqrt(variance[c] + epsilon);
}

const optional = (view: Parameters<typeof floats>[0]) => (view ? floats(view) : undefined);

interface NormProblem {
  name: string;
  shape: readonly number[];
  gamma?: boolean;
  /** true: random numbers. */
  beta?: boolean | readonly number[];
  epsilon?: number;
  activation?: string;
  tolerance?: number;
}

const problems: readonly NormProblem[] = [
  { name: 'images', shape: [2, 3, 5, 3], gamma: true, beta: true },
  { name: 'rows', shape: [7, 5], gamma: true, beta: true },
  { name: 'no gamma', shape: [3, 4, 2], beta: true },
  { name: 'no beta', shape: [11, 3], gamma: true },
  { name: 'neither', shape: [5, 4] },
  { name: 'relu', shape: [2, 3, 3, 4], gamma: true, beta: true, activation: 'relu' },
  { name: 'tanh, no gamma', shape: [5, 3], beta: true, activation: 'tanh' },
  { name: 'sigmoid', shape: [5, 3], gamma: true, beta: true, activation: 'sigmoid' },
  { name: 'relu6', shape: [2, 3, 3, 4], gamma: true, beta: [6, 5, 0, 3], activation: 'relu6' },
  { name: 'one channel', shape: [13, 1], gamma: true, beta: true },
  { name: 'vector: one value per channel', shape: [4], gamma: true, beta: true, epsilon: 0.1 },
  { name: 'many channels', shape: [3, 67], gamma: true, beta: true, epsilon: 1e-5 },
];

/** Float inputs of a case: x, then gamma, then what `rest` puts in its place. */
function caseInputs({ shape, gamma, beta }: NormProblem, rest: 'beta' | 'beta and moments' | 'moments and dy') {
  const channels = [shape[shape.length - 1]];
  const parameter = (given: NormProblem['beta']) =>
    given ? { shape: channels, values: given === true ? ('positive' as const) : given } : null;
  const moments = [{ shape: channels }, { shape: channels, values: 'positive' as const }];
  const tail = {
    beta: [parameter(beta)],
    'beta and moments': [parameter(beta), ...moments],
    'moments and dy': [...moments, { shape }],
  };
  return [{ shape }, parameter(gamma), ...tail[rest]];
}

function makeCases(rest: Parameters<typeof caseInputs>[1], from: readonly NormProblem[] = problems): OpCase[] {
  return from.map((problem) => {
    const { epsilon = 1e-3, activation = 'linear', name } = problem;
    const attrs = rest === 'moments and dy' && activation === 'linear' ? { epsilon } : { epsilon, activation };
    return { name, inputs: caseInputs(problem, rest), attrs };
  });
}

/** A case of the gradient with beta, which moves channels to both ends of the activation. */
function behindActivation(problem: NormProblem, activation: 'relu' | 'relu6'): OpCase {
  const [linear] = makeCases('moments and dy', [{ ...problem, name: `${problem.name}, ${activation}`, activation }]);
  const shape = problem.shape.slice(-1);
  const values = activation === 'relu' ? undefined : Array.from({ length: shape[0] }, (_, c) => 6 * (c % 2));
  return { ...linear, inputs: [...linear.inputs, problem.beta ? { shape, values } : null] };
}

const plainProblems = problems.filter(({ activation }) => !activation);
const emptyBatch: NormProblem = { name: 'empty batch', shape: [0, 3], gamma: true, beta: true };

/** Emits `term` added to `sum`, of which either may be missing. */
function plus(context: GradientContext, sum: Value | null, term: Value): Value {
  return sum ? context.emit('add', [sum, term])[0] : term;
}

const batchNorm = defineOp({
  name: 'batchNorm',
  inputs: ['x', 'gamma?', 'beta?'],
  outputs: ['y', 'mean', 'variance'],
  attrs: normAttrs,
  infer(context) {
    const { x, channels } = checkX(context);
    checkBatch(context, x, channels);
    optionalOfShape(context, 1, 'gamma', [channels], perChannel);
    optionalOfShape(context, 2, 'beta', [channels], perChannel);
    return [float32(x.shape), float32([channels]), float32([channels])];
  },
  run({ inputs, outputs, attrs, scratch }) {
    const [x, y] = [floats(inputs[0]), floats(outputs[0])];
    const channels = lastSize(inputs[0]);
    const sums = doubles(scratch, 2 * channels);
    const mean = sums.subarray(0, channels);
    const variance = sums.subarray(channels);
    writeMoments(x, mean, variance);
    floats(outputs[1]).set(mean);
    floats(outputs[2]).set(variance);
    writeScale(variance, optional(inputs[1]), variance, attrs.epsilon);
    normalize(x, mean, variance, optional(inputs[2]), y);
    activateInPlace(y, attrs.activation);
  },
  gradient(context) {
    const [x, gamma, beta] = context.inputs as readonly Value[];
    const [y, mean, variance] = context.outputs;
    const [dyAfter, dMean, dVariance] = context.dOutputs;
    const { epsilon, activation } = context.attrs;
    let [dx, dgamma, dbeta]: (Value | null)[] = [null, null, null];
    if (dyAfter) {
      const dy = throughActivation(context, y, dyAfter, activation);
      [dx, dgamma, dbeta] = context.emit('batchNormGrad', [x, gamma, mean, variance, dy], { epsilon });
    }
    const rows = sizeOf(x.shape) / lastSize(x);
    if (dMean) dx = plus(context, dx, broadcastPerChannel(context, rescaled(context, dMean, 1 / rows), x));
    if (dVariance) {
      const [centered] = context.emit('subtract', [x, mean]);
      dx = plus(context, dx, context.emit('multiply', [centered, rescaled(context, dVariance, 2 / rows)])[0]);
    }
    return [dx, gamma ? dgamma : null, beta ? dbeta : null];
  },
  scratch: (inputs) => doublesScratch(2 * lastSize(inputs[0])),
  cases: [
    ...makeCases('beta'),
    {
      name: 'mean far from zero',
      inputs: [{ shape: [4, 1], values: [1000.5, 1001, 999.5, 1000] }, null, null],
      tolerance: 1e-3,
      gradientOf: [],
    },
  ],
});

function broadcastPerChannel(context: GradientContext, value: Value, x: Value): Value {
  return context.emit('broadcastTo', [value], { shape: x.shape })[0];
}

const batchNormGrad = defineOp({
  name: 'batchNormGrad',
  inputs: ['x', 'gamma?', 'mean', 'variance', 'dy', 'beta?'],
  outputs: ['dx', 'dgamma', 'dbeta'],
  // relu, relu6: dy is the gradient behind it; which outputs it let through is computed from x again, by means of beta.
  attrs: { epsilon: epsilonAttr, activation: attr.oneOf(['linear', 'relu', 'relu6'], 'linear') },
  infer(context) {
    const specs = inferGrad(context);
    checkBatch(context, specs[0], specs[1].shape[0]);
    optionalOfShape(context, 5, 'beta', specs[1].shape, perChannel);
    return specs;
  },
  run({ inputs, outputs, attrs: { epsilon, activation }, scratch }) {
    const [x, mean, variance, dyAfter] = [inputs[0], inputs[2], inputs[3], inputs[4]].map(floats);
    const dx = floats(outputs[0]);
    const channels = mean.length;
    const rows = x.length / channels;
    const sums = doubles(scratch, 3 * channels);
    const dgamma = sums.subarray(0, channels);
    const dbeta = sums.subarray(channels, 2 * channels);
    const scale = sums.subarray(2 * channels);
    writeScale(scale, optional(inputs[1]), variance, epsilon);
    const dy = activation === 'linear' ? dyAfter : dx;
    if (activation !== 'linear') {
      const beta = optional(inputs[5]);
      for (let start = 0; start < dx.length; start += channels) {
        for (let c = 0; c < channels; c++) {
          const before = (x[start + c] - mean[c]) * scale[c] + (beta ? beta[c] : 0);
          dx[start + c] = before > 0 && before < ceilings[activation] ? dyAfter[start + c] : 0;
        }
      }
    }
    writeParameterSums(x, dy, mean, variance, epsilon, dgamma, dbeta);
    floats(outputs[1]).set(dgamma);
    floats(outputs[2]).set(dbeta);
    // dx = scale * (dy - mean(dy) - normalized x * mean(dy * normalized x))
    for (let c = 0; c < channels; c++) {
      dgamma[c] /= rows * Math.sqrt(variance[c] + epsilon);
      dbeta[c] /= rows;
    }
    for (let start = 0; start < dx.length; start += channels) {
      for (let c = 0; c < channels; c++) {
        const i = start + c;
        dx[i] = scale[c] * (dy[i] - dbeta[c] - (x[i] - mean[c]) * dgamma[c]);
      }
    }
  },
  inplace: [[4, 0]],
  scratch: (inputs) => doublesScratch(3 * lastSize(inputs[0])),
  cases: [
    ...makeCases('moments and dy', plainProblems),
    ...plainProblems.map((problem) => behindActivation(problem, 'relu')),
    ...plainProblems.filter(({ beta }) => beta).map((problem) => behindActivation(problem, 'relu6')),
  ],
});

function inferGrad(context: InferContext): TensorSpec[] {
  const { x, channels } = checkX(context);
  optionalOfShape(context, 1, 'gamma', [channels], perChannel);
  floatOfShape(context, 2, 'mean', [channels], perChannel);
  floatOfShape(context, 3, 'variance', [channels], perChannel);
  floatOfShape(context, 4, 'dy', x.shape, "the shape of 'x'");
  return [float32(x.shape), float32([channels]), float32([channels])];
}

const batchNormInference = defineOp({
  name: 'batchNormInference',
  inputs: ['x', 'gamma?', 'beta?', 'mean', 'variance'],
  outputs: ['y'],
  attrs: normAttrs,
  infer(context) {
    const { x, channels } = checkX(context);
    optionalOfShape(context, 1, 'gamma', [channels], perChannel);
    optionalOfShape(context, 2, 'beta', [channels], perChannel);
    floatOfShape(context, 3, 'mean', [channels], perChannel);
    floatOfShape(context, 4, 'variance', [channels], perChannel);
    return [float32(x.shape)];
  },
  run({ inputs, outputs, attrs, scratch }) {
    const [x, mean, variance, y] = [inputs[0], inputs[3], inputs[4], outputs[0]].map(floats);
    const scale = doubles(scratch, mean.length);
    writeScale(scale, optional(inputs[1]), variance, attrs.epsilon);
    normalize(x, mean, scale, optional(inputs[2]), y);
    activateInPlace(y, attrs.activation);
  },
  gradient(context) {
    const [x, gamma, beta, mean, variance] = context.inputs as readonly Value[];
    const { epsilon, activation } = context.attrs;
    const { needs } = context;
    const dy = throughActivation(context, context.outputs[0], context.dOutputs[0] as Value, activation);
    const [dx, dgamma, dbeta] = context.emit('batchNormInferenceGrad', [x, gamma, mean, variance, dy], { epsilon });
    const dMean = () => context.emit('negate', [sumPerChannel(context, dx)])[0];
    const dVariance = () => {
      const [centered] = context.emit('subtract', [x, mean]);
      const sum = sumPerChannel(context, context.emit('multiply', [dx, centered])[0]);
      return context.emit('divide', [sum, rescaled(context, variance, -2, -2 * epsilon)])[0];
    };
    return [dx, gamma ? dgamma : null, beta ? dbeta : null, needs[3] ? dMean() : null, needs[4] ? dVariance() : null];
  },
  scratch: (inputs) => doublesScratch(lastSize(inputs[0])),
  cases: makeCases('beta and moments', [...problems, emptyBatch]),
});

const batchNormInferenceGrad = defineOp({
  name: 'batchNormInferenceGrad',
  inputs: ['x', 'gamma?', 'mean', 'variance', 'dy'],
  outputs: ['dx', 'dgamma', 'dbeta'],
  attrs: { epsilon: epsilonAttr },
  infer: inferGrad,
  run({ inputs, outputs, attrs: { epsilon }, scratch }) {
    const [x, mean, variance, dy] = [inputs[0], inputs[2], inputs[3], inputs[4]].map(floats);
    const dx = floats(outputs[0]);
    const channels = mean.length;
    const sums = doubles(scratch, 3 * channels);
    const dgamma = sums.subarray(0, channels);
    const dbeta = sums.subarray(channels, 2 * channels);
    const scale = sums.subarray(2 * channels);
    writeParameterSums(x, dy, mean, variance, epsilon, dgamma, dbeta);
    floats(outputs[1]).set(dgamma);
    floats(outputs[2]).set(dbeta);
    writeScale(scale, optional(inputs[1]), variance, epsilon);
    for (let start = 0; start < dx.length; start += channels) {
      for (let c = 0; c < channels; c++) dx[start + c] = dy[start + c] * scale[c];
    }
  },
  inplace: [[4, 0]],
  scratch: (inputs) => doublesScratch(3 * lastSize(inputs[0])),
  cases: makeCases('moments and dy', [...plainProblems, emptyBatch]),
});

const updateAverage = defineOp({
  name: 'updateAverage',
  inputs: ['average', 'value'],
  outputs: ['y'],
  attrs: { momentum: attr.float(0.99), correction: attr.float(1) },
  infer(context) {
    within(context, 'momentum', context.attrs.momentum, 0, 1, true);
    return [equalFloats(context, ['average', 'value'])];
  },
  run({ inputs, outputs, attrs: { momentum, correction } }) {
    const [average, value, y] = [...inputs, ...outputs].map(floats);
    const share = (1 - momentum) * correction;
    for (let i = 0; i < y.length; i++) y[i] = momentum * average[i] + share * value[i];
  },
  inplace: [[0, 0]],
  cases: [
    { name: 'plain', inputs: [{ shape: [17] }, { shape: [17] }], attrs: { momentum: 0.9 } },
    { name: 'unbiased', inputs: [{ shape: [5] }, { shape: [5] }], attrs: { momentum: 0.99, correction: 32 / 31 } },
    { name: 'momentum 0', inputs: [{ shape: [3] }, { shape: [3] }], attrs: { momentum: 0 } },
  ],
});

export const normalizationOps = [batchNorm, batchNormGrad, batchNormInference, batchNormInferenceGrad, updateAverage];
