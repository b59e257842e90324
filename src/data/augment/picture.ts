// A picture on its way through an augmentation: pixels with their size, written in place once they are its own, and tables
// in the place of arithmetic where pixels are bytes.

import { check } from '../../core/errors.js';
import { shapeText, sizeOf } from '../../core/shape.js';

/** Samples are bytes or floats. */
export type PixelArray = Uint8Array | Float32Array;

/** Smallest and largest value of a pixel. */
export type ValueRange = readonly [low: number, high: number];

export interface PictureSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export const byteRange: ValueRange = [0, 255];

export class Picture implements PictureSize {
  private owned = false;

  constructor(
    /** [height, width, channels], dense. */
    public data: PixelArray,
    public height: number,
    public width: number,
    readonly channels: number,
  ) {}

  get isBytes(): boolean {
    return this.data instanceof Uint8Array;
  }

  /** The pixels, to be written to: a copy of what was handed in, the first time. */
  writable(): PixelArray {
    if (!this.owned) this.replace(this.data.slice(), this.height, this.width);
    return this.data;
  }

  /** Becomes the pixels, of another size perhaps, that `fill` writes. */
  redraw(height: number, width: number, fill: (target: Picture) => void): void {
    const { data, channels } = this;
    const target = new Picture(emptyLike(data, height * width * channels), height, width, channels);
    fill(target);
    this.replace(target.data, height, width);
  }

  /** Takes over pixels that nobody else holds. */
  replace(data: PixelArray, height: number, width: number): void {
    this.data = data;
    this.height = height;
    this.width = width;
    this.owned = true;
  }
}

export function emptyLike(data: PixelArray, length: number): PixelArray {
  return data instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
}

/** Stores numbers that may lie between or outside the values of the type: bytes are rounded, all are clamped. */
export function clampInto(out: PixelArray, values: Float32Array, [low, high]: ValueRange): void {
  // Truncation to a byte rounds what had a half added.
  const half = out instanceof Uint8Array ? 0.5 : 0;
  for (let i = 0; i < out.length; i++) {
    const value = values[i];
    out[i] = (value < low ? low : value > high ? high : value) + half;
  }
}

/** One function of a pixel's value for each channel, or one for all of them. */
export type Tone = (value: number) => number;

/** Applies `tones` (one, or one per channel) to every value and clamps to the range. */
export function applyTones(picture: Picture, tones: readonly Tone[], range: ValueRange): void {
  const data = picture.writable();
  const { length } = tones;
  if (data instanceof Uint8Array) {
    for (let k = 0; k < length; k++) {
      const table = tableOf(tones[k]);
      for (let i = k; i < data.length; i += length) data[i] = table[data[i]];
    }
    return;
  }
  const [low, high] = range;
  for (let k = 0; k < length; k++) {
    const tone = tones[k];
    for (let i = k; i < data.length; i += length) data[i] = Math.min(Math.max(tone(data[i]), low), high);
  }
}

function tableOf(tone: Tone): Uint8Array {
  const table = new Uint8Array(256);
  for (let value = 0; value < 256; value++) table[value] = Math.min(Math.max(tone(value), 0), 255) + 0.5;
  return table;
}

/** Throws unless a shape is that of `what`, with at least one pixel per picture, and fits the data. */
export function checkPixels(
  where: string,
  what: string,
  rank: number,
  data: unknown,
  shape: readonly number[],
): asserts data is PixelArray {
  check(data instanceof Uint8Array || data instanceof Float32Array, 'ERR_OCELLUS_DATA', () => ({
    where,
    expected: 'pixels as Uint8Array or Float32Array',
    got: data,
  }));
  const isShape = Array.isArray(shape) && shape.length === rank && shape.every((size) => Number.isSafeInteger(size));
  check(isShape && shape.slice(rank - 3).every((size) => size > 0), 'ERR_OCELLUS_SHAPE', () => ({
    where,
    expected: what,
    got: Array.isArray(shape) ? shapeText(shape) : shape,
  }));
  const size = sizeOf(shape);
  check(data.length === size, 'ERR_OCELLUS_SHAPE', () => ({
    where,
    expected: `${size} numbers, as shape ${shapeText(shape)} asks for`,
    got: data.length,
  }));
}
