// What people hand in as a tensor (typed arrays, nested arrays, { data, shape }), made into dense data with a shape.

import type { DType, NumericArray, TensorView } from '../core/dtype.js';
import { check, OcellusError } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';

/** Any typed array of numbers; of the 64-bit integers, those that fit 32 bits. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Numbers, or rows of them, nested to any shape; a row may be a typed array. */
export type NestedArray = ReadonlyArray<number | NumberArray | NestedArray>;

/** Everything Ocellus takes for a tensor. A typed array alone has one axis. */
export type TensorInput =
  | NumberArray
  | NestedArray
  | { readonly data: NumberArray | readonly number[]; readonly shape: readonly number[] };

export interface ToTensorOptions {
  /**
   * Element type to convert to; values that it cannot hold are errors. Without it Uint8Array stays uint8, Float32Array
   * float32, other integer arrays become int32, other floats and nested arrays of numbers float32.
   */
  readonly dtype?: DType;
  /** Shape of one sample: an input with one axis is cut into samples of this shape. */
  readonly itemShape?: readonly number[];
}

const maxRank = 8;

/**
 * Normalizes `input`. Data that already has the element type is not copied: changing the array later changes the tensor.
 *
 * @param where opens the error messages and names the argument: 'fit: x'
 * @throws OcellusError ERR_OCELLUS_DATA (no numbers, ragged rows, empty, detached, values outside the type) |
 * ERR_OCELLUS_SHAPE (a shape that is no shape, or does not fit the data)
 *
 * @example
 * toTensor('fit: x', [[1, 2], [3, 4]]); // { data: Float32Array [1, 2, 3, 4], shape: [2, 2], dtype: 'float32' }
 * toTensor('fit: y', Uint8Array.of(3, 9), { dtype: 'int32' }); // { data: Int32Array [3, 9], … }
 */
export function toTensor(where: string, input: TensorInput, options: ToTensorOptions = {}): TensorView {
  const { dtype, itemShape } = options;
  const tensor = readInput(where, input, dtype);
  if (tensor.shape.length !== 1 || !itemShape || itemShape.length === 0) return tensor;
  const itemSize = sizeOf(itemShape);
  const count = tensor.shape[0] / itemSize;
  check(Number.isInteger(count), 'ERR_OCELLUS_SHAPE', () => ({
    where,
    expected: `a multiple of ${itemSize} numbers, for samples of shape [${itemShape}]`,
    got: tensor.shape[0],
  }));
  return { ...tensor, shape: [count, ...itemShape] };
}

function readInput(where: string, input: TensorInput, dtype: DType | undefined): TensorView {
  if (isNumberArray(input)) {
    checkAttached(where, input);
    return fromFlat(where, input, [input.length], dtype);
  }
  if (Array.isArray(input)) return fromNested(where, input, dtype);
  if (typeof input === 'object' && input !== null && 'data' in input && 'shape' in input) {
    const { data, shape } = input;
    check(isNumberArray(data) || Array.isArray(data), 'ERR_OCELLUS_DATA', () => ({
      where: `${where}.data`,
      expected: 'a typed array or an array of numbers',
      got: data,
    }));
    if (isNumberArray(data)) checkAttached(where, data);
    checkShape(where, shape, data.length);
    return fromFlat(where, data, [...shape], dtype);
  }
  throw new OcellusError('ERR_OCELLUS_DATA', {
    where,
    expected: 'a typed array, nested arrays of numbers, or { data, shape }',
    got: input instanceof ArrayBuffer ? 'an ArrayBuffer' : input,
    help: input instanceof ArrayBuffer ? 'wrap it: new Float32Array(buffer)' : undefined,
  });
}

function checkShape(where: string, shape: unknown, length: number): asserts shape is number[] {
  check(Array.isArray(shape) && shape.length <= maxRank, 'ERR_OCELLUS_SHAPE', () => ({
    where: `${where}.shape`,
    expected: `an array of at most ${maxRank} sizes`,
    got: shape,
  }));
  check(
    shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0),
    'ERR_OCELLUS_SHAPE',
    () => ({
      where: `${where}.shape`,
      expected: 'whole numbers, none negative',
      // JSON would print NaN as null.
      got: `[${shape.map(String).join(', ')}]`,
    }),
  );
  check(sizeOf(shape) === length, 'ERR_OCELLUS_SHAPE', () => ({
    where,
    expected: `${sizeOf(shape)} numbers, as shape [${shape}] asks for`,
    got: length,
  }));
}

function fromFlat(
  where: string,
  values: NumberArray | readonly number[],
  shape: readonly number[],
  wanted: DType | undefined,
): TensorView {
  checkNotEmpty(where, shape);
  const dtype = wanted ?? naturalType(values);
  const ready = asDType(values, dtype);
  if (ready) return { data: ready, shape, dtype };
  const data = allocate(dtype, values.length);
  copyRow(where, values, data, 0, dtype);
  return { data, shape, dtype };
}

