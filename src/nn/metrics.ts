// The table of metrics: streaming values over the samples of an epoch, from the targets and outputs of steps that were
// run anyway.

import type { NumericArray } from '../core/dtype.js';
import { type LossName, lossAliases, losses } from './losses.js';
import {
  accuracy,
  binaryAccuracy,
  categoricalAccuracy,
  sparseCategoricalAccuracy,
  topKAccuracy,
} from './metrics/accuracy.js';
import {
  classificationReport,
  cohenKappa,
  confusionMatrix,
  matthewsCorrelation,
  meanIoU,
} from './metrics/confusion.js';
import {
  f1Score,
  falseNegatives,
  falsePositives,
  fBetaScore,
  precision,
  recall,
  specificity,
  trueNegatives,
  truePositives,
} from './metrics/counts.js';
import { auc } from './metrics/curve.js';
import type { Metric, MetricContext, MetricMaker } from './metrics/metric.js';
import {
  lossMetric,
  meanAbsoluteError,
  meanSquaredError,
  r2Score,
  rootMeanSquaredError,
} from './metrics/regression.js';
import { lookUp, type Named, optionError, splitName } from './options.js';

export type { ConfusionMetric, ConfusionOptions, IouOptions, KappaOptions } from './metrics/confusion.js';
export type { Average, CountOptions, FBetaOptions } from './metrics/counts.js';
export type { AucOptions } from './metrics/curve.js';
export type { Metric, MetricContext, MetricMaker } from './metrics/metric.js';
export type { R2Options } from './metrics/regression.js';

/**
 * Mean over the samples [0, samples) of a batch. Among `weightedMetrics` it takes a fourth argument and gives the weighted
 * mean: weights are one per sample, or one per position in the order of the targets; undefined where all count the same.
 */
export type MetricFunction = (
  target: NumericArray,
  output: NumericArray,
  samples: number,
  weights: NumericArray | undefined,
) => number;

export type MetricName = keyof typeof metrics | keyof typeof aliases | LossName;
type MetricTable = typeof metrics & Omit<typeof losses, keyof typeof metrics>;

/** A name, a name with options, a metric of one's own, or a function that gives the mean of a batch. */
export type MetricOption =
  | MetricName
  | Named<MetricTable, typeof aliases & typeof lossAliases>
  | Metric
  | MetricFunction
  | MetricMaker;

/**
 * All metrics by name; each call gives a maker that is told the network's output later. Targets are those of the loss:
 * class numbers, one-hot, or one value per output. Every loss is a metric, too, under its own name.
 */
export const metrics = configured({
  /**
   * Share of right answers: binary, categorical or sparse, as loss and output ask for.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
   */
  accuracy,

  /**
   * Share of outputs on the right side of `threshold` (0.5; with a loss from logits 0).
   *
   * @example model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: [metrics.binaryAccuracy({ threshold: 0.3 })] })
   */
  binaryAccuracy,

  /**
   * Share of samples whose largest output stands where the target's largest stands.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['categoricalAccuracy'] })
   */
  categoricalAccuracy,

  /**
   * Share of samples whose largest output stands at the class that the target names.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['sparseCategoricalAccuracy'] })
   */
  sparseCategoricalAccuracy,

  /**
   * Share of samples whose true class is among the `k` (5) largest outputs. Targets as the loss takes them.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: [metrics.topKAccuracy({ k: 3 })] })
   */
  topKAccuracy,

  /**
   * Share of what the network says yes to that is so.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: [metrics.precision({ average: 'macro' })] })
   */
  precision,

  /**
   * Share of what is so that the network says yes to; also called sensitivity.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: [metrics.recall({ average: 'macro' })] })
   */
  recall,

  /**
   * Share of what is not so that the network says no to.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: [metrics.specificity({ average: 'macro' })] })
   */
  specificity,

  /**
   * How often the network rightly says yes.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['truePositives'] })
   */
  truePositives,

  /**
   * How often the network wrongly says yes.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['falsePositives'] })
   */
  falsePositives,

  /**
   * How often the network rightly says no.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['trueNegatives'] })
   */
  trueNegatives,

  /**
   * How often the network wrongly says no.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['falseNegatives'] })
   */
  falseNegatives,

  /**
   * Weighted harmonic mean of precision and recall; default 'macro', from the largest outputs.
   *
   * @example
   * model.compile({
   *   optimizer: 'adam',
   *   loss: 'sparseCategoricalCrossentropy',
   *   metrics: [metrics.fBetaScore({ beta: 2, average: 'weighted' })],
   * });
   */
  fBetaScore,

  /**
   * fBetaScore with beta 1.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: [metrics.f1Score({ average: 'weighted' })] })
   */
  f1Score,

  /**
   * Area under the ROC curve, or with `curve: 'pr'` under precision over recall, from 200 thresholds. Of class numbers
   * and one-hot targets every class counts as a yes or no of its own.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: [metrics.auc({ curve: 'pr' })] })
   */
  auc,

  /**
   * How often each class is taken for each; in logs as `confusionMatrix[true][predicted]`.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: [metrics.confusionMatrix({ normalize: 'true' })] })
   */
  confusionMatrix,

  /**
   * Precision, recall, F1 and support of every class, macro and weighted: `recall[3]`, `f1Score[macro]`.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['classificationReport'] })
   */
  classificationReport,

  /**
   * Mean over the classes of intersection over union; of classes that neither occur nor are predicted, none.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['meanIoU'] })
   */
  meanIoU,

  /**
   * Agreement beyond chance; for ordered classes with linear or quadratic weights.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: [metrics.cohenKappa({ weights: 'quadratic' })] })
   */
  cohenKappa,

  /**
   * Correlation of true and predicted classes, from -1 to 1.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['matthewsCorrelation'] })
   */
  matthewsCorrelation,

  /**
   * Share of the target's variance that the output explains.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'meanSquaredError', metrics: ['r2Score'] })
   */
  r2Score,

  /**
   * Square root of the mean of (target - output)².
   *
   * @example model.compile({ optimizer: 'adam', loss: 'meanSquaredError', metrics: ['rootMeanSquaredError'] })
   */
  rootMeanSquaredError,

  /**
   * Mean of (target - output)².
   *
   * @example model.compile({ optimizer: 'adam', loss: 'meanSquaredError', metrics: ['meanSquaredError'] })
   */
  meanSquaredError,

  /**
   * Mean of |target - output|.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'meanSquaredError', metrics: ['meanAbsoluteError'] })
   */
  meanAbsoluteError,

  /**
   * The cosine of the angle between target and output: 1 where they point the same way.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'meanSquaredError', metrics: ['cosineSimilarity'] })
   */
  cosineSimilarity: lossMetric('cosineSimilarity', -1),
});

