// What an augmentation is: a recipe that draws effects (a warp, or a change of pixels) from a sample's own random numbers.
// The numbers depend on seed, epoch and the sample's number alone, so a picture is the same whoever makes it, when, and in
// whatever company.

import type { NumericArray } from '../../core/dtype.js';
import { check, checkOptions } from '../../core/errors.js';
import { completeOptions, jsonOf, OptionReader } from '../../core/options.js';
import { Random } from '../../core/random.js';
import { readRange } from './factors.js';
import {
  byteRange,
  checkPixels,
  emptyLike,
  Picture,
  type PictureSize,
  type PixelArray,
  type ValueRange,
} from './picture.js';
import { applyWarp, merged, type Warp } from './warp.js';

/** One picture: [height, width, channels], bytes or floats. */
export interface ImageSample {
  readonly data: PixelArray;
  readonly shape: readonly number[];
}

/** A picture, or a batch of them, that somebody hands in; other arrays than bytes and float32 are refused. */
export interface ImageInput {
  readonly data: NumericArray;
  readonly shape: readonly number[];
}

/** Class numbers [samples], or shares of classes [samples, classes]. */
export interface ImageLabels {
  readonly data: NumericArray | readonly number[];
  readonly shape: readonly number[];
}

/** Pictures [samples, height, width, channels], and what they show: only mixUp and cutMix read it. */
export interface ImageBatch {
  readonly x: ImageInput;
  readonly y?: ImageLabels;
}

/** What becomes of a batch: with labels where it had some. */
export type AugmentedBatch<B extends ImageBatch> = { readonly x: ImageSample } & (B extends { readonly y: ImageLabels }
  ? { readonly y: ImageLabels }
  : { readonly y?: ImageLabels });

export interface SamplePlace {
  /** Default 0. */
  readonly seed?: number;
  /** Counted from 0; below 2 ** 20. Default 0. */
  readonly epoch?: number;
  /** The sample's number in its data set, below 2 ** 32. Default 0. */
  readonly index?: number;
}

export interface BatchPlace {
  /** Default 0. */
  readonly seed?: number;
  /** Counted from 0. Default 0. */
  readonly epoch?: number;
  /** The samples' numbers in their data set. Default: counted on from those of the batches before. */
  readonly indices?: ArrayLike<number>;
  /** The batch's number, where samples have none: they are index * samples and on. Default 0. */
  readonly index?: number;
}

export interface StepOptions {
  /** Smallest and largest value of float pixels; bytes have 0 to 255. Default that of the pipeline, which is [0, 255]. */
  valueRange?: readonly [number, number];
}

/** Changes pixels in place. */
export type Paint = (picture: Picture) => void;
export type Effect = { readonly warp: Warp } | { readonly paint: Paint };

/** What a step knows when it draws: the picture's size as the steps before leave it, not its pixels. */
export interface DrawContext extends PictureSize {
  readonly random: Random;
  readonly range: ValueRange;
  /** Of the values 0 to 255, whatever is said elsewhere. */
  readonly isBytes: boolean;
}

export type Draw = (context: DrawContext) => readonly Effect[];

/** Pictures of a batch with their random numbers and their labels. */
export interface MixContext {
  readonly pictures: readonly Picture[];
  readonly randoms: readonly Random[];
  readonly y: ImageLabels | undefined;
}

/** Mixes the pictures of a batch in place and returns their labels. */
export type Mix = (context: MixContext) => ImageLabels | undefined;

export type Stage = { readonly draw: Draw } | { readonly mix: Mix };

/**
 * A random change of pictures, made by the functions of `augment`. Steps and pipelines of steps are the same thing.
 *
 * @example
 * const flip = augment.randomFlip({ mode: 'horizontal' });
 * const photo = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), shape: [1, 2, 3] };
 * flip.apply(photo, { seed: 1, epoch: 0, index: 7 }).shape; // [1, 2, 3]
 */
