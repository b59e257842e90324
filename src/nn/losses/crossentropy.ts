// Cross-entropies, their focal forms and the negative log-likelihood. They are formed from logits whenever the network
// ends in the matching activation, which is exact where log(softmax(x)) is not; otherwise from probabilities, clipped as
// Keras does.

import type { TensorSpec } from '../../core/dtype.js';
import type { GraphValue } from '../../graph/graph.js';
import { Expression } from '../expression.js';
import { optionError } from '../options.js';
import {
  classAxis,
  epsilon,
  type Loss,
  LossReader,
  makeLoss,
  overLast,
  type Positions,
  perClass,
  type ReductionOptions,
  toRows,
  validOf,
  without,
} from './loss.js';

/** 'auto': when the output is made by the matching activation, its operand is used; otherwise outputs are probabilities. */
export type FromLogits = boolean | 'auto';

export interface CrossentropyOptions extends ReductionOptions {
  /** true: outputs are logits. false: outputs are probabilities. Default 'auto'. */
  fromLogits?: FromLogits;
  /** Mixes this share of the uniform distribution into the targets; in [0, 1). Default 0. */
  labelSmoothing?: number;
  /** Axis of the classes in the output, with the batch as axis 0. Default -1. */
  axis?: number;
  /** Factor of each class. Default: all 1. */
  classWeight?: readonly number[];
}

export interface SparseCrossentropyOptions extends CrossentropyOptions {
  /** Positions with this target do not count. */
  ignoreIndex?: number | null;
}

export interface BinaryCrossentropyOptions extends Omit<SparseCrossentropyOptions, 'axis'> {}

export interface NegativeLogLikelihoodOptions extends ReductionOptions {
  axis?: number;
  /** Default -100. */
  ignoreIndex?: number | null;
  classWeight?: readonly number[];
}

export interface BinaryFocalOptions extends Omit<BinaryCrossentropyOptions, 'classWeight'> {
  /** Power of the factor that plays down what is right already; at least 0. Default 2. */
  gamma?: number;
  /** Weight of the positive class, its complement that of the other one. Default 0.25. */
  alpha?: number;
  /** Whether alpha is applied. Default false. */
  applyClassBalancing?: boolean;
}

export interface CategoricalFocalOptions extends Omit<CrossentropyOptions, 'classWeight'> {
  gamma?: number;
  /** Weight of all classes, or of each. Default 0.25. */
  alpha?: number | readonly number[];
}

const smoothing = { fromLogits: 'auto', labelSmoothing: 0 };

export function categoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  const name = 'categoricalCrossentropy';
  const reader = new LossReader(name, options, { ...smoothing, axis: -1, classWeight: null });
  const { fromLogits, labelSmoothing, axis } = readCommon(reader);
  const classWeight = reader.numbers('classWeight');
  return makeLoss({
    name,
    options: { fromLogits, labelSmoothing, axis, classWeight, reduction: reader.reduction },
    positions(target, output) {
      const { value, isLogits } = chooseOperand(name, output, fromLogits, 'softmax', axis);
      const at = classAxis(name, value, axis);
      const rows = toRows(value, at);
      let labels = smooth(toRows(target, at), labelSmoothing, rows.shape[1]);
      if (classWeight) labels = labels.mul(perClass(name, 'classWeight', classWeight, rows, rows.shape[1]));
      const losses = isLogits
        ? emitted(rows, 'softmaxCrossEntropy', labels)
        : labels
            .mul(clip(normalized(rows)).log())
            .sum(-1)
            .neg();
      return { losses: losses.reshape(without(value.shape, at)) };
    },
  });
}

export function sparseCategoricalCrossentropy(options: SparseCrossentropyOptions = {}): Loss {
  const name = 'sparseCategoricalCrossentropy';
  const reader = new LossReader(name, options, { ...smoothing, axis: -1, ignoreIndex: null, classWeight: null });
  const { fromLogits, labelSmoothing, axis } = readCommon(reader);
  const [ignoreIndex, classWeight] = [reader.optionalInteger('ignoreIndex'), reader.numbers('classWeight')];
  return makeLoss({
    name,
    options: { fromLogits, labelSmoothing, axis, ignoreIndex, classWeight, reduction: reader.reduction },
    targetSpec: (output) => classNumbers(name, output, axis),
    positions(target, output) {
      const { value, isLogits } = chooseOperand(name, output, fromLogits, 'softmax', axis);
      const rows = toRows(value, classAxis(name, value, axis));
      // Logits of given probabilities are their logarithms: the same op serves both.
      const logits = isLogits ? rows : clip(rows).log();
      const labels = target.reshape([rows.shape[0]]);
      const losses =
        labelSmoothing === 0
          ? emitted(logits, 'sparseSoftmaxCrossEntropy', labels, ignoreIndex === null ? {} : { ignoreIndex })
          : emitted(
              logits,
              'softmaxCrossEntropy',
              smooth(oneHot(labels, rows.shape[1]), labelSmoothing, rows.shape[1]),
            );
      return byLabel(name, losses, labels, target.shape, rows.shape[1], ignoreIndex, classWeight);
    },
  });
}

