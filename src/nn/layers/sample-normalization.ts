// Normalizations of each sample by itself: the same in training and inference, without running statistics.

import { shapeText, sizeOf } from '../../core/shape.js';
import type { Value } from '../../ops/op.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import type { OptionReader } from '../options.js';
import { readWeight, type WeightOptions, type WeightSetting, weightDefaults } from '../weight-options.js';
import { type Axes, alongAxes, axesOf, readAxes } from './axes.js';

/** gammaInitializer is 'ones' by default, betaInitializer 'zeros'. */
interface AffineOptions extends LayerOptions, WeightOptions<'gamma' | 'beta'> {
  /** Added to the variance. Default 0.001. */
  epsilon?: number;
  /** Adds a trained `beta`. Default true. */
  center?: boolean;
  /** Multiplies by a trained `gamma`. Default true. */
  scale?: boolean;
}

const affineDefaults = {
  epsilon: 1e-3,
  center: true,
  scale: true,
  ...weightDefaults('gamma', 'ones'),
  ...weightDefaults('beta', 'zeros'),
} as const;

interface Affine {
  epsilon: number;
  gamma: WeightSetting | null;
  beta: WeightSetting | null;
}

function parseAffine(options: OptionReader): Affine {
  const [gamma, beta] = [readWeight(options, 'gamma'), readWeight(options, 'beta')];
  return {
    epsilon: options.number('epsilon', { above: 0 }),
    gamma: options.boolean('scale') ? gamma : null,
    beta: options.boolean('center') ? beta : null,
  };
}

/** The weight of this shape as one row; null where there is none. */
function rowOf(context: LayerContext, name: string, shape: readonly number[], setting: WeightSetting | null) {
  if (!setting) return null;
  const weight = context.weight(name, shape, setting);
  return shape.length === 1 ? weight : context.op('reshape', [weight], { shape: [sizeOf(shape)] });
}

/** Normalizes along axes, all elements along them being one group; weights have the shape of those axes. */
function alongNormalized(
  context: LayerContext,
  x: Value,
  given: readonly number[],
  weights: Record<string, WeightSetting | null>,
  attrs: { epsilon: number; centered: number },
): Value {
  const axes = axesOf(context, x, given);
  const shape = axes.map((axis) => x.shape[axis]);
  const rows = Object.entries(weights).map(([name, setting]) => rowOf(context, name, shape, setting));
  return alongAxes(context, x, axes, (vectors) => {
    const [batch, others, length] = vectors.shape;
    const single = context.op('reshape', [vectors], { shape: [batch * others, 1, length] });
    const y = context.op('groupNorm', [single, ...rows], { groups: 1, ...attrs });
    return context.op('reshape', [y], { shape: vectors.shape });
  });
}

export interface LayerNormalizationOptions extends AffineOptions {
  /** The axis, or axes taken as one, along which statistics are formed; the batch is axis 0. Default -1. */
  axis?: Axes;
}

/**
 * Each vector along the axes shifted and scaled to mean 0 and variance 1, then by gamma and beta (Ba et al., 2016). Any
 * shape. Weights: gamma, beta, of the shape of the axes. PyTorch's epsilon is 1e-5.
 *
 * @example layers.layerNormalization({ axis: [1, 2, 3], epsilon: 1e-5 })
 */
export const layerNormalization = defineLayer<LayerNormalizationOptions, Affine & { axes: number[] }>({
  type: 'layerNormalization',
  options: { axis: -1, ...affineDefaults },
  parse: (options) => ({ axes: readAxes(options, 'axis'), ...parseAffine(options) }),
  call: (context, [x], { axes, epsilon, ...weights }) =>
    alongNormalized(context, x, axes, weights, { epsilon, centered: 1 }),
});

export interface RmsNormalizationOptions extends LayerOptions, WeightOptions<'scale'> {
  /** The axis, or axes taken as one, along which squares are averaged; the batch is axis 0. Default -1. */
  axis?: Axes;
  /** Added to the mean of squares. Default 1e-6. */
  epsilon?: number;
}

/**
 * x / sqrt(mean(x^2) + epsilon) along the axes, times a trained scale (Zhang & Sennrich, 2019). Any shape. Weights:
 * scale, of the shape of the axes; scaleInitializer is 'ones' by default.
 *
 * @example layers.rmsNormalization()
 */
export const rmsNormalization = defineLayer<
  RmsNormalizationOptions,
  { axes: number[]; epsilon: number; scale: WeightSetting }
>({
  type: 'rmsNormalization',
  options: { axis: -1, epsilon: 1e-6, ...weightDefaults('scale', 'ones') },
  parse: (options) => ({
    axes: readAxes(options, 'axis'),
    epsilon: options.number('epsilon', { above: 0 }),
    scale: readWeight(options, 'scale'),
  }),
  call: (context, [x], { axes, epsilon, scale }) =>
    alongNormalized(context, x, axes, { scale }, { epsilon, centered: 0 }),
});

export interface InstanceNormalizationOptions extends AffineOptions {
  /** The axis of the channels, the batch being axis 0. Default -1. */
  axis?: number;
}

