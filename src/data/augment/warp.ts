// Geometry as 3x3 matrices that lead from pixels of the result to places in the source. Steps that follow each other are
// multiplied, so that pixels are interpolated once, and nothing is lost that a later step brings back into the picture.

import { type Border, type Interpolation, move, type RowCoordinates, resample } from '../../core/sampler.js';
import { emptyLike, Picture } from './picture.js';

/** Row-major 3x3: (x, y, 1) of the result to (x, y, w) of the source. */
export type Matrix = readonly number[];

export interface Warp {
  readonly matrix: Matrix;
  /** Size of the result. */
  readonly height: number;
  readonly width: number;
  /** null: the step stays inside the picture, or within half a pixel of it. */
  readonly border: Border | null;
  readonly interpolation: Interpolation;
}

/** a after b: what b's result needs, read from a's source. */
export function product(a: Matrix, b: Matrix): Matrix {
  return Array.from({ length: 9 }, (_, i) => {
    const row = i - (i % 3);
    return a[row] * b[i % 3] + a[row + 1] * b[(i % 3) + 3] + a[row + 2] * b[(i % 3) + 6];
  });
}

export const shift = (x: number, y: number): Matrix => [1, 0, x, 0, 1, y, 0, 0, 1];

/** The linear map (a b; c d) around the middle of a picture. */
export function aroundMiddle(height: number, width: number, [a, b, c, d]: readonly number[]): Matrix {
  const [x, y] = [(width - 1) / 2, (height - 1) / 2];
  return [a, b, x - a * x - b * y, c, d, y - c * x - d * y, 0, 0, 1];
}

/** The projection that leads four points (x, y) to four others; null where three of a four lie on a line. */
export function projection(from: readonly number[], to: readonly number[]): Matrix | null {
  const rows: number[][] = [];
  for (let i = 0; i < 8; i += 2) {
    const [x, y, u, v] = [from[i], from[i + 1], to[i], to[i + 1]];
    rows.push([x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v]);
  }
  for (let k = 0; k < 8; k++) {
    const pivot = rows.slice(k).reduce((best, row) => (Math.abs(row[k]) > Math.abs(best[k]) ? row : best), rows[k]);
    if (Math.abs(pivot[k]) < 1e-9) return null;
    rows.splice(rows.indexOf(pivot), 1);
    rows.splice(k, 0, pivot);
    for (const row of rows) {
      const factor = row === pivot ? 0 : row[k] / pivot[k];
      for (let j = k; j < 9; j++) row[j] -= factor * pivot[j];
    }
  }
  return [...rows.map((row, k) => row[8] / row[k]), 1];
}

/** Whether every pixel of the result is a pixel of the source. */
function isExact({ matrix: m }: Warp): boolean {
  return m.every(Number.isInteger) && isAffine(m) && Math.abs(m[0] * m[4] - m[1] * m[3]) === 1;
}

const isAffine = (m: Matrix): boolean => m[6] === 0 && m[7] === 0 && m[8] === 1;

/** Both in one, or null where their borders or interpolations differ. */
export function merged(first: Warp, second: Warp): Warp | null {
  const [exactFirst, exactSecond] = [isExact(snapped(first)), isExact(snapped(second))];
  const isSame = first.interpolation === second.interpolation;
  if (!isSame && !exactFirst && !exactSecond) return null;
  const border = commonBorder(first.border, second.border);
  if (border === undefined) return null;
  // Half a pixel past the border is read as the border's pixel, which another fill would not give.
  const loose = (warp: Warp, exact: boolean) => warp.border === null && !exact;
  const strict = border !== null && border.mode !== 'reflect' && border.mode !== 'nearest';
  if (strict && (loose(first, exactFirst) || loose(second, exactSecond))) return null;
  const { interpolation } = exactFirst ? second : first;
  return { ...second, matrix: product(first.matrix, second.matrix), border, interpolation };
}

function commonBorder(a: Border | null, b: Border | null): Border | null | undefined {
  if (a === null || b === null) return a ?? b;
  return a.mode === b.mode && (a.mode !== 'constant' || a.value === b.value) ? a : undefined;
}

/** Sines of right angles and the like, without their rounding errors. */
function snapped(warp: Warp): Warp {
  const near = (value: number) => (Math.abs(value - Math.round(value)) < 1e-9 ? Math.round(value) : value);
  return { ...warp, matrix: warp.matrix.map(near) };
}

/** Carries `picture` over. */
export function applyWarp(picture: Picture, given: Warp): void {
  const warp = snapped(given);
  const { height, width } = warp;
  const border = warp.border ?? { mode: 'nearest', value: 0 };
  if (isExact(warp)) {
    const [a, , x, , d, y] = warp.matrix;
    if (a === 1 && d === 1 && x === 0 && y === 0 && height === picture.height && width === picture.width) return;
    picture.redraw(height, width, (target) => move(picture, target, warp.matrix, border));
    return;
  }
  let { matrix } = warp;
  let source = picture;
  // Two pixels each way are all that bilinear reading sees: where it would skip some, the source is halved first.
  while (warp.interpolation === 'bilinear' && isAffine(matrix) && scaleOf(matrix) >= 2) {
    if (source.height < 2 || source.width < 2) break;
    source = halved(source);
    matrix = product([0.5, 0, -0.25, 0, 0.5, -0.25, 0, 0, 1], matrix);
  }
  const rows = isAffine(matrix) ? affineRows(matrix) : projectiveRows(matrix);
  picture.redraw(height, width, (target) => resample(source, target, rows, warp.interpolation, border));
}

/** Pixels of the source from one pixel of the result to the next, along the axis where they are fewer. */
const scaleOf = (m: Matrix): number => Math.min(Math.hypot(m[0], m[3]), Math.hypot(m[1], m[4]));

function affineRows([a, b, x0, c, d, y0]: Matrix): RowCoordinates {
  return (row, xs, ys) => {
    const [x, y] = [b * row + x0, d * row + y0];
    for (let i = 0; i < xs.length; i++) {
      xs[i] = a * i + x;
      ys[i] = c * i + y;
    }
  };
}

function projectiveRows([a, b, x0, c, d, y0, e, f, w0]: Matrix): RowCoordinates {
  return (row, xs, ys) => {
    for (let i = 0; i < xs.length; i++) {
      const exact = e * i + f * row + w0;
      const w = Math.abs(exact) > 1e-9 ? exact : 1e-9;
      xs[i] = (a * i + b * row + x0) / w;
      ys[i] = (c * i + d * row + y0) / w;
    }
  };
}

/** Means of two by two pixels; a last odd row or column is left out. */
function halved({ data, height, width, channels }: Picture): Picture {
  const [rows, columns] = [height >> 1, width >> 1];
  const out = emptyLike(data, rows * columns * channels);
  const half = data instanceof Uint8Array ? 0.5 : 0;
  const down = width * channels;
  let to = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let from = 2 * (row * down + column * channels);
      for (let k = 0; k < channels; k++, from++) {
        const sum = data[from] + data[from + channels] + data[from + down] + data[from + down + channels];
        out[to++] = sum / 4 + half;
      }
    }
  }
  return new Picture(out, rows, columns, channels);
}
