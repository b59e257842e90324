// What convolution layers of one, two and three spatial axes share: their options, what padding means for one input, and
// how the ops are emitted. A signal is an image of height 1: the same bytes under another shape.

import type { Value } from '../../ops/op.js';
import type { BorderMode } from '../../ops/padding.js';
import { kernelSpan, type Padding, sidesText, spreadSides, type WindowSizes } from '../../ops/windows.js';
import type { LayerContext, LayerOptions } from '../layer.js';
import type { OptionReader } from '../options.js';
import { readWeight, type WeightOptions, type WeightSetting, weightDefaults } from '../weight-options.js';
import { type ActivationName, activate, readActivation } from './activation.js';
import { fitSpatialWindows, type PerAxis, type Rank, reshaped, spatialSize } from './spatial.js';

/** What values outside an input are: zeros, its own values mirrored, repeated at the border, or from the other end. */
export const paddingModes = ['zeros', 'reflect', 'replicate', 'circular'] as const;
export type PaddingMode = 'zeros' | BorderMode;

/**
 * 'full': every window that meets the input. 'causal' (signals only): the kernel's span in front, so that no output
 * sees what comes after it. Others as everywhere: 'valid', 'same', numbers.
 */
export type ConvPadding<R extends Rank> = Padding | 'full' | (R extends 1 ? 'causal' : never);

/** Options of all convolutions, transposed ones too; R is the number of spatial axes. biasInitializer is 'zeros' by default. */
export interface KernelOptions<R extends Rank> extends LayerOptions, WeightOptions<'bias'> {
  /** Size of the window: 3, or one number per axis, the outermost first. */
  kernelSize: PerAxis<R>;
  /** Distance between neighbouring windows. Default 1. */
  strides?: PerAxis<R>;
  /** Distance between neighbouring taps of a kernel. Default 1. */
  dilation?: PerAxis<R>;
  /** The same as dilation. */
  dilationRate?: PerAxis<R>;
  /** Adds a number per filter. Default true. */
  useBias?: boolean;
  /** Default 'linear'. */
  activation?: ActivationName | null;
}

/** Options of convolutions that slide over their input. */
export interface SlidingOptions<R extends Rank> extends KernelOptions<R> {
  /** Default 'valid'. */
  padding?: ConvPadding<R>;
  /** What lies in the padding. A reflection goes on beyond the first, so any amount of padding is allowed. Default 'zeros'. */
  paddingMode?: PaddingMode;
  /** true: convolution as mathematics defines it, with the kernel turned around on every axis. Default false. */
  flipKernel?: boolean;
}

export interface KernelSettings {
  readonly rank: Rank;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly dilation: readonly number[];
  readonly useBias: boolean;
  readonly activation: ActivationName;
  readonly bias: WeightSetting;
}

export interface SlidingSettings extends KernelSettings {
  readonly padding: Padding | 'full' | 'causal';
  readonly paddingMode: PaddingMode;
  readonly flipKernel: boolean;
}

export const kernelDefaults = {
  kernelSize: undefined,
  strides: 1,
  padding: 'valid',
  dilation: 1,
  useBias: true,
  activation: 'linear',
  ...weightDefaults('bias', 'zeros'),
} as const;

export const slidingDefaults = { ...kernelDefaults, paddingMode: 'zeros', flipKernel: false } as const;

export const aliases = { dilationRate: 'dilation' } as const;

export function parseKernel(options: OptionReader, rank: Rank): KernelSettings {
  return {
    rank,
    kernelSize: options.perAxis('kernelSize', rank, { min: 1 }),
    strides: options.perAxis('strides', rank, { min: 1 }),
    dilation: options.perAxis('dilation', rank, { min: 1 }),
    useBias: options.boolean('useBias'),
    activation: readActivation(options),
    bias: readWeight(options, 'bias'),
  };
}

