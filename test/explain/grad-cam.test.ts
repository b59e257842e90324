// Class activation maps and deletion scores of networks whose answer is known.

import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { createModel, explain, input, layers, model, Random, sequential } from '../../src/index.js';
import { backends, distance, onBackend, peakOf, squareDetector, squareImage } from './models.js';

describe.each(backends)('%s', (backend) => {
  test.each([
    [1, 1],
    [4, 7],
    [8, 0],
  ])('the map of the class "bright" peaks in the square at (%i, %i)', async (top, left) => {
    const net = squareDetector(backend);
    for (const method of ['gradCam', 'hiResCam', 'layerCam'] as const) {
      const [map] = await explain.gradCam(net, squareImage(top, left), { classIndex: 0, method });
      expect(map.shape).toEqual([12, 12]);
      expect(map.layer).toBe('conv');
      expect(peakOf(map)).toEqual([top + 1, left + 1]);
      // The filter answers 1 in the middle of the square and nowhere else: 20 / 144 is its weight.
      expect(map.range[0]).toBe(0);
      expect(map.range[1]).toBeCloseTo(20 / 144, 5);
      expect(map.data.filter((one) => one > 0)).toHaveLength(1);
    }
  });

  test('the other class lights up where the square is not', async () => {
    const net = squareDetector(backend);
    const [map] = await explain.gradCam(net, squareImage(4, 4), { classIndex: 1 });
    expect(map.data[5 * 12 + 5]).toBe(0);
    expect(map.data[0]).toBeGreaterThan(0);
    expect(map.classIndex).toBe(1);
    const [p0, p1] = (await net.predict(squareImage(4, 4))).data;
    expect(map.probability).toBeCloseTo(p1, 6);
    expect(map.score).not.toBeCloseTo(p1, 2);
    expect(p0 + p1).toBeCloseTo(1, 5);
  });

  test('a batch gives for each image what it gives alone, by its own class', async () => {
    const net = onBackend(createModel('tiny', { inputShape: [24, 24, 3], classes: 4 }), backend);
    const random = new Random(3);
    const data = Uint8Array.from({ length: 3 * 24 * 24 * 3 }, () => random.integer(256));
    const maps = await explain.gradCam(net, { data, shape: [3, 24, 24, 3] }, { batchSize: 2 });
    expect(maps).toHaveLength(3);
    for (const [i, map] of maps.entries()) {
      const own = { data: data.slice(i * 1728, (i + 1) * 1728), shape: [24, 24, 3] };
      const [alone] = await explain.gradCam(net, own);
      expect(distance(alone.data, map.data)).toBeLessThan(1e-4);
      expect(alone.classIndex).toBe(map.classIndex);
      expect(map.coarse.shape).toEqual([3, 3]);
      expect(map.layer).toBe('relu_6');
    }
    const given = await explain.gradCam(net, { data, shape: [3, 24, 24, 3] }, { classIndex: [0, 1, 2] });
    expect(given.map(({ classIndex }) => classIndex)).toEqual([0, 1, 2]);
  });

  test('deletion: the right map takes the class away at once, the wrong one at the end', async () => {
    const net = squareDetector(backend);
    net.setWeights({ 'scores/kernel': [2000, 0, 0, 0] });
    const image = squareImage(4, 4);
    const data = Float32Array.from(image.data);
    const good = await explain.deletionScore(net, image, { data, shape: [12, 12], classIndex: 0 }, { steps: 16 });
    const bad = await explain.deletionScore(
      net,
      image,
      { data: data.map((one) => -one), shape: [12, 12], classIndex: 0 },
      { steps: 16 },
    );
    expect(good.curve).toHaveLength(17);
    expect(good.curve[0]).toEqual([0, bad.curve[0][1]]);
    expect(good.curve[1][1]).toBeCloseTo(0.5, 5);
    expect(bad.curve[15][1]).toBeGreaterThan(0.99);
    expect(bad.curve[16][1]).toBeCloseTo(0.5, 5);
    expect(good.score).toBeLessThan(0.6);
    expect(bad.score).toBeGreaterThan(0.9);
  });

  test('images with their channels first, one output for two classes, bare scores', async () => {
    const image = input({ shape: [1, 8, 10], dataFormat: 'channelsFirst' });
    const maps = layers.conv2d({ name: 'conv', filters: 1, kernelSize: 1, activation: 'relu' }).apply(image);
    const score = layers.dense({ name: 'score', units: 1 }).apply(layers.globalAveragePooling2d().apply(maps));
    const net = onBackend(model({ inputs: image, outputs: score }), backend);
    net.setWeights({ 'conv/kernel': [1], 'conv/bias': [0], 'score/kernel': [3], 'score/bias': [-0.1] });
    const data = new Float32Array(80);
    data[3 * 10 + 6] = 4;
    const [map] = await explain.gradCam(net, { data, shape: [1, 1, 8, 10] });
    expect(map.shape).toEqual([8, 10]);
    expect(peakOf(map)).toEqual([3, 6]);
    expect(map.classIndex).toBe(1);
    expect(map.score).toBeCloseTo(0.05, 5);
    expect(map.probability).toBeCloseTo(1 / (1 + Math.exp(-0.05)), 5);
    const [against] = await explain.gradCam(net, { data, shape: [1, 1, 8, 10] }, { classIndex: 0 });
    expect(against.score).toBeCloseTo(-0.05, 5);
    expect(against.range).toEqual([0, 0]);
  });
});

