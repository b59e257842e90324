// Folders of pictures as people have them: each odd thing is one clear message, or is passed over with a word, and what is
// good is trained on all the same.

import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { gradient, picture, png, temporaryFolder } from '../data/images.js';
import { call } from './harness.js';

// Root may read everything, whatever its permissions say.
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>();
  const open: typeof fs.open = async (file, ...rest) => {
    if (!String(file).endsWith('locked.jpg')) return fs.open(file, ...rest);
    throw Object.assign(new Error(`EACCES: permission denied, open '${file}'`), { code: 'EACCES' });
  };
  return { ...fs, default: { ...fs, open }, open };
});

const root = temporaryFolder();
const quick = ['--epochs', '1', '--model', 'tiny', '--image-size', '16', '--batch-size', '4', '--threads', '1'];
let count = 0;

/** Files in a new folder: their bytes, or undefined for a good picture. */
async function folderOf(files: Readonly<Record<string, Uint8Array | string | undefined>>): Promise<string> {
  const folder = path.join(root, `set ${count++}`);
  mkdirSync(folder);
  for (const [index, [name, content]] of Object.entries(files).entries()) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(
      file,
      content ??
        (await picture(18, 22, 20 * index)
          .png()
          .toBuffer()),
    );
  }
  return folder;
}

const good = (...names: string[]) => Object.fromEntries(names.map((name) => [name, undefined]));
const train = (folder: string) => call('train', folder, '--runs', path.join(root, `runs ${count}`), '--json', ...quick);

describe('is told in one sentence', () => {
  test.each([
    ['an empty folder', {}, /expected a folder of class folders with images.* got an empty folder/],
    ['empty classes', { 'a/.hidden': 'x', 'b/readme.txt': 'x' }, /got no image in a, b/],
    ['pictures without classes', good('1.png', '2.png'), /got 2 images beside each other[\s\S]*cat\/1\.jpg/],
    ['one class', good('only/1.png', 'only/2.png'), /two or more class folders with pictures, got one, 'only'/],
    ['one image', good('only/1.png'), /two or more class folders with pictures, got one, 'only'/],
    ['nothing that can be decoded', { 'a/1.jpg': 'no', 'b/1.jpg': '' }, /at least one image that can be decoded/],
    ['val without train', good('val/a/1.png', 'test/a/1.png'), /a folder train beside the others/],
  ])('%s', async (_, files, message) => {
    const { code, err, lines } = await train(await folderOf(files));
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n {4}at /);
    expect(code).toBe(1);
    expect(lines().at(-1)).toMatchObject({ event: 'error', code: 'ERR_OCELLUS_DATA' });
  });

  test('a file in the place of a folder, and a folder that is not there', async () => {
    const file = path.join(await folderOf({ 'x.txt': 'x' }), 'x.txt');
    expect((await train(file)).err).toMatch(/x\.txt: expected .* got a file/);
    expect((await train(path.join(root, 'nowhere'))).err).toMatch(/nowhere: expected/);
  });
});

describe('is passed over, each with its reason', () => {
  test('files that are no pictures, or damaged, or too large, or not to be read', async () => {
    const jpeg = await picture(64, 64).jpeg().toBuffer();
    const bomb = png(20_000, 20_000, new Uint8Array(20_000 * 2501), 1, 0);
    expect(bomb.length).toBeLessThan(2e5);
    const folder = await folderOf({
      ...good('a/1.png', 'a/2.png', 'a/3.png', 'b/1.png', 'b/2.png', 'b/3.png'),
      'a/zero.jpg': '',
      'a/text.jpg': 'this is no picture',
      'a/cut.jpg': jpeg.subarray(0, jpeg.length >> 1),
      'a/locked.jpg': jpeg,
      'b/bomb.png': bomb,
      'b/folder.jpg/inside.txt': 'x',
    });
    const { code, err, lines } = await train(folder);
    for (const reason of [
      /skipped .*zero\.jpg: .*expected a JPEG/,
      /skipped .*text\.jpg: .*expected a JPEG/,
      /skipped .*cut\.jpg: .*expected a whole JPEG/,
      /skipped .*locked\.jpg: .*EACCES: permission denied/,
      /skipped .*bomb\.png: .*at most 100000000 pixels, got 20000x20000/,
    ]) {
      expect(err).toMatch(reason);
    }
    expect(err.match(/skipped/g)).toHaveLength(5);
    expect(code).toBe(0);
    expect(lines().at(-1)).toMatchObject({ event: 'result', report: expect.any(String) });
  });
});

describe('trains all the same', () => {
  test('one image of each class: nothing to check with', async () => {
    const { code, err, lines } = await train(await folderOf(good('a/1.png', 'b/1.png')));
    expect(code).toBe(0);
    expect(err).toMatch(/no images are held back/);
    expect(lines().at(-1)).not.toHaveProperty('valAccuracy');
  });

  test('a class that val does not have', async () => {
    const files = good(
      'train/a/1.png',
      'train/a/2.png',
      'train/b/1.png',
      'train/c/1.png',
      'val/a/1.png',
      'val/b/1.png',
    );
    const { code, err, lines } = await train(await folderOf(files));
    expect(code).toBe(0);
    expect(err).toMatch(/val has no images of 'c'/);
    const page = readFileSync(lines().at(-1).report, 'utf8');
    expect(page).toContain('"recall":null,"f1":');
  });

  test('names with spaces, quotes, Unicode and markup, deep folders, links that loop or lead nowhere', async () => {
    const deep = `${'d/'.repeat(60)}1.png`;
    const odd = [
      'sp ace/ö 1.png',
      'it\'s "q"/✓ <b>&.png',
      '猫/🐈.png',
      `猫/${deep}`,
      'sp ace/2\n.png',
      'it\'s "q"/$&.png',
    ];
    const folder = await folderOf(good(...odd));
    symlinkSync(folder, path.join(folder, '猫', 'loop'));
    symlinkSync('self', path.join(folder, '猫', 'self'));
    symlinkSync('/nowhere', path.join(folder, '猫', 'gone.png'));
    const { code, err, lines } = await train(folder);
    expect({ code, err: err.replaceAll(/^warning: .*\n/gm, '') }).toEqual({ code: 0, err: '' });
    expect(err).toMatch(/gone\.png' cannot be read/);
    const [settings] = lines();
    expect(settings).toMatchObject({ classNames: ['it\'s "q"', 'sp ace', '猫'], images: 3, validation: 3 });
  });

  test('pictures of one pixel, very long ones, grey, alpha and 16 bits', async () => {
    const long = await picture(2, 900).jpeg().toBuffer();
    const grey = await picture(9, 9).greyscale().png().toBuffer();
    const alpha = await picture(9, 9).ensureAlpha(0.5).webp().toBuffer();
    const deep = await picture(9, 9).toColourspace('rgb16').png().toBuffer();
    const pixel = png(1, 1, Uint8Array.of(0, ...gradient(1, 1)));
    const { code, err } = await train(
      await folderOf({
        'a/long.jpg': long,
        'a/grey.png': grey,
        'b/alpha.webp': alpha,
        'b/deep.png': deep,
        'b/1.png': pixel,
      }),
    );
    expect([code, err]).toEqual([0, '']);
  });
});
