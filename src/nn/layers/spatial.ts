// What layers on signals, images and volumes share: samples with one, two or three spatial axes and channels last.

import { shapeText } from '../../core/shape.js';
import type { Value } from '../../ops/op.js';
import {
  outputSizes,
  type Padding,
  resolvePadding,
  sidesText,
  spreadSides,
  type WindowSizes,
} from '../../ops/windows.js';
import type { LayerContext } from '../layer.js';
import type { OptionReader } from '../options.js';

/** Number of spatial axes. */
export type Rank = 1 | 2 | 3;

/** One number for all axes, or one per axis, the outermost first. */
export type PerAxis<R extends Rank> =
  | number
  | (R extends 1 ? readonly [number] : R extends 2 ? readonly [number, number] : readonly [number, number, number]);

/** Numbers of cells around: on all sides, one number per axis, or [before, after] per axis, nested or in one row. */
export type Sides = number | readonly number[] | readonly (readonly number[])[];

const axisNames: Readonly<Record<Rank, readonly string[]>> = {
  1: ['length'],
  2: ['height', 'width'],
  3: ['depth', 'height', 'width'],
};

/** Sizes along the spatial axes of a batch; fails when the samples have other axes. */
export function spatialSize(context: LayerContext, x: Value, rank: Rank): number[] {
  const { shape } = x;
  if (shape.length === rank + 2) return shape.slice(1, -1);
  const sample = `[${[...axisNames[rank], 'channels'].join(', ')}]`;
  const help =
    shape.length === rank + 1
      ? `data of one channel need a last axis of size 1: [${[...axisNames[rank], 1].join(', ')}]`
      : `put a reshape({ targetShape: ${sample} }) in front`;
  return context.fail(`samples ${sample}`, shapeText(shape.slice(1)), help);
}

/** Checks a `padding` option while the sizes are unknown. */
export function readPadding(options: OptionReader, rank: Rank): Padding {
  const padding = options.raw('padding') as Padding;
  const ones = new Array<number>(rank).fill(1);
  const sizes = { inputSize: ones, kernelSize: ones, strides: ones };
  resolvePadding(padding, sizes, `${options.where}, option 'padding'`);
  return padding;
}

/** An option that is a number of cells on every side, as [before, after] per axis in one row. */
export function readSides(options: OptionReader, name: string, rank: Rank): number[] {
  const sides = spreadSides(options.raw(name), rank);
  if (sides) return sides;
  throw options.error(name, sidesText(rank), options.raw(name));
}

/** [before, after] per axis for this input; fails when not a single window fits. */
export function fitSpatialWindows(context: LayerContext, padding: Padding, sizes: WindowSizes): number[] {
  const sides = resolvePadding(padding, sizes, context.where);
  if (outputSizes(sizes, sides).every((size) => size >= 1)) return sides;
  const { kernelSize, dilation, inputSize } = sizes;
  const rank = inputSize.length as Rank;
  const spread = dilation?.some((step) => step > 1) ? ` with dilation ${shapeText(dilation)}` : '';
  const what = { 1: 'a signal', 2: 'an image', 3: 'a volume' }[rank];
  return context.fail(
    `${what}, padding included, at least as large as the ${shapeText(kernelSize)} window${spread}`,
    `${shapeText(inputSize)} (${axisNames[rank].join(' x ')}) with padding ${JSON.stringify(padding)}`,
    `use padding 'same', a smaller window, or fewer layers that shrink the ${what.split(' ')[1]} before this one`,
  );
}

/** `x` under another shape: no work. */
export function reshaped(context: LayerContext, x: Value, shape: readonly number[]): Value {
  return context.op('reshape', [x], { shape });
}

/** A batch of signals or images as volumes whose outer axes have length 1: no work. */
export function asVolumes(context: LayerContext, x: Value): Value {
  const missing = 5 - x.shape.length;
  if (missing === 0) return x;
  const [batch, ...rest] = x.shape;
  return reshaped(context, x, [batch, ...new Array<number>(missing).fill(1), ...rest]);
}

/** Volumes made by `asVolumes` with their own axes again. */
export function fromVolumes(context: LayerContext, y: Value, rank: Rank): Value {
  return rank === 3 ? y : reshaped(context, y, [y.shape[0], ...y.shape.slice(4 - rank)]);
}

/** Numbers for the axes of a volume, those in front filled in. */
export function volumeAxes(list: readonly number[], filler: number, length = 3): number[] {
  return [...new Array<number>(length - list.length).fill(filler), ...list];
}
