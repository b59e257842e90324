// Windows over a volume [batch, depth, height, width, channels], listed axis by axis: a window is a box of cells. Images
// are volumes of depth 1. Shared by the poolings whose windows differ: strided and dilated, adaptive, fractional.

import type { FloatArray, NumericArray, TensorSpec } from '../core/dtype.js';
import { shapeText, sizeOf } from '../core/shape.js';
import type { InferContext } from './op.js';
import { floatInput, positiveSizes } from './rules.js';

/** Windows along one axis: window w holds the cells first[w], first[w] + step, … below last[w]. */
export interface AxisWindows {
  readonly first: Int32Array;
  readonly last: Int32Array;
  readonly step: number;
}

/** Windows of `pool` taps, `dilation` apart, every `stride` cells; taps in the padding are left out. */
export function stridedWindows(
  size: number,
  count: number,
  pool: number,
  stride: number,
  before: number,
  dilation: number,
): AxisWindows {
  const first = new Int32Array(count);
  const last = new Int32Array(count);
  for (let w = 0; w < count; w++) {
    const start = w * stride - before;
    first[w] = start < 0 ? start + Math.ceil(-start / dilation) * dilation : start;
    last[w] = Math.min(size, start + (pool - 1) * dilation + 1);
  }
  return { first, last, step: dilation };
}

/** `count` windows that cover the axis as evenly as whole cells allow; they overlap where count does not divide size. */
export function adaptiveWindows(size: number, count: number): AxisWindows {
  const first = Int32Array.from({ length: count }, (_, w) => Math.floor((w * size) / count));
  const last = Int32Array.from({ length: count }, (_, w) => Math.ceil(((w + 1) * size) / count));
  return { first, last, step: 1 };
}

/** `count` windows of `pool` cells at distances of one or two sizes, in an order that `sample` in [0, 1) chooses. */
export function fractionalWindows(size: number, count: number, pool: number, sample: number): AxisWindows {
  const alpha = count > 1 ? (size - pool) / (count - 1) : 0;
  const first = Int32Array.from({ length: count }, (_, w) => {
    if (w === count - 1) return size - pool;
    const start = Math.trunc((w + sample) * alpha) - Math.trunc(sample * alpha);
    return Math.min(Math.max(start, 0), size - pool);
  });
  return { first, last: first.map((start) => start + pool), step: 1 };
}

/** A volume's shape, which all poolings of volumes ask for. */
export function volumeInput(context: InferContext, index: number, name: string): TensorSpec {
  const x = floatInput(context, index, name, 5);
  positiveSizes(context, name, x);
  const cells = sizeOf(x.shape.slice(1, 4));
  if (cells >= 2 ** 31) context.fail(`'${name}' of less than 2^31 cells per channel`, shapeText(x.shape));
  return x;
}

/** Calls visit(window, channel offset of its output) for every window of the batch; `cells` is how it finds its cells. */
export function forEachBox(
  shape: readonly number[],
  windows: readonly AxisWindows[],
  visit: (image: number, to: number, box: readonly [number, number, number]) => void,
): void {
  const [batch, , , , channels] = shape;
  const [depth, height, width] = windows.map(({ first }) => first.length);
  let to = 0;
  for (let n = 0; n < batch; n++) {
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++, to += channels) visit(n, to, [z, y, x]);
      }
    }
  }
}

/** Calls visit(position in the volume, counted in cells) for every cell of a box, the last axis fastest. */
export function forEachCell(
  shape: readonly number[],
  [depths, rows, columns]: readonly AxisWindows[],
  [z, y, x]: readonly [number, number, number],
  visit: (cell: number) => void,
): void {
  const [, , height, width] = shape;
  for (let iz = depths.first[z]; iz < depths.last[z]; iz += depths.step) {
    for (let iy = rows.first[y]; iy < rows.last[y]; iy += rows.step) {
      const line = (iz * height + iy) * width;
      for (let ix = columns.first[x]; ix < columns.last[x]; ix += columns.step) visit(line + ix);
    }
  }
}

/** Largest value of every box and where it stands; the first of equals, and the first NaN before all else. */
export function maxOfBoxes(
  x: FloatArray,
  shape: readonly number[],
  windows: readonly AxisWindows[],
  y: FloatArray,
  indices: NumericArray,
): void {
  const channels = shape[4];
  const volume = sizeOf(shape.slice(1));
  forEachBox(shape, windows, (image, to, box) => {
    let isFirst = true;
    forEachCell(shape, windows, box, (cell) => {
      const from = image * volume + cell * channels;
      for (let c = 0; c < channels; c++) {
        const value = x[from + c];
        const best = y[to + c];
        if (isFirst || value > best || (Number.isNaN(value) && !Number.isNaN(best))) {
          y[to + c] = value;
          indices[to + c] = cell;
        }
      }
      isFirst = false;
    });
  });
}
