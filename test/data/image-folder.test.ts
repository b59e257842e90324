// Folders of pictures: how parts and classes are found, what is odd about real folders, order, limits on what is read
// ahead, corrupt files; the photographs of sign-digits.

import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { ImageBatch } from '../../src/data/decoding.js';
import { imageFolder } from '../../src/data/image-folder.js';
import { layers, sequential } from '../../src/index.js';
import { picture, png, reference, temporaryFolder, untar } from './images.js';

const base = temporaryFolder();
let jpeg: Buffer;
beforeAll(async () => {
  jpeg = await picture(12, 16).jpeg().toBuffer();
});
let made = 0;

/** A folder with these files; the content is a picture where none is given. */
function folderOf(files: Record<string, Uint8Array | string | null>): string {
  const root = path.join(base, `set ${made++}`);
  mkdirSync(root);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.join(root, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(root, name), content ?? jpeg);
  }
  return root;
}

const many = (folder: string, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${folder}/${String(i).padStart(3, '0')}.jpg`, null]));
const small = { size: 8, batchSize: 4 } as const;
const filesOf = async (batches: AsyncIterable<ImageBatch>) => {
  const names: string[] = [];
  for await (const { file } of batches) names.push(...file);
  return names;
};

describe('one folder of class folders', () => {
  it('is split by class and seed, the same in every run', async () => {
    const root = folderOf({ ...many('dog', 20), ...many('cat', 10), ...many('eel', 1), ...many('fox', 2) });
    const first = await imageFolder(root, small);
    expect(first.classNames).toEqual(['cat', 'dog', 'eel', 'fox']);
    expect(first.train.counts).toEqual({ cat: 8, dog: 16, eel: 1, fox: 1 });
    expect(first.val?.counts).toEqual({ cat: 2, dog: 4, eel: 0, fox: 1 });
    expect(first.warnings).toEqual(["val has no images of 'eel'"]);
    expect([first.train.size, first.train.cardinality, first.test]).toEqual([26, 7, undefined]);
    const valFiles = (folder: typeof first) => folder.val?.files.map(({ name }) => name);
    expect(valFiles(await imageFolder(root, small))).toEqual(valFiles(first));
    expect(valFiles(await imageFolder(root, { ...small, seed: 1 }))).not.toEqual(valFiles(first));
    const none = await imageFolder(root, { ...small, validationSplit: 0 });
    expect([none.train.size, none.val]).toEqual([33, undefined]);
    expect(none.warnings).toEqual(['no images are held back: there is nothing to validate with']);
  });

  it('gives bytes in another order each epoch, val by name, and labels that fit', async () => {
    const root = folderOf({ ...many('a', 10), ...many('b', 10) });
    const { train, val } = await imageFolder(root, small);
    const [first, second] = [await filesOf(train), await filesOf(train)];
    expect(first).not.toEqual(second);
    expect([...first].sort()).toEqual([...second].sort());
    const again = await imageFolder(root, { ...small, numParallelCalls: 7, prefetch: 0 });
    expect(await filesOf(again.train.iterate(0))).toEqual(first);
    expect(await filesOf(again.train.iterate(1))).toEqual(second);
    for await (const { x, y, file } of train) {
      expect(x).toMatchObject({ shape: [4, 8, 8, 3], dtype: 'uint8', data: expect.any(Uint8Array) });
      expect([...y.data]).toEqual(file.map((name) => (name.startsWith('a/') ? 0 : 1)));
    }
    const held = await filesOf(val as AsyncIterable<ImageBatch>);
    expect(held).toEqual([...held].sort());
    expect(await filesOf((await imageFolder(root, { ...small, shuffle: false })).train)).toEqual([...first].sort());
  });

  it('keeps classes that are asked for, in that order', async () => {
    const root = folderOf({ ...many('a', 5), ...many('b', 5), ...many('c', 5) });
    const { train, classNames } = await imageFolder(root, { ...small, classNames: ['c', 'a'] });
    expect(classNames).toEqual(['c', 'a']);
    expect(train.counts).toEqual({ c: 4, a: 4 });
    await expect(imageFolder(root, { classNames: ['d'] })).rejects.toThrow(
      /class folders with images: a, b, c, got 'd'/,
    );
  });
});

describe('train, val and test', () => {
  it('are taken as they are, whatever the case of their names', async () => {
    const root = folderOf({
      ...many('Train/a', 3),
      ...many('train/b', 2),
      ...many('valid/a', 1),
      ...many('test/c', 1),
      ...many('notes', 2),
    });
    const { train, val, test, classNames, warnings } = await imageFolder(root, small);
    expect(classNames).toEqual(['a', 'b', 'c']);
    expect([train.counts, val?.counts, test?.counts]).toEqual([
      { a: 3, b: 2, c: 0 },
      { a: 1, b: 0, c: 0 },
      { a: 0, b: 0, c: 1 },
    ]);
    expect(warnings).toEqual([
      "'notes' beside 'Train', 'test', 'train', 'valid' is not used",
      "train has no images of 'c'",
      "val has no images of 'b', 'c'",
      "test has no images of 'a', 'b'",
    ]);
  });

  it('val is held back from train where there is none', async () => {
    const { train, val } = await imageFolder(folderOf({ ...many('train/a', 10), ...many('train/b', 10) }), small);
    expect([train.size, val?.size]).toEqual([16, 4]);
  });

  it('a class may be called train', async () => {
    const { classNames } = await imageFolder(folderOf({ ...many('bus', 3), ...many('train', 3) }), small);
    expect(classNames).toEqual(['bus', 'train']);
  });

  it('need a train', async () => {
    const root = folderOf({ ...many('val/a', 2), ...many('test/a', 2) });
    await expect(imageFolder(root)).rejects.toThrow(/expected a folder train beside the others, got test, val/);
    const empty = folderOf({ ...many('val/a', 2), 'train/readme.txt': 'nothing yet' });
    const train = folderOf({ ...many('train/a', 2), ...many('train/b', 2) });
    symlinkSync('gone', path.join(train, 'train/broken'));
    expect((await imageFolder(train)).warnings.filter((line) => line.includes('broken'))).toHaveLength(1);
    await expect(imageFolder(empty)).rejects.toThrow(/expected images to train with, got none/);
  });
});

describe('odd folders', () => {
  it('are told in one error each', async () => {
    const cases: [string, RegExp][] = [
      [path.join(base, 'nowhere'), /nowhere: expected a folder of class folders, got ENOENT/],
      [path.join(folderOf({ 'a.jpg': null }), 'a.jpg'), /expected a folder of class folders, got a file/],
      [folderOf({}), /expected a folder of class folders with images in them.*got an empty folder/],
      [
        folderOf({ 'x.jpg': null, 'y.png': null }),
        /got 2 images beside each other[\s\S]*help: put the images of each class/,
      ],
      [folderOf({ 'a/notes.txt': 'none', 'b/.jpg': null }), /got no image in a, b/],
    ];
    for (const [root, message] of cases) await expect(imageFolder(root), String(message)).rejects.toThrow(message);
    const root = folderOf(many('a', 2));
    const options: [object, RegExp][] = [
      [{ batchsize: 3 }, /did you mean 'batchSize'/],
      [{ batchSize: 0 }, /option 'batchSize'/],
      [{ validationSplit: 1 }, /option 'validationSplit'/],
      [{ onError: 'ignore' }, /option 'onError': expected 'skip' or 'throw'/],
      [{ classNames: ['a', 'a'] }, /option 'classNames'/],
      [{ size: -1 }, /imageFolder, option 'size'/],
    ];
    for (const [wrong, message] of options) await expect(imageFolder(root, wrong)).rejects.toThrow(message);
    await expect(imageFolder('')).rejects.toThrow(/the path of a folder/);
  });

  it('one class, one image', async () => {
    const one = await imageFolder(folderOf(many('only', 1)), small);
    expect([one.train.size, one.val, one.classNames]).toEqual([1, undefined, ['only']]);
    expect(one.warnings).toEqual([
      "there is one class only, 'only': nothing to tell apart",
      'no images are held back: there is nothing to validate with',
    ]);
    expect(await filesOf(one.train)).toEqual(['only/000.jpg']);
  });

  it('empty classes, hidden files, other files, spaces and Unicode', async () => {
    const root = folderOf({
      ...many('Katzen & Hunde', 4),
      ...many('鳥 🐦', 4),
      ...many('.git/objects', 3),
      '鳥 🐦/._000.jpg': 'resource fork',
      '鳥 🐦/Thumbs.db': 'thumbnails',
      '鳥 🐦/ein Bild mit Leer zeichen é.JPEG': null,
      'leer/.keep': '',
      'lost.jpg': null,
    });
    const { classNames, train, val, warnings } = await imageFolder(root, small);
    expect(classNames).toEqual(['Katzen & Hunde', '鳥 🐦']);
    expect((train.size as number) + (val?.size as number)).toBe(9);
    expect(warnings).toEqual(["1 images in '.' are in no class folder and not used", "'leer' has no images"]);
    const names = [...(await filesOf(train)), ...(await filesOf(val as AsyncIterable<ImageBatch>))];
    expect(names).toContain('鳥 🐦/ein Bild mit Leer zeichen é.JPEG');
  });

  it('links, loops of links, links to nowhere, deep folders', async () => {
    const deep = `a/${'d/'.repeat(200)}x.jpg`;
    const root = folderOf({ [deep]: null, ...many('b', 2), ...many('elsewhere/c', 3) });
    symlinkSync(path.join(root, 'a'), path.join(root, 'a/d/loop'));
    symlinkSync('..', path.join(root, 'b/up'));
    symlinkSync(root, path.join(root, 'whole'));
    symlinkSync('self', path.join(root, 'b/self'));
    symlinkSync('gone.jpg', path.join(root, 'b/dangling.jpg'));
    symlinkSync(path.join(root, 'b/000.jpg'), path.join(root, 'b/copy.jpg'));
    symlinkSync(path.join(root, 'elsewhere/c'), path.join(root, 'linked'));
    const { train, warnings } = await imageFolder(root, { ...small, validationSplit: 0 });
    expect(train.counts).toEqual({ a: 1, b: 3, elsewhere: 3, linked: 3 });
    expect(warnings.join('\n')).toMatch(
      /'b\/dangling\.jpg' cannot be read: ENOENT[\s\S]*'b\/self' cannot be read: ELOOP[\s\S]*'whole' has no images/,
    );
    expect(await filesOf(train)).toHaveLength(10);
  });
});

describe('corrupt files', () => {
  const broken = () => ({
    'a/text.jpg': 'not a picture',
    'a/empty.png': '',
    'a/half.jpg': jpeg.subarray(0, 300),
    'b/bomb.png': png(20_000, 20_000, new Uint8Array(10)),
  });

  it('are skipped, told once, and listed', async () => {
    const root = folderOf({ ...many('a', 6), ...many('b', 6), ...broken() });
    const told: string[] = [];
    const folder = await imageFolder(root, { ...small, validationSplit: 0, onSkip: ({ file }) => told.push(file) });
    expect(folder.skipped).toEqual([]);
    const names = await filesOf(folder.train);
    expect(names).toHaveLength(12);
    expect([...told].sort()).toEqual(['a/empty.png', 'a/half.jpg', 'a/text.jpg', 'b/bomb.png']);
    expect(folder.skipped.find(({ file }) => file === 'b/bomb.png')?.reason).toMatch(
      /at most 100000000 pixels, got 20000x20000/,
    );
    await filesOf(folder.train);
    expect(told).toHaveLength(4);
  });

  it('warn five times by default', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    const bad = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`a/${i}.jpg`, 'text']));
    const { train } = await imageFolder(folderOf({ ...many('b', 3), ...bad }), { ...small, validationSplit: 0 });
    await filesOf(train);
    expect(warn).toHaveBeenCalledTimes(5);
    expect(warn.mock.calls[0][0]).toMatch(/^skipped .*\.jpg: expected a JPEG/);
    warn.mockRestore();
  });

  it('are fatal where asked for', async () => {
    const root = folderOf({ ...many('a', 6), ...broken() });
    const { train } = await imageFolder(root, { ...small, onError: 'throw', validationSplit: 0 });
    await expect(filesOf(train)).rejects.toMatchObject({ code: 'ERR_OCELLUS_FORMAT' });
  });

  it('alone are an error, and files that vanish are skipped', async () => {
    const onSkip = () => undefined;
    const hopeless = await imageFolder(folderOf({ 'a/1.jpg': 'x', 'b/2.jpg': 'y' }), { ...small, onSkip });
    await expect(filesOf(hopeless.train)).rejects.toThrow(/at least one image that can be decoded, got 2 that cannot/);
    const root = folderOf(many('a', 4));
    const { train, skipped } = await imageFolder(root, { ...small, validationSplit: 0, onSkip });
    rmSync(path.join(root, 'a/002.jpg'));
    expect(await filesOf(train)).toHaveLength(3);
    expect(skipped).toEqual([]);
  });
});

describe('memory', () => {
  it('holds what is read ahead and no more', async () => {
    const root = folderOf(many('a', 100));
    const { train } = await imageFolder(root, {
      size: 8,
      batchSize: 4,
      numParallelCalls: 3,
      prefetch: 2,
      validationSplit: 0,
    });
    let decoded = 0;
    const counted = train.samples.map((sample) => {
      decoded++;
      return sample;
    });
    let taken = 0;
    for await (const _ of counted.batch(4).prefetch(2)) {
      taken += 4;
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(decoded).toBeLessThanOrEqual(taken + 2 * 4);
      if (taken === 40) break;
    }
    expect(taken).toBe(40);
    const cached = train.samples.cache();
    await cached.toArray();
    renameSync(path.join(root, 'a'), path.join(root, 'gone'));
    expect(await cached.toArray()).toHaveLength(100);
  });
});

it('the fingerprint tells names and sizes, not where the folder lies', async () => {
  const [a, b, c] = [many('x', 3), many('x', 3), { ...many('x', 2), 'x/002.jpg': 'shorter' }].map(folderOf);
  const prints = await Promise.all([a, b, c].map(async (root) => (await imageFolder(root)).fingerprint));
  expect(prints[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(prints[1]).toBe(prints[0]);
  expect(prints[2]).not.toBe(prints[0]);
});

const signs = reference('sign-digits/sign-digits-600.tar');
describe.skipIf(!signs)('sign-digits', () => {
  it('reads 450 and 150 photographs of ten classes and trains on them', async () => {
    const folder = await imageFolder(untar(signs as string), { size: 24, batchSize: 50 });
    expect(folder.classNames).toEqual([...'0123456789']);
    expect([folder.train.size, folder.val?.size, folder.warnings, folder.skipped]).toEqual([450, 150, [], []]);
    expect(new Set(Object.values(folder.train.counts))).toEqual(new Set([45]));
    const model = sequential([
      layers.rescaling({ scale: 1 / 255, inputShape: [24, 24, 3] }),
      layers.conv2d({ filters: 8, kernelSize: 3, strides: 2, activation: 'relu' }),
      layers.flatten(),
      layers.dense({ units: 10, activation: 'softmax' }),
    ]);
    model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
    const { history } = await model.fit(folder.train, { epochs: 4, validationData: folder.val, verbose: 0 });
    expect(history.loss[3]).toBeLessThan(history.loss[0]);
    expect((await model.predict(folder.val as AsyncIterable<ImageBatch>)).shape).toEqual([150, 10]);
  });
});
