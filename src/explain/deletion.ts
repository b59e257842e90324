// How much a map tells: what is left of a class's probability while the places that the map calls important are taken
// away (Petsiuk et al. 2018, RISE).

import { check, checkOptions } from '../core/errors.js';
import { sameShape, shapeText } from '../core/shape.js';
import type { ModelData } from '../data/dataset.js';
import {
  type BatchOptions,
  batchOf,
  type ImageModel,
  imageOf,
  probabilities,
  type Subject,
  subjectOf,
} from './subject.js';

export interface DeletionOptions extends BatchOptions {
  /** Steps from the whole image to none of it. Default 10. */
  steps?: number;
}

/** A map over an image for a class, as `gradCam` and its kin make them. */
export interface PlacedMap {
  readonly data: ArrayLike<number>;
  /** [height, width] of the image. */
  readonly shape: readonly number[];
  readonly classIndex: number;
}

export interface DeletionScore {
  /** Mean probability along the curve as a share of the first: the lower, the more the map tells. */
  readonly score: number;
  /** Share of places taken away, from 0 to 1, and what is left of the probability. */
  readonly curve: readonly (readonly [share: number, probability: number])[];
}

/**
 * The strongest places of a map are replaced by the image's mean color, step by step, and the class's probability is
 * looked at: of a good map it falls at once.
 *
 * @throws OcellusError ERR_OCELLUS_SHAPE for a map of another size, or more than one image
 * @example
 * const [map] = await explain.gradCam(classifier, photo);
 * const { score, curve } = await explain.deletionScore(classifier, photo, map, { steps: 5 });
 * curve.length; // 6
 */
export async function deletionScore(
  model: ImageModel,
  image: ModelData,
  map: PlacedMap,
  options: DeletionOptions = {},
): Promise<DeletionScore> {
  const where = 'deletionScore';
  checkOptions(where, options, ['steps', 'batchSize', 'signal']);
  const { steps = 10 } = options;
  check(Number.isSafeInteger(steps) && steps >= 1, 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'steps'`,
    expected: 'a whole number of at least 1',
    got: steps,
  }));
  const subject = await subjectOf(where, model, image);
  const { count, height, width } = subject;
  check(count === 1, 'ERR_OCELLUS_SHAPE', () => ({ where, expected: 'one image', got: `${count} of them` }));
  check(sameShape(map.shape, [height, width]) && map.data.length === height * width, 'ERR_OCELLUS_SHAPE', () => ({
    where,
    expected: `a map of shape [${height}, ${width}], the image's`,
    got: shapeText(map.shape),
  }));
  const rows = await probabilities(where, model, batchOf(subject, withoutStrongest(subject, map.data, steps)), options);
  check(map.classIndex >= 0 && map.classIndex < rows[0].length, 'ERR_OCELLUS_OPTION', () => ({
    where,
    expected: `a map for a class from 0 to ${rows[0].length - 1}`,
    got: map.classIndex,
  }));
  const curve = rows.map((row, step) => [step / steps, row[map.classIndex]] as const);
  const first = curve[0][1];
  const mean = curve.reduce((sum, [, probability]) => sum + probability, 0) / curve.length;
  return { score: first > 0 ? mean / first : 0, curve };
}

/** The image, and with more and more of its strongest places at its mean. */
function withoutStrongest(subject: Subject, map: ArrayLike<number>, steps: number): Float32Array {
  const { height, width, channels, channelsFirst } = subject;
  const places = height * width;
  const order = Array.from({ length: places }, (_, i) => i).sort((a, b) => map[b] - map[a]);
  const means = channelMeans(imageOf(subject, subject.data, 0).data, channels);
  const size = places * channels;
  const data = new Float32Array((steps + 1) * size);
  const current = Float32Array.from(subject.data);
  for (let step = 0; step <= steps; step++) {
    const from = Math.round((places * Math.max(0, step - 1)) / steps);
    for (const place of order.slice(from, Math.round((places * step) / steps))) {
      for (let c = 0; c < channels; c++) current[channelsFirst ? c * places + place : place * channels + c] = means[c];
    }
    data.set(current, step * size);
  }
  return data;
}

/** The mean of each channel of an image with its channels last. */
export function channelMeans(data: Float32Array, channels: number): Float64Array {
  const means = new Float64Array(channels);
  for (let i = 0; i < data.length; i++) means[i % channels] += (data[i] * channels) / data.length;
  return means;
}
