// Policies that choose among many steps: RandAugment (Cubuk et al., 2019) and TrivialAugment (Müller and Hutter, 2021),
// with the steps and strengths of their papers.

import { completeOptions, jsonOf, OptionReader } from '../../core/options.js';
import { between, readFactors, readRange } from './factors.js';
import { type Filling, type FillOptions, fillDefaults, readFilling, rotate, shear, translate } from './geometry.js';
import type { Picture, ValueRange } from './picture.js';
import {
  equalize,
  posterize,
  scaleContrast,
  scaleLight,
  scaleSharpness,
  solarize,
  stretchContrast,
  towardsGrey,
} from './pixels.js';
import { Augmentation, type DrawContext, type Effect, withRange } from './step.js';

/** How strong each step is at strength 1. */
interface Strengths {
  readonly shear: number;
  /** Of a side. */
  readonly translation: (size: number) => number;
  /** Of a full turn. */
  readonly rotation: number;
  /** Brightness, colour, contrast and sharpness change by a factor of 1 plus or minus this. */
  readonly tone: number;
  /** Bits that posterizing takes away. */
  readonly bits: number;
}

/** A step of a policy at a strength from 0 to 1; `sign` is 1 or -1. */
type PolicyStep = (context: DrawContext, strength: number, sign: number, most: Strengths, filling: Filling) => Effect[];

const painted =
  (paint: (picture: Picture, amount: number, range: ValueRange) => void): PolicyStep =>
  ({ range }, strength, sign, { tone }) => [{ paint: (picture) => paint(picture, 1 + sign * tone * strength, range) }];

const policySteps: readonly PolicyStep[] = [
  () => [],
  (context, strength, sign, most, filling) => shear(context, sign * most.shear * strength, 0, filling),
  (context, strength, sign, most, filling) => shear(context, 0, sign * most.shear * strength, filling),
  (context, strength, sign, most, filling) =>
    translate(context, 0, Math.round(sign * most.translation(context.width) * strength), filling),
  (context, strength, sign, most, filling) =>
    translate(context, Math.round(sign * most.translation(context.height) * strength), 0, filling),
  (context, strength, sign, most, filling) => rotate(context, sign * 2 * Math.PI * most.rotation * strength, filling),
  painted(scaleLight),
  painted((picture, factor, range) => towardsGrey(picture, 1 - factor, range)),
  painted(scaleContrast),
  painted(scaleSharpness),
  ({ range }, strength, _, { bits }) => [
    { paint: (picture) => posterize(picture, 8 - Math.round(bits * strength), range) },
  ],
  ({ range }, strength) => [
    { paint: (picture) => solarize(picture, 0, range[1] - (range[1] - range[0]) * strength, range) },
  ],
  ({ range }) => [{ paint: (picture) => stretchContrast(picture, range) }],
  ({ range }) => [{ paint: (picture) => equalize(picture, range) }],
];

export interface RandAugmentOptions extends FillOptions {
  /** Steps per picture. Default 2. */
  numOps?: number;
  /** Strength of the steps, from 0 to 1: a number, or both ends of a range. Default 0.3. */
  factor?: number | readonly [number, number];
}

/**
 * RandAugment: some steps per picture, drawn from fourteen (nothing, shears, shifts, rotation, brightness, colour, contrast,
 * sharpness, posterizing, solarizing, automatic contrast, equalizing), all of one strength. Any size.
 *
 * @example
 * const step = augment.randAugment({ numOps: 2, factor: 0.3 });
 */
export const randAugment = (options?: RandAugmentOptions): Augmentation =>
  policy('randAugment', { numOps: 2, factor: 0.3 }, options, {
    shear: 0.3,
    translation: (size) => 0.45 * size,
    rotation: 1 / 12,
    tone: 0.9,
    bits: 4,
  });

export interface TrivialAugmentOptions extends FillOptions {}

/**
 * TrivialAugment: one step per picture, of RandAugment's fourteen, of any strength: nothing to tune. Any size.
 *
 * @example
 * const step = augment.trivialAugment();
 */
export const trivialAugment = (options?: TrivialAugmentOptions): Augmentation =>
  policy('trivialAugment', {}, options, {
    shear: 0.99,
    translation: (size) => Math.min(32, size / 2),
    rotation: 0.375,
    tone: 0.99,
    bits: 6,
  });

function policy(
  type: string,
  defaults: { numOps?: number; factor?: number },
  given: RandAugmentOptions | undefined,
  most: Strengths,
): Augmentation {
  const complete = completeOptions(type, given, { ...defaults, ...fillDefaults, valueRange: undefined });
  const options = new OptionReader(type, complete);
  const count = options.has('numOps') ? options.integer('numOps', { min: 0 }) : 1;
  const strengths = options.has('factor')
    ? readFactors(options, 'factor', [0, 1], (factor) => [factor, factor])
    : ([0, 1] as const);
  const filling = readFilling(options);
  const draw = (context: DrawContext): Effect[] =>
    Array.from({ length: count }, () => {
      const { random } = context;
      const step = policySteps[random.integer(policySteps.length)];
      const strength = between(random, strengths);
      return step(context, strength, random.uniform() < 0.5 ? -1 : 1, most, filling);
    }).flat();
  return new Augmentation(type, jsonOf(complete), [{ draw: withRange(draw, readRange(options)) }]);
}
