// The learning rate range test (Smith, "Cyclical Learning Rates for Training Neural Networks", 2017): the rate grows from
// step to step while the loss is watched; a good one lies where the loss falls fastest.

import { check, checkOptions } from '../core/errors.js';
import type { LearningRate } from '../nn/optimizers.js';
import type { Meter } from './meter.js';
import type { Session } from './session.js';
import { type Feed, requestFor, type Source } from './source.js';
import type { WeightingOptions } from './weighting.js';

export interface FindLearningRateOptions extends WeightingOptions {
  /** Samples per step; a dataset has its own. Default 32. */
  batchSize?: number;
  /** First rate. Default 1e-6. */
  from?: number;
  /** Last rate. Default 10. */
  to?: number;
  /** Steps from the first to the last; passes over the data are repeated as needed. Default 100. */
  steps?: number;
  /** Stops within one batch; the call rejects with `signal.reason`. */
  signal?: AbortSignal;
}

export interface LearningRates {
  /** The rates that were tried, ascending. */
  readonly rates: number[];
  /** The loss at each of them, smoothed over earlier steps. */
  readonly losses: number[];
  /** Where the loss fell fastest; null when it never fell. */
  readonly suggestion: number | null;
}

const known = ['batchSize', 'from', 'to', 'steps', 'signal', 'sampleWeight', 'classWeight'];

export function checkRateOptions(where: string, options: FindLearningRateOptions): void {
  checkOptions(where, options, known);
  const { from = 1e-6, to = 10, steps = 100 } = options;
  const rule = (name: string, holds: boolean, expected: string, got: unknown) =>
    check(holds, 'ERR_OCELLUS_OPTION', () => ({ where: `${where}, option '${name}'`, expected, got }));
  rule('from', Number.isFinite(from) && from > 0, 'a rate above 0', from);
  rule('to', Number.isFinite(to) && to > from, `a rate above ${from}`, to);
  rule('steps', Number.isSafeInteger(steps) && steps >= 2, 'a whole number of at least 2', steps);
}

/** Weight of the past in the smoothed loss. */
const memory = 0.9;
/** A loss this many times the best one ends the search. */
const blownUp = 4;

/** Trains with growing rates. Weights, optimizer and counters are the caller's to put back. */
export async function findRates(
  session: Session,
  source: Source,
  meter: Meter,
  optimizer: { learningRate: LearningRate },
  options: FindLearningRateOptions,
): Promise<LearningRates> {
  const { from = 1e-6, to = 10, steps = 100, signal } = options;
  const rates: number[] = [];
  const losses: number[] = [];
  let average = 0;
  let best = Number.POSITIVE_INFINITY;
  for await (const feed of repeated(source)) {
    signal?.throwIfAborted();
    const count = rates.length;
    if (count === steps) break;
    const rate = from * (to / from) ** (count / (steps - 1));
    optimizer.learningRate = rate;
    const loss = await session.run(requestFor('train', feed), meter.take(feed));
    if (!Number.isFinite(loss)) break;
    average = memory * average + (1 - memory) * loss;
    const smooth = average / (1 - memory ** (count + 1));
    rates.push(rate);
    losses.push(smooth);
    if (smooth > blownUp * best) break;
    best = Math.min(best, smooth);
  }
  return { rates, losses, suggestion: steepest(rates, losses) };
}

async function* repeated(source: Source): AsyncGenerator<Feed> {
  for (let epoch = 0; ; epoch++) yield* source.batches(epoch);
}

/** The rate at which the loss falls fastest over the logarithm of the rate. */
function steepest(rates: readonly number[], losses: readonly number[]): number | null {
  let found: number | null = null;
  let slope = 0;
  for (let i = 1; i + 1 < losses.length; i++) {
    const fall = losses[i + 1] - losses[i - 1];
    if (fall < slope) [found, slope] = [rates[i], fall];
  }
  return found;
}
