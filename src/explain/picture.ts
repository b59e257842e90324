// Pictures of results: pixels of numbers, side by side on sheets, as PNG.

import { check, checkOptions } from '../core/errors.js';
import { loadSharp } from '../data/sharp.js';
import { type ColorScale, colorize } from './colors.js';

/** What the ends of a colour scale stand for. */
export type Range = readonly [low: number, high: number];

export interface PictureOptions {
  /** Every number becomes a square of this many pixels. Default: as many as make the longer side 128 or more. */
  scale?: number;
}

export interface SheetOptions extends PictureOptions {
  /** Pictures in a row. Default: about as many as there are rows. */
  columns?: number;
}

/** Bytes: red, green, blue. */
export interface Canvas {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** Numbers of an image with their channels last. */
export interface Pixels {
  readonly data: ArrayLike<number>;
  /** [height, width, channels] */
  readonly shape: readonly number[];
}

const shortest = 128;
/** Between the pictures of a sheet, and its colour: a grey that stands out from black, white and colours. */
const gap = 2;
const gapShade = 128;

/** The smallest and the largest number; [0, 0] of none. */
export function rangeOf(data: ArrayLike<number>): Range {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < data.length; i++) {
    if (data[i] < low) low = data[i];
    if (data[i] > high) high = data[i];
  }
  return low <= high ? [low, high] : [0, 0];
}

/** The smallest range around 0 that holds all numbers. */
export function signedRange(data: ArrayLike<number>): Range {
  const [low, high] = rangeOf(data);
  const largest = Math.max(-low, high);
  return [0 - largest, largest];
}

/** One number per pixel. */
export function paintMap(
  data: ArrayLike<number>,
  [height, width]: readonly number[],
  range: Range,
  colors: ColorScale,
): Canvas {
  return { data: colorize(data, range, colors), height, width };
}

/** Red, green and blue where there are three channels (or four: the last one is left out), else their mean as grey. */
export function paintPixels({ data, shape: [height, width, channels] }: Pixels, range: Range): Canvas {
  if (channels !== 3 && channels !== 4) return paintMap(meanOfChannels(data, channels), [height, width], range, 'grey');
  const [low, high] = range;
  const rgb = new Uint8Array(3 * height * width);
  for (let i = 0; i < rgb.length; i++) {
    const value = data[Math.floor(i / 3) * channels + (i % 3)];
    const share = high > low ? (value - low) / (high - low) : 0.5;
    rgb[i] = Math.round(255 * Math.min(Math.max(share, 0), 1));
  }
  return { data: rgb, height, width };
}

export function meanOfChannels(data: ArrayLike<number>, channels: number): Float32Array {
  return Float32Array.from({ length: data.length / channels }, (_, i) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += data[i * channels + c];
    return sum / channels;
  });
}

/** Between two pictures of one size, `share` of the second. */
export function blend(first: Canvas, second: Canvas, share: number): Canvas {
  const data = first.data.map((value, i) => Math.round(value * (1 - share) + second.data[i] * share));
  return { ...first, data };
}

/** Pictures of one size in rows, a gap between them. */
export function arrange(pictures: readonly Canvas[], columns = Math.ceil(Math.sqrt(pictures.length))): Canvas {
  const [{ height, width }] = pictures;
  const across = Math.min(columns, pictures.length);
  const rows = Math.ceil(pictures.length / across);
  const whole = { height: rows * (height + gap) - gap, width: across * (width + gap) - gap };
  const data = new Uint8Array(3 * whole.height * whole.width).fill(gapShade);
  pictures.forEach((picture, i) => {
    const [top, left] = [Math.floor(i / across) * (height + gap), (i % across) * (width + gap)];
    for (let y = 0; y < height; y++) {
      const row = picture.data.subarray(3 * y * width, 3 * (y + 1) * width);
      data.set(row, 3 * ((top + y) * whole.width + left));
    }
  });
  return { data, ...whole };
}

/** Every pixel as a square of `scale`. */
export function enlarge({ data, height, width }: Canvas, scale: number): Canvas {
  const large = new Uint8Array(3 * height * width * scale * scale);
  for (let y = 0; y < height * scale; y++) {
    for (let x = 0; x < width * scale; x++) {
      const from = 3 * (Math.floor(y / scale) * width + Math.floor(x / scale));
      large.set(data.subarray(from, from + 3), 3 * (y * width * scale + x));
    }
  }
  return { data: large, height: height * scale, width: width * scale };
}

/** The factor of `options`, or one that makes a picture of this size large enough to be seen. */
export function scaleFor(where: string, { scale }: PictureOptions, longer: number): number {
  check(
    scale === undefined || (Number.isSafeInteger(scale) && scale >= 1 && scale <= 64),
    'ERR_OCELLUS_OPTION',
    () => ({
      where: `${where}, option 'scale'`,
      expected: 'a whole number from 1 to 64',
      got: scale,
    }),
  );
  return scale ?? Math.max(1, Math.ceil(shortest / longer));
}

/** @throws OcellusError ERR_OCELLUS_DATA when sharp is absent */
export async function encodePng({ data, height, width }: Canvas): Promise<Uint8Array> {
  const { default: sharp } = await loadSharp();
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
  return new Uint8Array(png.buffer, png.byteOffset, png.byteLength);
}

/** One picture as PNG. */
export function pngOf(
  where: string,
  canvas: Canvas,
  options: PictureOptions,
  known: readonly string[] = [],
): Promise<Uint8Array> {
  checkOptions(where, options, ['scale', ...known]);
  return encodePng(enlarge(canvas, scaleFor(where, options, Math.max(canvas.height, canvas.width))));
}

/** Pictures of one size as one PNG; the default scale makes the sheet large, not each picture. */
export function sheetOf(
  where: string,
  canvases: readonly Canvas[],
  options: SheetOptions,
  known: readonly string[] = [],
): Promise<Uint8Array> {
  checkOptions(where, options, ['scale', 'columns', ...known]);
  const { columns = Math.ceil(Math.sqrt(canvases.length)) } = options;
  check(Number.isSafeInteger(columns) && columns >= 1, 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'columns'`,
    expected: 'a whole number of at least 1',
    got: columns,
  }));
  const rows = Math.ceil(canvases.length / columns);
  const [{ height, width }] = canvases;
  const scale = scaleFor(where, options, Math.max(height * rows, width * Math.min(columns, canvases.length)) / 2);
  return encodePng(
    arrange(
      canvases.map((canvas) => enlarge(canvas, scale)),
      columns,
    ),
  );
}
