// Callbacks that set the learning rate between epochs.

import { checkOptions } from '../../core/errors.js';
import type { Callback } from '../events.js';
import { Best, checkNumber, type MonitorOptions } from './monitor.js';

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** The rate is multiplied by it; in (0, 1). Default 0.1. */
  factor?: number;
  /** Epochs without improvement before the rate is reduced. Default 10. */
  patience?: number;
  /** Smallest change that counts as improvement. Default 1e-4. */
  minDelta?: number;
  /** Epochs to wait after a reduction. Default 0. */
  cooldown?: number;
  /** The rate does not fall below it. Default 0. */
  minLearningRate?: number;
}

/**
 * Reduces the learning rate when the watched value no longer improves.
 *
 * @throws ERR_OCELLUS_OPTION when the rate follows a schedule: then the schedule is to change
 * @example
 * callbacks.reduceLROnPlateau({ monitor: 'valLoss', factor: 0.5, patience: 3 });
 */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  const where = 'reduceLROnPlateau';
  const known = ['monitor', 'mode', 'factor', 'patience', 'minDelta', 'cooldown', 'minLearningRate'];
  checkOptions(where, options, known);
  const { factor = 0.1, patience = 10, minDelta = 1e-4, cooldown = 0, minLearningRate = 0 } = options;
  const rule = (name: string, value: number, holds: boolean, expected: string) =>
    checkNumber(`${where}, option '${name}'`, value, holds, expected);
  rule('factor', factor, factor > 0 && factor < 1, 'a number between 0 and 1');
  rule('patience', patience, Number.isInteger(patience) && patience >= 0, 'a whole number >= 0');
  rule('minDelta', minDelta, minDelta >= 0, 'a number >= 0');
  rule('cooldown', cooldown, Number.isInteger(cooldown) && cooldown >= 0, 'a whole number >= 0');
  rule('minLearningRate', minLearningRate, minLearningRate >= 0, 'a number >= 0');
  const best = new Best(where, options, minDelta);
  let waited = 0;
  let rest = 0;
  return {
    onTrainBegin() {
      best.reset();
      waited = 0;
      rest = 0;
    },
    onEpochEnd({ logs }, { model }) {
      const improved = best.improves(logs);
      if (rest > 0) {
        rest--;
        waited = 0;
      }
      if (improved) waited = 0;
      else if (rest === 0 && ++waited >= patience) {
        if (model.learningRate > minLearningRate) {
          model.learningRate = Math.max(factor * model.learningRate, minLearningRate);
          rest = cooldown;
        }
        waited = 0;
      }
    },
  };
}

/**
 * Sets the learning rate before every epoch.
 *
 * @param schedule from the epoch (0, 1, 2 …) and the rate so far to the new rate
 * @example
 * callbacks.learningRateScheduler((epoch, rate) => (epoch < 10 ? rate : rate * Math.exp(-0.1)));
 */
export function learningRateScheduler(schedule: (epoch: number, learningRate: number) => number): Callback {
  const where = 'learningRateScheduler';
  checkNumber(where, schedule, typeof schedule === 'function', 'a function of epoch and rate');
  return {
    onEpochBegin({ epoch }, { model }) {
      const rate = schedule(epoch, model.learningRate);
      checkNumber(`${where}, epoch ${epoch}`, rate, Number.isFinite(rate) && rate >= 0, 'a rate >= 0');
      model.learningRate = rate;
    },
  };
}
