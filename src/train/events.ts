// What happens during training, as data: `for await (const event of model.train(…))` yields these events, callbacks
// receive the same objects. Epochs and batches count from 0.

/** Values by name, averaged over the samples of the epoch so far: `loss`, `accuracy`, `valLoss`, `valAccuracy`. */
export type Logs = Readonly<Record<string, number>>;

export interface TrainBeginEvent {
  readonly type: 'trainBegin';
  /** First epoch and the one to stop before. */
  readonly initialEpoch: number;
  readonly epochs: number;
  /** Samples and batches of an epoch; undefined for a dataset that does not say. */
  readonly samples: number | undefined;
  readonly steps: number | undefined;
}

export interface EpochBeginEvent {
  readonly type: 'epochBegin';
  readonly epoch: number;
}

export interface BatchEndEvent {
  readonly type: 'batchEnd';
  readonly epoch: number;
  readonly batch: number;
  /** Samples in this batch. */
  readonly size: number;
  /** Loss of this batch alone. */
  readonly loss: number;
  readonly logs: Logs;
}

export interface EpochEndEvent {
  readonly type: 'epochEnd';
  readonly epoch: number;
  readonly logs: Logs;
  /** Time for the epoch, validation included. */
  readonly seconds: number;
}

export interface TrainEndEvent {
  readonly type: 'trainEnd';
  readonly history: History;
}

export type TrainEvent = TrainBeginEvent | EpochBeginEvent | BatchEndEvent | EpochEndEvent | TrainEndEvent;

/** What was found where a loss was no longer finite. Epochs and batches count from 0. */
export interface NonFinite {
  readonly epoch: number;
  readonly batch: number;
  /** Path of the first layer whose output was not finite; null when data, targets or the loss itself were to blame. */
  readonly layer: string | null;
  /** Path of a weight of that layer that was not finite before the step: an earlier one broke it. */
  readonly weight: string | null;
  /** The same in words. */
  readonly what: string;
  /** NaN, Infinity or -Infinity. */
  readonly value: number;
}

/** What `fit` returns. */
export interface History {
  /** The epochs that were completed, in order. */
  readonly epochs: number[];
  /** One number per completed epoch under each name: `history.history.valAccuracy.at(-1)`. */
  readonly history: Record<string, number[]>;
  /** Whether a callback ended the training before the last epoch. */
  stopped: boolean;
  /** Why `terminateOnNaN` ended the training. */
  nonFinite?: NonFinite;
}

/** A place in a training: so many batches of this epoch are done. Both count from 0. */
export interface TrainingPlace {
  readonly epoch: number;
  readonly batch: number;
  /** The rate at that place, where it was a number. */
  readonly learningRate?: number;
}

/** What a callback sees of the model. */
export interface TrainedModel {
  /** Copies of all weights by path. */
  getWeights(): Record<string, Float32Array>;
  setWeights(weights: Readonly<Record<string, ArrayLike<number>>>): void;
  /**
   * Writes the model to one file, atomically; with the place in the training that it belongs to, for `restore`.
   */
  save(file: string, place?: TrainingPlace): Promise<void>;
  /** Takes weights, optimizer and counters from a file that `save` wrote; the place that is noted in it. */
  restore(file: string): Promise<TrainingPlace | null>;
  /** The rate of the next step. Setting it puts a number in the place of a schedule. */
  learningRate: number;
}

export interface TrainContext {
  readonly model: TrainedModel;
  readonly history: History;
  /** Ends the training after the current batch; `fit` returns normally. */
  stop(): void;
  /** From `onTrainBegin`: lets the training begin there, with the batches that were still to come. */
  resumeAt(place: TrainingPlace): void;
  /**
   * From `onBatchEnd` of a callback with `keepsSteps`: the first thing on the way forward that was not finite. Walks the
   * batch again with the weights that its step began with; the model is afterwards as before. null: all was finite.
   */
  firstNonFinite(): Promise<Omit<NonFinite, 'epoch' | 'batch'> | null>;
}

type Handler<E> = (event: E, context: TrainContext) => void | Promise<void>;

/**
 * An object whose functions are called as training goes on; all are optional and awaited.
 *
 * @example
 * await model.fit(x, y, { callbacks: [{ onEpochEnd: ({ epoch, logs }) => console.log(epoch, logs.loss) }] });
 */
export interface Callback {
  /** Before the first epoch. */
  onTrainBegin?: Handler<TrainBeginEvent>;
  /** Before each epoch. */
  onEpochBegin?: Handler<EpochBeginEvent>;
  /** After each step, with its logs. */
  onBatchEnd?: Handler<BatchEndEvent>;
  /** After each epoch and its validation, with the logs of both. */
  onEpochEnd?: Handler<EpochEndEvent>;
  /** When the training has ended. */
  onTrainEnd?: Handler<TrainEndEvent>;
  /** true: every step keeps a copy of what it begins with, which `context.firstNonFinite()` needs. */
  readonly keepsSteps?: boolean;
}

/** Calls the callbacks that listen to `event`, one after the other. */
export async function dispatch(
  callbacks: readonly Callback[],
  event: TrainEvent,
  context: TrainContext,
): Promise<void> {
  for (const callback of callbacks) {
    switch (event.type) {
      case 'trainBegin':
        await callback.onTrainBegin?.(event, context);
        break;
      case 'epochBegin':
        await callback.onEpochBegin?.(event, context);
        break;
      case 'batchEnd':
        await callback.onBatchEnd?.(event, context);
        break;
      case 'epochEnd':
        await callback.onEpochEnd?.(event, context);
        break;
      case 'trainEnd':
        await callback.onTrainEnd?.(event, context);
    }
  }
}
