// The contract of an op: one row that holds its meaning (infer, run), its gradient and its test cases.
// The C++ row of the same name (native/kernels) holds the speed; `signature` of both must be equal to the letter.

import type { DType, FloatArray, NumericArray, TensorSpec, TensorView } from '../core/dtype.js';
import { type ErrorCode, OcellusError } from '../core/errors.js';

// ---- attributes: ordered, typed, of fixed length; each is a run of 4-byte slots in C++ -----------------------------

export type AttrKind =
  | { readonly kind: 'int'; readonly count: number; readonly fallback?: number | readonly number[] }
  | { readonly kind: 'float'; readonly count: number; readonly fallback?: number | readonly number[] }
  | { readonly kind: 'enum'; readonly names: readonly string[]; readonly fallback?: string }
  | { readonly kind: 'shape'; readonly fallback?: readonly number[] };

export type AttrSchema = Readonly<Record<string, AttrKind>>;

/** Longest rank of a tensor (native/kernel.h kMaxRank). */
export const maxRank = 8;

export const attr = {
  /** One integer. */
  int: <const F extends number | undefined = undefined>(fallback?: F) => ({ kind: 'int', count: 1, fallback }) as const,
  /** `count` integers. */
  ints: <const N extends number>(count: N, fallback?: readonly number[]) => ({ kind: 'int', count, fallback }) as const,
  /** One float. */
  float: (fallback?: number) => ({ kind: 'float', count: 1, fallback }) as const,
  /** One of some names; its position is the number C++ sees. */
  oneOf: <const N extends readonly string[]>(names: N, fallback?: N[number]) =>
    ({ kind: 'enum', names, fallback }) as const,
  /** A list of up to `maxRank` integers: a shape, or axes. In C++ nine slots: its length, then the numbers, then zeros. */
  shape: (fallback?: readonly number[]) => ({ kind: 'shape', fallback }) as const,
};

type AttrValue<K> = K extends { kind: 'enum'; names: infer N extends readonly string[] }
  ? N[number]
  : K extends { kind: 'shape' }
    ? readonly number[]
    : K extends { count: infer C }
      ? C extends 1
        ? number
        : readonly number[]
      : never;

export type AttrsOf<S> = { readonly [K in keyof S]: AttrValue<S[K]> };
/** Attributes of an op whose schema is not known statically. */
// biome-ignore lint/suspicious/noExplicitAny: attribute values differ from op to op
export type AnyAttrs = Readonly<Record<string, any>>;

// ---- values and emission: what gradient rules and layers see of the graph ------------------------------------------

/** A tensor of the graph under construction: a name, a shape, a type, no data. */
export interface Value extends TensorSpec {
  readonly id: number;
  /** A path: `stem/conv/y`. */
  readonly name: string;
}

export interface EmitOptions {
  /** Name of the step; the graph puts the current scope in front and makes it unique. */
  name?: string;
  /** Variables whose memory outputs are written to (null: an ordinary output). */
  into?: readonly (Value | null)[];
}

/** Adds one op to the graph and returns its outputs. Implemented by `graph`. */
export interface Emitter {
  emit(op: string | AnyOp, inputs: readonly (Value | null)[], attrs?: AnyAttrs, options?: EmitOptions): Value[];
}

// ---- the row ---------------------------------------------------------------------------------------------------

export interface InferContext<A = AnyAttrs> {
  /** Specs of the inputs, null for optional ones left out. */
  readonly inputs: readonly (TensorSpec | null)[];
  readonly attrs: A;
  /** `conv2d 'stem/conv'`: what an error message starts with. */
  readonly where: string;
  /** Throws ERR_OCELLUS_SHAPE (or `code`) with the one error sentence. */
  fail(expected: string, got: unknown, help?: string, code?: ErrorCode): never;
}

export interface RunContext<A = AnyAttrs> {
  readonly inputs: readonly (TensorView | null)[];
  readonly outputs: readonly TensorView[];
  readonly attrs: A;
  /** As many floats as `scratch` asked for; content undefined. */
  readonly scratch: FloatArray;
}

export interface GradientContext<A = AnyAttrs> extends Emitter {
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attrs: A;
  /** Gradient of the loss with respect to each output; null where nothing depends on it. */
  readonly dOutputs: readonly (Value | null)[];
  /** Which inputs a gradient is wanted for (others may be returned as null). */
  readonly needs: readonly boolean[];
}

/** How a test fills an input. */
export interface CaseInput {
  shape: readonly number[];
  dtype?: DType;
  /**
   * normal: mean 0, deviation 1 (default). positive: in [0.5, 1.5]. distinct: no two values closer than 0.01 (max
   * pooling). awayFromZero: |x| in [0.2, 1.2] (kinks at 0). probabilities: rows that sum to 1. labels: integers in
   * [0, max). bytes: 0..255.
   */
  values?:
    | 'normal'
    | 'positive'
    | 'distinct'
    | 'awayFromZero'
    | 'probabilities'
    | 'labels'
    | 'bytes'
    | readonly number[];
  max?: number;
}

