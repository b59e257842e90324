// Samples stacked into batches: numbers, typed arrays and tensors along a new first axis, objects entry by entry.

import type { TensorView } from '../core/dtype.js';
import { check } from '../core/errors.js';
import { sameShape, shapeText, sizeOf } from '../core/shape.js';
import { type NestedArray, type NumberArray, type TensorInput, toTensor } from './array.js';
import type { Open } from './run.js';

export interface BatchStageOptions {
  /** Leave out a last batch that is not full. Default false. */
  readonly dropRemainder?: boolean;
}

/** What a batch of elements looks like. */
export type Stacked<T> = T extends number | NumberArray | NestedArray | { readonly shape: readonly number[] }
  ? TensorView
  : T extends readonly { readonly shape: readonly number[] }[]
    ? TensorView[]
    : T extends string | boolean | bigint | symbol | null | undefined | readonly unknown[] | Date
      ? T[]
      : { [K in keyof T]: Stacked<T[K]> };

export function stackStage<T>(open: Open<T>, batchSize: number, dropRemainder: boolean): Open<Stacked<T>> {
  return async function* (run) {
    let elements: T[] = [];
    for await (const element of open(run)) {
      elements.push(element);
      if (elements.length < batchSize) continue;
      const full = elements;
      elements = [];
      yield stack(full);
    }
    if (elements.length > 0 && !dropRemainder && !run.signal.aborted) yield stack(elements);
  };
}

/** The batch of these elements; there is at least one. */
export function stack<T>(elements: readonly T[]): Stacked<T> {
  return stackValues('batch', elements, false) as Stacked<T>;
}

function stackValues(where: string, values: readonly unknown[], isInput: boolean): unknown {
  const [first] = values;
  if (typeof first === 'number') return stackNumbers(where, values, isInput);
  if (isTensor(first)) return stackTensors(where, values);
  if (Array.isArray(first) && isTensor(first[0])) {
    const columns = first.map((_, at) => values.map((value) => (Array.isArray(value) ? value[at] : undefined)));
    return columns.map((column, at) => stackValues(`${where}[${at}]`, column, isInput));
  }
  if (!isPlainObject(first)) return values;
  return Object.fromEntries(
    Object.keys(first).map((key) => {
      const column = values.map((value, index) => {
        check(isPlainObject(value) && (key in value || value[key] === first[key]), 'ERR_OCELLUS_DATA', () => ({
          where: `${where}: element ${index}`,
          expected: `an object with '${key}', like the first of the batch`,
          got: value,
        }));
        return value[key];
      });
      return [key, stackValues(`${where}: ${key}`, column, isInput || key === 'x')];
    }),
  );
}

function stackNumbers(where: string, values: readonly unknown[], isInput: boolean): TensorView {
  const numbers = values.map((value, index) => {
    check(typeof value === 'number', 'ERR_OCELLUS_DATA', () => ({
      where: `${where}: element ${index}`,
      expected: 'a number, like the first of the batch',
      got: value,
    }));
    return value;
  });
  const areWhole = !isInput && numbers.every((value) => (value | 0) === value);
  const shape = [numbers.length];
  return areWhole
    ? { data: Int32Array.from(numbers), shape, dtype: 'int32' }
    : { data: Float32Array.from(numbers), shape, dtype: 'float32' };
}

function stackTensors(where: string, values: readonly unknown[]): TensorView {
  const first = toTensor(where, values[0] as TensorInput);
  const { shape, dtype } = first;
  const step = sizeOf(shape);
  const length = step * values.length;
  const data =
    dtype === 'uint8' ? new Uint8Array(length) : dtype === 'int32' ? new Int32Array(length) : new Float32Array(length);
  values.forEach((value, index) => {
    const tensor = index === 0 ? first : toTensor(`${where}: element ${index}`, value as TensorInput);
    check(sameShape(tensor.shape, shape) && tensor.dtype === dtype, 'ERR_OCELLUS_SHAPE', () => ({
      where: `${where}: element ${index}`,
      expected: `${dtype} of shape ${shapeText(shape)}, like the first of the batch`,
      got: `${tensor.dtype} of shape ${shapeText(tensor.shape)}`,
      help: 'samples of a batch have one shape: bring images to one size before batch',
    }));
    data.set(tensor.data, index * step);
  });
  return { data, shape: [values.length, ...shape], dtype };
}

function isTensor(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (ArrayBuffer.isView(value)) return !(value instanceof DataView);
  return Array.isArray(value) ? isNumbers(value) : 'data' in value && 'shape' in value;
}

/** Whether a list begins, at whatever depth, with a number: else it is a list of something else. */
function isNumbers(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && isNumbers(value[0]);
  return typeof value === 'number' || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