export class Augmentation {
  constructor(
    /** Which function of `augment` made it. */
    readonly type: string,
    /** Its options, as JSON. */
    readonly config: Readonly<Record<string, unknown>>,
    /** What it does, in order. */
    readonly stages: readonly Stage[],
  ) {}

  /**
   * The picture that sample `index` becomes in epoch `epoch`. The sample is never written to; where nothing changes the
   * result shares its memory.
   *
   * @param sample [height, width, channels]
   * @throws OcellusError ERR_OCELLUS_SHAPE or ERR_OCELLUS_DATA for anything but a picture | ERR_OCELLUS_ARGUMENT for numbers
   * that are none | ERR_OCELLUS_STATE where a step needs a batch
   */
  apply(sample: ImageInput, place: SamplePlace = {}): ImageSample {
    const { seed = 0, epoch = 0, index = 0 } = place;
    checkOptions(this.type, place, ['seed', 'epoch', 'index']);
    const { data, shape } = sample;
    checkPixels(this.type, 'a picture [height, width, channels]', 3, data, shape);
    const [height, width, channels] = shape;
    const picture = new Picture(data, height, width, channels);
    const random = randomOf(this.type, seed, epoch, index);
    for (const stage of this.stages) {
      check('draw' in stage, 'ERR_OCELLUS_STATE', () => ({
        where: this.type,
        expected: 'a batch of pictures to mix',
        got: 'one picture',
        help: 'call applyBatch',
      }));
      drawAndApply(stage.draw, picture, random);
    }
    return { data: picture.data, shape: [picture.height, picture.width, channels] };
  }

  /**
   * Changes every picture as `apply` does, with the number `indices[i]`; mixUp and cutMix mix them and their labels. The
   * result has memory of its own.
   *
   * @param batch x [samples, height, width, channels]; labels y [samples] or [samples, classes] where steps mix
   * @throws OcellusError as `apply`; ERR_OCELLUS_SHAPE where pictures end with different sizes
   */
  applyBatch<B extends ImageBatch>(batch: B, place: BatchPlace = {}): AugmentedBatch<B> {
    const { seed = 0, epoch = 0, indices, index = 0 } = place;
    checkOptions(this.type, place, ['seed', 'epoch', 'indices', 'index']);
    const { data, shape } = batch.x;
    checkPixels(this.type, 'pictures [samples, height, width, channels]', 4, data, shape);
    const [count, height, width, channels] = shape;
    check(!indices || indices.length === count, 'ERR_OCELLUS_SHAPE', () => ({
      where: `${this.type}: indices`,
      expected: `${count} numbers, one per picture`,
      got: indices?.length,
    }));
    const size = height * width * channels;
    const pictures: Picture[] = [];
    const randoms: Random[] = [];
    for (let i = 0; i < count; i++) {
      pictures.push(new Picture(data.subarray(i * size, (i + 1) * size), height, width, channels));
      randoms.push(randomOf(this.type, seed, epoch, indices ? indices[i] : index * count + i));
    }
    let y = batch.y as ImageLabels | undefined;
    for (const stage of this.stages) {
      if ('mix' in stage) y = stage.mix({ pictures, randoms, y });
      else pictures.forEach((picture, i) => drawAndApply(stage.draw, picture, randoms[i]));
    }
    const x = stacked(this.type, pictures, { data, shape });
    return (y ? { x, y } : { x }) as AugmentedBatch<B>;
  }

  /** Its type and options. */
  toJSON(): Record<string, unknown> {
    return { type: this.type, ...this.config };
  }
}

/** Consecutive drawing stages as one, so that their warps meet. */
export function joined(stages: readonly Stage[]): Stage[] {
  const result: Stage[] = [];
  for (const stage of stages) {
    const last = result.at(-1);
    if (last && 'draw' in last && 'draw' in stage)
      result[result.length - 1] = { draw: inTurn([last.draw, stage.draw]) };
    else result.push(stage);
  }
  return result;
}

