// Layers that move values: borders, cropping, upsampling, resizing, blocks, slices. Shapes, the trip through JSON,
// gradients, and values worked out by hand.

import { describe, expect, it } from 'vitest';
import { sequential } from '../../src/nn/compose.js';
import type { Layer } from '../../src/nn/layer.js';
import { layers } from '../../src/nn/layers/index.js';
import { input } from '../../src/nn/symbolic.js';
import { checkLayer, errorOf, run } from './harness.js';

// biome-ignore lint/suspicious/noExplicitAny: options of one form for layers of all ranks
const any = layers as any;
const samples: Record<number, readonly number[]> = { 1: [5, 3], 2: [4, 5, 2], 3: [3, 4, 3, 2] };
const on = (layer: Layer, shape: readonly number[], data: readonly number[]) =>
  run(sequential([layer]), [{ shape: [1, ...shape], data }]).outputs[0].data;

describe.each([1, 2, 3])('over %d axes', (rank) => {
  const sample = samples[rank];
  const size = sample.slice(0, -1);
  const shapeOf = (length: (size: number, axis: number) => number) => [...size.map(length), sample[rank]];
  const uneven = size.map((_, axis) => [axis === 0 ? 2 : 0, 1]);

  it.each(['zeroPadding', 'reflectionPadding', 'replicationPadding', 'circularPadding'])('%s', (kind) => {
    const make = (options: object): Layer => any[`${kind}${rank}d`](options);
    expect(checkLayer(make({}), [sample])).toEqual(shapeOf((n) => n + 2));
    expect(checkLayer(make({ padding: uneven }), [sample])).toEqual(shapeOf((n, axis) => n + (axis === 0 ? 3 : 1)));
    expect(checkLayer(make({ padding: uneven.flat() }), [sample])).toEqual(
      shapeOf((n, axis) => n + (axis === 0 ? 3 : 1)),
    );
    expect(checkLayer(make({ padding: 0 }), [sample])).toEqual(sample);
  });

  it('cropping', () => {
    const make = (options: object): Layer => any[`cropping${rank}d`](options);
    expect(checkLayer(make({}), [sample])).toEqual(shapeOf((n) => n - 2));
    expect(checkLayer(make({ cropping: size.map(() => [0, 1]) }), [sample])).toEqual(shapeOf((n) => n - 1));
  });

  it.each(['nearest', 'bilinear', 'cubic'] as const)('upSampling, %s', (interpolation) => {
    for (const alignCorners of [false, true]) {
      const layer = any[`upSampling${rank}d`]({ size: 2, interpolation, alignCorners });
      expect(checkLayer(layer, [sample])).toEqual(shapeOf((n) => 2 * n));
    }
    const factors = size.map((_, axis) => axis + 1);
    expect(checkLayer(any[`upSampling${rank}d`]({ scaleFactor: factors, interpolation }), [sample])).toEqual(
      shapeOf((n, axis) => n * factors[axis]),
    );
    const ones = [...size.map(() => 1), 2];
    expect(checkLayer(any[`upSampling${rank}d`]({ size: 3, interpolation }), [ones])).toEqual([
      ...size.map(() => 3),
      2,
    ]);
  });
});

