// The header of a safetensors file, checked as strictly as the format allows: 8 bytes of length (little-endian), that
// much JSON, then the bytes of all tensors without gap or overlap. Nothing here trusts the file.

import { check, type ErrorDetails, OcellusError } from '../core/errors.js';
import { duplicateKey } from './json.js';

/** Element types that can be read, with their size in bytes. */
export const storedBytes = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, U8: 1 } as const;

export type StoredType = keyof typeof storedBytes;

/** The format's own limit on the length of the header. */
export const maxHeaderBytes = 100_000_000;

/** One tensor of a file: bytes [begin, end) counted from the end of the header. */
export interface HeaderEntry {
  readonly name: string;
  readonly storedAs: StoredType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  /** In the order in which the tensors lie in the file. */
  readonly entries: readonly HeaderEntry[];
  readonly metadata: Record<string, string>;
}

/** Reads the length from the first eight bytes; `fileBytes` is the size of the whole file. */
export function headerLength(prefix: Uint8Array, fileBytes: number, where: string): number {
  formatCheck(fileBytes >= 8 && prefix.byteLength >= 8, () => ({
    where,
    expected: 'a safetensors file, at least 8 bytes long',
    got: `${fileBytes} bytes`,
  }));
  const view = new DataView(prefix.buffer, prefix.byteOffset, 8);
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  formatCheck(length <= maxHeaderBytes, () => ({
    where,
    expected: `a header of at most ${maxHeaderBytes} bytes`,
    got: `${length} bytes`,
    help: 'this is probably not a safetensors file',
  }));
  formatCheck(length <= fileBytes - 8, () => ({
    where,
    expected: `a header of ${length} bytes, as its first eight bytes say`,
    got: `${fileBytes - 8} bytes`,
    help: 'the file is truncated, or not a safetensors file',
  }));
  return length;
}

/** Parses and validates the JSON; `dataBytes` is how many bytes follow it in the file. */
export function parseHeader(json: Uint8Array, dataBytes: number, where: string): Header {
  const root = parseJson(json, where);
  const entries: HeaderEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(root)) {
    if (name === '__metadata__') metadata = checkMetadata(value, where);
    else entries.push(parseEntry(name, value, where));
  }
  // Empty tensors sort before the tensor that starts where they lie.
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(entries, dataBytes, where);
  return { entries, metadata };
}

function parseJson(json: Uint8Array, where: string): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
  } catch (cause) {
    throw formatError({ where, expected: 'a header in UTF-8', got: 'other bytes', cause });
  }
  formatCheck(text.startsWith('{'), () => ({
    where,
    expected: "a header that starts with '{'",
    got: text === '' ? 'an empty header' : JSON.stringify(text.slice(0, 12)),
  }));
  // Before the parser, which would keep the last of two equal keys, and recurse as deep as the text asks for.
  const repeated = duplicateKey(text, 4);
  formatCheck(repeated === undefined, () => ({ where, expected: 'a header without repeated names', got: repeated }));
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw formatError({ where, expected: 'a header of JSON', got: 'text that is not JSON', cause });
  }
}

function checkMetadata(value: unknown, where: string): Record<string, string> {
  formatCheck(isRecord(value), () => ({ where, expected: '__metadata__ to be an object of strings', got: value }));
  for (const [key, text] of Object.entries(value)) {
    formatCheck(typeof text === 'string', () => ({
      where,
      expected: `a string as __metadata__ '${clip(key)}'`,
      got: text,
    }));
  }
  return value as Record<string, string>;
}

function parseEntry(name: string, value: unknown, file: string): HeaderEntry {
  const where = tensorPlace(file, name);
  formatCheck(isRecord(value), () => ({ where, expected: 'an object with dtype, shape and data_offsets', got: value }));
  const { dtype, shape, data_offsets: offsets } = value;
  formatCheck(typeof dtype === 'string' && Object.hasOwn(storedBytes, dtype), () => ({
    where,
    expected: `a dtype out of ${Object.keys(storedBytes).join(', ')}`,
    got: typeof dtype === 'string' ? clip(dtype) : dtype,
  }));
  formatCheck(Array.isArray(shape) && shape.every(isCount), () => ({
    where,
    expected: 'a shape of whole numbers, none negative',
    got: shape,
  }));
  formatCheck(Array.isArray(offsets) && offsets.length === 2 && offsets.every(isCount), () => ({
    where,
    expected: 'data_offsets [begin, end] of whole numbers',
    got: offsets,
  }));
  const [begin, end] = offsets as [number, number];
  const bytes = checkedBytes(shape, storedBytes[dtype as StoredType], where);
  formatCheck(end - begin === bytes, () => ({
    where,
    expected: `${bytes} bytes of data, as dtype ${dtype} and shape ${clip(`[${shape}]`)} ask for`,
    got: `${end - begin} (data_offsets [${begin}, ${end}])`,
  }));
  return { name, storedAs: dtype as StoredType, shape, begin, end };
}

function checkedBytes(shape: readonly number[], elementBytes: number, where: string): number {
  let bytes = elementBytes;
  for (const dim of shape) {
    bytes *= dim;
    formatCheck(Number.isSafeInteger(bytes), () => ({
      where,
      expected: 'a shape of fewer than 2^53 bytes',
      got: clip(`[${shape}]`),
    }));
  }
  return bytes;
}

/** Every byte of the data belongs to exactly one tensor. */
function checkCoverage(entries: readonly HeaderEntry[], dataBytes: number, file: string): void {
  let reached = 0;
  for (const { name, begin, end } of entries) {
    formatCheck(begin === reached, () => ({
      where: tensorPlace(file, name),
      expected: `data that begins at byte ${reached}, where the tensor before it ends`,
      got: `${begin} (${begin < reached ? 'the two overlap' : 'a hole'})`,
    }));
    formatCheck(end <= dataBytes, () => ({
      where: tensorPlace(file, name),
      expected: `data inside the ${dataBytes} bytes that follow the header`,
      got: `bytes ${begin} to ${end}`,
      help: 'the file is truncated',
    }));
    reached = end;
  }
  formatCheck(reached === dataBytes, () => ({
    where: file,
    expected: `${reached} bytes of data after the header`,
    got: `${dataBytes}`,
  }));
}

export function tensorPlace(file: string, name: string): string {
  return `${file}: tensor '${clip(name)}'`;
}

/** Keeps a hostile name or shape from filling the message. */
function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

export function formatError(details: ErrorDetails): OcellusError {
  return new OcellusError('ERR_OCELLUS_FORMAT', details);
}

export function formatCheck(condition: unknown, details: () => ErrorDetails): asserts condition {
  check(condition, 'ERR_OCELLUS_FORMAT', details);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
