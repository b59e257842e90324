// The three products of a 2D convolution (forward, gradient of the image, gradient of the weight) as loops over groups of
// gemm on patches (Chellapilla et al., "High performance convolutional neural networks for document processing", 2006).
// Layout NHWC, weight [kh, kw, channels / groups, filters]. All three add to their result.

import type { FloatArray } from '../core/dtype.js';
import { depthwiseForward, depthwiseGradInput, depthwiseGradWeight, isDepthwise } from './depthwise.js';
import { doubles, doublesScratch, gemm, gemmScratch, matrix } from './gemm.js';
import {
  type Geometry,
  isPointwise,
  patchesByPixel,
  patchesByTap,
  patchLength,
  pixelCount,
  scatterPatches,
} from './patches.js';

const groupFilters = (g: Geometry) => g.filters / g.groups;

/** Multiply-adds count as two. */
export function convolutionFlops(g: Geometry): number {
  return 2 * pixelCount(g) * patchLength(g) * g.filters;
}

export function forwardScratch(g: Geometry): number {
  return isDepthwise(g) ? 0 : gemmScratch(pixelCount(g), groupFilters(g), patchLength(g));
}

/** y[pixel, filter] += sum over the patch of x[pixel, patch] * weight[patch, filter]. */
export function addForward(g: Geometry, x: FloatArray, weight: FloatArray, y: FloatArray, scratch: FloatArray): void {
  if (isDepthwise(g)) {
    depthwiseForward(g, x, weight, y);
    return;
  }
  const filters = groupFilters(g);
  const groupChannels = g.channels / g.groups;
  for (let group = 0; group < g.groups; group++) {
    const first = group * filters;
    const image = isPointwise(g) ? matrix(x, group * groupChannels, g.channels, 1) : patchesByPixel(x, g, group);
    gemm(
      pixelCount(g),
      filters,
      patchLength(g),
      image,
      matrix(weight, first, 1, g.filters),
      y,
      first,
      g.filters,
      scratch,
    );
  }
}

/** Pixels whose patches of gradients are held at once: few enough for the cache, enough to pay for packing the weight. */
function pixelBlock(g: Geometry): number {
  const fitting = Math.floor(65536 / patchLength(g));
  return Math.min(pixelCount(g), Math.max(64, Math.min(256, fitting)));
}

export function gradInputScratch(g: Geometry): number {
  if (isDepthwise(g)) return 0;
  const product = (pixels: number) => gemmScratch(pixels, patchLength(g), groupFilters(g));
  if (isPointwise(g)) return product(pixelCount(g));
  return pixelBlock(g) * patchLength(g) + product(pixelBlock(g));
}

/** dx += the patches dy[pixel, filter] * weight[patch, filter], each added where it was read. */
export function addGradInput(
  g: Geometry,
  dy: FloatArray,
  weight: FloatArray,
  dx: FloatArray,
  scratch: FloatArray,
): void {
  if (isDepthwise(g)) {
    depthwiseGradInput(g, dy, weight, dx);
    return;
  }
  const filters = groupFilters(g);
  const length = patchLength(g);
  const pixels = pixelCount(g);
  const block = pixelBlock(g);
  const patches = scratch.subarray(0, block * length);
  const workspace = scratch.subarray(block * length);
  for (let group = 0; group < g.groups; group++) {
    const first = group * filters;
    const weights = matrix(weight, first, g.filters, 1);
    if (isPointwise(g)) {
      gemm(pixels, length, filters, matrix(dy, first, g.filters, 1), weights, dx, group * length, g.channels, scratch);
      continue;
    }
    for (let start = 0; start < pixels; start += block) {
      const count = Math.min(block, pixels - start);
      patches.fill(0);
      const gradients = matrix(dy, start * g.filters + first, g.filters, 1);
      gemm(count, length, filters, gradients, weights, patches, 0, length, workspace);
      scatterPatches(dx, g, group, start, count, patches);
    }
  }
}

export function gradWeightScratch(g: Geometry): number {
  if (isDepthwise(g)) return doublesScratch(g.kernelHeight * g.kernelWidth * g.filters);
  return gemmScratch(patchLength(g), groupFilters(g), pixelCount(g));
}

/** dw[patch, filter] += sum over pixels of x[pixel, patch] * dy[pixel, filter]. */
export function addGradWeight(g: Geometry, x: FloatArray, dy: FloatArray, dw: FloatArray, scratch: FloatArray): void {
  if (isDepthwise(g)) {
    const sums = doubles(scratch, dw.length);
    sums.fill(0);
    depthwiseGradWeight(g, x, dy, sums);
    for (let i = 0; i < dw.length; i++) dw[i] += sums[i];
    return;
  }
  const filters = groupFilters(g);
  const groupChannels = g.channels / g.groups;
  for (let group = 0; group < g.groups; group++) {
    const first = group * filters;
    const image = isPointwise(g) ? matrix(x, group * groupChannels, 1, g.channels) : patchesByTap(x, g, group);
    gemm(patchLength(g), filters, pixelCount(g), image, matrix(dy, first, 1, g.filters), dw, first, g.filters, scratch);
  }
}
