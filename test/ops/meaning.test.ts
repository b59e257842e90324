// What ops compute, against loops written straight from their definitions and against numbers worked out by hand.

import { describe, expect, test } from 'vitest';
import type { TensorView } from '../../src/core/dtype.js';
import { philox } from '../../src/core/random.js';
import { sizeOf } from '../../src/core/shape.js';
import { caseInputs } from '../../src/ops/cases.js';
import { runOp } from '../../src/ops/eager.js';
import type { AnyAttrs } from '../../src/ops/op.js';
import { builtin } from './harness.js';

const tensor = (shape: number[], values: number[]): TensorView => {
  return { shape, dtype: 'float32', data: Float64Array.from(values) };
};
const ints = (values: number[]): TensorView => ({
  shape: [values.length],
  dtype: 'int32',
  data: Int32Array.from(values),
});
const run = (name: string, inputs: (TensorView | null)[], attrs?: AnyAttrs) => runOp(builtin(name), inputs, attrs, 64);
const valuesOf = (name: string, inputs: (TensorView | null)[], attrs?: AnyAttrs) => [
  ...run(name, inputs, attrs)[0].data,
];

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) expect(Math.abs(actual[i] - expected[i])).toBeLessThan(1e-9);
}

const at = ({ shape, data }: TensorView, ...index: number[]) =>
  data[index.reduce((position, i, axis) => position * shape[axis] + i, 0)];

const activations: Record<string, (x: number) => number> = {
  linear: (x) => x,
  relu: (x) => Math.max(x, 0),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  relu6: (x) => Math.min(Math.max(x, 0), 6),
};

describe('conv2d is the sum over taps and channels, plus bias and residual', () => {
  const op = builtin('conv2d');
  test.each(op.cases.map((opCase) => [opCase.name, opCase] as const))('%s', (_, opCase) => {
    const inputs = caseInputs(op, opCase, 64);
    const [x, weight, bias, residual] = inputs as [TensorView, TensorView, TensorView | null, TensorView | null];
    const { strides, padding, dilation, groups, activation } = opCase.attrs as AnyAttrs;
    const [y] = run('conv2d', inputs, opCase.attrs);
    const [batch, outHeight, outWidth, filters] = y.shape;
    const [kernelHeight, kernelWidth, groupChannels] = weight.shape;
    const expected = new Float64Array(sizeOf(y.shape));
    let next = 0;
    for (let n = 0; n < batch; n++)
      for (let oy = 0; oy < outHeight; oy++)
        for (let ox = 0; ox < outWidth; ox++)
          for (let f = 0; f < filters; f++) {
            const firstChannel = Math.floor(f / (filters / groups)) * groupChannels;
            let sum = (bias?.data[f] ?? 0) + (residual?.data[next] ?? 0);
            for (let ky = 0; ky < kernelHeight; ky++)
              for (let kx = 0; kx < kernelWidth; kx++) {
                const iy = oy * strides[0] - padding[0] + ky * dilation[0];
                const ix = ox * strides[1] - padding[2] + kx * dilation[1];
                if (iy < 0 || iy >= x.shape[1] || ix < 0 || ix >= x.shape[2]) continue;
                for (let c = 0; c < groupChannels; c++)
                  sum += at(x, n, iy, ix, firstChannel + c) * at(weight, ky, kx, c, f);
              }
            expected[next++] = activations[activation](sum);
          }
    expectClose(y.data, expected);
  });
});