export function parseSliding(options: OptionReader, rank: Rank): SlidingSettings {
  return {
    ...parseKernel(options, rank),
    padding: readConvPadding(options, rank),
    paddingMode: options.oneOf('paddingMode', paddingModes),
    flipKernel: options.boolean('flipKernel'),
  };
}

function readConvPadding(options: OptionReader, rank: Rank): Padding | 'full' | 'causal' {
  const padding = options.raw('padding');
  const names = ['valid', 'same', 'full', ...(rank === 1 ? (['causal'] as const) : [])] as const;
  if (typeof padding === 'string') return options.oneOf('padding', names);
  if (spreadSides(padding, rank)) return padding as Padding;
  throw options.error('padding', `${names.map((name) => `'${name}'`).join(', ')}, ${sidesText(rank)}`, padding);
}

export function checkGroups(context: LayerContext, channels: number, groups: number): void {
  if (channels % groups !== 0) context.fail(`input channels divisible by groups (${groups})`, channels);
}

/** The weight 'bias', one number per output channel. */
export function biasOf(context: LayerContext, channels: number, settings: KernelSettings): Value | null {
  return settings.useBias ? context.weight('bias', [channels], settings.bias) : null;
}

/** 'full' and 'causal' in numbers, which depend on the kernel alone. */
function inNumbers(padding: Padding | 'full' | 'causal', { kernelSize, dilation }: KernelSettings): Padding {
  if (padding !== 'full' && padding !== 'causal') return padding;
  return kernelSize.flatMap((size, axis) => {
    const reach = kernelSpan(size, dilation[axis]) - 1;
    return padding === 'full' ? [reach, reach] : [reach, 0];
  });
}

/** The input a kernel slides over, and [before, after] per axis in one row: the zeros that are still to be added. */
export function padded(context: LayerContext, x: Value, settings: SlidingSettings): { x: Value; padding: number[] } {
  const { rank, kernelSize, strides, dilation, paddingMode } = settings;
  const sizes: WindowSizes = { inputSize: spatialSize(context, x, rank), kernelSize, strides, dilation };
  const padding = fitSpatialWindows(context, inNumbers(settings.padding, settings), sizes);
  if (paddingMode === 'zeros' || padding.every((side) => side === 0)) return { x, padding };
  const sides = (first: number) => [0, ...padding.filter((_, i) => i % 2 === first), 0];
  const y = context.op('pad', [x], { before: sides(0), after: sides(1), mode: paddingMode });
  return { x: y, padding: padding.map(() => 0) };
}

/** The kernel as the ops take it: those compute cross-correlations. */
export function turned(context: LayerContext, kernel: Value, { flipKernel, rank }: SlidingSettings): Value {
  return flipKernel ? context.op('reverse', [kernel], { axes: Array.from({ length: rank }, (_, i) => i) }) : kernel;
}

/** What a convolution op needs to know, per spatial axis. */
export interface ConvolutionAttrs {
  /** Of a transposed convolution. */
  readonly outputSize?: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** Emits a convolution or (with `outputSize`) a transposed one over x [batch, …, channels], and the activation. */
export function convolve(
  context: LayerContext,
  [x, kernel, bias]: readonly [Value, Value, Value | null],
  attrs: ConvolutionAttrs,
  activation: ActivationName,
): Value {
  const { outputSize, strides, padding, dilation } = attrs;
  const rank = strides.length;
  if (rank === 1) {
    const [batch, ...rest] = x.shape;
    const image = reshaped(context, x, [batch, 1, ...rest]);
    const y = convolve(
      context,
      [image, reshaped(context, kernel, [1, ...kernel.shape]), bias],
      {
        ...attrs,
        ...(outputSize && { outputSize: [1, ...outputSize] }),
        strides: [1, ...strides],
        padding: [0, 0, ...padding],
        dilation: [1, ...dilation],
      },
      activation,
    );
    return reshaped(context, y, [batch, ...y.shape.slice(2)]);
  }
  const op = `conv${rank}d${outputSize ? 'Transpose' : ''}`;
  return activate(context, context.op(op, [x, kernel, bias], { ...attrs }), activation);
}
