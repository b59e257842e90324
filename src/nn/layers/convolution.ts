// Convolutions over signals, images and volumes. Kernels are [...window, input channels / groups, filters].

import { defineLayer } from '../layer.js';
import { readWeight, type WeightOptions, weightDefaults } from '../weight-options.js';
import {
  aliases,
  biasOf,
  checkGroups,
  convolve,
  padded,
  parseSliding,
  type SlidingOptions,
  slidingDefaults,
  turned,
} from './convolve.js';
import type { Rank } from './spatial.js';

/** Options of conv1d, conv2d and conv3d; R is the number of spatial axes. kernelInitializer is 'glorotUniform' by default. */
export interface ConvOptions<R extends Rank> extends SlidingOptions<R>, WeightOptions<'kernel'> {
  /** Number of output channels. */
  filters: number;
  /** Splits channels and filters into this many parts that do not see each other. Default 1. */
  groups?: number;
}

const convolution = <R extends Rank>(type: string, rank: R) =>
  defineLayer<ConvOptions<R>, ReturnType<typeof parse>, 'dilationRate'>({
    type,
    options: { filters: undefined, ...slidingDefaults, groups: 1, ...weightDefaults('kernel', 'glorotUniform') },
    aliases,
    parse: (options) => parse(options, rank),
    call(context, [input], settings) {
      const { filters, kernelSize, strides, dilation, groups } = settings;
      const { x, padding } = padded(context, input, settings);
      const channels = x.shape[rank + 1];
      checkGroups(context, channels, groups);
      const shape = [...kernelSize, channels / groups, filters];
      const kernel = turned(context, context.weight('kernel', shape, settings.kernel), settings);
      const operands = [x, kernel, biasOf(context, filters, settings)] as const;
      return convolve(context, operands, { strides, padding, dilation, groups }, settings.activation);
    },
  });

/** Settings of a layer with `filters` and `groups`. */
function parse(options: Parameters<typeof parseSliding>[0], rank: Rank) {
  const filters = options.integer('filters', { min: 1 });
  const groups = options.integer('groups', { min: 1 });
  if (filters % groups !== 0) throw options.error('groups', `a divisor of filters (${filters})`, groups);
  return { ...parseSliding(options, rank), filters, groups, kernel: readWeight(options, 'kernel') };
}

/**
 * 1D convolution (cross-correlation): [batch, length, channels] → [batch, length', filters], with
 * length' = floor((length + padding - dilated kernel) / stride) + 1. padding 'causal': no output sees what comes after
 * it. Weights: kernel [k, channels / groups, filters], bias [filters]. As Keras's Conv1D; strides and dilation may both
 * exceed 1, which Keras refuses.
 *
 * @example layers.conv1d({ filters: 16, kernelSize: 3, padding: 'causal', dilation: 2 })
 */
export const conv1d = convolution('conv1d', 1);

/**
 * 2D convolution (cross-correlation): [batch, height, width, channels] → [batch, height', width', filters], with
 * height' = floor((height + padding - dilated kernel) / stride) + 1. `flipKernel: true` gives the convolution of
 * mathematics. Weights: kernel [kh, kw, channels / groups, filters], bias [filters]. As Keras's Conv2D; strides and
 * dilation may both exceed 1, which Keras refuses.
 *
 * @example layers.conv2d({ filters: 32, kernelSize: 3, padding: 'same', activation: 'relu' })
 */
export const conv2d = convolution('conv2d', 2);

/**
 * 3D convolution (cross-correlation): [batch, depth, height, width, channels] → [batch, depth', height', width',
 * filters], with depth' = floor((depth + padding - dilated kernel) / stride) + 1. Weights: kernel [kd, kh, kw,
 * channels / groups, filters], bias [filters]. As Keras's Conv3D; strides and dilation may both exceed 1, which Keras
 * refuses.
 *
 * @example layers.conv3d({ filters: 8, kernelSize: [1, 3, 3], padding: 'same', paddingMode: 'replicate' })
 */
export const conv3d = convolution('conv3d', 3);
