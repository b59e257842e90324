// The operations of a convolutional network as plain functions on arrays: to try things out, to check a layer by hand,
// to teach. Double precision, nested arrays in and out. They run the reference loops of the op rows.

import type { TensorView } from '../core/dtype.js';
import { checkName, checkOptions, OcellusError } from '../core/errors.js';
import { shapeText } from '../core/shape.js';
import { runOp } from './eager.js';
import { builtinOps } from './index.js';
import {
  type ArrayInput,
  type NestedArray,
  type NestedNumbers,
  type ShapedArray,
  toNested,
  toTensor,
} from './nested.js';
import type { AnyAttrs, AnyOp } from './op.js';
import { type Padding, perAxis, resolvePadding } from './windows.js';

export interface CorrelateOptions {
  /** Steps of the filter; one number or one per axis. Default 1. */
  strides?: number | readonly number[];
  /** Zeros around the input. Default 'valid'. */
  padding?: Padding;
  /** Distance between the filter's taps. Default 1. */
  dilation?: number | readonly number[];
}

export type DataFormat = 'channelsLast' | 'channelsFirst';

export interface Conv2dOptions extends CorrelateOptions {
  /** One number per filter. */
  bias?: ArrayInput;
  /** Default 1. */
  groups?: number;
  /**
   * channelsLast (default): input [H, W, C], filters [kh, kw, C / groups, filters].
   * channelsFirst: input [C, H, W], filters [filters, C / groups, kh, kw].
   */
  dataFormat?: DataFormat;
}

export interface Pool2dOptions {
  /** Default 2. */
  poolSize?: number | readonly number[];
  /** Default: the pool size. */
  strides?: number | readonly number[];
  /** 'same' keeps partial windows; padding never wins and does not count in an average. Default 'valid'. */
  padding?: Padding;
  /** Default 'channelsLast'. Only matters for inputs with channels. */
  dataFormat?: DataFormat;
}

const correlateOptions = ['strides', 'padding', 'dilation'];
const convOptions = [...correlateOptions, 'bias', 'groups', 'dataFormat'];
const poolOptions = ['poolSize', 'strides', 'padding', 'dataFormat'];

function run(name: string, inputs: readonly (TensorView | null)[], attrs: AnyAttrs, where: string): TensorView {
  return runOp(builtinOps.get(name) as AnyOp, inputs, attrs, 64, where)[0];
}

function checkedOptions<T extends object>(options: T, known: readonly string[], where: string): T {
  if (typeof options !== 'object' || options === null) {
    throw new OcellusError('ERR_OCELLUS_OPTION', { where, expected: 'options as an object', got: options });
  }
  checkOptions(where, options, known);
  return options;
}

function tensorOfRank(
  value: ArrayInput,
  ranks: readonly number[],
  where: string,
  name: string,
  axes: string,
): TensorView {
  const tensor = toTensor(value, where, name);
  if (ranks.includes(tensor.shape.length)) return tensor;
  const got = tensor.shape.length === 0 ? 'a number' : shapeText(tensor.shape);
  throw new OcellusError('ERR_OCELLUS_SHAPE', { where, expected: `'${name}' as ${axes}`, got });
}

const withShape = (tensor: TensorView, shape: readonly number[]): TensorView => ({ ...tensor, shape });

/** Attributes of conv2d for options that speak of `rank` axes; in one dimension the height is 1. */
function windowAttrs(
  options: CorrelateOptions,
  inputSize: readonly number[],
  kernelSize: readonly number[],
  where: string,
) {
  const rank = inputSize.length;
  const strides = perAxis(options.strides ?? 1, rank, where, 'strides');
  const dilation = perAxis(options.dilation ?? 1, rank, where, 'dilation');
  const padding = resolvePadding(options.padding ?? 'valid', { inputSize, kernelSize, strides, dilation }, where);
  const flat = rank === 1;
  return {
    strides: flat ? [1, ...strides] : strides,
    dilation: flat ? [1, ...dilation] : dilation,
    padding: flat ? [0, 0, ...padding] : padding,
  };
}

