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
  const { channels } = g;
  const multiplier = g.filters / channels;
  forEachTap(g, (yStart, wStart, xStart) => {
    for (let j = 0; j < multiplier; j++) {
      for (let c = 0, f = j; c < channels; c++, f += multiplier) y[yStart + f] += x[xStart + c] * weight[wStart + f];
    }
  });
}

/** dx += gradient of the convolution with respect to its image. */
export function depthwiseGradInput(g: Geometry, dy: FloatArray, weight: FloatArray, dx: FloatArray): void {
  const { channels } = g;
  const multiplier = g.filters / channels;
  forEachTap(g, (yStart, wStart, xStart) => {
    for (let j = 0; j < multiplier; j++) {
      for (let c = 0, f = j; c < channels; c++, f += multiplier) dx[xStart + c] += dy[yStart + f] * weight[wStart + f];
    }
  });
}

/** dw += gradient of the convolution with respect to its weight. */
export function depthwiseGradWeight(g: Geometry, x: FloatArray, dy: FloatArray, dw: Float64Array): void {
  const { channels } = g;
  const multiplier = g.filters / channels;
  forEachTap(g, (yStart, wStart, xStart) => {
    for (let j = 0; j < multiplier; j++) {
      for (let c = 0, f = j; c < channels; c++, f += multiplier) dw[wStart + f] += x[xStart + c] * dy[yStart + f];
    }
  });
}
