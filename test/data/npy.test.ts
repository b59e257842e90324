// npy and npz: what NumPy writes (arrays saved by NumPy 2.4), what comes back, and files that are cut, changed or lie.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeNpy, encodeNpy, readNpy, writeNpy } from '../../src/data/npy.js';
import { decodeNpz, encodeNpz, readNpz, writeNpz } from '../../src/data/npz.js';
import { temporaryFolder } from './images.js';

const folder = temporaryFolder();
const fromBase64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));

/** np.savez_compressed: f '>i2' in Fortran's order, h float16, b bool, l int64, d a float64 alone, u uint16. */
const compressed = fromBase64(
  'UEsDBC0AAAAIAAAAIQB62AXP//////////8FABQAZi5ucHkBABAAsAAAAAAAAAB4AAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6XaaSuo6' +
    'Cell9UUpSYF59flJIKEg8pKk0FChdnJBakArkaRjoKxjoKJpo6CrUKZAIuBgYGHgYWBgEGDgYRBkYGXgZWBkEGTgZRBiYGPgY2BiEGLgYxBmYG' +
    'fgZ2BmEGbgZxAFBLAwQtAAAACAAAACEAr7KQwv//////////BQAUAGgubnB5AQAQAIoAAAAAAAAATgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXK' +
    'RupaBuk2akrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqmOpo6CrUKFAAuBguGA/+rGWoYGQBQSwMELQAAAAgAAAAhABAZOhn/////' +
    '/////wUAFABiLm5weQEAEACCAAAAAAAAAEgAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgXpNkqK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4Fih' +
    'dnJBakAvkahjoKRpo6CrUKZAMuRgYAUEsDBC0AAAAIAAAAIQDedwS5//////////8FABQAbC5ucHkBABAAkAAAAAAAAABKAAAAAAAAAJvsF+ob' +
    'EMnIUMZQrZ6SWpxcpG6loG6TaaGuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6mjoKtQoUAK7/CFDPAAQAUEsDBC0AAAAIAAAAIQ' +
    'A1tDqT//////////8FABQAZC5ucHkBABAAiAAAAAAAAABHAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqGuo6Cell9UUpSYF59flJIK' +
    'EndLzClOBYoXZyQWpAL5Gpo6CrUKFAEuBjBgcQAAUEsDBC0AAAAIAAAAIQB3CCbk//////////8FABQAdS5ucHkBABAAhgAAAAAAAABLAAAAAA' +
    'AAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG5TaqSuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6mjoKtQoUAK6////9//8fAFBLAQIt' +
    'Ay0AAAAIAAAAIQB62AXPeAAAALAAAAAFAAAAAAAAAAAAAACAAQAAAABmLm5weVBLAQItAy0AAAAIAAAAIQCvspDCTgAAAIoAAAAFAAAAAAAAAA' +
    'AAAACAAa8AAABoLm5weVBLAQItAy0AAAAIAAAAIQAQGToZSAAAAIIAAAAFAAAAAAAAAAAAAACAATQBAABiLm5weVBLAQItAy0AAAAIAAAAIQDe' +
    'dwS5SgAAAJAAAAAFAAAAAAAAAAAAAACAAbMBAABsLm5weVBLAQItAy0AAAAIAAAAIQA1tDqTRwAAAIgAAAAFAAAAAAAAAAAAAACAATQCAABkLm' +
    '5weVBLAQItAy0AAAAIAAAAIQB3CCbkSwAAAIYAAAAFAAAAAAAAAAAAAACAAbICAAB1Lm5weVBLBQYAAAAABgAGADIBAAA0AwAAAAA=',
);
/** np.savez(x=np.arange(4, dtype=np.uint8)) */
const stored = fromBase64(
  'UEsDBC0AAAAAAAAAIQAkA95Y//////////8FABQAeC5ucHkBABAAhAAAAAAAAACEAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJ3x1MScsIC' +
    'dmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICg0LCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg' +
    'ICAgICAgICAgICAgICAgICAKAAECA1BLAQItAy0AAAAAAAAAIQAkA95YhAAAAIQAAAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBLBQYAAAAAAQ' +
    'ABADMAAAC7AAAAAAA=',
);
/** np.save of an array of objects, which is a pickle. */
const pickled = fromBase64(
  'k05VTVBZAQB2AHsnZGVzY3InOiAnfE8nLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMywpLCB9ICAgICAgICAgICAgICAgIC' +
    'AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqABJWRAAAAAAAAAIwWbnVtcHkuX2NvcmUubXVsdGlhcnJheZSM' +
    'DF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwOFlGgDjAVkdHlwZZSTlIwCTziUiYiHlFKUKEsDjA' +
    'F8lE5OTkr/////Sv////9LP3SUYoldlChLAYwBYZROZXSUYi4=',
);

