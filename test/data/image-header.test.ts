// Headers of pictures: sizes without decoding.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readImageHeader } from '../../src/data/image-header.js';
import { picture, png, temporaryFolder } from './images.js';

const folder = temporaryFolder();
const file = (name: string, content: Uint8Array | string) => {
  const at = path.join(folder, name);
  writeFileSync(at, content);
  return at;
};

test('sizes are upright, of files and of bytes', async () => {
  const jpeg = await picture(20, 30).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  const expected = { format: 'jpeg', size: [30, 20], orientation: 6 };
  expect(await readImageHeader(file('turned ü.jpg', jpeg))).toEqual(expected);
  expect(await readImageHeader(jpeg)).toEqual(expected);
  expect(await readImageHeader(await picture(7, 5).webp().toBuffer())).toMatchObject({ size: [7, 5], orientation: 1 });
});

test('pixels are not looked at, however many there would be', async () => {
  const bomb = file('bomb.png', png(20_000, 20_000, new Uint8Array(10)));
  expect(await readImageHeader(bomb)).toMatchObject({ size: [20_000, 20_000] });
});

test('what is no picture is told', async () => {
  mkdirSync(path.join(folder, 'folder.jpg'));
  for (const [at, message] of [
    [file('empty.jpg', ''), /empty\.jpg: expected an image that can be read, got an empty file/],
    [file('text.jpg', 'hello'), /text that begins 'hello'/],
    [file('drawing.png', '<svg xmlns="http://www.w3.org/2000/svg"/>'), /an SVG file/],
    [file('cut.png', png(9, 9, new Uint8Array(9)).subarray(0, 12)), /expected an image that can be read/],
    [path.join(folder, 'none.jpg'), /ENOENT/],
    [path.join(folder, 'folder.jpg'), /EISDIR/],
  ] as const) {
    await expect(readImageHeader(at)).rejects.toThrow(message);
  }
  await expect(readImageHeader(new Uint8Array(3), 'row 7')).rejects.toThrow(/^row 7: /);
});
