// The stages of a pipeline that work on one element after the other, as async generators: closing the last one closes
// all before it.

import { hashName, Random } from '../core/random.js';
import type { Open, Place } from './run.js';

/**
 * Epochs set apart for each epoch of an endless `repeat`: few enough for augmentation, which takes numbers below 2 ** 20.
 * Who reads more of them in one epoch meets the orders of the next.
 */
const endless = 2 ** 10;

export function filter<T>(open: Open<T>, keep: (element: T, place: Place) => boolean | Promise<boolean>): Open<T> {
  return async function* (run) {
    let index = 0;
    for await (const element of open(run)) if (await keep(element, { epoch: run.epoch, index: index++ })) yield element;
  };
}

export interface ShuffleStage {
  readonly bufferSize: number | undefined;
  readonly seed: number;
  readonly reshuffleEachIteration: boolean;
}

export function shuffle<T>(open: Open<T>, { bufferSize, seed, reshuffleEachIteration }: ShuffleStage): Open<T> {
  return async function* (run) {
    const random = new Random(seed, (hashName('shuffle') + (reshuffleEachIteration ? run.epoch : 0)) >>> 0);
    const buffer: T[] = [];
    for await (const element of open(run)) {
      if (bufferSize === undefined || buffer.length < bufferSize) {
        buffer.push(element);
        continue;
      }
      const at = random.integer(bufferSize);
      const drawn = buffer[at];
      buffer[at] = element;
      yield drawn;
    }
    const order = random.shuffle(Uint32Array.from(buffer, (_, index) => index));
    for (const index of order) {
      const element = buffer[index];
      // Whoever takes it may drop it.
      delete buffer[index];
      yield element;
    }
  };
}

export function repeat<T>(open: Open<T>, count: number): Open<T> {
  return async function* ({ epoch, signal }) {
    const each = count === Number.POSITIVE_INFINITY ? endless : count;
    for (let time = 0; time < count && !signal.aborted; time++) {
      let isEmpty = true;
      for await (const element of open({ epoch: epoch * each + time, signal })) {
        isEmpty = false;
        yield element;
      }
      if (isEmpty && count === Number.POSITIVE_INFINITY) return;
    }
  };
}

export function take<T>(open: Open<T>, count: number): Open<T> {
  return async function* (run) {
    if (count === 0) return;
    let taken = 0;
    for await (const element of open(run)) {
      yield element;
      if (++taken === count) return;
    }
  };
}

export function skip<T>(open: Open<T>, count: number): Open<T> {
  return async function* (run) {
    let index = 0;
    for await (const element of open(run)) if (index++ >= count) yield element;
  };
}

export function shard<T>(open: Open<T>, count: number, own: number): Open<T> {
  return async function* (run) {
    let index = 0;
    for await (const element of open(run)) if (index++ % count === own) yield element;
  };
}

export function cache<T>(open: Open<T>): Open<T> {
  let kept: readonly T[] | undefined;
  return async function* (run) {
    if (kept) {
      yield* kept;
      return;
    }
    const elements: T[] = [];
    for await (const element of open(run)) {
      elements.push(element);
      yield element;
    }
    // A source that was closed behind a prefetch ends early, without being at its end.
    if (!run.signal.aborted) kept ??= elements;
  };
}