function npy(header: string, values: Uint8Array, version = 1): Uint8Array {
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(header.length);
  else length.writeUInt32LE(header.length);
  return Buffer.concat([
    Buffer.from(`\x93NUMPY${String.fromCharCode(version, 0)}`, 'latin1'),
    length,
    Buffer.from(header),
    values,
  ]);
}
const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

describe('what NumPy writes', () => {
  it('deflated, of many types', () => {
    const { f, h, b, l, d, u } = decodeNpz(compressed);
    expect(f).toEqual({ data: Int32Array.from({ length: 24 }, (_, i) => i), shape: [2, 3, 4], dtype: 'int32' });
    expect(h.data).toEqual(Float32Array.of(0.5, -2, 65504, Number.POSITIVE_INFINITY, 2 ** -24));
    expect(b).toEqual({ data: Uint8Array.of(1, 0), shape: [1, 2], dtype: 'uint8' });
    expect(l.data).toEqual(Int32Array.of(-1, 2 ** 31 - 1));
    expect(d).toEqual({ data: Float32Array.of(2.5), shape: [], dtype: 'float32' });
    expect(u.data).toEqual(Int32Array.of(65533, 65534, 65535));
  });

  it('stored', () => {
    expect(decodeNpz(stored)).toEqual({ x: { data: Uint8Array.of(0, 1, 2, 3), shape: [4], dtype: 'uint8' } });
  });

  it('in the newer versions of the format, and by older Pythons', () => {
    for (const version of [1, 2, 3]) {
      expect(decodeNpy(npy(header('<f8', '(1L,)'), new Uint8Array(8), version)).shape).toEqual([1]);
    }
  });
});

describe('what comes back', () => {
  it('is what was written, as npy and npz, stored and deflated', async () => {
    const tensors = {
      bytes: { data: Uint8Array.of(0, 255, 7, 9, 1, 2), shape: [1, 2, 3] },
      'with space/é': { data: Int32Array.of(-5, 2 ** 31 - 1), shape: [2] },
      floats: { data: Float32Array.of(0.1, Number.NaN, Number.NEGATIVE_INFINITY, -0), shape: [2, 2] },
    };
    for (const compress of [false, true]) {
      const file = path.join(folder, `all ${compress}.npz`);
      await writeNpz(file, tensors, { compressed: compress });
      const back = await readNpz(file);
      expect(Object.keys(back)).toEqual(Object.keys(tensors));
      for (const [name, tensor] of Object.entries(tensors)) expect(back[name]).toMatchObject(tensor);
    }
    const file = path.join(folder, 'one.npy');
    await writeNpy(file, tensors.floats);
    expect(await readNpy(file)).toEqual({ ...tensors.floats, dtype: 'float32' });
  });

  it('of any shape, aligned as NumPy asks for', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 7 }), (shape) => {
        const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 3);
        const bytes = encodeNpy({ data, shape });
        expect((bytes.length - data.byteLength) % 64).toBe(0);
        expect(decodeNpy(bytes)).toEqual({ data, shape, dtype: 'float32' });
        const shifted = new Uint8Array(bytes.length + 1);
        shifted.set(bytes, 1);
        expect(decodeNpy(shifted.subarray(1)).data).toEqual(data);
      }),
    );
  });
});

