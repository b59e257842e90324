// Metrics of the confusion matrix: true classes in rows, predicted ones in columns.

import type { NumericArray } from '../../core/dtype.js';
import { optionError } from '../options.js';
import {
  type ClassLayout,
  defaultThreshold,
  forPositions,
  labelLayout,
  largest,
  type Metric,
  type MetricContext,
  type MetricMaker,
  optionless,
  positionsOf,
  ratio,
  readerFor,
  startOf,
  truthOf,
} from './metric.js';

export interface ConfusionOptions {
  /** Shares instead of counts: of each true class, of each predicted class, or of all. Default null: counts. */
  normalize?: 'true' | 'pred' | 'all' | null;
  /** What classes are called in logs. Default: their numbers. */
  classNames?: readonly string[];
}

/** A metric with the whole matrix in hand. */
export interface ConfusionMetric extends Metric {
  /** Rows are true classes, columns predicted ones. */
  matrix(): number[][];
}

/** Counts into a matrix; `value` makes one number of it. */
class Confusion implements ConfusionMetric {
  readonly size: number;
  private readonly cells: Float64Array;
  private readonly threshold: number;

  constructor(
    readonly name: string,
    private readonly layout: ClassLayout,
    context: MetricContext,
    private readonly value: (matrix: readonly (readonly number[])[]) => number,
    readonly results?: () => Record<string, number>,
  ) {
    this.size = Math.max(2, layout.classes);
    this.cells = new Float64Array(this.size * this.size);
    this.threshold = defaultThreshold(context);
  }

  reset(): void {
    this.cells.fill(0);
  }

  update(target: NumericArray, output: NumericArray, samples: number, weights?: NumericArray): void {
    const { layout, size, cells } = this;
    const { classes, inner } = layout;
    forPositions(samples * positionsOf(layout), weights, (position, weight) => {
      const start = startOf(layout, position);
      const yes = classes === 1;
      const truth = yes ? Number(target[position] > 0.5) : truthOf(target, layout, position);
      if (truth === layout.ignoreIndex || !(truth >= 0 && truth < size)) return;
      const said = yes ? Number(output[start] > this.threshold) : largest(output, start, classes, inner);
      cells[truth * size + said] += weight;
    });
  }

  matrix(): number[][] {
    const { size, cells } = this;
    return Array.from({ length: size }, (_, row) => [...cells.subarray(row * size, (row + 1) * size)]);
  }

  result(): number {
    return this.cells.every((n) => n === 0) ? Number.NaN : this.value(this.matrix());
  }
}

type Matrix = readonly (readonly number[])[];

const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
const rowSums = (matrix: Matrix): number[] => matrix.map(total);
const columnSums = (matrix: Matrix): number[] => matrix.map((_, c) => total(matrix.map((row) => row[c])));
const diagonal = (matrix: Matrix): number[] => matrix.map((row, c) => row[c]);
const accuracyOf = (matrix: Matrix): number => ratio(total(diagonal(matrix)), total(rowSums(matrix)));

export function confusionMatrix(options: ConfusionOptions = {}): MetricMaker {
  const name = 'confusionMatrix';
  const reader = readerFor(name, options, { normalize: null, classNames: undefined });
  const normalize = reader.has('normalize') ? reader.oneOf('normalize', ['true', 'pred', 'all'] as const) : null;
  return (context): ConfusionMetric => {
    const layout = labelLayout(name, context);
    const names = namesOf(name, layout, options.classNames);
    const counted = new Confusion(name, layout, context, accuracyOf);
    const matrix = () => normalized(counted.matrix(), normalize);
    const results = () =>
      Object.fromEntries(
        matrix().flatMap((row, i) => row.map((n, j) => [`${name}[${names[i]}][${names[j]}]`, n] as const)),
      );
    return {
      name,
      reset: () => counted.reset(),
      update: (...batch) => counted.update(...batch),
      result: () => counted.result(),
      results,
      matrix,
    };
  };
}

function normalized(matrix: number[][], by: 'true' | 'pred' | 'all' | null): number[][] {
  const [rows, columns] = [rowSums(matrix), columnSums(matrix)];
  const divisor = { true: (i: number) => rows[i], pred: (_: number, j: number) => columns[j], all: () => total(rows) };
  return by === null ? matrix : matrix.map((row, i) => row.map((n, j) => ratio(n, divisor[by](i, j))));
}

