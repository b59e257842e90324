// Walks several arrays of one logical shape in step, row by row: the one loop behind broadcasting, reductions, slices,
// paddings and transpositions. Neighbouring axes that are contiguous in every array are merged first.

import type { NumericArray } from '../core/dtype.js';

/**
 * Called once per row: `length` elements, of which operand k has the first at `starts[k]` and one more every
 * `steps[k]`. `starts` is reused between calls.
 */
export type VisitRow = (length: number, starts: readonly number[], steps: readonly number[]) => void;

/**
 * Visits all rows of `shape` in row-major order. `strides[k]` are the strides of operand k (0 along an axis over which
 * it is repeated or summed), `origins[k]` the position of its first element (default 0).
 */
export function forEachRow(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: VisitRow,
  origins?: readonly number[],
): void {
  if (shape.includes(0)) return;
  const merged = mergeAxes(shape, strides);
  const inner = merged.shape.length - 1;
  const length = merged.shape[inner];
  const steps = merged.strides.map((own) => own[inner]);
  const starts = origins ? [...origins] : strides.map(() => 0);
  const position = new Array<number>(inner).fill(0);
  const rows = merged.shape.slice(0, inner).reduce((product, size) => product * size, 1);
  for (let row = 0; row < rows; row++) {
    visit(length, starts, steps);
    for (let axis = inner - 1; axis >= 0; axis--) {
      const carry = ++position[axis] === merged.shape[axis];
      for (let k = 0; k < starts.length; k++) {
        const stride = merged.strides[k][axis];
        starts[k] += carry ? stride * (1 - merged.shape[axis]) : stride;
      }
      if (!carry) break;
      position[axis] = 0;
    }
  }
}

/** Drops axes of size 1 and joins those that are one run in every operand; at least one axis is left. */
function mergeAxes(shape: readonly number[], strides: readonly (readonly number[])[]) {
  const sizes: number[] = [];
  const merged: number[][] = strides.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis];
    if (size === 1) continue;
    const last = sizes.length - 1;
    if (last >= 0 && strides.every((own, k) => merged[k][last] === own[axis] * size)) {
      sizes[last] *= size;
      for (let k = 0; k < strides.length; k++) merged[k][last] = strides[k][axis];
    } else {
      sizes.push(size);
      for (let k = 0; k < strides.length; k++) merged[k].push(strides[k][axis]);
    }
  }
  if (sizes.length === 0) return { shape: [1], strides: strides.map(() => [0]) };
  return { shape: sizes, strides: merged };
}

/** Position of the element with these coordinates. */
export function positionOf(coordinates: readonly number[], strides: readonly number[]): number {
  return coordinates.reduce((sum, coordinate, axis) => sum + coordinate * strides[axis], 0);
}

/** One side of a strided copy. */
export interface StridedView {
  data: NumericArray;
  strides: readonly number[];
  origin?: number;
}

/** to[...] = from[...] for every position of `shape`. */
export function copyStrided(shape: readonly number[], from: StridedView, to: StridedView): void {
  const source = from.data;
  const target = to.data;
  const copyRow: VisitRow = (length, [fromStart, toStart], [fromStep, toStep]) => {
    for (let i = 0; i < length; i++) target[toStart + i * toStep] = source[fromStart + i * fromStep];
  };
  forEachRow(shape, [from.strides, to.strides], copyRow, [from.origin ?? 0, to.origin ?? 0]);
}
