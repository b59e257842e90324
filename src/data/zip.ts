// Zip archives in memory, as far as npz needs them: stored and deflated entries, sizes beyond 4 GiB as NumPy writes them.
// Every offset is checked, and an entry unpacks to exactly what the archive announces.

import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import { check, OcellusError } from '../core/errors.js';

const localSignature = 0x04034b50;
const centralSignature = 0x02014b50;
const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const locatorSignature = 0x07064b50;
const maxComment = 0xffff;
const escaped = 0xffffffff;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/**
 * Unpacks all entries by name, `maxBytes` altogether.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT (no zip, truncated, encrypted, another method, wrong checksums, too large)
 */
export function readZip(bytes: Uint8Array, where: string, maxBytes: number): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const contents = new Map<string, Uint8Array>();
  let total = 0;
  for (const entry of entriesOf(bytes, view, where)) {
    total += entry.size;
    check(total <= maxBytes, 'ERR_OCELLUS_FORMAT', () => ({
      where,
      expected: `at most ${maxBytes} bytes when unpacked`,
      got: `${total} or more`,
    }));
    check(!contents.has(entry.name), 'ERR_OCELLUS_FORMAT', () => ({
      where,
      expected: 'entries with different names',
      got: `two '${entry.name}'`,
    }));
    contents.set(entry.name, unpack(bytes, view, entry, `${where}: ${entry.name}`));
  }
  return contents;
}

/** An archive of these entries, deflated or as they are. */
export function writeZip(contents: ReadonlyMap<string, Uint8Array>, compressed: boolean): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, content] of contents) {
    const data = compressed ? deflateRawSync(content) : content;
    const title = Buffer.from(name, 'utf8');
    // Version, flags (names in UTF-8), method, time and date of 1980, checksum, sizes, length of the name, no extra.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x800, 2);
    common.writeUInt16LE(compressed ? 8 : 0, 4);
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(content), 10);
    for (const [at, size] of [
      [14, data.byteLength],
      [18, content.byteLength],
    ]) {
      check(size < escaped, 'ERR_OCELLUS_DATA', () => ({
        where: `writeZip: ${name}`,
        expected: 'less than 4 GiB',
        got: size,
      }));
      common.writeUInt32LE(size, at);
    }
    common.writeUInt16LE(title.byteLength, 22);
    parts.push(signed(localSignature, common), title, data);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(checkedOffset(offset), 10);
    directory.push(signed(centralSignature, Buffer.concat([Buffer.from([20, 0]), common])), tail, title);
    offset += 30 + title.byteLength + data.byteLength;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(contents.size, 4);
  end.writeUInt16LE(contents.size, 6);
  end.writeUInt32LE(
    directory.reduce((sum, part) => sum + part.byteLength, 0),
    8,
  );
  end.writeUInt32LE(checkedOffset(offset), 12);
  return Buffer.concat([...parts, ...directory, signed(endSignature, end)]);
}

function checkedOffset(offset: number): number {
  check(offset < escaped, 'ERR_OCELLUS_DATA', () => ({
    where: 'writeZip',
    expected: 'less than 4 GiB in all',
    got: offset,
  }));
  return offset;
}

function signed(signature: number, rest: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(4 + rest.byteLength);
  bytes.writeUInt32LE(signature, 0);
  bytes.set(rest, 4);
  return bytes;
}

function fail(where: string, expected: string, got: string, cause?: unknown): OcellusError {
  const help = 'the file is truncated or corrupt: copy or save it again';
  return new OcellusError('ERR_OCELLUS_FORMAT', { where, expected, got, help, cause });
}

function* entriesOf(bytes: Uint8Array, view: DataView, where: string): Generator<Entry> {
  const { count, start } = findDirectory(bytes, view, where);
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.byteLength || view.getUint32(at, true) !== centralSignature) {
      throw fail(where, `a zip archive with ${count} entries`, `${i}`);
    }
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const behindName = at + 46 + nameBytes;
    const end = behindName + extraBytes + commentBytes;
    if (end > bytes.byteLength) throw fail(where, 'a whole directory of a zip archive', 'the end of the file');
    const name = Buffer.from(bytes.subarray(at + 46, behindName)).toString('utf8');
    if (view.getUint16(at + 8, true) & 1)
      throw fail(`${where}: ${name}`, 'an entry without encryption', 'an encrypted one');
    const fields = { size: 24, packed: 20, offset: 42 };
    const sizes = { size: 0, packed: 0, offset: 0 };
    let wide = findWide(view, behindName, behindName + extraBytes);
    for (const [field, place] of Object.entries(fields) as [keyof typeof fields, number][]) {
      sizes[field] = view.getUint32(at + place, true);
      if (sizes[field] !== escaped) continue;
      if (!wide || wide.at + 8 > wide.end) throw fail(`${where}: ${name}`, 'sizes of 64 bits', 'none');
      sizes[field] = Number(view.getBigUint64(wide.at, true));
      wide = { at: wide.at + 8, end: wide.end };
    }
    yield { name, method: view.getUint16(at + 10, true), crc: view.getUint32(at + 16, true), ...sizes };
    at = end;
  }
}

/** The block of 64-bit sizes among the extra fields. */
function findWide(view: DataView, from: number, to: number): { at: number; end: number } | undefined {
  for (let at = from; at + 4 <= to; at += 4 + view.getUint16(at + 2, true)) {
    const end = at + 4 + view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1 && end <= to) return { at: at + 4, end };
  }
  return undefined;
}

function findDirectory(bytes: Uint8Array, view: DataView, where: string): { count: number; start: number } {
  const lowest = Math.max(0, bytes.byteLength - 22 - maxComment);
  for (let at = bytes.byteLength - 22; at >= lowest; at--) {
    if (view.getUint32(at, true) !== endSignature) continue;
    const [count, start] = [view.getUint16(at + 10, true), view.getUint32(at + 16, true)];
    if (count !== 0xffff && start !== escaped) return { count, start };
    if (at >= 20 && view.getUint32(at - 20, true) === locatorSignature) {
      const record = Number(view.getBigUint64(at - 12, true));
      if (record + 56 <= bytes.byteLength && view.getUint32(record, true) === end64Signature) {
        return {
          count: Number(view.getBigUint64(record + 32, true)),
          start: Number(view.getBigUint64(record + 48, true)),
        };
      }
    }
    break;
  }
  throw fail(where, 'a zip archive', `${bytes.byteLength} bytes without its directory`);
}

function unpack(bytes: Uint8Array, view: DataView, entry: Entry, where: string): Uint8Array {
  const { offset, packed, size, method, crc } = entry;
  if (!(offset + 30 <= bytes.byteLength && view.getUint32(offset, true) === localSignature)) {
    throw fail(where, 'an entry where the directory says', `none at ${offset}`);
  }
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (!(start + packed <= bytes.byteLength))
    throw fail(where, `${packed} bytes`, `${Math.max(0, bytes.byteLength - start)}`);
  const data = bytes.subarray(start, start + packed);
  let content = data;
  if (method === 8) {
    try {
      content = inflateRawSync(data, { maxOutputLength: Math.max(size, 1) });
    } catch (cause) {
      throw fail(
        where,
        `data that unpack to ${size} bytes`,
        cause instanceof Error ? cause.message : String(cause),
        cause,
      );
    }
  } else if (method !== 0) throw fail(where, 'an entry stored or deflated', `method ${method}`);
  if (content.byteLength !== size) throw fail(where, `${size} bytes`, `${content.byteLength}`);
  if (crc32(content) !== crc) throw fail(where, 'the checksum of the directory', 'another one');
  return content;
}
