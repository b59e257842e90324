// Convolutions over images, and their transposes. Kernels are [height, width, input channels / groups, filters]; those of
// transposed layers have the two channel axes the other way round, as in Keras.

import type { Value } from '../../ops/op.js';
import { resolveTransposed } from '../../ops/windows.js';
import { type Initializer, type InitializerOption, resolveInitializer } from '../initializers.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import type { OptionReader } from '../options.js';
import { type ActivationName, activate, readActivation } from './activation.js';
import { fitWindows, imageShape, type Padding, type Pair, readPadding } from './images.js';

export interface Conv2dOptions extends LayerOptions {
  /** Number of output channels. */
  filters: number;
  /** Size of the window: 3, or [3, 5] for 3 high and 5 wide. */
  kernelSize: Pair;
  /** Distance between neighbouring windows. Default 1. */
  strides?: Pair;
  /** Default 'valid'. */
  padding?: Padding;
  /** Distance between neighbouring taps of a kernel. Default 1. */
  dilation?: Pair;
  /** The same as dilation. */
  dilationRate?: Pair;
  /** Splits channels and filters into this many parts that do not see each other. Default 1. */
  groups?: number;
  /** Adds a number per filter. Default true. */
  useBias?: boolean;
  /** Default 'linear'. */
  activation?: ActivationName | null;
  /** Default 'glorotUniform'. */
  kernelInitializer?: InitializerOption;
  /** Default 'zeros'. */
  biasInitializer?: InitializerOption;
}

interface Settings {
  filters: number;
  kernelSize: [number, number];
  strides: [number, number];
  padding: Padding;
  dilation: [number, number];
  groups: number;
  useBias: boolean;
  activation: ActivationName;
  kernelInitializer: Initializer;
  biasInitializer: Initializer;
}

const defaults = {
  filters: undefined,
  kernelSize: undefined,
  strides: 1,
  padding: 'valid',
  dilation: 1,
  groups: 1,
  useBias: true,
  activation: 'linear',
  kernelInitializer: 'glorotUniform',
  biasInitializer: 'zeros',
} as const;

const aliases = { dilationRate: 'dilation' } as const;

function parse(options: OptionReader): Settings {
  const filters = options.integer('filters', { min: 1 });
  const groups = options.integer('groups', { min: 1 });
  if (filters % groups !== 0) throw options.error('groups', `a divisor of filters (${filters})`, groups);
  return {
    filters,
    kernelSize: options.pair('kernelSize', { min: 1 }),
    strides: options.pair('strides', { min: 1 }),
    padding: readPadding(options),
    dilation: options.pair('dilation', { min: 1 }),
    groups,
    useBias: options.boolean('useBias'),
    activation: readActivation(options),
    kernelInitializer: resolveInitializer(
      `${options.where}, option 'kernelInitializer'`,
      options.raw('kernelInitializer'),
    ),
    biasInitializer: resolveInitializer(`${options.where}, option 'biasInitializer'`, options.raw('biasInitializer')),
  };
}

function checkGroups(context: LayerContext, channels: number, groups: number): void {
  if (channels % groups !== 0) context.fail(`input channels divisible by groups (${groups})`, channels);
}

function bias(context: LayerContext, settings: Settings): Value | null {
  return settings.useBias ? context.weight('bias', [settings.filters], settings.biasInitializer) : null;
}

/**
 * 2D convolution (cross-correlation): [batch, height, width, channels] → [batch, height', width', filters], with
 * height' = floor((height + padding - dilated kernel) / stride) + 1. Weights: kernel [kh, kw, channels / groups, filters],
 * bias [filters].
 *
 * @example layers.conv2d({ filters: 32, kernelSize: 3, padding: 'same', activation: 'relu' })
 */
export const conv2d = defineLayer<Conv2dOptions, Settings, 'dilationRate'>({
  type: 'conv2d',
  options: defaults,
  aliases,
  parse,
  call(context, [x], settings) {
    const [, height, width, channels] = imageShape(context, x);
    const { filters, kernelSize, strides, dilation, groups } = settings;
    checkGroups(context, channels, groups);
    const padding = fitWindows(context, settings.padding, {
      inputSize: [height, width],
      kernelSize,
      strides,
      dilation,
    });
    const kernel = context.weight('kernel', [...kernelSize, channels / groups, filters], settings.kernelInitializer);
    const attrs = { strides, padding, dilation, groups };
    return activate(context, context.op('conv2d', [x, kernel, bias(context, settings)], attrs), settings.activation);
  },
});

export interface Conv2dTransposeOptions extends Conv2dOptions {
  /** Rows and columns added at the bottom and right of the output; smaller than the stride. Default: what the padding asks for. */
  outputPadding?: Pair;
}

interface TransposeSettings extends Settings {
  outputPadding: [number, number] | undefined;
}

/**
 * Transposed 2D convolution, the gradient of a convolution with respect to its input, used to enlarge images:
 * [batch, height, width, channels] → [batch, height', width', filters]. padding 'same': height' = height * stride;
 * 'valid': height * stride + max(kernel - stride, 0). Weights: kernel [kh, kw, filters / groups, channels], bias [filters].
 *
 * @example layers.conv2dTranspose({ filters: 16, kernelSize: 3, strides: 2, padding: 'same' })
 */
export const conv2dTranspose = defineLayer<Conv2dTransposeOptions, TransposeSettings, 'dilationRate'>({
  type: 'conv2dTranspose',
  options: { ...defaults, outputPadding: undefined },
  aliases,
  parse(options) {
    const settings = parse(options);
    if (!options.has('outputPadding')) return { ...settings, outputPadding: undefined };
    const outputPadding = options.pair('outputPadding', { min: 0 });
    if (outputPadding.some((extra, axis) => extra >= settings.strides[axis])) {
      throw options.error('outputPadding', `smaller than the strides (${settings.strides})`, outputPadding);
    }
    return { ...settings, outputPadding };
  },
  call(context, [x], settings) {
    const [, height, width, channels] = imageShape(context, x);
    const { filters, kernelSize, strides, dilation, groups } = settings;
    checkGroups(context, channels, groups);
    const sizes = { inputSize: [height, width], kernelSize, strides, dilation };
    const window = resolveTransposed(settings.padding, sizes, settings.outputPadding, context.where);
    if (window.outputSize.some((size) => size < 1)) {
      context.fail('padding that leaves an output', `${window.outputSize.join('x')} (height x width)`);
    }
    const kernel = context.weight('kernel', [...kernelSize, filters / groups, channels], settings.kernelInitializer);
    const attrs = { outputSize: window.outputSize, strides, padding: window.padding, dilation, groups };
    const operands = [x, kernel, bias(context, settings)];
    return activate(context, context.op('conv2dTranspose', operands, attrs), settings.activation);
  },
});
