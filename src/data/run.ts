// What one reading of a pipeline is told, from the last stage back to the source.

import { setMaxListeners } from 'node:events';
import { check } from '../core/errors.js';

/** One epoch being read. */
export interface Run {
  /** Counted from 0. */
  readonly epoch: number;
  /** Aborted when a later stage no longer wants what it has asked for: sources end as soon as they can. */
  readonly signal: AbortSignal;
}

/** Begins to read an epoch. */
export type Open<T> = (run: Run) => AsyncGenerator<T, void, undefined>;

/** Where in the data an element stands. */
export interface Place {
  /** Counted from 0. */
  readonly epoch: number;
  /** Number of the element in its epoch, counted from 0. */
  readonly index: number;
}

/** A signal for one run, which any number of stages may listen to. */
export function closable(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

export function wholeNumber(where: string, value: unknown, least: number): void {
  check(Number.isSafeInteger(value) && (value as number) >= least, 'ERR_OCELLUS_ARGUMENT', () => ({
    where,
    expected: `a whole number of at least ${least}`,
    got: value,
  }));
}
