// Callbacks that end a training: when it no longer improves, when it breaks down.

import { checkOptions } from '../../core/errors.js';
import type { Callback } from '../events.js';
import { Best, checkNumber, type MonitorOptions } from './monitor.js';

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement that are borne before training stops. */
  patience?: number;
  /** Smallest change that counts as improvement. */
  minDelta?: number;
  /** Put the weights of the best epoch back when training ends. */
  restoreBestWeights?: boolean;
}

/**
 * Stops when the watched value no longer improves.
 *
 * @example
 * callbacks.earlyStopping({ monitor: 'valLoss', patience: 3, restoreBestWeights: true });
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const where = 'earlyStopping';
  checkOptions(where, options, ['monitor', 'mode', 'patience', 'minDelta', 'restoreBestWeights']);
  const { patience = 0, minDelta = 0, restoreBestWeights = false } = options;
  checkNumber(
    `${where}, option 'patience'`,
    patience,
    Number.isInteger(patience) && patience >= 0,
    'a whole number >= 0',
  );
  checkNumber(`${where}, option 'minDelta'`, minDelta, minDelta >= 0, 'a number >= 0');
  const best = new Best(where, options, minDelta);
  let waited = 0;
  let weights: Record<string, Float32Array> | undefined;
  return {
    onTrainBegin() {
      best.reset();
      waited = 0;
      weights = undefined;
    },
    onEpochEnd({ logs }, context) {
      if (best.improves(logs)) {
        waited = 0;
        if (restoreBestWeights) weights = context.model.getWeights();
      } else if (++waited >= patience) context.stop();
    },
    onTrainEnd(_event, context) {
      if (weights) context.model.setWeights(weights);
    },
  };
}

/** Stops after the first batch whose loss is not a finite number. */
export function terminateOnNaN(): Callback {
  return {
    onBatchEnd({ loss }, context) {
      if (!Number.isFinite(loss)) context.stop();
    },
  };
}
