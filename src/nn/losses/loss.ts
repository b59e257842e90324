// What all losses share: the interface, the way from a loss per position to the one number that is trained on, and the
// reading of options. Reductions and masks follow Keras (reduce_weighted_values).

import type { TensorSpec } from '../../core/dtype.js';
import { OcellusError } from '../../core/errors.js';
import { shapeText, sizeOf } from '../../core/shape.js';
import type { Emitter, Value } from '../../ops/op.js';
import { Expression } from '../expression.js';
import { completeOptions, OptionReader } from '../options.js';

/** What a network is trained to make small. */
export interface Loss {
  readonly name: string;
  /** Name and options, as JSON. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Loss per sample, [N]: the mean over all other axes, without weights. */
  build(emitter: Emitter, target: Value, output: Value): Value;
  /**
   * The loss of a batch, one number. `weights` count samples, [N], or positions, [N, …] as the targets lie without their
   * axis of classes. Absent: the weighted mean of `build`.
   */
  reduce?(emitter: Emitter, target: Value, output: Value, weights: Value | null): Value;
  /** Shape and type of the targets of a batch, from those of the output (both with the batch axis). */
  targetSpec(output: TensorSpec): TensorSpec;
}

/**
 * How the losses of a batch become one number. 'sumOverBatchSize' (also 'mean'): their mean, ignored positions left out.
 * 'sum': their sum. 'meanWithSampleWeight': their sum divided by the sum of the weights.
 */
export type Reduction = 'sumOverBatchSize' | 'mean' | 'sum' | 'meanWithSampleWeight';

export interface ReductionOptions {
  /** Default 'sumOverBatchSize'. */
  reduction?: Reduction;
}

/** Losses before they are reduced. */
export interface Positions {
  /** [N], [N, …], or a scalar for the whole batch. */
  readonly losses: Expression;
  /** 1 where a loss counts and 0 where not, shaped like `losses`. */
  readonly valid?: Expression | undefined;
  /** Weights of the loss's own, shaped like `losses`. */
  readonly weights?: Expression | undefined;
}

interface LossParts {
  readonly name: string;
  readonly options: { readonly reduction: Reduction } & Readonly<Record<string, unknown>>;
  readonly targetSpec?: (output: TensorSpec) => TensorSpec;
  positions(target: Expression, output: Expression): Positions;
}

/** Probabilities are kept this far from 0 and 1. */
export const epsilon = 1e-7;

const reductions: readonly Reduction[] = ['sumOverBatchSize', 'mean', 'sum', 'meanWithSampleWeight'];

/** A built-in loss. */
export function makeLoss({ name, options, targetSpec = sameAsOutput, positions }: LossParts): Loss {
  const found = (emitter: Emitter, target: Value, output: Value): Positions =>
    positions(new Expression(emitter, target), new Expression(emitter, output));
  const loss: Loss = {
    name,
    config: { name, ...options },
    targetSpec,
    build: (emitter, target, output) => perSample(found(emitter, target, output), output.shape[0]).value,
    reduce: (emitter, target, output, weights) =>
      reduce(found(emitter, target, output), weights && new Expression(emitter, weights), options.reduction).value,
  };
  builtin.add(loss);
  return loss;
}

const builtin = new WeakSet<Loss>();

/** Whether the table makes this loss again from its `config`. */
export const isBuiltin = (loss: Loss): boolean => builtin.has(loss);

/** The mean over the last axis, if there is one behind the batch. */
export const overLast = (losses: Expression): Expression => (losses.shape.length > 1 ? losses.mean(-1) : losses);

/** A loss that takes no option but the reduction. */
export function plain(name: string, losses: (target: Expression, output: Expression) => Expression) {
  return (options: ReductionOptions = {}): Loss => {
    const { reduction } = new LossReader(name, options);
    return makeLoss({ name, options: { reduction }, positions: (y, x) => ({ losses: losses(y, x) }) });
  };
}

/** Emits the loss of a batch: a scalar. */
export function batchLoss(emitter: Emitter, loss: Loss, target: Value, output: Value, weights: Value | null): Value {
  if (loss.reduce) return loss.reduce(emitter, target, output, weights);
  const losses = new Expression(emitter, loss.build(emitter, target, output));
  return reduce({ losses }, weights && new Expression(emitter, weights), 'sumOverBatchSize').value;
}

export const sameAsOutput = (output: TensorSpec): TensorSpec => ({ shape: output.shape, dtype: 'float32' });

/** [N, …] → [N]: the mean over the positions that count. */
export function perSample({ losses, valid, weights }: Positions, samples: number): Expression {
  const weighted = weights ? losses.mul(weights) : losses;
  if (losses.shape.length === 0) return losses.broadcastTo([samples]);
  if (losses.shape.length === 1) return valid ? weighted.mul(valid) : weighted;
  const axes = losses.shape.map((_, axis) => axis).slice(1);
  if (!valid) return weighted.mean(axes);
  return weighted.mul(valid).sum(axes).div(valid.sum(axes).maximum(1));
}

