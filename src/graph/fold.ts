// Inference without batch normalization: with given statistics it is an affine map per channel, which a convolution or
// dense layer before it takes into its weight and bias (Jacob et al. 2018, section 3.2). The activation follows.

import type { Graph, GraphNode, GraphValue } from './graph.js';
import { Program } from './program.js';
import { constantValues } from './prologue.js';

/** Axis of the weight along which the output's channels lie; -1: the op does not take part. */
function channelAxis({ op, inputs, attrs }: GraphNode): number {
  const rank = inputs[1]?.shape.length ?? 0;
  if (['conv2d', 'conv3d', 'dense'].includes(op.name)) return rank - 1;
  return ['conv2dTranspose', 'conv3dTranspose'].includes(op.name) && attrs.groups === 1 ? rank - 2 : -1;
}

/** The program with every normalization that can be folded gone into the op before it. */
export function foldNormalization(graph: Graph, nodes: readonly GraphNode[], keep: ReadonlySet<number>): GraphNode[] {
  const constants = constantValues(nodes);
  const program = new Program(nodes, keep);
  const isConstant = (value: GraphValue | null): boolean => value === null || constants.has(value.id);
  const folds = (first: GraphNode, { inputs: [x, ...parameters] }: GraphNode): boolean =>
    channelAxis(first) >= 0 &&
    first.attrs.activation === 'linear' &&
    [...first.inputs.slice(1), ...parameters].every(isConstant) &&
    x !== null &&
    program.isPassing(x);
  const normalization = new Map<GraphNode, GraphNode>();
  for (const node of nodes) {
    const first = node.op.name === 'batchNormInference' && program.maker(node.inputs[0]);
    if (first && folds(first, node)) normalization.set(first, node);
  }
  const gone = new Set(normalization.values());
  return nodes.flatMap((node) => {
    const second = normalization.get(node);
    if (second) return folded(graph, node, second);
    return gone.has(node) ? [] : [node];
  });
}

/** Two ops that compute `second(first(x))`. */
function folded(graph: Graph, first: GraphNode, second: GraphNode): GraphNode[] {
  const [x, weight, bias = null] = first.inputs;
  const { epsilon, activation } = second.attrs;
  const parameters = [weight, bias, ...second.inputs.slice(1)];
  const fold = graph.derive('foldBatchNorm', parameters, { epsilon, axis: channelAxis(first) }, `${first.name}/fold`);
  const attrs = { ...first.attrs, activation };
  return [fold, graph.derive(first.op, [x, ...fold.outputs], attrs, first.name, second.outputs)];
}
