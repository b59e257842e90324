// Convolution layers of every rank: shapes, the trip through JSON and gradients for each option, and what options mean,
// by examples small enough to check by hand.

import { describe, expect, it } from 'vitest';
import { sequential } from '../../src/nn/compose.js';
import type { Layer } from '../../src/nn/layer.js';
import { layers } from '../../src/nn/layers/index.js';
import { checkLayer, run } from './harness.js';

const signal = [[11, 4]] as const;
const image = [[6, 7, 4]] as const;
const volume = [[4, 5, 3, 4]] as const;
const small = { batch: 2 };

describe('convolution', () => {
  it.each([
    ['valid', { filters: 3, kernelSize: 3 }, [9, 3]],
    ['same, stride', { filters: 3, kernelSize: [4], strides: 2, padding: 'same' }, [6, 3]],
    ['causal, dilation', { filters: 3, kernelSize: 3, dilation: 2, padding: 'causal' }, [11, 3]],
    ['causal, stride', { filters: 3, kernelSize: 3, strides: 3, padding: 'causal', activation: 'tanh' }, [4, 3]],
    ['full', { filters: 2, kernelSize: 4, padding: 'full' }, [14, 2]],
    ['padding in numbers', { filters: 2, kernelSize: 4, padding: 2, useBias: false }, [12, 2]],
    ['padding per side', { filters: 2, kernelSize: 4, padding: [3, 0], groups: 2 }, [11, 2]],
    ['padding in a pair', { filters: 2, kernelSize: 4, padding: [[0, 3]] }, [11, 2]],
    ['one filter per channel', { filters: 8, kernelSize: 3, groups: 4 }, [9, 8]],
    ['reflect', { filters: 3, kernelSize: 5, padding: 'same', paddingMode: 'reflect' }, [11, 3]],
    ['replicate, causal', { filters: 3, kernelSize: 5, padding: 'causal', paddingMode: 'replicate' }, [11, 3]],
    ['circular, wide', { filters: 1, kernelSize: 2, padding: [13, 12], paddingMode: 'circular' }, [35, 1]],
    ['flipped', { filters: 3, kernelSize: 4, flipKernel: true, activation: 'softmax' }, [8, 3]],
  ] as const)('conv1d %s', (_, options, expected) => {
    expect(checkLayer(layers.conv1d(options), signal, small)).toEqual(expected);
  });

  it.each([
    ['full', { filters: 3, kernelSize: [2, 3], padding: 'full' }, [7, 9, 3]],
    ['full, dilation and stride', { filters: 2, kernelSize: 2, padding: 'full', dilation: 2, strides: 3 }, [3, 3, 2]],
    ['reflect', { filters: 3, kernelSize: 3, padding: 'same', paddingMode: 'reflect' }, [6, 7, 3]],
    ['replicate', { filters: 3, kernelSize: 3, padding: [1, 2], strides: 2, paddingMode: 'replicate' }, [3, 5, 3]],
    ['circular', { filters: 4, kernelSize: 3, padding: 'full', groups: 2, paddingMode: 'circular' }, [8, 9, 4]],
    ['a mode that nothing needs', { filters: 3, kernelSize: 3, paddingMode: 'reflect' }, [4, 5, 3]],
    ['flipped', { filters: 3, kernelSize: [2, 3], padding: 'same', flipKernel: true }, [6, 7, 3]],
  ] as const)('conv2d %s', (_, options, expected) => {
    expect(checkLayer(layers.conv2d(options), image, small)).toEqual(expected);
  });

  it.each([
    ['valid', { filters: 3, kernelSize: [2, 3, 1] }, [3, 3, 3, 3]],
    ['same, stride', { filters: 2, kernelSize: 3, strides: [2, 1, 2], padding: 'same' }, [2, 5, 2, 2]],
    ['full', { filters: 1, kernelSize: [1, 2, 3], padding: 'full', activation: 'sigmoid' }, [4, 6, 5, 1]],
    [
      'groups, dilation, stride',
      { filters: 4, kernelSize: 2, groups: 2, dilation: [1, 2, 1], strides: 2 },
      [2, 2, 1, 4],
    ],
    ['one filter per channel', { filters: 4, kernelSize: 2, groups: 4, padding: [1, 0, 1] }, [5, 4, 4, 4]],
    ['six sides', { filters: 1, kernelSize: 2, padding: [0, 1, 1, 0, 2, 0], useBias: false }, [4, 5, 4, 1]],
    ['circular', { filters: 2, kernelSize: 3, padding: 1, paddingMode: 'circular' }, [4, 5, 3, 2]],
    ['flipped', { filters: 2, kernelSize: [1, 2, 2], flipKernel: true }, [4, 4, 2, 2]],
  ] as const)('conv3d %s', (_, options, expected) => {
    expect(checkLayer(layers.conv3d(options), volume, small)).toEqual(expected);
  });
});

