// Which algorithm computes a convolution natively. Winograd's needs less than half of the multiplications of a 3x3 or 5x5
// kernel, but has to transform images and filters: an estimate of both times decides. It knows shapes and instruction
// set only, so that a plan (and the numbers it computes) is the same on every run.

import type { GraphNode } from '../graph/graph.js';
import { type Algorithm, takesPackedWeight, winogradKernel } from '../graph/lower.js';
import { conv2dSizes } from '../ops/conv.js';

/** 'auto': where it pays and costs no accuracy to speak of. 'fast': larger tiles too, with more rounding. 'off': never. */
export type WinogradMode = 'auto' | 'off' | 'fast';

export const winogradModes: readonly WinogradMode[] = ['auto', 'off', 'fast'];

/** 'auto': by the estimate. Others: wherever the algorithm can compute the convolution at all. */
export type AlgorithmName = 'auto' | 'direct' | 'winograd';

export const algorithmNames: readonly AlgorithmName[] = ['auto', 'direct', 'winograd'];

/** With fewer channels or filters, vectors and registers stay partly empty. */
const leastChannels = 16;
/** Maps from this size on take tiles of 6x6 pixels in mode 'fast'. */
const largeMap = 24;

/** Rows of products that native/gemm/thin.h computes. */
const fewPixels = 16;

/** GFLOP/s of one core in a well-fed matrix product: between what current processors with the instructions reach. */
const gflopsOfIsa: Readonly<Record<string, number>> = { avx512: 170, avx2: 100, neon: 40, scalar: 8 };
/** GB/s at which transformed tiles are written and read again (second-level cache), and transformed filters. */
const tileBandwidth = 60;
const filterBandwidth = 15;

/** The op's own kernel. A weight that serves for many runs is packed for it once. */
function own(node: GraphNode, weightIsFixed: boolean): Algorithm {
  return { name: weightIsFixed && takesPackedWeight(node) && !readsWeightAlongRows(node) ? 'packed' : 'direct' };
}

/** A product of so few pixels with a weight takes the time of reading it, for which it lies best as it is. */
function readsWeightAlongRows({ inputs: [, weight], outputs: [{ shape }] }: GraphNode): boolean {
  const [height, width] = weight?.shape ?? [];
  return height === 1 && width === 1 && shape[0] * shape[1] * shape[2] <= fewPixels;
}

export interface AlgorithmChoice {
  algorithm: AlgorithmName;
  winograd: WinogradMode;
  isa: string;
  /** Filters are transformed or packed once for many runs. */
  weightIsFixed: boolean;
}

export function chooseAlgorithm(node: GraphNode, choice: AlgorithmChoice): Algorithm {
  const kernel = choice.winograd === 'off' || choice.algorithm === 'direct' ? null : winogradKernel(node);
  const sizes = kernel && conv2dSizes(node);
  if (!sizes) return own(node, choice.weightIsFixed);
  const large = choice.winograd === 'fast' && Math.min(...sizes.pixels) >= largeMap;
  const tile = kernel === 5 ? 2 : large ? 6 : 4;
  const winograd: Algorithm = { name: 'winograd', tile };
  if (choice.algorithm === 'winograd') return winograd;
  const pays =
    Math.min(sizes.channels, sizes.filters) >= leastChannels && estimate(node, kernel, tile, sizes, choice) < 1;
  return pays ? winograd : own(node, choice.weightIsFixed);
}

/**
 * Time of Winograd's algorithm over that of the direct one. Of predictions, whose filters are transformed before, both are
 * proportional to the batch and it must stay so: a sample's result must not depend on how many it comes with.
 */
function estimate(
  node: GraphNode,
  kernel: number,
  tile: number,
  { channels, filters, pixels }: { channels: number; filters: number; pixels: readonly number[] },
  { isa, weightIsFixed }: AlgorithmChoice,
): number {
  const batch =
    node.outputs[0].shape.length === 4 && node.op.name !== 'conv2dGradWeight'
      ? node.outputs[0].shape[0]
      : (node.inputs[0]?.shape[0] ?? 1);
  const planes = (tile + kernel - 1) ** 2;
  const tiles = batch * pixels.reduce((product, size) => product * Math.ceil(size / tile), 1);
  const products = channels * filters;
  const perNanosecond = gflopsOfIsa[isa] ?? gflopsOfIsa.scalar;
  const directTime = (2 * kernel ** 2 * products * batch * pixels[0] * pixels[1]) / perNanosecond;
  const transformed = 2 * 4 * planes * (channels + filters) * tiles;
  const filterBytes = weightIsFixed && node.op.name !== 'conv2dGradWeight' ? 0 : 4 * planes * products;
  const time =
    (2 * planes * products * tiles) / (0.9 * perNanosecond) +
    transformed / tileBandwidth +
    filterBytes / filterBandwidth;
  return time / directTime;
}
