// Areas under curves: ROC and precision over recall, from counts at fixed thresholds, as Keras computes them.

import type { NumericArray } from '../../core/dtype.js';
import {
  type ClassLayout,
  forPositions,
  fromLogits,
  labelLayout,
  type Metric,
  type MetricMaker,
  positionsOf,
  ratio,
  readerFor,
  startOf,
} from './metric.js';

export interface AucOptions {
  /** 'roc': true over false positive rate. 'pr': precision over recall. Default 'roc'. */
  curve?: 'roc' | 'pr' | 'ROC' | 'PR';
  /** Points of the curve. Default 200. */
  numThresholds?: number;
  /** Height between two points: their mean, the lower, the higher one. Default 'interpolation'. */
  summationMethod?: 'interpolation' | 'minoring' | 'majoring';
  /** true: the mean of the areas of each class. false: one curve for all classes together. Default false. */
  multiLabel?: boolean;
  /** Weights of the classes, with `multiLabel`. */
  labelWeights?: readonly number[];
  /** Outputs are logits. Default: as the loss says. */
  fromLogits?: boolean;
}

/** Weights of positives and negatives whose output lies between two thresholds. */
interface Buckets {
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
}

export function auc(options: AucOptions = {}): MetricMaker {
  const name = 'auc';
  const reader = readerFor(name, options, {
    curve: 'roc',
    numThresholds: 200,
    summationMethod: 'interpolation',
    multiLabel: false,
    labelWeights: undefined,
    fromLogits: undefined,
  });
  const curve = reader.oneOf('curve', ['roc', 'pr', 'ROC', 'PR'] as const).toLowerCase();
  const points = reader.integer('numThresholds', { min: 2 });
  const method = reader.oneOf('summationMethod', ['interpolation', 'minoring', 'majoring'] as const);
  const multiLabel = reader.boolean('multiLabel');
  const logits = reader.has('fromLogits') ? reader.boolean('fromLogits') : undefined;
  const labelWeights = reader.has('labelWeights') ? (reader.raw('labelWeights') as number[]) : undefined;
  return (context): Metric => {
    const layout = labelLayout(name, context);
    const curves = multiLabel ? layout.classes : 1;
    if (labelWeights && !(Array.isArray(labelWeights) && labelWeights.length === curves)) {
      throw reader.error('labelWeights', `${curves} numbers, with multiLabel one per class`, labelWeights);
    }
    const table = Array.from({ length: curves }, (): Buckets => {
      return { positives: new Float64Array(points), negatives: new Float64Array(points) };
    });
    const isDistribution = layout.classes > 1 && /^(sparseC|c)ategorical/.test(context.loss.name);
    const probability = probabilityOf(layout, logits ?? fromLogits(context), isDistribution);
    const area = curve === 'pr' && method === 'interpolation' ? precisionRecallArea : riemann(curve, method);
    return {
      name,
      reset() {
        for (const { positives, negatives } of table) [positives, negatives].forEach((list) => list.fill(0));
      },
      update(target, output, samples, weights) {
        forPositions(samples * positionsOf(layout), weights, (position, weight) => {
          const start = startOf(layout, position);
          if (layout.sparse && target[position] === layout.ignoreIndex) return;
          for (let c = 0; c < layout.classes; c++) {
            const truth = layout.sparse ? target[position] === c : target[start + c * layout.inner] > 0.5;
            const { positives, negatives } = table[multiLabel ? c : 0];
            const score = Math.min(1, Math.max(0, probability(output, start, c)));
            const bucket = Math.max(0, Math.ceil(score * (points - 1)) - 1);
            (truth ? positives : negatives)[bucket] += weight;
          }
        });
      },
      result() {
        const areas = table.map((buckets) => area(cumulated(buckets)));
        const factors = labelWeights ?? areas.map(() => 1);
        const total = factors.reduce((a, b) => a + b, 0);
        const empty = table.every(
          (buckets) => buckets.positives.every((n) => n === 0) && buckets.negatives.every((n) => n === 0),
        );
        return empty ? Number.NaN : areas.reduce((sum, value, i) => sum + value * factors[i], 0) / total;
      },
    };
  };
}

function probabilityOf(layout: ClassLayout, logits: boolean, isDistribution: boolean) {
  const { classes, inner } = layout;
  return (output: NumericArray, start: number, c: number): number => {
    const value = output[start + c * inner];
    if (!logits) return value;
    if (!isDistribution) return 1 / (1 + Math.exp(-value));
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += Math.exp(output[start + k * inner] - value);
    return 1 / sum;
  };
}

/** True and false positives at each threshold, from the lowest on. */
interface Points {
  readonly tp: readonly number[];
  readonly fp: readonly number[];
  /** All positives and negatives. */
  readonly positives: number;
  readonly negatives: number;
}

function cumulated({ positives, negatives }: Buckets): Points {
  const above = (list: Float64Array): number[] => {
    let sum = 0;
    return [...list]
      .reverse()
      .map((n) => (sum += n))
      .reverse();
  };
  // The last threshold lies above 1: nothing is above it.
  const [tp, fp] = [above(positives), above(negatives)];
  return { tp, fp, positives: tp[0], negatives: fp[0] };
}

function riemann(curve: string, method: 'interpolation' | 'minoring' | 'majoring') {
  const heights = { interpolation: (a: number, b: number) => (a + b) / 2, minoring: Math.min, majoring: Math.max };
  return ({ tp, fp, positives, negatives }: Points): number => {
    const recall = tp.map((n) => ratio(n, positives));
    const x = curve === 'roc' ? fp.map((n) => ratio(n, negatives)) : recall;
    const y = curve === 'roc' ? recall : tp.map((n, i) => ratio(n, n + fp[i]));
    let area = 0;
    for (let i = 0; i + 1 < x.length; i++) area += (x[i] - x[i + 1]) * heights[method](y[i], y[i + 1]);
    return area;
  };
}

/** Precision between two points as Davis and Goadrich (2006) interpolate it. */
function precisionRecallArea({ tp, fp, positives }: Points): number {
  let area = 0;
  for (let i = 0; i + 1 < tp.length; i++) {
    const [p, next] = [tp[i] + fp[i], tp[i + 1] + fp[i + 1]];
    const rise = tp[i] - tp[i + 1];
    const slope = ratio(rise, Math.max(p - next, 0));
    const intercept = tp[i + 1] - slope * next;
    const safe = p > 0 && next > 0 ? p / next : 1;
    area += ratio(slope * (rise + intercept * Math.log(safe)), positives);
  }
  return area;
}