describe('broken and hostile files', () => {
  const good = encodeNpy(Uint8Array.of(1, 2, 3));

  it('npy', async () => {
    const cases: [Uint8Array, RegExp][] = [
      [new Uint8Array(0), /an npy file, which begins with/],
      [Buffer.from('PK\x03\x04 a zip file'), /an npy file, which begins with/],
      [good.subarray(0, 9), /a whole npy header, got 9 bytes/],
      [good.subarray(0, 60), /a header of 118 bytes, got 60 bytes in all/],
      [good.subarray(0, -1), /expected 131 bytes for \|u1 of shape \[3\], got 130 bytes[\s\S]*truncated/],
      [Buffer.concat([good, good]), /expected 131 bytes for \|u1 of shape \[3\], got 262/],
      [pickled, /elements of a type among b1, u1.*got '\|O'[\s\S]*pickled objects are not read/],
      [npy(header('<c8', '(1,)'), new Uint8Array(8)), /got '<c8'/],
      [npy(header('|f4', '(1,)'), new Uint8Array(4)), /got '\|f4'/],
      [npy(header('<U5', '(1,)'), new Uint8Array(20)), /got '<U5'/],
      [npy(header('|u1', '(-1,)'), new Uint8Array(1)), /a header with 'descr'/],
      [npy(header('|u1', '(99999999999999999999,)'), new Uint8Array(1)), /a shape of at most 8 sizes/],
      [npy(header('|u1', '(4294967296, 4294967296)'), new Uint8Array(1)), /a shape of at most 8 sizes/],
      [npy(header('|u1', '(4000000000,)'), new Uint8Array(1)), /expected 40000000\d\d bytes/],
      [npy(header('|u1', '(1,1,1,1,1,1,1,1,1)'), new Uint8Array(1)), /at most 8 sizes/],
      [npy("__import__('os').system('true')\n", new Uint8Array(1)), /a header with 'descr'/],
      [
        npy(header('<i8', '(1,)'), Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 0)),
        /element 0: expected whole numbers of at most 32 bits, got 1099511627776/,
      ],
      [npy(header('|u1', '(1,)'), new Uint8Array(1), 4), /version 1 to 3, got version 4/],
      [npy('', new Uint8Array(0), 2).fill(255, 8, 12), /a header of at most 65536 bytes/],
    ];
    for (const [bytes, message] of cases) expect(() => decodeNpy(bytes), String(message)).toThrow(message);
    const file = path.join(folder, 'cut.npy');
    writeFileSync(file, good.subarray(0, 100));
    await expect(readNpy(file)).rejects.toThrow(/cut\.npy: expected/);
    await expect(writeNpy(path.join(folder, 'no/such/folder.npy'), [1])).rejects.toThrow(
      /a file that can be written, got ENOENT/,
    );
  });

  it('npz', () => {
    const zip = Buffer.from(encodeNpz({ x: Uint8Array.of(1, 2, 3) }, { compressed: true }));
    const changed = (at: number, ...values: number[]) => {
      const copy = Uint8Array.from(zip);
      copy.set(values, at < 0 ? copy.length + at : at);
      return copy;
    };
    const directory = zip.readUInt32LE(zip.length - 6);
    const cases: [Uint8Array, RegExp][] = [
      [new Uint8Array(0), /a zip archive, got 0 bytes without its directory/],
      [zip.subarray(0, 80), /a zip archive/],
      [changed(-6, 255, 255, 0, 0), /a zip archive with 1 entries, got 0/],
      [changed(-12, 9, 0), /a zip archive with 9 entries, got 1/],
      [changed(directory + 42, 9), /an entry where the directory says, got none at 9/],
      [changed(directory + 20, 255, 255), /expected 65535 bytes, got/],
      [changed(directory + 24, 255), /expected 255 bytes, got 131/],
      [changed(directory + 24, 5), /data that unpack to 5 bytes/],
      [changed(directory + 16, 1, 2, 3, 4), /the checksum of the directory/],
      [changed(directory + 10, 12), /stored or deflated, got method 12/],
      [changed(directory + 8, 1), /without encryption/],
      [changed(directory + 28, 255, 255), /a whole directory/],
      [changed(directory + 24, 255, 255, 255, 255), /sizes of 64 bits, got none/],
      [zip.subarray(1), /an entry where|a zip archive/],
    ];
    for (const [bytes, message] of cases) expect(() => decodeNpz(bytes), String(message)).toThrow(message);
    expect(() => encodeNpz({})).toThrow(/tensors by name, got none/);
  });

  it('npz that unpacks to far more than it says stops there', () => {
    const zip = Buffer.from(encodeNpz({ x: new Uint8Array(100) }, { compressed: true }));
    const bomb = deflateRawSync(new Uint8Array(50_000_000));
    const start = 30 + zip.readUInt16LE(26);
    const oldPacked = zip.readUInt32LE(18);
    const directory = zip.readUInt32LE(zip.length - 6);
    const tail = Buffer.from(zip.subarray(start + oldPacked));
    tail.writeUInt32LE(bomb.length, 20);
    tail.writeUInt32LE(directory - oldPacked + bomb.length, tail.length - 6);
    expect(() => decodeNpz(Buffer.concat([zip.subarray(0, start), bomb, tail]))).toThrow(
      /data that unpack to 228 bytes/,
    );
  });

  it('damaged anywhere: an error of ours or a tensor', () => {
    fc.assert(
      fc.property(fc.constantFrom(compressed, stored), fc.nat(), fc.nat(255), fc.nat(), (bytes, at, value, cut) => {
        const copy = Uint8Array.from(bytes);
        copy[at % copy.length] = value;
        try {
          decodeNpz(cut % 3 === 0 ? copy.subarray(0, cut % copy.length) : copy);
        } catch (error) {
          expect((error as { code: string }).code, String(error)).toMatch(/^ERR_OCELLUS_/);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
