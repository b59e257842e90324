// The prologue of an inference plan: ops that depend on nothing but weights run first and again only when weights
// changed. What they make keeps its place for the whole plan.

import type { GraphNode, GraphValue } from './graph.js';
import { overlap } from './variables.js';

/** Ids of the values that depend on nothing but variables in `state` that no op of the program writes. */
export function constantValues(nodes: readonly GraphNode[]): Set<number> {
  const written = nodes.flatMap((node) => node.outputs.flatMap(({ variable }) => variable ?? []));
  const constants = new Set<number>();
  const isConstant = (value: GraphValue | null): boolean => {
    if (!value || constants.has(value.id)) return true;
    const { kind, variable } = value;
    if (kind !== 'variable' || variable?.region !== 'state') return false;
    return !written.some((other) => overlap(variable, other));
  };
  for (const node of nodes) {
    const inputs = node.inputs.filter((input) => input !== null);
    for (const input of inputs) if (isConstant(input)) constants.add(input.id);
    const moves = inputs.length > 0 && inputs.every(isConstant) && !node.outputs.some(({ variable }) => variable);
    if (moves) for (const output of node.outputs) constants.add(output.id);
  }
  return constants;
}

/** The program with its constant ops in front, in their order, and how many they are. */
export function hoist(nodes: readonly GraphNode[]): { nodes: GraphNode[]; prologue: number } {
  const constants = constantValues(nodes);
  const isPrologue = (node: GraphNode): boolean => node.outputs.every(({ id }) => constants.has(id));
  const prologue = nodes.filter(isPrologue);
  return { nodes: [...prologue, ...nodes.filter((node) => !isPrologue(node))], prologue: prologue.length };
}
