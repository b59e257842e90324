// How options say how much: ranges of factors, rates, ranges of values.

import type { OptionReader } from '../../core/options.js';
import type { Random } from '../../core/random.js';
import type { ValueRange } from './picture.js';

/** The option `valueRange`, where it is given. */
export function readRange(options: OptionReader): ValueRange | undefined {
  if (!options.has('valueRange')) return undefined;
  const value = options.raw('valueRange');
  if (Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && value[0] < value[1]) {
    return [value[0], value[1]];
  }
  throw options.error('valueRange', 'two numbers, the smaller one first', value);
}

export type Pair = readonly [number, number];

/** One number for a range around what changes nothing, or both ends of the range. */
export type Factors = number | Pair;

/** Two numbers within the bounds; `f` alone stands for `single(f)`. */
export function readPair(
  options: OptionReader,
  name: string,
  [low, high]: Pair,
  single: (factor: number) => Pair = (factor) => [factor, factor],
): Pair {
  const value = options.raw(name);
  const pair = typeof value === 'number' ? single(value) : value;
  const fits = (factor: unknown) => typeof factor === 'number' && factor >= low && factor <= high;
  if (Array.isArray(pair) && pair.length === 2 && pair.every(fits)) return [pair[0], pair[1]];
  throw options.error(name, `a number, or two of them, from ${low} to ${high}`, value);
}

/** A range of factors: a pair whose smaller number comes first. */
export function readFactors(options: OptionReader, name: string, bounds: Pair, single: (factor: number) => Pair): Pair {
  const pair = readPair(options, name, bounds, single);
  if (pair[0] <= pair[1]) return pair;
  throw options.error(name, 'the smaller of two numbers first', options.raw(name));
}

/** `f` for [-f, f]. */
export const bothWays = (factor: number): [number, number] => [-Math.abs(factor), Math.abs(factor)];
/** `f` for [0, f]. */
export const fromZero = (factor: number): [number, number] => [0, factor];

/** A number between the two. */
export const between = (random: Random, [low, high]: readonly [number, number]): number =>
  low + (high - low) * random.uniform();

/** A share of the pictures. */
export const readRate = (options: OptionReader, name: string): number => options.number(name, { min: 0, max: 1 });
