// Blocked matrix product for the reference loops, after Goto & van de Geijn, "Anatomy of high-performance matrix
// multiplication" (2008): operands are packed block by block into panels of four lines, and an inner loop keeps a 4x4
// tile of sums in local variables. Panels hold doubles: no conversion in the inner loop, and sums exact to float32.

import type { FloatArray } from '../core/dtype.js';

/** Lines per panel, on both sides. */
export const tile = 4;
const blockRows = 64;
const blockColumns = 512;
const blockDepth = 256;

/**
 * One factor of a product, read block by block. A line is a row of the left factor or a column of the right one; the
 * depth is the axis that is summed over.
 */
export interface Operand {
  /**
   * Writes lines [start, start + count) at depths [from, from + depth) to `panels`: element (line, d) goes to
   * ((line / 4) * depth + d) * 4 + line % 4; lines missing in the last panel are zero.
   */
  pack(panels: Float64Array, start: number, count: number, from: number, depth: number): void;
}

/** A matrix in memory: element (line, d) is data[offset + line * lineStride + d * depthStride]. */
export function matrix(data: FloatArray, offset: number, lineStride: number, depthStride: number): Operand {
  return {
    pack(panels, start, count, from, depth) {
      const base = offset + start * lineStride + from * depthStride;
      let to = 0;
      for (let line = 0; line < count; line += tile) {
        const lanes = Math.min(tile, count - line);
        if (lanes === tile) packFull(panels, to, data, base + line * lineStride, lineStride, depthStride, depth);
        else packPartial(panels, to, data, base + line * lineStride, lineStride, depthStride, depth, lanes);
        to += depth * tile;
      }
    },
  };
}

function packFull(
  panel: Float64Array,
  start: number,
  data: FloatArray,
  offset: number,
  lineStride: number,
  depthStride: number,
  depth: number,
): void {
  let to = start;
  let line0 = offset;
  let line1 = line0 + lineStride;
  let line2 = line1 + lineStride;
  let line3 = line2 + lineStride;
  for (let d = 0; d < depth; d++) {
    panel[to] = data[line0];
    panel[to + 1] = data[line1];
    panel[to + 2] = data[line2];
    panel[to + 3] = data[line3];
    to += tile;
    line0 += depthStride;
    line1 += depthStride;
    line2 += depthStride;
    line3 += depthStride;
  }
}

function packPartial(
  panel: Float64Array,
  start: number,
  data: FloatArray,
  offset: number,
  lineStride: number,
  depthStride: number,
  depth: number,
  lanes: number,
): void {
  for (let d = 0; d < depth; d++) {
    for (let lane = 0; lane < tile; lane++) {
      panel[start + d * tile + lane] = lane < lanes ? data[offset + lane * lineStride + d * depthStride] : 0;
    }
  }
}

const roundUp = (count: number) => Math.ceil(count / tile) * tile;

/** Floats of scratch that `gemm` needs for these sizes. */
export function gemmScratch(rows: number, columns: number, depth: number): number {
  const lines = roundUp(Math.min(rows, blockRows)) + roundUp(Math.min(columns, blockColumns));
  return doublesScratch(lines * Math.min(depth, blockDepth));
}

/** Floats of scratch that hold `count` doubles wherever they start. */
export function doublesScratch(count: number): number {
  return 2 * count + 1;
}

/** The first `count` doubles of a scratch buffer of either precision. */
export function doubles(scratch: FloatArray, count: number): Float64Array {
  if (scratch instanceof Float64Array) return scratch.subarray(0, count);
  return new Float64Array(scratch.buffer, Math.ceil(scratch.byteOffset / 8) * 8, count);
}

/**
 * c[r, j] += sum over d of a(r, d) * b(j, d) for r < rows, j < columns, d < depth, where c[r, j] stands at
 * offset + r * stride + j. A row's result does not depend on how many rows there are.
 */
export function gemm(
  rows: number,
  columns: number,
  depth: number,
  a: Operand,
  b: Operand,
  c: FloatArray,
  offset: number,
  stride: number,
  scratch: FloatArray,
): void {
  if (rows === 0 || columns === 0) return;
  const depthStep = Math.min(depth, blockDepth);
  const aSize = roundUp(Math.min(rows, blockRows)) * depthStep;
  const bSize = roundUp(Math.min(columns, blockColumns)) * depthStep;
  const panels = doubles(scratch, aSize + bSize);
  const aPanels = panels.subarray(0, aSize);
  const bPanels = panels.subarray(aSize);
  for (let d = 0; d < depth; d += blockDepth) {
    const ds = Math.min(blockDepth, depth - d);
    for (let j = 0; j < columns; j += blockColumns) {
      const js = Math.min(blockColumns, columns - j);
      b.pack(bPanels, j, js, d, ds);
      for (let r = 0; r < rows; r += blockRows) {
        const rs = Math.min(blockRows, rows - r);
        a.pack(aPanels, r, rs, d, ds);
        multiplyBlock(aPanels, rs, bPanels, js, ds, c, offset + r * stride + j, stride);
      }
    }
  }
}

function multiplyBlock(
  aPanels: Float64Array,
  rows: number,
  bPanels: Float64Array,
  columns: number,
  depth: number,
  c: FloatArray,
  offset: number,
  stride: number,
): void {
  for (let j = 0; j < columns; j += tile) {
    for (let r = 0; r < rows; r += tile) {
      const at = offset + r * stride + j;
      multiplyTile(aPanels, r * depth, bPanels, j * depth, depth, c, at, stride, rows - r, columns - j);
    }
  }
}

/** Adds one tile of the product, of which `rows` x `columns` elements (at most 4x4) exist in c. */
function multiplyTile(
  a: Float64Array,
  aStart: number,
  b: Float64Array,
  bStart: number,
  depth: number,
  c: FloatArray,
  at: number,
  stride: number,
  rows: number,
  columns: number,
): void {
  let c00 = 0,
    c01 = 0,
    c02 = 0,
    c03 = 0;
  let c10 = 0,
    c11 = 0,
    c12 = 0,
    c13 = 0;
  let c20 = 0,
    c21 = 0,
    c22 = 0,
    c23 = 0;
  let c30 = 0,
    c31 = 0,
    c32 = 0,
    c33 = 0;
  let ai = aStart;
  let bi = bStart;
  for (let d = 0; d < depth; d++) {
    const b0 = b[bi];
    const b1 = b[bi + 1];
    const b2 = b[bi + 2];
    const b3 = b[bi + 3];
    const a0 = a[ai];
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    const a1 = a[ai + 1];
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    const a2 = a[ai + 2];
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    const a3 = a[ai + 3];
    c30 += a3 * b0;
    c31 += a3 * b1;
    c32 += a3 * b2;
    c33 += a3 * b3;
    ai += tile;
    bi += tile;
  }
  addRow(c, at, columns, c00, c01, c02, c03);
  if (rows > 1) addRow(c, at + stride, columns, c10, c11, c12, c13);
  if (rows > 2) addRow(c, at + 2 * stride, columns, c20, c21, c22, c23);
  if (rows > 3) addRow(c, at + 3 * stride, columns, c30, c31, c32, c33);
}

function addRow(c: FloatArray, at: number, columns: number, v0: number, v1: number, v2: number, v3: number): void {
  c[at] += v0;
  if (columns > 1) c[at + 1] += v1;
  if (columns > 2) c[at + 2] += v2;
  if (columns > 3) c[at + 3] += v3;
}