function correlate(input: TensorView, filter: TensorView, options: CorrelateOptions, where: string): TensorView {
  const attrs = windowAttrs(checkedOptions(options, correlateOptions, where), input.shape, filter.shape, where);
  const as2d = (shape: readonly number[]) => (shape.length === 1 ? [1, ...shape] : shape);
  const image = withShape(input, [1, ...as2d(input.shape), 1]);
  const y = run('conv2d', [image, withShape(filter, [...as2d(filter.shape), 1, 1])], attrs, where);
  return withShape(y, y.shape.slice(1, 3).slice(-input.shape.length));
}

/** The filter turned by half a turn: what makes a correlation a convolution. */
const flipped = (filter: TensorView): TensorView => ({ ...filter, data: filter.data.slice().reverse() });

const matrixAxes = 'rows of numbers [height][width]';

/**
 * Slides `filter` over `input` and sums the products: what deep learning calls convolution.
 *
 * @example
 * ops.crossCorrelate2d([[1, 2, 3], [4, 5, 6]], [[1, -1]]); // [[-1, -1], [-1, -1]]
 */
export function crossCorrelate2d(input: ArrayInput, filter: ArrayInput, options: CorrelateOptions = {}): number[][] {
  const where = 'crossCorrelate2d';
  const image = tensorOfRank(input, [2], where, 'input', matrixAxes);
  return toNested(
    correlate(image, tensorOfRank(filter, [2], where, 'filter', matrixAxes), options, where),
  ) as number[][];
}

/** `crossCorrelate2d` of signals. */
export function crossCorrelate1d(input: ArrayInput, filter: ArrayInput, options: CorrelateOptions = {}): number[] {
  const where = 'crossCorrelate1d';
  const signal = tensorOfRank(input, [1], where, 'input', 'a row of numbers');
  return toNested(
    correlate(signal, tensorOfRank(filter, [1], where, 'filter', 'a row of numbers'), options, where),
  ) as number[];
}

/** Convolution as mathematics defines it: the filter is flipped on both axes first. */
export function convolve2d(input: ArrayInput, filter: ArrayInput, options: CorrelateOptions = {}): number[][] {
  const where = 'convolve2d';
  const image = tensorOfRank(input, [2], where, 'input', matrixAxes);
  const taps = flipped(tensorOfRank(filter, [2], where, 'filter', matrixAxes));
  return toNested(correlate(image, taps, options, where)) as number[][];
}

/**
 * `convolve2d` of signals.
 *
 * @example
 * ops.convolve1d([1, 0, -2, 3], [1, 2]); // [2, -2, -1]
 */
export function convolve1d(input: ArrayInput, filter: ArrayInput, options: CorrelateOptions = {}): number[] {
  const where = 'convolve1d';
  const signal = tensorOfRank(input, [1], where, 'input', 'a row of numbers');
  const taps = flipped(tensorOfRank(filter, [1], where, 'filter', 'a row of numbers'));
  return toNested(correlate(signal, taps, options, where)) as number[];
}

function isChannelsFirst(dataFormat: DataFormat | undefined, where: string): boolean {
  const formats = { channelsLast: false, channelsFirst: true };
  return checkName(`${where}, dataFormat`, dataFormat ?? 'channelsLast', formats);
}

function transposed(tensor: TensorView, permutation: readonly number[], where: string): TensorView {
  return run('transpose', [tensor], { permutation }, where);
}

/** Applies `process` to the input as NHWC and gives its result the input's own axes back. */
function asImages(
  input: TensorView,
  channelsFirst: boolean,
  where: string,
  process: (images: TensorView) => TensorView,
): NestedArray {
  const rank = input.shape.length;
  const hasChannels = rank > 2;
  let images = hasChannels
    ? withShape(input, [...(rank === 3 ? [1] : []), ...input.shape])
    : withShape(input, [1, ...input.shape, 1]);
  if (hasChannels && channelsFirst) images = transposed(images, [0, 2, 3, 1], where);
  let result = process(images);
  if (hasChannels && channelsFirst) result = transposed(result, [0, 3, 1, 2], where);
  const start = rank === 4 ? 0 : 1;
  return toNested(withShape(result, result.shape.slice(start, start + rank)));
}

/**
 * Convolution layer without the layer: several filters over all channels, plus bias. Input [H, W, C] (or a batch of
 * them); the result has one channel per filter.
 */
