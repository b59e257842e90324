// Pictures that may be in the wrong folder: a model gives their class little, or pictures that look like them are of
// another class.

import { Random } from '../../core/random.js';
import { ImageReader } from '../../data/decoding.js';
import { array } from '../../data/sources.js';
import type { Model } from '../../model/model.js';
import type { ModelInput } from '../data/labelled.js';
import { type Looks, thumbBytes } from './fingerprint.js';

export interface Suspect {
  /** Index of the picture. */
  readonly index: number;
  /** The class that it seems to be of. */
  readonly looksLike: string;
  /** What speaks for that class and for its own: probabilities, or shares of the neighbours. */
  readonly share: number;
  readonly ownShare: number;
}

interface Labelled {
  readonly className: string;
  readonly file: string;
}

/**
 * What a picture's own class may have at most, and another must have at least. A model that was trained with a wrong label
 * has learned some of it.
 */
const limits = { model: { own: 0.25, other: 0.5 }, looks: { own: 0.1, other: 0.7 } };

/** By a model: pictures of classes that it does not know are passed over. The least likely first. */
export async function suspectsByModel(
  model: Model,
  { classNames, shape, ...decoding }: ModelInput,
  pictures: readonly Labelled[],
): Promise<Suspect[]> {
  const known = pictures.map(({ className, file }, y) => ({ className, file, image: file, y }));
  const reader = new ImageReader('ocellus check', {
    ...decoding,
    size: [shape[0], shape[1]],
    channels: shape[2] as 1 | 3 | 4,
    // Those that cannot be decoded were found before.
    onSkip: () => undefined,
  });
  const encoded = array(known.filter(({ className }) => classNames.includes(className)));
  const suspects: Suspect[] = [];
  if (encoded.size === 0) return suspects;
  for await (const { x, y } of reader.batches(reader.samples(encoded))) {
    const { data } = await model.predict(x);
    Array.from(y.data as Int32Array).forEach((index, row) => {
      const shares = data.subarray(row * classNames.length, (row + 1) * classNames.length);
      const best = shares.indexOf(Math.max(...shares));
      const ownShare = shares[classNames.indexOf(pictures[index].className)];
      if (ownShare <= limits.model.own && shares[best] >= limits.model.other)
        suspects.push({ index, looksLike: classNames[best], share: shares[best], ownShare });
    });
  }
  return suspects.sort((a, b) => a.ownShare - b.ownShare || a.index - b.index);
}

const neighbours = 10;
/** Pictures that others are compared with, at most: the work grows with the number of pictures, not with its square. */
const mostReferences = 2000;
/** Share of the pictures whose neighbours must be of their own class, or thumbnails say nothing about these classes. */
const leastAgreement = 0.7;

/** By the thumbnails of the nearest others; undefined where these do not tell the classes apart, or are too few. */
export function suspectsByLooks(
  pictures: readonly (Looks & Labelled)[],
  groups: readonly { readonly members: readonly number[] }[],
): Suspect[] | undefined {
  const groupOf = new Map(groups.flatMap(({ members }, group) => members.map((i) => [i, group] as const)));
  const references = new Random(0).shuffle(pictures.map((_, i) => i)).slice(0, mostReferences);
  const suspects: Suspect[] = [];
  let agreeing = 0;
  let judged = 0;
  pictures.forEach((picture, index) => {
    const group = groupOf.get(index);
    const isOther = (i: number) => i !== index && (group === undefined || groupOf.get(i) !== group);
    const near = nearest(picture, pictures, references, isOther);
    if (near.length < neighbours) return;
    judged++;
    const counts = new Map<string, number>();
    for (const i of near) counts.set(pictures[i].className, (counts.get(pictures[i].className) ?? 0) + 1);
    const [[looksLike, most]] = [...counts].sort(([, a], [, b]) => b - a);
    const ownShare = (counts.get(picture.className) ?? 0) / near.length;
    if (looksLike === picture.className) agreeing++;
    else if (ownShare <= limits.looks.own && most / near.length >= limits.looks.other)
      suspects.push({ index, looksLike, share: most / near.length, ownShare });
  });
  if (judged === 0 || agreeing / judged < leastAgreement) return undefined;
  return suspects.sort((a, b) => b.share - a.share || a.index - b.index);
}

function nearest(
  { thumb }: Looks,
  pictures: readonly Looks[],
  references: readonly number[],
  isOther: (index: number) => boolean,
): number[] {
  const found: { index: number; distance: number }[] = [];
  let worst = Number.POSITIVE_INFINITY;
  for (const index of references) {
    const distance = squaredDistance(thumb, pictures[index].thumb, worst);
    if (distance >= worst || !isOther(index)) continue;
    const at = found.findIndex((one) => one.distance > distance);
    found.splice(at < 0 ? found.length : at, 0, { index, distance });
    if (found.length > neighbours) found.pop();
    if (found.length === neighbours) worst = found[neighbours - 1].distance;
  }
  return found.map(({ index }) => index);
}

/** Values that are summed between two looks at whether it is enough. */
const stride = 48;

/** Stops where it is more than `enough`. */
function squaredDistance(a: Uint8Array, b: Uint8Array, enough: number): number {
  let sum = 0;
  for (let from = 0; from < thumbBytes && sum < enough; from += stride) {
    for (let i = from; i < from + stride; i++) {
      const difference = a[i] - b[i];
      sum += difference * difference;
    }
  }
  return sum;
}
