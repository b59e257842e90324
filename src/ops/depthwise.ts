// Convolutions with one input channel per group (depthwise, with any number of filters per channel): direct loops, since
// a product with so few columns would leave most of gemm's tile empty. Weight [kh, kw, 1, filters].

import type { FloatArray } from '../core/dtype.js';
import { type Geometry, pixelCount, tapPosition } from './patches.js';

export const isDepthwise = (g: Geometry) => g.groups > 1 && g.groups === g.channels;

/** Calls `visit` for every output pixel and every tap that falls into the image. */
function forEachTap(g: Geometry, visit: (pixel: number, tap: number, position: number) => void): void {
  const pixels = pixelCount(g);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let ky = 0; ky < g.kernelHeight; ky++) {
      for (let kx = 0; kx < g.kernelWidth; kx++) {
        const position = tapPosition(g, pixel, ky, kx);
        if (position >= 0) visit(pixel, ky * g.kernelWidth + kx, position);
      }
    }
  }
}

/** y += convolution of x. */
export function depthwiseForward(g: Geometry, x: FloatArray, weight: FloatArray, y: FloatArray): void {
  const multiplier = g.filters / g.channels;
  forEachTap(g, (pixel, tap, position) => {
    let to = pixel * g.filters;
    let w = tap * g.filters;
    for (let c = 0; c < g.channels; c++) {
      const value = x[position + c];
      for (let j = 0; j < multiplier; j++) y[to++] += value * weight[w++];
    }
  });
}

/** dx += gradient of the convolution with respect to its image. */
export function depthwiseGradInput(g: Geometry, dy: FloatArray, weight: FloatArray, dx: FloatArray): void {
  const multiplier = g.filters / g.channels;
  forEachTap(g, (pixel, tap, position) => {
    let from = pixel * g.filters;
    let w = tap * g.filters;
    for (let c = 0; c < g.channels; c++) {
      let sum = 0;
      for (let j = 0; j < multiplier; j++) sum += dy[from++] * weight[w++];
      dx[position + c] += sum;
    }
  });
}

/** dw += gradient of the convolution with respect to its weight. */
export function depthwiseGradWeight(g: Geometry, x: FloatArray, dy: FloatArray, dw: Float64Array): void {
  const multiplier = g.filters / g.channels;
  forEachTap(g, (pixel, tap, position) => {
    let from = pixel * g.filters;
    let w = tap * g.filters;
    for (let c = 0; c < g.channels; c++) {
      const value = x[position + c];
      for (let j = 0; j < multiplier; j++) dw[w++] += value * dy[from++];
    }
  });
}