/** Precision, recall, F1 and support of every class, their means, and the accuracy. */
export function classificationReport(options: Pick<ConfusionOptions, 'classNames'> = {}): MetricMaker {
  const name = 'classificationReport';
  readerFor(name, options, { classNames: undefined });
  return (context) => {
    const layout = labelLayout(name, context);
    const names = namesOf(name, layout, options.classNames);
    const metric: Confusion = new Confusion(name, layout, context, accuracyOf, () => reportOf(metric.matrix(), names));
    return metric;
  };
}

function reportOf(matrix: Matrix, names: readonly string[]): Record<string, number> {
  const [right, support, said] = [diagonal(matrix), rowSums(matrix), columnSums(matrix)];
  const columns = {
    precision: right.map((n, c) => ratio(n, said[c])),
    recall: right.map((n, c) => ratio(n, support[c])),
    f1Score: right.map((n, c) => ratio(2 * n, said[c] + support[c])),
  };
  const report: Record<string, number> = {};
  for (const [column, values] of Object.entries(columns)) {
    for (const [c, value] of values.entries()) report[`${column}[${names[c]}]`] = value;
    report[`${column}[macro]`] = total(values) / values.length;
    report[`${column}[weighted]`] = ratio(total(values.map((value, c) => value * support[c])), total(support));
  }
  for (const [c, value] of support.entries()) report[`support[${names[c]}]`] = value;
  return report;
}

function namesOf(metric: string, { classes }: ClassLayout, given: readonly string[] | undefined): readonly string[] {
  const size = Math.max(2, classes);
  if (given === undefined) return Array.from({ length: size }, (_, c) => String(c));
  if (Array.isArray(given) && given.length === size) return given;
  throw optionError(`metric '${metric}', option 'classNames'`, `${size} names, one per class`, given);
}

/** Intersection over union of each class: what is right, divided by what is true or predicted. */
const overlaps = (matrix: Matrix): { iou: number; present: boolean }[] => {
  const [rows, columns] = [rowSums(matrix), columnSums(matrix)];
  return diagonal(matrix).map((both, c) => {
    const union = rows[c] + columns[c] - both;
    return { iou: ratio(both, union), present: union > 0 };
  });
};

export interface IouOptions {
  /** The classes to average over. Default: all. */
  targetClassIds?: readonly number[];
}

export function meanIoU(options: IouOptions = {}): MetricMaker {
  const name = 'meanIoU';
  const reader = readerFor(name, options, { targetClassIds: undefined });
  const ids = reader.has('targetClassIds') ? reader.integers('targetClassIds', { min: 0 }) : undefined;
  return (context) =>
    new Confusion(name, labelLayout(name, context), context, (matrix) => {
      const kept = overlaps(matrix).filter((one, c) => one.present && (ids?.includes(c) ?? true));
      return ratio(total(kept.map(({ iou }) => iou)), kept.length);
    });
}

export interface KappaOptions {
  /** How much a confusion costs by the distance of the classes. Default null: any confusion the same. */
  weights?: 'linear' | 'quadratic' | null;
}

/** Agreement beyond what chance gives (Cohen 1960). */
export function cohenKappa(options: KappaOptions = {}): MetricMaker {
  const name = 'cohenKappa';
  const reader = readerFor(name, options, { weights: null });
  const weights = reader.has('weights') ? reader.oneOf('weights', ['linear', 'quadratic'] as const) : null;
  const cost = (i: number, j: number): number => {
    if (weights === null) return i === j ? 0 : 1;
    return weights === 'linear' ? Math.abs(i - j) : (i - j) ** 2;
  };
  return (context) =>
    new Confusion(name, labelLayout(name, context), context, (matrix) => {
      const [rows, columns] = [rowSums(matrix), columnSums(matrix)];
      const sum = (value: (i: number, j: number) => number) =>
        total(matrix.map((row, i) => total(row.map((_, j) => cost(i, j) * value(i, j)))));
      const chance = sum((i, j) => (rows[i] * columns[j]) / total(rows));
      return chance === 0 ? 1 : 1 - sum((i, j) => matrix[i][j]) / chance;
    });
}

/** The correlation of true and predicted classes; for more than two by Gorodkin (2004). 0 where it is not defined. */
export const matthewsCorrelation = optionless('matthewsCorrelation', (context) => {
  const name = 'matthewsCorrelation';
  return new Confusion(name, labelLayout(name, context), context, (matrix) => {
    const [rows, columns] = [rowSums(matrix), columnSums(matrix)];
    const [all, right] = [total(rows), total(diagonal(matrix))];
    const product = (a: readonly number[], b: readonly number[]) => total(a.map((n, c) => n * b[c]));
    const spread = Math.sqrt((all ** 2 - product(columns, columns)) * (all ** 2 - product(rows, rows)));
    return ratio(right * all - product(rows, columns), spread);
  });
});
