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
  /** First element of the window of output 0; negative in a padding. Of enlarged outputs it may lie between elements. */
  readonly start: number;
}

/** One per spatial axis, outermost first. Empty: the input has none. */
export type ReceptiveField = readonly FieldAxis[];

const one: FieldAxis = { size: 1, jump: 1, start: 0 };
const whole: FieldAxis = { size: Number.POSITIVE_INFINITY, jump: 1, start: 0 };

/** What an axis of a value is made of: an axis of the input with its field, or (null) the batch or channels. */
interface Part {
  readonly length: number;
  readonly field: FieldAxis | null;
}

/** Of each axis of a value its parts, outermost first: reshapes merge axes of the input and take them apart again. */
type Layout = readonly (readonly Part[])[];

const spatialAxes = (rank: number): number => Math.max(0, rank - 2);
const isSpatial = (axis: number, rank: number): boolean => axis > 0 && axis <= spatialAxes(rank);
const fieldsOf = (layout: Layout): FieldAxis[] => layout.flat().flatMap(({ field }) => field ?? []);

/** Finds the fields of values of one graph; null for what depends on no input. */
export class ReceptiveFields {
  private readonly known = new Map<GraphValue, Layout | null>();

  of(value: Value): ReceptiveField | null {
    const layout = this.layoutOf(value as GraphValue);
    return layout && fieldsOf(layout);
  }

  private layoutOf(value: GraphValue): Layout | null {
    if (!this.known.has(value)) this.known.set(value, this.find(value));
    return this.known.get(value) as Layout | null;
  }

  private find({ kind, shape, node }: GraphValue): Layout | null {
    if (kind === 'input') {
      return shape.map((length, axis) => [{ length, field: isSpatial(axis, shape.length) ? one : null }]);
    }
    if (!node) return null;
    const layouts = node.inputs.flatMap((input) => {
      const layout = input && this.layoutOf(input);
      return input && layout ? [through(node, input, shape, layout)] : [];
    });
    return layouts.length > 0 ? layouts.reduce(union) : null;
  }
}

/** The layout of an output of `shape` as far as `input`, whose own is `layout`, is concerned. */
function through(node: GraphNode, input: GraphValue, shape: readonly number[], layout: Layout): Layout {
  const { op, attrs } = node;
  if (shape.length <= 2) {
    const all = fieldsOf(layout).map(() => ({ length: 1, field: whole }));
    return shape.map((length, axis) => [{ length, field: null }, ...(axis === 0 ? all : [])]);
  }
  if (op.name === 'transpose') return (attrs.permutation as readonly number[]).map((axis) => layout[axis]);
  if (op.name === 'reshape') return regrouped(layout, shape) ?? assigned(layout, shape);
  if (shape.length !== layout.length) return assigned(layout, shape);
  return layout.map((parts, axis) => {
    const [from, to] = [input.shape[axis], shape[axis]];
    const main = parts.filter(({ length, field }) => field && length > 1);
    if (main.length > 1) {
      const move = moved(node, axis, from, to, one);
      const isSame = from === to && move.size === 1 && move.jump === 1;
      return isSame ? parts : parts.map(({ field }, i) => ({ length: i === 0 ? to : 1, field: field && whole }));
    }
    const part = main[0] ?? parts.findLast(({ field }) => field);
    if (!part?.field) return [{ length: to, field: null }];
    const { field } = part;
    return parts.map((each) => (each === part ? { length: to, field: moved(node, axis, from, to, field) } : each));
  });
}

/** A field behind an op that keeps the number of axes, along one of them. */
function moved({ op, attrs, inputs }: GraphNode, axis: number, from: number, to: number, field: FieldAxis): FieldAxis {
  const { size, jump, start } = field;
  const strides = attrs.strides as readonly number[] | undefined;
  const kernel = (attrs.poolSize ?? inputs[1]?.shape) as readonly number[] | undefined;
  const place = axis - 1;
  if (strides && kernel && place in strides) {
    const reach = (kernel[place] - 1) * (attrs.dilation?.[place] ?? 1);
    const stride = strides[place];
    const before = attrs.padding?.[2 * place] ?? 0;
    if (!/Transpose/.test(op.name))
      return { size: size + reach * jump, jump: jump * stride, start: start - before * jump };
    const first = Math.ceil((before - reach) / stride);
    return { size: size + Math.floor(reach / stride) * jump, jump: jump / stride, start: start + first * jump };
  }
  if (/^reduce/.test(op.name) && from !== to) return whole;
  if (op.name === 'pad') return { ...field, start: start - attrs.before[axis] * jump };
  if (op.name === 'slice') return { ...field, start: start + attrs.begin[axis] * jump };
  if (from === to || !/resize|adaptive|fractional/i.test(op.name)) return field;
  return { size: size + Math.max(1, Math.ceil(from / to)) * jump, jump: (jump * from) / to, start };
}

/** The parts in their order as axes of other lengths; null where an axis would take a part of a part. */
function regrouped(layout: Layout, shape: readonly number[]): Layout | null {
  const parts = layout.flat();
  let next = 0;
  const axes = shape.map((length) => {
    const taken: Part[] = [];
    let product = 1;
    while (
      next < parts.length &&
      (product < length || (length === 1 && taken.length === 0 && parts[next].length === 1))
    ) {
      taken.push(parts[next]);
      product *= parts[next++].length;
    }
    return product === length ? taken : null;
  });
  const rest = parts.slice(next);
  if (axes.includes(null) || rest.some(({ length }) => length !== 1)) return null;
  const last = spatialAxes(shape.length);
  return axes.map((taken, axis) => [...(taken as Part[]), ...(axis === last ? rest : [])]);
}

/** The fields in order as those of the last spatial axes: those in front are of length one, or all of the input is mixed. */
function assigned(layout: Layout, shape: readonly number[]): Layout {
  const fields = fieldsOf(layout);
  const axes = spatialAxes(shape.length);
  return shape.map((length, axis) => {
    const isOutside = fields.length === 0 || !isSpatial(axis, shape.length);
    return [{ length, field: isOutside ? null : (fields.at(axis - 1 - axes) ?? one) }];
  });
}

function union(a: Layout, b: Layout): Layout {
  return a.map((parts, axis) => {
    const others = b[axis];
    if (fieldsOf([others]).length > fieldsOf([parts]).length) return others;
    return parts.map(({ length, field }, i): Part => {
      const other = others[i]?.field;
      if (!field || !other) return { length, field };
      const { start } = field.size === other.size ? (field.start < other.start ? field : other) : larger(field, other);
      const size = Math.max(field.size, other.size);
      return { length, field: { size, jump: Math.max(field.jump, other.jump), start } };
    });
  });
}

const larger = (one: FieldAxis, other: FieldAxis): FieldAxis => (one.size > other.size ? one : other);