/** The same makers, which also tell their name and options. */
function configured<T extends Readonly<Record<string, (options?: never) => MetricMaker>>>(table: T): T {
  const entries = Object.entries(table).map(([name, make]) => {
    const configuredMake = (options?: object): MetricMaker => {
      const maker = make(options as never);
      return Object.assign((context: MetricContext) => maker(context), { config: { name, ...options } });
    };
    return [name, configuredMake];
  });
  return Object.fromEntries(entries) as T;
}

/** Losses that are not in `metrics` anyway. */
const lossMetrics = Object.fromEntries(Object.keys(losses).map((name) => [name, lossMetric(name)]));

const aliases = {
  acc: 'accuracy',
  topKCategoricalAccuracy: 'topKAccuracy',
  sparseTopKCategoricalAccuracy: 'topKAccuracy',
  topK: 'topKAccuracy',
  sensitivity: 'recall',
  f1: 'f1Score',
  fbeta: 'fBetaScore',
  fbetaScore: 'fBetaScore',
  meanIou: 'meanIoU',
  oneHotMeanIoU: 'meanIoU',
  iou: 'meanIoU',
  kappa: 'cohenKappa',
  mcc: 'matthewsCorrelation',
  matthews: 'matthewsCorrelation',
  matthewsCorrelationCoefficient: 'matthewsCorrelation',
  r2: 'r2Score',
  rmse: 'rootMeanSquaredError',
  logCoshError: 'logCosh',
} as const;

/** Turns an entry of `compile({ metrics })`, or of its `weightedMetrics`, into a metric for this loss and output. */
export function resolveMetric(option: unknown, context: MetricContext, weighted = false): Metric {
  if (typeof option === 'function')
    return metricFromFunction(option as MetricFunction | MetricMaker, context, weighted);
  const known = option as Metric | null | undefined;
  if (typeof known?.update === 'function' && typeof known.result === 'function') return known;
  const { name, rest } = splitName('metric', option);
  const table = { ...lossMetrics, ...metrics } as Record<string, (options?: object) => MetricMaker>;
  return lookUp('metric', name, table, { ...lossAliases, ...aliases })(rest)(context);
}

/** A maker takes one argument, a function over arrays two to four. */
function metricFromFunction(option: MetricFunction | MetricMaker, context: MetricContext, weighted: boolean): Metric {
  if (option.length === 1) return (option as MetricMaker)(context);
  if (weighted && option.length < 4) {
    const where = `metric '${option.name || 'metric'}'`;
    throw optionError(where, 'a function (target, output, samples, weights)', `one of ${option.length} arguments`);
  }
  const mean = option as MetricFunction;
  let [sum, count] = [0, 0];
  return {
    name: option.name || 'metric',
    reset() {
      [sum, count] = [0, 0];
    },
    update(target, output, samples, weights) {
      if (samples === 0) return;
      const total = weights ? sumOf(weights) : samples;
      if (total > 0) sum += total * mean(target, output, samples, weights);
      count += total;
    },
    result: () => sum / count,
  };
}

function sumOf(values: NumericArray): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
