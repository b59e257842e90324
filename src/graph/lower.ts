// Puts the ops of an algorithm in the place of the op that says what is to be computed. Runs after fusion and after
// gradients, so an algorithm needs no gradient of its own. Which algorithm serves is the backend's choice.

import { conv2dSizes } from '../ops/conv.js';
import type { Graph, GraphNode, GraphValue } from './graph.js';

/** How a convolution (or one of its gradients) is computed. */
export type Algorithm =
  /** The op's own kernel. */
  | { readonly name: 'direct' }
  /** The kernel of conv2d, with a weight that was brought into its order before. */
  | { readonly name: 'packed' }
  /** By interpolation on tiles of tile x tile output pixels. */
  | { readonly name: 'winograd'; readonly tile: number };

/** Whether Winograd's algorithm can compute this op at all: stride, dilation and groups of 1, a square kernel of 3 or 5. */
export function winogradKernel(node: GraphNode): number | null {
  const sizes = conv2dSizes(node);
  if (!sizes) return null;
  const { strides, dilation, groups } = node.attrs;
  const ones = [...strides, ...dilation, groups].every((n) => n === 1);
  const [height, width] = sizes.kernelSize;
  const reaches = node.op.name !== 'conv2dGradInput' || node.attrs.padding.every((p: number) => p < height);
  return ones && height === width && (height === 3 || height === 5) && reaches ? height : null;
}

/** Whether the kernel of this op can take a packed weight. */
export function takesPackedWeight({ op, attrs }: GraphNode): boolean {
  return op.name === 'conv2d' && attrs.groups === 1;
}

/** The program with every op replaced by what `choose` picks for it. */
export function lower(graph: Graph, nodes: readonly GraphNode[], choose: (node: GraphNode) => Algorithm): GraphNode[] {
  return nodes.flatMap((node) => {
    const algorithm = choose(node);
    if (algorithm.name === 'packed' && takesPackedWeight(node)) return packed(graph, node);
    const kernelSize = algorithm.name === 'winograd' ? winogradKernel(node) : null;
    return algorithm.name === 'winograd' && kernelSize ? winograd(graph, node, algorithm.tile, kernelSize) : [node];
  });
}

function packed(graph: Graph, node: GraphNode): GraphNode[] {
  const [x, weight, ...addends] = node.inputs as readonly GraphValue[];
  const { groups, ...others } = node.attrs;
  const attrs = { kernelSize: weight.shape.slice(0, 2), filters: weight.shape[3], ...others };
  const filter = graph.derive('packFilter', [weight], {}, `${node.name}/filter`);
  return [filter, graph.derive('packedConv2d', [x, filter.outputs[0], ...addends], attrs, node.name, node.outputs)];
}

function winograd(graph: Graph, node: GraphNode, tile: number, kernelSize: number): GraphNode[] {
  const [first, second, bias = null, residual = null] = node.inputs;
  const { padding, activation = 'linear' } = node.attrs;
  if (node.op.name === 'conv2dGradWeight') {
    return [
      graph.derive('winogradConv2dGradWeight', [first, second], { tile, kernelSize, padding }, node.name, node.outputs),
    ];
  }
  const backward = node.op.name === 'conv2dGradInput';
  const filters = node.outputs[0].shape[3];
  const filter = graph.derive('winogradFilter', [second], { tile, rotate: Number(backward) }, `${node.name}/filter`);
  const attrs = {
    tile,
    kernelSize,
    filters,
    padding: backward ? padding.map((p: number) => kernelSize - 1 - p) : padding,
    activation,
  };
  const inputs = [first, filter.outputs[0], bias, residual];
  return [filter, graph.derive('winogradConv2d', inputs, attrs, node.name, node.outputs)];
}
