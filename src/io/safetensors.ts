// The safetensors format: named tensors and string metadata in one file, safe to read from strangers. Little-endian, as
// every machine that Ocellus runs on.

import { type FileHandle, open } from 'node:fs/promises';
import type { DType, NumericArray, TensorView } from '../core/dtype.js';
import { OcellusError } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';
import { writeFileAtomic } from './atomic.js';
import {
  formatCheck,
  formatError,
  type HeaderEntry,
  headerLength,
  maxHeaderBytes,
  parseHeader,
  type StoredType,
  storedBytes,
  tensorPlace,
} from './header.js';

/**
 * A tensor as it was read. F16 and BF16 arrive as Float32Array, I64 as Int32Array, F64 stays a Float64Array (with dtype
 * 'float32', as everywhere in Ocellus); `storedAs` tells what the file holds.
 */
export interface StoredTensor extends TensorView {
  readonly storedAs: StoredType;
}

export interface SafetensorsFile {
  /** In file order. */
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Record<string, string>;
}

export type TensorTable = Readonly<Record<string, TensorView>> | ReadonlyMap<string, TensorView>;

/**
 * Writes `tensors` and `metadata` to `file` as one safetensors file, atomically. The values are copied before the call
 * returns its promise: training may go on meanwhile.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT (a tensor that cannot be stored) | ERR_OCELLUS_DATA (the file system refuses)
 *
 * @example
 * const kernel = { data: new Float32Array(6), shape: [2, 3], dtype: 'float32' } as const;
 * await writeSafetensors('weights.safetensors', { kernel }, { format: 'demo' });
 */
export async function writeSafetensors(
  file: string,
  tensors: TensorTable,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(file, encodeSafetensors(tensors, metadata, file));
}

/**
 * The bytes of a safetensors file. The element type follows the array: Float32Array F32, Float64Array F64, Int32Array
 * I32, Uint8Array U8. `where` opens the error messages.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT
 */
export function encodeSafetensors(
  tensors: TensorTable,
  metadata: Readonly<Record<string, string>> = {},
  where = 'encodeSafetensors',
): Uint8Array {
  const table = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  const rows = table.map(([name, view]) => ({ name, view, storedAs: storedTypeOf(name, view, where) }));
  // Wide elements first, so that every tensor is aligned to its element; equal widths keep their order.
  rows.sort((a, b) => storedBytes[b.storedAs] - storedBytes[a.storedAs]);

  let end = 0;
  const header: [string, unknown][] = rows.map(({ name, view, storedAs }) => {
    const begin = end;
    end += view.data.byteLength;
    return [name, { dtype: storedAs, shape: view.shape, data_offsets: [begin, end] }];
  });
  for (const [key, text] of Object.entries(metadata)) {
    formatCheck(typeof text === 'string', () => ({
      where: `${where}: metadata '${key}'`,
      expected: 'a string',
      got: text,
    }));
  }
  if (Object.keys(metadata).length > 0) header.unshift(['__metadata__', metadata]);

  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const padded = Math.ceil(json.byteLength / 8) * 8;
  formatCheck(padded <= maxHeaderBytes, () => ({
    where,
    expected: `names, shapes and metadata of at most ${maxHeaderBytes} bytes`,
    got: padded,
  }));
  const bytes = new Uint8Array(8 + padded + end);
  new DataView(bytes.buffer).setUint32(0, padded, true);
  bytes.set(json, 8);
  bytes.fill(0x20, 8 + json.byteLength, 8 + padded);
  let at = 8 + padded;
  for (const { view } of rows) {
    bytes.set(new Uint8Array(view.data.buffer, view.data.byteOffset, view.data.byteLength), at);
    at += view.data.byteLength;
  }
  return bytes;
}

/**
 * Reads a safetensors file. Each tensor gets memory of its own, and no more memory is asked for than the file is long
 * (twice that for 16-bit floats).
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT (truncated, hostile or not a safetensors file; the message names file and
 * tensor) | ERR_OCELLUS_DATA (the file cannot be read)
 *
 * @example
 * const { tensors, metadata } = await readSafetensors('weights.safetensors');
 * tensors.get('kernel')?.data; // Float32Array
 */
