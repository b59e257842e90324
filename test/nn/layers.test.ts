// Every layer: shapes, the trip through JSON, gradients, and values that can be checked by hand.

import { describe, expect, it } from 'vitest';
import { sequential } from '../../src/nn/compose.js';
import type { Layer } from '../../src/nn/layer.js';
import { activationNames } from '../../src/nn/layers/activation.js';
import { layerFactories, layers } from '../../src/nn/layers/index.js';
import { checkLayer, noise, run } from './harness.js';

const image = [[6, 7, 4]] as const;

describe('convolution', () => {
  it.each([
    ['valid', { filters: 3, kernelSize: 3 }, [4, 5, 3]],
    ['same', { filters: 3, kernelSize: 3, padding: 'same' }, [6, 7, 3]],
    ['same, stride 2', { filters: 2, kernelSize: [3, 2], padding: 'same', strides: 2 }, [3, 4, 2]],
    ['padding in numbers', { filters: 2, kernelSize: 3, padding: [1, 0, 2, 1], useBias: false }, [5, 8, 2]],
    [
      'padding in pairs',
      {
        filters: 2,
        kernelSize: 3,
        padding: [
          [1, 0],
          [2, 1],
        ],
      },
      [5, 8, 2],
    ],
    ['dilation and stride', { filters: 2, kernelSize: 2, dilation: [2, 3], strides: [1, 2] }, [4, 2, 2]],
    ['groups', { filters: 6, kernelSize: 2, groups: 2, activation: 'tanh' }, [5, 6, 6]],
    ['depthwise, dilation, padding', { filters: 8, kernelSize: 3, groups: 4, dilationRate: 2, padding: 1 }, [4, 5, 8]],
    ['1x1', { filters: 5, kernelSize: 1, activation: 'sigmoid', biasInitializer: 'ones' }, [6, 7, 5]],
    ['softmax', { filters: 3, kernelSize: 2, activation: 'softmax' }, [5, 6, 3]],
  ] as const)('conv2d %s', (_, options, expected) => {
    expect(checkLayer(layers.conv2d(options), image)).toEqual(expected);
  });

  it.each([
    ['valid', { filters: 3, kernelSize: 3 }, [8, 9, 3]],
    ['valid, stride beyond the kernel', { filters: 2, kernelSize: 2, strides: 3 }, [18, 21, 2]],
    ['same', { filters: 2, kernelSize: 3, strides: 2, padding: 'same' }, [12, 14, 2]],
    ['output padding', { filters: 2, kernelSize: 3, strides: 2, padding: 1, outputPadding: 1 }, [12, 14, 2]],
    ['groups and dilation', { filters: 4, kernelSize: 2, groups: 2, dilation: 2, activation: 'tanh' }, [8, 9, 4]],
    ['no bias', { filters: 1, kernelSize: [1, 2], useBias: false }, [6, 8, 1]],
  ] as const)('conv2dTranspose %s', (_, options, expected) => {
    expect(checkLayer(layers.conv2dTranspose(options), image)).toEqual(expected);
  });

  it('gives the numbers of a small example', () => {
    const net = sequential([layers.conv2d({ filters: 1, kernelSize: 2, name: 'c' })]);
    const x = { shape: [1, 3, 3, 1], data: [1, 2, 3, 4, 5, 6, 7, 8, 9] };
    const weights = { 'c/kernel': [1, 0, 0, -1], 'c/bias': [10] };
    expect(run(net, [x], { weights }).outputs[0].data).toEqual([6, 6, 6, 6]);
  });
});

describe('dense', () => {
  it.each([
    ['a vector', { units: 3 }, [5], [3]],
    ['the last axis of images', { units: 2, activation: 'softmax' }, [3, 2, 4], [3, 2, 2]],
    ['no bias', { units: 4, useBias: false, activation: 'sigmoid' }, [5], [4]],
    ['an initializer with options', { units: 4, kernelInitializer: { name: 'randomNormal', stddev: 0.5 } }, [5], [4]],
    ['activation null', { units: 4, activation: null }, [5], [4]],
  ] as const)('works on %s', (_, options, shape, expected) => {
    expect(checkLayer(layers.dense(options), [shape])).toEqual(expected);
  });

  it('gives the numbers of a small example', () => {
    const net = sequential([layers.dense({ units: 2, activation: 'relu', name: 'd' })]);
    const weights = { 'd/kernel': [1, -1, 2, -2], 'd/bias': [0.5, 0.5] };
    expect(run(net, [{ shape: [1, 2], data: [1, 1] }], { weights }).outputs[0].data).toEqual([3.5, 0]);
  });
});

