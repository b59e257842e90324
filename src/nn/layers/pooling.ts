// Pooling over images: the largest or the mean of each window, channel by channel.

import type { Value } from '../../ops/op.js';
import { outputSize, type Padding } from '../../ops/windows.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import type { OptionReader } from '../options.js';
import { fitWindows, imageShape, type Pair, readPadding } from './images.js';

export interface MaxPooling2dOptions extends LayerOptions {
  /** Size of the window. Default 2. */
  poolSize?: Pair;
  /** Distance between neighbouring windows. Default: poolSize. */
  strides?: Pair;
  /** Default 'valid'. */
  padding?: Padding;
  /** true: a last window that only partly lies on the image counts too. Default false. */
  ceilMode?: boolean;
}

export interface AveragePooling2dOptions extends MaxPooling2dOptions {
  /** true: cells of the padding count as zeros in a mean. Default false. */
  countIncludePad?: boolean;
}

interface Settings {
  poolSize: [number, number];
  strides: [number, number];
  padding: Padding;
  ceilMode: boolean;
}

const defaults = { poolSize: 2, strides: undefined, padding: 'valid', ceilMode: false } as const;

function parse(options: OptionReader): Settings {
  const poolSize = options.pair('poolSize', { min: 1 });
  const strides = options.has('strides') ? options.pair('strides', { min: 1 }) : poolSize;
  return { poolSize, strides, padding: readPadding(options), ceilMode: options.boolean('ceilMode') };
}

/** Padding as asked for, and the rows and columns more at the end that ceilMode needs. */
function windows(context: LayerContext, x: Value, settings: Settings): { padding: number[]; extra: [number, number] } {
  const [, height, width] = imageShape(context, x);
  const { poolSize, strides } = settings;
  const padding = fitWindows(context, settings.padding, { inputSize: [height, width], kernelSize: poolSize, strides });
  const tooMuch = padding.some((side, i) => side >= poolSize[i >> 1]);
  if (tooMuch) context.fail(`padding smaller than the window (${poolSize.join('x')})`, padding);
  const extra = [height, width].map((size, axis) => {
    const [before, after] = padding.slice(2 * axis, 2 * axis + 2);
    return settings.ceilMode ? ceilPadding(size, poolSize[axis], strides[axis], before, after) : 0;
  });
  return { padding, extra: extra as [number, number] };
}

/** Cells to add at the end so that a partial last window fits; 0 if that window would start beyond the image. */
function ceilPadding(size: number, pool: number, stride: number, before: number, after: number): number {
  const full = outputSize(size, pool, stride, before, after);
  const start = full * stride;
  const complete = (full - 1) * stride + pool === size + before + after;
  return complete || start >= size + before ? 0 : start + pool - (size + before + after);
}

const withExtra = (padding: readonly number[], [rows, columns]: readonly [number, number]): number[] => [
  padding[0],
  padding[1] + rows,
  padding[2],
  padding[3] + columns,
];

/**
 * Largest value of each window: [batch, height, width, channels] → [batch, height', width', channels], with
 * height' = floor((height + padding - pool) / stride) + 1. Padding never wins.
 *
 * @example layers.maxPooling2d({ poolSize: 3, strides: 2 })
 */
export const maxPooling2d = defineLayer<MaxPooling2dOptions, Settings>({
  type: 'maxPooling2d',
  options: defaults,
  parse,
  call(context, [x], settings) {
    const { padding, extra } = windows(context, x, settings);
    const { poolSize, strides } = settings;
    return context.op('maxPool2d', [x], { poolSize, strides, padding: withExtra(padding, extra) });
  },
});

/**
 * Mean of each window: [batch, height, width, channels] → [batch, height', width', channels]. Cells of the padding do not
 * count, unless `countIncludePad` says so; those that `ceilMode` adds never do.
 *
 * @example layers.averagePooling2d({ poolSize: 2 })
 */
export const averagePooling2d = defineLayer<AveragePooling2dOptions, Settings & { countIncludePad: boolean }>({
  type: 'averagePooling2d',
  options: { ...defaults, countIncludePad: false },
  parse: (options) => ({ ...parse(options), countIncludePad: options.boolean('countIncludePad') }),
  call(context, [x], settings) {
    const { padding, extra } = windows(context, x, settings);
    const { poolSize, strides, countIncludePad } = settings;
    const partial = extra[0] > 0 || extra[1] > 0;
    if (!countIncludePad || !partial) {
      const attrs = { poolSize, strides, padding: withExtra(padding, extra), countIncludePad: countIncludePad ? 1 : 0 };
      return context.op('averagePool2d', [x], attrs);
    }
    const [top, bottom, left, right] = padding;
    const padded = context.op('pad', [x], { before: [0, top, left, 0], after: [0, bottom, right, 0] });
    const attrs = { poolSize, strides, padding: [0, extra[0], 0, extra[1]], countIncludePad: 0 };
    return context.op('averagePool2d', [padded], attrs);
  },
});

export interface GlobalPoolingOptions extends LayerOptions {
  /** true: the output keeps its axes, [batch, 1, 1, channels]. Default false. */
  keepDims?: boolean;
}

const globalPooling = (
  type: string,
  emit: (context: LayerContext, x: Value, height: number, width: number, keepDims: boolean) => Value,
) =>
  defineLayer<GlobalPoolingOptions, boolean>({
    type,
    options: { keepDims: false },
    parse: (options) => options.boolean('keepDims'),
    call(context, [x], keepDims) {
      const [, height, width] = imageShape(context, x);
      return emit(context, x, height, width, keepDims);
    },
  });

/**
 * Largest value of each channel over the whole image: [batch, height, width, channels] → [batch, channels].
 *
 * @example layers.globalMaxPooling2d()
 */
export const globalMaxPooling2d = globalPooling('globalMaxPooling2d', (context, x, height, width, keepDims) => {
  const attrs = { poolSize: [height, width], strides: [height, width], padding: [0, 0, 0, 0] };
  const y = context.op('maxPool2d', [x], attrs);
  return keepDims ? y : context.op('reshape', [y], { shape: [x.shape[0], x.shape[3]] });
});

/**
 * Mean of each channel over the whole image: [batch, height, width, channels] → [batch, channels].
 *
 * @example layers.globalAveragePooling2d()
 */
export const globalAveragePooling2d = globalPooling('globalAveragePooling2d', (context, x, _height, _width, keepDims) =>
  context.op('reduceMean', [x], { axes: [1, 2], keepDims: keepDims ? 1 : 0 }),
);
