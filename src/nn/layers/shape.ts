// Layers that only move values: flatten, reshape, permute, repeatVector, slice.

import { shapeText, sizeOf } from '../../core/shape.js';
import { defineLayer, type LayerOptions } from '../layer.js';
import { reshaped } from './spatial.js';

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

export interface RepeatVectorOptions extends LayerOptions {
  /** How many times. */
  n: number;
}

/**
 * A vector, several times over: [batch, features] → [batch, n, features].
 *
 * @example layers.repeatVector({ n: 3 })
 */
export const repeatVector = defineLayer<RepeatVectorOptions, number>({
  type: 'repeatVector',
  options: { n: undefined },
  parse: (options) => options.integer('n', { min: 1 }),
  call(context, [x], n) {
    if (x.shape.length !== 2) context.fail('samples [features]', shapeText(x.shape.slice(1)));
    const [batch, features] = x.shape;
    return context.op('broadcastTo', [reshaped(context, x, [batch, 1, features])], { shape: [batch, n, features] });
  },
});

export interface SliceOptions extends LayerOptions {
  /** First index along each axis of a sample; negative ones count from the end. */
  begin: readonly number[];
  /** Length along each axis; -1: all that is left. Default -1 everywhere. */
  size?: readonly number[];
}

/**
 * A part of each sample, cut out along every axis: [batch, …] → [batch, ...size].
 *
 * @example layers.slice({ begin: [0, 4], size: [-1, 8] })
 */
export const slice = defineLayer<SliceOptions, { begin: number[]; size: number[] | null }>({
  type: 'slice',
  options: { begin: undefined, size: undefined },
  anyDtype: true,
  parse(options) {
    const begin = options.integers('begin');
    const size = options.has('size') ? options.integers('size', { min: -1 }) : null;
    const valid = size === null || (size.length === begin.length && !size.includes(0));
    if (!valid) throw options.error('size', 'one size of at least 1, or -1, for each number of begin', size);
    return { begin, size };
  },
  call(context, [x], { begin, size }) {
    const sample = x.shape.slice(1);
    if (begin.length !== sample.length) context.fail(`samples with ${begin.length} axes`, shapeText(sample));
    const from = begin.map((index, axis) => (index < 0 ? index + sample[axis] : index));
    const lengths = from.map((index, axis) => {
      const wanted = size?.[axis] ?? -1;
      return wanted === -1 ? sample[axis] - index : wanted;
    });
    const isInside = from.every(
      (index, axis) => index >= 0 && lengths[axis] >= 1 && index + lengths[axis] <= sample[axis],
    );
    if (!isInside) {
      context.fail(
        `samples that begin ${JSON.stringify(begin)}, size ${JSON.stringify(size ?? -1)} is a part of`,
        shapeText(sample),
      );
    }
    return context.op('slice', [x], { begin: [0, ...from], size: [x.shape[0], ...lengths] });
  },
});
