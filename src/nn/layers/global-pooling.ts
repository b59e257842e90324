// Pooling of a whole signal, image or volume: one value per channel.

import { sizeOf } from '../../core/shape.js';
import type { Value } from '../../ops/op.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import { type Rank, reshaped, spatialSize } from './spatial.js';

export interface GlobalPoolingOptions extends LayerOptions {
  /** true: the output keeps its axes, each of size 1: [batch, 1, 1, channels] for images. Default false. */
  keepDims?: boolean;
}

type Emit = (context: LayerContext, x: Value, rank: Rank) => Value;

const globalPooling = (type: string, rank: Rank, emit: Emit) =>
  defineLayer<GlobalPoolingOptions, boolean>({
    type,
    options: { keepDims: false },
    parse: (options) => options.boolean('keepDims'),
    call(context, [x], keepDims) {
      spatialSize(context, x, rank);
      const y = emit(context, x, rank);
      const ones = keepDims ? new Array<number>(rank).fill(1) : [];
      return reshaped(context, y, [x.shape[0], ...ones, x.shape[rank + 1]]);
    },
  });

/** The maximum is looked for in an image of the same cells in the same order. */
const largest: Emit = (context, x, rank) => {
  const [batch, ...size] = x.shape;
  const channels = size.pop() as number;
  const poolSize = rank === 2 ? size : [1, sizeOf(size)];
  const image = rank === 2 ? x : reshaped(context, x, [batch, ...poolSize, channels]);
  return context.op('maxPool2d', [image], { poolSize, strides: poolSize, padding: [0, 0, 0, 0] });
};

const mean: Emit = (context, x, rank) =>
  context.op('reduceMean', [x], { axes: Array.from({ length: rank }, (_, axis) => axis + 1), keepDims: 0 });

/**
 * Largest value of each channel: [batch, length, channels] → [batch, channels].
 *
 * @example layers.globalMaxPooling1d()
 */
export const globalMaxPooling1d = globalPooling('globalMaxPooling1d', 1, largest);
/**
 * Largest value of each channel over the whole image: [batch, height, width, channels] → [batch, channels].
 *
 * @example layers.globalMaxPooling2d()
 */
export const globalMaxPooling2d = globalPooling('globalMaxPooling2d', 2, largest);
/**
 * Largest value of each channel over the whole volume: [batch, depth, height, width, channels] → [batch, channels].
 *
 * @example layers.globalMaxPooling3d({ keepDims: true })
 */
export const globalMaxPooling3d = globalPooling('globalMaxPooling3d', 3, largest);

/**
 * Mean of each channel: [batch, length, channels] → [batch, channels].
 *
 * @example layers.globalAveragePooling1d()
 */
export const globalAveragePooling1d = globalPooling('globalAveragePooling1d', 1, mean);
/**
 * Mean of each channel over the whole image: [batch, height, width, channels] → [batch, channels].
 *
 * @example layers.globalAveragePooling2d()
 */
export const globalAveragePooling2d = globalPooling('globalAveragePooling2d', 2, mean);
/**
 * Mean of each channel over the whole volume: [batch, depth, height, width, channels] → [batch, channels].
 *
 * @example layers.globalAveragePooling3d()
 */
export const globalAveragePooling3d = globalPooling('globalAveragePooling3d', 3, mean);
