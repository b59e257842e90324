// IDX files: every element type, gzip, the four MNIST names, and files that lie about their size.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { OcellusError } from '../../src/core/errors.js';
import { decodeIdx, loadMnist, readIdx } from '../../src/data/idx.js';

const folder = mkdtempSync(join(tmpdir(), 'ocellus-idx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function idx(type: number, shape: number[], values: ArrayLike<number>, magic = 0): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + values.length);
  const view = new DataView(bytes.buffer);
  bytes.set([magic, 0, type, shape.length]);
  shape.forEach((dim, axis) => {
    view.setUint32(4 + 4 * axis, dim);
  });
  bytes.set(Uint8Array.from(values), 4 + 4 * shape.length);
  return bytes;
}

let counter = 0;
function onDisk(bytes: Uint8Array): string {
  const file = join(folder, `${counter++}.idx`);
  writeFileSync(file, bytes);
  return file;
}

describe('values', () => {
  it.each([
    [8, [0, 255], Uint8Array.of(0, 255)],
    [9, [0, 255], Int32Array.of(0, -1)],
    [11, [0, 1, 0xff, 0xfe], Int32Array.of(1, -2)],
    [12, [0, 0, 1, 0, 0x80, 0, 0, 0], Int32Array.of(256, -(2 ** 31))],
    [13, [0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0], Float32Array.of(1, -2.5)],
    [14, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0], Float32Array.of(1.5, -2)],
  ])('type %i', async (type, values, expected) => {
    const bytes = idx(type, [2], values);
    expect(decodeIdx(bytes).data).toEqual(expected);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(decodeIdx(shifted.subarray(1)).data).toEqual(expected);
    for (const file of [onDisk(bytes), onDisk(gzipSync(bytes))]) {
      const tensor = await readIdx(file);
      expect(tensor.data).toEqual(expected);
      expect(tensor.shape).toEqual([2]);
    }
  });

  it('of any shape, gzipped or not, larger than one piece of the unpacker', async () => {
    const shape = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(shape, fc.boolean(), async (dims, zip) => {
        const values = Uint8Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i);
        const bytes = idx(8, dims, values);
        const file = onDisk(zip ? gzipSync(bytes) : bytes);
        expect(await readIdx(file)).toEqual({ data: values, shape: dims, dtype: 'uint8' });
        rmSync(file);
      }),
      { numRuns: 40 },
    );
    const large = Uint8Array.from({ length: 3 << 18 }, (_, i) => (i * 2654435761) >>> 24);
    const { data } = await readIdx(onDisk(gzipSync(idx(8, [3, 1 << 18], large))));
    expect(Buffer.from(data as Uint8Array).equals(large)).toBe(true);
  });
});

