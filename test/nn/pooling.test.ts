// Poolings of signals, images and volumes: shapes, the trip through JSON, gradients, and values worked out by hand.

import { describe, expect, it } from 'vitest';
import { network, sequential } from '../../src/nn/compose.js';
import type { Layer } from '../../src/nn/layer.js';
import { layers } from '../../src/nn/layers/index.js';
import { input } from '../../src/nn/symbolic.js';
import { checkLayer, errorOf, noise, run } from './harness.js';

// biome-ignore lint/suspicious/noExplicitAny: options of one form for layers of all ranks
const any = layers as any;
const samples: Record<number, readonly number[]> = { 1: [11, 3], 2: [6, 7, 3], 3: [3, 5, 4, 2] };
const ranks = [1, 2, 3] as const;
const kinds = ['maxPooling', 'averagePooling', 'sumPooling', 'lpPooling'] as const;

describe.each(ranks)('windows over %d axes', (rank) => {
  const sample = samples[rank];
  const size = sample.slice(0, -1);
  const shapeOf = (length: (size: number) => number) => [...size.map(length), sample[rank]];

  it.each(kinds)('%s', (kind) => {
    const make = (options: object): Layer => any[`${kind}${rank}d`](options);
    expect(checkLayer(make({}), [sample])).toEqual(shapeOf((n) => Math.floor(n / 2)));
    expect(checkLayer(make({ padding: 'same' }), [sample])).toEqual(shapeOf((n) => Math.ceil(n / 2)));
    expect(checkLayer(make({ ceilMode: true }), [sample])).toEqual(shapeOf((n) => Math.ceil(n / 2)));
    expect(checkLayer(make({ poolSize: 3, strides: 1, padding: 1 }), [sample])).toEqual(shapeOf((n) => n));
    expect(checkLayer(make({ poolSize: 1, strides: 2 }), [sample])).toEqual(shapeOf((n) => Math.ceil(n / 2)));
    const perAxis = Array.from({ length: rank }, (_, axis) => axis + 1);
    expect(checkLayer(make({ poolSize: perAxis, strides: 1 }), [sample])).toEqual([
      ...size.map((n, axis) => n - axis),
      sample[rank],
    ]);
    const ones = [...size.map(() => 1), 2];
    expect(checkLayer(make({ poolSize: 1 }), [ones])).toEqual(ones);
  });

  it.each(kinds)('dilated %s', (kind) => {
    const options = { poolSize: 2, strides: 1, dilation: 2, padding: 1 };
    expect(checkLayer(any[`${kind}${rank}d`](options), [sample])).toEqual(shapeOf((n) => n));
    expect(checkLayer(any[`${kind}${rank}d`]({ ...options, strides: 2, ceilMode: true }), [sample])).toEqual(
      shapeOf((n) => Math.ceil((n - 1) / 2) + 1),
    );
  });

  it('where dilated maxima stand', () => {
    const options = { poolSize: 2, strides: 1, dilation: 2, padding: 1 };
    const indices = any[`maxPoolingIndices${rank}d`](options);
    expect(indices.apply(input({ shape: sample }))).toMatchObject({ shape: shapeOf((n) => n), dtype: 'int32' });
  });

  it.each(['lpPooling'] as const)('%s with other exponents', (kind) => {
    for (const p of [1, 3, 1.5, 'infinity']) {
      expect(checkLayer(any[`${kind}${rank}d`]({ p }), [sample])).toEqual(shapeOf((n) => Math.floor(n / 2)));
    }
  });

  it.each(['globalMaxPooling', 'globalAveragePooling'] as const)('%s', (kind) => {
    expect(checkLayer(any[`${kind}${rank}d`](), [sample])).toEqual([sample[rank]]);
    const kept = [...size.map(() => 1), sample[rank]];
    expect(checkLayer(any[`${kind}${rank}d`]({ keepDims: true }), [sample])).toEqual(kept);
  });

  it.each(['adaptiveMaxPooling', 'adaptiveAveragePooling'] as const)('%s', (kind) => {
    const make = (outputSize: unknown): Layer => any[`${kind}${rank}d`]({ outputSize });
    for (const count of [1, 2, 3, 5]) expect(checkLayer(make(count), [sample])).toEqual(shapeOf(() => count));
    expect(checkLayer(make(null), [sample])).toEqual(sample);
    const counts = size.map((_, axis) => (axis === 0 ? null : 2));
    expect(checkLayer(make(counts), [sample])).toEqual([size[0], ...size.slice(1).map(() => 2), sample[rank]]);
  });

  it('maxUnpooling puts maxima back where they stood', () => {
    const x = input({ shape: sample });
    const options = { poolSize: 2 };
    const pooled = any[`maxPooling${rank}d`](options).apply(x);
    const indices = any[`maxPoolingIndices${rank}d`](options).apply(x);
    const back = any[`maxUnpooling${rank}d`]({ ...options, outputSize: size }).apply([pooled, indices]);
    expect(back.shape).toEqual(sample);
    const data = noise(2 * sample.reduce((a, b) => a * b, 1));
    const net = network({ inputs: x, outputs: [pooled, back] });
    const { outputs } = run(net, [{ shape: [2, ...sample], data }]);
    const maxima = outputs[1].data.filter((value) => value !== 0);
    expect(maxima.sort()).toEqual([...outputs[0].data].sort());
    outputs[1].data.forEach((value, i) => {
      if (value !== 0) expect(value).toBe(data[i]);
    });
  });
});

