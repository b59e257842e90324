// Nested JavaScript arrays to dense tensors in double precision and back, with errors that say where an array is ragged.

import type { TensorView } from '../core/dtype.js';
import { type ErrorCode, OcellusError } from '../core/errors.js';
import { shapeText, sizeOf } from '../core/shape.js';

/** Numbers in arrays in arrays; a row may be a typed array. */
export type NestedNumbers = number | NumberRow | readonly NestedNumbers[];
type NumberRow =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Int16Array
  | Int8Array;

/** What comes back: plain arrays all the way down. */
export type NestedArray = number | NestedArray[];

/** A flat array with its shape, outermost axis first. */
export interface ShapedArray {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

export type ArrayInput = NestedNumbers | ShapedArray;

function fail(
  where: string,
  expected: string,
  got: unknown,
  help?: string,
  code: ErrorCode = 'ERR_OCELLUS_SHAPE',
): never {
  throw new OcellusError(code, { where, expected, got, help });
}

function isShaped(value: ArrayInput): value is ShapedArray {
  return typeof value === 'object' && value !== null && 'shape' in value && 'data' in value;
}

const isRow = (value: unknown): value is ArrayLike<NestedNumbers> => Array.isArray(value) || ArrayBuffer.isView(value);

/** Copies `value` (called `name` in errors) to a tensor of doubles. */
export function toTensor(value: ArrayInput, where: string, name: string): TensorView {
  const { shape, data } = isShaped(value) ? fromShaped(value, where, name) : fromNested(value, where, name);
  if (data.length === 0) fail(where, `'${name}' with at least one element`, shapeText(shape));
  return { shape, dtype: 'float32', data };
}

function fromShaped({ data, shape }: ShapedArray, where: string, name: string) {
  const valid = Array.isArray(shape) && shape.every((size) => Number.isInteger(size) && size >= 0);
  if (!valid) fail(where, `'${name}.shape' of non-negative integers`, shape);
  if (data.length !== sizeOf(shape)) {
    fail(where, `'${name}.data' of ${sizeOf(shape)} elements (shape ${shapeText(shape)})`, data.length);
  }
  return { shape: [...shape], data: Float64Array.from(data) };
}

function fromNested(value: NestedNumbers, where: string, name: string) {
  const shape: number[] = [];
  for (let level: unknown = value; isRow(level); level = level[0]) shape.push(level.length);
  const data = new Float64Array(sizeOf(shape));
  let next = 0;
  const fill = (part: unknown, depth: number, path: string): void => {
    if (depth === shape.length) {
      if (typeof part !== 'number') failElement(part, where, path);
      data[next++] = part;
    } else if (!isRow(part)) {
      fail(where, `an array at ${path}`, part);
    } else if (part.length !== shape[depth]) {
      fail(where, `${shape[depth]} elements at ${path}`, part.length, `all rows of '${name}' must be equally long`);
    } else {
      for (let i = 0; i < part.length; i++) fill(part[i], depth + 1, `${path}[${i}]`);
    }
  };
  fill(value, 0, name);
  return { shape, data };
}

function failElement(part: unknown, where: string, path: string): never {
  if (isRow(part)) fail(where, `a number at ${path}, as at the first place`, 'an array');
  return fail(where, `a number at ${path}`, `a ${typeof part}`, undefined, 'ERR_OCELLUS_DATA');
}

/** Plain nested arrays of the tensor's shape; a number for a scalar. */
export function toNested({ shape, data }: TensorView): NestedArray {
  let next = 0;
  const build = (depth: number): NestedArray =>
    depth === shape.length ? data[next++] : Array.from({ length: shape[depth] }, () => build(depth + 1));
  return build(0);
}
