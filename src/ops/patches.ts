// The images of a convolution as a matrix of patches (im2col): one line per output pixel, one column per tap and
// channel. The matrix is never built: gemm reads it block by block (Operand), or rows of it are added back (col2im).

import type { FloatArray } from '../core/dtype.js';
import { type Operand, tile } from './gemm.js';

/** Sizes of one 2D convolution. The image is what the kernel slides over, whichever way data flows. */
export interface Geometry {
  batch: number;
  height: number;
  width: number;
  channels: number;
  outHeight: number;
  outWidth: number;
  filters: number;
  kernelHeight: number;
  kernelWidth: number;
  strideY: number;
  strideX: number;
  padTop: number;
  padLeft: number;
  dilationY: number;
  dilationX: number;
  groups: number;
}

/** The attributes that all convolutions share. */
export interface WindowAttrs {
  readonly strides: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** From image [N,H,W,C], output [N,OH,OW,M] and the kernel's [height, width]. */
export function geometryOf(
  image: readonly number[],
  output: readonly number[],
  kernelSize: readonly number[],
  attrs: WindowAttrs,
): Geometry {
  return {
    batch: image[0],
    height: image[1],
    width: image[2],
    channels: image[3],
    outHeight: output[1],
    outWidth: output[2],
    filters: output[3],
    kernelHeight: kernelSize[0],
    kernelWidth: kernelSize[1],
    strideY: attrs.strides[0],
    strideX: attrs.strides[1],
    padTop: attrs.padding[0],
    padLeft: attrs.padding[2],
    dilationY: attrs.dilation[0],
    dilationX: attrs.dilation[1],
    groups: attrs.groups,
  };
}

export const pixelCount = (g: Geometry) => g.batch * g.outHeight * g.outWidth;
/** Length of a patch within one group: taps times channels per group. */
export const patchLength = (g: Geometry) => (g.kernelHeight * g.kernelWidth * g.channels) / g.groups;

/** Whether every patch is one pixel of the image, in order: a plain matrix product. */
export function isPointwise(g: Geometry): boolean {
  return (
    g.kernelHeight === 1 &&
    g.kernelWidth === 1 &&
    g.strideY === 1 &&
    g.strideX === 1 &&
    g.height === g.outHeight &&
    g.width === g.outWidth &&
    g.padTop === 0 &&
    g.padLeft === 0
  );
}

/** Position in the image of the first channel under tap (ky, kx) of an output pixel; -1 in the padding. */
function tapPosition(g: Geometry, pixel: number, ky: number, kx: number): number {
  const row = (pixel / g.outWidth) | 0;
  const image = (row / g.outHeight) | 0;
  const y = (row - image * g.outHeight) * g.strideY - g.padTop + ky * g.dilationY;
  const x = (pixel - row * g.outWidth) * g.strideX - g.padLeft + kx * g.dilationX;
  if (y < 0 || y >= g.height || x < 0 || x >= g.width) return -1;
  return ((image * g.height + y) * g.width + x) * g.channels;
}

/**
 * Elements that follow in the image from tap kx, channel c on, counted as the patch counts them: to the end of the
 * tap's channels, or of the kernel's row where its taps are neighbours in memory.
 */
function runLength(g: Geometry, pixel: number, kx: number, c: number, groupChannels: number): number {
  if (g.groups !== 1 || g.dilationX !== 1) return groupChannels - c;
  const left = (pixel % g.outWidth) * g.strideX - g.padLeft;
  return (Math.min(g.kernelWidth, g.width - left) - kx) * groupChannels - c;
}

/** Writes elements [from, from + count) of a pixel's patch to target[at], target[at + step], ... */
function gatherPatch(
  image: FloatArray,
  g: Geometry,
  group: number,
  pixel: number,
  from: number,
  count: number,
  target: Float64Array,
  at: number,
  step: number,
): void {
  const groupChannels = g.channels / g.groups;
  const end = from + count;
  let to = at;
  let e = from;
  while (e < end) {
    const tap = (e / groupChannels) | 0;
    const ky = (tap / g.kernelWidth) | 0;
    const kx = tap - ky * g.kernelWidth;
    const c = e - tap * groupChannels;
    const position = tapPosition(g, pixel, ky, kx);
    if (position < 0) {
      const stop = Math.min(e + groupChannels - c, end);
      for (; e < stop; e++, to += step) target[to] = 0;
    } else {
      const stop = Math.min(e + runLength(g, pixel, kx, c, groupChannels), end);
      let source = position + group * groupChannels + c;
      for (; e < stop; e++, to += step) target[to] = image[source++];
    }
  }
}

/** Patches as lines: the left factor of the forward product. */
export function patchesByPixel(image: FloatArray, g: Geometry, group: number): Operand {
  return {
    pack(panels, start, count, from, depth) {
      for (let line = 0; line < count; line++) {
        const lane = line % tile;
        gatherPatch(image, g, group, start + line, from, depth, panels, (line - lane) * depth + lane, tile);
      }
      for (let line = count; line % tile !== 0; line++) {
        const lane = line % tile;
        const at = (line - lane) * depth + lane;
        for (let d = 0; d < depth; d++) panels[at + d * tile] = 0;
      }
    },
  };
}

/** Patch elements as lines, pixels as depth: the left factor of the weight gradient. */
export function patchesByTap(image: FloatArray, g: Geometry, group: number): Operand {
  let patch = new Float64Array(0);
  return {
    pack(panels, start, count, from, depth) {
      const lines = Math.ceil(count / tile) * tile;
      if (patch.length !== lines) patch = new Float64Array(lines);
      for (let d = 0; d < depth; d++) {
        gatherPatch(image, g, group, from + d, start, count, patch, 0, 1);
        for (let line = 0, at = d * tile; line < lines; line += tile, at += depth * tile) {
          panels[at] = patch[line];
          panels[at + 1] = patch[line + 1];
          panels[at + 2] = patch[line + 2];
          panels[at + 3] = patch[line + 3];
        }
      }
    },
  };
}

/** Fills positions[ky * kernelWidth + kx] with the place of each tap of an output pixel in the image; -1 in the padding. */
export function tapPositions(g: Geometry, pixel: number, positions: Int32Array): void {
  const row = (pixel / g.outWidth) | 0;
  const image = (row / g.outHeight) | 0;
  const top = (row - image * g.outHeight) * g.strideY - g.padTop;
  const left = (pixel - row * g.outWidth) * g.strideX - g.padLeft;
  let tap = 0;
  for (let ky = 0; ky < g.kernelHeight; ky++) {
    const y = top + ky * g.dilationY;
    const line = (image * g.height + y) * g.width;
    for (let kx = 0; kx < g.kernelWidth; kx++) {
      const x = left + kx * g.dilationX;
      const inside = y >= 0 && y < g.height && x >= 0 && x < g.width;
      positions[tap++] = inside ? (line + x) * g.channels : -1;
    }
  }
}

/** Adds the patch of every pixel in [start, start + count), one after the other in `patches`, back to the image. */
export function scatterPatches(
  image: FloatArray,
  g: Geometry,
  group: number,
  start: number,
  count: number,
  patches: FloatArray,
): void {
  const groupChannels = g.channels / g.groups;
  const positions = new Int32Array(g.kernelHeight * g.kernelWidth);
  let from = 0;
  for (let pixel = start; pixel < start + count; pixel++) {
    tapPositions(g, pixel, positions);
    for (let tap = 0; tap < positions.length; tap++, from += groupChannels) {
      if (positions[tap] < 0) continue;
      const to = positions[tap] + group * groupChannels;
      for (let c = 0; c < groupChannels; c++) image[to + c] += patches[from + c];
    }
  }
}