function reduce({ losses, valid, weights }: Positions, given: Expression | null, reduction: Reduction): Expression {
  const factors = [valid, weights, given && aligned(given, losses)].filter((factor) => factor != null);
  const weighted = factors.reduce((product, factor) => product.mul(factor), losses);
  if (reduction === 'sum') return weighted.sum();
  if (reduction === 'meanWithSampleWeight' && factors.length > 0) {
    const weight = factors.reduce((product, factor) => product.mul(factor));
    const repeats = sizeOf(weighted.shape) / sizeOf(weight.shape);
    return weighted.sum().div(weight.sum().mul(repeats).maximum(1e-30).reshape([]));
  }
  if (!valid) return weighted.mean();
  return weighted.sum().div(valid.sum().maximum(1).reshape([]));
}

/** Weights [N, …] with axes of 1 behind, so that they broadcast over `losses`. */
function aligned(weights: Expression, losses: Expression): Expression {
  if (losses.shape.length > 0 && !weights.shape.every((size, axis) => size === losses.shape[axis])) {
    throw new OcellusError('ERR_OCELLUS_SHAPE', {
      where: 'weights of a loss',
      expected: `one per sample, or shape ${shapeText(losses.shape)}`,
      got: `shape ${shapeText(weights.shape)}`,
    });
  }
  const missing = losses.shape.length - weights.shape.length;
  return missing > 0 ? weights.reshape([...weights.shape, ...new Array<number>(missing).fill(1)]) : weights;
}

/** The options of loss `name` over `defaults`, to which the reduction comes by itself. */
export class LossReader extends OptionReader {
  readonly reduction: Reduction;

  constructor(name: string, given: object, defaults: Readonly<Record<string, unknown>> = {}) {
    const where = `loss '${name}'`;
    super(where, completeOptions(where, given, { reduction: 'sumOverBatchSize', ...defaults }));
    const asked = this.raw('reduction');
    if (asked === 'none' || asked === null) {
      const help = 'a loss that trains is one number; `loss.build` emits the losses per sample';
      throw this.error('reduction', `one of ${reductions.join(', ')}`, asked, help);
    }
    this.reduction = this.oneOf('reduction', reductions);
  }

  /** A number per class, or null when the option was not given. */
  numbers(name: string): readonly number[] | null {
    if (!this.has(name)) return null;
    const value = this.raw(name);
    if (Array.isArray(value) && value.length > 0 && value.every((item) => Number.isFinite(item) && item >= 0)) {
      return [...value];
    }
    throw this.error(name, 'a list of numbers of at least 0, one per class', value);
  }

  optionalInteger(name: string): number | null {
    return this.has(name) ? this.integer(name) : null;
  }
}

/** 1 where the target is another than `index`, else 0; undefined without an index. */
export function validOf(target: Expression, index: number | null): Expression | undefined {
  return index === null ? undefined : target.rescale(1, -index).abs().minimum(1);
}

/** A list per class as [classes], its length checked. */
export function perClass(name: string, option: string, list: readonly number[], near: Expression, classes: number) {
  if (list.length === classes) return near.vector(list);
  throw new OcellusError('ERR_OCELLUS_OPTION', {
    where: `loss '${name}', option '${option}'`,
    expected: `${classes} numbers, one per class`,
    got: list.length,
  });
}

/** The class axis as a number from 0. */
export function classAxis(name: string, output: TensorSpec, axis: number): number {
  const rank = output.shape.length;
  const index = axis < 0 ? axis + rank : axis;
  const where = `loss '${name}'`;
  if (rank < 2 || index < 1 || index >= rank) {
    const expected = `an output [batch, …] with a class axis ${axis}`;
    throw new OcellusError('ERR_OCELLUS_SHAPE', { where, expected, got: shapeText(output.shape) });
  }
  if (output.shape[index] >= 2) return index;
  throw new OcellusError('ERR_OCELLUS_SHAPE', {
    where,
    expected: 'an output with at least two classes',
    got: shapeText(output.shape),
    help: "with one output (yes or no) the loss is 'binaryCrossentropy'",
  });
}

/** [rows, classes]: the axis of classes last, all other axes in one. */
export function toRows(value: Expression, axis: number): Expression {
  const { shape, emitter } = value;
  const others = shape.map((_, i) => i).filter((i) => i !== axis);
  const last = axis === shape.length - 1;
  const turned = last
    ? value
    : new Expression(emitter, emitter.emit('transpose', [value.value], { permutation: [...others, axis] })[0]);
  if (shape.length === 2) return turned;
  return turned.reshape([sizeOf(others.map((i) => shape[i])), shape[axis]]);
}

export const without = (shape: readonly number[], axis: number): number[] => shape.filter((_, i) => i !== axis);
