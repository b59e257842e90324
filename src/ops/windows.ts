// Sliding windows: what padding means, how large outputs are. Any number of spatial axes. 'same' pads as TensorFlow
// does: ceil(input / stride) outputs, the odd cell at the end.

import { OcellusError } from '../core/errors.js';

/**
 * 'valid': none. 'same': as many outputs as ceil(input / stride). A number: on every side. A list with one number per
 * axis, one pair [before, after] per axis, or all sides in one row ([top, bottom, left, right]).
 */
export type Padding = 'valid' | 'same' | number | readonly number[] | readonly (readonly number[])[];

/** Sizes of a window problem, one number per spatial axis. */
export interface WindowSizes {
  inputSize: readonly number[];
  kernelSize: readonly number[];
  strides: readonly number[];
  /** Distance between neighbouring taps; default 1. */
  dilation?: readonly number[];
}

/** Cells that a dilated kernel spans. */
export function kernelSpan(kernel: number, dilation: number): number {
  return (kernel - 1) * dilation + 1;
}

/** Number of windows along one axis; zero or less when the kernel does not fit. */
export function outputSize(
  size: number,
  kernel: number,
  stride: number,
  before: number,
  after: number,
  dilation = 1,
): number {
  return Math.floor((size + before + after - kernelSpan(kernel, dilation)) / stride) + 1;
}

/** Number of windows along every axis; `padding` as `resolvePadding` returns it. */
export function outputSizes(sizes: WindowSizes, padding: readonly number[]): number[] {
  const { inputSize, kernelSize, strides, dilation } = sizes;
  return inputSize.map((size, axis) =>
    outputSize(size, kernelSize[axis], strides[axis], padding[2 * axis], padding[2 * axis + 1], dilation?.[axis]),
  );
}

/**
 * Expands an option to one integer per axis.
 *
 * @example
 * perAxis(3, 2, 'conv2d', 'kernelSize'); // [3, 3]
 */
export function perAxis(
  value: number | readonly number[],
  rank: number,
  where: string,
  name: string,
  least = 1,
): number[] {
  const list = typeof value === 'number' ? new Array<number>(rank).fill(value) : value;
  const valid = Array.isArray(list) && list.length === rank && list.every((v) => Number.isInteger(v) && v >= least);
  if (valid) return [...list];
  const many = rank === 1 ? '' : `, or ${rank} of them`;
  throw new OcellusError('ERR_OCELLUS_OPTION', {
    where,
    expected: `${name}: an integer of at least ${least}${many}`,
    got: value,
  });
}

/**
 * Padding as numbers, [before, after] per axis in one row; in two dimensions [top, bottom, left, right].
 *
 * @example
 * resolvePadding('same', { inputSize: [28, 28], kernelSize: [3, 3], strides: [2, 2] }, 'conv2d'); // [0, 1, 0, 1]
 */
export function resolvePadding(padding: Padding, sizes: WindowSizes, where: string): number[] {
  const rank = sizes.inputSize.length;
  if (padding === 'valid') return new Array<number>(2 * rank).fill(0);
  if (padding === 'same')
    return sizes.inputSize.flatMap((size, axis) =>
      samePadding(size, Math.ceil(size / sizes.strides[axis]), axis, sizes),
    );
  const sides = spreadSides(padding, rank);
  if (sides) return sides;
  throw new OcellusError('ERR_OCELLUS_OPTION', {
    where,
    expected: `padding: 'valid', 'same', ${sidesText(rank)}`,
    got: typeof padding === 'string' ? `'${padding}'` : padding,
  });
}

/** Numbers of cells around, [before, after] per axis in one row; null for what is no such thing. */
export function spreadSides(sides: unknown, rank: number): number[] | null {
  const row = spread(sides, rank);
  return row?.every((side) => Number.isInteger(side) && side >= 0) ? row : null;
}

/** What `spreadSides` takes, in words. */
export function sidesText(rank: number): string {
  const two = '[v, h], [[top, bottom], [left, right]] or [top, bottom, left, right]';
  const many = { 1: '[before, after]', 2: two }[rank] ?? `${rank} numbers or pairs`;
  return `an integer of at least 0, ${many}`;
}

/** [before, after] along one axis so that windows cover `outputs` outputs; never negative. */
function samePadding(
  size: number,
  outputs: number,
  axis: number,
  { kernelSize, strides, dilation }: WindowSizes,
): number[] {
  const span = kernelSpan(kernelSize[axis], dilation?.[axis] ?? 1);
  const total = Math.max((outputs - 1) * strides[axis] + span - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

function spread(padding: unknown, rank: number): number[] | null {
  if (typeof padding === 'number') return new Array<number>(2 * rank).fill(padding);
  if (!Array.isArray(padding)) return null;
  if (padding.length === 2 * rank && padding.every((side) => typeof side === 'number')) return [...padding];
  if (padding.length !== rank) return null;
  const pairs = padding.map((side) => (typeof side === 'number' ? [side, side] : side));
  return pairs.every((pair) => Array.isArray(pair) && pair.length === 2) ? pairs.flat() : null;
}

/** What a transposed convolution needs to know: its output's size and the padding of the convolution it transposes. */
export interface TransposedWindow {
  outputSize: number[];
  padding: number[];
}

/**
 * Output size and padding of a transposed convolution, as Keras has them: 'same' gives input * stride, 'valid' gives
 * input * stride + max(span - stride, 0). With padding in numbers: (input - 1) * stride + span - before - after +
 * outputPadding. `inputSize` is the size of the transposed convolution's own (smaller) input.
 */
export function resolveTransposed(
  padding: Padding,
  sizes: WindowSizes,
  outputPadding: readonly number[] | undefined,
  where: string,
): TransposedWindow {
  const { inputSize, kernelSize, strides, dilation } = sizes;
  const span = (axis: number) => kernelSpan(kernelSize[axis], dilation?.[axis] ?? 1);
  const result: TransposedWindow = { outputSize: [], padding: [] };
  const fixed = padding === 'same' ? null : resolvePadding(padding, sizes, where);
  for (let axis = 0; axis < inputSize.length; axis++) {
    const extra = outputPadding?.[axis];
    const covered = (inputSize[axis] - 1) * strides[axis] + span(axis);
    let size: number;
    if (fixed === null) {
      size = extra === undefined ? inputSize[axis] * strides[axis] : covered - 2 * Math.floor(span(axis) / 2) + extra;
    } else {
      const gap = padding === 'valid' ? Math.max(strides[axis] - span(axis), 0) : 0;
      size = covered - fixed[2 * axis] - fixed[2 * axis + 1] + (extra ?? gap);
    }
    result.outputSize.push(size);
    result.padding.push(...(fixed?.slice(2 * axis, 2 * axis + 2) ?? samePadding(size, inputSize[axis], axis, sizes)));
  }
  return result;
}
