// Wrong options of layers: one clear sentence each, at construction, naming layer and option.

import { describe, expect, it } from 'vitest';
import { sequential } from '../../src/nn/compose.js';
import { layers } from '../../src/nn/layers/index.js';
import { input } from '../../src/nn/symbolic.js';
import { errorOf } from './harness.js';

// biome-ignore lint/suspicious/noExplicitAny: what these tests hand in is wrong on purpose
const wrong = layers as any;

it.each([
  ['conv2d', { kernelSize: 3 }, "conv2d, option 'filters': expected an integer at least 1, got undefined"],
  ['conv2d', { filters: 0, kernelSize: 3 }, "conv2d, option 'filters': expected an integer at least 1, got 0"],
  ['conv2d', { filters: Number.NaN, kernelSize: 3 }, "option 'filters': expected an integer at least 1, got NaN"],
  ['conv2d', { filters: 2.5, kernelSize: 3 }, "option 'filters': expected an integer at least 1, got 2.5"],
  ['conv2d', { filters: '8', kernelSize: 3 }, "option 'filters': expected an integer at least 1, got '8'"],
  ['conv2d', { filters: 8, kernelSize: -3 }, "option 'kernelSize': expected an integer at least 1 or two of them"],
  ['conv2d', { filters: 8, kernelSize: [3, 3, 3] }, "option 'kernelSize'"],
  [
    'conv2d',
    { filters: 8, kernelSize: 3, strides: 0 },
    "option 'strides': expected an integer at least 1 or two of them [vertical, horizontal], got 0",
  ],
  ['conv2d', { filters: 8, kernelSize: 3, strides: Number.POSITIVE_INFINITY }, "option 'strides'"],
  ['conv2d', { filters: 8, kernelSize: 3, dilation: 0 }, "option 'dilation'"],
  ['conv2d', { filters: 8, kernelSize: 3, groups: 3 }, "option 'groups': expected a divisor of filters (8), got 3"],
  ['conv2d', { filters: 8, kernelSize: 3, padding: 'ful' }, "option 'padding': expected one of valid, same, full, got"],
  ['conv2d', { filters: 8, kernelSize: 3, padding: 'causal' }, "option 'padding': expected one of valid, same, full,"],
  ['conv1d', { filters: 8, kernelSize: 3, padding: 'casual' }, 'expected one of valid, same, full, causal'],
  ['conv1d', { filters: 8, kernelSize: [3, 3] }, "conv1d, option 'kernelSize': expected an integer at least 1, got"],
  ['conv1d', { filters: 8, kernelSize: 3, padding: [1, 2, 3] }, "option 'padding'"],
  ['conv3d', { filters: 8, kernelSize: [3, 3] }, 'an integer at least 1 or three of them [depth, height, width]'],
  ['conv3d', { filters: 8, kernelSize: 3, strides: [1, 0, 1] }, "conv3d, option 'strides'"],
  ['conv2d', { filters: 8, kernelSize: 3, paddingMode: 'mirror' }, 'one of zeros, reflect, replicate, circular'],
  ['conv2d', { filters: 8, kernelSize: 3, flipKernel: 1 }, "option 'flipKernel': expected true or false, got 1"],
  [
    'conv3dTranspose',
    { filters: 8, kernelSize: 2, outputPadding: [0, 1, 0] },
    'expected smaller than the strides (1,1,1)',
  ],
  ['conv1dTranspose', { filters: 8, kernelSize: 2, padding: 'causal' }, "option 'padding'"],
  ['conv2dTranspose', { filters: 8, kernelSize: 2, paddingMode: 'reflect' }, "'paddingMode'"],
  [
    'depthwiseConv2d',
    { kernelSize: 3, depthMultiplier: 0 },
    "option 'depthMultiplier': expected an integer at least 1",
  ],
  ['depthwiseConv2d', { kernelSize: 3, filters: 8 }, "'filters'"],
  ['separableConv1d', { kernelSize: 3 }, "separableConv1d, option 'filters'"],
  ['separableConv2d', { filters: 2, kernelSize: 3, pointwiseInitializer: 'he' }, "option 'pointwiseInitializer'"],
  ['separableConv2d', { filters: 2, kernelSize: 3, groups: 2 }, "'groups'"],
  ['conv2d', { filters: 8, kernelSize: 3, padding: -1 }, "option 'padding'"],
  ['conv2d', { filters: 8, kernelSize: 3, padding: [1, 2, 3] }, "option 'padding'"],
  ['conv2d', { filters: 8, kernelSize: 3, useBias: 'no' }, "option 'useBias': expected true or false, got 'no'"],
  [
    'conv2d',
    { filters: 8, kernelSize: 3, kernelInitializer: 'he' },
    "conv2d, option 'kernelInitializer': expected one of",
  ],
  ['conv2d', { filters: 8, kernelSize: 3, name: 'a b' }, "option 'name': expected a name without spaces and slashes"],
  ['conv2d', { filters: 8, kernelSize: 3, name: 'stem', strides: [1, 0] }, "conv2d 'stem', option 'strides'"],
  ['conv2d', { filters: 8, kernelSize: 3, inputShape: [0, 3] }, "option 'inputShape'"],
  ['conv2d', { filters: 8, kernelSize: 3, trainable: 1 }, "option 'trainable'"],
  ['conv2d', undefined, "conv2d, option 'filters'"],
  ['conv2d', 8, 'conv2d: expected an object with options filters'],
  [
    'conv2dTranspose',
    { filters: 8, kernelSize: 3, strides: 2, outputPadding: 2 },
    "option 'outputPadding': expected smaller than the strides",
  ],
  ['dense', { units: 0 }, "dense, option 'units'"],
  ['dense', { units: 1e300 }, "dense, option 'units'"],
  ['maxPooling2d', { poolSize: 0 }, "maxPooling2d, option 'poolSize'"],
  ['averagePooling2d', { countIncludePad: 1 }, "option 'countIncludePad'"],
  ['dropout', { rate: 1 }, "dropout, option 'rate': expected a number at least 0 and below 1, got 1"],
  ['dropout', { rate: -0.1 }, "option 'rate'"],
  ['dropout', {}, "option 'rate'"],
  ['batchNormalization', { momentum: 2 }, "option 'momentum': expected a number at least 0 and at most 1, got 2"],
  ['batchNormalization', { epsilon: 0 }, "option 'epsilon': expected a number above 0, got 0"],
  ['reshape', { targetShape: [-1, -1] }, "option 'targetShape': expected sizes of at least 1, and at most one -1"],
  ['reshape', { targetShape: 3 }, "option 'targetShape': expected a list of integers"],
  ['permute', { dims: [1, 3] }, "option 'dims': expected the numbers 1, 2, … each once"],
  ['zeroPadding2d', { padding: 'same' }, "option 'padding': expected an integer of at least 0, [v, h], [[t"],
  ['concatenate', { axis: 0 }, "option 'axis': expected an axis other than the batch"],
  ['leakyRelu', { alpha: -1 }, "option 'negativeSlope': expected a number at least 0"],
  ['rescaling', {}, "option 'scale': expected a number"],
  ['relu', { maxValue: -1 }, "relu, option 'maxValue': expected a number at least 0, got -1"],
  ['relu', { threshold: -1 }, "relu, option 'threshold': expected a number at least 0, got -1"],
  ['relu', { negativeSlope: '1' }, "relu, option 'negativeSlope': expected a number at least 0, got '1'"],
  ['prelu', { sharedAxes: [0] }, "prelu, option 'sharedAxes': expected a list of integers at least 1"],
  ['prelu', { sharedAxes: 1 }, "prelu, option 'sharedAxes': expected a list of integers"],
  ['elu', { alpha: Number.NaN }, "elu, option 'alpha': expected a number, got NaN"],
  ['celu', { alpha: 0 }, "celu, option 'alpha': expected a number above 0, got 0"],
  ['gelu', { approximate: 'erf' }, "gelu, option 'approximate': expected true, false, 'none' or 'tanh', got 'erf'"],
  ['hardTanh', { minValue: 2 }, "hardTanh, option 'maxValue': expected a number above 2, got 1"],
  ['threshold', { value: null }, "threshold, option 'defaultValue': expected a number, got null"],
  ['softmax', { axis: 0 }, "softmax, option 'axis': expected axes other than the batch, got 0"],
  ['softmax', { axis: [] }, "softmax, option 'axis': expected axes other than the batch"],
  ['logSoftmax', { axis: 'last' }, "logSoftmax, option 'axis': expected an integer, got 'last'"],
  ['glu', { axis: [1, 2] }, "glu, option 'axis': expected an integer"],
  ['batchNormalization', { axis: 0 }, "option 'axis': expected axes other than the batch, got 0"],
  ['batchNormalization', { axis: [1, 2] }, "batchNormalization, option 'axis': expected an integer"],
  ['layerNormalization', { axis: 0 }, "layerNormalization, option 'axis': expected axes other than the batch, got 0"],
  ['layerNormalization', { epsilon: -1 }, "option 'epsilon': expected a number above 0, got -1"],
  ['layerNormalization', { center: 1 }, "option 'center': expected true or false, got 1"],
  ['layerNormalization', { gammaInitializer: 'one' }, "layerNormalization, option 'gammaInitializer': expected one of"],
  ['rmsNormalization', { epsilon: '1' }, "rmsNormalization, option 'epsilon': expected a number above 0, got '1'"],
  ['groupNormalization', { groups: 0 }, "option 'groups': expected a number at least 1, or -1, got 0"],
  ['groupNormalization', { groups: -2 }, "option 'groups': expected an integer at least -1, got -2"],
  ['groupNormalization', { axis: 1.5 }, "groupNormalization, option 'axis': expected an integer, got 1.5"],
  ['instanceNormalization', { groups: 2 }, 'instanceNormalization: expected one of the options'],
  ['unitNormalization', { axis: [0, 1] }, "unitNormalization, option 'axis': expected axes other than the batch"],
  ['localResponseNormalization', { depthRadius: -1 }, "option 'depthRadius': expected an integer at least 0, got -1"],
  ['localResponseNormalization', { alpha: null }, "option 'alpha': expected a number at least 0, got null"],
  ['localResponseNormalization', { size: 5 }, 'localResponseNormalization: expected one of the options'],
  [
    'dropout',
    { rate: 0.5, noiseShape: 3 },
    "dropout, option 'noiseShape': expected a list of sizes at least 1, or null",
  ],
  ['dropout', { rate: 0.5, noiseShape: [0] }, "dropout, option 'noiseShape': expected a list of sizes at least 1"],
  ['spatialDropout2d', { rate: 1 }, "spatialDropout2d, option 'rate': expected a number at least 0 and below 1, got 1"],
  ['alphaDropout', {}, "alphaDropout, option 'rate': expected a number at least 0 and below 1, got undefined"],
  ['gaussianDropout', { rate: -1 }, "gaussianDropout, option 'rate'"],
  ['gaussianNoise', { stddev: -1 }, "gaussianNoise, option 'stddev': expected a number at least 0, got -1"],
  [
    'stochasticDepth',
    { rate: 0.1, mode: 'col' },
    "stochasticDepth, option 'mode': expected one of row, batch, got 'col'",
  ],
  ['embedding', { inputDim: 0, outputDim: 2 }, "embedding, option 'inputDim': expected an integer at least 1, got 0"],
  ['embedding', { inputDim: 2 }, "embedding, option 'outputDim': expected an integer at least 1, got undefined"],
  ['mish', { beta: 1 }, 'mish: expected one of the options'],
  ['relu', { max: 6 }, 'relu: expected one of the options'],
])('%s(%j)', (type, options, message) => {
  const error = errorOf(() => wrong[type](options));
  expect(error.code).toBe('ERR_OCELLUS_OPTION');
  expect(error.message).toContain(message);
});

