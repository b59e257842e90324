// Metrics: streaming means over the samples of an epoch, computed in JavaScript from arrays of targets and outputs.

import type { NumericArray, TensorSpec } from '../core/dtype.js';
import { OcellusError } from '../core/errors.js';
import { shapeText, sizeOf } from '../core/shape.js';
import type { Loss } from './losses.js';
import { completeOptions, lookUp, OptionReader, splitName } from './options.js';

/** Watches training without steering it. */
export interface Metric {
  readonly name: string;
  reset(): void;
  /** Takes in the first `samples` samples of a batch. */
  update(target: NumericArray, output: NumericArray, samples: number): void;
  /** The mean over all samples since the last reset; NaN when there were none. */
  result(): number;
}

/** What a metric is made for. */
export interface MetricContext {
  readonly loss: Loss;
  /** Of a batch, the batch axis included. */
  readonly output: TensorSpec;
}

/** Mean over the samples [0, samples) of a batch. */
export type MetricFunction = (target: NumericArray, output: NumericArray, samples: number) => number;

export type MetricName = keyof typeof metrics | keyof typeof aliases;
/** A name, a name with options, a metric of one's own, or a function that gives the mean of a batch. */
export type MetricOption =
  | MetricName
  | { readonly name: MetricName; readonly [option: string]: unknown }
  | Metric
  | MetricFunction;

/** Makes a metric for a network's output. */
export type MetricMaker = (context: MetricContext) => Metric;

/** Adds up what is right in a batch, or an error; `add` returns the sum over its samples of the mean of each. */
type Add = (target: NumericArray, output: NumericArray, samples: number) => number;

/** All metrics by name; each call gives a maker that is told the network's output later. */
export const metrics = {
  /** Share of right answers: binary, categorical or sparse, as loss and output ask for. */
  accuracy: optionless('accuracy', (context) => {
    const { shape } = context.output;
    const single = shape.length < 2 || shape[shape.length - 1] === 1;
    if (single || context.loss.name === 'binaryCrossentropy') return binaryMetric('accuracy', context, null);
    return topMetric('accuracy', context, 1, isSparse(context));
  }),

  /** Share of outputs on the right side of `threshold` (0.5; with a loss from logits 0). */
  binaryAccuracy(options: { threshold?: number } = {}): MetricMaker {
    const reader = readerFor('binaryAccuracy', options, { threshold: undefined });
    const threshold = reader.has('threshold') ? reader.number('threshold') : null;
    return (context) => binaryMetric('binaryAccuracy', context, threshold);
  },

  /** Share of samples whose largest output stands where the target's largest stands. */
  categoricalAccuracy: optionless('categoricalAccuracy', (context) =>
    topMetric('categoricalAccuracy', context, 1, false),
  ),

  /** Share of samples whose largest output stands at the class that the target names. */
  sparseCategoricalAccuracy: optionless('sparseCategoricalAccuracy', (context) =>
    topMetric('sparseCategoricalAccuracy', context, 1, true),
  ),

  /** Share of samples whose true class is among the `k` (5) largest outputs. Targets as the loss takes them. */
  topKAccuracy(options: { k?: number } = {}): MetricMaker {
    const k = readerFor('topKAccuracy', options, { k: 5 }).integer('k', { min: 1 });
    return (context) => topMetric('topKAccuracy', context, k, isSparse(context));
  },

  /** Mean of (target - output)². */
  meanSquaredError: optionless('meanSquaredError', (context) => errorMetric('meanSquaredError', context, (d) => d * d)),

  /** Mean of |target - output|. */
  meanAbsoluteError: optionless('meanAbsoluteError', (context) => errorMetric('meanAbsoluteError', context, Math.abs)),
};

const aliases = {
  acc: 'accuracy',
  mse: 'meanSquaredError',
  mae: 'meanAbsoluteError',
  topKCategoricalAccuracy: 'topKAccuracy',
  sparseTopKCategoricalAccuracy: 'topKAccuracy',
} as const;

/** Turns an entry of `compile({ metrics })` into a metric for this loss and output. */
export function resolveMetric(option: unknown, context: MetricContext): Metric {
  if (typeof option === 'function') return metricFromFunction(option as MetricFunction | MetricMaker, context);
  const known = option as Metric | null | undefined;
  if (typeof known?.update === 'function' && typeof known.result === 'function') return known;
  const { name, rest } = splitName('metric', option);
  const make = lookUp<(options?: object) => MetricMaker>('metric', name, metrics, aliases);
  return make(rest)(context);
}