test('both backends make the same map of a residual network', async () => {
  const random = new Random(5);
  const data = Float32Array.from({ length: 32 * 32 * 3 }, () => random.uniform() * 255);
  const maps = await Promise.all(
    backends.map(async (backend) => {
      const net = onBackend(createModel('resnet20', { inputShape: [32, 32, 3], classes: 4 }), backend);
      return (await explain.gradCam(net, { data, shape: [1, 32, 32, 3] }, { classIndex: 2, method: 'hiResCam' }))[0];
    }),
  );
  for (const map of maps) expect(distance(map.data, maps[0].data)).toBeLessThan(1e-3);
  expect(maps[0].range[1]).toBeGreaterThan(0);
});

test('pictures are PNG of the size asked for, with colors of their scale', async () => {
  const [map] = await explain.gradCam(squareDetector('typescript'), squareImage(4, 4), { classIndex: 0 });
  const { data, info } = await sharp(await map.png({ scale: 2 }))
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, info.channels]).toEqual([24, 24, 3]);
  const pixel = (y: number, x: number) => [...data.subarray(3 * (y * 24 + x), 3 * (y * 24 + x) + 3)];
  expect(pixel(0, 0)).toEqual([0, 0, 4]);
  expect(pixel(11, 11)).toEqual([0xfc, 0xff, 0xa4]);
  expect((await sharp(await map.png()).metadata()).width).toBe(132);
  const shown = await sharp(await map.overlay({ scale: 1, opacity: 0 }))
    .raw()
    .toBuffer();
  expect(shown[3 * (5 * 12 + 5)]).toBe(255);
  expect(shown[0]).toBe(0);
  await expect(map.overlay({ opacity: 2 })).rejects.toThrow(/from 0 to 1/);
  expect(() => map.png({ scale: 0 })).toThrow(/whole number from 1 to 64/);
});

test('wrong layers, classes, images and models are one clear error each', async () => {
  const net = squareDetector('typescript');
  const image = squareImage(4, 4);
  await expect(explain.gradCam(net, image, { layer: 'cnov' })).rejects.toThrow(/did you mean 'conv'/);
  await expect(explain.gradCam(net, image, { layer: 'scores' })).rejects.toThrow(/height and width[\s\S]*are conv/);
  await expect(explain.gradCam(net, image, { classIndex: 2 })).rejects.toThrow(/a class from 0 to 1, got 2/);
  await expect(explain.gradCam(net, image, { classIndex: [0, 1] })).rejects.toThrow(/one number, or 1/);
  await expect(explain.gradCam(net, image, { classIndx: 1 } as never)).rejects.toThrow(/did you mean/);
  await expect(explain.gradCam(net, image, { method: 'cam' as never })).rejects.toThrow(/one of gradCam/);
  await expect(explain.gradCam(net, { data: new Float32Array(100), shape: [1, 10, 10, 1] })).rejects.toThrow(/12x12x1/);
  const dense = sequential([
    layers.flatten({ inputShape: [4, 4, 1] }),
    layers.dense({ units: 2, activation: 'softmax' }),
  ]);
  await expect(explain.gradCam(dense, new Float32Array(16))).rejects.toThrow(/a model with a 2D convolution/);
  const rows = sequential([layers.dense({ units: 2, inputShape: [5] })]);
  await expect(explain.gradCam(rows, [[1, 2, 3, 4, 5]])).rejects.toThrow(/a model of images/);
  const segmentation = sequential([layers.conv2d({ filters: 2, kernelSize: 1, inputShape: [4, 4, 1] })]);
  await expect(explain.gradCam(segmentation, new Float32Array(16))).rejects.toThrow(/a classifier/);
  const map = { data: new Float32Array(9), shape: [3, 3], classIndex: 0 };
  await expect(explain.deletionScore(net, image, map)).rejects.toThrow(/a map of shape \[12, 12\]/);
  const two = { data: new Float32Array(288), shape: [2, 12, 12, 1] };
  await expect(explain.deletionScore(net, two, map)).rejects.toThrow(/one image, got 2/);
});
