// `check` on a folder with every fault planted in it.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { findDuplicates } from '../../src/cli/check/duplicates.js';
import { looksOf } from '../../src/cli/check/fingerprint.js';
import { Random } from '../../src/index.js';
import { temporaryFolder } from '../data/images.js';
import { call } from './harness.js';

const folder = temporaryFolder();

/** Soft blobs of a colour in places that the seed decides: pictures that differ, of one kind. */
async function picture(seed: number, colour: readonly number[], side = 64): Promise<Sharp> {
  const random = new Random(seed, 3);
  const grid = 6;
  const small = Uint8Array.from({ length: grid * grid * 3 }, (_, i) => colour[i % 3] * (0.4 + 0.6 * random.uniform()));
  const pixels = await sharp(small, { raw: { width: grid, height: grid, channels: 3 } })
    .resize(64, 64, { kernel: 'cubic' })
    .raw()
    .toBuffer();
  return sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } }).resize(side, side);
}

const colours = { red: [220, 40, 40], blue: [30, 60, 230] };

async function fill(root: string): Promise<void> {
  for (const [part, from, count] of [
    ['train', 0, 14],
    ['val', 100, 12],
  ] as const) {
    for (const [name, colour] of Object.entries(colours)) {
      mkdirSync(path.join(root, part, name), { recursive: true });
      for (let i = 0; i < count; i++)
        await (await picture(from + i + (name === 'red' ? 0 : 50), colour))
          .png()
          .toFile(path.join(root, part, name, `${i}.png`));
    }
  }
}

