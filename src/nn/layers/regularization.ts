// Random changes while training that inference knows nothing of. They depend on the seed, the step and the layer's path
// alone: a run repeats, on every backend and with any number of threads.

import { shapeText, sizeOf } from '../../core/shape.js';
import type { Value } from '../../ops/op.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import type { OptionReader } from '../options.js';
import { type Regularizer, regularizers } from '../regularizers.js';
import { seluConstants } from './activation.js';

export interface RateOptions extends LayerOptions {
  /** Share of values dropped; in [0, 1). */
  rate: number;
}

const readRate = (options: OptionReader): number => options.number('rate', { min: 0, below: 1 });

export interface DropoutOptions extends RateOptions {
  /**
   * Shape of the mask, batch first: 1 where one draw serves the whole axis, null where every element has its own. Default
   * null: every element.
   */
  noiseShape?: readonly (number | null)[] | null;
}

type NoiseShape = readonly (number | null)[] | null;

function readNoiseShape(options: OptionReader): NoiseShape {
  if (!options.has('noiseShape')) return null;
  const value = options.raw('noiseShape');
  const valid = (size: unknown) => size === null || (Number.isSafeInteger(size) && (size as number) >= 1);
  if (Array.isArray(value) && value.every(valid)) return value as NoiseShape;
  throw options.error('noiseShape', 'a list of sizes at least 1, or null', value);
}

/** The mask's shape for x. */
function noiseShapeOf(context: LayerContext, x: Value, given: NoiseShape): readonly number[] {
  if (!given) return x.shape;
  const shape = given.map((size, axis) => size ?? x.shape[axis]);
  const fits = shape.length === x.shape.length && shape.every((size, axis) => size === 1 || size === x.shape[axis]);
  const text = JSON.stringify(given);
  if (!fits) context.fail(`samples that a mask of ${text} fits (batch first; 1 or null are safe)`, shapeText(x.shape));
  return shape;
}

/** 0 for a share `rate` of the elements, 1 / (1 - rate) for the others. */
function maskOf(context: LayerContext, shape: readonly number[], rate: number): Value {
  const ones = context.op('fill', [], { value: 1, shape });
  return context.op('dropout', [ones, context.seed()], { rate, salt: context.salt });
}

function drop(context: LayerContext, x: Value, rate: number, shape: readonly number[]): Value {
  if (!context.training || rate === 0) return x;
  if (sizeOf(shape) === sizeOf(x.shape)) {
    return context.op('dropout', [x, context.seed()], { rate, salt: context.salt });
  }
  return context.op('multiply', [x, maskOf(context, shape, rate)]);
}

export interface ActivityRegularizationOptions extends LayerOptions {
  /** Factor of the sum of absolute values. Default 0. */
  l1?: number;
  /** Factor of the sum of squares. Default 0. */
  l2?: number;
}

/**
 * Puts its input out as it is and adds (l1 · Σ |x| + l2 · Σ x²) / samples to the loss: [batch, …] → [batch, …]. As Keras's
 * ActivityRegularization; every layer takes the same as its option `activityRegularizer`.
 *
 * @example layers.activityRegularization({ l1: 1e-4 })
 */
export const activityRegularization = defineLayer<ActivityRegularizationOptions, Regularizer>({
  type: 'activityRegularization',
  options: { l1: 0, l2: 0 },
  parse: (options) => regularizers.l1l2({ l1: options.number('l1', { min: 0 }), l2: options.number('l2', { min: 0 }) }),
  call(context, [x], regularizer) {
    const cost = regularizer.build(context, x);
    context.addLoss(context.op('rescale', [cost], { scale: 1 / context.samples, offset: 0 }));
    return x;
  },
});

/**
 * In training, sets a random share `rate` of the values to 0 and multiplies the others by 1 / (1 - rate); otherwise
 * passes its input on (Srivastava et al., 2014). Any shape.
 *
 * @example layers.dropout({ rate: 0.5 })
 */
export const dropout = defineLayer<DropoutOptions, { rate: number; noiseShape: NoiseShape }>({
  type: 'dropout',
  options: { rate: undefined, noiseShape: null },
  parse: (options) => ({ rate: readRate(options), noiseShape: readNoiseShape(options) }),
  call: (context, [x], { rate, noiseShape }) => drop(context, x, rate, noiseShapeOf(context, x, noiseShape)),
});

const spatialDropout = (type: string, rank: number, wanted: string) =>
  defineLayer<RateOptions, number>({
    type,
    options: { rate: undefined },
    parse: readRate,
    call(context, [x], rate) {
      const { shape } = x;
      if (shape.length !== rank + 2) context.fail(`samples [${wanted}]`, shapeText(shape.slice(1)));
      const mask = shape.map((size, axis) => (axis === 0 || axis === rank + 1 ? size : 1));
      return drop(context, x, rate, mask);
    },
  });

