// NumPy's npy files (format 1.0 to 3.0): a magic number, a header that is a Python dictionary, then the values. Of Python
// only the three entries that NumPy writes are understood; pickled objects are refused.

import { writeFile } from 'node:fs/promises';
import type { NumericArray, TensorView } from '../core/dtype.js';
import { check, OcellusError } from '../core/errors.js';
import { sizeOf, stridesOf } from '../core/shape.js';
import { type TensorInput, toTensor } from './array.js';
import { readBytes } from './file.js';

interface Header {
  /** Order of the bytes, kind and bytes of an element: '<f4'. */
  readonly type: string;
  readonly isFortran: boolean;
  readonly shape: readonly number[];
  /** Where the values begin. */
  readonly start: number;
}

const magic = '\x93NUMPY';
const maxRank = 8;
const maxHeaderBytes = 2 ** 16;

type Reader = (view: DataView, at: number, isLittle: boolean) => number;

/** How an element is read, and what it becomes. */
const elements: Readonly<
  Record<string, { readonly bytes: number; readonly to: TensorView['dtype']; readonly read: Reader }>
> = {
  b1: { bytes: 1, to: 'uint8', read: (view, at) => Number(view.getUint8(at) !== 0) },
  u1: { bytes: 1, to: 'uint8', read: (view, at) => view.getUint8(at) },
  i1: { bytes: 1, to: 'int32', read: (view, at) => view.getInt8(at) },
  u2: { bytes: 2, to: 'int32', read: (view, at, little) => view.getUint16(at, little) },
  i2: { bytes: 2, to: 'int32', read: (view, at, little) => view.getInt16(at, little) },
  u4: { bytes: 4, to: 'int32', read: (view, at, little) => view.getUint32(at, little) },
  i4: { bytes: 4, to: 'int32', read: (view, at, little) => view.getInt32(at, little) },
  u8: { bytes: 8, to: 'int32', read: (view, at, little) => Number(view.getBigUint64(at, little)) },
  i8: { bytes: 8, to: 'int32', read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  f2: { bytes: 2, to: 'float32', read: (view, at, little) => halfToNumber(view.getUint16(at, little)) },
  f4: { bytes: 4, to: 'float32', read: (view, at, little) => view.getFloat32(at, little) },
  f8: { bytes: 8, to: 'float32', read: (view, at, little) => view.getFloat64(at, little) },
};

/**
 * Reads an npy file. Bytes and booleans become uint8, other whole numbers int32, floats of 16 to 64 bits float32; arrays
 * in Fortran's order are turned into C's.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT (no npy, truncated, too long, another element type, whole numbers beyond 32
 * bits) | ERR_OCELLUS_DATA (cannot be read)
 *
 * @example
 * await writeNpy('ramp.npy', { data: Uint8Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
 * (await readNpy('ramp.npy')).shape; // [2, 3]
 */
export async function readNpy(file: string): Promise<TensorView> {
  return decodeNpy(await readBytes(file, 'an npy file'), file);
}

/**
 * Writes a tensor as an npy file: uint8, int32 or float32.
 *
 * @throws OcellusError ERR_OCELLUS_DATA (no tensor, or the file cannot be written)
 *
 * @example
 * await writeNpy('scores.npy', [[0.1, 0.9], [0.8, 0.2]]); // np.load('scores.npy').shape == (2, 2)
 */
export async function writeNpy(file: string, tensor: TensorInput): Promise<void> {
  await writeBytes(file, encodeNpy(tensor));
}

/**
 * Decodes an npy file in memory; the values are copied. `where` opens the error messages.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT
 *
 * @example
 * decodeNpy(encodeNpy([[1, 2], [3, 4]])).shape; // [2, 2]
 */
export function decodeNpy(bytes: Uint8Array, where = 'decodeNpy'): TensorView {
  const { type, isFortran, shape, start } = readHeader(bytes, where);
  const element = Object.hasOwn(elements, type.slice(1)) ? elements[type.slice(1)] : undefined;
  check(element && (/^[<>=]/.test(type) || (type[0] === '|' && element.bytes === 1)), 'ERR_OCELLUS_FORMAT', () => ({
    where,
    expected: `elements of a type among ${Object.keys(elements).join(', ')}`,
    got: `'${type}'`,
    help: type.includes('O') ? 'pickled objects are not read: save plain arrays of numbers' : undefined,
  }));
  const count = sizeOf(shape);
  const expected = start + count * element.bytes;
  check(bytes.byteLength === expected, 'ERR_OCELLUS_FORMAT', () => ({
    where,
    expected: `${expected} bytes for ${type} of shape [${shape}]`,
    got: `${bytes.byteLength} bytes`,
    help: bytes.byteLength < expected ? 'the file is truncated: copy or save it again' : undefined,
  }));
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  const isLittle = type[0] !== '>';
  const data: NumericArray =
    element.to === 'uint8'
      ? new Uint8Array(count)
      : element.to === 'int32'
        ? new Int32Array(count)
        : new Float32Array(count);
  const places = isFortran ? fortranOrder(shape) : undefined;
  for (let i = 0; i < count; i++) {
    const value = element.read(view, (places ? places[i] : i) * element.bytes, isLittle);
    data[i] = value;
    if (element.to !== 'int32' || data[i] === value) continue;
    throw new OcellusError('ERR_OCELLUS_FORMAT', {
      where: `${where}: element ${i}`,
      expected: 'whole numbers of at most 32 bits',
      got: value,
    });
  }
  return { data, shape, dtype: element.to };
}

/**
 * An npy file in memory.
 *
 * @throws OcellusError ERR_OCELLUS_DATA (no tensor)
 *
 * @example
 * encodeNpy(Uint8Array.of(1, 2, 3)).byteLength; // 131
 */
export function encodeNpy(tensor: TensorInput): Uint8Array {
  const { data, shape, dtype } = toTensor('encodeNpy', tensor);
  const type = { uint8: '|u1', int32: '<i4', float32: '<f4' }[dtype];
  const size = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${size}), }`;
  // The values begin at a multiple of 64 bytes, behind a line feed.
  const start = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = Buffer.alloc(start + data.byteLength, ' ');
  bytes.write(magic, 0, 'latin1');
  bytes.set([1, 0], 6);
  bytes.writeUInt16LE(start - 10, 8);
  bytes.write(text, 10, 'latin1');
  bytes[start - 1] = 10;
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes bytes with an error of ours where that fails. */
export async function writeBytes(file: string, bytes: Uint8Array): Promise<void> {
  await writeFile(file, bytes).catch((cause) => {
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: String(file),
      expected: 'a file that can be written',
      got: cause.message,
      cause,
    });
  });
}

function readHeader(bytes: Uint8Array, where: string): Header {
  const fail = (expected: string, got: string) => new OcellusError('ERR_OCELLUS_FORMAT', { where, expected, got });
  const latin1 = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString('latin1');
  if (latin1(0, 6) !== magic)
    throw fail("an npy file, which begins with '\\x93NUMPY'", `${bytes.byteLength} other bytes`);
  if (bytes.byteLength < 12) throw fail('a whole npy header', `${bytes.byteLength} bytes`);
  const version = bytes[6];
  if (version < 1 || version > 3) throw fail('an npy file of version 1 to 3', `version ${version}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = (version === 1 ? 10 : 12) + length;
  if (length > maxHeaderBytes) throw fail(`a header of at most ${maxHeaderBytes} bytes`, `${length}`);
  if (start > bytes.byteLength) throw fail(`a header of ${length} bytes`, `${bytes.byteLength} bytes in all`);
  const text = latin1(start - length, start);
  const type = /'descr'\s*:\s*'([<>=|][a-zA-Z]\d*)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const sizes = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (type === undefined || order === undefined || sizes === undefined) {
    throw fail("a header with 'descr' of numbers, 'fortran_order' and 'shape'", text.trim().slice(0, 120));
  }
  const shape = sizes
    .split(',')
    .map((size) => size.trim().replace(/L$/, ''))
    .filter((size) => size !== '')
    .map(Number);
  if (
    shape.length > maxRank ||
    !Number.isSafeInteger(sizeOf(shape)) ||
    shape.some((size) => !Number.isSafeInteger(size))
  ) {
    throw fail(`a shape of at most ${maxRank} sizes`, `(${sizes.slice(0, 120)})`);
  }
  return { type, isFortran: order === 'True', shape, start };
}

/** For each element in C's order its place where the first axis runs fastest. */
function fortranOrder(shape: readonly number[]): Uint32Array {
  const places = new Uint32Array(sizeOf(shape));
  const strides = stridesOf([...shape].reverse()).reverse();
  const index = new Array<number>(shape.length).fill(0);
  let place = 0;
  for (let i = 0; i < places.length; i++) {
    places[i] = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++index[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return places;
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
