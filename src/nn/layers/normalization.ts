// Batch normalization after Ioffe & Szegedy (2015), with Keras's defaults and running statistics.

import { shapeText } from '../../core/shape.js';
import type { Value } from '../../ops/op.js';
import { type Initializer, type InitializerOption, resolveInitializer } from '../initializers.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import { readWeight, type WeightOptions, type WeightSetting, weightDefaults } from '../weight-options.js';
import { axesOf, readAxes } from './axes.js';

/** gammaInitializer is 'ones' by default, betaInitializer 'zeros'. */
export interface BatchNormalizationOptions extends LayerOptions, WeightOptions<'gamma' | 'beta'> {
  /** The axis of the channels, the batch being axis 0. Default -1. */
  axis?: number;
  /** Share of the running statistics that each step keeps; in [0, 1]. Default 0.99. */
  momentum?: number;
  /** Added to the variance. Default 0.001. */
  epsilon?: number;
  /** Adds a trained `beta` per channel. Default true. */
  center?: boolean;
  /** Multiplies by a trained `gamma` per channel. Default true. */
  scale?: boolean;
  /** What the running mean starts as. Default 'zeros'. */
  movingMeanInitializer?: InitializerOption;
  /** What the running variance starts as. Default 'ones'. */
  movingVarianceInitializer?: InitializerOption;
}

interface Settings {
  axis: number[];
  momentum: number;
  epsilon: number;
  gamma: WeightSetting | null;
  beta: WeightSetting | null;
  movingMean: Initializer;
  movingVariance: Initializer;
}

/**
 * Each channel shifted and scaled to mean 0 and variance 1, then by `gamma` and `beta`. Training uses the batch's
 * statistics and updates the running ones (biased variance, as in Keras; PyTorch keeps the unbiased one, and its momentum
 * is 1 minus ours); otherwise, and with trainable: false, the running ones are used. Any shape [batch, …, channels].
 * Weights: gamma, beta [channels]; statistics: movingMean, movingVariance [channels].
 *
 * @example layers.batchNormalization({ momentum: 0.9 })
 */
export const batchNormalization = defineLayer<BatchNormalizationOptions, Settings>({
  type: 'batchNormalization',
  options: {
    axis: -1,
    momentum: 0.99,
    epsilon: 1e-3,
    center: true,
    scale: true,
    ...weightDefaults('gamma', 'ones'),
    ...weightDefaults('beta', 'zeros'),
    movingMeanInitializer: 'zeros',
    movingVarianceInitializer: 'ones',
  },
  parse(options) {
    const [gamma, beta] = [readWeight(options, 'gamma'), readWeight(options, 'beta')];
    options.integer('axis');
    const start = (name: string) => resolveInitializer(`${options.where}, option '${name}'`, options.raw(name));
    return {
      axis: readAxes(options, 'axis'),
      momentum: options.number('momentum', { min: 0, max: 1 }),
      epsilon: options.number('epsilon', { above: 0 }),
      gamma: options.boolean('scale') ? gamma : null,
      beta: options.boolean('center') ? beta : null,
      movingMean: start('movingMeanInitializer'),
      movingVariance: start('movingVarianceInitializer'),
    };
  },
  call(context, [x], { axis: given, ...settings }) {
    const { shape } = x;
    if (shape.length < 2) context.fail('samples with at least one axis', shapeText(shape.slice(1)));
    const [axis] = axesOf(context, x, given);
    if (axis === shape.length - 1) return normalize(context, x, settings);
    const permutation = [...shape.keys()].filter((other) => other !== axis).concat(axis);
    const inverse = permutation.map((_, place) => permutation.indexOf(place));
    const y = normalize(context, context.op('transpose', [x], { permutation }), settings);
    return context.op('transpose', [y], { permutation: inverse });
  },
});

/** Channels last. */
function normalize(context: LayerContext, x: Value, { momentum, epsilon, ...weights }: Omit<Settings, 'axis'>): Value {
  const channels = x.shape.slice(-1);
  const gamma = weights.gamma && context.weight('gamma', channels, weights.gamma);
  const beta = weights.beta && context.weight('beta', channels, weights.beta);
  const movingMean = context.statistic('movingMean', channels, weights.movingMean);
  const movingVariance = context.statistic('movingVariance', channels, weights.movingVariance);
  if (!context.training || !context.trainable) {
    return context.op('batchNormInference', [x, gamma, beta, movingMean, movingVariance], { epsilon });
  }
  const [y, mean, variance] = context.emit('batchNorm', [x, gamma, beta], { epsilon });
  context.update(movingMean, 'updateAverage', [movingMean, mean], { momentum, correction: 1 });
  context.update(movingVariance, 'updateAverage', [movingVariance, variance], { momentum, correction: 1 });
  return y;
}
