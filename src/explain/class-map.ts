// A map over an image: how much each place has to do with a class.

import { check } from '../core/errors.js';
import {
  blend,
  type Canvas,
  type PictureOptions,
  type Pixels,
  paintMap,
  paintPixels,
  pngOf,
  type Range,
  rangeOf,
  signedRange,
} from './picture.js';
import { type Chosen, type Explained, imageOf, type Subject } from './subject.js';

export interface OverlayOptions extends PictureOptions {
  /** Share of the map in the picture, 0 to 1. Default 0.5. */
  opacity?: number;
}

/** The image that a map belongs to. */
export interface Shown extends Pixels {
  /** What black and white are. */
  readonly range: Range;
}

/** How much each place of an image has to do with a class; of the image's height and width. */
export class ClassMap implements Explained {
  /** Row by row. */
  readonly data: Float32Array;
  /** [height, width] */
  readonly shape: readonly [height: number, width: number];
  /** What the ends of the colour scale stand for: 0, or the smallest number, and the largest; of signed maps [-m, m]. */
  readonly range: Range;
  readonly classIndex: number;
  readonly probability: number;
  readonly score: number;

  constructor(
    explained: Explained,
    data: Float32Array,
    /** Places may speak against the class: blue, white, red instead of dark to bright. */
    readonly signed: boolean,
    private readonly image: Shown,
  ) {
    this.data = data;
    this.shape = [image.shape[0], image.shape[1]];
    const [low, high] = rangeOf(data);
    this.range = signed ? signedRange(data) : [Math.min(0, low), high];
    this.classIndex = explained.classIndex;
    this.probability = explained.probability;
    this.score = explained.score;
  }

  /** The map in colours, as PNG. Needs the package `sharp`. */
  png(options: PictureOptions = {}): Promise<Uint8Array> {
    return pngOf('png', this.paint(), options);
  }

  /** The map in colours over its image, as PNG. Needs the package `sharp`. */
  async overlay(options: OverlayOptions = {}): Promise<Uint8Array> {
    const { opacity = 0.5 } = options;
    check(typeof opacity === 'number' && opacity >= 0 && opacity <= 1, 'ERR_OCELLUS_OPTION', () => ({
      where: "overlay, option 'opacity'",
      expected: 'a number from 0 to 1',
      got: opacity,
    }));
    const grey = paintPixels(this.image, this.image.range);
    return pngOf('overlay', blend(grey, this.paint(), opacity), options, ['opacity']);
  }

  private paint(): Canvas {
    return paintMap(this.data, this.shape, this.range, this.signed ? 'diverging' : 'sequential');
  }
}

/** The image at a place of a batch, for pictures. */
export const shownImage = (subject: Subject, index: number): Shown => ({
  ...imageOf(subject, subject.data, index),
  range: subject.range,
});

/** What is explained of an image of a batch. */
export const explainedOf = (
  { classes, probabilities }: Chosen,
  scores: readonly number[],
  index: number,
): Explained => ({
  classIndex: classes[index],
  probability: probabilities[index],
  score: scores[index],
});

/** A map between its points, bilinearly, as large as an image. */
export function enlargeMap(
  data: Float32Array,
  [height, width]: readonly number[],
  [toHeight, toWidth]: readonly number[],
): Float32Array {
  const large = new Float32Array(toHeight * toWidth);
  const place = (i: number, from: number, to: number): readonly [number, number, number] => {
    const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const first = Math.floor(at);
    return [first, Math.min(first + 1, from - 1), at - first];
  };
  for (let y = 0; y < toHeight; y++) {
    const [top, bottom, down] = place(y, height, toHeight);
    for (let x = 0; x < toWidth; x++) {
      const [left, right, across] = place(x, width, toWidth);
      const row = (at: number) => data[at * width + left] * (1 - across) + data[at * width + right] * across;
      large[y * toWidth + x] = row(top) * (1 - down) + row(bottom) * down;
    }
  }
  return large;
}
