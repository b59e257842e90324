// Layers that only move values: flatten, reshape, permute, padding with zeros.

import { shapeText, sizeOf } from '../../core/shape.js';
import { type Padding, resolvePadding } from '../../ops/windows.js';
import { defineLayer, type LayerOptions } from '../layer.js';
import { imageShape, type Pair } from './images.js';

/**
 * All values of a sample in one row: [batch, …] → [batch, product].
 *
 * @example layers.flatten()
 */
export const flatten = defineLayer<LayerOptions, null>({
  type: 'flatten',
  options: {},
  parse: () => null,
  call(context, [x]) {
    const { shape } = x;
    return shape.length === 2 ? x : context.op('reshape', [x], { shape: [shape[0], sizeOf(shape.slice(1))] });
  },
});

export interface ReshapeOptions extends LayerOptions {
  /** New shape of a sample, without the batch axis; one -1 stands for what is left. */
  targetShape: readonly number[];
}

/**
 * The same values under another shape: [batch, …] → [batch, ...targetShape].
 *
 * @example layers.reshape({ targetShape: [7, 7, -1] })
 */
export const reshape = defineLayer<ReshapeOptions, number[]>({
  type: 'reshape',
  options: { targetShape: undefined },
  parse(options) {
    const shape = options.integers('targetShape', { min: -1 });
    const valid = shape.filter((dim) => dim === -1).length <= 1 && !shape.includes(0);
    if (!valid) throw options.error('targetShape', 'sizes of at least 1, and at most one -1', shape);
    return shape;
  },
  call(context, [x], target) {
    const size = sizeOf(x.shape.slice(1));
    const known = sizeOf(target.filter((dim) => dim !== -1));
    const fits = target.includes(-1) ? size % known === 0 : size === known;
    if (!fits) {
      context.fail(
        `samples of ${known} values for targetShape ${JSON.stringify(target)}`,
        `${size} (${shapeText(x.shape.slice(1))})`,
      );
    }
    const shape = target.map((dim) => (dim === -1 ? size / known : dim));
    return context.op('reshape', [x], { shape: [x.shape[0], ...shape] });
  },
});

export interface PermuteOptions extends LayerOptions {
  /** Axes of a sample in their new order, counted from 1 as in Keras: [2, 1] swaps the first two. */
  dims: readonly number[];
}

/**
 * The axes of a sample in another order.
 *
 * @example layers.permute({ dims: [3, 1, 2] }) // [batch, height, width, channels] → [batch, channels, height, width]
 */
export const permute = defineLayer<PermuteOptions, number[]>({
  type: 'permute',
  options: { dims: undefined },
  parse(options) {
    const dims = options.integers('dims', { min: 1 });
    const valid = [...dims].sort((a, b) => a - b).every((dim, index) => dim === index + 1);
    if (!valid) throw options.error('dims', 'the numbers 1, 2, … each once', dims);
    return dims;
  },
  call(context, [x], dims) {
    if (dims.length !== x.shape.length - 1) {
      context.fail(`samples with ${dims.length} axes`, shapeText(x.shape.slice(1)));
    }
    return context.op('transpose', [x], { permutation: [0, ...dims] });
  },
});

export interface ZeroPadding2dOptions extends LayerOptions {
  /** All sides, [vertical, horizontal], [[top, bottom], [left, right]] or [top, bottom, left, right]. Default 1. */
  padding?: Pair | readonly (readonly number[])[] | readonly number[];
}

/**
 * Zeros around an image: [batch, height, width, channels] → [batch, height + top + bottom, width + left + right, channels].
 *
 * @example layers.zeroPadding2d({ padding: [[0, 1], [0, 1]] })
 */
export const zeroPadding2d = defineLayer<ZeroPadding2dOptions, number[]>({
  type: 'zeroPadding2d',
  options: { padding: 1 },
  parse(options) {
    const padding = options.raw('padding');
    if (typeof padding === 'string') throw options.error('padding', 'numbers', padding);
    const sizes = { inputSize: [1, 1], kernelSize: [1, 1], strides: [1, 1] };
    return resolvePadding(padding as Padding, sizes, `${options.where}, option 'padding'`);
  },
  call(context, [x], [top, bottom, left, right]) {
    imageShape(context, x);
    return context.op('pad', [x], { before: [0, top, left, 0], after: [0, bottom, right, 0] });
  },
});
