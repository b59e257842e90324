// Which algorithm computes a convolution natively. Winograd's saves more than half of the multiplications of a 3x3 or 5x5
// kernel where there are enough channels to keep the matrix products busy; the thresholds were measured (bench conv).

import type { GraphNode } from '../graph/graph.js';
import { type Algorithm, winogradKernel } from '../graph/lower.js';
import { conv2dSizes } from '../ops/conv.js';

/** 'auto': where it pays and costs no accuracy to speak of. 'fast': larger tiles too, with more rounding. 'off': never. */
export type WinogradMode = 'auto' | 'off' | 'fast';

export const winogradModes: readonly WinogradMode[] = ['auto', 'off', 'fast'];

/** Fewest channels and filters, and fewest pixels along an axis of the output, for which Winograd pays. */
const leastChannels = 16;
const leastPixels = 4;
/** Maps from this size on take tiles of 6x6 pixels in mode 'fast'. */
const largeMap = 24;

const direct: Algorithm = { name: 'direct' };

export function chooseAlgorithm(node: GraphNode, mode: WinogradMode): Algorithm {
  const kernel = mode === 'off' ? null : winogradKernel(node);
  const sizes = kernel && conv2dSizes(node);
  if (!sizes) return direct;
  const { channels, filters, pixels } = sizes;
  if (Math.min(channels, filters) < leastChannels || Math.min(...pixels) < leastPixels) return direct;
  if (kernel === 5) return { name: 'winograd', tile: 2 };
  return { name: 'winograd', tile: mode === 'fast' && Math.min(...pixels) >= largeMap ? 6 : 4 };
}
