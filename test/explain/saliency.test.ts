// Saliency, integrated gradients and occlusion of networks whose answer is known.

import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { createModel, explain, layers, Random, sequential } from '../../src/index.js';
import { type BackendName, backends, distance, onBackend, peakOf } from './models.js';

const random = (count: number, seed: number, scale = 1) => {
  const source = new Random(seed);
  return Float32Array.from({ length: count }, () => scale * source.uniform());
};

/** Scores x · kernel + bias of two classes for images of 4x5 pixels with two channels. */
function linear(backend: BackendName) {
  const net = sequential([
    layers.flatten({ inputShape: [4, 5, 2] }),
    layers.dense({ name: 'scores', units: 2, activation: 'softmax' }),
  ]);
  onBackend(net, backend);
  const kernel = random(80, 1).map((one, i) => (i % 3 === 0 ? -one : one));
  net.setWeights({ 'scores/kernel': kernel, 'scores/bias': [0.5, -0.5] });
  const weights = [0, 1].map((index) => Float32Array.from({ length: 40 }, (_, i) => kernel[2 * i + index]));
  return { net, weights };
}

describe.each(backends)('%s', (backend) => {
  test('the saliency of a linear model is its weights', async () => {
    const { net, weights } = linear(backend);
    const x = { data: random(80, 2), shape: [2, 4, 5, 2] };
    const maps = await explain.saliency(net, x, { classIndex: [0, 1] });
    for (const [i, map] of maps.entries()) {
      expect(map.gradient.shape).toEqual([4, 5, 2]);
      expect(distance(map.gradient.data, weights[i])).toBeLessThan(1e-6);
      expect(map.shape).toEqual([4, 5]);
      const most = Math.max(Math.abs(weights[i][8]), Math.abs(weights[i][9]));
      expect(map.data[4]).toBeCloseTo(most, 6);
      expect(map.signed).toBe(false);
    }
  });

  test('integrated gradients of a linear model are exact with one step, from any baseline', async () => {
    const { net, weights } = linear(backend);
    const x = random(40, 3);
    const baseline = random(40, 4);
    const [map] = await explain.integratedGradients(net, x, { classIndex: 1, baseline, steps: 1 });
    const exact = x.map((pixel, i) => (pixel - baseline[i]) * weights[1][i]);
    expect(distance(map.attributions.data, exact)).toBeLessThan(1e-5);
    const sum = map.data.reduce((total, one) => total + one, 0);
    expect(sum).toBeCloseTo(map.score - map.baselineScore, 5);
    expect(map.signed).toBe(true);
    expect(map.range[0]).toBe(-map.range[1]);
  });

  test('integrated gradients of a smooth network sum to the difference of scores', async () => {
    const net = sequential([
      layers.conv2d({ filters: 4, kernelSize: 3, activation: 'tanh', inputShape: [8, 8, 1] }),
      layers.averagePooling2d(),
      layers.flatten(),
      layers.dense({ units: 6, activation: 'tanh' }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ]);
    onBackend(net, backend);
    const maps = await explain.integratedGradients(
      net,
      { data: random(128, 5, 2), shape: [2, 8, 8, 1] },
      { batchSize: 10 },
    );
    for (const map of maps) {
      const sum = map.attributions.data.reduce((total, one) => total + one, 0);
      expect(Math.abs(sum - (map.score - map.baselineScore))).toBeLessThan(1e-3);
      expect(map.score).not.toBeCloseTo(map.baselineScore, 2);
    }
  });

  test('occlusion finds the one pixel that counts', async () => {
    const net = sequential([
      layers.flatten({ inputShape: [6, 7, 1] }),
      layers.dense({ name: 'scores', units: 2, activation: 'softmax' }),
    ]);
    onBackend(net, backend);
    const kernel = new Float32Array(84);
    kernel[2 * (4 * 7 + 5)] = 4;
    net.setWeights({ 'scores/kernel': kernel, 'scores/bias': [0, 0] });
    const x = new Float32Array(42);
    x[4 * 7 + 5] = 1;
    const [map] = await explain.occlusion(net, x, { size: 1, value: 0, batchSize: 5 });
    expect(map.losses.shape).toEqual([6, 7]);
    expect(peakOf(map)).toEqual([4, 5]);
    expect(map.data.filter((one) => one !== 0)).toHaveLength(1);
    expect(map.data[33]).toBeCloseTo(1 / (1 + Math.exp(-4)) - 0.5, 5);
    // Squares of 3 that move by 2: the last ones end at the border.
    const [coarse] = await explain.occlusion(net, x, { size: 3, stride: 2, value: 0 });
    expect(coarse.losses.shape).toEqual([3, 3]);
    expect([...coarse.losses.data].map((one) => one > 0.1)).toEqual([
      ...[false, false, false],
      ...[false, false, true],
      ...[false, false, true],
    ]);
    // A pixel gets the mean over the squares that cover it.
    expect(coarse.data[4 * 7 + 5]).toBeCloseTo(map.data[33], 5);
    expect(coarse.data[4 * 7 + 4]).toBeCloseTo(map.data[33] / 2, 5);
    // The mean color instead of 0 covers, too.
    const [mean] = await explain.occlusion(net, x, { size: 1 });
    expect(mean.data[33]).toBeLessThan(map.data[33]);
    expect(peakOf(mean)).toEqual([4, 5]);
  });

  test('a covered place that spoke against the class counts below 0', async () => {
    const { net } = linear(backend);
    const x = random(40, 6);
    const [[first], [second]] = await Promise.all(
      [0, 1].map((classIndex) => explain.occlusion(net, x, { classIndex, size: 2 })),
    );
    // Two classes: what one loses the other gains.
    expect(
      distance(
        first.data,
        second.data.map((one) => -one),
      ),
    ).toBeLessThan(1e-4);
    expect(Math.min(...first.data)).toBeLessThan(0);
    expect(first.range[0]).toBe(-first.range[1]);
  });
});

test('guided backpropagation is 0 where a rectifier was off or its signal negative', async () => {
  const net = sequential([
    layers.relu({ inputShape: [1, 4, 1] }),
    layers.flatten(),
    layers.dense({ name: 'score', units: 2 }),
  ]);
  net.setWeights({ 'score/kernel': [1, 0, -1, 0, 1, 0, -1, 0], 'score/bias': [0, 0] });
  const x = { data: Float32Array.of(1, 1, -1, -1), shape: [1, 4, 1] };
  const of = async (rule: 'gradient' | 'guided' | 'deconvnet') => [
    ...(await explain.saliency(net, x, { classIndex: 0, rule }))[0].data,
  ];
  expect(await of('gradient')).toEqual([1, 1, 0, 0]);
  expect(await of('guided')).toEqual([1, 0, 0, 0]);
  expect(await of('deconvnet')).toEqual([1, 0, 1, 0]);
});

test('both backends agree on a residual network', async () => {
  const x = { data: random(16 * 16 * 3, 9, 255), shape: [16, 16, 3] };
  const runs = await Promise.all(
    backends.map(async (backend) => {
      const net = onBackend(createModel('tiny', { inputShape: [16, 16, 3], classes: 3 }), backend);
      const [saliency] = await explain.saliency(net, x);
      const [integrated] = await explain.integratedGradients(net, x, { steps: 4 });
      const [occlusion] = await explain.occlusion(net, x, { size: 8, stride: 8 });
      return [saliency, integrated, occlusion];
    }),
  );
  for (const maps of runs) {
    maps.forEach((map, i) => {
      expect(distance(map.data, runs[0][i].data)).toBeLessThan(i === 2 ? 1e-2 : 1e-3);
    });
  }
});

test('a signed map is white where it is 0', async () => {
  const { net } = linear('typescript');
  const [map] = await explain.integratedGradients(net, new Float32Array(40), { steps: 1, classIndex: 0 });
  expect([
    ...(
      await sharp(await map.png({ scale: 1 }))
        .raw()
        .toBuffer()
    ).subarray(0, 3),
  ]).toEqual([255, 255, 255]);
});

test('wrong options are one clear error each', async () => {
  const { net } = linear('typescript');
  const x = new Float32Array(40);
  await expect(explain.occlusion(net, x, { size: 5 })).rejects.toThrow(/from 1 to 4/);
  await expect(explain.occlusion(net, x, { size: 2, stride: 3 })).rejects.toThrow(/no pixel is left out/);
  await expect(explain.occlusion(net, x, { value: Number.NaN })).rejects.toThrow(/a number/);
  await expect(explain.integratedGradients(net, x, { steps: 0 })).rejects.toThrow(/at least 1/);
  await expect(explain.integratedGradients(net, x, { baseline: [1, 2] })).rejects.toThrow(/an image of 40 numbers/);
  await expect(explain.saliency(net, x, { rule: 'giuded' as never })).rejects.toThrow(/one of gradient/);
  await expect(explain.saliency(net, x, { classIndex: -1 })).rejects.toThrow(/a class from 0 to 1/);
  await expect(explain.saliency(net, x, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
});
