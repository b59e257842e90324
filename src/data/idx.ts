// The IDX format of the MNIST family (Y. LeCun): magic number, sizes and values, all big-endian, often gzipped. The
// header says exactly how long the file has to be, and that bounds what is unpacked.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import type { NumericArray, TensorView } from '../core/dtype.js';
import { check, type ErrorDetails, OcellusError } from '../core/errors.js';

/** Grey images with a class number each. */
export interface LabelledImages {
  /** [n, height, width, channels], values 0 to 255. */
  readonly images: TensorView & { readonly data: Uint8Array };
  /** [n] */
  readonly labels: TensorView & { readonly data: Int32Array };
}

/** A set to learn from and a set to be judged by. */
export interface LabelledSplit {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
}

interface IdxHeader {
  readonly type: number;
  readonly shape: readonly number[];
  readonly headerBytes: number;
  /** Header and values. */
  readonly totalBytes: number;
}

const elementBytes: Readonly<Record<number, number>> = { 8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8 };
const maxRank = 8;
const maxBytes = 2 ** 33;

/**
 * Reads an IDX file, gzipped or not. Unsigned bytes become uint8; signed bytes, shorts and ints int32; floats and
 * doubles float32.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT (not IDX, truncated, too long, corrupt) | ERR_OCELLUS_DATA (cannot be read)
 *
 * @example
 * const images = await readIdx('mnist/t10k-images-idx3-ubyte.gz'); // { shape: [10000, 28, 28], dtype: 'uint8', data }
 */
export async function readIdx(file: string): Promise<TensorView> {
  const bytes = await readFile(file).catch((cause) => {
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: String(file),
      expected: 'an IDX file that can be read',
      got: cause.message,
      cause,
    });
  });
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return decodeIdx(isGzip ? await inflate(bytes, file) : bytes, file);
}

/**
 * Decodes an IDX file in memory, not gzipped; the values are copied. `where` opens the error messages.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT (not IDX, truncated, too long)
 *
 * @example
 * const bytes = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 5, 7); // unsigned bytes, one axis of length 2
 * decodeIdx(bytes).shape; // [2]
 */
export function decodeIdx(bytes: Uint8Array, where = 'decodeIdx'): TensorView {
  const header = readHeader(bytes, where);
  formatCheck(header && bytes.byteLength >= header.totalBytes, () => ({
    where,
    expected: header ? `${header.totalBytes} bytes for shape [${header.shape}]` : 'a whole IDX header',
    got: `${bytes.byteLength} bytes`,
    help: 'the file is truncated: copy or download it again',
  }));
  const { type, shape, headerBytes, totalBytes } = header;
  formatCheck(bytes.byteLength === totalBytes, () => tooLong(where, header, `${bytes.byteLength}`));
  const values = new DataView(bytes.buffer, bytes.byteOffset + headerBytes, totalBytes - headerBytes);
  const data = decodeValues(type, bytes.subarray(headerBytes), values);
  const dtype = data instanceof Uint8Array ? 'uint8' : data instanceof Int32Array ? 'int32' : 'float32';
  return { data, shape, dtype };
}

/**
 * Reads the four files of MNIST, Fashion-MNIST and their kin from a folder: `train-` and `t10k-`, `images-idx3-ubyte`
 * and `labels-idx1-ubyte` (or `images.idx3-ubyte`, …), each with or without `.gz`.
 *
 * @returns images [n, height, width, 1] as uint8 and labels [n] as int32
 * @throws OcellusError ERR_OCELLUS_DATA (a file is missing) | ERR_OCELLUS_FORMAT
 *
 * @example
 * const { train, test } = await loadMnist('data/mnist');
 */
export async function loadMnist(folder: string): Promise<LabelledSplit> {
  const names = await readdir(folder).catch((cause) => {
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: `loadMnist: ${folder}`,
      expected: 'a folder with the four MNIST files',
      got: cause.message,
      cause,
    });
  });
  const find = (part: string, kind: string) => findFile(folder, names, part, kind);
  const files = {
    trainImages: find('train', 'images-idx3-ubyte'),
    trainLabels: find('train', 'labels-idx1-ubyte'),
    testImages: find('t10k', 'images-idx3-ubyte'),
    testLabels: find('t10k', 'labels-idx1-ubyte'),
  };
  return {
    train: await readIdxPair(files.trainImages, files.trainLabels),
    test: await readIdxPair(files.testImages, files.testLabels),
  };
}

function findFile(folder: string, names: readonly string[], part: string, kind: string): string {
  const dashed = `${part}-${kind}`;
  const dotted = dashed.replace('-idx', '.idx');
  const found = [dashed, `${dashed}.gz`, dotted, `${dotted}.gz`].find((name) => names.includes(name));
  check(found, 'ERR_OCELLUS_DATA', () => ({
    where: `loadMnist: ${folder}`,
    expected: `a file ${dashed} or ${dotted}, with or without .gz`,
    got: names.length > 0 ? names.slice(0, 12).join(', ') : 'an empty folder',
  }));
  return join(folder, found);
}

/**
 * Images and labels in two files, gzipped or not.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT | ERR_OCELLUS_DATA (cannot be read)
 */
