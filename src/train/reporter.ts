// Shows training as Keras's progress line: names as Keras spells them (valLoss is printed as val_loss).

import type { Callback, Logs } from './events.js';
import type { EvaluationProgress } from './fit.js';
import { ProgressLine, type ProgressStream, progressMode, type Verbosity } from './progress.js';

/** A callback that prints, and `close` for training that ends early. */
export function progressReporter(verbose: Verbosity, stream?: ProgressStream): Callback & { close(): void } {
  const mode = progressMode(verbose, stream);
  const line = new ProgressLine(mode, stream);
  let epochs = 0;
  let steps: number | undefined;
  if (mode === 'silent') return { close: () => undefined };
  return {
    onTrainBegin(event) {
      epochs = event.epochs;
      steps = event.steps;
    },
    onEpochBegin: ({ epoch }) => line.start({ steps, title: `Epoch ${epoch + 1}/${epochs}` }),
    onBatchEnd: ({ batch, logs }) => line.update(batch + 1, printed(logs)),
    onEpochEnd: ({ logs }) => line.finish(printed(logs)),
    close: () => line.close(),
  };
}

/** Prints how far an evaluation is. */
export function evaluationReporter(
  verbose: Verbosity,
  stream?: ProgressStream,
): EvaluationProgress & { close(): void } {
  const line = new ProgressLine(progressMode(verbose, stream), stream);
  return {
    start: (steps) => line.start({ steps }),
    update: (batches, logs) => line.update(batches, printed(logs)),
    finish: (logs) => line.finish(printed(logs)),
    close: () => line.close(),
  };
}

/** `valMeanSquaredError` → `val_mean_squared_error`. */
function printed(logs: Logs): Record<string, number> {
  const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(logs).map(([name, value]) => [snake(name), value]));
}
