// Hinges, which ask for a margin, and losses on the overlap of regions.

import type { Expression } from '../expression.js';
import { epsilon, type Loss, LossReader, makeLoss, overLast, plain, type ReductionOptions } from './loss.js';

export interface DiceOptions extends ReductionOptions {
  /** Axes to sum over, with the batch as axis 0. Default null: all, so that a batch is one region. */
  axis?: number | readonly number[] | null;
}

export interface TverskyOptions extends DiceOptions {
  /** Weight of what the output misses (Keras's alpha). Default 0.5. */
  alpha?: number;
  /** Weight of what the output claims wrongly (Keras's beta). Default 0.5. */
  beta?: number;
}

/** Targets 0 and 1 become -1 and 1, but only when a batch holds no others, as in Keras. */
function signed(target: Expression): Expression {
  const others = target.mul(target.sub(1)).abs().sum().reshape([1]);
  const { emitter } = target;
  const [half] = emitter.emit('compare', [target.constant(0).value, others.value]);
  const isBinary = others.with(half).mul(2);
  return target.add(target.sub(1).mul(isBinary));
}

const missing = (y: Expression, x: Expression): Expression => signed(y).mul(x).rescale(-1, 1).maximum(0);

export const hinge = plain('hinge', (y, x) => overLast(missing(y, x)));

export const squaredHinge = plain('squaredHinge', (y, x) => overLast(missing(y, x).square()));

export const categoricalHinge = plain('categoricalHinge', (y, x) => {
  const right = y.mul(x).sum(-1);
  const wrong = y.rescale(-1, 1).mul(x).largest();
  return wrong.sub(right).add(1).maximum(0);
});

export function dice(options: DiceOptions = {}): Loss {
  const name = 'dice';
  const reader = new LossReader(name, options, { axis: null });
  const axis = readAxes(reader);
  return makeLoss({
    name,
    options: { axis, reduction: reader.reduction },
    positions(y, x) {
      const axes = axis ?? undefined;
      const both = y.mul(x).sum(axes).mul(2);
      return { losses: complement(both.div(y.sum(axes).add(x.sum(axes)).add(epsilon)), axes, x) };
    },
  });
}

export function tversky(options: TverskyOptions = {}): Loss {
  const name = 'tversky';
  const reader = new LossReader(name, options, { axis: null, alpha: 0.5, beta: 0.5 });
  const axis = readAxes(reader);
  const [alpha, beta] = [reader.number('alpha', { min: 0 }), reader.number('beta', { min: 0 })];
  return makeLoss({
    name,
    options: { axis, alpha, beta, reduction: reader.reduction },
    positions(y, x) {
      const axes = axis ?? undefined;
      const both = y.mul(x).sum(axes);
      const missed = x.rescale(-1, 1).mul(y).sum(axes).mul(alpha);
      const claimed = y.rescale(-1, 1).mul(x).sum(axes).mul(beta);
      return { losses: complement(both.div(both.add(missed).add(claimed).add(epsilon)), axes, x) };
    },
  });
}

/** 1 - index: per sample, or when the batch was summed over, one for all of it. */
function complement(index: Expression, axes: number | readonly number[] | undefined, output: Expression): Expression {
  const losses = index.rescale(-1, 1);
  const rank = output.shape.length;
  return axes === undefined || [axes].flat().some((axis) => axis === 0 || axis === -rank) ? losses.mean() : losses;
}

function readAxes(reader: LossReader): number | readonly number[] | null {
  if (!reader.has('axis')) return null;
  return Array.isArray(reader.raw('axis')) ? reader.integers('axis') : reader.integer('axis');
}
