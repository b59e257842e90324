// What the translations of ONNX's operators share: the node at hand, its attributes, and what has no counterpart.

import type { BuildContext } from '../../src/nn/build.js';
import type { Value } from '../../src/ops/op.js';
import type { OnnxNode, OnnxTensor } from './onnx-file.js';

/** What the operator tests ask for that has no counterpart. */
export const reasons = {
  integers: 'arithmetic on integers: tensors here are float32',
  noTensor: 'sequences and optional values are no tensors',
  noStep: 'constants and shapes are known before a plan is made',
  random: 'random numbers of another generator',
  columns: 'positions counted column by column',
} as const;

/** Why a test does not fall on what there is here. */
export class NotApplicable extends Error {}

/** One node while it is translated. */
export interface Site {
  readonly node: OnnxNode;
  readonly context: BuildContext;
  readonly opset: number;
  /** The i-th input as a value of the graph. */
  value(index: number): Value;
  /** The i-th input when it is a constant, or null. */
  constant(index: number): OnnxTensor | null;
}

export type Translation = (site: Site) => Value[];

export const integers = ({ node }: Site, name: string, fallback: readonly number[]): number[] => [
  ...((node.attributes[name] as number[] | undefined) ?? fallback),
];
export const number = ({ node }: Site, name: string, fallback: number): number =>
  Number(node.attributes[name] ?? fallback);
export const fromEnd = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

export const transposed = ({ context }: Site, x: Value, permutation: readonly number[]): Value =>
  context.op('transpose', [x], { permutation });
export const reshaped = ({ context }: Site, x: Value, shape: readonly number[]): Value =>
  context.op('reshape', [x], { shape });

export const spatial = (rank: number): number[] => Array.from({ length: rank - 2 }, (_, i) => i + 2);