describe('conv2dTranspose spreads every input over its window', () => {
  const op = builtin('conv2dTranspose');
  test.each(op.cases.map((opCase) => [opCase.name, opCase] as const))('%s', (_, opCase) => {
    const [x, weight, bias] = caseInputs(op, opCase, 64) as [TensorView, TensorView, TensorView | null];
    const { strides, padding, dilation, groups, activation } = opCase.attrs as AnyAttrs;
    const [y] = run('conv2dTranspose', [x, weight, bias], opCase.attrs);
    const [, height, width, channels] = y.shape;
    const [kernelHeight, kernelWidth, groupChannels, filters] = weight.shape;
    const expected = new Float64Array(sizeOf(y.shape)).map((_, i) => (bias ? bias.data[i % channels] : 0));
    const [batch, inHeight, inWidth] = x.shape;
    for (let n = 0; n < batch; n++)
      for (let iy = 0; iy < inHeight; iy++)
        for (let ix = 0; ix < inWidth; ix++)
          for (let ky = 0; ky < kernelHeight; ky++)
            for (let kx = 0; kx < kernelWidth; kx++) {
              const oy = iy * strides[0] - padding[0] + ky * dilation[0];
              const ox = ix * strides[1] - padding[2] + kx * dilation[1];
              if (oy < 0 || oy >= height || ox < 0 || ox >= width) continue;
              for (let f = 0; f < filters; f++) {
                const firstChannel = Math.floor(f / (filters / groups)) * groupChannels;
                for (let c = 0; c < groupChannels; c++) {
                  const to = ((n * height + oy) * width + ox) * channels + firstChannel + c;
                  expected[to] += at(x, n, iy, ix, f) * at(weight, ky, kx, c, f);
                }
              }
            }
    expectClose(y.data, expected.map(activations[activation]));
  });
});

test('a row of a product does not depend on the other rows', () => {
  const op = builtin('dense');
  const opCase = op.cases.find(({ name }) => name === 'beyond one block');
  const [x, weight, bias] = caseInputs(op, opCase as (typeof op.cases)[number], 32) as TensorView[];
  const [all] = runOp(op, [x, weight, bias]);
  for (const row of [0, 3, 65, 69]) {
    const one = { shape: [1, 300], dtype: 'float32' as const, data: x.data.slice(row * 300, (row + 1) * 300) };
    expect(runOp(op, [one, weight, bias])[0].data).toEqual(all.data.slice(row * 10, (row + 1) * 10));
  }
});

describe('pooling', () => {
  const image = tensor([1, 3, 3, 1], [1, 2, 3, 4, 9, 6, 7, 8, 5]);

  test('indices are places in the window, also where it is padded', () => {
    const [y, indices] = run('maxPool2d', [image], { poolSize: [2, 2], strides: [2, 2], padding: [1, 0, 1, 0] });
    expect([...y.data]).toEqual([1, 3, 7, 9]);
    expect([...indices.data]).toEqual([3, 3, 3, 0]);
    expect(indices.dtype).toBe('uint8');
  });

  test('the first of equal values wins, and the first NaN', () => {
    const values = tensor([1, 1, 4, 1], [2, 2, Number.NaN, Number.NaN]);
    const [y, indices] = run('maxPool2d', [values], { poolSize: [1, 2], strides: [1, 1] });
    expect([...y.data]).toEqual([2, Number.NaN, Number.NaN]);
    expect([...indices.data]).toEqual([0, 1, 0]);
  });

  test('a window of more than 256 cells has wide indices', () => {
    const line = tensor(
      [1, 1, 300, 1],
      Array.from({ length: 300 }, (_, i) => i),
    );
    const [y, indices] = run('maxPool2d', [line], { poolSize: [1, 300], strides: [1, 1] });
    expect([y.data[0], indices.data[0], indices.dtype]).toEqual([299, 299, 'int32']);
  });

  test('gradients of overlapping windows add up', () => {
    const attrs = { inputSize: [1, 3], poolSize: [1, 2], strides: [1, 1] };
    const indices: TensorView = { shape: [1, 1, 2, 1], dtype: 'uint8', data: Uint8Array.from([1, 0]) };
    expect(valuesOf('maxPool2dGrad', [indices, tensor([1, 1, 2, 1], [10, 1])], attrs)).toEqual([0, 11, 0]);
  });

  test('averages divide by real cells, or by all', () => {
    const attrs = { poolSize: [2, 2], strides: [2, 2], padding: [1, 0, 1, 0] };
    expect(valuesOf('averagePool2d', [image], { ...attrs, countIncludePad: 0 })).toEqual([1, 2.5, 5.5, 7]);
    expect(valuesOf('averagePool2d', [image], { ...attrs, countIncludePad: 1 })).toEqual([0.25, 1.25, 2.75, 7]);
  });
});

