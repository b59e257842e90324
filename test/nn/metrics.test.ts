// Metrics: which accuracy is meant, streaming over batches, ties, NaN, other class axes.

import { describe, expect, it } from 'vitest';
import { losses } from '../../src/nn/losses.js';
import { type MetricContext, metrics, resolveMetric } from '../../src/nn/metrics.js';
import { errorOf } from './harness.js';

const context = (loss: MetricContext['loss'], shape: readonly number[]): MetricContext => ({
  loss,
  output: { shape, dtype: 'float32' },
});
const floats = (...values: number[]) => Float32Array.from(values);
const ints = (...values: number[]) => Int32Array.from(values);

describe('accuracy', () => {
  it('is sparse for class numbers', () => {
    const metric = resolveMetric('accuracy', context(losses.sparseCategoricalCrossentropy(), [2, 3]));
    metric.update(ints(1, 2), floats(0.1, 0.7, 0.2, 0.5, 0.3, 0.2), 2);
    expect(metric.result()).toBe(0.5);
    metric.update(ints(0, 0), floats(1, 0, 0, 9, 9, 9), 1);
    expect(metric.result()).toBeCloseTo(2 / 3, 12);
    metric.reset();
    expect(metric.result()).toBeNaN();
  });

  it('is categorical for one-hot targets', () => {
    const metric = resolveMetric('acc', context(losses.categoricalCrossentropy(), [2, 2]));
    metric.update(floats(0, 1, 1, 0), floats(0.4, 0.6, 0.4, 0.6), 2);
    expect(metric.result()).toBe(0.5);
    expect(metric.name).toBe('accuracy');
  });

  it('is binary for one output, and for binary losses', () => {
    const one = resolveMetric('accuracy', context(losses.meanSquaredError(), [4, 1]));
    one.update(floats(1, 0, 1, 0), floats(0.9, 0.1, 0.2, Number.NaN), 4);
    expect(one.result()).toBe(0.5);
    const many = resolveMetric('accuracy', context(losses.binaryCrossentropy(), [1, 4]));
    many.update(floats(1, 0, 1, 0), floats(0.9, 0.1, 0.2, 0.4), 1);
    expect(many.result()).toBe(0.75);
    const logits = resolveMetric('accuracy', context(losses.binaryCrossentropy({ fromLogits: true }), [2, 1]));
    logits.update(floats(1, 0), floats(0.2, -0.2), 2);
    expect(logits.result()).toBe(1);
  });

  it('counts positions, on any class axis', () => {
    const last = resolveMetric('accuracy', context(losses.sparseCategoricalCrossentropy(), [1, 2, 2]));
    last.update(ints(0, 1), floats(0.9, 0.1, 0.9, 0.1), 1);
    expect(last.result()).toBe(0.5);
    const first = resolveMetric('accuracy', context(losses.sparseCategoricalCrossentropy({ axis: 1 }), [1, 2, 3]));
    first.update(ints(0, 1, 1), floats(0.9, 0.2, 0.1, 0.1, 0.8, 0.9), 1);
    expect(first.result()).toBe(1);
  });

  it('lets NaN and unknown classes count as wrong, and the first of equals win', () => {
    const metric = resolveMetric('accuracy', context(losses.sparseCategoricalCrossentropy(), [1, 2]));
    metric.update(ints(0), floats(Number.NaN, 0), 1);
    metric.update(ints(0), floats(0, Number.NaN), 1);
    metric.update(ints(7), floats(1, 0), 1);
    metric.update(ints(1), floats(0.5, 0.5), 1);
    expect(metric.result()).toBe(0);
    metric.update(ints(0), floats(0.5, 0.5), 1);
    expect(metric.result()).toBe(0.2);
  });
});

it('topKAccuracy', () => {
  const sparse = context(losses.sparseCategoricalCrossentropy(), [1, 4]);
  const metric = resolveMetric({ name: 'topKAccuracy', k: 2 }, sparse);
  metric.update(ints(1), floats(0.4, 0.3, 0.2, 0.1), 1);
  metric.update(ints(2), floats(0.4, 0.3, 0.2, 0.1), 1);
  expect(metric.result()).toBe(0.5);
  expect(resolveMetric('topKCategoricalAccuracy', sparse).name).toBe('topKAccuracy');
});

it('errors: squared and absolute', () => {
  for (const [name, expected] of [
    ['mse', 2.5],
    ['meanAbsoluteError', 1.5],
  ] as const) {
    const metric = resolveMetric(name, context(losses.meanSquaredError(), [2, 2]));
    metric.update(floats(1, 2, 5, 5), floats(2, 4, 0, 0), 1);
    expect(metric.result()).toBe(expected);
  }
});

describe('options', () => {
  const any = context(losses.sparseCategoricalCrossentropy(), [2, 3]);

  it("take makers, functions and metrics of one's own", () => {
    expect(resolveMetric(metrics.binaryAccuracy({ threshold: 0.9 }), any).name).toBe('binaryAccuracy');
    const mean = resolveMetric(function largest(_: ArrayLike<number>, output: ArrayLike<number>, samples: number) {
      return output[samples - 1];
    }, any);
    mean.update(ints(0, 0), floats(1, 3), 2);
    mean.update(ints(0), floats(6), 1);
    expect([mean.name, mean.result()]).toEqual(['largest', 4]);
    expect(resolveMetric(mean, any)).toBe(mean);
  });

  it('are checked', () => {
    expect(errorOf(() => resolveMetric('accurracy', any)).help).toBe("did you mean 'accuracy'?");
    expect(errorOf(() => resolveMetric({ name: 'accuracy', k: 1 }, any)).code).toBe('ERR_OCELLUS_OPTION');
    expect(errorOf(() => metrics.topKAccuracy({ k: 0 })).message).toContain("option 'k'");
    expect(errorOf(() => resolveMetric('categoricalAccuracy', context(losses.meanSquaredError(), [4]))).code).toBe(
      'ERR_OCELLUS_SHAPE',
    );
  });
});
