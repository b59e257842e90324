// Metrics of true and false positives and negatives, per class or averaged over the classes.

import type { NumericArray } from '../../core/dtype.js';
import {
  type ClassLayout,
  defaultThreshold,
  forPositions,
  labelLayout,
  type Metric,
  type MetricContext,
  type MetricMaker,
  positionsOf,
  ranked,
  ratio,
  readerFor,
  startOf,
} from './metric.js';

/**
 * 'micro': from the counts of all classes together. 'macro': the mean of the classes. 'weighted': that mean by how often
 * a class is true. 'none': each class by itself, `precision[2]` in logs.
 */
export type Average = 'micro' | 'macro' | 'weighted' | 'none';

export interface CountOptions {
  /** Default 'micro'. */
  average?: Average;
  /**
   * An output above it says yes to its class, to any number of classes. null: only the largest output does. Default:
   * null where targets are class numbers, else 0.5 (0 with a loss from logits).
   */
  threshold?: number | null;
  /** Only the largest so many outputs may say yes. */
  topK?: number;
  /** Looks at this class alone. */
  classId?: number;
}

export interface FBetaOptions extends Omit<CountOptions, 'topK'> {
  /** How many times recall counts as much as precision. Default 1. */
  beta?: number;
}

interface Tally {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
}

type Score = (tally: Tally) => number;

const averages: readonly Average[] = ['micro', 'macro', 'weighted', 'none'];

const precisionOf: Score = ({ truePositives, falsePositives }) => ratio(truePositives, truePositives + falsePositives);
const recallOf: Score = ({ truePositives, falseNegatives }) => ratio(truePositives, truePositives + falseNegatives);

function countMetric(name: string, score: Score) {
  return (options: CountOptions = {}): MetricMaker =>
    makeCounts(name, options, { average: 'micro', threshold: undefined, topK: undefined }, score);
}

export const precision = countMetric('precision', precisionOf);
export const recall = countMetric('recall', recallOf);
export const specificity = countMetric('specificity', ({ trueNegatives, falsePositives }) =>
  ratio(trueNegatives, trueNegatives + falsePositives),
);
export const truePositives = countMetric('truePositives', (tally) => tally.truePositives);
export const falsePositives = countMetric('falsePositives', (tally) => tally.falsePositives);
export const trueNegatives = countMetric('trueNegatives', (tally) => tally.trueNegatives);
export const falseNegatives = countMetric('falseNegatives', (tally) => tally.falseNegatives);

export function fBetaScore(options: FBetaOptions = {}, name = 'fBetaScore'): MetricMaker {
  const defaults = { average: 'macro', threshold: null, beta: 1 };
  const beta = readerFor(name, options, { ...defaults, classId: undefined }).number('beta', { above: 0 });
  return makeCounts(name, options, defaults, (tally) => {
    const [p, r] = [precisionOf(tally), recallOf(tally)];
    return ratio((1 + beta ** 2) * p * r, beta ** 2 * p + r);
  });
}

export const f1Score = (options: Omit<FBetaOptions, 'beta'> = {}): MetricMaker => {
  readerFor('f1Score', options, { average: 'macro', threshold: null, classId: undefined });
  return fBetaScore(options, 'f1Score');
};

function makeCounts(name: string, options: object, defaults: Record<string, unknown>, score: Score): MetricMaker {
  const reader = readerFor(name, options, { ...defaults, classId: undefined });
  const average = reader.oneOf('average', averages);
  const given = (options as CountOptions).threshold === undefined ? defaults.threshold : reader.raw('threshold');
  const threshold = given === undefined || given === null ? given : reader.number('threshold');
  const topK = reader.has('topK') ? reader.integer('topK', { min: 1 }) : undefined;
  return (context) => {
    const layout = labelLayout(name, context);
    const last = layout.classes - 1;
    const classId = reader.has('classId') ? reader.integer('classId', { min: 0, max: last }) : undefined;
    const says = decider(layout, context, threshold, topK);
    const kept = Array.from({ length: layout.classes }, (_, c) => c).filter((c) => (classId ?? c) === c);
    return new CountMetric(name, layout, kept, says, score, average);
  };
}

/** Whether the output says yes to a class at a position. */
type Decider = (output: NumericArray, start: number, c: number) => boolean;

function decider(
  { classes, inner, sparse }: ClassLayout,
  context: MetricContext,
  given: number | null | undefined,
  topK: number | undefined,
): Decider {
  const among = (output: NumericArray, start: number, c: number, k: number) =>
    ranked(output, start, classes, inner, c) < k;
  if (topK !== undefined) {
    return (output, start, c) =>
      among(output, start, c, topK) && (typeof given !== 'number' || output[start + c * inner] > given);
  }
  const threshold = given === undefined && sparse ? null : given;
  if (threshold === null && classes > 1) return (output, start, c) => among(output, start, c, 1);
  const limit = threshold ?? defaultThreshold(context);
  return (output, start, c) => output[start + c * inner] > limit;
}

class CountMetric implements Metric {
  /** Per class: true positives, false positives, false negatives, true negatives. */
  private readonly counts: Float64Array;

  constructor(
    readonly name: string,
    private readonly layout: ClassLayout,
    private readonly kept: readonly number[],
    private readonly says: Decider,
    private readonly score: Score,
    private readonly average: Average,
  ) {
    this.counts = new Float64Array(4 * layout.classes);
    if (average === 'none') this.results = () => this.perClass();
  }

  results?: () => Record<string, number>;

  reset(): void {
    this.counts.fill(0);
  }

  update(target: NumericArray, output: NumericArray, samples: number, weights?: NumericArray): void {
    const { layout, kept, counts } = this;
    forPositions(samples * positionsOf(layout), weights, (position, weight) => {
      const start = startOf(layout, position);
      if (layout.sparse && target[position] === layout.ignoreIndex) return;
      for (const c of kept) {
        const truth = layout.sparse ? target[position] === c : target[start + c * layout.inner] > 0.5;
        const said = this.says(output, start, c);
        counts[4 * c + (truth ? (said ? 0 : 2) : said ? 1 : 3)] += weight;
      }
    });
  }

  result(): number {
    const { kept, average } = this;
    if (this.counts.every((count) => count === 0)) return Number.NaN;
    if (average === 'micro') return this.score(tallyOf(kept.map((c) => this.countsOf(c))));
    const scores = kept.map((c) => this.score(tallyOf([this.countsOf(c)])));
    if (average !== 'weighted') return scores.reduce((a, b) => a + b, 0) / scores.length;
    const support = kept.map((c) => this.countsOf(c)[0] + this.countsOf(c)[2]);
    const total = support.reduce((a, b) => a + b, 0);
    return ratio(
      scores.reduce((sum, score, i) => sum + score * support[i], 0),
      total,
    );
  }

  private perClass(): Record<string, number> {
    return Object.fromEntries(this.kept.map((c) => [`${this.name}[${c}]`, this.score(tallyOf([this.countsOf(c)]))]));
  }

  private countsOf(c: number): Float64Array {
    return this.counts.subarray(4 * c, 4 * c + 4);
  }
}

function tallyOf(list: readonly Float64Array[]): Tally {
  const sum = (i: number) => list.reduce((total, counts) => total + counts[i], 0);
  return { truePositives: sum(0), falsePositives: sum(1), falseNegatives: sum(2), trueNegatives: sum(3) };
}