it.each([
  ['repeatVector', layers.repeatVector({ n: 3 }), [5], [3, 5]],
  ['slice', layers.slice({ begin: [1, 0], size: [2, -1] }), [4, 3], [2, 3]],
  ['slice from the end', layers.slice({ begin: [-2, 1] }), [4, 3], [2, 2]],
  ['resizing up', layers.resizing({ height: 7, width: 9 }), [3, 4, 2], [7, 9, 2]],
  ['resizing down', layers.resizing({ height: 2, width: 3, interpolation: 'bicubic' }), [7, 5, 2], [2, 3, 2]],
  ['resizing to what it is', layers.resizing({ height: 3, width: 4 }), [3, 4, 2], [3, 4, 2]],
  ['resizing without aliasing', layers.resizing({ height: 2, width: 5, antialias: true }), [7, 4, 1], [2, 5, 1]],
  ['resizing one way', layers.resizing({ height: 5, width: 2, interpolation: 'nearest' }), [3, 4, 1], [5, 2, 1]],
  ['spaceToDepth', layers.spaceToDepth(), [4, 6, 3], [2, 3, 12]],
  ['depthToSpace', layers.depthToSpace({ blockSize: 3 }), [2, 1, 18], [6, 3, 2]],
  ['pixelShuffle', layers.pixelShuffle({ upscaleFactor: 2 }), [2, 3, 8], [4, 6, 2]],
  ['pixelUnshuffle', layers.pixelUnshuffle({ downscaleFactor: 2 }), [4, 6, 2], [2, 3, 8]],
] as const)('%s', (_, layer, shape, expected) => {
  expect(checkLayer(layer, [shape])).toEqual(expected);
});

it.each([
  ['vectors', { axes: 1 }, [5], [5], [1]],
  ['cosines', { axes: -1, normalize: true }, [5], [5], [1]],
  ['sequences', { axes: -1 }, [3, 5], [4, 5], [3, 4]],
  ['another axis of each', { axes: [1, 2], normalize: true }, [3, 5], [7, 3], [5, 7]],
  ['first axes', { axes: 1 }, [3, 5], [3, 2], [5, 2]],
  ['an axis in the middle', { axes: [2, -1] }, [2, 3, 4], [5, 3], [2, 4, 5]],
  ['a matrix and a vector', { axes: [2, 1] }, [4, 3], [3], [4]],
] as const)('dot of %s', (_, options, first, second, expected) => {
  expect(checkLayer(layers.dot(options), [first, second])).toEqual(expected);
});

