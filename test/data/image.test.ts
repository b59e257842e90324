// Decoding pictures: formats, sizes, orientation, channels; real photographs against digests of their pixels; PngSuite;
// everything that is no picture, or half of one, or far too large.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../src/data/image.js';
import { gradient, picture, png, reference, temporaryFolder, untar } from './images.js';

const folder = temporaryFolder();
const largest = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
};

describe('formats', () => {
  const pixels = gradient(20, 24);

  it('that lose nothing give the pixels back, from bytes and from a file', async () => {
    for (const format of ['png', 'webp', 'tiff'] as const) {
      const bytes = await picture(20, 24)
        .toFormat(format, { lossless: true, compression: 'lzw' } as object)
        .toBuffer();
      const file = path.join(folder, `any name.${format}`);
      writeFileSync(file, bytes);
      for (const source of [bytes, file]) {
        const image = await decodeImage(source);
        expect(image).toMatchObject({ shape: [20, 24, 3], dtype: 'uint8', format, originalSize: [20, 24] });
        expect(Buffer.from(image.data).equals(pixels), format).toBe(true);
      }
    }
  });

  it('that lose some come close', async () => {
    for (const format of ['jpeg', 'avif', 'gif'] as const) {
      const image = await decodeImage(await picture(20, 24).toFormat(format).toBuffer());
      expect(image).toMatchObject({ shape: [20, 24, 3], format });
      expect(largest(image.data, pixels), format).toBeLessThan(64);
    }
  });

  it('grey, alpha and 16 bits', async () => {
    const grey = await decodeImage(await picture(6, 8).greyscale().png().toBuffer());
    expect(grey.shape).toEqual([6, 8, 3]);
    expect(grey.data[0]).toBe(grey.data[2]);
    const deep = { data: Uint16Array.from({ length: 12 }, (_, i) => i * 5000), width: 2, height: 2 };
    const png16 = sharp(deep.data, { raw: { width: 2, height: 2, channels: 3 } })
      .toColourspace('rgb16')
      .png();
    const eight = await decodeImage(await png16.toBuffer());
    expect(
      largest(
        eight.data,
        deep.data.map((value) => value >> 8),
      ),
    ).toBeLessThanOrEqual(1);
    const clear = Uint8Array.of(200, 100, 50, 255, 200, 100, 50, 0, 200, 100, 50, 128);
    const rgba = await sharp(clear, { raw: { width: 3, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    expect([...(await decodeImage(rgba)).data]).toEqual([200, 100, 50, 200, 100, 50, 200, 100, 50]);
    expect([...(await decodeImage(rgba, { channels: 4 })).data]).toEqual([...clear]);
    const onWhite = await decodeImage(rgba, { background: [255, 255, 255] });
    expect([...onWhite.data.subarray(0, 6)]).toEqual([200, 100, 50, 255, 255, 255]);
    expect(largest(onWhite.data.subarray(6), [227, 177, 152])).toBeLessThanOrEqual(1);
    const opaque = await decodeImage(await picture(2, 2).png().toBuffer(), { channels: 4 });
    expect(opaque.data[3]).toBe(255);
  });

  it('one channel is the luma of the colours', async () => {
    const { data, shape } = await decodeImage(await picture(20, 24).png().toBuffer(), { channels: 1 });
    expect(shape).toEqual([20, 24, 1]);
    const expected = Uint8Array.from({ length: 480 }, (_, i) =>
      Math.round(0.299 * pixels[3 * i] + 0.587 * pixels[3 * i + 1] + 0.114 * pixels[3 * i + 2]),
    );
    expect(largest(data, expected)).toBeLessThanOrEqual(1);
  });

  it('of a moving picture the first frame', async () => {
    const frames = Buffer.concat([gradient(8, 8), gradient(8, 8, 99)]);
    const gif = await sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } })
      .gif()
      .toBuffer();
    const image = await decodeImage(gif);
    expect(image.shape).toEqual([8, 8, 3]);
    expect(largest(image.data, gradient(8, 8))).toBeLessThan(24);
  });

  it('all eight orientations of EXIF come out upright', async () => {
    const upright = await decodeImage(await picture(4, 6).png().toBuffer());
    const at = (image: typeof upright, y: number, x: number) =>
      image.data.slice(3 * (y * image.shape[1] + x)).slice(0, 2);
    for (let orientation = 1; orientation <= 8; orientation++) {
      const bytes = await picture(4, 6).withMetadata({ orientation }).png().toBuffer();
      const image = await decodeImage(bytes);
      const turned = orientation >= 5;
      expect(image.shape, `orientation ${orientation}`).toEqual(turned ? [6, 4, 3] : [4, 6, 3]);
      expect(image.originalSize).toEqual(turned ? [6, 4] : [4, 6]);
      const corner = [null, [0, 0], [0, 5], [3, 5], [3, 0], [0, 0], [3, 0], [3, 5], [0, 5]][orientation] as number[];
      expect(at(image, 0, 0), `orientation ${orientation}`).toEqual(at(upright, corner[0], corner[1]));
      expect((await decodeImage(bytes, { autoOrient: false })).shape).toEqual([4, 6, 3]);
    }
  });
});

