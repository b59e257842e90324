// Steps that look at neighbouring pixels, add noise, or take a part of the picture away.

import type { Random } from '../../core/random.js';
import { between, fromZero, readFactors, readPair, readRate } from './factors.js';
import type { Picture, PictureSize } from './picture.js';
import { blur, gaussian, scaleSharpness } from './pixels.js';
import { defineStep, type StepOptions } from './step.js';

export interface RandomSharpnessOptions extends StepOptions {
  /** f for [0, f], or both ends, from 0 to 1: 0 blurs, 0.5 changes nothing, 1 sharpens. */
  factor: number | readonly [number, number];
}

/**
 * Blurs a little, or sharpens. The outermost pixels stay. Any channels.
 *
 * @example
 * const step = augment.randomSharpness({ factor: [0.3, 0.8] });
 */
export const randomSharpness = defineStep<RandomSharpnessOptions>(
  'randomSharpness',
  { factor: undefined },
  (options) => {
    const factors = readFactors(options, 'factor', [0, 1], fromZero);
    return ({ random, range }) => {
      const factor = 2 * between(random, factors);
      return [{ paint: (picture) => scaleSharpness(picture, factor, range) }];
    };
  },
);

export interface RandomGaussianBlurOptions extends StepOptions {
  /** Share of the pictures that change. Default 1. */
  factor?: number;
  /** Pixels that a sum takes in, odd: one number, or [vertical, horizontal]. Default 3. */
  kernelSize?: number | readonly [number, number];
  /** Deviation of the Gaussian in pixels: f for [0, f], or both ends; drawn anew for each direction. Default 1. */
  sigma?: number | readonly [number, number];
}

/**
 * Blurs by a Gaussian. Any channels.
 *
 * @example
 * const step = augment.randomGaussianBlur({ factor: 0.5, kernelSize: 5, sigma: [0.1, 2] });
 */
export const randomGaussianBlur = defineStep<RandomGaussianBlurOptions>(
  'randomGaussianBlur',
  { factor: 1, kernelSize: 3, sigma: 1 },
  (options) => {
    const rate = readRate(options, 'factor');
    const sizes = options.pair('kernelSize', { min: 1, max: 255 });
    if (sizes.some((size) => size % 2 === 0))
      throw options.error('kernelSize', 'odd numbers', options.raw('kernelSize'));
    const sigmas = readFactors(options, 'sigma', [0, 100], fromZero);
    return ({ random, range }) => {
      if (random.uniform() >= rate) return [];
      // Keras's least deviation: the Gaussian of 0 is one pixel.
      const [vertical, horizontal] = sizes.map((size) => gaussian(size, between(random, sigmas) + 1e-6));
      return [{ paint: (picture) => blur(picture, vertical, horizontal, range) }];
    };
  },
);

export interface RandomNoiseOptions extends StepOptions {
  /** Deviation as a share of the value range: f for [0, f], or both ends, from 0 to 1. */
  factor: number | readonly [number, number];
}

/**
 * Adds normal noise to every value. Any channels.
 *
 * @example
 * const step = augment.randomNoise({ factor: 0.05 });
 */
export const randomNoise = defineStep<RandomNoiseOptions>('randomNoise', { factor: undefined }, (options) => {
  const factors = readFactors(options, 'factor', [0, 1], fromZero);
  return ({ random, range: [low, high] }) => {
    const deviation = between(random, factors) * (high - low);
    const bits = fastBits(random);
    return [
      {
        paint(picture) {
          const data = picture.writable();
          const half = picture.isBytes ? 0.5 : 0;
          for (let i = 0; i < data.length; i++) {
            const value = data[i] + deviation * normalOf(bits());
            data[i] = (value < low ? low : Math.min(value, high)) + half;
          }
        },
      },
    ];
  };
});

/** A cheap stream of 32 bits for a picture's many pixels: Marsaglia's xorshift128, begun by the sample's own numbers. */
function fastBits(random: Random): () => number {
  let [x, y, z, w] = [random.uint32() | 1, random.uint32(), random.uint32(), random.uint32()];
  return () => {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return w;
  };
}

/** The sum of four bytes, nearly normal; of mean 0 and deviation 1. */
function normalOf(bits: number): number {
  const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24);
  return (sum - 510) / 147.8;
}

export interface RandomErasingOptions extends StepOptions {
  /** Share of the pictures that change. Default 1. */
  factor?: number;
  /** Least and greatest share of the area that is erased. Default [0.02, 0.33]. */
  scale?: number | readonly [number, number];
  /** Least and greatest width / height. Default [0.3, 3.3]. */
  ratio?: number | readonly [number, number];
  /** What stands there instead: a value; null: noise. Default null. */
  fillValue?: number | null;
}

/**
 * Erases a rectangle (random erasing, Zhong et al., 2017; with `fillValue: 0, ratio: 1` it is cutout, DeVries and Taylor,
 * 2017). Any channels.
 *
 * @example
 * const step = augment.randomErasing({ factor: 0.5, scale: [0.05, 0.2], fillValue: 0 });
 */
export const randomErasing = defineStep<RandomErasingOptions>(
  'randomErasing',
  { factor: 1, scale: [0.02, 0.33], ratio: [0.3, 3.3], fillValue: null },
  (options) => {
    const rate = readRate(options, 'factor');
    const scales = readPair(options, 'scale', [0, 1]);
    const ratios = readPair(options, 'ratio', [1e-3, 1e3]);
    const fill = options.has('fillValue') ? options.number('fillValue') : null;
    return ({ random, range: [low, high], ...size }) => {
      if (random.uniform() >= rate) return [];
      const box = randomBox(random, size, between(random, scales), ratios);
      const bits = fastBits(random);
      const value = fill === null ? () => low + ((high - low) * (bits() >>> 8)) / 16777215 : () => fill;
      return [{ paint: (picture) => fillBox(picture, box, value) }];
    };
  },
);

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly height: number;
  readonly width: number;
}

/** A rectangle of about `share` of the area, anywhere in the picture. */
export function randomBox(random: Random, size: PictureSize, share: number, ratios: readonly [number, number]): Box {
  const ratio = Math.exp(between(random, [Math.log(ratios[0]), Math.log(ratios[1])]));
  const area = share * size.height * size.width;
  const width = Math.min(size.width, Math.round(Math.sqrt(area * ratio)));
  const height = Math.min(size.height, Math.round(Math.sqrt(area / ratio)));
  return { width, height, x: random.integer(size.width - width + 1), y: random.integer(size.height - height + 1) };
}

function fillBox(picture: Picture, { x, y, height, width }: Box, value: () => number): void {
  const { channels } = picture;
  const data = picture.writable();
  for (let row = y; row < y + height; row++) {
    const from = (row * picture.width + x) * channels;
    for (let i = from; i < from + width * channels; i++) data[i] = value();
  }
}
