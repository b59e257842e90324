// Pooling over windows of signals, images and volumes, channel by channel: the largest value, the mean, the sum, a norm.

import type { Padding } from '../../ops/windows.js';
import { defineLayer, type LayerOptions } from '../layer.js';
import type { PerAxis, Rank } from './spatial.js';
import {
  cellsOfMaxima,
  maxOfWindows,
  meanOfWindows,
  type PoolSettings,
  parsePool,
  poolDefaults,
  poolWindows,
  sumOfWindows,
} from './windows.js';

/** What all poolings over windows take; R is the number of spatial axes. */
export interface PoolingOptions<R extends Rank> extends LayerOptions {
  /** Size of the window. Default 2. */
  poolSize?: PerAxis<R>;
  /** Distance between neighbouring windows. Default: poolSize. */
  strides?: PerAxis<R>;
  /** Default 'valid'. */
  padding?: Padding;
  /** Distance between the cells of a window. Default 1. */
  dilation?: PerAxis<R>;
  /** true: a last window that only partly lies on the input counts too. Default false. */
  ceilMode?: boolean;
}

export interface AveragePoolingOptions<R extends Rank> extends PoolingOptions<R> {
  /** true: cells of the padding count as zeros in a mean. Default false. */
  countIncludePad?: boolean;
}

export interface LpPoolingOptions<R extends Rank> extends PoolingOptions<R> {
  /** Exponent of the norm, above 0; 'infinity': the largest absolute value. Default 2. */
  p?: number | 'infinity';
  /** The same as p. */
  normType?: number | 'infinity';
}

const maxPooling = <R extends Rank>(type: string, rank: R) =>
  defineLayer<PoolingOptions<R>, PoolSettings>({
    type,
    options: poolDefaults,
    parse: (options) => parsePool(options, rank),
    call: (context, [x], settings) => maxOfWindows(context, x, poolWindows(context, x, settings)),
  });

const maxPoolingIndices = <R extends Rank>(type: string, rank: R) =>
  defineLayer<PoolingOptions<R>, PoolSettings>({
    type,
    options: poolDefaults,
    parse: (options) => parsePool(options, rank),
    call: (context, [x], settings) => cellsOfMaxima(context, x, poolWindows(context, x, settings), 'indices'),
  });

const averagePooling = <R extends Rank>(type: string, rank: R) =>
  defineLayer<AveragePoolingOptions<R>, PoolSettings & { readonly countIncludePad: boolean }>({
    type,
    options: { ...poolDefaults, countIncludePad: false },
    parse: (options) => ({ ...parsePool(options, rank), countIncludePad: options.boolean('countIncludePad') }),
    call: (context, [x], settings) =>
      meanOfWindows(context, x, poolWindows(context, x, settings), settings.countIncludePad),
  });

const sumPooling = <R extends Rank>(type: string, rank: R) =>
  defineLayer<PoolingOptions<R>, PoolSettings>({
    type,
    options: poolDefaults,
    parse: (options) => parsePool(options, rank),
    call: (context, [x], settings) => sumOfWindows(context, x, poolWindows(context, x, settings)),
  });

const lpPooling = <R extends Rank>(type: string, rank: R) =>
  defineLayer<LpPoolingOptions<R>, PoolSettings & { readonly p: number }, 'normType'>({
    type,
    options: { ...poolDefaults, p: 2 },
    aliases: { normType: 'p' },
    parse(options) {
      const p = options.raw('p');
      const isNumber = typeof p === 'number' && p > 0 && Number.isFinite(p);
      if (!isNumber && p !== 'infinity') throw options.error('p', "a number above 0 or 'infinity'", p);
      return { ...parsePool(options, rank), p: isNumber ? p : Number.POSITIVE_INFINITY };
    },
    call(context, [x], { p, ...settings }) {
      const windows = poolWindows(context, x, settings);
      if (p === Number.POSITIVE_INFINITY) return maxOfWindows(context, context.op('abs', [x]), windows);
      const powers = context.op('absPower', [x], { exponent: p, signed: 0 });
      const sum = sumOfWindows(context, powers, windows);
      return p === 1 ? sum : context.op('absPower', [sum], { exponent: 1 / p, signed: 0 });
    },
  });

/**
 * Largest value of each window: [batch, length, channels] → [batch, length', channels], with
 * length' = floor((length + padding - pool) / stride) + 1. Padding never wins; NaN does.
 *
 * @example layers.maxPooling1d({ poolSize: 3, strides: 2, padding: 'same' })
 */
export const maxPooling1d = maxPooling('maxPooling1d', 1);
/**
 * Largest value of each window: [batch, height, width, channels] → [batch, height', width', channels], with
 * height' = floor((height + padding - pool) / stride) + 1. Padding never wins; NaN does. Of equal values the first takes
 * the gradient.
 *
 * @example layers.maxPooling2d({ poolSize: 3, strides: 2 })
 */
