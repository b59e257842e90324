// Reads pixels between pixels: nearest or bilinear, with the borders of Keras's image ops. Coordinates count pixels: 0 is
// the middle of the first one.

import { emptyLike, type Picture, type PixelArray } from './picture.js';

/** How a value between pixels is found. */
export type Interpolation = 'nearest' | 'bilinear';

/**
 * What lies outside the picture a b c d: 'reflect' (d c b a | a b c d | d c b a), 'wrap' (a b c d | a b c d | a b c d),
 * 'nearest' (a a a a | a b c d | d d d d), 'constant' (the fill value).
 */
export type FillMode = 'reflect' | 'wrap' | 'nearest' | 'constant';

export const interpolations: readonly Interpolation[] = ['nearest', 'bilinear'];
export const fillModes: readonly FillMode[] = ['reflect', 'wrap', 'nearest', 'constant'];

export interface Border {
  readonly mode: FillMode;
  /** Of 'constant'. */
  readonly value: number;
}

/** Writes the source coordinates of one row of the result. */
export type RowCoordinates = (row: number, xs: Float64Array, ys: Float64Array) => void;

/** Beyond this, coordinates of a projection are as good as infinite. */
const farthest = 1e7;

/** A picture of height x width pixels, each read where `coordinates` says. */
export function resample(
  source: Picture,
  [height, width]: readonly [number, number],
  coordinates: RowCoordinates,
  interpolation: Interpolation,
  border: Border,
): PixelArray {
  const out = emptyLike(source.data, height * width * source.channels);
  const xs = new Float64Array(width);
  const ys = new Float64Array(width);
  const readRow = interpolation === 'bilinear' ? readBilinear : readNearest;
  for (let row = 0; row < height; row++) {
    coordinates(row, xs, ys);
    readRow(source, xs, ys, border, out, row * width * source.channels);
  }
  return out;
}

function readNearest(source: Picture, xs: Float64Array, ys: Float64Array, border: Border, out: PixelArray, at: number) {
  const { data, height, width, channels } = source;
  let to = at;
  for (let i = 0; i < xs.length; i++) {
    let x = Math.floor(xs[i] + 0.5);
    let y = Math.floor(ys[i] + 0.5);
    if (!(x >= 0 && y >= 0 && x < width && y < height)) {
      x = inside(x, width, border.mode);
      y = inside(y, height, border.mode);
      if (x < 0 || y < 0) {
        for (let k = 0; k < channels; k++) out[to++] = border.value;
        continue;
      }
    }
    const from = (y * width + x) * channels;
    for (let k = 0; k < channels; k++) out[to++] = data[from + k];
  }
}

function readBilinear(
  source: Picture,
  xs: Float64Array,
  ys: Float64Array,
  border: Border,
  out: PixelArray,
  at: number,
): void {
  const { data, height, width, channels } = source;
  const half = data instanceof Uint8Array ? 0.5 : 0;
  const down = width * channels;
  let to = at;
  for (let i = 0; i < xs.length; i++) {
    const x = Math.floor(xs[i]);
    const y = Math.floor(ys[i]);
    const right = xs[i] - x;
    const below = ys[i] - y;
    if (x >= 0 && y >= 0 && x < width - 1 && y < height - 1) {
      let from = y * down + x * channels;
      for (let k = 0; k < channels; k++, from++) {
        const top = data[from] + (data[from + channels] - data[from]) * right;
        const low = from + down;
        const bottom = data[low] + (data[low + channels] - data[low]) * right;
        out[to++] = top + (bottom - top) * below + half;
      }
      continue;
    }
    const x0 = inside(x, width, border.mode);
    const x1 = inside(x + 1, width, border.mode);
    const y0 = inside(y, height, border.mode);
    const y1 = inside(y + 1, height, border.mode);
    for (let k = 0; k < channels; k++) {
      const a = x0 < 0 || y0 < 0 ? border.value : data[(y0 * width + x0) * channels + k];
      const b = x1 < 0 || y0 < 0 ? border.value : data[(y0 * width + x1) * channels + k];
      const c = x0 < 0 || y1 < 0 ? border.value : data[(y1 * width + x0) * channels + k];
      const d = x1 < 0 || y1 < 0 ? border.value : data[(y1 * width + x1) * channels + k];
      const top = a + (b - a) * right;
      out[to++] = top + (c + (d - c) * right - top) * below + half;
    }
  }
}

/** The place inside that stands for `i`, of `size`; -1: none. */
function inside(i: number, size: number, mode: FillMode): number {
  if (i >= 0 && i < size) return i;
  if (mode === 'constant') return -1;
  // A projection's horizon is infinitely far away.
  const place = Math.abs(i) <= farthest ? i : i < 0 ? -farthest : farthest;
  if (mode === 'nearest') return place < 0 ? 0 : size - 1;
  const period = mode === 'wrap' ? size : 2 * size;
  const within = ((place % period) + period) % period;
  return within < size ? within : period - 1 - within;
}
