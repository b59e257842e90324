// Steps that mix the pictures of a batch and their labels. Who is mixed with whom, and how much, depends on the random
// numbers of the samples in the batch, not on their order.

import { OcellusError } from '../../core/errors.js';
import { completeOptions, jsonOf, OptionReader } from '../../core/options.js';
import type { Random } from '../../core/random.js';
import { type Box, randomBox } from './filter.js';
import type { Picture, PixelArray } from './picture.js';
import { Augmentation, type ImageLabels, type Mix } from './step.js';

export interface MixOptions {
  /**
   * Number of classes, where labels are class numbers [samples]. Default: labels are shares of classes [samples, classes].
   */
  classes?: number | null;
}

export interface MixUpOptions extends MixOptions {
  /** Of the beta distribution that the shares come from: small ones mix little, 1 evenly. Default 0.2. */
  alpha?: number;
}

export interface CutMixOptions extends MixOptions {
  /** Of the beta distribution that the areas come from. Default 1. */
  alpha?: number;
}

/** Puts of one picture what `other` gives into it; returns the share of it that stays its own. */
type Blend = (picture: Picture, other: PixelArray, random: Random, alpha: number) => number;

/**
 * Mixes every picture of a batch, and its label, with those of another one: share * a + (1 - share) * b, the share from
 * a beta distribution (Zhang et al., 2017). Needs `applyBatch`; the new labels are float32 [samples, classes].
 *
 * @example
 * const mix = augment.mixUp({ alpha: 0.2, classes: 10 });
 * const x = { data: new Uint8Array(2 * 4 * 4 * 3), shape: [2, 4, 4, 3] };
 * mix.applyBatch({ x, y: { data: [3, 8], shape: [2] } }).y.shape; // [2, 10]
 * // In a pipeline, `place` tells the epoch and the batch's number.
 * const samples = data.array([0, 1, 2, 3]).map((label) => ({ x: { data: new Uint8Array(48), shape: [4, 4, 3] }, y: label }));
 * const batches = samples.batch(2).map(({ x, y }, place) => mix.applyBatch({ x, y }, { seed: 1, ...place }));
 */
export const mixUp = (options?: MixUpOptions): Augmentation => mixing('mixUp', { alpha: 0.2 }, options, blendAll);

/**
 * Puts a rectangle of another picture of the batch into every picture; labels mix by area (Yun et al., 2019). Needs
 * `applyBatch`; the new labels are float32 [samples, classes].
 *
 * @example
 * const mix = augment.cutMix({ classes: 10 });
 */
export const cutMix = (options?: CutMixOptions): Augmentation => mixing('cutMix', { alpha: 1 }, options, pasteBox);

function mixing(
  type: string,
  defaults: { alpha: number },
  given: MixUpOptions | undefined,
  blend: Blend,
): Augmentation {
  const complete = completeOptions(type, given, { ...defaults, classes: null });
  const options = new OptionReader(type, complete);
  const alpha = options.number('alpha', { above: 0 });
  const classes = options.has('classes') ? options.integer('classes', { min: 1 }) : null;
  const mix: Mix = ({ pictures, randoms, y }) => {
    const partners = partnersOf(randoms);
    const pixels = pictures.map((picture) => picture.data);
    checkSizes(type, pictures);
    const shares = pictures.map((picture, i) => {
      // The others read what the picture was.
      picture.replace(picture.data.slice(), picture.height, picture.width);
      return blend(picture, pixels[partners[i]], randoms[i], alpha);
    });
    return y && mixLabels(type, y, pictures.length, classes, partners, shares);
  };
  return new Augmentation(type, jsonOf(complete), [{ mix }]);
}

function blendAll(picture: Picture, other: PixelArray, random: Random, alpha: number): number {
  const share = beta(random, alpha);
  const half = picture.isBytes ? 0.5 : 0;
  const { data } = picture;
  for (let i = 0; i < data.length; i++) data[i] = other[i] + (data[i] - other[i]) * share + half;
  return share;
}

function pasteBox(picture: Picture, other: PixelArray, random: Random, alpha: number): number {
  const ratio = picture.width / picture.height;
  const box: Box = randomBox(random, picture, 1 - beta(random, alpha), [ratio, ratio]);
  for (let row = box.y; row < box.y + box.height; row++) {
    const from = (row * picture.width + box.x) * picture.channels;
    picture.data.set(other.subarray(from, from + box.width * picture.channels), from);
  }
  return 1 - (box.height * box.width) / (picture.height * picture.width);
}

/** Everybody's partner: samples stand in a circle, in the order of a number that each draws, and take the next one. */
function partnersOf(randoms: readonly Random[]): number[] {
  const keys = randoms.map((random) => random.uint32());
  const circle = keys.map((_, i) => i).sort((a, b) => keys[a] - keys[b]);
  const partners = new Array<number>(circle.length);
  circle.forEach((sample, place) => {
    partners[sample] = circle[(place + 1) % circle.length];
  });
  return partners;
}

function checkSizes(where: string, pictures: readonly Picture[]): void {
  const odd = pictures.find(({ height, width }) => height !== pictures[0].height || width !== pictures[0].width);
  if (!odd) return;
  const expected = `pictures of one size, ${pictures[0].height}x${pictures[0].width}`;
  throw new OcellusError('ERR_OCELLUS_SHAPE', { where, expected, got: `${odd.height}x${odd.width}` });
}

function mixLabels(
  where: string,
  { data, shape }: ImageLabels,
  samples: number,
  classes: number | null,
  partners: readonly number[],
  shares: readonly number[],
): ImageLabels {
  const fail = (expected: string, got: unknown, help?: string): never => {
    throw new OcellusError('ERR_OCELLUS_SHAPE', { where: `${where}: y`, expected, got, help });
  };
  const isNumbers = shape.length === 1;
  const count = classes ?? shape[1];
  if (isNumbers && classes === null)
    fail('shares of classes [samples, classes]', `[${shape}]`, 'or say how many: classes');
  const fits = shape[0] === samples && (isNumbers || (shape.length === 2 && shape[1] === count));
  if (!fits) fail(`labels [${samples}] or [${samples}, ${count}]`, `[${shape}]`);
  const mixed = new Float32Array(samples * count);
  const add = (to: number, from: number, share: number): void => {
    if (!isNumbers) {
      for (let k = 0; k < count; k++) mixed[to * count + k] += share * data[from * count + k];
      return;
    }
    const label = data[from];
    if (!(Number.isInteger(label) && label >= 0 && label < count)) fail(`class numbers below ${count}`, label);
    mixed[to * count + label] += share;
  };
  for (let i = 0; i < samples; i++) {
    add(i, i, shares[i]);
    add(i, partners[i], 1 - shares[i]);
  }
  return { data: mixed, shape: [samples, count] };
}

/** Beta(alpha, alpha): two gamma numbers. */
function beta(random: Random, alpha: number): number {
  const [a, b] = [gamma(random, alpha), gamma(random, alpha)];
  // Of a tiny alpha both may be 0: one picture alone.
  return a + b > 0 ? a / (a + b) : Math.round(random.uniform());
}

/** Marsaglia and Tsang, "A simple method for generating gamma variables" (2000). */
function gamma(random: Random, alpha: number): number {
  if (alpha < 1) return gamma(random, alpha + 1) * (1 - random.uniform()) ** (1 / alpha);
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
