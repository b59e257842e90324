// The three products of a 3D convolution, plane by plane: a tap in depth over one plane of the volume adds a 2D
// convolution to one plane of the output. All three add to their result.

import type { FloatArray } from '../core/dtype.js';
import * as images from './convolution.js';
import { type Geometry, geometryOf as planeGeometry, type WindowAttrs } from './patches.js';

/** A 3D convolution as the 2D convolution of its planes, and their places in depth. */
export interface VolumeGeometry {
  batch: number;
  depth: number;
  outDepth: number;
  kernelDepth: number;
  strideZ: number;
  padFront: number;
  dilationZ: number;
  /** One plane, so with a batch of 1. */
  plane: Geometry;
}

/** From volume [N,D,H,W,C], output [N,OD,OH,OW,M] and the kernel's [depth, height, width]. */
export function geometryOf(
  volume: readonly number[],
  output: readonly number[],
  kernelSize: readonly number[],
  { strides, padding, dilation, groups }: WindowAttrs,
): VolumeGeometry {
  const plane = { strides: strides.slice(1), padding: padding.slice(2), dilation: dilation.slice(1), groups };
  return {
    batch: volume[0],
    depth: volume[1],
    outDepth: output[1],
    kernelDepth: kernelSize[0],
    strideZ: strides[0],
    padFront: padding[0],
    dilationZ: dilation[0],
    plane: planeGeometry([1, ...volume.slice(2)], [1, ...output.slice(2)], kernelSize.slice(1), plane),
  };
}

/** Multiply-adds count as two. */
export const convolutionFlops = (g: VolumeGeometry): number =>
  g.batch * g.outDepth * g.kernelDepth * images.convolutionFlops(g.plane);

export const forwardScratch = (g: VolumeGeometry): number => images.forwardScratch(g.plane);
export const gradInputScratch = (g: VolumeGeometry): number => images.gradInputScratch(g.plane);
export const gradWeightScratch = (g: VolumeGeometry): number => images.gradWeightScratch(g.plane);

type PlaneProduct = (image: FloatArray, weight: FloatArray, output: FloatArray) => void;

/** Calls `product` for every plane of the output and every tap in depth that meets a plane of the volume. */
function forEachPlane(
  g: VolumeGeometry,
  volume: FloatArray,
  weight: FloatArray,
  output: FloatArray,
  product: PlaneProduct,
): void {
  const { plane } = g;
  const part = (whole: FloatArray, index: number, length: number) =>
    whole.subarray(index * length, (index + 1) * length);
  const imageLength = plane.height * plane.width * plane.channels;
  const outputLength = plane.outHeight * plane.outWidth * plane.filters;
  const tapLength = weight.length / g.kernelDepth;
  for (let at = 0; at < g.batch * g.outDepth; at++) {
    const batch = Math.floor(at / g.outDepth);
    for (let tap = 0; tap < g.kernelDepth; tap++) {
      const z = (at % g.outDepth) * g.strideZ - g.padFront + tap * g.dilationZ;
      if (z < 0 || z >= g.depth) continue;
      const image = part(volume, batch * g.depth + z, imageLength);
      product(image, part(weight, tap, tapLength), part(output, at, outputLength));
    }
  }
}

/** y += convolution of x. */
export function addForward(
  g: VolumeGeometry,
  x: FloatArray,
  weight: FloatArray,
  y: FloatArray,
  scratch: FloatArray,
): void {
  forEachPlane(g, x, weight, y, (image, taps, output) => images.addForward(g.plane, image, taps, output, scratch));
}

/** dx += gradient of the convolution with respect to its volume. */
export function addGradInput(
  g: VolumeGeometry,
  dy: FloatArray,
  weight: FloatArray,
  dx: FloatArray,
  scratch: FloatArray,
): void {
  forEachPlane(g, dx, weight, dy, (image, taps, output) => images.addGradInput(g.plane, output, taps, image, scratch));
}

/** dw += gradient of the convolution with respect to its weight. */
export function addGradWeight(
  g: VolumeGeometry,
  x: FloatArray,
  dy: FloatArray,
  dw: FloatArray,
  scratch: FloatArray,
): void {
  forEachPlane(g, x, dw, dy, (image, taps, output) => images.addGradWeight(g.plane, image, output, taps, scratch));
}
