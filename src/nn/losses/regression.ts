// Losses on differences between target and output, and on what a target says about a distribution.

import type { Expression } from '../expression.js';
import { optionError } from '../options.js';
import {
  epsilon,
  type Loss,
  LossReader,
  makeLoss,
  overLast,
  plain,
  type ReductionOptions,
  toRows,
  without,
} from './loss.js';

export interface HuberOptions extends ReductionOptions {
  /** Where the square becomes a line; above 0. Default 1. */
  delta?: number;
}

export interface CosineSimilarityOptions extends ReductionOptions {
  /** The axis along which vectors lie, with the batch as axis 0. Default -1. */
  axis?: number;
}

export const meanSquaredError = plain('meanSquaredError', (y, x) => overLast(x.sub(y).square()));

export const meanAbsoluteError = plain('meanAbsoluteError', (y, x) => overLast(x.sub(y).abs()));

export const meanAbsolutePercentageError = plain('meanAbsolutePercentageError', (y, x) =>
  overLast(y.sub(x).div(y.abs().maximum(epsilon)).abs()).mul(100),
);

export const meanSquaredLogarithmicError = plain('meanSquaredLogarithmicError', (y, x) => {
  const log = (value: Expression) => value.maximum(epsilon).add(1).log();
  return overLast(log(x).sub(log(y)).square());
});

/** log(cosh(x)) = |x| + log(1 + exp(-2 |x|)) - log(2), which does not overflow. */
export const logCosh = plain('logCosh', (y, x) => {
  const error = x.sub(y).abs();
  return overLast(error.add(error.mul(-2).exp().add(1).log())).sub(Math.LN2);
});

export const poisson = plain('poisson', (y, x) => overLast(x.sub(y.mul(x.add(epsilon).log()))));

export const kullbackLeiblerDivergence = plain('kullbackLeiblerDivergence', (y, x) => {
  const [target, output] = [y.clip(epsilon, 1), x.clip(epsilon, 1)];
  return target.mul(target.div(output).log()).sum(-1);
});

export function huber(options: HuberOptions = {}): Loss {
  const name = 'huber';
  const reader = new LossReader(name, options, { delta: 1 });
  const delta = reader.number('delta', { above: 0 });
  return makeLoss({
    name,
    options: { delta, reduction: reader.reduction },
    positions(y, x) {
      const error = x.sub(y).abs();
      const inner = error.minimum(delta);
      return { losses: overLast(inner.square().mul(0.5).add(error.sub(inner).mul(delta))) };
    },
  });
}

export function cosineSimilarity(options: CosineSimilarityOptions = {}): Loss {
  const name = 'cosineSimilarity';
  const reader = new LossReader(name, options, { axis: -1 });
  const axis = reader.integer('axis');
  return makeLoss({
    name,
    options: { axis, reduction: reader.reduction },
    positions(y, x) {
      const at = axis < 0 ? axis + x.shape.length : axis;
      if (at < 1 || at >= x.shape.length) {
        throw optionError(`loss '${name}', option 'axis'`, `an axis of the output behind the batch`, axis);
      }
      const unit = (value: Expression) => {
        const rows = toRows(value, at);
        return rows.div(
          rows
            .square()
            .sum(-1, true)
            .maximum(epsilon ** 2)
            .sqrt(),
        );
      };
      return { losses: unit(y).mul(unit(x)).sum(-1).neg().reshape(without(x.shape, at)) };
    },
  });
}
