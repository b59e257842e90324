// Convolutions with one input channel per group (depthwise, with any number of filters per channel): direct loops, since
// a product with so few columns would leave most of gemm's tile empty. Weight [kh, kw, 1, filters].

import type { FloatArray } from '../core/dtype.js';
import { type Geometry, pixelCount, tapPositions } from './patches.js';

export const isDepthwise = (g: Geometry) => g.groups > 1 && g.groups === g.channels;

/** What happens at one tap: the first places of the pixel's filters, the tap's weights and the channels under it. */
type TapLoop = (filters: number, weights: number, channels: number) => void;

function forEachTap(g: Geometry, loop: TapLoop): void {
  const pixels = pixelCount(g);
  const positions = new Int32Array(g.kernelHeight * g.kernelWidth);
  for (let pixel = 0; pixel < pixels; pixel++) {
    tapPositions(g, pixel, positions);
    for (let tap = 0; tap < positions.length; tap++) {
      if (positions[tap] >= 0) loop(pixel * g.filters, tap * g.filters, positions[tap]);
    }
  }
}

/** y += convolution of x. */
export function depthwiseForward(g: Geometry, x: FloatArray, weight: FloatArray, y: FloatArray): void {
  const multiplier = g.filters / g.channels;
  forEachTap(g, (filters, weights, channels) => {
    for (let c = 0, f = 0; c < g.channels; c++) {
      const value = x[channels + c];
      for (const end = f + multiplier; f < end; f++) y[filters + f] += value * weight[weights + f];
    }
  });
}

/** dx += gradient of the convolution with respect to its image. */
export function depthwiseGradInput(g: Geometry, dy: FloatArray, weight: FloatArray, dx: FloatArray): void {
  const multiplier = g.filters / g.channels;
  forEachTap(g, (filters, weights, channels) => {
    for (let c = 0, f = 0; c < g.channels; c++) {
      let sum = 0;
      for (const end = f + multiplier; f < end; f++) sum += dy[filters + f] * weight[weights + f];
      dx[channels + c] += sum;
    }
  });
}

/** dw += gradient of the convolution with respect to its weight. */
export function depthwiseGradWeight(g: Geometry, x: FloatArray, dy: FloatArray, dw: Float64Array): void {
  const multiplier = g.filters / g.channels;
  forEachTap(g, (filters, weights, channels) => {
    for (let c = 0, f = 0; c < g.channels; c++) {
      const value = x[channels + c];
      for (const end = f + multiplier; f < end; f++) dw[weights + f] += value * dy[filters + f];
    }
  });
}
