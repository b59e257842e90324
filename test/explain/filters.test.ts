// Filters, feature maps, and what is odd about filters.

import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { createModel, explain, layers, sequential } from '../../src/index.js';
import { backends, onBackend, squareDetector, squareImage } from './models.js';

const pixels = async (png: Uint8Array) => sharp(png).raw().toBuffer({ resolveWithObject: true });

test('color filters: 0 is middle grey, the largest weight an end', async () => {
  const net = sequential([layers.conv2d({ filters: 2, kernelSize: 1, inputShape: [4, 4, 3] })]);
  net.setWeights({ 'conv2d/kernel': [0, 2, 0, -2, 0, 1] });
  const filters = explain.filters(net);
  expect(filters).toMatchObject({ layer: 'conv2d', count: 2, shape: [1, 1, 3, 2], range: [-2, 2] });
  expect([...filters.filter(1).data]).toEqual([2, -2, 1]);
  const [first, second] = await filters.pictures({ scale: 3 });
  expect([...(await pixels(first)).data.subarray(0, 3)]).toEqual([128, 128, 128]);
  const { data, info } = await pixels(second);
  expect([info.width, info.height]).toEqual([3, 3]);
  expect([...data.subarray(0, 3)]).toEqual([255, 0, 191]);
  // One range for several epochs.
  const [, wide] = await filters.pictures({ scale: 1, range: [-4, 4] });
  expect([...(await pixels(wide)).data]).toEqual([191, 64, 159]);
});

test('other filters: blue below 0, white at 0, red above', async () => {
  const net = sequential([layers.conv2d({ filters: 1, kernelSize: [1, 3], inputShape: [4, 4, 2] })]);
  net.setWeights({ 'conv2d/kernel': [-1, -1, 1, -1, 1, 1] });
  const { data } = await pixels(await explain.filters(net).png({ scale: 1 }));
  expect([...data]).toEqual([5, 48, 97, 255, 255, 255, 103, 0, 31]);
});

test('the filters of every kind of convolution', () => {
  const net = sequential([
    layers.conv2d({ name: 'grouped', filters: 4, kernelSize: 3, groups: 2, inputShape: [9, 9, 2] }),
    layers.depthwiseConv2d({ name: 'depthwise', kernelSize: 3, depthMultiplier: 2 }),
    layers.separableConv2d({ name: 'separable', filters: 3, kernelSize: 1 }),
    layers.conv2dTranspose({ name: 'transposed', filters: 5, kernelSize: 2 }),
  ]);
  expect(explain.filters(net).shape).toEqual([3, 3, 1, 4]);
  expect(explain.filters(net, { layer: 'depthwise' }).shape).toEqual([3, 3, 1, 8]);
  const separable = explain.filters(net, { layer: 'separable' });
  expect(separable.shape).toEqual([1, 1, 8, 3]);
  const weights = net.getWeights();
  const product = weights['separable/depthwiseKernel'][5] * weights['separable/pointwiseKernel'][5 * 3 + 2];
  expect(separable.data[5 * 3 + 2]).toBeCloseTo(product, 6);
  const transposed = explain.filters(net, { layer: 'transposed' });
  expect(transposed.shape).toEqual([2, 2, 3, 5]);
  // Kernels of transposed convolutions are [height, width, filters, channels].
  expect(transposed.filter(4).data[1]).toBe(weights['transposed/kernel'][4 * 3 + 1]);
  expect(() => explain.filters(net, { layer: 'separabel' })).toThrow(/did you mean 'separable'/);
  const flat = sequential([layers.flatten({ name: 'flat', inputShape: [2, 2, 1] })]);
  expect(() => explain.filters(flat)).toThrow(/a model with a 2D convolution/);
});

describe.each(backends)('%s', (backend) => {
  test('feature maps are what the layers put out, and pictures of them grey', async () => {
    const net = squareDetector(backend);
    const [[maps], other] = await explain.featureMaps(net, {
      data: Float32Array.from([...squareImage(4, 4).data, ...squareImage(0, 0).data]),
      shape: [2, 12, 12, 1],
    });
    expect(other).toHaveLength(1);
    expect(maps.shape).toEqual([12, 12, 2]);
    expect(maps.range).toEqual([0, 1]);
    expect(maps.map(0).data[5 * 12 + 5]).toBe(1);
    expect(maps.map(1).data[0]).toBe(1);
    const { data, info } = await pixels(await maps.png({ scale: 1, columns: 2 }));
    expect([info.width, info.height]).toEqual([26, 12]);
    expect([...data.subarray(3 * (5 * 26 + 5), 3 * (5 * 26 + 5) + 3)]).toEqual([255, 255, 255]);
    expect(data[3 * 12]).toBe(128);
    expect(await maps.pictures({ limit: 1 })).toHaveLength(1);
    const chosen = await explain.featureMaps(net, squareImage(4, 4), { layers: ['conv'] });
    expect(chosen[0][0].data).toEqual(maps.data);
    await expect(explain.featureMaps(net, squareImage(4, 4), { layers: 'scores' })).rejects.toThrow(/height and width/);
  });

  test('dead and duplicate filters are found behind normalization and ReLU', async () => {
    const net = sequential([
      layers.conv2d({ name: 'first', filters: 4, kernelSize: 1, inputShape: [3, 3, 2] }),
      layers.batchNormalization({ name: 'norm' }),
      layers.relu(),
      layers.conv2d({ name: 'second', filters: 2, kernelSize: 1, activation: 'relu' }),
    ]);
    onBackend(net, backend);
    net.setWeights({
      'first/kernel': [1, 2, -1, 0.3, 1, 2, -1, 0],
      'norm/beta': [0, 0, 0, -9],
      'second/kernel': [1, 0, 0, 1, 0, 0, 0, 0],
      'second/bias': [-100, 0],
    });
    const report = await explain.filterReport(net, { data: new Float32Array(36).fill(1), shape: [2, 3, 3, 2] });
    expect(report.map(({ layer, filters, dead }) => [layer, filters, dead])).toEqual([
      ['first', 4, [2, 3]],
      ['second', 2, [0]],
    ]);
    expect(report[0].duplicates.map(([a, b]) => [a, b])).toEqual([[0, 1]]);
    expect(report[0].duplicates[0][2]).toBeCloseTo(1, 6);
    expect(report[1].duplicates).toEqual([]);
    const looser = await explain.filterReport(net, new Float32Array(18), { similarity: 0.7 });
    expect(looser[0].duplicates).toHaveLength(3);
    await expect(explain.filterReport(net, new Float32Array(18), { similarity: 2 })).rejects.toThrow(/at most 1/);
  });
});

test('the report of a whole backbone names each convolution once', async () => {
  const net = createModel('mobile', { inputShape: [16, 16, 3], classes: 3 });
  const report = await explain.filterReport(net, new Float32Array(16 * 16 * 3).fill(128));
  const convolutions = net.layers.filter(({ layer }) => layer.type === 'conv2d');
  expect(report.map(({ layer }) => layer)).toEqual(convolutions.map(({ name }) => name));
});
