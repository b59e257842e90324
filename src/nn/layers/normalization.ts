// Batch normalization after Ioffe & Szegedy (2015), with Keras's defaults and running statistics.

import { shapeText } from '../../core/shape.js';
import { type Initializer, type InitializerOption, resolveInitializer } from '../initializers.js';
import { defineLayer, type LayerOptions } from '../layer.js';

export interface BatchNormalizationOptions extends LayerOptions {
  /** Share of the running statistics that each step keeps; in [0, 1]. Default 0.99. */
  momentum?: number;
  /** Added to the variance. Default 0.001. */
  epsilon?: number;
  /** Adds a trained `beta` per channel. Default true. */
  center?: boolean;
  /** Multiplies by a trained `gamma` per channel. Default true. */
  scale?: boolean;
  /** Default 'zeros'. */
  betaInitializer?: InitializerOption;
  /** Default 'ones'. */
  gammaInitializer?: InitializerOption;
}

interface Settings {
  momentum: number;
  epsilon: number;
  gamma: Initializer | null;
  beta: Initializer | null;
}

/**
 * Each channel (last axis) shifted and scaled to mean 0 and variance 1, then by `gamma` and `beta`. Training uses the
 * batch's statistics and updates the running ones; otherwise, and with trainable: false, the running ones are used.
 * Any shape [batch, …, channels]. Weights: gamma, beta [channels]; statistics: movingMean, movingVariance [channels].
 *
 * @example layers.batchNormalization({ momentum: 0.9 })
 */
export const batchNormalization = defineLayer<BatchNormalizationOptions, Settings>({
  type: 'batchNormalization',
  options: {
    momentum: 0.99,
    epsilon: 1e-3,
    center: true,
    scale: true,
    betaInitializer: 'zeros',
    gammaInitializer: 'ones',
  },
  parse(options) {
    const initializer = (name: string): Initializer =>
      resolveInitializer(`${options.where}, option '${name}'`, options.raw(name));
    const [gamma, beta] = [initializer('gammaInitializer'), initializer('betaInitializer')];
    return {
      momentum: options.number('momentum', { min: 0, max: 1 }),
      epsilon: options.number('epsilon', { above: 0 }),
      gamma: options.boolean('scale') ? gamma : null,
      beta: options.boolean('center') ? beta : null,
    };
  },
  call(context, [x], { momentum, epsilon, ...initializers }) {
    const { shape } = x;
    if (shape.length < 2) context.fail('samples with at least one axis', shapeText(shape.slice(1)));
    const channels = [shape[shape.length - 1]];
    const gamma = initializers.gamma && context.weight('gamma', channels, initializers.gamma);
    const beta = initializers.beta && context.weight('beta', channels, initializers.beta);
    const movingMean = context.statistic('movingMean', channels, 0);
    const movingVariance = context.statistic('movingVariance', channels, 1);
    if (!context.training || !context.trainable) {
      return context.op('batchNormInference', [x, gamma, beta, movingMean, movingVariance], { epsilon });
    }
    const [y, mean, variance] = context.emit('batchNorm', [x, gamma, beta], { epsilon });
    // Keras keeps the batch's biased variance: no correction.
    context.update(movingMean, 'updateAverage', [movingMean, mean], { momentum, correction: 1 });
    context.update(movingVariance, 'updateAverage', [movingVariance, variance], { momentum, correction: 1 });
    return y;
  },
});
