// What passes ask about a program: who makes a value, who reads it, what happens between two ops.

import type { GraphNode, GraphValue } from './graph.js';
import { overlap, type Variable } from './variables.js';

export class Program {
  private readonly positions = new Map<GraphNode, number>();
  private readonly makers = new Map<number, GraphNode>();
  private readonly readers = new Map<number, GraphNode[]>();

  constructor(
    readonly nodes: readonly GraphNode[],
    private readonly keep: ReadonlySet<number>,
  ) {
    nodes.forEach((node, position) => {
      this.positions.set(node, position);
      for (const output of node.outputs) this.makers.set(output.id, node);
      for (const input of node.inputs) {
        if (input) this.readers.set(input.id, [...(this.readers.get(input.id) ?? []), node]);
      }
    });
  }

  /** The op that makes the value, if it is called `op` (default: whatever its name). */
  maker(value: GraphValue | null | undefined, op?: string): GraphNode | null {
    const node = value && this.makers.get(value.id);
    return node && (op === undefined || node.op.name === op) ? node : null;
  }

  readersOf(value: GraphValue): readonly GraphNode[] {
    return this.readers.get(value.id) ?? [];
  }

  /** Of two ops the one that runs later. */
  later(one: GraphNode, other: GraphNode): GraphNode {
    return this.positionOf(one) > this.positionOf(other) ? one : other;
  }

  /** Nobody but one op sees the value. */
  isPassing(value: GraphValue): boolean {
    return this.readersOf(value).length === 1 && !value.variable && !this.keep.has(value.id);
  }

  /** No op from `first` to `last`, both left out, reads or writes the variable. */
  isUntouched(variable: Variable, first: GraphNode, last: GraphNode): boolean {
    const between = this.nodes.slice(this.positionOf(first) + 1, this.positionOf(last));
    const values = between.flatMap((node) => [...node.inputs, ...node.outputs]);
    return !values.some((value) => value?.variable && overlap(value.variable, variable));
  }

  private positionOf(node: GraphNode): number {
    return this.positions.get(node) as number;
  }
}
