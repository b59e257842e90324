// The safetensors reader and writer: round trips, files that others wrote, and everything a broken or hostile file can do.

import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { TensorView } from '../../src/core/dtype.js';
import { OcellusError } from '../../src/core/errors.js';
import { decodeSafetensors, encodeSafetensors, readSafetensors, writeSafetensors } from '../../src/io/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'ocellus-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file with this header text (or value) and `dataBytes` bytes 0, 1, 2, … after it. */
function fileOf(header: unknown, dataBytes = 0, length?: number | bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? json.length), true);
  bytes.set(json, 8);
  for (let i = 0; i < dataBytes; i++) bytes[8 + json.length + i] = i;
  return bytes;
}

function errorOf(run: () => unknown): OcellusError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(OcellusError);
    return error as OcellusError;
  }
  throw new Error('nothing was thrown');
}

function f32(shape: number[], from = 0): TensorView {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).map((_, i) => from + i);
  return { data, shape, dtype: 'float32' };
}

describe('round trip', () => {
  const array = fc.oneof(
    fc.float32Array({ maxLength: 40 }).map((data) => ({ data, dtype: 'float32' as const })),
    fc.float64Array({ maxLength: 40 }).map((data) => ({ data, dtype: 'float32' as const })),
    fc.int32Array({ maxLength: 40 }).map((data) => ({ data, dtype: 'int32' as const })),
    fc.uint8Array({ maxLength: 40 }).map((data) => ({ data, dtype: 'uint8' as const })),
  );
  const tensor = fc
    .tuple(array, fc.boolean())
    .map(([{ data, dtype }, wrap]) => ({ data, dtype, shape: wrap ? [1, data.length] : [data.length] }));
  const name = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => text !== '__metadata__');

  it('gives back names, shapes, bits and metadata', () => {
    const tables = fc.array(fc.tuple(name, tensor), { maxLength: 8 }).map((pairs) => new Map(pairs));
    fc.assert(
      fc.property(tables, fc.dictionary(fc.string(), fc.string(), { maxKeys: 4 }), (tensors, metadata) => {
        const bytes = encodeSafetensors(tensors, metadata);
        const read = decodeSafetensors(bytes);
        expect([...read.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
        for (const [key, view] of tensors) {
          const back = read.tensors.get(key);
          expect(back?.data.constructor).toBe(view.data.constructor);
          expect(back).toMatchObject({ shape: view.shape, dtype: view.dtype });
          // Bit by bit: NaN payloads and negative zero included.
          expect(Buffer.from(back?.data.buffer as ArrayBuffer)).toEqual(
            Buffer.from(view.data.buffer, view.data.byteOffset, view.data.byteLength),
          );
        }
        expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(metadata).sort());
        expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('survives the disk, with names that only look special', async () => {
    const file = join(folder, 'round.safetensors');
    const entries: [string, TensorView][] = [
      ['__proto__', f32([2, 3])],
      ['constructor', { data: Int32Array.of(-1, 2 ** 31 - 1), shape: [2], dtype: 'int32' }],
      ['', { data: Uint8Array.of(7), shape: [], dtype: 'uint8' }],
      ['12', f32([0, 4])],
      ['stem/größe\n"\\', f32([1, 1, 3])],
    ];
    await writeSafetensors(file, new Map(entries), JSON.parse('{"__proto__": "p", "format": "1"}'));
    const { tensors, metadata } = await readSafetensors(file);
    expect(tensors.size).toBe(5);
    for (const [name, view] of entries) {
      expect(tensors.get(name)?.data).toEqual(view.data);
      expect(tensors.get(name)?.shape).toEqual(view.shape);
    }
    expect(Object.entries(metadata).sort()).toEqual([
      ['__proto__', 'p'],
      ['format', '1'],
    ]);
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
  });

  it('reads views of a larger, unaligned or shared memory, and takes its copy at the call', async () => {
    const shared = new Float32Array(new SharedArrayBuffer(64), 8, 3);
    shared.set([1, 2, 3]);
    const file = join(folder, 'shared.safetensors');
    const written = writeSafetensors(file, { w: { data: shared, shape: [3], dtype: 'float32' } });
    shared.fill(99);
    await written;
    expect((await readSafetensors(file)).tensors.get('w')?.data).toEqual(Float32Array.of(1, 2, 3));

    const inside = new Uint8Array(3 + readFileSync(file).length);
    inside.set(readFileSync(file), 3);
    expect(decodeSafetensors(inside.subarray(3)).tensors.get('w')?.data).toEqual(Float32Array.of(1, 2, 3));
    expect(decodeSafetensors(readFileSync(file)).tensors.get('w')?.data.byteOffset).toBe(0);
  });

  it('starts the data and every tensor at a multiple of its element', () => {
    const bytes = encodeSafetensors({
      a: { data: Uint8Array.of(1), shape: [1], dtype: 'uint8' },
      b: { data: Float64Array.of(2), shape: [1], dtype: 'float32' },
      c: f32([1]),
    });
    const length = new DataView(bytes.buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(length % 8).toBe(0);
    expect(header).toEqual({
      b: { dtype: 'F64', shape: [1], data_offsets: [0, 8] },
      c: { dtype: 'F32', shape: [1], data_offsets: [8, 12] },
      a: { dtype: 'U8', shape: [1], data_offsets: [12, 13] },
    });
  });

  it('holds nothing, too', () => {
    const { tensors, metadata } = decodeSafetensors(encodeSafetensors({}));
    expect(tensors.size).toBe(0);
    expect(metadata).toEqual({});
  });
});

describe('other element types', () => {
  it('reads F16 and BF16 as Float32Array, subnormals, infinities and NaN included', () => {
    const half = Uint16Array.of(0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x7c00, 0xfc00, 0x7e00);
    const bytes = fileOf({ h: { dtype: 'F16', shape: [11], data_offsets: [0, 22] } }, 22);
    bytes.set(new Uint8Array(half.buffer), bytes.length - 22);
    const read = decodeSafetensors(bytes).tensors.get('h');
    expect(read).toMatchObject({ dtype: 'float32', storedAs: 'F16' });
    expect(read?.data).toEqual(
      Float32Array.of(0, -0, 1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, Infinity, -Infinity, NaN),
    );

    const wide = Uint32Array.from([1, -1.5, 3.389531389251535e38, NaN], (value) => {
      return new Uint32Array(Float32Array.of(value).buffer)[0];
    });
    const brain = fileOf({ b: { dtype: 'BF16', shape: [2, 2], data_offsets: [0, 8] } }, 8);
    brain.set(new Uint8Array(Uint16Array.from(wide, (word) => word >>> 16).buffer), brain.length - 8);
    expect(decodeSafetensors(brain).tensors.get('b')?.data).toEqual(
      Float32Array.of(1, -1.5, 3.389531389251535e38, NaN),
    );
  });

  it('narrows I64 where it fits and says which element does not', () => {
    const file = (values: bigint[]) => {
      const data = new Uint8Array(BigInt64Array.from(values).buffer);
      const bytes = fileOf(
        { n: { dtype: 'I64', shape: [values.length], data_offsets: [0, data.length] } },
        data.length,
      );
      bytes.set(data, bytes.length - data.length);
      return bytes;
    };
    expect(decodeSafetensors(file([-1n, 2147483647n, -2147483648n])).tensors.get('n')?.data).toEqual(
      Int32Array.of(-1, 2147483647, -2147483648),
    );
    for (const value of [2147483648n, -2147483649n, 2n ** 62n, 4294967296n]) {
      const error = errorOf(() => decodeSafetensors(file([0n, value]), 'a.safetensors'));
      expect(error.message).toBe(
        `a.safetensors: tensor 'n': expected I64 values that fit 32 bits, got ${value} at element 1`,
      );
    }
  });
});

describe('broken and hostile files', () => {
  const entry = (shape: unknown, offsets: unknown, dtype: unknown = 'F32') => ({ dtype, shape, data_offsets: offsets });
  const cases: [string, Uint8Array, RegExp][] = [
    ['nothing', new Uint8Array(0), /at least 8 bytes long, got 0 bytes/],
    ['seven bytes', new Uint8Array(7), /at least 8 bytes long, got 7 bytes/],
    ['an empty header', new Uint8Array(8), /starts with '\{', got an empty header/],
    ['header past the end', fileOf('{}', 0, 3), /header of 3 bytes.*got 2 bytes/],
    ['header past the limit', fileOf('{}', 0, 100_000_001), /at most 100000000 bytes, got 100000001/],
    ['header of 2^64-1 bytes', fileOf('{}', 0, 2n ** 64n - 1n), /at most 100000000 bytes/],
    ['a zip file', Uint8Array.from(Buffer.from('PK\x03\x04 and so on and on')), /probably not a safetensors file/],
    ['not UTF-8', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff), /UTF-8/],
    ['a byte order mark', fileOf('\ufeff{}'), /starts with '\{'/],
    ['an array', fileOf('[]'), /starts with '\{'/],
    ['a space first', fileOf(' {}'), /starts with '\{'/],
    ['half a JSON', fileOf('{"a": {"dtype"'), /a header of JSON/],
    ['text after the JSON', fileOf('{} {}'), /a header of JSON/],
    ['an unclosed string', fileOf('{"a'), /a header of JSON/],
    ['an odd escape', fileOf('{"\\x": 1, "\\x": 2}'), /repeated names|a header of JSON/],
    ['deep nesting', fileOf(`{"a": ${'['.repeat(1_000_000)}`), /brackets 5 deep/],
    ['a name twice', fileOf('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":1}'), /the name 'a' twice/],
    ['a name twice, disguised', fileOf('{"a" : 1, "\\u0061"\n: 2}'), /the name 'a' twice/],
    ['a field twice', fileOf('{"a":{"dtype":"U8","dtype":"F32"}}'), /the name 'dtype' twice/],
    ['metadata twice', fileOf('{"__metadata__":{},"__metadata__":{}}'), /the name '__metadata__' twice/],
    ['metadata that is a list', fileOf({ __metadata__: [] }), /__metadata__ to be an object of strings/],
    ['metadata of numbers', fileOf({ __metadata__: { epoch: 3 } }), /a string as __metadata__ 'epoch', got 3/],
    ['metadata null', fileOf({ __metadata__: null }), /__metadata__ to be an object of strings, got null/],
    ['an entry that is a number', fileOf({ a: 1 }), /tensor 'a': expected an object/],
    ['an entry that is null', fileOf({ a: null }), /tensor 'a': expected an object/],
    ['an empty entry', fileOf({ a: {} }), /tensor 'a': expected a dtype/],
    ['an unknown dtype', fileOf({ a: entry([1], [0, 1], 'F8_E4M3') }, 1), /tensor 'a': expected a dtype.*got F8_E4M3/],
    ['an inherited dtype', fileOf({ a: entry([1], [0, 1], 'toString') }, 1), /tensor 'a': expected a dtype/],
    ['a negative dim', fileOf({ a: entry([-1, -4], [0, 16]) }, 16), /whole numbers, none negative, got \[-1,-4\]/],
    ['a fractional dim', fileOf({ a: entry([0.5, 8], [0, 16]) }, 16), /tensor 'a': expected a shape of whole numbers/],
    ['a text dim', fileOf({ a: entry(['4'], [0, 16]) }, 16), /tensor 'a': expected a shape/],
    ['a dim of 1e400', fileOf('{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,4]}}', 4), /expected a shape/],
    ['a shape that overflows', fileOf({ a: entry([2 ** 31, 2 ** 31], [0, 4]) }, 4), /fewer than 2\^53 bytes/],
    ['a shape that wraps 64 bits', fileOf({ a: entry([2 ** 32, 2 ** 32, 1], [0, 0]) }), /fewer than 2\^53 bytes/],
    ['no shape', fileOf({ a: { dtype: 'F32', data_offsets: [0, 4] } }, 4), /expected a shape/],
    ['no offsets', fileOf({ a: { dtype: 'F32', shape: [1] } }, 4), /expected data_offsets/],
    ['one offset', fileOf({ a: entry([1], [4]) }, 4), /expected data_offsets/],
    ['negative offsets', fileOf({ a: entry([1], [-4, 0]) }, 4), /expected data_offsets/],
    ['fractional offsets', fileOf({ a: entry([1], [0.5, 4.5]) }, 4), /expected data_offsets/],
    ['offsets backwards', fileOf({ a: entry([1], [4, 0]) }, 4), /tensor 'a': expected 4 bytes of data.*got -4/],
    ['size mismatch', fileOf({ a: entry([3], [0, 8]) }, 8), /expected 12 bytes of data, as dtype F32 and shape \[3\]/],
    ['beyond the file', fileOf({ a: entry([4], [0, 16]) }, 12), /tensor 'a': expected data inside the 12 bytes/],
    ['far beyond the file', fileOf({ a: entry([2 ** 40], [0, 2 ** 42]) }, 12), /tensor 'a': expected data inside/],
    ['bytes left over', fileOf({ a: entry([1], [0, 4]) }, 5), /expected 4 bytes of data after the header, got 5/],
    ['data without tensors', fileOf('{}', 1), /expected 0 bytes of data after the header, got 1/],
    ['a hole', fileOf({ a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, 12), /tensor 'b'.*byte 4.*a hole/],
    ['a hole at the start', fileOf({ a: entry([1], [4, 8]) }, 8), /tensor 'a'.*byte 0.*a hole/],
    ['an overlap', fileOf({ a: entry([2], [0, 8]), b: entry([2], [4, 12]) }, 12), /tensor 'b'.*overlap/],
    ['the same bytes twice', fileOf({ a: entry([1], [0, 4]), b: entry([1], [0, 4]) }, 4), /overlap/],
    [
      'an empty tensor in the middle',
      fileOf({ a: entry([2], [0, 8]), b: entry([0], [4, 4]) }, 8),
      /tensor 'b'.*overlap/,
    ],
  ];
  it.each(cases)('%s', (_, bytes, message) => {
    const error = errorOf(() => decodeSafetensors(bytes, 'bad.safetensors'));
    expect(error.code).toBe('ERR_OCELLUS_FORMAT');
    expect(error.message).toMatch(message);
    expect(error.message.startsWith('bad.safetensors: ')).toBe(true);
    expect(error.message.length).toBeLessThan(600);
  });

  it('gives the same errors from the disk, and the file system its own', async () => {
    const file = join(folder, 'bad.safetensors');
    for (const [, bytes, message] of cases) {
      writeFileSync(file, bytes);
      await expect(readSafetensors(file)).rejects.toThrow(message);
      await expect(readSafetensors(file)).rejects.toMatchObject({ code: 'ERR_OCELLUS_FORMAT' });
    }
    await expect(readSafetensors(join(folder, 'absent'))).rejects.toMatchObject({ code: 'ERR_OCELLUS_DATA' });
    await expect(readSafetensors(folder)).rejects.toMatchObject({ code: 'ERR_OCELLUS_DATA' });
  });

  it('rejects every truncation of a good file', async () => {
    const file = join(folder, 'truncated.safetensors');
    await writeSafetensors(file, { a: f32([3]), b: f32([2, 2]) }, { epoch: '3' });
    const bytes = new Uint8Array(readFileSync(file));
    for (let length = 0; length < bytes.length; length++) {
      expect(errorOf(() => decodeSafetensors(bytes.subarray(0, length))).code).toBe('ERR_OCELLUS_FORMAT');
    }
    truncateSync(file, bytes.length - 1);
    await expect(readSafetensors(file)).rejects.toThrow(/truncated\.safetensors: tensor '[ab]'.*truncated/s);
  });

  it('never fails otherwise than with an OcellusError, whatever bytes change', () => {
    const good = encodeSafetensors(
      { a: f32([3]), i: { data: Int32Array.of(1), shape: [1], dtype: 'int32' } },
      { k: 'v' },
    );
    const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }));
    const corrupted = fc
      .tuple(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(good.length))
      .map(([changes, cut]) => {
        const bytes = good.slice();
        for (const [at, value] of changes) bytes[at] = value;
        return cut % 4 === 0 ? bytes.subarray(0, cut) : bytes;
      });
    const header = fc.json({ maxDepth: 4 }).map((text) => fileOf(text, 8));
    fc.assert(
      fc.property(fc.oneof(corrupted, header, fc.uint8Array({ maxLength: 64 })), (bytes) => {
        try {
          decodeSafetensors(bytes);
        } catch (error) {
          if (!(error instanceof OcellusError)) throw error;
          expect(error.code).toBe('ERR_OCELLUS_FORMAT');
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('asks for no memory that the file does not have', () => {
    const before = process.memoryUsage().arrayBuffers;
    errorOf(() => decodeSafetensors(fileOf({ a: entry([2 ** 33], [0, 2 ** 35]) }, 16)));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });
});

describe('what cannot be written', () => {
  const good = f32([2]);
  it.each([
    ['a wrong shape', { w: { ...good, shape: [3] } }, /tensor 'w': expected a shape of 2 elements, got \[3\]/],
    ['a negative shape', { w: { ...good, shape: [-1, -2] } }, /tensor 'w': expected a shape of 2 elements/],
    ['a fractional shape', { w: { ...good, shape: [0.5, 4] } }, /tensor 'w': expected a shape of 2 elements/],
    ['no shape', { w: { data: good.data } }, /tensor 'w': expected a shape of 2 elements/],
    ['another array', { w: { ...good, data: new Int16Array(2) } }, /tensor 'w': expected a Float32Array/],
    ['a plain array', { w: { ...good, data: [1, 2] } }, /tensor 'w': expected a Float32Array/],
    ['the reserved name', { __metadata__: good }, /expected another name/],
  ])('%s', (_, tensors, message) => {
    const error = errorOf(() => encodeSafetensors(tensors as unknown as Record<string, TensorView>));
    expect(error.message).toMatch(message);
    expect(error.code).toBe('ERR_OCELLUS_FORMAT');
  });

  it('metadata other than strings, and detached data', () => {
    expect(errorOf(() => encodeSafetensors({}, { n: 1 } as never)).message).toMatch(/metadata 'n': expected a string/);
    const data = Float32Array.of(1, 2);
    structuredClone(data, { transfer: [data.buffer] });
    expect(errorOf(() => encodeSafetensors({ w: { data, shape: [2], dtype: 'float32' } })).message).toMatch(
      /tensor 'w'/,
    );
  });
});

const reference = new URL('../../../shared/data/', import.meta.url).pathname;
const present = existsSync(join(reference, 'training-reference'));
if (!present) console.log(`skipped: files written by other programs, because ${reference} is absent`);
describe.skipIf(!present)('files written by other programs', () => {
  it('reads trained weights and expected outputs', async () => {
    const weights = await readSafetensors(join(reference, 'training-reference/lenet5-mnist-sgd.init.safetensors'));
    expect(weights.tensors.get('conv2.weight')?.shape).toEqual([16, 6, 5, 5]);
    expect(weights.tensors.get('conv2.weight')?.data.every((value) => Math.abs(value) < 1)).toBe(true);

    const resnet = await readSafetensors(join(reference, 'models/resnet20-cifar10/resnet20.safetensors'));
    expect(resnet.metadata.layout).toBe('PyTorch NCHW/OIHW');
    let parameters = 0;
    for (const [name, { data }] of resnet.tensors) if (!/running|batches/.test(name)) parameters += data.length;
    expect(parameters).toBe(269_722);

    const doodles = await readSafetensors(join(reference, 'models/doodlenet-tfjs/quickdraw_60_expected.safetensors'));
    expect([...doodles.tensors].map(([name, { dtype }]) => [name, dtype])).toEqual([
      ['probabilities', 'float32'],
      ['labels', 'int32'],
      ['images_u8', 'uint8'],
    ]);
  });
});
