// Activations with options, as layers.

import type { Value } from '../../ops/op.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import { readWeight, type WeightOptions, type WeightSetting, weightDefaults } from '../weight-options.js';
import { type Axes, alongAxes, axesOf, readAxes } from './axes.js';
import { gated } from './gate.js';

export interface ReluOptions extends LayerOptions {
  /** Largest output, at least 0. Default null: none. */
  maxValue?: number | null;
  /** Factor below the threshold, at least 0. Default 0. */
  negativeSlope?: number;
  /** Where outputs begin, at least 0. Default 0. */
  threshold?: number;
}

/**
 * max(x, 0). With options: min(x, maxValue) where x > threshold, negativeSlope * (x - threshold) elsewhere. The
 * derivative at both corners is 0. Any shape.
 *
 * @example layers.relu({ maxValue: 6, negativeSlope: 0.1 })
 */
export const relu = defineLayer<ReluOptions, { maxValue: number; negativeSlope: number; threshold: number }>({
  type: 'relu',
  options: { maxValue: null, negativeSlope: 0, threshold: 0 },
  parse: (options) => ({
    maxValue: options.has('maxValue') ? options.number('maxValue', { min: 0 }) : Number.POSITIVE_INFINITY,
    negativeSlope: options.number('negativeSlope', { min: 0 }),
    threshold: options.number('threshold', { min: 0 }),
  }),
  call(context, [x], attrs) {
    const { maxValue, negativeSlope, threshold } = attrs;
    if (threshold === 0 && negativeSlope === 0) {
      if (maxValue === Number.POSITIVE_INFINITY) return context.op('relu', [x]);
      if (maxValue === 6) return context.op('relu6', [x]);
    }
    return context.op('rectify', [x], attrs);
  },
});

export interface LeakyReluOptions extends LayerOptions {
  /** Factor of negative values, at least 0. Default 0.3. */
  negativeSlope?: number;
  /** The same as negativeSlope. */
  alpha?: number;
}

/**
 * x where x > 0, negativeSlope * x elsewhere; its derivative at 0 is negativeSlope, as in Keras on TensorFlow and in
 * PyTorch. As in Keras the layer's default slope is 0.3, while `activation: 'leakyRelu'` has 0.2. Any shape.
 *
 * @example layers.leakyRelu({ negativeSlope: 0.1 })
 */
export const leakyRelu = defineLayer<LeakyReluOptions, number, 'alpha'>({
  type: 'leakyRelu',
  options: { negativeSlope: 0.3 },
  aliases: { alpha: 'negativeSlope' },
  parse: (options) => options.number('negativeSlope', { min: 0 }),
  call: (context, [x], alpha) => context.op('leakyRelu', [x], { alpha }),
});

/** alphaInitializer is 'zeros' by default. */
export interface PreluOptions extends LayerOptions, WeightOptions<'alpha'> {
  /** Axes along which one slope serves all, the batch being axis 0: [1, 2] for one per channel of images. Default none. */
  sharedAxes?: readonly number[] | null;
}

/**
 * x where x > 0, alpha * x elsewhere, with trained slopes; the derivative at 0 is 0, as in Keras. Any shape. Weights:
 * alpha, of the shape of a sample, 1 along shared axes.
 *
 * @example layers.prelu({ sharedAxes: [1, 2], alphaInitializer: { name: 'constant', value: 0.25 } })
 */
export const prelu = defineLayer<PreluOptions, { alpha: WeightSetting; sharedAxes: number[] }>({
  type: 'prelu',
  options: { ...weightDefaults('alpha', 'zeros'), sharedAxes: null },
  parse: (options) => ({
    alpha: readWeight(options, 'alpha'),
    sharedAxes: options.has('sharedAxes') ? options.integers('sharedAxes', { min: 1 }) : [],
  }),
  call(context, [x], { alpha, sharedAxes }) {
    const shared = axesOf(context, x, sharedAxes);
    const shape = x.shape.map((size, axis) => (shared.includes(axis) ? 1 : size)).slice(1);
    return context.op('prelu', [x, context.weight('alpha', shape, alpha)]);
  },
});

export interface EluOptions extends LayerOptions {
  /** What outputs tend to for small x, negated. Default 1. */
  alpha?: number;
}

/**
 * x where x > 0, alpha * (exp(x) - 1) elsewhere. Any shape.
 *
 * @example layers.elu({ alpha: 0.5 })
 */
export const elu = defineLayer<EluOptions, number>({
  type: 'elu',
  options: { alpha: 1 },
  parse: (options) => options.number('alpha'),
  call: (context, [x], alpha) => context.op('elu', [x], { alpha }),
});

