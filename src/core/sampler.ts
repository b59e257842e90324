// Reads pixels between pixels: nearest or bilinear, with the borders of Keras's image ops. Coordinates count pixels: 0 is
// the middle of the first one.

import type { NumericArray } from './dtype.js';

/** How a value between pixels is found. */
export type Interpolation = 'nearest' | 'bilinear';

/**
 * What lies outside the picture a b c d: 'reflect' (d c b a | a b c d | d c b a), 'wrap' (a b c d | a b c d | a b c d),
 * 'nearest' (a a a a | a b c d | d d d d), 'constant' (the fill value).
 */
export type FillMode = 'reflect' | 'wrap' | 'nearest' | 'constant';

export const interpolations: readonly Interpolation[] = ['nearest', 'bilinear'];
export const fillModes: readonly FillMode[] = ['reflect', 'wrap', 'nearest', 'constant'];

/** Pixels [height, width, channels], dense. */
export interface Pixels {
  readonly data: NumericArray;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export interface Border {
  readonly mode: FillMode;
  /** Of 'constant'. */
  readonly value: number;
}

/** Writes the source coordinates of one row of the result. */
export type RowCoordinates = (row: number, xs: Float64Array, ys: Float64Array) => void;

/** Beyond this, coordinates of a projection are as good as infinite. */
const farthest = 1e7;

/** Fills `out` with pixels of `source`, each read where `coordinates` says. */
export function resample(
  source: Pixels,
  out: Pixels,
  coordinates: RowCoordinates,
  interpolation: Interpolation,
  border: Border,
): void {
  const { height, width, channels } = out;
  const xs = new Float64Array(width);
  const ys = new Float64Array(width);
  const readRow = interpolation === 'bilinear' ? readBilinear : readNearest;
  for (let row = 0; row < height; row++) {
    coordinates(row, xs, ys);
    readRow(source, xs, ys, border, out.data, row * width * channels);
  }
}

/** The same where every place is a pixel: the matrix (a b x; c d y) turns by right angles, mirrors and shifts. */
export function move(source: Pixels, target: Pixels, [a, b, x, c, d, y]: readonly number[], border: Border): void {
  const { data, channels } = source;
  const { data: out, height, width } = target;
  const step = (c * source.width + a) * channels;
  for (let row = 0; row < height; row++) {
    const [x0, y0] = [b * row + x, d * row + y];
    const [fromX, toX] = insideRun(x0, a, source.width, width);
    const [fromY, toY] = insideRun(y0, c, source.height, width);
    const begin = Math.max(fromX, fromY);
    const end = Math.max(begin, Math.min(toX, toY));
    const to = row * width * channels;
    const first = (y0 * source.width + x0) * channels + begin * step;
    if (step === channels) out.set(data.subarray(first, first + (end - begin) * channels), to + begin * channels);
    else copyRun(data, first, step, out, to + begin * channels, end - begin, channels);
    for (let i = 0; i < width; i++) {
      if (i === begin) i = end;
      if (i < width) readPixel(source, a * i + x0, c * i + y0, border, out, to + i * channels);
    }
  }
}

/** The i from 0 to below `count` for which start + step * i is one of `size` places; step is 1, 0 or -1. */
function insideRun(start: number, step: number, size: number, count: number): [from: number, to: number] {
  if (step === 0) return start >= 0 && start < size ? [0, count] : [count, count];
  const [from, to] = step > 0 ? [-start, size - start] : [start - size + 1, start + 1];
  return [Math.min(Math.max(from, 0), count), Math.min(Math.max(to, 0), count)];
}

function copyRun(
  data: NumericArray,
  first: number,
  step: number,
  out: NumericArray,
  at: number,
  count: number,
  channels: number,
): void {
  let [from, to] = [first, at];
  for (let i = 0; i < count; i++, from += step) for (let k = 0; k < channels; k++) out[to++] = data[from + k];
}

function readPixel(source: Pixels, x: number, y: number, { mode, value }: Border, out: NumericArray, to: number): void {
  const { data, height, width, channels } = source;
  const column = inside(x, width, mode);
  const row = inside(y, height, mode);
  const from = (row * width + column) * channels;
  const isOutside = column < 0 || row < 0;
  for (let k = 0; k < channels; k++) out[to + k] = isOutside ? value : data[from + k];
}

function readNearest(
  source: Pixels,
  xs: Float64Array,
  ys: Float64Array,
  border: Border,
  out: NumericArray,
  at: number,
) {
  const { channels } = source;
  for (let i = 0; i < xs.length; i++) {
    readPixel(source, Math.floor(xs[i] + 0.5), Math.floor(ys[i] + 0.5), border, out, at + i * channels);
  }
}

function readBilinear(
  source: Pixels,
  xs: Float64Array,
  ys: Float64Array,
  border: Border,
  out: NumericArray,
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
export function inside(i: number, size: number, mode: FillMode): number {
  if (i >= 0 && i < size) return i;
  if (mode === 'constant') return -1;
  // A projection's horizon is infinitely far away.
  const place = Math.abs(i) <= farthest ? i : i < 0 ? -farthest : farthest;
  if (mode === 'nearest') return place < 0 ? 0 : size - 1;
  const period = mode === 'wrap' ? size : 2 * size;
  const within = ((place % period) + period) % period;
  return within < size ? within : period - 1 - within;
}
