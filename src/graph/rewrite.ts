// Passes over the list of ops, each a pure function: prune what nobody reads, fold a bias and an activation into the
// op that makes their operand. In-place work is decided by the memory planner.

import type { AnyAttrs } from '../ops/op.js';
import type { GraphNode, GraphValue } from './graph.js';

/** Keeps ops that lead to a value in `keep` or write a variable. */
export function prune(nodes: readonly GraphNode[], keep: ReadonlySet<number>): GraphNode[] {
  const needed = new Set(keep);
  const kept: GraphNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((output) => needed.has(output.id) || output.variable)) continue;
    kept.push(node);
    for (const input of node.inputs) if (input) needed.add(input.id);
  }
  return kept.reverse();
}

/** Bias first, then activation: conv2d → add → relu becomes one step. */
export function fuse(nodes: readonly GraphNode[], keep: ReadonlySet<number>): GraphNode[] {
  return fusePairs(fusePairs(nodes, keep, withBias), keep, withActivation);
}

/** What `second` becomes when it is folded into `first`: the new inputs and attributes of `first`, or null. */
type Fold = (first: GraphNode, second: GraphNode) => { inputs: GraphNode['inputs']; attrs: AnyAttrs } | null;

function fusePairs(nodes: readonly GraphNode[], keep: ReadonlySet<number>, fold: Fold): GraphNode[] {
  const uses = new Map<number, number>();
  for (const node of nodes)
    for (const input of node.inputs) if (input) uses.set(input.id, (uses.get(input.id) ?? 0) + 1);
  const position = new Map<GraphNode, number>();
  const result: GraphNode[] = [];
  const current = new Map<number, GraphNode>();
  const register = (node: GraphNode, place: number): void => {
    position.set(node, place);
    for (const output of node.outputs) current.set(output.id, node);
  };
  for (const node of nodes) {
    const operand = node.inputs[0];
    const first = operand && current.get(operand.id);
    const single = operand && uses.get(operand.id) === 1 && !keep.has(operand.id) && !operand.variable;
    const folded = first && single && first.outputs[0] === operand ? fold(first, node) : null;
    if (first && folded) {
      // In the place of `first`: its other outputs (a batch's mean) may be read before `second` stood.
      const fused = { ...first, ...folded, outputs: [node.outputs[0], ...first.outputs.slice(1)] };
      const place = position.get(first) as number;
      register(fused, place);
      result[place] = fused;
    } else {
      register(node, result.length);
      result.push(node);
    }
  }
  return result;
}

const withBias: Fold = (first, second) => {
  const slot = first.op.inputs.indexOf('bias?');
  const adds = second.op.name === 'add' && second.attrs.activation === 'linear';
  if (!adds || slot < 0 || first.inputs[slot] || first.attrs.activation !== 'linear') return null;
  const bias = second.inputs[1] as GraphValue;
  const channels = first.outputs[0].shape.at(-1);
  const fits = bias.kind === 'variable' && bias.shape.length === 1 && bias.shape[0] === channels;
  if (!fits) return null;
  const inputs = [...first.inputs];
  while (inputs.length < slot) inputs.push(null);
  inputs[slot] = bias;
  return { inputs, attrs: first.attrs };
};

const withActivation: Fold = (first, second) => {
  const kind = first.op.attrs.activation;
  const fits = kind?.kind === 'enum' && kind.names.includes(second.op.name) && first.attrs.activation === 'linear';
  return fits ? { inputs: first.inputs, attrs: { ...first.attrs, activation: second.op.name } } : null;
};