/**
 * x where x > 0, alpha * (exp(x / alpha) - 1) elsewhere: ELU with a continuous derivative. Any shape.
 *
 * @example layers.celu({ alpha: 2 })
 */
export const celu = defineLayer<EluOptions, number>({
  type: 'celu',
  options: { alpha: 1 },
  parse: (options) => options.number('alpha', { above: 0 }),
  call: (context, [x], alpha) => context.op('elu', [x], { alpha, inputScale: 1 / alpha }),
});

export interface GeluOptions extends LayerOptions {
  /** true or 'tanh': approximated by tanh. Default false. */
  approximate?: boolean | 'none' | 'tanh';
}

/**
 * x times the normal distribution function of x (by erf), or with `approximate`
 * 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). Any shape.
 *
 * @example layers.gelu({ approximate: true })
 */
export const gelu = defineLayer<GeluOptions, 'none' | 'tanh'>({
  type: 'gelu',
  options: { approximate: false },
  parse(options) {
    const value = options.raw('approximate');
    if (value === 'none' || value === 'tanh') return value;
    if (typeof value === 'boolean') return value ? 'tanh' : 'none';
    throw options.error('approximate', "true, false, 'none' or 'tanh'", value);
  },
  call: (context, [x], approximate) => context.op('gelu', [x], { approximate }),
});

export interface HardTanhOptions extends LayerOptions {
  /** Smallest output. Default -1. */
  minValue?: number;
  /** Largest output. Default 1. */
  maxValue?: number;
}

/**
 * x cut to [minValue, maxValue]; the derivative at both ends is 1, as in Keras (PyTorch: 0). Any shape.
 *
 * @example layers.hardTanh()
 */
export const hardTanh = defineLayer<HardTanhOptions, { minValue: number; maxValue: number }>({
  type: 'hardTanh',
  options: { minValue: -1, maxValue: 1 },
  parse(options) {
    const minValue = options.number('minValue');
    return { minValue, maxValue: options.number('maxValue', { above: minValue }) };
  },
  call: (context, [x], attrs) => context.op('hardTanh', [x], attrs),
});

export interface ThresholdOptions extends LayerOptions {
  /** x passes where it is larger than this. Default 0. */
  threshold?: number;
  /** The output elsewhere. Default 0. */
  defaultValue?: number;
  /** The same as defaultValue. */
  value?: number;
}

/**
 * x where x > threshold, defaultValue elsewhere. Any shape.
 *
 * @example layers.threshold({ threshold: 0.1, defaultValue: 0 })
 */
export const threshold = defineLayer<ThresholdOptions, { threshold: number; value: number }, 'value'>({
  type: 'threshold',
  options: { threshold: 0, defaultValue: 0 },
  aliases: { value: 'defaultValue' },
  parse: (options) => ({ threshold: options.number('threshold'), value: options.number('defaultValue') }),
  call: (context, [x], attrs) => context.op('threshold', [x], attrs),
});

export interface SoftmaxOptions extends LayerOptions {
  /** The axis, or axes taken as one, along which outputs sum to 1; the batch is axis 0. Default -1. */
  axis?: Axes;
}

const overAxes = (type: 'softmax' | 'logSoftmax') =>
  defineLayer<SoftmaxOptions, number[]>({
    type,
    options: { axis: -1 },
    parse: (options) => readAxes(options, 'axis'),
    call: (context, [x], given) => overAxesOf(context, type, x, given),
  });

function overAxesOf(context: LayerContext, type: string, x: Value, given: readonly number[]) {
  const axes = axesOf(context, x, given);
  if (axes.length === 1 && axes[0] === x.shape.length - 1) return context.op(type, [x]);
  return alongAxes(context, x, axes, (rows) => context.op(type, [rows]));
}

/**
 * exp(x) / sum(exp(x)) over the axis. Any shape.
 *
 * @example layers.softmax({ axis: [1, 2] })
 */
export const softmax = overAxes('softmax');
/**
 * x - log(sum(exp(x))) over the axis. Any shape.
 *
 * @example layers.logSoftmax()
 */
export const logSoftmax = overAxes('logSoftmax');

export interface GluOptions extends LayerOptions {
  /** The axis that is halved, the batch being axis 0. Default -1. */
  axis?: number;
}

/**
 * The first half along the axis times the sigmoid of the second: [batch, …, 2 n] → [batch, …, n].
 *
 * @example layers.glu({ inputShape: [8] })
 */
export const glu = defineLayer<GluOptions, number[]>({
  type: 'glu',
  options: { axis: -1 },
  parse(options) {
    options.integer('axis');
    return readAxes(options, 'axis');
  },
  call: (context, [x], given) => gated(context, x, axesOf(context, x, given)[0]),
});
