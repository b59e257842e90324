// Pictures that are there twice: the same bytes, or nearly the same picture. Hashes are compared only with those that share
// a ninth part or so of their bits, so that the work grows with the number of pictures and not with its square.

import { hashBits, type Looks, thumbBytes } from './fingerprint.js';

export interface Picture extends Looks {
  readonly digest: string;
}

export interface DuplicateGroup {
  /** Indices of the pictures, ascending. */
  readonly members: readonly number[];
  /** Whether all have the same bytes. */
  readonly isExact: boolean;
}

/** Bits that differ between two pictures that count as nearly the same; at most bands - 1, or some would be missed. */
const nearBits = 6;
const bands = 7;
const bandBits = hashBits / bands;
/** Of their thumbnails: copies of other sizes and compression have 0.99 and more, photographs of a series 0.97 and less. */
const leastLikeness = 0.985;
/** Others that a picture is compared with in one band, at most. */
const mostCompared = 1000;

/** Groups of two and more, in the order of their first members. */
export function findDuplicates(pictures: readonly Picture[]): DuplicateGroup[] {
  const parents = pictures.map((_, i) => i);
  const rootOf = (i: number): number => {
    let root = i;
    while (parents[root] !== root) root = parents[root];
    parents[i] = root;
    return root;
  };
  const join = (a: number, b: number) => {
    const [first, second] = [rootOf(a), rootOf(b)].sort((x, y) => x - y);
    parents[second] = first;
  };
  const firsts = new Map<string, number>();
  pictures.forEach(({ digest }, i) => {
    const first = firsts.get(digest);
    if (first === undefined) firsts.set(digest, i);
    else join(first, i);
  });
  const different = [...firsts.values()].filter((i) => !pictures[i].isFlat);
  for (let band = 0; band < bands; band++) {
    for (const bucket of bucketsOf(pictures, different, band)) {
      bucket.forEach((a, at) => {
        for (const b of bucket.slice(at + 1, at + 1 + mostCompared)) {
          if (rootOf(a) !== rootOf(b) && areNear(pictures[a], pictures[b])) join(a, b);
        }
      });
    }
  }
  const groups = new Map<number, number[]>();
  pictures.forEach((_, i) => {
    const root = rootOf(i);
    const members = groups.get(root);
    if (members) members.push(i);
    else groups.set(root, [i]);
  });
  return [...groups.values()]
    .filter(({ length }) => length > 1)
    .map((members) => ({ members, isExact: new Set(members.map((i) => pictures[i].digest)).size === 1 }));
}

/** Pictures whose hashes agree in one band of bits. */
function bucketsOf(pictures: readonly Picture[], indices: readonly number[], band: number): Iterable<number[]> {
  const buckets = new Map<number, number[]>();
  for (const i of indices) {
    const key = bitsOf(pictures[i].hash, band * bandBits);
    const bucket = buckets.get(key);
    if (bucket) bucket.push(i);
    else buckets.set(key, [i]);
  }
  return buckets.values();
}

function bitsOf([low, high]: Looks['hash'], at: number): number {
  const mask = 2 ** bandBits - 1;
  if (at >= 32) return (high >>> (at - 32)) & mask;
  return at + bandBits <= 32 ? (low >>> at) & mask : ((low >>> at) | (high << (32 - at))) & mask;
}

function areNear(a: Picture, b: Picture): boolean {
  return ones(a.hash[0] ^ b.hash[0]) + ones(a.hash[1] ^ b.hash[1]) <= nearBits && likeness(a, b) >= leastLikeness;
}

/** Correlation of the brightness of their thumbnails: 1 for copies, brighter or of more contrast as they may be. */
function likeness({ thumb: a }: Picture, { thumb: b }: Picture): number {
  const pixels = thumbBytes / 3;
  let [sumA, sumB, squareA, squareB, product] = [0, 0, 0, 0, 0];
  for (let i = 0; i < thumbBytes; i += 3) {
    const x = a[i] + a[i + 1] + a[i + 2];
    const y = b[i] + b[i + 1] + b[i + 2];
    sumA += x;
    sumB += y;
    squareA += x * x;
    squareB += y * y;
    product += x * y;
  }
  const covariance = product - (sumA * sumB) / pixels;
  return covariance / Math.sqrt((squareA - sumA ** 2 / pixels) * (squareB - sumB ** 2 / pixels));
}

/** Number of ones among 32 bits. */
function ones(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return (((v + (v >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