/** A maker takes one argument, a function over arrays two or three. */
function metricFromFunction(option: MetricFunction | MetricMaker, context: MetricContext): Metric {
  if (option.length === 1) return (option as MetricMaker)(context);
  const mean = option as MetricFunction;
  return streaming(option.name || 'metric', (target, output, samples) => samples * mean(target, output, samples));
}

function streaming(name: string, add: Add): Metric {
  let sum = 0;
  let count = 0;
  return {
    name,
    reset() {
      sum = 0;
      count = 0;
    },
    update(target, output, samples) {
      if (samples === 0) return;
      sum += add(target, output, samples);
      count += samples;
    },
    result: () => sum / count,
  };
}

/** A metric without options; giving it some is an error. */
function optionless(name: string, maker: MetricMaker): (options?: object) => MetricMaker {
  return (options = {}) => {
    readerFor(name, options, {});
    return maker;
  };
}

function readerFor(name: string, options: object, defaults: Record<string, unknown>): OptionReader {
  const where = `metric '${name}'`;
  return new OptionReader(where, completeOptions(where, options, defaults));
}

const sampleShape = (context: MetricContext): readonly number[] => context.output.shape.slice(1);

const isSparse = ({ loss, output }: MetricContext): boolean => loss.targetSpec(output).dtype === 'int32';

function binaryMetric(name: string, context: MetricContext, given: number | null): Metric {
  const threshold = given ?? (context.loss.config.fromLogits === true ? 0 : 0.5);
  const length = sizeOf(sampleShape(context));
  return streaming(name, (target, output, samples) => {
    let right = 0;
    for (let i = 0; i < samples * length; i++) {
      if (!Number.isNaN(output[i]) && output[i] > threshold === target[i] > 0.5) right++;
    }
    return right / length;
  });
}

function errorMetric(name: string, context: MetricContext, error: (difference: number) => number): Metric {
  const length = sizeOf(sampleShape(context));
  return streaming(name, (target, output, samples) => {
    let sum = 0;
    for (let i = 0; i < samples * length; i++) sum += error(target[i] - output[i]);
    return sum / length;
  });
}

/** Counts a position as right when fewer than `k` classes have a larger output than the true one. */
function topMetric(name: string, context: MetricContext, k: number, sparse: boolean): Metric {
  const { classes, inner, outer } = classLayout(name, context);
  return streaming(name, (target, output, samples) => {
    let right = 0;
    for (let position = 0; position < samples * outer * inner; position++) {
      const start = Math.floor(position / inner) * classes * inner + (position % inner);
      const truth = sparse ? target[position] : largest(target, start, classes, inner);
      if (ranked(output, start, classes, inner, truth) < k) right++;
    }
    return right / (outer * inner);
  });
}

/** Classes lie `inner` elements apart, in `outer` groups per sample. */
function classLayout(name: string, context: MetricContext): { classes: number; inner: number; outer: number } {
  const { shape } = context.output;
  const given = context.loss.config.axis;
  const axis =
    typeof given === 'number' && given >= 0 ? given : shape.length + (typeof given === 'number' ? given : -1);
  if (shape.length < 2 || axis < 1 || axis >= shape.length) {
    const expected = `an output [batch, …] with a class axis ${typeof given === 'number' ? given : -1}`;
    throw new OcellusError('ERR_OCELLUS_SHAPE', { where: `metric '${name}'`, expected, got: shapeText(shape) });
  }
  return { classes: shape[axis], inner: sizeOf(shape.slice(axis + 1)), outer: sizeOf(shape.slice(1, axis)) };
}

function largest(values: NumericArray, start: number, classes: number, stride: number): number {
  let best = 0;
  for (let c = 1; c < classes; c++) if (values[start + c * stride] > values[start + best * stride]) best = c;
  return best;
}

/** How many classes stand before class `truth` (ties: lower numbers first); Infinity for NaN or no such class. */
function ranked(values: NumericArray, start: number, classes: number, stride: number, truth: number): number {
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