describe('broken and hostile files', () => {
  const good = idx(8, [2, 3], [1, 2, 3, 4, 5, 6]);
  const cases: [string, Uint8Array, RegExp][] = [
    ['nothing', new Uint8Array(0), /a whole IDX header, got 0 bytes/],
    ['three bytes', good.subarray(0, 3), /a whole IDX header, got 3 bytes/],
    ['half a header', good.subarray(0, 9), /a whole IDX header, got 9 bytes/],
    ['a missing byte', good.subarray(0, 17), /expected 18 bytes for shape \[2,3\], got 17 bytes[\s\S]*truncated/],
    ['a byte more', Uint8Array.of(...good, 0), /expected 18 bytes for shape \[2,3\], got 19 bytes/],
    ['another magic', idx(8, [1], [1], 1), /first bytes are 0, 0 and a type.*got \[1, 0, 8, 1\]/],
    ['a PNG', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10), /expected an IDX file/],
    ['an unknown type', idx(10, [1], [1]), /expected an IDX file/],
    ['no sizes', Uint8Array.of(0, 0, 8, 0), /1 to 8 sizes, got 0/],
    ['255 sizes', Uint8Array.of(0, 0, 8, 255), /1 to 8 sizes, got 255/],
    ['a size of 0', idx(8, [2, 0], []), /sizes of at least 1, got \[2,0\]/],
    ['a size for terabytes', idx(8, [2 ** 32 - 1, 2 ** 32 - 1], [1]), /at most 8589934592 bytes/],
    ['sizes that overflow', idx(14, Array(8).fill(2 ** 32 - 1), [1]), /at most 8589934592 bytes/],
    ['sizes that wrap to 0', idx(8, [2 ** 16, 2 ** 16, 2 ** 16, 2 ** 16], []), /at most 8589934592 bytes/],
    ['a gigabyte announced', idx(8, [2 ** 30], [1]), /expected 1073741832 bytes.*got 9 bytes/],
  ];
  it.each(cases)('%s', async (_, bytes, message) => {
    expect(() => decodeIdx(bytes, 'bad.idx')).toThrow(message);
    for (const file of [onDisk(bytes), onDisk(gzipSync(bytes))]) {
      await expect(readIdx(file)).rejects.toThrow(message);
      await expect(readIdx(file)).rejects.toMatchObject({ code: 'ERR_OCELLUS_FORMAT', where: file });
    }
  });

  it('does not unpack a bomb', async () => {
    const zeros = new Uint8Array(1 << 26);
    const early = onDisk(gzipSync(idx(8, [10], zeros)));
    const late = onDisk(gzipSync(idx(8, [1 << 20], zeros)));
    const before = process.memoryUsage().rss;
    await expect(readIdx(early)).rejects.toThrow(/expected 18 bytes for shape \[10\]/);
    await expect(readIdx(late)).rejects.toThrow(/expected 1048584 bytes for shape \[1048576\], got more bytes/);
    expect(process.memoryUsage().rss - before).toBeLessThan(zeros.length / 2);
  });

  it('reports broken gzip, missing files and folders', async () => {
    const packed = gzipSync(good);
    for (let length = 2; length < packed.length; length++) {
      await expect(readIdx(onDisk(packed.subarray(0, length)))).rejects.toMatchObject({ code: 'ERR_OCELLUS_FORMAT' });
    }
    const wrong = Uint8Array.from(packed);
    wrong[packed.length - 6] ^= 1;
    await expect(readIdx(onDisk(wrong))).rejects.toThrow(/a whole gzip file, got incorrect data check/);
    await expect(readIdx(join(folder, 'absent'))).rejects.toMatchObject({ code: 'ERR_OCELLUS_DATA' });
    await expect(readIdx(folder)).rejects.toMatchObject({ code: 'ERR_OCELLUS_DATA' });
  });

  it('never fails otherwise than with an OcellusError', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(fc.constantFrom(8, 9, 11, 12, 13, 14), fc.array(fc.nat(6), { maxLength: 4 }), fc.uint8Array())
        .map(([type, shape, values]) => idx(type, shape, values)),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          decodeIdx(input);
        } catch (error) {
          if (!(error instanceof OcellusError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('loadMnist', () => {
  const images = (count: number) =>
    idx(
      8,
      [count, 2, 2],
      Uint8Array.from({ length: 4 * count }, (_, i) => i),
    );
  const labels = (count: number) =>
    idx(
      8,
      [count],
      Uint8Array.from({ length: count }, (_, i) => i % 10),
    );

  function mnistFolder(files: Record<string, Uint8Array>): string {
    const path = mkdtempSync(join(folder, 'mnist-'));
    for (const [name, bytes] of Object.entries(files)) {
      writeFileSync(join(path, name), name.endsWith('.gz') ? gzipSync(bytes) : bytes);
    }
    return path;
  }

  it('finds the files under their usual names', async () => {
    const path = mnistFolder({
      'train-images-idx3-ubyte': images(3),
      'train-labels.idx1-ubyte': labels(3),
      't10k-images.idx3-ubyte.gz': images(2),
      't10k-labels-idx1-ubyte.gz': labels(2),
    });
    const { train, test } = await loadMnist(path);
    expect(train.images.shape).toEqual([3, 2, 2, 1]);
    expect(train.labels).toEqual({ data: Int32Array.of(0, 1, 2), shape: [3], dtype: 'int32' });
    expect(test.images.data).toEqual(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7));
  });

  it('says what is missing or does not fit', async () => {
    const rest = { 't10k-images-idx3-ubyte': images(1), 't10k-labels-idx1-ubyte': labels(1) };
    await expect(loadMnist(join(folder, 'absent'))).rejects.toThrow(/a folder with the four MNIST files/);
    await expect(loadMnist(mnistFolder({}))).rejects.toThrow(
      /expected a file train-images-idx3-ubyte or train-images.idx3-ubyte, with or without .gz, got an empty folder/,
    );
    await expect(loadMnist(mnistFolder({ ...rest, 'train-images-idx3-ubyte': images(3) }))).rejects.toThrow(
      /expected a file train-labels-idx1-ubyte .*got t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, train-images/,
    );
    const train = (image: Uint8Array, label: Uint8Array) =>
      mnistFolder({ ...rest, 'train-images-idx3-ubyte': image, 'train-labels-idx1-ubyte': label });
    await expect(loadMnist(train(images(3), labels(2)))).rejects.toThrow(
      /expected 3 labels, one for each image.*got 2/,
    );
    await expect(loadMnist(train(labels(3), labels(3)))).rejects.toThrow(/images: unsigned bytes with three sizes/);
    await expect(loadMnist(train(images(3), images(3)))).rejects.toThrow(/labels: unsigned bytes with one size/);
    await expect(loadMnist(train(images(3), idx(9, [3], [1, 2, 3])))).rejects.toThrow(
      /unsigned bytes with one size, got int32/,
    );
  });
});

const reference = new URL('../../../shared/data/', import.meta.url).pathname;
const present = existsSync(join(reference, 'mnist'));
if (!present) console.log(`skipped: the real MNIST files, because ${reference} is absent`);
describe.skipIf(!present)('the real files', () => {
  it.each(['mnist', 'fashion-mnist'])('%s', async (name) => {
    const { train, test } = await loadMnist(join(reference, name));
    expect(train.images.shape).toEqual([60000, 28, 28, 1]);
    expect(test.images.shape).toEqual([10000, 28, 28, 1]);
    expect(Math.max(...test.labels.data)).toBe(9);
    const raw = gunzipSync(readFileSync(join(reference, name, 't10k-images-idx3-ubyte.gz'))).subarray(16);
    expect(Buffer.from(test.images.data).equals(raw)).toBe(true);
  });
});