describe('a folder with faults', () => {
  const root = path.join(folder, 'faulty ü');
  const at = (...parts: string[]) => path.join(root, ...parts);
  beforeAll(async () => {
    await fill(root);
    writeFileSync(at('train', 'red', 'text.jpg'), 'no picture at all');
    writeFileSync(at('train', 'red', 'empty.png'), '');
    const jpeg = await (await picture(900, colours.red, 200)).jpeg().toBuffer();
    writeFileSync(at('train', 'red', 'cut.jpg'), jpeg.subarray(0, jpeg.length >> 1));
    copyFileSync(at('train', 'red', '1.png'), at('train', 'red', 'again.png'));
    copyFileSync(at('train', 'blue', '2.png'), at('val', 'blue', 'leaked.png'));
    await (await picture(3, colours.red, 150))
      .modulate({ brightness: 1.05 })
      .jpeg({ quality: 60 })
      .toFile(at('val', 'red', 'near.jpg'));
    await (await picture(777, colours.blue)).png().toFile(at('train', 'red', 'misplaced.png'));
    await (await picture(901, colours.red))
      .resize(20, 20)
      .png()
      .toFile(at('train', 'red', 'tiny.png'));
    await (await picture(902, colours.blue))
      .resize(400, 40, { fit: 'fill' })
      .png()
      .toFile(at('train', 'blue', 'long.png'));
    await (await picture(903, colours.blue))
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toFile(at('train', 'blue', 'turned.jpg'));
  });

  test('tells each, and ends with 1', async () => {
    const { code, lines, err } = await call('check', root, '--json');
    expect({ code, err }).toEqual({ code: 1, err: '' });
    const of = (kind: string) => lines().filter(({ event }) => event === kind);
    expect(
      of('corrupt')
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['train/red/cut.jpg', 'train/red/empty.png', 'train/red/text.jpg']);
    expect(of('corrupt').find(({ name }) => name.includes('text')).reason).toMatch(/text that begins 'no picture/);
    expect(of('duplicates').map(({ files, exact, trouble }) => [files, exact, trouble.length])).toEqual(
      expect.arrayContaining([
        [['train/red/1.png', 'train/red/again.png'], true, 0],
        [['train/blue/2.png', 'val/blue/leaked.png'], true, 1],
        [['train/red/3.png', 'val/red/near.jpg'], false, 1],
      ]),
    );
    expect(of('duplicates')).toHaveLength(3);
    expect(of('suspect')).toMatchObject([{ file: 'train/red/misplaced.png', className: 'red', looksLike: 'blue' }]);
    expect(of('sizes')).toMatchObject([{ tiny: ['train/red/tiny.png'], long: ['train/blue/long.png'] }]);
    expect(of('orientation')).toMatchObject([{ counts: { 6: 1 } }]);
    expect(of('result')).toMatchObject([{ corrupt: 3, duplicates: 3, harmfulDuplicates: 2, suspects: 1, ok: false }]);
  });

  test('in words', async () => {
    const { out } = await call('check', root, '--top', '1');
    expect(out).toMatch(/3 files cannot be decoded[\s\S]*and 2 more/);
    expect(out).toMatch(/train\/red\/misplaced\.png: looks like 'blue'/);
    expect(out).toMatch(/3 corrupt files, 2 groups of harmful duplicates/);
  });

  test('by a model', async () => {
    const runs = path.join(folder, 'runs');
    const settings = ['--epochs', '6', '--model', 'tiny', '--image-size', '16', '--batch-size', '8', '--threads', '1'];
    await call('train', root, '--runs', runs, ...settings);
    const model = path.join(runs, 'train', 'model.safetensors');
    const { lines } = await call('check', root, '--model', model, '--json');
    const suspects = lines().filter(({ event }) => event === 'suspect');
    expect(suspects.every(({ file }) => file === 'train/red/misplaced.png')).toBe(true);
  });
});

test('a folder without faults ends with 0', async () => {
  const root = path.join(folder, 'clean');
  await fill(root);
  const { code, out } = await call('check', root);
  expect(code, out).toBe(0);
  expect(out).toMatch(/Nothing serious/);
});

test('a class without a picture that can be decoded is told', async () => {
  const root = path.join(folder, 'half');
  for (const name of ['good', 'bad']) mkdirSync(path.join(root, name), { recursive: true });
  await (await picture(1, colours.red)).png().toFile(path.join(root, 'good', '1.png'));
  writeFileSync(path.join(root, 'bad', '1.png'), 'no picture');
  const { code, out } = await call('check', root);
  expect(code).toBe(1);
  expect(out).toMatch(/train has no pictures of 'bad'/);
  expect((await call('check', path.join(root, 'good'))).err).toMatch(/put the images of each class into a folder/);
});

test('uneven classes are told', async () => {
  const root = path.join(folder, 'uneven');
  for (const [name, count] of Object.entries({ many: 8, few: 2 })) {
    mkdirSync(path.join(root, name), { recursive: true });
    for (let i = 0; i < count; i++)
      await (await picture(300 + i + count, colours.red)).png().toFile(path.join(root, name, `${i}.png`));
  }
  const { lines } = await call('check', root, '--json');
  expect(lines().find(({ event }) => event === 'classes').uneven).toEqual(["train: 'many' has 8 pictures, 'few' 2"]);
});

describe('duplicates', () => {
  const random = new Random(7);
  const noise = () => Uint8Array.from({ length: 32 * 32 * 3 }, () => random.integer(256));
  const seen = (pixels: Uint8Array, digest: string) => ({ ...looksOf(pixels), digest });

  test('among many are found, by size and brightness changed, and nothing else', () => {
    const pictures = Array.from({ length: 3000 }, (_, i) => seen(noise(), String(i)));
    const original = noise();
    const brighter = original.map((value) => Math.min(255, value * 0.9 + 12));
    pictures[10] = seen(original, 'original');
    pictures[2500] = seen(brighter, 'brighter');
    pictures[2999] = { ...pictures[5] };
    expect(findDuplicates(pictures)).toEqual([
      { members: [5, 2999], isExact: true },
      { members: [10, 2500], isExact: false },
    ]);
  });

  test('pictures of one colour are no duplicates of each other, and many alike do not take forever', () => {
    const flat = [10, 11, 200].map((value, i) => seen(new Uint8Array(3072).fill(value), `flat ${i}`));
    expect(findDuplicates(flat)).toEqual([]);
    const one = looksOf(noise());
    const same = Array.from({ length: 20_000 }, (_, i) => ({ ...one, digest: String(i) }));
    const begun = performance.now();
    expect(findDuplicates(same)).toMatchObject([{ isExact: false, members: { length: 20_000 } }]);
    expect(performance.now() - begun).toBeLessThan(20_000);
  });
});