describe('did you mean', () => {
  it.each([
    ['conv2d', { filters: 8, kernalSize: 3 }, 'kernelSize'],
    ['conv2d', { filters: 8, kernelSize: 3, stride: 2 }, 'strides'],
    ['conv2d', { filters: 8, kernelSize: 3, activation: 'rleu' }, 'relu'],
    ['dense', { unit: 8 }, 'units'],
    ['dense', { units: 8, kernelInitializer: 'glorotUniforn' }, 'glorotUniform'],
    ['globalMaxPooling2d', { keepdims: true }, 'keepDims'],
    ['activation', { activation: 'sigmiod' }, 'sigmoid'],
  ])('%s(%j)', (type, options, suggestion) => {
    expect(errorOf(() => wrong[type](options)).help).toBe(`did you mean '${suggestion}'?`);
  });
});

describe('shapes that do not fit', () => {
  const on = (shape: readonly number[]) => input({ shape });

  it.each([
    [
      () => layers.conv2d({ filters: 1, kernelSize: 3 }).apply(on([784])),
      "conv2d 'conv2d': expected samples [height, width, channels], got 784",
    ],
    [
      () => layers.conv2d({ filters: 4, kernelSize: 1, groups: 2, name: 'g' }).apply(on([4, 4, 3])),
      "conv2d 'g': expected input channels divisible by groups (2), got 3",
    ],
    [
      () => layers.conv2d({ filters: 4, kernelSize: 3, dilation: 3 }).apply(on([5, 5, 1])),
      '3x3 window with dilation 3x3, got 5x5 (height x width) with padding "valid"',
    ],
    [
      () => layers.conv2dTranspose({ filters: 1, kernelSize: 1, padding: 3 }).apply(on([2, 2, 1])),
      'expected padding that leaves an output',
    ],
    [() => layers.conv1d({ filters: 1, kernelSize: 3 }).apply(on([5])), 'expected samples [length, channels], got 5'],
    [
      () => layers.conv3d({ filters: 1, kernelSize: 3 }).apply(on([5, 5, 3])),
      'expected samples [depth, height, width, channels], got 5x5x3',
    ],
    [() => layers.conv1d({ filters: 1, kernelSize: 4 }).apply(on([3, 2])), 'a signal, padding included, at least as'],
    [() => layers.conv3d({ filters: 1, kernelSize: 4 }).apply(on([5, 3, 5, 2])), 'as the 4x4x4 window, got 5x3x5'],
    [() => layers.conv3d({ filters: 3, kernelSize: 1, groups: 3 }).apply(on([1, 1, 1, 4])), 'divisible by groups (3)'],
    [
      () => layers.conv3dTranspose({ filters: 1, kernelSize: 1, padding: 3 }).apply(on([2, 2, 2, 1])),
      'expected padding that leaves an output, got one of -4x-4x-4',
    ],
    [() => layers.maxPooling2d({ name: 'p', poolSize: 4 }).apply(on([3, 3, 1])), "maxPooling2d 'p': expected an image"],
    [() => layers.maxPooling2d({ padding: 2 }).apply(on([8, 8, 1])), 'expected padding smaller than the window (2x2)'],
    [() => layers.reshape({ targetShape: [5, -1] }).apply(on([12])), "reshape 'reshape': expected samples of 5 values"],
    [() => layers.permute({ dims: [1, 2] }).apply(on([3])), 'expected samples with 2 axes, got 3'],
    [
      () => layers.concatenate().apply([on([2, 3]), on([3, 3])]),
      'expected samples that differ only along axis -1, got 2x3 and 3x3',
    ],
    [() => layers.glu().apply(on([3])), "glu 'glu': expected samples of an even size along axis 1, got 3"],
    [() => layers.dense({ units: 3, activation: 'glu' }).apply(on([3])), 'of an even size along axis 1, got 3'],
    [() => layers.groupNormalization({ groups: 4 }).apply(on([6])), 'expected channels divisible by groups (4), got 6'],
    [() => layers.layerNormalization({ axis: 4 }).apply(on([6])), 'expected samples with the axes 4, each once, got 6'],
    [() => layers.spatialDropout1d({ rate: 0.5 }).apply(on([6])), 'expected samples [length, channels], got 6'],
    [
      () => layers.dropout({ rate: 0.5, noiseShape: [null, 2] }).apply(on([6])),
      'expected samples that a mask of [null,2] fits',
    ],
    [() => layers.softmax({ axis: 2 }).apply(on([3])), 'expected samples with the axes 2, each once, got 3'],
    [() => layers.softmax({ axis: [1, -1] }).apply(on([3])), 'expected samples with the axes 1, -1, each once'],
    [() => layers.prelu({ sharedAxes: [2] }).apply(on([3])), 'expected samples with the axes 2, each once, got 3'],
    [() => layers.concatenate({ axis: 5 }).apply([on([2]), on([2])]), 'along axis 5'],
  ])('%#', (body, message) => {
    const error = errorOf(body);
    expect(error.code).toBe('ERR_OCELLUS_SHAPE');
    expect(error.message).toContain(message);
  });
});

describe('compositions that do not fit', () => {
  it.each([
    [() => sequential([]), 'at least one layer'],
    [() => sequential([layers.flatten] as never), 'layers.flatten(), not layers.flatten'],
    [() => sequential([null] as never), 'sequential, layer 0: expected a layer'],
    [() => sequential(layers.flatten() as never), 'expected a list of layers'],
    [() => sequential([layers.subtract()]), 'expected a layer with one input, got'],
    [() => sequential([layers.flatten()], { inputshape: [1] } as never), "did you mean 'inputShape'?"],
    [() => sequential([layers.flatten()], { dataFormat: 'channelFirst' } as never), "did you mean 'channelsFirst'?"],
    [() => input({} as never), "option 'shape'"],
    [() => input({ shape: [null] } as never), "option 'shape'"],
    [() => input({ shape: [2], dtype: 'float64' } as never), "option 'dtype': expected one of float32, int32, uint8"],
  ])('%#', (body, message) => {
    expect(errorOf(body).message).toContain(message);
  });
});
