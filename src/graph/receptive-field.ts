// Receptive fields: how large a window of the input one element of a value depends on, by the recurrence of Araujo,
// Norris & Sim, "Computing receptive fields of convolutional neural networks" (Distill, 2019): a window of k taps, d
// apart, widens a field by (k - 1) * d times the distance of neighbouring outputs, and a stride widens that distance.

import type { Value } from '../ops/op.js';
import type { GraphNode, GraphValue } from './graph.js';

/** Along one spatial axis, in elements of the input. */
export interface FieldAxis {
  /** Of the window; Infinity: the whole axis. */
  readonly size: number;
  /** Distance of the windows of two neighbours. */
  readonly jump: number;
}

/** One per spatial axis, outermost first. Empty: the input has none. */
export type ReceptiveField = readonly FieldAxis[];

const one: FieldAxis = { size: 1, jump: 1 };
const whole: FieldAxis = { size: Number.POSITIVE_INFINITY, jump: 1 };

const axesOf = (value: Value): number => Math.max(0, value.shape.length - 2);

/** Finds the fields of values of one graph; null for what depends on no input. */
export class ReceptiveFields {
  private readonly known = new Map<GraphValue, ReceptiveField | null>();

  of(value: Value): ReceptiveField | null {
    const target = value as GraphValue;
    if (!this.known.has(target)) this.known.set(target, this.find(target));
    return this.known.get(target) as ReceptiveField | null;
  }

  private find(value: GraphValue): ReceptiveField | null {
    if (value.kind === 'input') return Array.from({ length: axesOf(value) }, () => one);
    if (!value.node) return null;
    const { inputs } = value.node;
    const fields = inputs.flatMap((input) => {
      const field = input && this.of(input);
      return input && field ? [through(value.node as GraphNode, input, value, field)] : [];
    });
    return fields.length > 0 ? fields.reduce(union) : null;
  }
}

/** The field of `output` as far as `input`, whose own field is `field`, is concerned. */
function through({ op, attrs, inputs }: GraphNode, input: GraphValue, output: Value, field: ReceptiveField) {
  const axes = axesOf(output);
  const before = axesOf(input);
  if (axes === 0) return field.map(() => whole);
  if (axes !== before) return reshaped(field, axes);
  const strides = attrs.strides as readonly number[] | undefined;
  const kernel = (attrs.poolSize ?? inputs[1]?.shape) as readonly number[] | undefined;
  return field.map(({ size, jump }, axis): FieldAxis => {
    const [from, to] = [input.shape[axis + 1], output.shape[axis + 1]];
    if (strides && kernel) {
      const reach = (kernel[axis] - 1) * (attrs.dilation?.[axis] ?? 1);
      if (!/Transpose/.test(op.name)) return { size: size + reach * jump, jump: jump * strides[axis] };
      return { size: size + Math.floor(reach / strides[axis]) * jump, jump: jump / strides[axis] };
    }
    if (/^reduce/.test(op.name) && from !== to) return whole;
    if (from === to || !/resize|adaptive|fractional/i.test(op.name)) return { size, jump };
    return { size: size + Math.max(1, Math.ceil(from / to)) * jump, jump: (jump * from) / to };
  });
}

/** Another number of axes: those in front are of length one (a row as an image), or all of the input is mixed. */
function reshaped(field: ReceptiveField, axes: number): ReceptiveField {
  if (field.length === 0) return [];
  const missing = Math.max(0, axes - field.length);
  return [...Array.from({ length: missing }, () => one), ...field.slice(-axes)];
}

function union(a: ReceptiveField, b: ReceptiveField): ReceptiveField {
  const [longer, shorter] = a.length >= b.length ? [a, b] : [b, a];
  return longer.map((axis, i) => {
    const other = shorter[i] ?? axis;
    return { size: Math.max(axis.size, other.size), jump: Math.max(axis.jump, other.jump) };
  });
}
