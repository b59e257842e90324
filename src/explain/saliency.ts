// Which pixels a score depends on: its gradient by the image, and that gradient summed up from a baseline.

import { check, checkOptions } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';
import { type TensorInput, toTensor } from '../data/array.js';
import type { ModelData } from '../data/dataset.js';
import { type BackwardRule, backwardRules } from '../train/probe.js';
import { ClassMap, explainedOf, type Shown, shownImage } from './class-map.js';
import type { Pixels } from './picture.js';
import {
  batching,
  batchOf,
  type ClassOptions,
  chooseClasses,
  type Explained,
  type ImageModel,
  imageOf,
  type Subject,
  scoresIn,
  seedFor,
  subjectOf,
} from './subject.js';

export interface SaliencyOptions extends ClassOptions {
  /** What goes back through rectifiers: the gradient, or the signal of guided backpropagation or of a deconvnet. Default 'gradient'. */
  rule?: BackwardRule;
}

/** The largest absolute gradient of each pixel. */
export class SaliencyMap extends ClassMap {
  constructor(
    explained: Explained,
    /** Of the score by each number of the image, [height, width, channels]. */
    readonly gradient: Pixels & { readonly data: Float32Array },
    image: Shown,
  ) {
    super(
      explained,
      overChannels(gradient, (most, one) => Math.max(most, Math.abs(one))),
      false,
      image,
    );
  }
}

/** The sum of each pixel's attributions, with its sign. */
export class AttributionMap extends ClassMap {
  constructor(
    explained: Explained,
    /** What each number of the image adds to the score, [height, width, channels]. */
    readonly attributions: Pixels & { readonly data: Float32Array },
    /** The score of the baseline: the attributions sum to `score - baselineScore`, but for the error of `steps`. */
    readonly baselineScore: number,
    image: Shown,
  ) {
    super(
      explained,
      overChannels(attributions, (sum, one) => sum + one),
      true,
      image,
    );
  }
}

/** One number for each pixel, from 0 on. */
function overChannels({ data, shape }: Pixels, join: (before: number, one: number) => number): Float32Array {
  const [height, width, channels] = shape;
  return Float32Array.from({ length: height * width }, (_, i) => {
    let value = 0;
    for (let c = 0; c < channels; c++) value = join(value, data[i * channels + c]);
    return value;
  });
}

/**
 * Which pixels a class's score depends on: the largest absolute gradient of each (Simonyan et al. 2013), or of guided
 * backpropagation.
 *
 * @returns a map for each image, of its height and width, and the `gradient` itself
 * @throws OcellusError ERR_OCELLUS_OPTION for a class or a rule that is not there | ERR_OCELLUS_SHAPE for images of
 * another shape
 * @example
 * const [map] = await explain.saliency(classifier, photo, { classIndex: 2, rule: 'guided' });
 * map.gradient.shape; // [32, 32, 3]
 * const png = await map.png();
 */
export async function saliency(
  model: ImageModel,
  images: ModelData,
  options: SaliencyOptions = {},
): Promise<SaliencyMap[]> {
  const where = 'saliency';
  checkOptions(where, options, ['classIndex', 'rule', 'batchSize', 'signal']);
  const { rule = 'gradient' } = options;
  check(backwardRules.includes(rule), 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'rule'`,
    expected: `one of ${backwardRules.join(', ')}`,
    got: rule,
  }));
  const subject = await subjectOf(where, model, images);
  const chosen = await chooseClasses(where, model, subject, options);
  const request = { seed: chosen.seed, byInputs: true, rule, ...batching(options) };
  const { value, inputs } = await model.probe(batchOf(subject), request);
  const scores = scoresIn(value, chosen.seed);
  return chosen.classes.map((_, i) => {
    const gradient = imageOf(subject, inputs[0].data, i);
    return new SaliencyMap(explainedOf(chosen, scores, i), gradient, shownImage(subject, i));
  });
}

export interface IntegratedGradientsOptions extends ClassOptions {
  /** The image that says nothing: one number for all its pixels, or an image in the model's shape. Default 0. */
  baseline?: number | TensorInput;
  /** Points between baseline and image at which gradients are taken. Default 64. */
  steps?: number;
}

/**
 * How much each pixel adds to a class's score, compared with a baseline: gradients along the line from the baseline to the
 * image (Sundararajan et al. 2017). Attributions sum to the difference of both scores.
 *
 * @returns a map for each image, of its height and width, with signs, and the `attributions` of each channel
 * @throws OcellusError ERR_OCELLUS_OPTION for a class that is not there | ERR_OCELLUS_SHAPE for images or a baseline of
 * another shape
 * @example
 * const [map] = await explain.integratedGradients(classifier, photo, { steps: 16, baseline: 128 });
 * map.data.reduce((sum, one) => sum + one) - (map.score - map.baselineScore); // about 0
 */
export async function integratedGradients(
  model: ImageModel,
  images: ModelData,
  options: IntegratedGradientsOptions = {},
): Promise<AttributionMap[]> {
  const where = 'integratedGradients';
  checkOptions(where, options, ['classIndex', 'baseline', 'steps', 'batchSize', 'signal']);
  const { steps = 64 } = options;
  check(Number.isSafeInteger(steps) && steps >= 1, 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'steps'`,
    expected: 'a whole number of at least 1',
    got: steps,
  }));
  const subject = await subjectOf(where, model, images);
  const baseline = baselineOf(where, subject, options.baseline ?? 0);
  const chosen = await chooseClasses(where, model, subject, options);
  const size = baseline.length;
  const maps: AttributionMap[] = [];
  for (const [i, index] of chosen.classes.entries()) {
    const image = subject.data.subarray(i * size, (i + 1) * size);
    const seed = seedFor(where, model, new Array<number>(steps + 2).fill(index));
    const line = { data: between(baseline, image, steps), shape: [steps + 2, ...subject.shape.slice(1)] };
    const { value, inputs } = await model.probe(line, { seed, byInputs: true, ...batching(options) });
    const scores = scoresIn(value, seed);
    const attributions = image.map((pixel, at) => {
      let sum = 0;
      for (let step = 1; step <= steps; step++) sum += inputs[0].data[step * size + at];
      return ((pixel - baseline[at]) * sum) / steps;
    });
    const explained = { classIndex: index, probability: chosen.probabilities[i], score: scores[steps + 1] };
    maps.push(new AttributionMap(explained, imageOf(subject, attributions, 0), scores[0], shownImage(subject, i)));
  }
  return maps;
}

function baselineOf(where: string, subject: Subject, baseline: number | TensorInput): Float32Array {
  const size = sizeOf(subject.shape.slice(1));
  if (typeof baseline === 'number') return new Float32Array(size).fill(baseline);
  const { data } = toTensor(`${where}: baseline`, baseline, { dtype: 'float32' });
  check(data.length === size, 'ERR_OCELLUS_SHAPE', () => ({
    where: `${where}, option 'baseline'`,
    expected: `a number, or an image of ${size} numbers`,
    got: data.length,
  }));
  return Float32Array.from(data);
}

/** The baseline, the middles of `steps` equal parts of the way to the image, the image. */
function between(baseline: Float32Array, image: Float32Array, steps: number): Float32Array {
  const points = [0, ...Array.from({ length: steps }, (_, step) => (step + 0.5) / steps), 1];
  const line = new Float32Array(points.length * image.length);
  points.forEach((share, point) => {
    for (let i = 0; i < image.length; i++) {
      line[point * image.length + i] = baseline[i] + share * (image[i] - baseline[i]);
    }
  });
  return line;
}