export async function readIdxPair(imageFile: string, labelFile: string): Promise<LabelledImages> {
  const images = await readIdx(imageFile);
  const labels = await readIdx(labelFile);
  formatCheck(images.shape.length === 3 && images.data instanceof Uint8Array, () => ({
    where: imageFile,
    expected: 'images: unsigned bytes with three sizes',
    got: `${images.dtype} of shape [${images.shape}]`,
  }));
  formatCheck(labels.shape.length === 1 && labels.data instanceof Uint8Array, () => ({
    where: labelFile,
    expected: 'labels: unsigned bytes with one size',
    got: `${labels.dtype} of shape [${labels.shape}]`,
  }));
  formatCheck(labels.shape[0] === images.shape[0], () => ({
    where: labelFile,
    expected: `${images.shape[0]} labels, one for each image of ${imageFile}`,
    got: labels.shape[0],
  }));
  return {
    images: { data: images.data, shape: [...images.shape, 1], dtype: 'uint8' },
    labels: { data: Int32Array.from(labels.data), shape: labels.shape, dtype: 'int32' },
  };
}

/** The header, or undefined when `bytes` end before it does. */
function readHeader(bytes: Uint8Array, where: string): IdxHeader | undefined {
  if (bytes.byteLength < 4) return undefined;
  const type = bytes[2];
  const rank = bytes[3];
  formatCheck(bytes[0] === 0 && bytes[1] === 0 && Object.hasOwn(elementBytes, type), () => ({
    where,
    expected: 'an IDX file, whose first bytes are 0, 0 and a type (8, 9, 11, 12, 13 or 14)',
    got: `[${bytes.subarray(0, 4).join(', ')}]`,
  }));
  formatCheck(rank >= 1 && rank <= maxRank, () => ({ where, expected: `1 to ${maxRank} sizes`, got: rank }));
  const headerBytes = 4 + 4 * rank;
  if (bytes.byteLength < headerBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  formatCheck(!shape.includes(0), () => ({ where, expected: 'sizes of at least 1', got: `[${shape}]` }));
  const totalBytes = shape.reduce((product, dim) => product * dim, elementBytes[type]) + headerBytes;
  formatCheck(totalBytes <= maxBytes, () => ({
    where,
    expected: `at most ${maxBytes} bytes`,
    got: `sizes [${shape}]`,
  }));
  return { type, shape, headerBytes, totalBytes };
}

/** Unpacks as much as the header announces and no more, so that a small file cannot fill the memory. */
async function inflate(packed: Uint8Array, where: string): Promise<Uint8Array> {
  const stream = createGunzip({ chunkSize: 1 << 18 });
  stream.end(packed);
  let bytes: Uint8Array = new Uint8Array(0);
  let used = 0;
  let header: IdxHeader | undefined;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      if (used + chunk.byteLength > bytes.byteLength) bytes = grow(bytes, used, chunk.byteLength, header);
      formatCheck(used + chunk.byteLength <= bytes.byteLength, () => tooLong(where, header, 'more'));
      bytes.set(chunk, used);
      used += chunk.byteLength;
      header ??= readHeader(bytes.subarray(0, used), where);
    }
  } catch (cause) {
    if (cause instanceof OcellusError) throw cause;
    throw new OcellusError('ERR_OCELLUS_FORMAT', {
      where,
      expected: 'a whole gzip file',
      got: cause instanceof Error ? cause.message : String(cause),
      help: 'the file is truncated or corrupt: copy or download it again',
      cause,
    });
  }
  return bytes.subarray(0, used);
}

/** Doubles the room, up to the announced length. */
function grow(bytes: Uint8Array, used: number, more: number, header: IdxHeader | undefined): Uint8Array {
  const doubled = Math.max(2 * bytes.byteLength, used + more);
  const larger = new Uint8Array(header ? Math.min(doubled, Math.max(header.totalBytes, used)) : doubled);
  larger.set(bytes.subarray(0, used));
  return larger;
}

function decodeValues(type: number, bytes: Uint8Array, view: DataView): NumericArray {
  const count = bytes.byteLength / elementBytes[type];
  switch (type) {
    case 8:
      return new Uint8Array(bytes);
    case 9:
      return filled(new Int32Array(count), (i) => view.getInt8(i));
    case 11:
      return filled(new Int32Array(count), (i) => view.getInt16(2 * i));
    case 12:
      return filled(new Int32Array(count), (i) => view.getInt32(4 * i));
    case 13:
      return filled(new Float32Array(count), (i) => view.getFloat32(4 * i));
    default:
      return filled(new Float32Array(count), (i) => view.getFloat64(8 * i));
  }
}

function filled<T extends NumericArray>(array: T, valueAt: (index: number) => number): T {
  for (let i = 0; i < array.length; i++) array[i] = valueAt(i);
  return array;
}

function tooLong(where: string, header: IdxHeader | undefined, got: string): ErrorDetails {
  return { where, expected: `${header?.totalBytes} bytes for shape [${header?.shape}]`, got: `${got} bytes` };
}

function formatCheck(condition: unknown, details: () => ErrorDetails): asserts condition {
  check(condition, 'ERR_OCELLUS_FORMAT', details);
}
