// Pipelines: steps in order, by chance, one of several, or a function of one's own.

import { check } from '../../core/errors.js';
import { completeOptions, jsonOf, OptionReader } from '../../core/options.js';
import type { Random } from '../../core/random.js';
import { readRange, readRate } from './factors.js';
import { checkPixels } from './picture.js';
import { Augmentation, drawOf, type ImageSample, joined, type StepOptions, withRange } from './step.js';

const describe = (steps: readonly Augmentation[]) => steps.map((step) => step.toJSON());

function checkSteps(where: string, steps: readonly Augmentation[]): void {
  check(Array.isArray(steps) && steps.every((step) => step instanceof Augmentation), 'ERR_OCELLUS_OPTION', () => ({
    where,
    expected: "a list of augment's steps",
    got: steps,
  }));
}

/**
 * Steps one after the other, as one. Neighbours that move pixels (flips, shifts, crops, rotations, zooms, shears,
 * perspectives) with the same filling become one movement: pixels are interpolated once, and what the first pushes out of
 * the picture the next may bring back.
 *
 * @param steps in order; mixUp and cutMix need a batch
 *
 * @example
 * const pipeline = augment.compose([
 *   augment.randomFlip({ mode: 'horizontal' }),
 *   augment.randomCrop({ height: 32, width: 32, padding: 4 }),
 *   augment.randomColorJitter({ brightnessFactor: 0.1, contrastFactor: 0.2 }),
 * ]);
 * const photo = { data: new Uint8Array(32 * 32 * 3), shape: [32, 32, 3] };
 * pipeline.apply(photo, { seed: 42, epoch: 3, index: 17 }).shape; // [32, 32, 3]
 * // In front of a shuffle, `place` tells the epoch and the sample's own number.
 * const dataset = data.array([photo, photo]).map((one, place) => pipeline.apply(one, { seed: 42, ...place }));
 */
export function compose(steps: readonly Augmentation[], options: StepOptions = {}): Augmentation {
  checkSteps('compose', steps);
  const range = readRange(new OptionReader('compose', completeOptions('compose', options, { valueRange: undefined })));
  const stages = joined(steps.flatMap((step) => step.stages)).map((stage) =>
    'draw' in stage ? { draw: withRange(stage.draw, range) } : stage,
  );
  return new Augmentation('compose', jsonOf({ steps: describe(steps), ...options }), stages);
}

export interface RandomApplyOptions {
  /** Share of the pictures that change. Default 0.5. */
  rate?: number;
}

/**
 * Runs a step, or a pipeline, on a share of the pictures.
 *
 * @param step anything but mixUp and cutMix
 *
 * @example
 * const step = augment.randomApply(augment.randomGaussianBlur({ kernelSize: 5 }), { rate: 0.1 });
 */
export function randomApply(step: Augmentation, options: RandomApplyOptions = {}): Augmentation {
  checkSteps('randomApply', [step]);
  const complete = completeOptions('randomApply', options, { rate: 0.5 });
  const rate = readRate(new OptionReader('randomApply', complete), 'rate');
  const draw = drawOf('randomApply', step);
  return new Augmentation('randomApply', jsonOf({ step, ...complete }), [
    { draw: (context) => (context.random.uniform() < rate ? draw(context) : []) },
  ]);
}

/**
 * Runs one of several steps, or pipelines, on each picture.
 *
 * @param steps anything but mixUp and cutMix; each is as likely as the others
 *
 * @example
 * const step = augment.randomChoice([augment.equalization(), augment.autoContrast(), augment.randomInvert()]);
 */
export function randomChoice(steps: readonly Augmentation[]): Augmentation {
  checkSteps('randomChoice', steps);
  check(steps.length > 0, 'ERR_OCELLUS_OPTION', () => ({
    where: 'randomChoice',
    expected: 'at least one step',
    got: 'none',
  }));
  const draws = steps.map((step) => drawOf('randomChoice', step));
  return new Augmentation('randomChoice', jsonOf({ steps: describe(steps) }), [
    { draw: (context) => draws[context.random.integer(draws.length)](context) },
  ]);
}

/**
 * A step of one's own: a function of a picture and the picture's own random numbers. It must not write to the picture, and
 * take what is random from these numbers alone.
 *
 * @example
 * const dim = augment.lambda(({ data, shape }, random) => {
 *   const factor = random.uniform();
 *   return { data: data.map((value) => value * factor), shape };
 * });
 */
export function lambda(change: (sample: ImageSample, random: Random) => ImageSample): Augmentation {
  check(typeof change === 'function', 'ERR_OCELLUS_OPTION', () => ({
    where: 'lambda',
    expected: 'a function',
    got: change,
  }));
  const mixed: Augmentation['stages'][number] = {
    draw: ({ random }) => [
      {
        paint(picture) {
          const { data, height, width, channels } = picture;
          const result = change({ data, shape: [height, width, channels] }, random);
          checkPixels('lambda', 'a picture [height, width, channels]', 3, result.data, result.shape);
          check(result.shape[2] === channels, 'ERR_OCELLUS_SHAPE', () => ({
            where: 'lambda',
            expected: `${channels} channels, as before`,
            got: result.shape[2],
          }));
          picture.replace(result.data.slice(), result.shape[0], result.shape[1]);
        },
      },
    ],
  };
  return new Augmentation('lambda', {}, [mixed]);
}