describe('pooling', () => {
  it.each([
    ['default', {}, [3, 3, 4]],
    ['overlapping', { poolSize: 3, strides: 2 }, [2, 3, 4]],
    ['same', { poolSize: 3, strides: 2, padding: 'same' }, [3, 4, 4]],
    ['ceilMode', { poolSize: 2, ceilMode: true }, [3, 4, 4]],
    [
      'ceilMode whose last window would start in the padding',
      { poolSize: [2, 2], strides: 3, padding: 1, ceilMode: true },
      [3, 3, 4],
    ],
    [
      'uneven padding',
      {
        poolSize: [2, 3],
        padding: [
          [1, 0],
          [0, 2],
        ],
        strides: 1,
      },
      [6, 7, 4],
    ],
  ] as const)('max and average, %s', (_, options, expected) => {
    expect(checkLayer(layers.maxPooling2d(options), image)).toEqual(expected);
    expect(checkLayer(layers.averagePooling2d(options), image)).toEqual(expected);
    expect(checkLayer(layers.averagePooling2d({ ...options, countIncludePad: true }), image)).toEqual(expected);
  });

  it('global', () => {
    expect(checkLayer(layers.globalMaxPooling2d(), image)).toEqual([4]);
    expect(checkLayer(layers.globalAveragePooling2d(), image)).toEqual([4]);
    expect(checkLayer(layers.globalMaxPooling2d({ keepDims: true }), image)).toEqual([1, 1, 4]);
    expect(checkLayer(layers.globalAveragePooling2d({ keepDims: true }), image)).toEqual([1, 1, 4]);
  });

  it('counts padding, but never what ceilMode adds', () => {
    const x = { shape: [1, 1, 4, 1], data: [1, 2, 3, 4] };
    const average = (options: object) =>
      run(
        sequential([
          layers.averagePooling2d({ poolSize: [1, 3], strides: [1, 3], padding: [0, 1], ceilMode: true, ...options }),
        ]),
        [x],
      ).outputs[0].data;
    expect(average({})).toEqual([1.5, 3.5]);
    expect(average({ countIncludePad: true })).toEqual([1, 7 / 3].map(Math.fround));
    const partial = { poolSize: [1, 3], strides: [1, 2], padding: [0, 0, 0, 0], countIncludePad: true } as const;
    expect(average(partial)).toEqual([2, 3.5]);
  });

  it('takes the largest and the mean of a window', () => {
    const x = { shape: [1, 2, 2, 1], data: [1, -2, 3, 4] };
    expect(run(sequential([layers.maxPool2d()]), [x]).outputs[0].data).toEqual([4]);
    expect(run(sequential([layers.averagePool2d()]), [x]).outputs[0].data).toEqual([1.5]);
  });
});

describe('activation', () => {
  it.each(activationNames)('%s, as a layer and by name', (name) => {
    const expected = name === 'glu' ? [3, 2] : [3, 4];
    expect(checkLayer(layers.activation({ activation: name }), [[3, 4]])).toEqual(expected);
    if (name !== 'geluTanh') expect(checkLayer(layers[name](), [[3, 4]])).toEqual(expected);
    expect(checkLayer(layers.dense({ units: 4, activation: name }), [[3]])).toEqual(name === 'glu' ? [2] : [4]);
  });

  it.each([
    ['relu, all options', layers.relu({ maxValue: 0.7, negativeSlope: 0.1, threshold: 0.2 })],
    ['relu with a ceiling of 6', layers.relu({ maxValue: 6 })],
    ['elu', layers.elu({ alpha: 0.5 })],
    ['celu', layers.celu({ alpha: 2 })],
    ['gelu by tanh', layers.gelu({ approximate: true })],
    ['gelu by tanh, as in PyTorch', layers.gelu({ approximate: 'tanh' })],
    ['hardTanh', layers.hardTanh({ minValue: -0.25, maxValue: 0.5 })],
    ['threshold', layers.threshold({ threshold: 0.1, value: -1 })],
    ['prelu', layers.prelu({ alphaInitializer: { name: 'constant', value: 0.25 } })],
    ['prelu, shared axes', layers.prelu({ sharedAxes: [1] })],
    ['softmax over another axis', layers.softmax({ axis: 1 })],
    ['softmax over two axes', layers.softmax({ axis: [1, -1] })],
    ['logSoftmax over another axis', layers.logSoftmax({ axis: 2 })],
  ])('%s', (_, layer) => {
    expect(checkLayer(layer, [[3, 5, 2]])).toEqual([3, 5, 2]);
  });

  it('glu halves any axis', () => {
    expect(checkLayer(layers.glu({ axis: 1 }), [[4, 3]])).toEqual([2, 3]);
  });

  it('softmax sums to 1 over its axes', () => {
    const x = { shape: [2, 2, 3], data: [1, 2, 3, 4, 5, 6, 1, 1, 1, 1, 1, 1] };
    const sums = (axis: number | number[], picks: number[]) => {
      const { data } = run(sequential([layers.softmax({ axis })]), [x]).outputs[0];
      return picks.reduce((sum, i) => sum + data[i], 0);
    };
    expect(sums(1, [0, 3])).toBeCloseTo(1, 6);
    expect(sums([1, 2], [0, 1, 2, 3, 4, 5])).toBeCloseTo(1, 6);
  });

  it('leakyRelu takes a slope under two names', () => {
    const x = { shape: [1, 2], data: [-2, 2] };
    expect(run(sequential([layers.leakyRelu({ negativeSlope: 0.5 })]), [x]).outputs[0].data).toEqual([-1, 2]);
    expect(run(sequential([layers.leakyRelu({ alpha: 0.25 })]), [x]).outputs[0].data).toEqual([-0.5, 2]);
    expect(run(sequential([layers.leakyRelu()]), [x]).outputs[0].data).toEqual([-0.6, 2].map(Math.fround));
  });
});

