// Metrics of differences, and every loss as a metric.

import type { NumericArray } from '../../core/dtype.js';
import { sizeOf } from '../../core/shape.js';
import { EagerEmitter, type EagerValue } from '../../ops/emit.js';
import { batchLoss, type Loss, resolveLoss } from '../losses.js';
import {
  forPositions,
  fromLogits,
  type Metric,
  type MetricContext,
  type MetricMaker,
  optionless,
  positionMean,
  ratio,
  readerFor,
  sampleShape,
} from './metric.js';

const difference = (name: string, error: (d: number) => number, finish?: (mean: number) => number) =>
  optionless(name, (context) =>
    positionMean(name, sizeOf(sampleShape(context)), (target, output, i) => error(target[i] - output[i]), finish),
  );

export const meanSquaredError = difference('meanSquaredError', (d) => d * d);
export const meanAbsoluteError = difference('meanAbsoluteError', Math.abs);
export const rootMeanSquaredError = difference('rootMeanSquaredError', (d) => d * d, Math.sqrt);

export interface R2Options {
  /** How the scores of several outputs become one. Default 'uniformAverage'. 'none': each by itself in logs. */
  classAggregation?: 'uniformAverage' | 'varianceWeightedAverage' | 'none';
  /** Number of independent variables, for the adjusted score. Default 0. */
  numRegressors?: number;
}

/** 1 minus what is left of the variance of the target: 1 is perfect, 0 as good as its mean. */
export function r2Score(options: R2Options = {}): MetricMaker {
  const name = 'r2Score';
  const reader = readerFor(name, options, { classAggregation: 'uniformAverage', numRegressors: 0 });
  const choices = ['uniformAverage', 'varianceWeightedAverage', 'none'] as const;
  const aggregation = reader.oneOf('classAggregation', choices);
  const regressors = reader.integer('numRegressors', { min: 0 });
  return (context): Metric => {
    const length = sizeOf(sampleShape(context));
    const sums = new Float64Array(length);
    const squares = new Float64Array(length);
    const residuals = new Float64Array(length);
    let [total, count] = [0, 0];
    const adjusted = (score: number): number =>
      regressors === 0 ? score : 1 - ((1 - score) * (count - 1)) / (count - regressors - 1);
    const spread = (i: number) => squares[i] - sums[i] ** 2 / total;
    const scores = () =>
      [...residuals].map((residual, i) => {
        const score = 1 - residual / spread(i);
        return Number.isFinite(score) ? score : 0;
      });
    return {
      name,
      reset() {
        for (const list of [sums, squares, residuals]) list.fill(0);
        [total, count] = [0, 0];
      },
      update(target, output, samples, weights) {
        // As in Keras, every value of a sample counts here.
        count += samples * length;
        forPositions(samples, weights, (_, weight) => {
          total += weight;
        });
        forPositions(samples * length, weights, (at, weight) => {
          const i = at % length;
          sums[i] += weight * target[at];
          squares[i] += weight * target[at] ** 2;
          residuals[i] += weight * (target[at] - output[at]) ** 2;
        });
      },
      result() {
        if (count === 0) return Number.NaN;
        const list = scores();
        const factors = list.map((_, i) => (aggregation === 'varianceWeightedAverage' ? spread(i) : 1));
        const sum = list.reduce((a, score, i) => a + score * factors[i], 0);
        return adjusted(
          ratio(
            sum,
            factors.reduce((a, b) => a + b, 0),
          ),
        );
      },
      ...(aggregation === 'none' && {
        results: () => Object.fromEntries(scores().map((score, i) => [`${name}[${i}]`, adjusted(score)])),
      }),
    };
  };
}

/** A loss by name as a metric: its weighted mean over samples or positions, in double precision. */
export const lossMetric =
  (name: string, sign: 1 | -1 = 1) =>
  (options: object = {}): MetricMaker => {
    const { config } = resolveLoss({ name, ...options });
    return (context) => fromLoss(name, resolveLoss({ ...config, ...logitsOf(config, context) }), context, sign);
  };

function fromLoss(name: string, loss: Loss, context: MetricContext, sign: number): Metric {
  const [length, spec] = [sizeOf(sampleShape(context)), loss.targetSpec(context.output)];
  const targetLength = sizeOf(spec.shape.slice(1));
  const ignored = loss.config.ignoreIndex;
  let [sum, total] = [0, 0];
  return {
    name,
    reset() {
      [sum, total] = [0, 0];
    },
    update(target, output, samples, weights) {
      if (samples === 0) return;
      const eager = new EagerEmitter();
      const doubles = (data: NumericArray, shape: readonly number[]) =>
        eager.value(Float64Array.from(data), { shape, dtype: 'float32' });
      const y = target.subarray(0, samples * targetLength);
      const targetShape = [samples, ...spec.shape.slice(1)];
      const yTrue =
        spec.dtype === 'int32' ? eager.value(y, { shape: targetShape, dtype: 'int32' }) : doubles(y, targetShape);
      const yPred = doubles(output.subarray(0, samples * length), [samples, ...context.output.shape.slice(1)]);
      const perSample = weights?.length === samples;
      const weight = weights && doubles(weights, perSample ? [samples] : leading(targetShape, weights.length));
      let here = 0;
      forPositions(y.length, weights, (i, w) => {
        if (y[i] !== ignored) here += w / targetLength;
      });
      if (here === 0) return;
      const [value] = (batchLoss(eager, loss, yTrue, yPred, weight ?? null) as EagerValue).data;
      sum += here * value;
      total += here;
    },
    result: () => (sign * sum) / total,
  };
}

/** The leading axes of the targets that the weights count. */
function leading(shape: readonly number[], length: number): readonly number[] {
  for (let rank = 1; rank <= shape.length; rank++) {
    if (sizeOf(shape.slice(0, rank)) === length) return shape.slice(0, rank);
  }
  return [length];
}

/** A metric sees what the network puts out: logits where the loss says so. */
function logitsOf({ fromLogits: asked }: Loss['config'], context: MetricContext): object {
  const reduction = 'meanWithSampleWeight';
  return asked === 'auto' ? { fromLogits: fromLogits(context), reduction } : { reduction };
}
