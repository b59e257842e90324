// The training loop, once: a stream of events. `fit` drains it, `train` hands it to the caller; callbacks hear of every
// event before the caller does.

import { useAverages } from './averages.js';
import type { Callback, History, Logs, TrainContext, TrainEvent, TrainedModel, TrainingPlace } from './events.js';
import { dispatch } from './events.js';
import type { Meter } from './meter.js';
import { findNonFinite } from './non-finite.js';
import type { Session } from './session.js';
import { type Feed, requestFor, type Source } from './source.js';

export interface TrainSetup {
  readonly model: TrainedModel;
  readonly source: Source;
  readonly validation: Source | undefined;
  readonly initialEpoch: number;
  readonly epochs: number;
  readonly callbacks: readonly Callback[];
  readonly signal: AbortSignal | undefined;
  readonly meter: Meter;
  readonly validationMeter: Meter;
}

/**
 * Trains and tells what happens. Leaving the loop early, or an abort, ends the training after the batch that runs; the
 * model stays usable.
 *
 * @throws signal.reason once the signal is aborted
 */
export async function* train(session: Session, setup: TrainSetup): AsyncGenerator<TrainEvent, History, undefined> {
  const { source, validation, initialEpoch, epochs, callbacks, signal, meter, validationMeter } = setup;
  const history: History = { epochs: [], history: {}, stopped: false };
  const stop = (): void => {
    history.stopped = true;
  };
  let start: TrainingPlace = { epoch: initialEpoch, batch: 0 };
  const resumeAt = (place: TrainingPlace): void => {
    start = place;
  };
  let last: Feed | null = null;
  const keepsSteps = callbacks.some((callback) => callback.keepsSteps);
  const firstNonFinite: TrainContext['firstNonFinite'] = async () =>
    keepsSteps && last ? findNonFinite(session, last) : null;
  const context: TrainContext = { model: setup.model, history, stop, resumeAt, firstNonFinite };
  const tell = async <E extends TrainEvent>(event: E): Promise<E> => {
    await dispatch(callbacks, event, context);
    signal?.throwIfAborted();
    return event;
  };

  signal?.throwIfAborted();
  if (validation) await evaluate(session, validation, validationMeter, { signal, batches: 1 });
  yield await tell({ type: 'trainBegin', initialEpoch, epochs, samples: source.samples, steps: source.steps });
  for (let { epoch } = start; epoch < epochs && !history.stopped; epoch++) {
    const begun = performance.now();
    const done = epoch === start.epoch ? start.batch : 0;
    yield await tell({ type: 'epochBegin', epoch });
    meter.reset();
    let batch = 0;
    for await (const feed of source.batches(session.epoch++)) {
      if (batch < done) {
        batch++;
        continue;
      }
      meter.take(feed);
      last = feed;
      const loss = await session.run(requestFor('train', feed), keepsSteps ? session.keeping(meter) : meter);
      signal?.throwIfAborted();
      yield await tell({ type: 'batchEnd', epoch, batch: batch++, size: feed.size, loss, logs: meter.logs() });
      if (history.stopped) break;
    }
    const validated = validation ? await evaluate(session, validation, validationMeter, { signal }) : null;
    const logs = { ...meter.logs(), ...validated?.logs('val') };
    history.epochs.push(epoch);
    for (const [name, value] of Object.entries(logs)) (history.history[name] ??= []).push(value);
    yield await tell({ type: 'epochEnd', epoch, logs, seconds: (performance.now() - begun) / 1000 });
  }
  if (history.epochs.length > 0) await useAverages(session);
  yield await tell({ type: 'trainEnd', history });
  return history;
}

/** Hears how far an evaluation is. */
export interface EvaluationProgress {
  start(steps: number | undefined): void;
  update(batches: number, logs: Logs): void;
  finish(logs: Logs): void;
}

/** Runs all batches (or the first few) of `source` forward and returns `meter` with their means. */
export async function evaluate(
  session: Session,
  source: Source,
  meter: Meter,
  options: { signal?: AbortSignal; batches?: number; progress?: EvaluationProgress } = {},
): Promise<Meter> {
  const { signal, batches, progress } = options;
  meter.reset();
  let count = 0;
  progress?.start(source.steps);
  for await (const feed of source.batches(0)) {
    signal?.throwIfAborted();
    await session.run(requestFor('evaluate', feed), meter.take(feed));
    count++;
    progress?.update(count, meter.logs());
    if (count === batches) break;
  }
  signal?.throwIfAborted();
  progress?.finish(meter.logs());
  return meter;
}
