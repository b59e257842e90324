// What is lost when a part of an image is covered (Zeiler & Fergus 2014).

import { check, checkOptions } from '../core/errors.js';
import type { ModelData } from '../data/dataset.js';
import { ClassMap, type Shown, shownImage } from './class-map.js';
import { channelMeans } from './deletion.js';
import {
  batching,
  batchOf,
  type ClassOptions,
  chooseClasses,
  type Explained,
  type ImageModel,
  probabilities,
  type Subject,
  scoresIn,
  subjectOf,
} from './subject.js';

export interface OcclusionOptions extends ClassOptions {
  /** Side of the square that covers. Default: an eighth of the image's longer side. */
  size?: number;
  /** From one square to the next. Default: half of `size`. */
  stride?: number;
  /** What covers: a number for all channels. Default: the image's mean color. */
  value?: number;
}

/** How much of the probability is lost where a place is covered; negative where it grows. */
export class OcclusionMap extends ClassMap {
  constructor(
    explained: Explained,
    data: Float32Array,
    /** The loss for each square, row by row. */
    readonly losses: { readonly data: Float32Array; readonly shape: readonly [rows: number, columns: number] },
    image: Shown,
  ) {
    super(explained, data, true, image);
  }
}

/**
 * Which parts of an image a class's probability rests on: squares are covered one after the other, and what the
 * probability loses is written down; each pixel gets the mean over the squares that cover it.
 *
 * @returns a map for each image, of its height and width, with signs
 * @throws OcellusError ERR_OCELLUS_OPTION for squares that do not fit the image, or a class that is not there
 * @example
 * const [map] = await explain.occlusion(classifier, photo, { size: 16, stride: 8 });
 * map.losses.shape; // [3, 3]
 */
export async function occlusion(
  model: ImageModel,
  images: ModelData,
  options: OcclusionOptions = {},
): Promise<OcclusionMap[]> {
  const where = 'occlusion';
  checkOptions(where, options, ['classIndex', 'size', 'stride', 'value', 'batchSize', 'signal']);
  const subject = await subjectOf(where, model, images);
  const grid = gridOf(where, subject, options);
  const chosen = await chooseClasses(where, model, subject, options);
  const { value } = await model.probe(batchOf(subject), { seed: chosen.seed, ...batching(options) });
  const scores = scoresIn(value, chosen.seed);
  const maps: OcclusionMap[] = [];
  for (const [i, classIndex] of chosen.classes.entries()) {
    const image = shownImage(subject, i);
    const means = channelMeans(Float32Array.from(image.data), subject.channels);
    const cover = options.value === undefined ? means : means.fill(options.value);
    const losses = new Float32Array(grid.tops.length * grid.lefts.length);
    const rows = Math.max(1, options.batchSize ?? 32);
    for (let first = 0; first < losses.length; first += rows) {
      const count = Math.min(rows, losses.length - first);
      const covered = batchOf(subject, coveredImages(subject, i, grid, cover, first, count));
      const found = await probabilities(where, model, covered, options);
      found.forEach((row, k) => {
        losses[first + k] = chosen.probabilities[i] - row[classIndex];
      });
    }
    const explained = { classIndex, probability: chosen.probabilities[i], score: scores[i] };
    const shape = [grid.tops.length, grid.lefts.length] as const;
    maps.push(new OcclusionMap(explained, spread(subject, grid, losses), { data: losses, shape }, image));
  }
  return maps;
}

interface Grid {
  readonly size: number;
  readonly tops: readonly number[];
  readonly lefts: readonly number[];
}

function gridOf(where: string, { height, width }: Subject, options: OcclusionOptions): Grid {
  const [shorter, longer] = [Math.min(height, width), Math.max(height, width)];
  const { size = Math.max(1, Math.round(longer / 8)) } = options;
  const { stride = Math.max(1, Math.floor(size / 2)), value } = options;
  check(Number.isSafeInteger(size) && size >= 1 && size <= shorter, 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'size'`,
    expected: `a whole number from 1 to ${shorter}`,
    got: size,
  }));
  check(Number.isSafeInteger(stride) && stride >= 1 && stride <= size, 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'stride'`,
    expected: `a whole number from 1 to ${size}, so that no pixel is left out`,
    got: stride,
  }));
  check(value === undefined || Number.isFinite(value), 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'value'`,
    expected: 'a number',
    got: value,
  }));
  // The last square ends at the border.
  const places = (length: number): number[] =>
    Array.from({ length: Math.ceil((length - size) / stride) + 1 }, (_, i) => Math.min(i * stride, length - size));
  return { size, tops: places(height), lefts: places(width) };
}

function coveredImages(
  subject: Subject,
  index: number,
  { size, tops, lefts }: Grid,
  cover: Float64Array,
  first: number,
  count: number,
): Float32Array {
  const { height, width, channels, channelsFirst } = subject;
  const whole = height * width * channels;
  const image = subject.data.subarray(index * whole, (index + 1) * whole);
  const data = new Float32Array(count * whole);
  for (let k = 0; k < count; k++) {
    data.set(image, k * whole);
    const top = tops[Math.floor((first + k) / lefts.length)];
    const left = lefts[(first + k) % lefts.length];
    for (let i = 0; i < size * size * channels; i++) {
      const c = i % channels;
      const cell = Math.floor(i / channels);
      const place = (top + Math.floor(cell / size)) * width + left + (cell % size);
      data[k * whole + (channelsFirst ? c * height * width + place : place * channels + c)] = cover[c];
    }
  }
  return data;
}

/** The mean over the squares that cover each pixel. */
function spread({ height, width }: Subject, { size, tops, lefts }: Grid, losses: Float32Array): Float32Array {
  const sums = new Float64Array(height * width);
  const counts = new Float64Array(height * width);
  losses.forEach((loss, k) => {
    const [top, left] = [tops[Math.floor(k / lefts.length)], lefts[k % lefts.length]];
    for (let y = top; y < top + size; y++) {
      for (let x = left; x < left + size; x++) {
        sums[y * width + x] += loss;
        counts[y * width + x]++;
      }
    }
  });
  return Float32Array.from(sums, (sum, i) => sum / counts[i]);
}