describe('transposed', () => {
  it.each([
    ['valid', { filters: 3, kernelSize: 3 }, [13, 3]],
    ['valid, stride beyond the kernel', { filters: 2, kernelSize: 2, strides: 3 }, [33, 2]],
    ['same', { filters: 2, kernelSize: 3, strides: 2, padding: 'same', activation: 'tanh' }, [22, 2]],
    ['output padding', { filters: 2, kernelSize: 3, strides: 2, padding: 1, outputPadding: 1 }, [22, 2]],
    ['groups and dilation', { filters: 4, kernelSize: 2, groups: 2, dilation: 2, useBias: false }, [13, 4]],
  ] as const)('conv1dTranspose %s', (_, options, expected) => {
    expect(checkLayer(layers.conv1dTranspose(options), signal, small)).toEqual(expected);
  });

  it.each([
    ['valid', { filters: 3, kernelSize: [1, 2, 3] }, [4, 6, 5, 3]],
    ['same', { filters: 2, kernelSize: 3, strides: [2, 1, 2], padding: 'same' }, [8, 5, 6, 2]],
    ['output padding', { filters: 1, kernelSize: 2, strides: 2, outputPadding: [1, 0, 1] }, [9, 10, 7, 1]],
    ['groups, dilation', { filters: 4, kernelSize: 2, groups: 2, dilation: 2, padding: 1 }, [4, 5, 3, 4]],
    ['stride beyond the kernel', { filters: 1, kernelSize: 1, strides: [3, 1, 2], useBias: false }, [12, 5, 6, 1]],
  ] as const)('conv3dTranspose %s', (_, options, expected) => {
    expect(checkLayer(layers.conv3dTranspose(options), volume, small)).toEqual(expected);
  });
});

describe('depthwise and separable', () => {
  it.each([
    ['depthwiseConv1d', layers.depthwiseConv1d({ kernelSize: 3 }), signal, [9, 4]],
    [
      'depthwiseConv1d, causal',
      layers.depthwiseConv1d({ kernelSize: 3, padding: 'causal', depthMultiplier: 2, dilation: 2, activation: 'tanh' }),
      signal,
      [11, 8],
    ],
    ['depthwiseConv2d', layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', strides: 2 }), image, [3, 4, 4]],
    [
      'depthwiseConv2d, all options',
      layers.depthwiseConv2d({
        kernelSize: [2, 3],
        depthMultiplier: 3,
        padding: 2,
        paddingMode: 'reflect',
        dilationRate: 2,
        useBias: false,
        flipKernel: true,
        kernelInitializer: 'heNormal',
      }),
      image,
      [8, 7, 12],
    ],
    [
      'depthwiseConv2d, one channel',
      layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2 }),
      [[3, 4, 1]],
      [2, 3, 2],
    ],
    ['separableConv1d', layers.separableConv1d({ filters: 5, kernelSize: 3, padding: 'causal' }), signal, [11, 5]],
    [
      'separableConv1d, stride, no bias',
      layers.separableConv1d({ filters: 2, kernelSize: 4, strides: 3, depthMultiplier: 2, useBias: false }),
      signal,
      [3, 2],
    ],
    ['separableConv2d', layers.separableConv2d({ filters: 5, kernelSize: 3, activation: 'tanh' }), image, [4, 5, 5]],
    [
      'separableConv2d, all options',
      layers.separableConv2d({
        filters: 3,
        kernelSize: 2,
        strides: [2, 1],
        padding: 'same',
        paddingMode: 'circular',
        depthMultiplier: 2,
        dilation: 2,
        flipKernel: true,
        depthwiseInitializer: 'heUniform',
        pointwiseInitializer: 'orthogonal',
        biasInitializer: 'ones',
      }),
      image,
      [3, 7, 3],
    ],
  ] as const)('%s', (_, layer, shapes, expected) => {
    expect(checkLayer(layer, shapes, small)).toEqual(expected);
  });
});