describe('size', () => {
  it('crops, pads or stretches', async () => {
    const wide = Buffer.concat([
      ...Array.from({ length: 10 }, () =>
        Buffer.concat([Buffer.alloc(30, 0), Buffer.alloc(30, 255), Buffer.alloc(30, 0)]),
      ),
    ]);
    const bytes = await sharp(wide, { raw: { width: 30, height: 10, channels: 3 } })
      .png()
      .toBuffer();
    const read = (options: object) => decodeImage(bytes, { size: 10, interpolation: 'nearest', ...options });
    expect(new Set((await read({})).data)).toEqual(new Set([255]));
    const padded = await read({ fit: 'pad', background: [7, 8, 9] });
    expect(padded.shape).toEqual([10, 10, 3]);
    expect([...padded.data.subarray(0, 3)]).toEqual([7, 8, 9]);
    const stretched = await read({ fit: 'stretch' });
    expect([stretched.data[0], stretched.data[3 * 5], stretched.data[3 * 9]]).toEqual([0, 255, 0]);
    expect((await decodeImage(bytes, { size: [4, 7], channels: 1 })).shape).toEqual([4, 7, 1]);
    expect((await decodeImage(bytes, { size: [40, 70] })).originalSize).toEqual([10, 30]);
  });

  it('refuses options that make no sense', async () => {
    const bytes = await picture(2, 2).png().toBuffer();
    const cases: [object, RegExp][] = [
      [{ size: 0 }, /option 'size': expected a whole number from 1 to 16384/],
      [{ size: [1, 2, 3] }, /option 'size'/],
      [{ fit: 'cut' }, /option 'fit': expected one of crop, pad, stretch/],
      [{ interpolation: 'bilinaer' }, /did you mean 'bilinear'/],
      [{ channels: 2 }, /option 'channels': expected 1, 3 or 4/],
      [{ background: [0, 0, 256] }, /option 'background'/],
      [{ maxPixels: 0 }, /option 'maxPixels'/],
      [{ chanels: 3 }, /did you mean 'channels'/],
    ];
    for (const [options, message] of cases) await expect(decodeImage(bytes, options)).rejects.toThrow(message);
    await expect(decodeImage(3 as never)).rejects.toThrow(/the path of a file or its bytes/);
  });
});

describe('what is no picture', () => {
  const jpeg = picture(200, 200).jpeg().toBuffer();
  const named = (name: string, bytes: Uint8Array | string) => {
    writeFileSync(path.join(folder, name), bytes);
    return path.join(folder, name);
  };
  const format = (message: RegExp) =>
    expect.objectContaining({ code: 'ERR_OCELLUS_FORMAT', message: expect.stringMatching(message) });

  it('is told in one error each', async () => {
    const whole = await jpeg;
    const cases: [string | Uint8Array, RegExp][] = [
      [
        named('text.jpg', 'this is a letter\nto you'),
        /text\.jpg: expected a JPEG, PNG.*got text that begins 'this is a letter to '/,
      ],
      [named('none.png', ''), /none\.png: .*got an empty file/],
      [new Uint8Array(0), /decodeImage: .*got an empty file/],
      [named('page.jpg', '<!DOCTYPE html><p>404'), /got a page of HTML/],
      [named('drawing.png', '<svg xmlns="http://www.w3.org/2000/svg"/>'), /got an SVG file/],
      [Buffer.from('BM6\0\0\0'), /got a BMP file/],
      [Buffer.from('\0\0\0\x18ftypheic'), /got a HEIC file/],
      [Uint8Array.of(1, 2, 3, 4), /got bytes 01020304/],
      [
        named('half.jpg', whole.subarray(0, whole.length / 2)),
        /half\.jpg: expected a whole JPEG image, got .*premature end/,
      ],
      [whole.subarray(0, 3), /expected a whole JPEG image/],
      [png(8, 8, new Uint8Array(50)), /expected a whole PNG image/],
    ];
    for (const [source, message] of cases)
      await expect(decodeImage(source), String(message)).rejects.toEqual(format(message));
  });

  it('is read up to limits of pixels and bytes alone', async () => {
    const bomb = png(20_000, 20_000, new Uint8Array(100));
    await expect(decodeImage(bomb)).rejects.toEqual(
      format(/expected an image of at most 100000000 pixels, got 20000x20000[\s\S]*maxPixels/),
    );
    await expect(decodeImage(png(0x7fffffff, 0x7fffffff, new Uint8Array(9)))).rejects.toEqual(format(/PNG|pixels/));
    await expect(decodeImage(await jpeg, { maxPixels: 39_999 })).rejects.toThrow(/at most 39999 pixels, got 200x200/);
    const file = named('large.jpg', await jpeg);
    for (const source of [file, await jpeg]) {
      await expect(decodeImage(source, { maxBytes: 100 })).rejects.toEqual(
        expect.objectContaining({
          code: 'ERR_OCELLUS_DATA',
          message: expect.stringMatching(/at most 100 bytes, got \d+/),
        }),
      );
    }
  });

  it('cannot be read', async () => {
    await expect(decodeImage(path.join(folder, 'not there.jpg'))).rejects.toThrow(
      /not there\.jpg: expected an image that can be read, got ENOENT/,
    );
    await expect(decodeImage(folder)).rejects.toThrow(/expected an image that can be read, got a folder/);
  });

  it('survives random damage: an error of ours or a picture, never a crash', async () => {
    const sources = [
      await jpeg,
      await picture(30, 30).png().toBuffer(),
      await picture(30, 30).webp().toBuffer(),
      await picture(30, 30).gif().toBuffer(),
    ];
    let state = 1;
    const random = (bound: number) => (state = (state * 48271) % 2147483647) % bound;
    for (let round = 0; round < 120; round++) {
      const bytes = Uint8Array.from(sources[round % sources.length]);
      for (let hits = 0; hits < 4; hits++) bytes[random(bytes.length)] = random(256);
      const cut = random(4) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
      await decodeImage(cut, { size: 8 }).catch((error) => expect(error.code).toMatch(/^ERR_OCELLUS_/));
    }
  });
});

