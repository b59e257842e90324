// Constraints: what a weight is brought back to after every step of the optimizer. Values and defaults are Keras's.

import type { Emitter, Value } from '../ops/op.js';
import { type BuildOnWeight, emitOne, type OnWeight, onWeight, resolveOnWeight } from './on-weight.js';
import { completeOptions, type Named, OptionReader } from './options.js';

/** Keeps a weight within bounds: `build` emits the weight as it may be, of the same shape. */
export type Constraint = OnWeight;

export type ConstraintName = keyof typeof constraints;

/** A name, a name with options, a constraint from `constraints`, or a function that emits the constrained weight. */
export type ConstraintOption = ConstraintName | Named<typeof constraints> | Constraint | BuildOnWeight;

/** Axis or axes along which a length is taken: 0 for the incoming weights of a dense unit, [0, 1, 2] for a filter. */
export interface AxisOption {
  axis?: number | readonly number[];
}

const epsilon = 1e-7;

const plus = (emitter: Emitter, value: Value, offset: number, scale = 1): Value =>
  emitOne(emitter, 'rescale', [value], { scale, offset });

const constant = (emitter: Emitter, value: number): Value => emitOne(emitter, 'fill', [], { value, shape: [] });

function lengthsOf(emitter: Emitter, weight: Value, axes: readonly number[]): Value {
  const squares = emitOne(emitter, 'square', [weight]);
  const real = axes.map((axis) => (axis < 0 ? axis + weight.shape.length : axis));
  return emitOne(emitter, 'sqrt', [emitOne(emitter, 'reduceSum', [squares], { axes: real, keepDims: 1 })]);
}

/** weight · (wanted / (epsilon + lengths)). */
function withLengths(emitter: Emitter, weight: Value, lengths: Value, wanted: Value): Value {
  const ratio = emitOne(emitter, 'divide', [wanted, plus(emitter, lengths, epsilon)]);
  return emitOne(emitter, 'multiply', [weight, ratio]);
}

const clipped = (emitter: Emitter, value: Value, low: number, high: number): Value =>
  emitOne(emitter, 'minimum', [emitOne(emitter, 'maximum', [value, constant(emitter, low)]), constant(emitter, high)]);

function read<const D extends object>(name: string, defaults: D, given: object): OptionReader {
  const where = `constraint '${name}'`;
  return new OptionReader(where, completeOptions(where, given, { axis: 0, ...defaults }));
}

function axesOf(reader: OptionReader): number[] {
  const given = reader.raw('axis');
  const list = Array.isArray(given) ? given : [given];
  if (list.length > 0 && list.every((axis) => Number.isSafeInteger(axis))) return list;
  throw reader.error('axis', 'an axis or a list of axes', given);
}

/**
 * All constraints by name.
 *
 * @example
 * layers.dense({ units: 10, kernelConstraint: 'nonNegative' });
 * layers.dense({ units: 10, kernelConstraint: constraints.maxNorm({ maxValue: 1, axis: 0 }) });
 */
export const constraints = {
  /**
   * Lengths along `axis` (0) at most `maxValue` (2).
   *
   * @example layers.dense({ units: 10, kernelConstraint: constraints.maxNorm({ maxValue: 3 }) })
   */
  maxNorm(options: { maxValue?: number } & AxisOption = {}): Constraint {
    const reader = read('maxNorm', { maxValue: 2 }, options);
    const maxValue = reader.number('maxValue', { min: 0 });
    const axes = axesOf(reader);
    return onWeight('maxNorm', { maxValue, axis: axes }, (emitter, weight) => {
      const lengths = lengthsOf(emitter, weight, axes);
      return withLengths(emitter, weight, lengths, clipped(emitter, lengths, 0, maxValue));
    });
  },
  /**
   * Lengths along `axis` (0) of 1.
   *
   * @example layers.conv2d({ filters: 8, kernelSize: 3, kernelConstraint: constraints.unitNorm({ axis: [0, 1, 2] }) })
   */
  unitNorm(options: AxisOption = {}): Constraint {
    const axes = axesOf(read('unitNorm', {}, options));
    return onWeight('unitNorm', { axis: axes }, (emitter, weight) =>
      withLengths(emitter, weight, lengthsOf(emitter, weight, axes), constant(emitter, 1)),
    );
  },
  /**
   * Negative values become 0.
   *
   * @example layers.dense({ units: 10, kernelConstraint: 'nonNegative' })
   */
  nonNegative(options: object = {}): Constraint {
    completeOptions("constraint 'nonNegative'", options, {});
    return onWeight('nonNegative', {}, (emitter, weight) => emitOne(emitter, 'relu', [weight]));
  },
  /**
   * Lengths along `axis` (0) between `minValue` (0) and `maxValue` (1), approached by the share `rate` (1).
   *
   * @example layers.dense({ units: 10, kernelConstraint: constraints.minMaxNorm({ minValue: 0.5, rate: 0.9 }) })
   */
  minMaxNorm(options: { minValue?: number; maxValue?: number; rate?: number } & AxisOption = {}): Constraint {
    const reader = read('minMaxNorm', { minValue: 0, maxValue: 1, rate: 1 }, options);
    const minValue = reader.number('minValue', { min: 0 });
    const maxValue = reader.number('maxValue', { min: minValue });
    const rate = reader.number('rate', { min: 0, max: 1 });
    const axes = axesOf(reader);
    return onWeight('minMaxNorm', { minValue, maxValue, rate, axis: axes }, (emitter, weight) => {
      const lengths = lengthsOf(emitter, weight, axes);
      const wanted = plus(emitter, clipped(emitter, lengths, minValue, maxValue), 0, rate);
      const kept = plus(emitter, lengths, 0, 1 - rate);
      return withLengths(emitter, weight, lengths, emitOne(emitter, 'add', [wanted, kept]));
    });
  },
};

/** Turns the value of an option into a constraint; null for none. */
export const resolveConstraint = (where: string, option: unknown): Constraint | null =>
  resolveOnWeight(where, 'constraint', option, constraints, { nonNeg: 'nonNegative' });
