// The windows of pooling layers: what their options mean for one input, and how a pooling of any rank is made of
// poolings over images. A signal is an image of height 1. A volume is pooled over height and width first, then over
// depth: windows are boxes, so maxima, means, ties and NaN come out as in one go, and each step has the fast kernel.

import type { Value } from '../../ops/op.js';
import { kernelSpan, outputSizes, type Padding, resolvePadding } from '../../ops/windows.js';
import type { LayerContext } from '../layer.js';
import type { OptionReader } from '../options.js';
import { convolve } from './convolve.js';
import {
  asVolumes,
  fitSpatialWindows,
  fromVolumes,
  type Rank,
  readPadding,
  reshaped,
  spatialSize,
  volumeAxes,
} from './spatial.js';

/** Options of all window poolings, checked. */
export interface PoolSettings {
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: Padding;
  readonly dilation: readonly number[];
  readonly ceilMode: boolean;
}

export const poolDefaults = {
  poolSize: 2,
  strides: undefined,
  padding: 'valid',
  dilation: 1,
  ceilMode: false,
} as const;

export function parsePool(options: OptionReader, rank: Rank): PoolSettings {
  const poolSize = options.perAxis('poolSize', rank, { min: 1 });
  const strides = options.has('strides') ? options.perAxis('strides', rank, { min: 1 }) : poolSize;
  const dilation = options.perAxis('dilation', rank, { min: 1 });
  return { poolSize, strides, padding: readPadding(options, rank), dilation, ceilMode: options.boolean('ceilMode') };
}

/** The windows over one input. `padding` holds what `ceilMode` adds at the end, `extra` that part alone per axis. */
export interface PoolWindows {
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly number[];
  readonly extra: readonly number[];
  readonly dilation: readonly number[];
}

const isDilated = ({ dilation }: PoolWindows): boolean => dilation.some((step) => step > 1);

/** Padding as asked for, and the cells more at the end that ceilMode needs. */
export function poolWindows(
  context: LayerContext,
  x: Value,
  { poolSize, strides, padding, dilation, ceilMode }: PoolSettings,
): PoolWindows {
  const inputSize = spatialSize(context, x, poolSize.length as Rank);
  const sizes = { inputSize, kernelSize: poolSize, strides, dilation };
  const sides = resolvePadding(padding, sizes, context.where);
  const spans = poolSize.map((pool, axis) => kernelSpan(pool, dilation[axis]));
  const extra = inputSize.map((size, axis) =>
    ceilMode ? ceilPadding(size, spans[axis], strides[axis], sides[2 * axis], sides[2 * axis + 1]) : 0,
  );
  const all = sides.map((side, i) => (i % 2 === 1 ? side + extra[i >> 1] : side));
  if (outputSizes(sizes, all).some((count) => count < 1)) fitSpatialWindows(context, padding, sizes);
  if (sides.some((side, i) => side >= spans[i >> 1])) {
    context.fail(`padding smaller than the window (${spans.join('x')})`, sides);
  }
  return { poolSize, strides, padding: all, extra, dilation };
}

/** Cells to add at the end so that the last window fits that starts on the input or in the padding before it. */
function ceilPadding(size: number, span: number, stride: number, before: number, after: number): number {
  const padded = size + before + after;
  const reach = Math.ceil((padded - span) / stride) * stride;
  const last = reach >= size + before ? reach - stride : reach;
  return last < 0 ? 0 : Math.max(0, last + span - padded);
}

/** An op over images, applied to inputs of any rank. */
export function poolAxes(
  context: LayerContext,
  op: 'maxPool2d' | 'averagePool2d',
  x: Value,
  { poolSize, strides, padding }: Pick<PoolWindows, 'poolSize' | 'strides' | 'padding'>,
  more: Readonly<Record<string, number>> = {},
): Value {
  const pool = (image: Value, from: number): Value => {
    const attrs = { poolSize: poolSize.slice(from), strides: strides.slice(from), padding: padding.slice(2 * from) };
    return context.op(op, [image], { ...attrs, ...more });
  };
  if (poolSize.length === 2) return pool(x, 0);
  const [batch, ...size] = x.shape;
  const channels = size.pop() as number;
  if (poolSize.length === 1) {
    const attrs = { poolSize: [1, ...poolSize], strides: [1, ...strides], padding: [0, 0, ...padding] };
    const y = context.op(op, [reshaped(context, x, [batch, 1, ...size, channels])], { ...attrs, ...more });
    return reshaped(context, y, [batch, y.shape[2], channels]);
  }
  const [depth, height, width] = size;
  const planes = pool(reshaped(context, x, [batch * depth, height, width, channels]), 1);
  const [, rows, columns] = planes.shape;
  const stacks = reshaped(context, planes, [batch, depth, rows * columns, channels]);
  const attrs = { poolSize: [poolSize[0], 1], strides: [strides[0], 1], padding: [padding[0], padding[1], 0, 0] };
  const y = context.op(op, [stacks], { ...attrs, ...more });
  return reshaped(context, y, [batch, y.shape[1], rows, columns, channels]);
}

