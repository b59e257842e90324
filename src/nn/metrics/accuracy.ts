// Shares of right answers.

import { sizeOf } from '../../core/shape.js';
import {
  classLayout,
  defaultThreshold,
  isSparse,
  type Metric,
  type MetricContext,
  type MetricMaker,
  optionless,
  positionMean,
  positionsOf,
  ranked,
  readerFor,
  sampleShape,
  startOf,
  truthOf,
} from './metric.js';

export const accuracy = optionless('accuracy', (context) => {
  const { shape } = context.output;
  const single = shape.length < 2 || shape[shape.length - 1] === 1;
  if (single || context.loss.name.startsWith('binary')) return binaryMetric('accuracy', context, null);
  return topMetric('accuracy', context, 1, isSparse(context));
});

export function binaryAccuracy(options: { threshold?: number } = {}): MetricMaker {
  const reader = readerFor('binaryAccuracy', options, { threshold: undefined });
  const threshold = reader.has('threshold') ? reader.number('threshold') : null;
  return (context) => binaryMetric('binaryAccuracy', context, threshold);
}

export const categoricalAccuracy = optionless('categoricalAccuracy', (context) =>
  topMetric('categoricalAccuracy', context, 1, false),
);

export const sparseCategoricalAccuracy = optionless('sparseCategoricalAccuracy', (context) =>
  topMetric('sparseCategoricalAccuracy', context, 1, true),
);

export function topKAccuracy(options: { k?: number } = {}): MetricMaker {
  const k = readerFor('topKAccuracy', options, { k: 5 }).integer('k', { min: 1 });
  return (context) => topMetric('topKAccuracy', context, k, isSparse(context));
}

function binaryMetric(name: string, context: MetricContext, given: number | null): Metric {
  const threshold = given ?? defaultThreshold(context);
  const { ignoreIndex } = context.loss.config;
  return positionMean(name, sizeOf(sampleShape(context)), (target, output, i) => {
    if (target[i] === ignoreIndex) return undefined;
    return !Number.isNaN(output[i]) && output[i] > threshold === target[i] > 0.5 ? 1 : 0;
  });
}

/** Counts a position as right when fewer than `k` classes have a larger output than the true one. */
function topMetric(name: string, context: MetricContext, k: number, sparse: boolean): Metric {
  const layout = { ...classLayout(name, context), sparse };
  return positionMean(name, positionsOf(layout), (target, output, position) => {
    const truth = truthOf(target, layout, position);
    if (truth === layout.ignoreIndex) return undefined;
    return ranked(output, startOf(layout, position), layout.classes, layout.inner, truth) < k ? 1 : 0;
  });
}