export interface GroupNormalizationOptions extends InstanceNormalizationOptions {
  /** Number of groups the channels are split into, a divisor of their number; -1: every channel alone. Default 32. */
  groups?: number;
}

/** The channels at `given`, groups of which are normalized over all positions. */
function inGroups(context: LayerContext, x: Value, given: number[], groups: number, settings: Affine): Value {
  const [axis] = axesOf(context, x, given);
  const channels = x.shape[axis];
  const count = groups === -1 ? channels : groups;
  if (channels % count !== 0) context.fail(`channels divisible by groups (${count})`, channels);
  const gamma = rowOf(context, 'gamma', [channels], settings.gamma);
  const beta = rowOf(context, 'beta', [channels], settings.beta);
  const attrs = { groups: count, epsilon: settings.epsilon };
  return alongAxes(context, x, [axis], (positions) => context.op('groupNorm', [positions, gamma, beta], attrs));
}

function parseChannels(options: OptionReader): Affine & { axis: number[] } {
  options.integer('axis');
  return { axis: readAxes(options, 'axis'), ...parseAffine(options) };
}

/**
 * Each sample's channels, in groups, shifted and scaled to mean 0 and variance 1 over all positions, then by gamma and
 * beta per channel (Wu & He, 2018). Any shape [batch, …, channels]. Weights: gamma, beta [channels].
 *
 * @example layers.groupNormalization({ groups: 8 })
 */
export const groupNormalization = defineLayer<GroupNormalizationOptions, Affine & { axis: number[]; groups: number }>({
  type: 'groupNormalization',
  options: { groups: 32, axis: -1, ...affineDefaults },
  parse(options) {
    const groups = options.integer('groups', { min: -1 });
    if (groups === 0) throw options.error('groups', 'a number at least 1, or -1', groups);
    return { groups, ...parseChannels(options) };
  },
  call: (context, [x], { axis, groups, ...settings }) => inGroups(context, x, axis, groups, settings),
});

/**
 * Each channel of each sample shifted and scaled to mean 0 and variance 1 over all positions, then by gamma and beta
 * (Ulyanov et al., 2016): group normalization with one channel per group. PyTorch's has epsilon 1e-5 and no gamma and
 * beta by default. Any shape [batch, …, channels]. Weights: gamma, beta [channels].
 *
 * @example layers.instanceNormalization({ epsilon: 1e-5, center: false, scale: false })
 */
export const instanceNormalization = defineLayer<InstanceNormalizationOptions, Affine & { axis: number[] }>({
  type: 'instanceNormalization',
  options: { axis: -1, ...affineDefaults },
  parse: parseChannels,
  call: (context, [x], { axis, ...settings }) => inGroups(context, x, axis, -1, settings),
});

export interface UnitNormalizationOptions extends LayerOptions {
  /** The axis, or axes taken as one, along which lengths become 1; the batch is axis 0. Default -1. */
  axis?: Axes;
}

/** Keras's: shorter vectors are divided by this. */
const shortest = 1e-12;

/**
 * Each vector along the axes divided by its length (the L2 norm, at least 1e-12). Any shape.
 *
 * @example layers.unitNormalization()
 */
export const unitNormalization = defineLayer<UnitNormalizationOptions, number[]>({
  type: 'unitNormalization',
  options: { axis: -1 },
  parse: (options) => readAxes(options, 'axis'),
  call(context, [x], given) {
    const axes = axesOf(context, x, given);
    const squares = context.op('reduceSum', [context.op('square', [x])], { axes, keepDims: 1 });
    const least = context.op('fill', [], { value: shortest * shortest, shape: [] });
    return context.op('divide', [x, context.op('sqrt', [context.op('maximum', [squares, least])])]);
  },
});

export interface LocalResponseNormalizationOptions extends LayerOptions {
  /** Channels on either side that count. Default 5. */
  depthRadius?: number;
  /** Default 1. */
  bias?: number;
  /** Factor of the sum of squares, as it is given. Default 1. */
  alpha?: number;
  /** Power of the divisor. Default 0.5. */
  beta?: number;
}

/**
 * x / (bias + alpha * sum of squares over the channels around)^beta, as AlexNet used it (Krizhevsky et al., 2012). Names
 * and defaults are TensorFlow's; PyTorch divides its alpha by its size, 2 depthRadius + 1, and calls the bias k. Any
 * shape [batch, …, channels].
 *
 * @example layers.localResponseNormalization({ depthRadius: 2, bias: 2, alpha: 1e-4, beta: 0.75 })
 */
export const localResponseNormalization = defineLayer<
  LocalResponseNormalizationOptions,
  Required<Omit<LocalResponseNormalizationOptions, keyof LayerOptions>>
>({
  type: 'localResponseNormalization',
  options: { depthRadius: 5, bias: 1, alpha: 1, beta: 0.5 },
  parse: (options) => ({
    depthRadius: options.integer('depthRadius', { min: 0 }),
    bias: options.number('bias', { min: 0 }),
    alpha: options.number('alpha', { min: 0 }),
    beta: options.number('beta'),
  }),
  call(context, [x], attrs) {
    if (x.shape.length < 2) context.fail('samples with at least one axis', shapeText(x.shape.slice(1)));
    return context.op('localResponseNorm', [x], attrs);
  },
});
