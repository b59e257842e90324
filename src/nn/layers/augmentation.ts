// Random changes of images that happen in training only, inside the plan and saved with the model: Keras's layers of the
// same names. What a sample becomes depends on the seed, the step, the layer's path and the sample's place in its batch.
// Many more changes, and pictures that depend on the sample alone, has `augment`, in front of the network.

import { type FillMode, fillModes, type Interpolation, interpolations } from '../../core/sampler.js';
import { bothWays, type Factors, type Pair, readFactors, readPair, readRange } from '../../data/augment/factors.js';
import type { AnyAttrs, Value } from '../../ops/op.js';
import { affineDraws } from '../../ops/warp.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import type { OptionReader } from '../options.js';
import { spatialSize } from './spatial.js';

// ---- layers that move pixels ---------------------------------------------------------------------------------------

/** Attributes of the op affineMatrix, for images of a size. */
type Motion = (height: number, width: number) => AnyAttrs;

interface Movement {
  readonly motion: Motion;
  readonly filling: AnyAttrs;
}

function moved(context: LayerContext, x: Value, { motion, filling }: Movement): Value {
  const [height, width] = spatialSize(context, x, 2);
  if (!context.training) return x;
  const shape = [x.shape[0], affineDraws];
  const draws = context.op('randomUniform', [context.seed()], { shape, salt: context.salt });
  const matrix = context.op('affineMatrix', [draws], { height, width, ...motion(height, width) });
  return context.op('affineWarp', [x, matrix], filling);
}

export interface FillLayerOptions extends LayerOptions {
  /** What lies outside the image. Default 'reflect'. */
  fillMode?: FillMode;
  /** Of fillMode 'constant'. Default 0. */
  fillValue?: number;
  /** Default 'bilinear'. */
  interpolation?: Interpolation;
}

const fillDefaults = { fillMode: 'reflect', fillValue: 0, interpolation: 'bilinear' } as const;

const readFilling = (options: OptionReader): AnyAttrs => ({
  fillMode: options.oneOf('fillMode', fillModes),
  fillValue: options.number('fillValue'),
  interpolation: options.oneOf('interpolation', interpolations),
});

export interface RandomFlipLayerOptions extends LayerOptions {
  /** Default 'horizontalAndVertical': both, each for half of the images. */
  mode?: 'horizontal' | 'vertical' | 'horizontalAndVertical';
}

/**
 * In training, mirrors half of the images left to right, or top to bottom, or both independently.
 * [batch, height, width, channels].
 *
 * @example layers.randomFlip({ mode: 'horizontal', inputShape: [32, 32, 3] })
 */
export const randomFlip = defineLayer<RandomFlipLayerOptions, Movement>({
  type: 'randomFlip',
  options: { mode: 'horizontalAndVertical' },
  parse(options) {
    const mode = options.oneOf('mode', ['horizontal', 'vertical', 'horizontalAndVertical']);
    const flips = { flipColumns: mode === 'vertical' ? 0 : 0.5, flipRows: mode === 'horizontal' ? 0 : 0.5 };
    return { motion: () => flips, filling: { interpolation: 'nearest' } };
  },
  call: (context, [x], movement) => moved(context, x, movement),
});

export interface RandomRotationLayerOptions extends FillLayerOptions {
  /** Share of a full turn, counterclockwise: f for [-f, f], or both ends; 0.1 turns by up to 36 degrees. */
  factor: Factors;
}

/**
 * In training, turns images around their middle. [batch, height, width, channels].
 *
 * @example layers.randomRotation({ factor: 0.05, fillMode: 'nearest' })
 */
export const randomRotation = defineLayer<RandomRotationLayerOptions, Movement>({
  type: 'randomRotation',
  options: { factor: undefined, ...fillDefaults },
  parse(options) {
    const [low, high] = readFactors(options, 'factor', [-1, 1], bothWays);
    const angles = { angleLow: 2 * Math.PI * low, angleHigh: 2 * Math.PI * high };
    return { motion: () => angles, filling: readFilling(options) };
  },
  call: (context, [x], movement) => moved(context, x, movement),
});

export interface RandomTranslationLayerOptions extends FillLayerOptions {
  /** Share of the height, downwards: f for [-f, f], or both ends, from -1 to 1. */
  heightFactor: Factors;
  /** Share of the width, to the right. */
  widthFactor: Factors;
}

/**
 * In training, shifts images. [batch, height, width, channels].
 *
 * @example layers.randomTranslation({ heightFactor: 0.1, widthFactor: 0.1 })
 */
