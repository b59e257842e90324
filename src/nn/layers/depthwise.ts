// Convolutions that look at every channel by itself (depthwise), and those followed by a mixing of channels (separable;
// Chollet, "Xception: deep learning with depthwise separable convolutions", 2017).

import type { Value } from '../../ops/op.js';
import type { InitializerOption } from '../initializers.js';
import { defineLayer, type LayerContext } from '../layer.js';
import { readWeight, type WeightOptions, type WeightSetting, weightDefaults } from '../weight-options.js';
import {
  aliases,
  biasOf,
  convolve,
  padded,
  parseSliding,
  type SlidingOptions,
  type SlidingSettings,
  slidingDefaults,
  turned,
} from './convolve.js';
import { type Rank, reshaped } from './spatial.js';

/** Options of depthwiseConv1d and depthwiseConv2d; R is the number of spatial axes. depthwiseInitializer is 'glorotUniform' by default. */
export interface DepthwiseConvOptions<R extends Rank> extends SlidingOptions<R>, WeightOptions<'depthwise'> {
  /** Outputs of every input channel. Default 1. */
  depthMultiplier?: number;
  /** The same as depthwiseInitializer. */
  kernelInitializer?: InitializerOption;
}

/** Options of separableConv1d and separableConv2d; R is the number of spatial axes. Both initializers are 'glorotUniform' by default. */
export interface SeparableConvOptions<R extends Rank>
  extends SlidingOptions<R>,
    WeightOptions<'depthwise' | 'pointwise'> {
  /** Number of output channels. */
  filters: number;
  /** Channels between the two steps, for every input channel. Default 1. */
  depthMultiplier?: number;
}

interface DepthwiseSettings extends SlidingSettings {
  readonly depthMultiplier: number;
  readonly depthwise: WeightSetting;
}

const depthwiseDefaults = {
  ...slidingDefaults,
  depthMultiplier: 1,
  ...weightDefaults('depthwise', 'glorotUniform'),
} as const;

function parse(options: Parameters<typeof parseSliding>[0], rank: Rank): DepthwiseSettings {
  return {
    ...parseSliding(options, rank),
    depthMultiplier: options.integer('depthMultiplier', { min: 1 }),
    depthwise: readWeight(options, 'depthwise'),
  };
}

/** Every channel under its own `depthMultiplier` filters, from the weight `name` [...window, channels, multiplier]. */
function eachChannel(context: LayerContext, input: Value, name: string, bias: boolean, settings: DepthwiseSettings) {
  const { rank, kernelSize, strides, dilation, depthMultiplier } = settings;
  const { x, padding } = padded(context, input, settings);
  const channels = x.shape[rank + 1];
  const weight = context.weight(name, [...kernelSize, channels, depthMultiplier], settings.depthwise);
  const filters = channels * depthMultiplier;
  const kernel = reshaped(context, turned(context, weight, settings), [...kernelSize, 1, filters]);
  const operands = [x, kernel, bias ? biasOf(context, filters, settings) : null] as const;
  const attrs = { strides, padding, dilation, groups: channels };
  return convolve(context, operands, attrs, bias ? settings.activation : 'linear');
}

const depthwise = <R extends Rank>(type: string, rank: R) =>
  defineLayer<DepthwiseConvOptions<R>, DepthwiseSettings, 'dilationRate' | 'kernelInitializer'>({
    type,
    options: depthwiseDefaults,
    aliases: { ...aliases, kernelInitializer: 'depthwiseInitializer' },
    parse: (options) => parse(options, rank),
    call: (context, [x], settings) => eachChannel(context, x, 'kernel', true, settings),
  });

const separable = <R extends Rank>(type: string, rank: R) =>
  defineLayer<
    SeparableConvOptions<R>,
    DepthwiseSettings & { filters: number; pointwise: WeightSetting },
    'dilationRate'
  >({
    type,
    options: { filters: undefined, ...depthwiseDefaults, ...weightDefaults('pointwise', 'glorotUniform') },
    aliases,
    parse: (options) => ({
      ...parse(options, rank),
      filters: options.integer('filters', { min: 1 }),
      pointwise: readWeight(options, 'pointwise'),
    }),
    call(context, [input], settings) {
      const { filters, kernelSize, activation, pointwise } = settings;
      const x = eachChannel(context, input, 'depthwiseKernel', false, settings);
      const ones = kernelSize.map(() => 1);
      const shape = [...ones, x.shape[rank + 1], filters];
      const kernel = context.weight('pointwiseKernel', shape, pointwise);
      const attrs = { strides: ones, padding: ones.flatMap(() => [0, 0]), dilation: ones, groups: 1 };
      return convolve(context, [x, kernel, biasOf(context, filters, settings)], attrs, activation);
    },
  });

/**
 * 1D convolution of every channel by itself: [batch, length, channels] → [batch, length', channels * depthMultiplier],
 * output channel c * depthMultiplier + m from input channel c. Weights: kernel [k, channels, depthMultiplier], bias
 * [channels * depthMultiplier]. As Keras's DepthwiseConv1D.
 *
 * @example layers.depthwiseConv1d({ kernelSize: 5, padding: 'same', depthMultiplier: 2 })
 */
export const depthwiseConv1d = depthwise('depthwiseConv1d', 1);

/**
 * 2D convolution of every channel by itself: [batch, height, width, channels] → [batch, height', width', channels *
 * depthMultiplier], output channel c * depthMultiplier + m from input channel c. Weights: kernel [kh, kw, channels,
 * depthMultiplier], bias [channels * depthMultiplier]. As Keras's DepthwiseConv2D.
 *
 * @example layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', activation: 'relu6' })
 */
export const depthwiseConv2d = depthwise('depthwiseConv2d', 2);

/**
 * A depthwise 1D convolution, then a mixing of channels: [batch, length, channels] → [batch, length', filters]. Weights:
 * depthwiseKernel [k, channels, depthMultiplier], pointwiseKernel [1, channels * depthMultiplier, filters], bias
 * [filters]. As Keras's SeparableConv1D.
 *
 * @example layers.separableConv1d({ filters: 16, kernelSize: 3, padding: 'causal' })
 */
export const separableConv1d = separable('separableConv1d', 1);

/**
 * A depthwise 2D convolution, then a mixing of channels: [batch, height, width, channels] → [batch, height', width',
 * filters]. Weights: depthwiseKernel [kh, kw, channels, depthMultiplier], pointwiseKernel [1, 1, channels *
 * depthMultiplier, filters], bias [filters]. As Keras's SeparableConv2D.
 *
 * @example layers.separableConv2d({ filters: 32, kernelSize: 3, strides: 2, padding: 'same' })
 */
export const separableConv2d = separable('separableConv2d', 2);
