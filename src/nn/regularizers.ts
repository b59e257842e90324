// Regularizers: what a weight adds to the loss. Values and defaults are Keras's.

import type { Emitter, Value } from '../ops/op.js';
import { type BuildOnWeight, emitOne, type OnWeight, onWeight, resolveOnWeight } from './on-weight.js';
import { completeOptions, type Named, OptionReader } from './options.js';

/** What a weight costs, added to the loss of every step of training and evaluation: `build` emits a single number. */
export type Regularizer = OnWeight;

export type RegularizerName = keyof typeof regularizers;

/** A name, a name with options, a regularizer from `regularizers`, or a function that emits a single number. */
export type RegularizerOption = RegularizerName | Named<typeof regularizers> | Regularizer | BuildOnWeight;

const scaled = (emitter: Emitter, value: Value, scale: number): Value =>
  emitOne(emitter, 'rescale', [value], { scale, offset: 0 });

const sumOf = (emitter: Emitter, value: Value): Value =>
  emitOne(emitter, 'reduceSum', [value], { axes: value.shape.map((_, axis) => axis), keepDims: 0 });

function penalty(emitter: Emitter, weight: Value, l1: number, l2: number): Value {
  const terms = [
    ...(l1 > 0 ? [scaled(emitter, sumOf(emitter, emitOne(emitter, 'abs', [weight])), l1)] : []),
    ...(l2 > 0 ? [scaled(emitter, sumOf(emitter, emitOne(emitter, 'square', [weight])), l2)] : []),
  ];
  const zero = () => emitOne(emitter, 'fill', [], { value: 0, shape: [] });
  return terms.length === 0 ? zero() : terms.reduce((a, b) => emitOne(emitter, 'add', [a, b]));
}

function factors<const D extends Record<string, number>>(name: string, defaults: D, given: object): D {
  const where = `regularizer '${name}'`;
  const reader = new OptionReader(where, completeOptions(where, given, defaults));
  return Object.fromEntries(Object.keys(defaults).map((key) => [key, reader.number(key, { min: 0 })])) as D;
}

/**
 * All regularizers by name.
 *
 * @example
 * layers.dense({ units: 10, kernelRegularizer: 'l2' });
 * layers.dense({ units: 10, kernelRegularizer: regularizers.l1l2({ l1: 1e-5, l2: 1e-4 }) });
 */
export const regularizers = {
  /**
   * l1 · Σ |w|; l1 is 0.01 by default.
   *
   * @example layers.dense({ units: 10, kernelRegularizer: regularizers.l1({ l1: 1e-5 }) })
   */
  l1(options: { l1?: number } = {}): Regularizer {
    const { l1 } = factors('l1', { l1: 0.01 }, options);
    return onWeight('l1', { l1 }, (emitter, weight) => penalty(emitter, weight, l1, 0));
  },
  /**
   * l2 · Σ w²; l2 is 0.01 by default.
   *
   * @example layers.dense({ units: 10, kernelRegularizer: { name: 'l2', l2: 1e-4 } })
   */
  l2(options: { l2?: number } = {}): Regularizer {
    const { l2 } = factors('l2', { l2: 0.01 }, options);
    return onWeight('l2', { l2 }, (emitter, weight) => penalty(emitter, weight, 0, l2));
  },
  /**
   * l1 · Σ |w| + l2 · Σ w²; both 0 by default.
   *
   * @example layers.dense({ units: 10, kernelRegularizer: regularizers.l1l2({ l1: 1e-5, l2: 1e-4 }) })
   */
  l1l2(options: { l1?: number; l2?: number } = {}): Regularizer {
    const { l1, l2 } = factors('l1l2', { l1: 0, l2: 0 }, options);
    return onWeight('l1l2', { l1, l2 }, (emitter, weight) => penalty(emitter, weight, l1, l2));
  },
  /**
   * Mean |cosine| of all pairs of rows (or columns) of a matrix, times `factor` (0.01): they are drawn towards right
   * angles. Weights with more axes are seen as [all others, last axis].
   *
   * @example layers.dense({ units: 10, kernelRegularizer: regularizers.orthogonal({ mode: 'columns' }) })
   */
  orthogonal(options: { factor?: number; mode?: 'rows' | 'columns' } = {}): Regularizer {
    const where = "regularizer 'orthogonal'";
    const reader = new OptionReader(where, completeOptions(where, options, { factor: 0.01, mode: 'rows' }));
    const factor = reader.number('factor', { min: 0 });
    const mode = reader.oneOf<'rows' | 'columns'>('mode', ['rows', 'columns']);
    return onWeight('orthogonal', { factor, mode }, (emitter, weight) => orthogonality(emitter, weight, factor, mode));
  },
};

function orthogonality(emitter: Emitter, weight: Value, factor: number, mode: 'rows' | 'columns'): Value {
  const columns = weight.shape[weight.shape.length - 1] ?? 1;
  const rows = weight.shape.reduce((a, b) => a * b, 1) / Math.max(1, columns);
  const matrix = emitOne(emitter, 'reshape', [weight], { shape: [rows, columns] });
  const byRows = mode === 'rows';
  const squares = emitOne(emitter, 'reduceSum', [emitOne(emitter, 'square', [matrix])], {
    axes: [byRows ? 1 : 0],
    keepDims: 1,
  });
  const smallest = emitOne(emitter, 'fill', [], { value: 1e-14, shape: [] });
  const lengths = emitOne(emitter, 'sqrt', [emitOne(emitter, 'maximum', [squares, smallest])]);
  const unit = emitOne(emitter, 'divide', [matrix, lengths]);
  const product = emitOne(emitter, 'matmul', [unit, unit], {
    transposeA: Number(!byRows),
    transposeB: Number(byRows),
  });
  // Every pair stands twice in the product; on its diagonal every row meets itself.
  const count = byRows ? rows : columns;
  const diagonal = sumOf(emitter, emitOne(emitter, 'abs', [emitOne(emitter, 'multiply', [unit, unit])]));
  const off = emitOne(emitter, 'subtract', [sumOf(emitter, emitOne(emitter, 'abs', [product])), diagonal]);
  return scaled(emitter, off, factor / Math.max(1, count * (count - 1)));
}

/** Turns the value of an option into a regularizer; null for none. */
export const resolveRegularizer = (where: string, option: unknown): Regularizer | null =>
  resolveOnWeight(where, 'regularizer', option, regularizers, aliases);

const aliases = { L1: 'l1', L2: 'l2', L1L2: 'l1l2', l1L2: 'l1l2', orthogonalRegularizer: 'orthogonal' };