export function negativeLogLikelihood(options: NegativeLogLikelihoodOptions = {}): Loss {
  const name = 'negativeLogLikelihood';
  const defaults = { axis: -1, ignoreIndex: -100, classWeight: null, reduction: 'meanWithSampleWeight' };
  const reader = new LossReader(name, options, defaults);
  const axis = reader.integer('axis');
  const [ignoreIndex, classWeight] = [reader.optionalInteger('ignoreIndex'), reader.numbers('classWeight')];
  return makeLoss({
    name,
    options: { axis, ignoreIndex, classWeight, reduction: reader.reduction },
    targetSpec: (output) => classNumbers(name, output, axis),
    positions(target, output) {
      const rows = toRows(output, classAxis(name, output, axis));
      const labels = target.reshape([rows.shape[0]]);
      const losses = oneHot(labels, rows.shape[1]).mul(rows).sum(-1).neg();
      return byLabel(name, losses, labels, target.shape, rows.shape[1], ignoreIndex, classWeight);
    },
  });
}

export function binaryCrossentropy(options: BinaryCrossentropyOptions = {}): Loss {
  const name = 'binaryCrossentropy';
  const reader = new LossReader(name, options, { ...smoothing, ignoreIndex: null, classWeight: null });
  const { fromLogits, labelSmoothing } = readCommon(reader);
  const [ignoreIndex, classWeight] = [reader.optionalInteger('ignoreIndex'), reader.numbers('classWeight')];
  return makeLoss({
    name,
    options: { fromLogits, labelSmoothing, ignoreIndex, classWeight, reduction: reader.reduction },
    positions(target, output) {
      const labels = smooth(target, labelSmoothing, 2);
      const { value, isLogits } = chooseOperand(name, output, fromLogits, 'sigmoid', -1);
      const losses = isLogits ? emitted(value, 'sigmoidCrossEntropy', labels) : fromProbabilities(value, labels);
      if (classWeight && classWeight.length !== 2) throw reader.error('classWeight', 'two numbers', classWeight);
      const factor = classWeight && target.rescale(classWeight[1] - classWeight[0], classWeight[0]);
      return byElement(factor ? losses.mul(factor) : losses, target, ignoreIndex);
    },
  });
}

export function binaryFocalCrossentropy(options: BinaryFocalOptions = {}): Loss {
  const name = 'binaryFocalCrossentropy';
  const defaults = { ...smoothing, gamma: 2, alpha: 0.25, applyClassBalancing: false, ignoreIndex: null };
  const reader = new LossReader(name, options, defaults);
  const { fromLogits, labelSmoothing } = readCommon(reader);
  const gamma = reader.number('gamma', { min: 0 });
  const alpha = reader.number('alpha', { min: 0, max: 1 });
  const applyClassBalancing = reader.boolean('applyClassBalancing');
  const ignoreIndex = reader.optionalInteger('ignoreIndex');
  const { reduction } = reader;
  return makeLoss({
    name,
    options: { fromLogits, labelSmoothing, gamma, alpha, applyClassBalancing, ignoreIndex, reduction },
    positions(target, output) {
      const labels = smooth(target, labelSmoothing, 2);
      const { value, isLogits } = chooseOperand(name, output, fromLogits, 'sigmoid', -1);
      const probability = isLogits ? value.sigmoid() : value;
      const entropy = isLogits ? emitted(value, 'sigmoidCrossEntropy', labels) : fromProbabilities(value, labels);
      // 1 - pt for pt = y p + (1 - y) (1 - p)
      const distance = labels.add(probability).sub(labels.mul(probability).mul(2));
      const focal = distance.pow(gamma).mul(entropy);
      const balance = applyClassBalancing ? labels.rescale(2 * alpha - 1, 1 - alpha) : null;
      return byElement(balance ? focal.mul(balance) : focal, target, ignoreIndex);
    },
  });
}

