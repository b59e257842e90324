// The table of losses: from target and output to the one number that is trained on, in ops.

import type { Emitter, Value } from '../ops/op.js';
import { Expression, valueFrom } from './expression.js';
import {
  binaryCrossentropy,
  binaryFocalCrossentropy,
  categoricalCrossentropy,
  categoricalFocalCrossentropy,
  negativeLogLikelihood,
  sparseCategoricalCrossentropy,
} from './losses/crossentropy.js';
import { type Loss, perSample, sameAsOutput } from './losses/loss.js';
import { categoricalHinge, dice, hinge, squaredHinge, tversky } from './losses/margin.js';
import {
  cosineSimilarity,
  huber,
  kullbackLeiblerDivergence,
  logCosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
  poisson,
} from './losses/regression.js';
import { lookUp, type Named, optionError, splitName } from './options.js';

export type {
  BinaryCrossentropyOptions,
  BinaryFocalOptions,
  CategoricalFocalOptions,
  CrossentropyOptions,
  FromLogits,
  NegativeLogLikelihoodOptions,
  SparseCrossentropyOptions,
} from './losses/crossentropy.js';
export { batchLoss, isBuiltin, type Loss, type Reduction } from './losses/loss.js';
export type { DiceOptions, TverskyOptions } from './losses/margin.js';
export type { CosineSimilarityOptions, HuberOptions } from './losses/regression.js';

/** Names that `compile({ loss })` takes. */
export type LossName = keyof typeof losses | keyof typeof lossAliases;

/** A name, a name with options, a loss from `losses`, or a function of targets and outputs. */
export type LossOption = LossName | Named<typeof losses, typeof lossAliases> | Loss | LossFunction | LossExpression;

/**
 * Emits a loss per sample ([N], or more axes, which are averaged). Targets have the output's shape. TypeScript wants the
 * types of its parameters written out.
 */
export interface LossFunction {
  (emitter: Emitter, target: Value, output: Value): Value;
  // With two signatures that do not combine, the compiler takes no parameter types from here: those of
  // `(yTrue, yPred) => …` come from LossExpression.
  <_>(emitter: Emitter, target: Value, output: Value): Value;
}

/** The same with arithmetic on targets and outputs: `(yTrue, yPred) => yPred.sub(yTrue).square()`. */
export type LossExpression = (yTrue: Expression, yPred: Expression) => Expression;

/**
 * All losses by name. Targets are shaped like the output, floats, unless it says otherwise. Every loss takes the option
 * `reduction`; what is said to be a mean over a sample is a mean over all its positions.
 */
export const losses = {
  /**
   * -sum(target * log(output)) over the classes. Targets: one-hot or probabilities.
   *
   * @example model.compile({ optimizer: 'adam', loss: losses.categoricalCrossentropy({ labelSmoothing: 0.1 }) })
   */
  categoricalCrossentropy,

  /**
   * -log(output[target]). Targets: int32 class numbers, shaped like the output without its class axis. Positions whose
   * target is `ignoreIndex` neither count nor train, as with Keras's `ignore_class`. `labelSmoothing` as in PyTorch.
   *
   * @example model.compile({ optimizer: 'adam', loss: losses.sparseCategoricalCrossentropy({ ignoreIndex: 255 }) })
   */
  sparseCategoricalCrossentropy,

  /**
   * -(target * log(output) + (1 - target) * log(1 - output)), mean over a sample. Targets: 0 … 1. `classWeight`: factors
   * of targets 0 and 1.
   *
   * @example model.compile({ optimizer: 'adam', loss: losses.binaryCrossentropy({ classWeight: [1, 4] }) })
   */
  binaryCrossentropy,

  /**
   * -output[target] of outputs that are logarithms of probabilities, as `logSoftmax` makes them. As PyTorch's nll_loss:
   * with weights, of classes or samples, their weighted mean.
   *
   * @example model.compile({ optimizer: 'adam', loss: losses.negativeLogLikelihood({ ignoreIndex: 255 }) })
   */
  negativeLogLikelihood,

  /**
   * Binary cross-entropy times (1 - pt)^gamma, where pt is the probability given to the target (Lin et al. 2017). Of
   * logits exact, where Keras clips probabilities at 1e-7: beyond ±16 its losses stay at 16.1 and its gradients at 0.
   *
   * @example model.compile({ optimizer: 'adam', loss: losses.binaryFocalCrossentropy({ gamma: 3 }) })
   */
  binaryFocalCrossentropy,

  /**
   * -sum(alpha * (1 - output)^gamma * target * log(output)) over the classes. Of logits exact, where Keras clips
   * probabilities at 1e-7.
   *
   * @example model.compile({ optimizer: 'adam', loss: losses.categoricalFocalCrossentropy({ alpha: 0.5 }) })
   */
  categoricalFocalCrossentropy,

  /**
   * 1 - 2 sum(target * output) / (sum(target) + sum(output)), over a whole batch unless `axis` says what to sum over.
   *
   * @example model.compile({ optimizer: 'adam', loss: losses.dice({ axis: -1 }) })
   */
  dice,

  /**
   * 1 - both / (both + alpha * missed + beta * claimed): dice with a weight for either kind of error. As in Keras, whose
   * `alpha` weighs what is missed; in the paper (Salehi et al. 2017) it weighs what is claimed wrongly.
   *
   * @example model.compile({ optimizer: 'adam', loss: losses.tversky({ alpha: 0.7, beta: 0.3 }) })
   */
  tversky,

  /**
   * (target - output)², mean over a sample.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'meanSquaredError' })
   */
  meanSquaredError,

  /**
   * |target - output|, mean over a sample.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'meanAbsoluteError' })
   */
  meanAbsoluteError,

  /**
   * 100 |target - output| / |target|, mean over a sample.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'meanAbsolutePercentageError' })
   */
  meanAbsolutePercentageError,

  /**
   * (log(target + 1) - log(output + 1))², mean over a sample; negative values count as 0.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'meanSquaredLogarithmicError' })
   */
  meanSquaredLogarithmicError,

  /**
   * Half the square up to `delta`, a line of slope `delta` from there on; mean over a sample.
   *
   * @example model.compile({ optimizer: 'adam', loss: losses.huber({ delta: 0.5 }) })
   */
  huber,

  /**
   * log(cosh(output - target)), mean over a sample.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'logCosh' })
   */
  logCosh,

  /**
   * max(1 - target * output, 0), mean over a sample. Targets: -1 and 1, or 0 and 1.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'hinge' })
   */
  hinge,

  /**
   * max(1 - target * output, 0)², mean over a sample. Targets: -1 and 1, or 0 and 1.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'squaredHinge' })
   */
  squaredHinge,

  /**
   * max(1 + max((1 - target) * output) - sum(target * output), 0), over the last axis. Targets: one-hot.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'categoricalHinge' })
   */
  categoricalHinge,

  /**
   * sum(target * log(target / output)) over the last axis, both clipped to [1e-7, 1].
   *
   * @example model.compile({ optimizer: 'adam', loss: 'kullbackLeiblerDivergence' })
   */
  kullbackLeiblerDivergence,

  /**
   * output - target * log(output), mean over a sample.
   *
   * @example model.compile({ optimizer: 'adam', loss: 'poisson' })
   */
  poisson,

  /**
   * Minus the cosine of the angle between target and output: -1 where they point the same way.
   *
   * @example model.compile({ optimizer: 'adam', loss: losses.cosineSimilarity({ axis: 1 }) })
   */
  cosineSimilarity,
};