describe('normalization', () => {
  test('rows of mean 0 and variance 1, then gamma and beta', () => {
    const x = tensor([4, 2], [1, 10, 2, 20, 3, 30, 4, 40]);
    const [y, mean, variance] = run('batchNorm', [x, tensor([2], [1, 2]), tensor([2], [0, 5])], { epsilon: 0 });
    expectClose(mean.data, [2.5, 25]);
    expectClose(variance.data, [1.25, 125]);
    const z = [-1.5, -0.5, 0.5, 1.5].map((difference) => difference / Math.sqrt(1.25));
    expectClose(
      y.data,
      z.flatMap((value) => [value, 2 * value + 5]),
    );
    expectClose(
      run('batchNormInference', [x, null, null, mean, variance], { epsilon: 0 })[0].data,
      z.flatMap((v) => [v, v]),
    );
  });

  test('a small variance far from zero survives float32', () => {
    const x: TensorView = { shape: [4, 1], dtype: 'float32', data: Float32Array.from([4096.5, 4097, 4095.5, 4096]) };
    const [, mean, variance] = runOp(builtin('batchNorm'), [x, null, null]);
    expect(mean.data[0]).toBe(4096.25);
    expect(variance.data[0]).toBe(0.3125);
  });

  test('updateAverage', () => {
    const attrs = { momentum: 0.75, correction: 2 };
    expect(valuesOf('updateAverage', [tensor([1], [4]), tensor([1], [6])], attrs)).toEqual([6]);
  });
});

describe('dropout', () => {
  test('draws word i % 4 of block i / 4', () => {
    const x = tensor([11], new Array(11).fill(1));
    const y = valuesOf('dropout', [x, ints([-7, 3])], { rate: 0.5, salt: 99 });
    const words = new Uint32Array(4);
    y.forEach((value, i) => {
      philox(words, Math.floor(i / 4), 0, 99, 3, -7, 0);
      expect(value).toBe(words[i % 4] >>> 31 ? 2 : 0);
    });
  });

  test('keeps the share it should, and the mean', () => {
    const x = tensor([20000], new Array(20000).fill(1));
    const y = valuesOf('dropout', [x, ints([1, 1])], { rate: 0.3 });
    const kept = y.filter((value) => value !== 0).length / y.length;
    expect(kept).toBeGreaterThan(0.68);
    expect(kept).toBeLessThan(0.72);
    expect(Math.max(...y)).toBeCloseTo(1 / 0.7, 6);
  });

  test('another step, salt or seed gives another mask', () => {
    const x = tensor([64], new Array(64).fill(1));
    const mask = (seed: number, step: number, salt: number) =>
      valuesOf('dropout', [x, ints([seed, step])], { salt }).join();
    expect(new Set([mask(1, 1, 1), mask(2, 1, 1), mask(1, 2, 1), mask(1, 1, 2)]).size).toBe(4);
    expect(mask(1, 1, 1)).toBe(mask(1, 1, 1));
  });
});

describe('losses', () => {
  test('a label out of range gives NaN, in the loss and in the gradient', () => {
    const logits = tensor([2, 2], [0, 0, 0, 0]);
    const [loss, probabilities] = run('sparseSoftmaxCrossEntropy', [logits, ints([1, 2])]);
    expect([...loss.data]).toEqual([Math.LN2, Number.NaN]);
    const dloss = tensor([2], [1, 1]);
    const inputs = [probabilities, ints([1, 2]), dloss];
    expect(valuesOf('sparseSoftmaxCrossEntropyGrad', inputs)).toEqual([0.5, -0.5, Number.NaN, Number.NaN]);
  });

  test('large logits stay finite', () => {
    const [x, z] = [tensor([3], [1000, -1000, 0]), tensor([3], [0, 1, 1])];
    expectClose(run('sigmoidCrossEntropy', [x, z])[0].data, [1000, 1000, Math.LN2]);
    expectClose(run('softmaxCrossEntropy', [tensor([1, 2], [1000, 0]), tensor([1, 2], [0, 1])])[0].data, [1000]);
  });
});