describe('fractionalMaxPooling', () => {
  it('has the size asked for, and one set of windows in inference', () => {
    expect(checkLayer(layers.fractionalMaxPooling2d({ outputSize: [4, 5] }), [[6, 7, 3]])).toEqual([4, 5, 3]);
    expect(checkLayer(layers.fractionalMaxPooling2d({ outputRatio: 0.6 }), [[6, 7, 3]])).toEqual([3, 4, 3]);
    expect(checkLayer(layers.fractionalMaxPooling3d({ outputSize: 2 }), [[3, 5, 4, 2]])).toEqual([2, 2, 2, 2]);
    const fixed = layers.fractionalMaxPooling2d({ outputSize: 3, samples: [0.25, 0.75] });
    expect(checkLayer(fixed, [[6, 7, 3]], { training: false })).toEqual([3, 3, 3]);
  });
});

describe('values by hand', () => {
  const on = (layer: Layer, shape: readonly number[], data: readonly number[]) =>
    run(sequential([layer]), [{ shape: [1, ...shape], data }]).outputs[0].data;

  it('NaN wins, -Infinity and padding never do', () => {
    const data = [1, Number.NaN, -Infinity, -Infinity, 3, 4];
    expect(on(layers.maxPooling1d(), [6, 1], data)).toEqual([Number.NaN, -Infinity, 4]);
    expect(on(layers.globalMaxPooling1d(), [6, 1], data)).toEqual([Number.NaN]);
    expect(on(layers.maxPooling1d({ dilation: 2, strides: 1 }), [6, 1], data)).toEqual([1, Number.NaN, 3, 4]);
    expect(on(layers.maxPooling1d({ poolSize: 3, strides: 2, padding: 1 }), [3, 1], [-5, -4, -3])).toEqual([-4, -3]);
    const cube = [1, 2, 3, Number.NaN, 5, 6, 7, 8];
    expect(on(layers.maxPooling3d(), [2, 2, 2, 1], cube)).toEqual([Number.NaN]);
    expect(on(layers.adaptiveMaxPooling1d({ outputSize: 2 }), [3, 1], [1, Number.NaN, 2])).toEqual([
      Number.NaN,
      Number.NaN,
    ]);
  });

  it('sums and norms', () => {
    expect(on(layers.sumPooling1d(), [5, 1], [1, 2, 3, 4, 5])).toEqual([3, 7]);
    expect(on(layers.sumPooling1d({ ceilMode: true }), [5, 1], [1, 2, 3, 4, 5])).toEqual([3, 7, 5]);
    expect(on(layers.lpPooling1d(), [4, 1], [3, -4, 0, 0])).toEqual([5, 0]);
    expect(on(layers.lpPool1d({ normType: 1 }), [4, 1], [3, -4, 0, 0])).toEqual([7, 0]);
    expect(on(layers.lpPooling1d({ p: 'infinity' }), [4, 1], [3, -4, 0, 0])).toEqual([4, 0]);
  });

  it('adaptive windows overlap where sizes do not divide', () => {
    const layer = layers.adaptiveAveragePooling1d({ outputSize: 3 });
    expect(on(layer, [5, 1], [1, 2, 3, 4, 5])).toEqual([1.5, 3, 4.5]);
  });

  it('the mean of a volume leaves padding out', () => {
    const layer = layers.averagePooling3d({ poolSize: 2, padding: 1 });
    expect(on(layer, [2, 2, 2, 1], [1, 2, 3, 4, 5, 6, 7, 8])).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const counted = layers.averagePooling3d({ poolSize: 2, padding: 1, countIncludePad: true });
    expect(on(counted, [2, 2, 2, 1], [8, 16, 24, 32, 40, 48, 56, 64])).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe('what does not fit', () => {
  const at = (shape: readonly number[]) => input({ shape });
  it.each([
    [() => any.maxPooling1d({ poolSize: 0 }), "maxPooling1d, option 'poolSize': expected an integer at least 1, got 0"],
    [() => any.maxPooling1d({ poolSize: [2, 2] }), "option 'poolSize'"],
    [() => any.maxPooling3d({ poolSize: [2, 2] }), 'or three of them [depth, height, width], got [2,2]'],
    [() => any.maxPooling3d({ padding: [1, 2] }), "option 'padding'"],
    [() => any.maxPooling2d({ dilation: 0 }), "option 'dilation'"],
    [() => any.maxPooling2d({ dilatoin: 2 }), "did you mean 'dilation'?"],
    [() => any.sumPooling2d({ countIncludePad: true }), 'sumPooling2d'],
    [() => any.averagePooling1d({ ceilMode: 1 }), "option 'ceilMode': expected true or false"],
    [() => any.lpPooling2d({ p: 0 }), "option 'p': expected a number above 0 or 'infinity', got 0"],
    [() => any.lpPooling2d({ p: Number.POSITIVE_INFINITY }), "option 'p'"],
    [() => any.globalMaxPooling1d({ keepDims: 'yes' }), "option 'keepDims'"],
    [() => any.adaptiveMaxPooling2d(), "option 'outputSize': expected an integer at least 1 or null, or 2 of them"],
    [() => any.adaptiveMaxPooling2d({ outputSize: [1, 0] }), "option 'outputSize'"],
    [() => any.adaptiveAveragePooling1d({ outputSize: 1.5 }), "option 'outputSize'"],
    [() => any.fractionalMaxPooling2d({}), 'expected either outputSize or outputRatio'],
    [() => any.fractionalMaxPooling2d({ outputSize: 2, outputRatio: 0.5 }), 'either outputSize or outputRatio'],
    [() => any.fractionalMaxPooling2d({ outputRatio: 1 }), "option 'outputRatio'"],
    [
      () => any.fractionalMaxPooling2d({ outputSize: 2, samples: [0.5] }),
      "option 'samples': expected 2 numbers in [0, 1)",
    ],
    [() => any.maxUnpooling2d({ padding: -1 }), "option 'padding'"],
    [() => layers.maxPooling1d().apply(at([4])), 'expected samples [length, channels], got 4'],
    [
      () => layers.maxPooling1d({ name: 'p' }).apply(at([1, 3])),
      "maxPooling1d 'p': expected a signal, padding included",
    ],
    [() => layers.maxPooling3d().apply(at([4, 4, 3])), 'expected samples [depth, height, width, channels], got 4x4x3'],
    [
      () => layers.averagePooling3d().apply(at([1, 4, 4, 3])),
      'a volume, padding included, at least as large as the 2x2x2',
    ],
    [() => layers.maxPooling1d({ padding: 2 }).apply(at([9, 1])), 'expected padding smaller than the window (2)'],
    [() => layers.globalMaxPooling2d().apply(at([4, 4])), 'expected samples [height, width, channels]'],
    [
      () => layers.fractionalMaxPooling2d({ outputSize: 4 }).apply(at([4, 4, 1])),
      'at most 3x3 windows of 2x2, got 4x4',
    ],
    [() => layers.maxUnpooling2d().apply([at([2, 2, 1]), at([2, 2, 1])]), 'int32 indices 2x2x1, got float32 2x2x1'],
    [
      () => layers.maxUnpooling1d({ padding: 5 }).apply([at([2, 1]), input({ shape: [2, 1], dtype: 'int32' })]),
      'padding that leaves an output',
    ],
  ])('%#', (body, message) => {
    const error = errorOf(body);
    expect(error.code).toMatch(/^ERR_OCELLUS_(OPTION|SHAPE)$/);
    expect(`${error.message} ${error.help}`).toContain(message);
  });
});