function fromNested(where: string, input: NestedArray, wanted: DType | undefined): TensorView {
  const shape: number[] = [];
  let first: unknown = input;
  while (Array.isArray(first) || isNumberArray(first)) {
    check(shape.length < maxRank, 'ERR_OCELLUS_DATA', () => ({
      where,
      expected: `arrays nested at most ${maxRank} deep`,
      got: 'deeper ones',
    }));
    shape.push(first.length);
    if (isNumberArray(first)) break;
    first = first[0];
  }
  checkNotEmpty(where, shape);
  const dtype = wanted ?? (isNumberArray(first) ? naturalType(first) : 'float32');
  const data = allocate(dtype, sizeOf(shape));
  copyNested(where, input, shape, 0, data, 0, dtype);
  return { data, shape, dtype };
}

/** Copies the rows below `axis` to `offset` and returns the offset behind them. */
function copyNested(
  where: string,
  rows: unknown,
  shape: readonly number[],
  axis: number,
  data: NumericArray,
  offset: number,
  dtype: DType,
): number {
  check(Array.isArray(rows) || isNumberArray(rows), 'ERR_OCELLUS_DATA', () => ({
    where,
    expected: `an array of ${shape[axis]}, like the rows before it`,
    got: rows,
  }));
  if (isNumberArray(rows)) checkAttached(where, rows);
  check(rows.length === shape[axis], 'ERR_OCELLUS_DATA', () => ({
    where,
    expected: `${shape[axis]} elements, like the rows before it`,
    got: rows.length,
  }));
  if (axis === shape.length - 1) {
    copyRow(where, rows, data, offset, dtype);
    return offset + rows.length;
  }
  check(Array.isArray(rows), 'ERR_OCELLUS_DATA', () => ({
    where,
    expected: `arrays nested ${shape.length} deep, like the rows before it`,
    got: rows,
  }));
  let next = offset;
  for (let i = 0; i < rows.length; i++)
    next = copyNested(`${where}[${i}]`, rows[i], shape, axis + 1, data, next, dtype);
  return next;
}

/** Copies numbers with the check that `dtype` asks for. */
function copyRow(
  where: string,
  row: NumberArray | readonly unknown[],
  data: NumericArray,
  offset: number,
  dtype: DType,
): void {
  const exact = dtype !== 'float32';
  const low = dtype === 'uint8' ? 0 : -(2 ** 31);
  const high = dtype === 'uint8' ? 255 : 2 ** 31 - 1;
  for (let i = 0; i < row.length; i++) {
    const raw = row[i];
    const value = typeof raw === 'bigint' ? Number(raw) : raw;
    if (typeof value !== 'number' || (exact && !(Number.isInteger(value) && value >= low && value <= high))) {
      throw new OcellusError('ERR_OCELLUS_DATA', {
        where: `${where}[${i}]`,
        expected: exact ? `a whole number from ${low} to ${high}` : 'a number',
        got: typeof raw === 'bigint' ? String(raw) : raw,
      });
    }
    data[offset + i] = value;
  }
}

function checkNotEmpty(where: string, shape: readonly number[]): void {
  check(!shape.includes(0), 'ERR_OCELLUS_DATA', () => ({
    where,
    expected: 'at least one element',
    got: `an empty array (shape [${shape}])`,
  }));
}

/** A detached array looks like an empty one; only making a new view of its memory tells. */
function checkAttached(where: string, array: NumberArray): void {
  if (array.length > 0) return;
  try {
    new Uint8Array(array.buffer);
  } catch (cause) {
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where,
      expected: 'an array that owns its memory',
      got: `a detached ${array.constructor.name}`,
      help: 'it was transferred to a worker (or by structuredClone); pass a copy instead, or transfer a copy',
      cause,
    });
  }
}

function isNumberArray(value: unknown): value is NumberArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function naturalType(values: NumberArray | readonly number[]): DType {
  if (values instanceof Uint8Array || values instanceof Uint8ClampedArray) return 'uint8';
  const name = Array.isArray(values) ? 'Array' : values.constructor.name;
  // By name, because newer Node versions have a Float16Array, too.
  return name === 'Array' || name.startsWith('Float') ? 'float32' : 'int32';
}

/** `values` itself when it already holds `dtype`. */
function asDType(values: NumberArray | readonly number[], dtype: DType): NumericArray | undefined {
  if (dtype === 'float32') return values instanceof Float32Array ? values : undefined;
  if (dtype === 'int32') return values instanceof Int32Array ? values : undefined;
  if (values instanceof Uint8ClampedArray) return new Uint8Array(values.buffer, values.byteOffset, values.length);
  return values instanceof Uint8Array ? values : undefined;
}

function allocate(dtype: DType, length: number): NumericArray {
  if (dtype === 'float32') return new Float32Array(length);
  return dtype === 'int32' ? new Int32Array(length) : new Uint8Array(length);
}