export async function readSafetensors(file: string): Promise<SafetensorsFile> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const fileBytes = (await handle.stat()).size;
    const prefix = await readBytes(handle, 0, Math.min(8, fileBytes), file);
    const length = headerLength(prefix, fileBytes, file);
    const dataStart = 8 + length;
    const header = parseHeader(await readBytes(handle, 8, length, file), fileBytes - dataStart, file);
    const tensors = new Map<string, StoredTensor>();
    for (const entry of header.entries) {
      const bytes = await readBytes(handle, dataStart + entry.begin, entry.end - entry.begin, file);
      tensors.set(entry.name, decodeTensor(entry, bytes, file));
    }
    return { tensors, metadata: header.metadata };
  } catch (cause) {
    if (cause instanceof OcellusError) throw cause;
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: String(file),
      expected: 'a safetensors file that can be read',
      got: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  } finally {
    await handle?.close();
  }
}

/** Reads a safetensors file that is in memory; the bytes are copied. `where` opens the error messages. */
export function decodeSafetensors(bytes: Uint8Array, where = 'decodeSafetensors'): SafetensorsFile {
  const length = headerLength(bytes, bytes.byteLength, where);
  const data = bytes.subarray(8 + length);
  const header = parseHeader(bytes.slice(8, 8 + length), data.byteLength, where);
  const tensors = new Map<string, StoredTensor>();
  for (const entry of header.entries) {
    // A plain Uint8Array, not a slice of a Buffer: its memory starts at offset 0 and is aligned.
    const own = new Uint8Array(entry.end - entry.begin);
    own.set(data.subarray(entry.begin, entry.end));
    tensors.set(entry.name, decodeTensor(entry, own, where));
  }
  return { tensors, metadata: header.metadata };
}

function storedTypeOf(name: string, view: TensorView, where: string): StoredType {
  const place = tensorPlace(where, name);
  formatCheck(name !== '__metadata__', () => ({ where: place, expected: 'another name', got: 'the reserved one' }));
  const storedAs = typeOfArray(view.data);
  formatCheck(storedAs, () => ({
    where: place,
    expected: 'a Float32Array, Float64Array, Int32Array or Uint8Array',
    got: view.data,
  }));
  const { data, shape } = view;
  formatCheck(
    Array.isArray(shape) &&
      shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) &&
      sizeOf(shape) === data.length,
    () => ({ where: place, expected: `a shape of ${data.length} elements`, got: shape }),
  );
  return storedAs;
}

function typeOfArray(data: NumericArray): StoredType | undefined {
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Float64Array) return 'F64';
  if (data instanceof Int32Array) return 'I32';
  return data instanceof Uint8Array ? 'U8' : undefined;
}

async function readBytes(handle: FileHandle, position: number, length: number, file: string): Promise<Uint8Array> {
  const chunkBytes = 1 << 28;
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(chunkBytes, length - at), position + at);
    formatCheck(bytesRead > 0, () => ({
      where: file,
      expected: `${length} bytes at ${position}`,
      got: `${at} (the file became shorter while it was read)`,
    }));
    at += bytesRead;
  }
  return bytes;
}

/** `bytes` is memory of the tensor's own, starting at offset 0 of its buffer. */
function decodeTensor(entry: HeaderEntry, bytes: Uint8Array, where: string): StoredTensor {
  const { storedAs, shape } = entry;
  const [dtype, data] = decodeElements(entry, bytes, where);
  return { shape, dtype, data, storedAs };
}

function decodeElements(entry: HeaderEntry, bytes: Uint8Array, where: string): [DType, NumericArray] {
  const { buffer } = bytes;
  switch (entry.storedAs) {
    case 'F32':
      return ['float32', new Float32Array(buffer)];
    case 'F64':
      return ['float32', new Float64Array(buffer)];
    case 'F16':
      return ['float32', Float32Array.from(new Uint16Array(buffer), halfToNumber)];
    case 'BF16':
      return ['float32', bfloatToFloat(new Uint16Array(buffer))];
    case 'I32':
      return ['int32', new Int32Array(buffer)];
    case 'I64':
      return ['int32', narrowIntegers(new BigInt64Array(buffer), tensorPlace(where, entry.name))];
    case 'U8':
      return ['uint8', bytes];
  }
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** bfloat16 is the upper half of a float32. */
function bfloatToFloat(bits: Uint16Array): Float32Array {
  const words = Uint32Array.from(bits, (half) => half << 16);
  return new Float32Array(words.buffer);
}

function narrowIntegers(wide: BigInt64Array, where: string): Int32Array {
  return Int32Array.from(wide, (value, index) => {
    const number = Number(value);
    if (number !== (number | 0)) {
      throw formatError({ where, expected: 'I64 values that fit 32 bits', got: `${value} at element ${index}` });
    }
    return number;
  });
}