describe('values by hand', () => {
  it('borders', () => {
    const signal = (layer: Layer) => on(layer, [3, 1], [1, 2, 3]);
    expect(signal(layers.zeroPadding1d({ padding: [1, 2] }))).toEqual([0, 1, 2, 3, 0, 0]);
    expect(signal(layers.reflectionPadding1d({ padding: 2 }))).toEqual([3, 2, 1, 2, 3, 2, 1]);
    expect(signal(layers.replicationPadding1d({ padding: 2 }))).toEqual([1, 1, 1, 2, 3, 3, 3]);
    expect(signal(layers.circularPadding1d({ padding: 2 }))).toEqual([2, 3, 1, 2, 3, 1, 2]);
    expect(signal(layers.cropping1d({ cropping: [1, 0] }))).toEqual([2, 3]);
  });

  it('upsampling has its centres at half', () => {
    const signal = (options: object) => on(layers.upSampling1d({ size: 2, ...options }), [2, 1], [0, 4]);
    expect(signal({})).toEqual([0, 0, 4, 4]);
    expect(signal({ interpolation: 'linear' })).toEqual([0, 1, 3, 4]);
    expect(signal({ interpolation: 'linear', alignCorners: true })).toEqual([0, 4 / 3, 8 / 3, 4].map(Math.fround));
  });

  it('blocks in both orders, there and back', () => {
    const data = Array.from({ length: 8 }, (_, i) => i);
    expect(on(layers.depthToSpace(), [1, 1, 8], data)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(on(layers.pixelShuffle({ upscaleFactor: 2 }), [1, 1, 8], data)).toEqual([0, 4, 1, 5, 2, 6, 3, 7]);
    for (const order of ['blockFirst', 'channelFirst'] as const) {
      const net = sequential([layers.spaceToDepth({ order }), layers.depthToSpace({ order })]);
      const image = Array.from({ length: 48 }, (_, i) => i);
      expect(run(net, [{ shape: [1, 4, 4, 3], data: image }]).outputs[0].data).toEqual(image);
    }
  });

  it('slice keeps integers', () => {
    const net = sequential([layers.slice({ begin: [1], size: [2] })]);
    const x = input({ shape: [3], dtype: 'int32' });
    expect(layers.slice({ begin: [1] }).apply(x).dtype).toBe('int32');
    expect(run(net, [{ shape: [1, 3], data: [5, 6, 7], dtype: 'uint8' }]).outputs[0].data).toEqual([6, 7]);
  });
});

describe('what does not fit', () => {
  const at = (shape: readonly number[]) => input({ shape });
  it.each([
    [() => any.zeroPadding1d({ padding: -1 }), "option 'padding'"],
    [() => any.zeroPadding3d({ padding: [1, 2] }), "option 'padding'"],
    [() => any.reflectionPadding2d({ padding: 'same' }), "top, bottom, left, right], got 'same'"],
    [() => any.cropping2d({ cropping: [1, 2, 3] }), "option 'cropping'"],
    [() => any.cropping2d({ padding: 1 }), 'cropping2d'],
    [() => any.upSampling2d({ size: 0 }), "option 'size'"],
    [() => any.upSampling2d({ size: 1.5 }), "option 'size'"],
    [() => any.upSampling2d({ interpolation: 'bilinaer' }), "did you mean 'bilinear'?"],
    [
      () => any.resizing({ height: 3, width: 3, antialias: true, alignCorners: true }),
      'false where alignCorners is true',
    ],
    [() => any.resizing({ height: 3 }), "resizing, option 'width': expected an integer at least 1, got undefined"],
    [() => any.repeatVector({}), "option 'n'"],
    [() => any.repeatVector({ n: 0 }), "option 'n'"],
    [() => any.slice({ begin: [1], size: [1, 2] }), "option 'size': expected one size"],
    [() => any.slice({ begin: [1], size: [0] }), "option 'size'"],
    [() => any.dot({}), "option 'axes': expected an axis other than the batch"],
    [() => any.dot({ axes: 0 }), "option 'axes'"],
    [() => any.dot({ axes: [1, 2, 3] }), "option 'axes'"],
    [() => layers.dot({ axes: 1 }).apply([at([3]), at([4])]), 'equal sizes along the axes 1 and 1, got 3 and 4'],
    [() => layers.dot({ axes: 3 }).apply([at([3]), at([3])]), 'along the axes 3 and 3'],
    [() => any.spaceToDepth({ blockSize: 0 }), "option 'blockSize'"],
    [() => any.depthToSpace({ order: 'DCR' }), "option 'order'"],
    [() => any.pixelShuffle({}), "option 'upscaleFactor'"],
    [() => layers.zeroPadding1d().apply(at([4])), 'expected samples [length, channels], got 4'],
    [() => layers.reflectionPadding1d({ padding: 3 }).apply(at([3, 1])), 'a padding of at most 2 for reflect borders'],
    [() => layers.circularPadding2d({ padding: 4 }).apply(at([3, 5, 1])), 'at most 3x5 for circular borders of 3x5'],
    [() => layers.cropping1d({ cropping: 2 }).apply(at([4, 1])), 'a cropping that leaves something of 4'],
    [() => layers.repeatVector({ n: 2 }).apply(at([4, 1])), 'expected samples [features], got 4x1'],
    [() => layers.slice({ begin: [1] }).apply(at([4, 1])), 'expected samples with 1 axes, got 4x1'],
    [() => layers.slice({ begin: [3], size: [2] }).apply(at([4])), 'begin [3], size [2] is a part of, got 4'],
    [() => layers.slice({ begin: [-5] }).apply(at([4])), 'is a part of, got 4'],
    [() => layers.spaceToDepth().apply(at([3, 4, 1])), 'a height and width that blocks of 2 divide, got 3x4'],
    [() => layers.depthToSpace().apply(at([3, 4, 6])), 'channels that 4 divides, got 6'],
  ])('%#', (body, message) => {
    const error = errorOf(body);
    expect(error.code).toMatch(/^ERR_OCELLUS_(OPTION|SHAPE)$/);
    expect(`${error.message} ${error.help}`).toContain(message);
  });
});