const photos = reference('photos');
describe.skipIf(!photos)('photographs', () => {
  interface Entry {
    file: string;
    width: number;
    height: number;
    rgb_sha256?: string;
    rgb_mean: number[];
  }
  const entries: Entry[] = photos ? JSON.parse(readFileSync(path.join(photos, 'manifest.json'), 'utf8')).files : [];

  it.each(entries.map((entry) => [entry.file, entry] as const))(
    '%s',
    async (file, { width, height, rgb_sha256, rgb_mean }) => {
      const image = decodeImage(path.join(photos as string, file));
      if (!rgb_sha256) {
        await expect(image).rejects.toThrow(/expected a whole JPEG image/);
        return;
      }
      const { data, shape } = await image;
      expect(shape).toEqual([height, width, 3]);
      const mean = [0, 0, 0];
      for (let i = 0; i < data.length; i++) mean[i % 3] += data[i] / (width * height);
      expect(largest(mean, rgb_mean)).toBeLessThan(0.5);
      if (file.endsWith('.png')) expect(createHash('sha256').update(data).digest('hex')).toBe(rgb_sha256);
    },
  );
});

const conformance = reference('image-conformance');
describe.skipIf(!conformance)('conformance', () => {
  it('PngSuite: expected pixels, and corrupt files rejected', async () => {
    const suite = untar(path.join(conformance as string, 'pngsuite.tar.gz'));
    const manifest = JSON.parse(readFileSync(path.join(conformance as string, 'pngsuite-manifest.json'), 'utf8'));
    expect(manifest.length).toBeGreaterThan(170);
    let rejected = 0;
    for (const { file, expected_rgba, bit_depth } of manifest) {
      const image = decodeImage(path.join(suite, file), { channels: 4 });
      if (!expected_rgba) {
        await expect(image, file).rejects.toEqual(expect.objectContaining({ code: 'ERR_OCELLUS_FORMAT' }));
        rejected++;
        continue;
      }
      const inEight = path.join(suite, expected_rgba.replace('.json', '_to8.json'));
      const hasEight = existsSync(inEight);
      const content = JSON.parse(readFileSync(hasEight ? inEight : path.join(suite, expected_rgba), 'utf8'));
      const values: number[] = Object.values(content.data ?? content);
      const expected = bit_depth === 16 && !hasEight ? values.map((value) => value >> 8) : values;
      const { data } = await image;
      expect(data.length, file).toBe(expected.length);
      expect(largest(data, expected), file).toBeLessThanOrEqual(bit_depth === 16 ? 1 : 0);
    }
    expect(rejected).toBe(14);
  });

  it("libjpeg-turbo's images, arithmetic coding among them", async () => {
    const images = untar(path.join(conformance as string, 'libjpeg-turbo-testimages.tar.gz'));
    const ppm = readFileSync(path.join(images, 'testorig.ppm'));
    const expected = ppm.subarray(ppm.length - 227 * 149 * 3);
    for (const file of ['testorig.jpg', 'testimgint.jpg', 'testimgari.jpg']) {
      const { data, shape } = await decodeImage(path.join(images, file));
      expect(shape, file).toEqual([149, 227, 3]);
      expect(largest(data, expected), file).toBeLessThan(file === 'testorig.jpg' ? 4 : 20);
    }
    await expect(decodeImage(path.join(images, 'monkey12.jpg'))).rejects.toThrow(/12/);
    await expect(decodeImage(path.join(images, 'shira_bird8.bmp'))).rejects.toThrow(/a BMP file/);
  });
});
