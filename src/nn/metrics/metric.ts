// What all metrics share: the interface, the walk over the positions of a batch with their weights, options.

import type { NumericArray, TensorSpec } from '../../core/dtype.js';
import { OcellusError } from '../../core/errors.js';
import { shapeText, sizeOf } from '../../core/shape.js';
import type { Loss } from '../losses.js';
import { completeOptions, OptionReader } from '../options.js';

/** Watches training without steering it. */
export interface Metric {
  readonly name: string;
  reset(): void;
  /**
   * Takes in the first `samples` samples of a batch. `weights`: one per sample, or one per position in the order of the
   * targets; default 1.
   */
  update(target: NumericArray, output: NumericArray, samples: number, weights?: NumericArray): void;
  /** The value over all samples since the last reset; NaN when there were none. */
  result(): number;
  /** Takes the place of `result` in logs, where a metric has several values: per class, say. */
  results?(): Record<string, number>;
}

/** What a metric is made for. */
export interface MetricContext {
  readonly loss: Loss;
  /** Of a batch, the batch axis included. */
  readonly output: TensorSpec;
}

/** Makes a metric for a network's output. */
export interface MetricMaker {
  (context: MetricContext): Metric;
  /** Name and options as JSON, of those in `metrics`. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The value at a position; undefined where it does not count. */
export type PositionValue = (target: NumericArray, output: NumericArray, position: number) => number | undefined;

/** The weighted mean of a value over positions, `positions` of them per sample. */
export function positionMean(
  name: string,
  positions: number,
  value: PositionValue,
  finish: (mean: number) => number = (mean) => mean,
): Metric {
  let sum = 0;
  let total = 0;
  return {
    name,
    reset() {
      sum = 0;
      total = 0;
    },
    update(target, output, samples, weights) {
      forPositions(samples * positions, weights, (position, weight) => {
        const here = value(target, output, position);
        if (here === undefined) return;
        sum += weight * here;
        total += weight;
      });
    },
    result: () => finish(sum / total),
  };
}

/** Calls `visit` for each of `count` positions with its weight; fewer weights stand for runs of positions. */
export function forPositions(
  count: number,
  weights: NumericArray | undefined,
  visit: (position: number, weight: number) => void,
): void {
  const run = weights ? count / weights.length : 1;
  for (let position = 0; position < count; position++) {
    visit(position, weights ? weights[Math.floor(position / run)] : 1);
  }
}

/** How classes lie: `inner` elements apart, in `outer` groups per sample. A single output is one class: yes or no. */
export interface ClassLayout {
  readonly classes: number;
  readonly inner: number;
  readonly outer: number;
  /** Targets are class numbers. */
  readonly sparse: boolean;
  /** The class number that does not count. */
  readonly ignoreIndex: number | undefined;
}

export function classLayout(name: string, context: MetricContext): ClassLayout {
  const { shape } = context.output;
  const { axis: given, ignoreIndex: ignored } = context.loss.config;
  const sparse = isSparse(context);
  const ignoreIndex = sparse && typeof ignored === 'number' ? ignored : undefined;
  const axis =
    typeof given === 'number' && given >= 0 ? given : shape.length + (typeof given === 'number' ? given : -1);
  if (shape.length < 2 || axis < 1 || axis >= shape.length) {
    const expected = `an output [batch, …] with a class axis ${typeof given === 'number' ? given : -1}`;
    throw new OcellusError('ERR_OCELLUS_SHAPE', { where: `metric '${name}'`, expected, got: shapeText(shape) });
  }
  const outer = sizeOf(shape.slice(1, axis));
  return { classes: shape[axis], inner: sizeOf(shape.slice(axis + 1)), outer, sparse, ignoreIndex };
}

/** As `classLayout`, for metrics that also take outputs without an axis of classes: [batch]. */
export function labelLayout(name: string, context: MetricContext): ClassLayout {
  if (context.output.shape.length >= 2) return classLayout(name, context);
  return { classes: 1, inner: 1, outer: 1, sparse: false, ignoreIndex: undefined };
}

export const positionsOf = ({ inner, outer }: ClassLayout): number => inner * outer;

/** Where class 0 of a position stands. */
export const startOf = ({ classes, inner }: ClassLayout, position: number): number =>
  Math.floor(position / inner) * classes * inner + (position % inner);

export const sampleShape = (context: MetricContext): readonly number[] => context.output.shape.slice(1);

export const isSparse = ({ loss, output }: MetricContext): boolean => loss.targetSpec(output).dtype === 'int32';

export const fromLogits = ({ loss }: MetricContext): boolean => loss.config.fromLogits === true;

/** The output from which on the answer is yes. */
export const defaultThreshold = (context: MetricContext): number => (fromLogits(context) ? 0 : 0.5);

export function largest(values: NumericArray, start: number, classes: number, stride: number): number {
  let best = 0;
  for (let c = 1; c < classes; c++) if (values[start + c * stride] > values[start + best * stride]) best = c;
  return best;
}

/** How many classes stand before class `truth` (ties: lower numbers first); Infinity for NaN or no such class. */
export function ranked(values: NumericArray, start: number, classes: number, stride: number, truth: number): number {
  const value = values[start + truth * stride];
  if (!(truth >= 0 && truth < classes) || Number.isNaN(value)) return Number.POSITIVE_INFINITY;
  let before = 0;
  for (let c = 0; c < classes; c++) {
    const other = values[start + c * stride];
    if (Number.isNaN(other)) return Number.POSITIVE_INFINITY;
    if (other > value || (other === value && c < truth)) before++;
  }
  return before;
}

/** The true class of a position. */
export function truthOf(target: NumericArray, layout: ClassLayout, position: number): number {
  const { classes, inner, sparse } = layout;
  return sparse ? target[position] : largest(target, startOf(layout, position), classes, inner);
}

export function readerFor(name: string, options: object, defaults: Record<string, unknown>): OptionReader {
  const where = `metric '${name}'`;
  return new OptionReader(where, completeOptions(where, options, defaults));
}

/** A metric without options; giving it some is an error. */
export function optionless(name: string, maker: MetricMaker): (options?: object) => MetricMaker {
  return (options = {}) => {
    readerFor(name, options, {});
    return maker;
  };
}

/** a / b, and 0 where there is nothing to divide by. */
export const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