/** Draws one after the other, each for the size that those before it leave. */
export function inTurn(draws: readonly Draw[]): Draw {
  return (context) => {
    const effects: Effect[] = [];
    let { height, width } = context;
    for (const draw of draws) {
      for (const effect of draw({ ...context, height, width })) {
        if ('warp' in effect) ({ height, width } = effect.warp);
        effects.push(effect);
      }
    }
    return effects;
  };
}

/** How a step that changes pictures one by one draws; mixing steps are refused in the name of `where`. */
export function drawOf(where: string, step: Augmentation): Draw {
  const draws = step.stages.map((stage) => {
    check('draw' in stage, 'ERR_OCELLUS_OPTION', () => ({
      where,
      expected: 'steps that change pictures one by one',
      got: `'${step.type}'`,
      help: 'put it behind, in compose',
    }));
    return stage.draw;
  });
  return inTurn(draws);
}

function randomOf(where: string, seed: number, epoch: number, index: number): Random {
  const isCount = (value: number, below: number) => Number.isSafeInteger(value) && value >= 0 && value < below;
  const given = `seed ${seed}, epoch ${epoch}, sample ${index}`;
  check(isCount(seed, 2 ** 53) && isCount(epoch, 2 ** 20) && isCount(index, 2 ** 32), 'ERR_OCELLUS_ARGUMENT', () => ({
    where,
    expected: 'seed, epoch (below 2 ** 20) and sample (below 2 ** 32) as whole numbers from 0',
    got: given,
  }));
  // Streams below 2 ** 32 belong to other uses of the seed.
  return new Random(seed, (epoch + 1) * 2 ** 32 + index);
}

function drawAndApply(draw: Draw, picture: Picture, random: Random): void {
  const { height, width, channels, isBytes } = picture;
  const effects = draw({ random, height, width, channels, isBytes, range: byteRange });
  let pending: Warp | null = null;
  for (const effect of effects) {
    if ('paint' in effect) {
      if (pending) applyWarp(picture, pending);
      pending = null;
      effect.paint(picture);
      continue;
    }
    const both: Warp | null = pending && merged(pending, effect.warp);
    if (pending && !both) applyWarp(picture, pending);
    pending = both ?? effect.warp;
  }
  if (pending) applyWarp(picture, pending);
}

function stacked(where: string, pictures: readonly Picture[], { data, shape }: ImageSample): ImageSample {
  const [{ height, width }] = pictures.length > 0 ? pictures : [{ height: shape[1], width: shape[2] }];
  const size = height * width * shape[3];
  const out = emptyLike(data, pictures.length * size);
  pictures.forEach((picture, i) => {
    check(picture.height === height && picture.width === width, 'ERR_OCELLUS_SHAPE', () => ({
      where,
      expected: `pictures of one size, ${height}x${width}`,
      got: `${picture.height}x${picture.width}`,
    }));
    out.set(picture.data, i * size);
  });
  return { data: out, shape: [pictures.length, height, width, shape[3]] };
}

/** The same drawing with pictures of another value range. */
export function withRange(draw: Draw, range: ValueRange | undefined): Draw {
  return range ? (context) => draw(context.isBytes ? context : { ...context, range }) : draw;
}

// biome-ignore lint/complexity/noBannedTypes: {} is the test for "no option is required"
type StepArguments<Options> = {} extends Options ? [options?: Options] : [options: Options];

/** Makes a function of `augment`: `read` checks the options, given ones over `defaults`, and returns what draws. */
export function defineStep<Options extends StepOptions>(
  type: string,
  defaults: { readonly [K in Exclude<keyof Options, 'valueRange'>]-?: Options[K] | undefined },
  read: (options: OptionReader) => Draw,
): (...args: StepArguments<Options>) => Augmentation {
  return (...[given]) => {
    const complete = completeOptions(type, given, { ...defaults, valueRange: undefined });
    const reader = new OptionReader(type, complete);
    return new Augmentation(type, jsonOf(complete), [{ draw: withRange(read(reader), readRange(reader)) }]);
  };
}
