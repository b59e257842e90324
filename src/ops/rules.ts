// What the `infer` functions of the rows check again and again: presence, type, rank and shape of inputs, signs of
// attributes. Every failure is one sentence that names the op, the layer and the input.

import type { DType, TensorSpec } from '../core/dtype.js';
import { OcellusError } from '../core/errors.js';
import { sameShape, shapeText } from '../core/shape.js';
import type { AnyAttrs, InferContext } from './op.js';

// biome-ignore lint/suspicious/noExplicitAny: attribute types differ from op to op
type Context = InferContext<any>;

/** The context `infer` receives when nothing but the specs is known. `attrs` must be complete. */
export function inferContext(where: string, inputs: readonly (TensorSpec | null)[], attrs: AnyAttrs): InferContext {
  return {
    inputs,
    attrs,
    where,
    fail(expected, got, help, code = 'ERR_OCELLUS_SHAPE'): never {
      throw new OcellusError(code, { where, expected, got, help });
    },
  };
}

/** Type and shape as an error message prints them: `float32 2x3`. */
export function specText(spec: TensorSpec): string {
  return `${spec.dtype} ${shapeText(spec.shape)}`;
}

export function float32(shape: readonly number[]): TensorSpec {
  return { shape: [...shape], dtype: 'float32' };
}

/** Input `index`, which must be present, of type `dtype` (null: any) and of rank `rank` (when given). */
export function input(context: Context, index: number, name: string, dtype: DType | null, rank?: number): TensorSpec {
  const spec = context.inputs[index];
  if (!spec) return context.fail(`an input '${name}'`, 'none');
  if (dtype !== null && spec.dtype !== dtype) context.fail(`'${name}' of type ${dtype}`, specText(spec));
  if (rank !== undefined && spec.shape.length !== rank) {
    context.fail(`'${name}' of rank ${rank}`, `rank ${spec.shape.length} (${shapeText(spec.shape)})`);
  }
  return spec;
}

export function floatInput(context: Context, index: number, name: string, rank?: number): TensorSpec {
  return input(context, index, name, 'float32', rank);
}

/** A float input that must have exactly this shape; `of` says where the shape comes from. */
export function floatOfShape(
  context: Context,
  index: number,
  name: string,
  shape: readonly number[],
  of: string,
): TensorSpec {
  const spec = floatInput(context, index, name);
  if (!sameShape(spec.shape, shape)) {
    context.fail(`'${name}' of shape ${shapeText(shape)} (${of})`, shapeText(spec.shape));
  }
  return spec;
}

/** Like `floatOfShape`, for an input that may be left out. */
export function optionalOfShape(
  context: Context,
  index: number,
  name: string,
  shape: readonly number[],
  of: string,
): void {
  if (context.inputs[index]) floatOfShape(context, index, name, shape, of);
}

/** Float inputs from the first on, all of one shape; returns the first. */
export function equalFloats(context: Context, names: readonly string[]): TensorSpec {
  const first = floatInput(context, 0, names[0]);
  for (let i = 1; i < names.length; i++) {
    floatOfShape(context, i, names[i], first.shape, `the shape of '${names[0]}'`);
  }
  return first;
}

/** Checks that all numbers of an attribute are at least `least`. */
export function atLeast(context: Context, name: string, values: number | readonly number[], least: number): void {
  const list = typeof values === 'number' ? [values] : values;
  if (list.every((value) => value >= least)) return;
  context.fail(`${name} of at least ${least}`, values, undefined, 'ERR_OCELLUS_ARGUMENT');
}

/** Checks that an attribute lies in [low, high) or, with `closed`, in [low, high]. */
export function within(context: Context, name: string, value: number, low: number, high: number, closed = false): void {
  if (value >= low && (closed ? value <= high : value < high)) return;
  context.fail(`${name} in [${low}, ${high}${closed ? ']' : ')'}`, value, undefined, 'ERR_OCELLUS_ARGUMENT');
}

/** Checks that all sizes of an input are at least 1; the batch (first axis) may be empty. */
export function positiveSizes(context: Context, name: string, spec: TensorSpec): void {
  if (spec.shape.slice(1).every((size) => size >= 1)) return;
  context.fail(`'${name}' with sizes of at least 1 after the batch axis`, shapeText(spec.shape));
}

/** Checks that a list attribute has one number per axis. */
export function onePerAxis(context: Context, name: string, list: readonly number[], shape: readonly number[]): void {
  if (list.length === shape.length) return;
  context.fail(`${name} with one number per axis of ${shapeText(shape)}`, list, undefined, 'ERR_OCELLUS_ARGUMENT');
}