export function categoricalFocalCrossentropy(options: CategoricalFocalOptions = {}): Loss {
  const name = 'categoricalFocalCrossentropy';
  const reader = new LossReader(name, options, { ...smoothing, axis: -1, gamma: 2, alpha: 0.25 });
  const { fromLogits, labelSmoothing, axis } = readCommon(reader);
  const gamma = reader.number('gamma', { min: 0 });
  const alpha = Array.isArray(reader.raw('alpha')) ? reader.numbers('alpha') : reader.number('alpha', { min: 0 });
  return makeLoss({
    name,
    options: { fromLogits, labelSmoothing, axis, gamma, alpha, reduction: reader.reduction },
    positions(target, output) {
      const { value, isLogits } = chooseOperand(name, output, fromLogits, 'softmax', axis);
      const at = classAxis(name, value, axis);
      const rows = toRows(value, at);
      const classes = rows.shape[1];
      const labels = smooth(toRows(target, at), labelSmoothing, classes);
      const probability = isLogits ? rows.softmax() : clip(normalized(rows));
      const log = isLogits ? rows.logSoftmax() : probability.log();
      const focal = probability.rescale(-1, 1).pow(gamma).mul(labels).mul(log);
      const factor = typeof alpha === 'number' ? alpha : perClass(name, 'alpha', alpha as number[], rows, classes);
      return { losses: focal.mul(factor).sum(-1).neg().reshape(without(value.shape, at)) };
    },
  });
}

/** Losses shaped like the output; their last axis stays only where some of its elements do not count. */
function byElement(losses: Expression, target: Expression, ignoreIndex: number | null): Positions {
  const valid = validOf(target, ignoreIndex);
  return valid ? { losses, valid } : { losses: overLast(losses) };
}

/** Losses [rows] of class numbers, with what class numbers say about weights. */
function byLabel(
  name: string,
  losses: Expression,
  labels: Expression,
  shape: readonly number[],
  classes: number,
  ignoreIndex: number | null,
  classWeight: readonly number[] | null,
): Positions {
  const weights =
    classWeight &&
    oneHot(labels, classes)
      .mul(perClass(name, 'classWeight', classWeight, losses, classes))
      .sum(-1);
  return {
    losses: losses.reshape(shape),
    valid: validOf(labels, ignoreIndex)?.reshape(shape),
    weights: weights?.reshape(shape),
  };
}

function classNumbers(name: string, output: TensorSpec, axis: number): TensorSpec {
  return { shape: without(output.shape, classAxis(name, output, axis)), dtype: 'int32' };
}

function readCommon(reader: LossReader): { fromLogits: FromLogits; labelSmoothing: number; axis: number } {
  const fromLogits = reader.raw('fromLogits');
  if (fromLogits !== true && fromLogits !== false && fromLogits !== 'auto') {
    throw reader.error('fromLogits', "true, false or 'auto'", fromLogits);
  }
  return {
    fromLogits,
    labelSmoothing: reader.number('labelSmoothing', { min: 0, below: 1 }),
    axis: reader.has('axis') ? reader.integer('axis') : -1,
  };
}

/** The logits behind the activation that made `output`, or `output` itself. */
function chooseOperand(
  name: string,
  output: Expression,
  fromLogits: FromLogits,
  activation: 'softmax' | 'sigmoid',
  axis: number,
): { value: Expression; isLogits: boolean } {
  const { node } = output.value as GraphValue;
  const last = axis === -1 || axis === output.shape.length - 1;
  const ends = node?.op.name === activation && last;
  if (fromLogits === true && ends) {
    throw optionError(
      `loss '${name}', option 'fromLogits'`,
      `a network that ends in logits when it is true`,
      activation,
      `leave fromLogits out, or the ${activation} at the end`,
    );
  }
  const operand = node?.inputs[0];
  if (fromLogits !== 'auto' || !ends || !operand) return { value: output, isLogits: fromLogits === true };
  return { value: new Expression(output.emitter, operand), isLogits: true };
}

const emitted = (first: Expression, op: string, second: Expression, attrs: object = {}): Expression =>
  new Expression(first.emitter, first.emitter.emit(op, [first.value, second.value], attrs)[0]);

const oneHot = (labels: Expression, depth: number): Expression =>
  new Expression(labels.emitter, labels.emitter.emit('oneHot', [labels.value], { depth })[0]);

const smooth = (labels: Expression, share: number, classes: number): Expression =>
  labels.rescale(1 - share, share / classes);

const clip = (probability: Expression): Expression => probability.clip(epsilon, 1 - epsilon);

const normalized = (rows: Expression): Expression => rows.div(rows.sum(-1, true));

/** -(y log p + (1 - y) log(1 - p)) */
function fromProbabilities(output: Expression, labels: Expression): Expression {
  const probability = clip(output);
  const yes = labels.mul(probability.log());
  const no = labels.rescale(-1, 1).mul(probability.rescale(-1, 1).log());
  return yes.add(no).neg();
}