export const randomTranslation = defineLayer<RandomTranslationLayerOptions, Movement>({
  type: 'randomTranslation',
  options: { heightFactor: undefined, widthFactor: undefined, ...fillDefaults },
  parse(options) {
    const [up, down] = readFactors(options, 'heightFactor', [-1, 1], bothWays);
    const [left, right] = readFactors(options, 'widthFactor', [-1, 1], bothWays);
    const motion = (height: number, width: number) => ({
      ...{ downLow: up * height, downHigh: down * height },
      ...{ rightLow: left * width, rightHigh: right * width },
    });
    return { motion, filling: readFilling(options) };
  },
  call: (context, [x], movement) => moved(context, x, movement),
});

export interface RandomZoomLayerOptions extends FillLayerOptions {
  /** By how much more of the height is seen: f for [-f, f], or both ends; above 0 zooms out, below 0 in; above -1. */
  heightFactor: Factors;
  /** The same for the width. Default: drawn together with the height, so that shapes keep their proportions. */
  widthFactor?: Factors | null;
}

/**
 * In training, zooms images in and out around their middle. [batch, height, width, channels].
 *
 * @example layers.randomZoom({ heightFactor: [-0.2, 0.1] })
 */
export const randomZoom = defineLayer<RandomZoomLayerOptions, Movement>({
  type: 'randomZoom',
  options: { heightFactor: undefined, widthFactor: null, ...fillDefaults },
  parse(options) {
    const bounds = [-0.99, 10] as const;
    const tall = readFactors(options, 'heightFactor', bounds, bothWays);
    const proportional = options.has('widthFactor') ? 0 : 1;
    const wide = proportional ? tall : readFactors(options, 'widthFactor', bounds, bothWays);
    const sizes = { tallLow: 1 + tall[0], tallHigh: 1 + tall[1], wideLow: 1 + wide[0], wideHigh: 1 + wide[1] };
    return { motion: () => ({ ...sizes, proportional }), filling: readFilling(options) };
  },
  call: (context, [x], movement) => moved(context, x, movement),
});

// ---- layers that change values -------------------------------------------------------------------------------------

/** One number per sample from [low, high). */
function drawn(context: LayerContext, x: Value, [minimum, maximum]: Pair): Value {
  const shape = x.shape.map((size, axis) => (axis === 0 ? size : 1));
  return context.op('randomUniform', [context.seed()], { shape, minimum, maximum, salt: context.salt });
}

function clipped(context: LayerContext, x: Value, [low, high]: Pair): Value {
  const number = (value: number) => context.op('fill', [], { value, shape: [] });
  return context.op('maximum', [context.op('minimum', [x, number(high)]), number(low)]);
}

export interface RandomBrightnessLayerOptions extends LayerOptions {
  /** Share of the value range that is added: f for [-f, f], or both ends, from -1 to 1. */
  factor: Factors;
  /** Smallest and largest value. Default [0, 255]. */
  valueRange?: readonly [number, number];
}

interface Tone {
  readonly factors: Pair;
  readonly range: Pair;
}

const wholeRange = [0, 255] as const;

/**
 * In training, adds a number of its own to each sample, and clips to the range of values. Any shape.
 *
 * @example layers.randomBrightness({ factor: 0.2 })
 */
export const randomBrightness = defineLayer<RandomBrightnessLayerOptions, Tone>({
  type: 'randomBrightness',
  options: { factor: undefined, valueRange: wholeRange },
  parse: (options) => ({
    factors: readFactors(options, 'factor', [-1, 1], bothWays),
    range: readRange(options) ?? wholeRange,
  }),
  call(context, [x], { factors: [low, high], range }) {
    if (!context.training) return x;
    const span = range[1] - range[0];
    return clipped(context, context.op('add', [x, drawn(context, x, [low * span, high * span])]), range);
  },
});

export interface RandomContrastLayerOptions extends LayerOptions {
  /** Distances are multiplied by a number from 1 - f to 1 + f; of two factors [a, b], from 1 - a to 1 + b. At most 1. */
  factor: Factors;
  /** Smallest and largest value. Default [0, 255]. */
  valueRange?: readonly [number, number];
}

/**
 * In training, scales the distances of values from their channel's mean in the image, and clips to the range of values.
 * [batch, height, width, channels].
 *
 * @example layers.randomContrast({ factor: 0.3 })
 */
export const randomContrast = defineLayer<RandomContrastLayerOptions, Tone>({
  type: 'randomContrast',
  options: { factor: undefined, valueRange: wholeRange },
  parse(options) {
    const [less, more] = readPair(options, 'factor', [0, 1]);
    return { factors: [1 - less, 1 + more], range: readRange(options) ?? wholeRange };
  },
  call(context, [x], { factors, range }) {
    spatialSize(context, x, 2);
    if (!context.training) return x;
    const mean = context.op('reduceMean', [x], { axes: [1, 2], keepDims: 1 });
    const factor = drawn(context, x, factors);
    // (x - mean) * factor + mean, with one pass less over the images.
    const offset = context.op('subtract', [mean, context.op('multiply', [mean, factor])]);
    return clipped(context, context.op('add', [context.op('multiply', [x, factor]), offset]), range);
  },
});
