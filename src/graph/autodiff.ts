// Reverse-mode differentiation: walks the ops backwards and lets each row emit its own gradient. What nobody reads
// (the gradient of the first convolution's image) is emitted too and falls to `prune`.

import { OcellusError } from '../core/errors.js';
import type { GradientContext, Value } from '../ops/op.js';
import type { Graph, GraphNode, GraphValue } from './graph.js';

type GradientRule = (context: GradientContext) => (Value | null)[];

export interface GradientOptions {
  /** What each element of `loss` counts, in its shape. Default: all 1. */
  readonly seed?: Value;
  /** Rules that stand in the place of ops' own gradients, by the op's name. */
  readonly rules?: Readonly<Record<string, GradientRule>>;
}

/**
 * Gradients of `loss` (any shape: its elements are summed) with respect to `targets`.
 *
 * @returns one value per target, null where the loss does not depend on it.
 * @throws ERR_OCELLUS_GRADIENT when an op on the way has no gradient.
 */
export function gradients(
  graph: Graph,
  loss: Value,
  targets: readonly Value[],
  { seed, rules = {} }: GradientOptions = {},
): (GraphValue | null)[] {
  const dependent = dependentValues(graph.nodes, targets);
  const contributions = new Map<number, Value[]>();
  const accumulate = (value: Value, gradient: Value): void => {
    const list = contributions.get(value.id);
    if (list) list.push(gradient);
    else contributions.set(value.id, [gradient]);
  };
  const total = (value: Value): GraphValue | null => {
    const list = contributions.get(value.id);
    if (!list) return null;
    const sum = list.reduce((a, b) => graph.emit('add', [a, b], {}, { name: 'sum' })[0]);
    contributions.set(value.id, [sum]);
    return sum as GraphValue;
  };

  const forward = [...graph.nodes];
  graph.scope('gradient', () => {
    accumulate(loss, seed ?? graph.emit('fill', [], { value: 1, shape: [...loss.shape] }, { name: 'seed' })[0]);
    for (const node of forward.reverse()) {
      if (!node.outputs.some((output) => contributions.has(output.id) && dependent.has(output.id))) continue;
      graph.scope(node.name, () =>
        differentiate(graph, node, rules[node.op.name] ?? node.op.gradient, dependent, total, accumulate),
      );
    }
  });
  return targets.map((target) => total(target));
}

function differentiate(
  graph: Graph,
  node: GraphNode,
  rule: GradientRule | undefined,
  dependent: ReadonlySet<number>,
  total: (value: Value) => GraphValue | null,
  accumulate: (value: Value, gradient: Value) => void,
): void {
  if (!rule) {
    throw new OcellusError('ERR_OCELLUS_GRADIENT', {
      where: `${node.op.name} '${node.name}'`,
      expected: 'an op with a gradient between the loss and the weights',
      got: `'${node.op.name}', which has none`,
      help: 'give the op a `gradient`, or keep it off the path from the weights to the loss',
    });
  }
  const dInputs = rule({
    emit: graph.emit.bind(graph),
    inputs: node.inputs,
    outputs: node.outputs,
    attrs: node.attrs,
    dOutputs: node.outputs.map(total),
    needs: node.inputs.map((input) => input !== null && dependent.has(input.id)),
  });
  node.inputs.forEach((input, index) => {
    const gradient = dInputs[index];
    if (input && gradient && dependent.has(input.id)) accumulate(input, gradient);
  });
}

/** Ids of the targets and of everything computed from them. */
function dependentValues(nodes: readonly GraphNode[], targets: readonly Value[]): Set<number> {
  const ids = new Set(targets.map((target) => target.id));
  for (const node of nodes) {
    if (node.inputs.some((input) => input && ids.has(input.id))) for (const output of node.outputs) ids.add(output.id);
  }
  return ids;
}