/** Other names of losses: Keras's and PyTorch's. */
export const lossAliases = {
  categoricalCrossEntropy: 'categoricalCrossentropy',
  sparseCategoricalCrossEntropy: 'sparseCategoricalCrossentropy',
  binaryCrossEntropy: 'binaryCrossentropy',
  crossEntropy: 'sparseCategoricalCrossentropy',
  bce: 'binaryCrossentropy',
  nll: 'negativeLogLikelihood',
  nllLoss: 'negativeLogLikelihood',
  mse: 'meanSquaredError',
  mae: 'meanAbsoluteError',
  mape: 'meanAbsolutePercentageError',
  msle: 'meanSquaredLogarithmicError',
  l1: 'meanAbsoluteError',
  l2: 'meanSquaredError',
  huberLoss: 'huber',
  logcosh: 'logCosh',
  kld: 'kullbackLeiblerDivergence',
  klDivergence: 'kullbackLeiblerDivergence',
  kullbackLeibler: 'kullbackLeiblerDivergence',
  binaryFocal: 'binaryFocalCrossentropy',
  categoricalFocal: 'categoricalFocalCrossentropy',
  diceLoss: 'dice',
  cosineProximity: 'cosineSimilarity',
} as const;

/** Turns the value of `compile({ loss })` into a loss. */
export function resolveLoss(option: unknown): Loss {
  if (typeof option === 'function') return lossFromFunction(option as LossFunction | LossExpression);
  const known = option as Loss | null | undefined;
  if (typeof known?.build === 'function' && typeof known.targetSpec === 'function') return known;
  const { name, rest } = splitName('loss', option);
  return lookUp<(options?: object) => Loss>('loss', name, losses, lossAliases)(rest);
}

/** A function of three emits ops itself, one of two calculates with expressions. */
function lossFromFunction(given: LossFunction | LossExpression): Loss {
  const name = given.name || 'loss';
  const where = `loss '${name}'`;
  const build = (emitter: Emitter, target: Value, output: Value): Value => {
    const [yTrue, yPred] = [new Expression(emitter, target), new Expression(emitter, output)];
    const result =
      given.length > 2 ? (given as LossFunction)(emitter, target, output) : (given as LossExpression)(yTrue, yPred);
    const value = valueFrom(where, result);
    if (value.shape[0] === output.shape[0]) return perSample({ losses: yPred.with(value) }, output.shape[0]).value;
    throw optionError(where, `a value whose first axis is the batch (${output.shape[0]})`, value.shape);
  };
  return { name, config: { name, custom: 'function' }, targetSpec: sameAsOutput, build };
}
