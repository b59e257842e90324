// What constraints and regularizers have in common: something with a name and options that emits nodes on a weight.

import type { Emitter, Value } from '../ops/op.js';
import { lookUp, optionError, quoted, splitName } from './options.js';

export type BuildOnWeight = (emitter: Emitter, weight: Value) => Value;

export interface OnWeight {
  /** Name and options, as JSON; null for a function, which cannot be written to JSON. */
  readonly config: Readonly<Record<string, unknown>> | null;
  build(emitter: Emitter, weight: Value): Value;
  toJSON(): unknown;
}

/** Emits an op of one output. */
export const emitOne = (emitter: Emitter, op: string, inputs: readonly Value[], attrs = {}): Value =>
  emitter.emit(op, inputs, attrs)[0];

export function onWeight(name: string, options: object, build: BuildOnWeight): OnWeight {
  const config = { name, ...options };
  return { config, build, toJSON: () => config };
}

type Table = Readonly<Record<string, (options?: object) => OnWeight>>;

/** Turns the value of an option (a name, { name, … }, a function, a thing that builds) into such a thing; null for none. */
export function resolveOnWeight(
  where: string,
  kind: string,
  option: unknown,
  table: Table,
  aliases: Readonly<Record<string, string>>,
): OnWeight | null {
  if (option === null || option === undefined) return null;
  if (typeof option === 'function') return { config: null, build: option as BuildOnWeight, toJSON: () => undefined };
  if (typeof (option as OnWeight).build === 'function') return option as OnWeight;
  if (typeof option !== 'string' && typeof option !== 'object') {
    throw optionError(where, `a ${kind}: a name, { name, … } or a function`, quoted(option));
  }
  const { name, rest } = splitName(where, option);
  return lookUp(where, name, table, aliases)(rest);
}