describe('shape', () => {
  it.each([
    ['flatten', layers.flatten(), [2, 3, 4], [24]],
    ['flatten of a vector', layers.flatten(), [7], [7]],
    ['reshape', layers.reshape({ targetShape: [4, 6] }), [2, 3, 4], [4, 6]],
    ['reshape, the rest', layers.reshape({ targetShape: [-1, 2] }), [2, 3, 4], [12, 2]],
    ['permute', layers.permute({ dims: [3, 1, 2] }), [2, 3, 4], [4, 2, 3]],
    ['zeroPadding2d', layers.zeroPadding2d(), [2, 3, 4], [4, 5, 4]],
    [
      'zeroPadding2d, per side',
      layers.zeroPadding2d({
        padding: [
          [0, 1],
          [2, 3],
        ],
      }),
      [2, 3, 4],
      [3, 8, 4],
    ],
  ] as const)('%s', (_, layer, shape, expected) => {
    expect(checkLayer(layer, [shape])).toEqual(expected);
  });
});

describe('merge', () => {
  it.each(['add', 'subtract', 'multiply', 'average', 'maximum', 'minimum'] as const)('%s', (name) => {
    expect(
      checkLayer(layers[name](), [
        [2, 3],
        [2, 3],
      ]),
    ).toEqual([2, 3]);
    expect(
      checkLayer(layers[name](), [
        [2, 3],
        [1, 3],
      ]),
    ).toEqual([2, 3]);
  });

  it('takes more than two inputs', () => {
    expect(checkLayer(layers.average(), [[2], [2], [2]])).toEqual([2]);
    expect(
      checkLayer(layers.concatenate(), [
        [2, 3],
        [2, 1],
        [2, 2],
      ]),
    ).toEqual([2, 6]);
    expect(
      checkLayer(layers.concatenate({ axis: 1 }), [
        [2, 3],
        [4, 3],
      ]),
    ).toEqual([6, 3]);
  });
});

describe('batchNormalization', () => {
  it.each([
    ['all', {}],
    ['no center', { center: false }],
    ['no scale', { scale: false }],
    ['neither', { center: false, scale: false, epsilon: 0.1 }],
  ])('trains and infers: %s', (_, options) => {
    for (const training of [true, false]) {
      expect(checkLayer(layers.batchNormalization(options), image, { training })).toEqual([6, 7, 4]);
    }
    expect(checkLayer(layers.batchNormalization(options), [[5]], { batch: 6 })).toEqual([5]);
  });

  it('normalizes by the batch, updates the running statistics, then uses them', () => {
    const net = sequential([layers.batchNormalization({ momentum: 0.75, epsilon: 1e-9, name: 'bn' })]);
    const x = { shape: [2, 1], data: [1, 5] };
    const trained = run(net, [x], { training: true });
    expect(trained.outputs[0].data.map((v) => Math.round(v * 1e6) / 1e6)).toEqual([-1, 1]);
    expect(trained.state['bn/movingMean']).toEqual([0.75]);
    expect(trained.state['bn/movingVariance']).toEqual([1.75]);
    const inferred = run(net, [x], { weights: { 'bn/movingMean': [3], 'bn/movingVariance': [4] } });
    expect(inferred.outputs[0].data).toEqual([-1, 1]);
    expect(inferred.state['bn/movingMean']).toEqual([3]);
  });

  it('stays in inference mode when it is frozen', () => {
    const net = sequential([layers.batchNormalization({ trainable: false, name: 'bn' })]);
    const result = run(net, [{ shape: [2, 1], data: [1, 5] }], { training: true });
    expect(result.state['bn/movingMean']).toEqual([0]);
    expect(result.outputs[0].data[0]).toBeCloseTo(1, 2);
  });
});

