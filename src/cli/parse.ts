// Readers of option values for commander: they refuse in one sentence what cannot be.

import { InvalidArgumentError } from 'commander';

export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected an integer of at least ${least}.`);
  };

export function portNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65535) return value;
  throw new InvalidArgumentError('Expected a port from 0 (any that is free) to 65535.');
}

export function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

export function share(text: string): number {
  const value = Number(text);
  if (value >= 0 && value < 1) return value;
  throw new InvalidArgumentError('Expected a number from 0 up to, but not including, 1.');
}

const seconds = { s: 1, m: 60, h: 3600 } as const;

/** `90s`, `10m`, `1.5h` in seconds. */
export function duration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([smh])$/.exec(text) ?? [];
  const value = Number(number) * seconds[unit as keyof typeof seconds];
  if (value > 0) return value;
  throw new InvalidArgumentError('Expected a time as 90s, 10m or 1.5h.');
}