describe('optimizers', () => {
  const lr = tensor([1], [0.1]);
  const w = tensor([1], [2]);
  const g = tensor([1], [1]);

  test('sgd', () => {
    expectClose(run('sgd', [w, g, lr])[0].data, [1.9]);
    expectClose(run('sgd', [w, g, lr], { weightDecay: 0.5 })[0].data, [2 - 0.1 * 0.5 * 2 - 0.1]);
    expectClose(run('sgd', [w, g, lr], { weightDecay: 0.5, decoupled: 0 })[0].data, [1.8]);
    expectClose(run('sgd', [w, g, lr], { clipValue: 0.5 })[0].data, [1.95]);
  });

  test('segments have rates, decays and scales of their own', () => {
    const [three, ones] = [tensor([3], [2, 2, 2]), tensor([3], [1, 1, 1])];
    const table = [ints([1, 9]), tensor([2, 2], [1, 0, 0.5, 1]), tensor([2], [3, 1])];
    const [{ data }] = run('sgd', [three, ones, lr, ...table], { weightDecay: 1 });
    expectClose(data, [2 - 0.3, 2 - 0.1 - 0.05, 2 - 0.1 - 0.05]);
  });

  test('momentum, with and without looking ahead', () => {
    const v = tensor([1], [3]);
    const [plain, momentum] = run('sgdMomentum', [w, g, v, lr], { momentum: 0.5 });
    expectClose([plain.data[0], momentum.data[0]], [2 + 1.4, 1.4]);
    expectClose(run('sgdMomentum', [w, g, v, lr], { momentum: 0.5, nesterov: 1 })[0].data, [2 + 0.6]);
  });

  test('the first step of Adam is the learning rate', () => {
    const zero = tensor([1], [0]);
    const correction = tensor([2], [1 - 0.9, 1 - 0.999]);
    const attrs = { epsilon: 0 };
    expectClose(run('adam', [w, g, zero, zero, lr, correction], attrs)[0].data, [1.9]);
    const decayed = { ...attrs, weightDecay: 0.5 };
    expectClose(run('adam', [w, g, zero, zero, lr, correction], decayed)[0].data, [1.9 - 0.1]);
    const [, m] = run('adam', [w, g, zero, zero, lr, correction], { ...decayed, decoupled: 0 });
    expectClose(m.data, [0.2]);
  });

  test('a gradient that is not a number stays one, whatever clips it', () => {
    const lost = tensor([1], [Number.NaN]);
    expect(valuesOf('sgd', [w, lost, lr], { clipValue: 1 })).toEqual([Number.NaN]);
    const squares = tensor([1], [Number.POSITIVE_INFINITY]);
    expect(valuesOf('clipScale', [squares], { together: 1 })).toEqual([Number.NaN]);
  });
});

describe('arithmetic', () => {
  test('broadcasting', () => {
    expect(valuesOf('subtract', [tensor([2, 1], [10, 20]), tensor([3], [1, 2, 3])])).toEqual([9, 8, 7, 19, 18, 17]);
    expect(valuesOf('compare', [tensor([3], [1, 2, 3]), tensor([], [2])])).toEqual([0, 0.5, 1]);
    expect(valuesOf('maximum', [tensor([2], [Number.NaN, 1]), tensor([2], [1, Number.NaN])])).toEqual([NaN, NaN]);
  });

  test('reductions and shapes', () => {
    const x = tensor([2, 3], [1, 2, 3, 4, 5, 6]);
    expect(valuesOf('reduceSum', [x], { axes: [0] })).toEqual([5, 7, 9]);
    expect(run('reduceMean', [x], { axes: [1], keepDims: 1 })[0]).toEqual(tensor([2, 1], [2, 5]));
    expect(run('transpose', [x], { permutation: [1, 0] })[0]).toEqual(tensor([3, 2], [1, 4, 2, 5, 3, 6]));
    expect(valuesOf('pad', [x], { before: [0, 1], after: [1, 0], value: 9 })).toEqual([
      9, 1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9,
    ]);
    expect(valuesOf('slice', [x], { begin: [0, 1], size: [2, 2] })).toEqual([2, 3, 5, 6]);
    expect(valuesOf('concat', [x, tensor([2, 1], [7, 8])], { axis: 1 })).toEqual([1, 2, 3, 7, 4, 5, 6, 8]);
    expect(valuesOf('oneHot', [ints([1, 5, -1])], { depth: 2 })).toEqual([0, 1, 0, 0, 0, 0]);
    expect(valuesOf('rescale', [ints([3])], { scale: 2, offset: -1 })).toEqual([5]);
    expect(run('reshape', [x], { shape: [3, -1] })[0].shape).toEqual([3, 2]);
  });
});
