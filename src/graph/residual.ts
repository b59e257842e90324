// Inference: a sum with the output of a convolution is formed by the convolution itself, before its activation, while
// its result is still near. So end the blocks of a ResNet or MobileNetV2 once batch normalization is folded.

import { sameShape } from '../core/shape.js';
import type { Graph, GraphNode, GraphValue } from './graph.js';
import { Program } from './program.js';
import { constantValues } from './prologue.js';

/** The program with every sum that a convolution can form gone into it. */
export function fuseResiduals(graph: Graph, nodes: readonly GraphNode[], keep: ReadonlySet<number>): GraphNode[] {
  const program = new Program(nodes, keep);
  const constants = constantValues(nodes);
  const moves = ({ inputs }: GraphNode): boolean =>
    inputs.every((input) => !input?.variable || constants.has(input.id));
  /** The convolution that makes `term`, when it can add `other`. */
  const convolution = (term: GraphValue, other: GraphValue): GraphNode | null => {
    const conv = program.maker(term);
    if (!conv || !/^conv[23]d$/.test(conv.op.name)) return null;
    if (conv.attrs.activation !== 'linear' || conv.attrs.groups !== 1 || conv.inputs[3]) return null;
    // Its place is that of the sum from then on: no write to what it reads may lie between.
    return program.isPassing(term) && sameShape(term.shape, other.shape) && moves(conv) ? conv : null;
  };
  const sums = new Map<GraphNode, GraphNode>();
  for (const node of nodes) {
    if (node.op.name !== 'add') continue;
    const [a, b] = node.inputs as readonly GraphValue[];
    const [one, other] = [convolution(a, b), convolution(b, a)];
    // The later one moves less far, if at all.
    const conv = one && other ? program.later(one, other) : (one ?? other);
    if (conv) sums.set(node, conv);
  }
  const gone = new Set(sums.values());
  return nodes.flatMap((node) => {
    const conv = sums.get(node);
    if (conv) return [withResidual(graph, conv, node)];
    return gone.has(node) ? [] : [node];
  });
}

/** One op that computes `sum`, of which `conv` makes a term. */
function withResidual(graph: Graph, conv: GraphNode, sum: GraphNode): GraphNode {
  const [a, b] = sum.inputs;
  const [x, weight, bias = null] = conv.inputs;
  const inputs = [x, weight, bias, a === conv.outputs[0] ? b : a];
  return graph.derive(conv.op, inputs, { ...conv.attrs, activation: sum.attrs.activation }, conv.name, sum.outputs);
}