/** Mean of each window. With `countIncludePad` the padding counts, but never what ceilMode adds. */
export function meanOfWindows(context: LayerContext, x: Value, windows: PoolWindows, countIncludePad: boolean): Value {
  if (isDilated(windows)) return dilatedMean(context, x, windows, countIncludePad);
  const { extra } = windows;
  const isPartial = extra.some((cells) => cells > 0);
  if (!countIncludePad || !isPartial) {
    return poolAxes(context, 'averagePool2d', x, windows, { countIncludePad: countIncludePad ? 1 : 0 });
  }
  const [before, after] = countedSides(windows);
  const padded = context.op('pad', [x], { before: [0, ...before, 0], after: [0, ...after, 0] });
  return poolAxes(context, 'averagePool2d', padded, { ...windows, padding: extra.flatMap((cells) => [0, cells]) });
}

/** The padding without what ceilMode adds: cells before and cells after. */
function countedSides({ padding, extra }: PoolWindows): [number[], number[]] {
  return [extra.map((_, axis) => padding[2 * axis]), extra.map((cells, axis) => padding[2 * axis + 1] - cells)];
}

/** The sum over a dilated window, divided by how many of its cells count. */
function dilatedMean(context: LayerContext, x: Value, windows: PoolWindows, countIncludePad: boolean): Value {
  const size = x.shape.slice(1, -1);
  const [before, after] = countedSides(windows);
  const counted = countIncludePad ? size.map((length, axis) => before[axis] + length + after[axis]) : size;
  const padding = countIncludePad ? windows.extra.flatMap((cells) => [0, cells]) : windows.padding;
  const ones = context.op('fill', [], { value: 1, shape: [1, ...counted, 1] });
  const one = context.op('fill', [], { value: 1, shape: [1] });
  // A window may lie in the padding with all its cells: its sum is 0, and so is its mean.
  const counts = context.op('maximum', [dilatedSum(context, ones, { ...windows, padding }), one]);
  return context.op('divide', [dilatedSum(context, x, windows), counts]);
}

/** Sum of each dilated window: a depthwise convolution with ones. */
function dilatedSum(context: LayerContext, x: Value, { poolSize, strides, padding, dilation }: PoolWindows): Value {
  const channels = x.shape[x.shape.length - 1];
  const ones = context.op('fill', [], { value: 1, shape: [...poolSize, 1, channels] });
  return convolve(context, [x, ones, null], { strides, padding, dilation, groups: channels }, 'linear');
}

/** Sum of each window: the mean times the cells of a whole window. */
export function sumOfWindows(context: LayerContext, x: Value, windows: PoolWindows): Value {
  if (isDilated(windows)) return dilatedSum(context, x, windows);
  const mean = poolAxes(context, 'averagePool2d', x, windows, { countIncludePad: 1 });
  const scale = windows.poolSize.reduce((product, size) => product * size, 1);
  return context.op('rescale', [mean], { scale, offset: 0 });
}

/** Largest value of each window. */
export function maxOfWindows(context: LayerContext, x: Value, windows: PoolWindows): Value {
  return isDilated(windows) ? cellsOfMaxima(context, x, windows, 'values') : poolAxes(context, 'maxPool2d', x, windows);
}

/** Largest value of each window, or where it stands, by the op that takes dilated windows and tells positions. */
export function cellsOfMaxima(
  context: LayerContext,
  x: Value,
  { poolSize, strides, padding, dilation }: PoolWindows,
  output: 'values' | 'indices',
): Value {
  const attrs = {
    poolSize: volumeAxes(poolSize, 1),
    strides: volumeAxes(strides, 1),
    padding: volumeAxes(padding, 0, 6),
    dilation: volumeAxes(dilation, 1),
  };
  const [y, indices] = context.emit('maxPool3d', [asVolumes(context, x)], attrs);
  return fromVolumes(context, output === 'values' ? y : indices, poolSize.length as Rank);
}