export const maxPooling2d = maxPooling('maxPooling2d', 2);
/**
 * Largest value of each window: [batch, depth, height, width, channels] → [batch, depth', height', width', channels].
 *
 * @example layers.maxPooling3d({ poolSize: [1, 2, 2] })
 */
export const maxPooling3d = maxPooling('maxPooling3d', 3);

/**
 * Where the maximum of each window stands: cell x of the signal, int32, in the shape that maxPooling1d gives.
 *
 * @example layers.maxPoolingIndices1d({ poolSize: 2 })
 */
export const maxPoolingIndices1d = maxPoolingIndices('maxPoolingIndices1d', 1);
/**
 * Where the maximum of each window stands: y * width + x, counted per channel as in PyTorch, int32, in the shape that
 * maxPooling2d gives. What maxUnpooling2d takes as its second input.
 *
 * @example
 * const image = input({ shape: [8, 8, 3] });
 * const pooled = layers.maxPooling2d({ poolSize: 2 }).apply(image);
 * const indices = layers.maxPoolingIndices2d({ poolSize: 2 }).apply(image);
 * layers.maxUnpooling2d({ poolSize: 2 }).apply([pooled, indices]).shape; // [8, 8, 3]
 */
export const maxPoolingIndices2d = maxPoolingIndices('maxPoolingIndices2d', 2);
/**
 * Where the maximum of each window stands: (z * height + y) * width + x, int32, in the shape that maxPooling3d gives.
 *
 * @example layers.maxPoolingIndices3d({ poolSize: 2 })
 */
export const maxPoolingIndices3d = maxPoolingIndices('maxPoolingIndices3d', 3);

/**
 * Mean of each window: [batch, length, channels] → [batch, length', channels]. Cells of the padding do not count, unless
 * `countIncludePad` says so (PyTorch's default); those that `ceilMode` adds never do.
 *
 * @example layers.averagePooling1d({ poolSize: 2 })
 */
export const averagePooling1d = averagePooling('averagePooling1d', 1);
/**
 * Mean of each window: [batch, height, width, channels] → [batch, height', width', channels]. Cells of the padding do not
 * count, unless `countIncludePad` says so (PyTorch's default); those that `ceilMode` adds never do.
 *
 * @example layers.averagePooling2d({ poolSize: 2 })
 */
export const averagePooling2d = averagePooling('averagePooling2d', 2);
/**
 * Mean of each window: [batch, depth, height, width, channels] → [batch, depth', height', width', channels].
 *
 * @example layers.averagePooling3d({ poolSize: 2, padding: 'same' })
 */
export const averagePooling3d = averagePooling('averagePooling3d', 3);

/**
 * Sum of each window: [batch, length, channels] → [batch, length', channels].
 *
 * @example layers.sumPooling1d({ poolSize: 4 })
 */
export const sumPooling1d = sumPooling('sumPooling1d', 1);
/**
 * Sum of each window: [batch, height, width, channels] → [batch, height', width', channels].
 *
 * @example layers.sumPooling2d({ poolSize: 2 })
 */
export const sumPooling2d = sumPooling('sumPooling2d', 2);
/**
 * Sum of each window: [batch, depth, height, width, channels] → [batch, depth', height', width', channels].
 *
 * @example layers.sumPooling3d({ poolSize: 2 })
 */
export const sumPooling3d = sumPooling('sumPooling3d', 3);

/**
 * Norm of each window, (Σ |x|^p)^(1/p): [batch, length, channels] → [batch, length', channels]. The gradient of a window
 * of zeros is 0. Partial windows of `ceilMode` sum what they have (as ONNX; PyTorch scales them up).
 *
 * @example layers.lpPooling1d({ p: 2, poolSize: 3 })
 */
export const lpPooling1d = lpPooling('lpPooling1d', 1);
/**
 * Norm of each window, (Σ |x|^p)^(1/p): [batch, height, width, channels] → [batch, height', width', channels]. The
 * gradient of a window of zeros is 0. Partial windows of `ceilMode` sum what they have (as ONNX; PyTorch scales them up).
 *
 * @example layers.lpPooling2d({ p: 3, poolSize: 2 })
 */
export const lpPooling2d = lpPooling('lpPooling2d', 2);
/**
 * Norm of each window, (Σ |x|^p)^(1/p): [batch, depth, height, width, channels] → [batch, depth', height', width',
 * channels].
 *
 * @example layers.lpPooling3d({ p: 'infinity' })
 */
export const lpPooling3d = lpPooling('lpPooling3d', 3);