/** One test case: feeds parity, gradient check, bench. */
export interface OpCase {
  /** What is special about it. */
  name: string;
  inputs: readonly (CaseInput | null)[];
  attrs?: AnyAttrs;
  /** Inputs that finite differences are taken for; default: every float32 input, when the op has a gradient. */
  gradientOf?: readonly number[];
  /** Allowed difference between backends, relative to the largest value of an output; default 1e-5. */
  tolerance?: number;
}

export interface OpDefinition<S extends AttrSchema = AttrSchema> {
  readonly name: string;
  /** Ordered; `bias?` is optional, a last `...xs` repeats. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: S;
  /** Input specs and attributes → output specs. The only place that validates. */
  infer(context: InferContext<AttrsOf<S>>): TensorSpec[];
  /** The reference loop: the meaning of the op, and the fallback. Writes every element of every output. */
  run(context: RunContext<AttrsOf<S>>): void;
  /** One value or null per input, by emitting other ops. Absent: not differentiable. */
  gradient?(context: GradientContext<AttrsOf<S>>): (Value | null)[];
  /** [input, output] pairs of equal size that may share memory. */
  readonly inplace?: readonly (readonly [number, number])[];
  /** The output is the first input's bytes under another shape: no step is run at all. */
  readonly alias?: boolean;
  /** Floating-point operations (a multiply-add counts as two). */
  flops?(inputs: readonly (TensorSpec | null)[], outputs: readonly TensorSpec[], attrs: AttrsOf<S>): number;
  /** Floats of workspace that `run` needs. */
  scratch?(inputs: readonly (TensorSpec | null)[], outputs: readonly TensorSpec[], attrs: AttrsOf<S>): number;
  readonly cases: readonly OpCase[];
}

// biome-ignore lint/suspicious/noExplicitAny: rows of all schemas stand in one table
export type AnyOp = OpDefinition<any>;

/** Types a row by its own schema. */
export function defineOp<const S extends AttrSchema>(definition: OpDefinition<S>): OpDefinition<S> {
  return definition;
}

/** The declaration as one line; equal to the C++ row's `signature`. */
export function signature(op: AnyOp): string {
  const attrs = Object.entries(op.attrs as AttrSchema).map(([name, kind]) => `${name}:${attrFormat(kind)}`);
  return `${op.name}(${op.inputs.join(', ')}) -> (${op.outputs.join(', ')}) {${attrs.join(', ')}}`;
}

function attrFormat(kind: AttrKind): string {
  if (kind.kind === 'enum') return 'i';
  if (kind.kind === 'shape') return 'i9';
  const letter = kind.kind === 'int' ? 'i' : 'f';
  return kind.count === 1 ? letter : `${letter}${kind.count}`;
}

/** Fills defaults in and checks names, types and lengths. Enum values stay names. */
export function completeAttrs(op: AnyOp, given: AnyAttrs, where: string): AnyAttrs {
  const schema = op.attrs as AttrSchema;
  const complete: Record<string, unknown> = {};
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(schema, name))
      throw attrError(where, `attributes ${Object.keys(schema).join(', ') || '(none)'}`, name);
  }
  for (const [name, kind] of Object.entries(schema)) {
    const value = given[name] ?? kind.fallback;
    const wrong = attrProblem(kind, value);
    if (wrong) throw attrError(`${where}, attribute '${name}'`, wrong, value);
    complete[name] = Array.isArray(value) ? [...value] : value;
  }
  return complete;
}

function attrProblem(kind: AttrKind, value: unknown): string | null {
  const integer = (v: unknown) => Number.isInteger(v) && Math.abs(v as number) < 2 ** 31;
  if (kind.kind === 'enum') return kind.names.includes(value as string) ? null : `one of ${kind.names.join(', ')}`;
  if (kind.kind === 'shape') {
    return Array.isArray(value) && value.length <= maxRank && value.every(integer) ? null : `up to ${maxRank} integers`;
  }
  const valid = kind.kind === 'int' ? integer : (v: unknown) => typeof v === 'number' && !Number.isNaN(v);
  if (kind.count === 1) return valid(value) ? null : kind.kind === 'int' ? 'an integer' : 'a number';
  return Array.isArray(value) && value.length === kind.count && value.every(valid)
    ? null
    : `${kind.count} ${kind.kind}s`;
}

function attrError(where: string, expected: string, got: unknown): OcellusError {
  return new OcellusError('ERR_OCELLUS_ARGUMENT', { where, expected, got });
}

/** Attributes as numbers, slot by slot, in the order of the signature. */
export function encodeAttrs(op: AnyOp, attrs: AnyAttrs): number[] {
  const words: number[] = [];
  for (const [name, kind] of Object.entries(op.attrs as AttrSchema)) {
    const value = attrs[name];
    if (kind.kind === 'enum') words.push(kind.names.indexOf(value));
    else if (kind.kind === 'shape') {
      const list = value as readonly number[];
      words.push(list.length, ...list, ...new Array<number>(maxRank - list.length).fill(0));
    } else if (kind.count === 1) words.push(value);
    else words.push(...value);
  }
  return words;
}

/** Shorthand for rows: data of the i-th tensor as floats / as any numbers. */
export const floats = (tensor: TensorView | null): FloatArray => tensor?.data as FloatArray;
export const numbers = (tensor: TensorView | null): NumericArray => tensor?.data as NumericArray;