/**
 * Dropout of whole channels (Tompson et al., 2015). [batch, length, channels].
 *
 * @example layers.spatialDropout1d({ rate: 0.2 })
 */
export const spatialDropout1d = spatialDropout('spatialDropout1d', 1, 'length, channels');
/**
 * Dropout of whole channels (Tompson et al., 2015). [batch, height, width, channels].
 *
 * @example layers.spatialDropout2d({ rate: 0.2 })
 */
export const spatialDropout2d = spatialDropout('spatialDropout2d', 2, 'height, width, channels');
/**
 * Dropout of whole channels (Tompson et al., 2015). [batch, depth, height, width, channels].
 *
 * @example layers.spatialDropout3d({ rate: 0.2 })
 */
export const spatialDropout3d = spatialDropout('spatialDropout3d', 3, 'depth, height, width, channels');

/**
 * Dropout behind SELU, which keeps mean and variance: a share `rate` of the values becomes SELU's limit, and all are
 * shifted and scaled (Klambauer et al., 2017). Any shape.
 *
 * @example layers.alphaDropout({ rate: 0.1 })
 */
export const alphaDropout = defineLayer<DropoutOptions, { rate: number; noiseShape: NoiseShape }>({
  type: 'alphaDropout',
  options: { rate: undefined, noiseShape: null },
  parse: (options) => ({ rate: readRate(options), noiseShape: readNoiseShape(options) }),
  call(context, [x], { rate, noiseShape }) {
    const shape = noiseShapeOf(context, x, noiseShape);
    if (!context.training || rate === 0) return x;
    const limit = -seluConstants.alpha * seluConstants.scale;
    const a = ((1 - rate) * (1 + rate * limit * limit)) ** -0.5;
    const b = -a * limit * rate;
    // kept: a x + b, dropped: a limit + b; the mask is 1 / (1 - rate) where x is kept.
    const mask = maskOf(context, shape, rate);
    const factor = context.op('rescale', [mask], { scale: a * (1 - rate), offset: 0 });
    const term = context.op('rescale', [mask], { scale: -a * limit * (1 - rate), offset: a * limit + b });
    return context.op('add', [context.op('multiply', [x, factor]), term]);
  },
});

const noise = (context: LayerContext, shape: readonly number[], mean: number, stddev: number): Value =>
  context.op('randomNormal', [context.seed()], { shape, mean, stddev, salt: context.salt });

/**
 * In training, multiplies every value by a normal number of mean 1 and deviation sqrt(rate / (1 - rate)) (Srivastava et
 * al., 2014). Any shape.
 *
 * @example layers.gaussianDropout({ rate: 0.2 })
 */
export const gaussianDropout = defineLayer<RateOptions, number>({
  type: 'gaussianDropout',
  options: { rate: undefined },
  parse: readRate,
  call(context, [x], rate) {
    if (!context.training || rate === 0) return x;
    return context.op('multiply', [x, noise(context, x.shape, 1, Math.sqrt(rate / (1 - rate)))]);
  },
});

export interface GaussianNoiseOptions extends LayerOptions {
  /** Deviation of the noise, at least 0. */
  stddev: number;
}

/**
 * In training, adds normal noise of mean 0 to every value. Any shape.
 *
 * @example layers.gaussianNoise({ stddev: 0.1 })
 */
export const gaussianNoise = defineLayer<GaussianNoiseOptions, number>({
  type: 'gaussianNoise',
  options: { stddev: undefined },
  parse: (options) => options.number('stddev', { min: 0 }),
  call(context, [x], stddev) {
    if (!context.training || stddev === 0) return x;
    return context.op('add', [x, noise(context, x.shape, 0, stddev)]);
  },
});

export interface StochasticDepthOptions extends RateOptions {
  /** 'row': every sample is dropped or kept by itself; 'batch': all together. Default 'row'. */
  mode?: 'row' | 'batch';
}

/**
 * In training, sets whole samples to 0 with probability `rate` and multiplies the others by 1 / (1 - rate): on the
 * residual branch, in front of the addition, a block is left out (Huang et al., 2016). Options as in torchvision. Any
 * shape.
 *
 * @example layers.stochasticDepth({ rate: 0.1 })
 */
export const stochasticDepth = defineLayer<StochasticDepthOptions, { rate: number; mode: 'row' | 'batch' }>({
  type: 'stochasticDepth',
  options: { rate: undefined, mode: 'row' },
  parse: (options) => ({ rate: readRate(options), mode: options.oneOf('mode', ['row', 'batch']) }),
  call: (context, [x], { rate, mode }) =>
    drop(
      context,
      x,
      rate,
      x.shape.map((size, axis) => (axis === 0 && mode === 'row' ? size : 1)),
    ),
});