describe('normalization of samples', () => {
  it.each([
    ['batch, another axis', layers.batchNormalization({ axis: 1 })],
    ['layer', layers.layerNormalization()],
    ['layer, all axes', layers.layerNormalization({ axis: [1, 2, 3], center: false })],
    ['layer, axes in front', layers.layerNormalization({ axis: [1, 2], scale: false })],
    ['rms', layers.rmsNormalization({ axis: [2, 3] })],
    ['group', layers.groupNormalization({ groups: 2 })],
    ['group, another axis', layers.groupNormalization({ groups: 3, axis: 1 })],
    ['instance', layers.instanceNormalization({ scale: false })],
    ['unit', layers.unitNormalization({ axis: [1, 3] })],
    ['local response', layers.localResponseNormalization({ depthRadius: 1, bias: 2, alpha: 0.5, beta: 0.75 })],
  ])('%s', (_, layer) => {
    for (const training of [true, false]) expect(checkLayer(layer, [[6, 7, 4]], { training })).toEqual([6, 7, 4]);
  });

  it('does not look at the neighbours in a batch', () => {
    const net = sequential([layers.groupNormalization({ groups: 2 }), layers.layerNormalization()]);
    const sample = [1, 5, 2, 8, -3, 0.5, 4, 4];
    const both = run(net, [{ shape: [2, 2, 4], data: [...sample, ...sample.map((v) => 100 * v)] }]).outputs[0].data;
    expect(both.slice(0, 8)).toEqual(run(net, [{ shape: [1, 2, 4], data: sample }]).outputs[0].data);
  });

  it('unit normalization leaves zeros', () => {
    const net = sequential([layers.unitNormalization()]);
    expect(run(net, [{ shape: [2, 2], data: [0, 0, 3, 4] }]).outputs[0].data).toEqual(
      [0, 0, 0.6, 0.8].map(Math.fround),
    );
  });
});

describe('embedding', () => {
  it('gives the rows of a table, and NaN where there is none', () => {
    const net = sequential([layers.embedding({ inputDim: 3, outputDim: 2, name: 'e' })]);
    const weights = { 'e/embeddings': [1, 2, 3, 4, 5, 6] };
    const rows = (data: number[], dtype: 'int32' | 'uint8' | 'float32') =>
      run(net, [{ shape: [1, data.length], data, dtype }], { weights }).outputs[0];
    expect(rows([2, 0], 'int32')).toEqual({ shape: [1, 2, 2], data: [5, 6, 1, 2] });
    expect(rows([1], 'uint8').data).toEqual([3, 4]);
    expect(rows([1.5], 'float32').data).toEqual([3, 4]);
    expect(rows([3, -1], 'int32').data).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
  });
});

it('activityRegularization passes everything on', () => {
  expect(checkLayer(layers.activityRegularization({ l1: 0.1, l2: 0.2 }), [[3, 4]])).toEqual([3, 4]);
});

