// What results.csv says of an epoch besides its metrics: how long it took, at which rate, how many images a second.

import type { Callback } from '../../train/events.js';

/** A logger that hears of `seconds`, `learningRate` (of the last step) and `imagesPerSecond` (validation apart), too. */
export function withThroughput(logger: Callback): Callback {
  let begun = 0;
  let lastStep = 0;
  let images = 0;
  return {
    ...logger,
    onEpochBegin() {
      begun = performance.now();
      lastStep = begun;
      images = 0;
    },
    onBatchEnd({ size }) {
      lastStep = performance.now();
      images += size;
    },
    async onEpochEnd(event, context) {
      const { learningRate } = context.model;
      const imagesPerSecond = lastStep > begun ? (1000 * images) / (lastStep - begun) : 0;
      const logs = { ...event.logs, seconds: event.seconds, learningRate, imagesPerSecond };
      await logger.onEpochEnd?.({ ...event, logs }, context);
    },
  };
}