export function conv2d(input: ArrayInput, filters: ArrayInput, options: Conv2dOptions = {}): NestedArray {
  const where = 'conv2d';
  const { dataFormat, bias, groups = 1, ...windows } = checkedOptions(options, convOptions, where);
  const channelsFirst = isChannelsFirst(dataFormat, where);
  const axes = channelsFirst
    ? '[channels][height][width], or a batch of them'
    : '[height][width][channels], or a batch of them';
  const image = tensorOfRank(input, [3, 4], where, 'input', axes);
  const weightAxes = channelsFirst ? '[filters][channels][height][width]' : '[height][width][channels][filters]';
  const given = tensorOfRank(filters, [4], where, 'filters', weightAxes);
  const weight = channelsFirst ? transposed(given, [2, 3, 1, 0], where) : given;
  const biasTensor = bias === undefined ? null : tensorOfRank(bias, [1], where, 'bias', 'one number per filter');
  return asImages(image, channelsFirst, where, (images) => {
    const attrs = windowAttrs(windows, images.shape.slice(1, 3), weight.shape.slice(0, 2), where);
    return run('conv2d', [images, weight, biasTensor], { ...attrs, groups }, where);
  });
}

function pool(name: string, input: ArrayInput, options: Pool2dOptions): NestedArray {
  const {
    poolSize = 2,
    strides = poolSize,
    padding = 'valid',
    dataFormat,
  } = checkedOptions(options, poolOptions, name);
  const image = tensorOfRank(input, [2, 3, 4], name, 'input', '[height][width], with channels, or a batch of them');
  return asImages(image, isChannelsFirst(dataFormat, name), name, (images) => {
    const kernelSize = perAxis(poolSize, 2, name, 'poolSize');
    const steps = perAxis(strides, 2, name, 'strides');
    const sides = resolvePadding(padding, { inputSize: images.shape.slice(1, 3), kernelSize, strides: steps }, name);
    return run(name, [images], { poolSize: kernelSize, strides: steps, padding: sides }, name);
  });
}

/**
 * Largest value of every window. The result is nested as the input is.
 *
 * @example
 * ops.maxPool2d([[1, 2], [3, 4]]); // [[4]]
 */
export function maxPool2d(input: readonly (readonly number[])[], options?: Pool2dOptions): number[][];
export function maxPool2d(input: ArrayInput, options?: Pool2dOptions): NestedArray;
export function maxPool2d(input: ArrayInput, options: Pool2dOptions = {}): NestedArray {
  return pool('maxPool2d', input, options);
}

/** Mean of every window, over its real cells. The result is nested as the input is. */
export function averagePool2d(input: readonly (readonly number[])[], options?: Pool2dOptions): number[][];
export function averagePool2d(input: ArrayInput, options?: Pool2dOptions): NestedArray;
export function averagePool2d(input: ArrayInput, options: Pool2dOptions = {}): NestedArray {
  return pool('averagePool2d', input, options);
}

/** A function on arrays that keeps their nesting. */
export interface SameNesting<Options extends unknown[] = []> {
  (input: number, ...options: Options): number;
  (input: readonly number[], ...options: Options): number[];
  (input: readonly (readonly number[])[], ...options: Options): number[][];
  (input: NestedNumbers | ShapedArray, ...options: Options): NestedArray;
}

function sameNesting(name: string): SameNesting {
  const apply = (input: ArrayInput) => toNested(run(name, [toTensor(input, name, 'input')], {}, name));
  return apply as SameNesting;
}

/** max(x, 0) of every element. */
export const relu = sameNesting('relu');
/** 1 / (1 + exp(-x)) of every element. */
export const sigmoid = sameNesting('sigmoid');
/** Hyperbolic tangent of every element. */
export const tanh = sameNesting('tanh');
/** exp(x) / sum(exp(x)) over the last axis. */
export const softmax = sameNesting('softmax');
/** Logarithm of `softmax`, without its loss of precision. */
export const logSoftmax = sameNesting('logSoftmax');

/** x where it is positive, negativeSlope * x (default 0.2) where it is not. */
export const leakyRelu: SameNesting<[options?: { negativeSlope?: number }]> = ((
  input: ArrayInput,
  options: { negativeSlope?: number } = {},
) => {
  const where = 'leakyRelu';
  const { negativeSlope = 0.2 } = checkedOptions(options, ['negativeSlope'], where);
  return toNested(run(where, [toTensor(input, where, 'input')], { alpha: negativeSlope }, where));
}) as SameNesting<[options?: { negativeSlope?: number }]>;
