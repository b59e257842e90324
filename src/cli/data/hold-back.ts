// Which pictures are held back to check with.

import { hashName, Random } from '../../core/random.js';
import { proportionalShares } from '../../data/digits.js';

export interface HoldBackOptions {
  /** Share held back where the data set has no part of its own to check with. */
  readonly validationSplit?: number | undefined;
  readonly seed: number;
}

/** Sets of at least this many pictures hold back a tenth where nobody says how much, smaller ones a fifth. */
const large = 5000;

/** Indices of some of each class, chosen by the seed: at least one where there are two. */
export function heldBack(labels: Int32Array, classes: number, given: number | undefined, seed: number): Set<number> {
  const share = given ?? (labels.length < large ? 0.2 : 0.1);
  if (share === 0) return new Set();
  const byClass = Array.from({ length: classes }, (): number[] => []);
  labels.forEach((label, index) => void byClass[label].push(index));
  const counts = proportionalShares(
    byClass.map(({ length }) => length),
    Math.round(labels.length * share),
  );
  const held = byClass.flatMap((own, label) => {
    const count = Math.max(0, Math.min(Math.max(counts[label], 1), own.length - 1));
    return new Random(seed, hashName(`holdBack/${label}`)).shuffle(own).slice(0, count);
  });
  return new Set(held);
}