describe('meaning', () => {
  const values = (layer: Layer, shape: number[], data: number[], weights: Record<string, number[]>) =>
    run(sequential([layer]), [{ shape, data }], { weights }).outputs[0].data;
  const plain = { filters: 1, useBias: false, name: 'c' } as const;
  const shift = { 'c/kernel': [1, 0, 0] };

  it('padding modes show the values that they name', () => {
    const at = (padding: number, paddingMode: 'zeros' | 'reflect' | 'replicate' | 'circular') =>
      values(layers.conv1d({ ...plain, kernelSize: 1, padding, paddingMode }), [1, 3, 1], [1, 2, 3], {
        'c/kernel': [1],
      });
    expect(at(2, 'zeros')).toEqual([0, 0, 1, 2, 3, 0, 0]);
    expect(at(2, 'reflect')).toEqual([3, 2, 1, 2, 3, 2, 1]);
    expect(at(2, 'replicate')).toEqual([1, 1, 1, 2, 3, 3, 3]);
    expect(at(2, 'circular')).toEqual([2, 3, 1, 2, 3, 1, 2]);
    expect(at(5, 'reflect')).toEqual([2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 2]);
    expect(at(4, 'circular')).toEqual([3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1]);
  });

  it('causal outputs do not see what comes after them', () => {
    const layer = layers.conv1d({ ...plain, kernelSize: 3, padding: 'causal' });
    expect(values(layer, [1, 5, 1], [1, 2, 3, 4, 5], shift)).toEqual([0, 0, 1, 2, 3]);
  });

  it('a flipped kernel convolves as mathematics does', () => {
    const kernel = { 'c/kernel': [1, 2, 4] };
    const full = { ...plain, kernelSize: 3, padding: 'full' } as const;
    const impulse = [0, 1, 0];
    expect(values(layers.conv1d({ ...full, flipKernel: true }), [1, 3, 1], impulse, kernel)).toEqual([0, 1, 2, 4, 0]);
    expect(values(layers.conv1d(full), [1, 3, 1], impulse, kernel)).toEqual([0, 4, 2, 1, 0]);
    const turned = layers.conv2d({ ...plain, kernelSize: 2, flipKernel: true });
    expect(values(turned, [1, 2, 2, 1], [1, 10, 100, 1000], { 'c/kernel': [1, 2, 3, 4] })).toEqual([1234]);
  });

  it('channel c of a depthwise convolution makes outputs c * depthMultiplier and following', () => {
    const layer = layers.depthwiseConv1d({ kernelSize: 1, depthMultiplier: 2, name: 'c' });
    const weights = { 'c/kernel': [1, 2, 3, 4], 'c/bias': [0, 0, 0, 0.5] };
    expect(values(layer, [1, 1, 2], [1, 10], weights)).toEqual([1, 2, 30, 40.5]);
  });

  it('sums over all taps of a volume', () => {
    const layer = layers.conv3d({ ...plain, kernelSize: 2 });
    const data = [1, 2, 4, 8, 16, 32, 64, 128];
    expect(values(layer, [1, 2, 2, 2, 1], data, { 'c/kernel': [1, 1, 1, 1, 1, 1, 1, 1] })).toEqual([255]);
    expect(values(layer, [1, 2, 2, 2, 1], data, { 'c/kernel': [0, 0, 0, 1, 1, 0, 0, 0] })).toEqual([24]);
  });

  it('transposed convolution spreads a value over its window', () => {
    const layer = layers.conv1dTranspose({ ...plain, kernelSize: 2, strides: 3, outputPadding: 2 });
    expect(values(layer, [1, 2, 1], [1, 10], { 'c/kernel': [1, 2] })).toEqual([1, 2, 0, 10, 20, 0, 0]);
  });
});
