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

/**
 * Stops after the first batch whose loss is not a finite number, and tells where it came from: the batch is walked forward
 * again with the weights its step began with, and the first layer whose output is not finite is named in a warning and in
 * `history.nonFinite`. Where a gradient broke a weight in an earlier step whose loss was still finite, the layer of that
 * weight is named. Until then it costs a copy of the weights per step. As in Keras, the weights are left as the step made
 * them.
 *
 * @example
 * const history = await model.fit(images, labels, { callbacks: [callbacks.terminateOnNaN()] });
 * if (history.nonFinite) console.log(history.nonFinite.layer, history.nonFinite.batch);
 */
export function terminateOnNaN(): Callback {
  return {
    keepsSteps: true,
    async onBatchEnd({ epoch, batch, loss }, context) {
      if (Number.isFinite(loss)) return;
      context.stop();
      const found = await context.firstNonFinite();
      const nonFinite = found ?? { layer: null, weight: null, what: 'the loss', value: loss };
      context.history.nonFinite = { epoch, batch, ...nonFinite };
      const { value, what } = nonFinite;
      console.warn(`terminateOnNaN: epoch ${epoch}, batch ${batch}: the loss is ${loss}; first ${value} in ${what}`);
    },
  };
}