describe('noise', () => {
  const ones = (shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b)).fill(1) });
  const trained = (layer: Layer, shape: number[]) =>
    run(sequential([layer]), [ones(shape)], { training: true }).outputs[0].data;
  const moments = (data: readonly number[]) => {
    const mean = data.reduce((a, b) => a + b) / data.length;
    return { mean, deviation: Math.sqrt(data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length) };
  };

  it.each([
    ['dropout with a noise shape', layers.dropout({ rate: 0.4, noiseShape: [null, 1, 5, null] })],
    ['spatialDropout2d', layers.spatialDropout2d({ rate: 0.4 })],
    ['alphaDropout', layers.alphaDropout({ rate: 0.4 })],
    ['alphaDropout with a noise shape', layers.alphaDropout({ rate: 0.4, noiseShape: [null, 1, 1, null] })],
    ['gaussianDropout', layers.gaussianDropout({ rate: 0.4 })],
    ['gaussianNoise', layers.gaussianNoise({ stddev: 0.5 })],
    ['stochasticDepth', layers.stochasticDepth({ rate: 0.4 })],
    ['stochasticDepth of the batch', layers.stochasticDepth({ rate: 0.4, mode: 'batch' })],
    ['rate 0', layers.gaussianDropout({ rate: 0 })],
  ])('%s trains with noise and infers without', (_, layer) => {
    expect(checkLayer(layer, [[4, 5, 3]])).toEqual([4, 5, 3]);
    const x = ones([2, 4, 5, 3]);
    expect(run(sequential([layer]), [x]).outputs[0].data).toEqual([...x.data]);
    expect(trained(layer, x.shape)).toEqual(trained(layer, x.shape));
  });

  it('spatial dropout drops whole channels', () => {
    for (const [layer, shape] of [
      [layers.spatialDropout1d({ rate: 0.5 }), [8, 9, 16]],
      [layers.spatialDropout2d({ rate: 0.5 }), [8, 3, 3, 16]],
      [layers.spatialDropout3d({ rate: 0.5 }), [8, 1, 3, 3, 16]],
    ] as const) {
      const data = trained(layer, [...shape]);
      for (let n = 0; n < 8; n++) {
        for (let c = 0; c < 16; c++) {
          const channel = Array.from({ length: 9 }, (_, i) => data[(n * 9 + i) * 16 + c]);
          expect(new Set(channel).size).toBe(1);
        }
      }
      expect(data.filter((value) => value === 0).length / data.length).toBeCloseTo(0.5, 0);
      expect(new Set(data)).toEqual(new Set([0, 2]));
    }
  });

  it('noise has the mean and deviation it should', () => {
    const additive = moments(trained(layers.gaussianNoise({ stddev: 0.5 }), [100, 100]));
    expect(additive.mean).toBeCloseTo(1, 1);
    expect(additive.deviation).toBeCloseTo(0.5, 1);
    expect(moments(trained(layers.gaussianDropout({ rate: 0.2 }), [100, 100])).deviation).toBeCloseTo(0.5, 1);
  });

  it('alpha dropout keeps mean 0 and deviation 1', () => {
    const x = { shape: [100, 100], data: noise(10000) };
    const net = sequential([layers.alphaDropout({ rate: 0.3 })]);
    const after = moments(run(net, [x], { training: true }).outputs[0].data);
    expect(Math.abs(after.mean)).toBeLessThan(0.05);
    expect(Math.abs(after.deviation - 1)).toBeLessThan(0.05);
  });

  it('stochastic depth drops whole samples', () => {
    const data = trained(layers.stochasticDepth({ rate: 0.5 }), [64, 3]);
    for (let n = 0; n < 64; n++) expect(new Set(data.slice(3 * n, 3 * n + 3)).size).toBe(1);
    expect(new Set(data)).toEqual(new Set([0, 2]));
    expect(new Set(trained(layers.stochasticDepth({ rate: 0.5, mode: 'batch' }), [64, 3])).size).toBe(1);
  });
});

describe('dropout and rescaling', () => {
  it('dropout trains with a mask and infers without', () => {
    expect(checkLayer(layers.dropout({ rate: 0.4 }), [[5, 4]])).toEqual([5, 4]);
    expect(checkLayer(layers.dropout({ rate: 0.4 }), [[5, 4]], { training: false })).toEqual([5, 4]);
    const x = { shape: [100, 50], data: new Float32Array(5000).fill(1) };
    const net = sequential([layers.dropout({ rate: 0.25 })]);
    const { data } = run(net, [x], { training: true }).outputs[0];
    expect(new Set(data)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    expect(data.filter((value) => value === 0).length / 5000).toBeCloseTo(0.25, 1);
    expect(run(net, [x]).outputs[0].data.every((value) => value === 1)).toBe(true);
  });

  it('two dropouts have two masks', () => {
    const x = { shape: [1, 200], data: new Float32Array(200).fill(1) };
    const mask = (name: string) =>
      run(sequential([layers.dropout({ rate: 0.5, name })]), [x], { training: true }).outputs[0].data;
    expect(mask('a')).toEqual(mask('a'));
    expect(mask('a')).not.toEqual(mask('b'));
  });

  it('rescaling takes bytes', () => {
    expect(checkLayer(layers.rescaling({ scale: 0.5, offset: -1 }), [[3]])).toEqual([3]);
    const net = sequential([layers.rescaling({ scale: 1 / 255 })]);
    expect(run(net, [{ shape: [1, 3], data: [0, 51, 255], dtype: 'uint8' }]).outputs[0].data).toEqual(
      [0, 0.2, 1].map(Math.fround),
    );
  });
});

it('every layer type is in the table under its own name, and in `layers`', () => {
  for (const [type, factory] of Object.entries(layerFactories)) {
    expect(factory.type).toBe(type);
    expect(layers[type as keyof typeof layers]).toBe(factory);
  }
});
