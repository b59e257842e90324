// Reading of user options: one place that turns wrong values into one clear sentence, for layers, losses, metrics,
// optimizers and initializers alike.

import { checkName, checkOptions, nearest, OcellusError } from './errors.js';

export interface NumberRule {
  /** Smallest value allowed. */
  min?: number;
  /** Largest value allowed. */
  max?: number;
  /** The value must be smaller than this. */
  below?: number;
  /** The value must be larger than this. */
  above?: number;
}

/**
 * Options of one thing (`conv2d 'stem'`), defaults filled in. Every reader checks one option and throws
 * `<where>, option '<name>': expected <rule>, got <value>` with code ERR_OCELLUS_OPTION.
 */
export class OptionReader {
  constructor(
    readonly where: string,
    private readonly values: Readonly<Record<string, unknown>>,
  ) {}

  /** The value as it was given. */
  raw(name: string): unknown {
    return this.values[name];
  }

  has(name: string): boolean {
    return this.values[name] !== undefined && this.values[name] !== null;
  }

  number(name: string, rule: NumberRule = {}): number {
    const value = this.values[name];
    if (typeof value === 'number' && Number.isFinite(value) && obeys(value, rule)) return value;
    throw this.error(name, `a number${ruleText(rule)}`, value);
  }

  integer(name: string, rule: NumberRule = {}): number {
    const value = this.values[name];
    if (Number.isSafeInteger(value) && obeys(value as number, rule)) return value as number;
    throw this.error(name, `an integer${ruleText(rule)}`, value);
  }

  boolean(name: string): boolean {
    const value = this.values[name];
    if (typeof value === 'boolean') return value;
    throw this.error(name, 'true or false', value);
  }

  /** A number for both axes, or [vertical, horizontal]. */
  pair(name: string, rule: NumberRule): [number, number] {
    return this.perAxis(name, 2, rule) as [number, number];
  }

  /** A number for all axes, or one per axis, the outermost first. */
  perAxis(name: string, rank: number, rule: NumberRule): number[] {
    const value = this.values[name];
    const list = Array.isArray(value) ? value : new Array<unknown>(rank).fill(value);
    if (list.length === rank && list.every((item) => Number.isSafeInteger(item) && obeys(item as number, rule))) {
      return [...list] as number[];
    }
    throw this.error(name, `an integer${ruleText(rule)}${severalText[rank] ?? ''}`, value);
  }

  /** A list of integers, as long as it likes. */
  integers(name: string, rule: NumberRule = {}): number[] {
    const value = this.values[name];
    if (Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && obeys(item, rule))) {
      return [...value];
    }
    throw this.error(name, `a list of integers${ruleText(rule)}`, value);
  }

  /** The option `name`: part of a path, so without slashes; undefined when it was not given. */
  name(): string | undefined {
    const value = this.values.name;
    if (value === undefined || value === null) return undefined;
    if (isName(value)) return value;
    throw this.error('name', 'a name without spaces and slashes', value);
  }

  oneOf<N extends string>(name: string, names: readonly N[]): N {
    const value = this.values[name];
    if (names.includes(value as N)) return value as N;
    const suggestion = typeof value === 'string' ? nearest(value, names) : undefined;
    const help = suggestion ? `did you mean '${suggestion}'?` : undefined;
    throw this.error(name, `one of ${names.join(', ')}`, value, help);
  }

  error(name: string, expected: string, got: unknown, help?: string): OcellusError {
    return optionError(`${this.where}, option '${name}'`, expected, quoted(got), help);
  }
}

// biome-ignore lint/complexity/noBannedTypes: what has no options adds none
type OptionsOf<Factory> = Factory extends (...args: infer P) => unknown ? NonNullable<P[0]> : {};

/** `{ name: 'sgd', momentum: 0.9 }`: a name of a table with the options of what it makes; aliases as well. */
export type Named<Table, Aliases extends Readonly<Record<string, keyof Table>> = Record<never, never>> =
  | { [N in keyof Table]: { readonly name: N } & Readonly<OptionsOf<Table[N]>> }[keyof Table]
  | { [A in keyof Aliases]: { readonly name: A } & Readonly<OptionsOf<Table[Aliases[A]]>> }[keyof Aliases];

/** Layers and inputs are parts of paths. */
export const isName = (value: unknown): value is string => typeof value === 'string' && /^[^/\s]+$/.test(value);

/** `got` is a value, or words that describe it; text that the user gave goes through `quoted`. */
export function optionError(where: string, expected: string, got: unknown, help?: string): OcellusError {
  return new OcellusError('ERR_OCELLUS_OPTION', { where, expected, got, help });
}

/** Text in quotation marks, everything else as it is. */
export const quoted = (value: unknown): unknown => (typeof value === 'string' ? `'${value}'` : value);

/** Given options over defaults. Unknown names are refused with a suggestion; undefined means "not given". */
export function completeOptions(
  where: string,
  given: object | undefined,
  defaults: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  if (given === undefined) return { ...defaults };
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw optionError(where, `an object with options ${Object.keys(defaults).join(', ')}`, quoted(given));
  }
  const known = Object.keys(defaults);
  const [first] = Object.keys(given);
  if (known.length === 0 && first !== undefined) throw optionError(where, 'no options', `'${first}'`);
  checkOptions(where, given, known);
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(entries) };
}

/** What is left of a value in JSON: functions are dropped, objects with `toJSON` speak for themselves. */
export function jsonOf<T extends object>(value: T): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
}

/** The name in `'adam'` or `{ name: 'adam', … }`, and the other options. */
export function splitName(where: string, option: unknown): { name: string; rest: Record<string, unknown> } {
  if (typeof option === 'string') return { name: option, rest: {} };
  if (typeof option === 'object' && option !== null && typeof (option as { name?: unknown }).name === 'string') {
    const { name, ...rest } = option as { name: string };
    return { name, rest };
  }
  throw optionError(where, 'a name or an object with a name', quoted(option));
}

/** Looks a name of a table up, accepting Keras's snake_case, class names and short names from `aliases`, `MSE` too. */
export function lookUp<T>(
  where: string,
  name: string,
  table: Readonly<Record<string, T>>,
  aliases: Readonly<Record<string, string>> = {},
): T {
  const camel = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  for (const spelling of [camel, camel.charAt(0).toLowerCase() + camel.slice(1), camel.toLowerCase()]) {
    const known = Object.hasOwn(aliases, spelling) ? aliases[spelling] : spelling;
    if (Object.hasOwn(table, known)) return table[known];
  }
  return checkName(where, name, table);
}

/** What `perAxis` takes besides one number, by rank. */
const severalText: Readonly<Record<number, string>> = {
  2: ' or two of them [vertical, horizontal]',
  3: ' or three of them [depth, height, width]',
};

function obeys(value: number, rule: NumberRule): boolean {
  return (
    (rule.min === undefined || value >= rule.min) &&
    (rule.max === undefined || value <= rule.max) &&
    (rule.above === undefined || value > rule.above) &&
    (rule.below === undefined || value < rule.below)
  );
}

function ruleText(rule: NumberRule): string {
  const parts = [
    rule.min === undefined ? '' : `at least ${rule.min}`,
    rule.above === undefined ? '' : `above ${rule.above}`,
    rule.max === undefined ? '' : `at most ${rule.max}`,
    rule.below === undefined ? '' : `below ${rule.below}`,
  ].filter((part) => part !== '');
  return parts.length > 0 ? ` ${parts.join(' and ')}` : '';
}
