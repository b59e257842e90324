// `train`, `evaluate` and `predict` on data sets in files of arrays, small ones made here.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { readArrayFiles } from '../../src/cli/data/array-files.js';
import { splitArrays } from '../../src/cli/data/array-split.js';
import { encodeNpz } from '../../src/data/npz.js';
import { reference, temporaryFolder } from '../data/images.js';
import { call } from './harness.js';

const folder = temporaryFolder();
const runs = path.join(folder, 'runs');
const quick = ['--epochs', '2', '--model', 'tiny', '--batch-size', '8', '--threads', '1', '--json'];

function place(name: string, files: Readonly<Record<string, Uint8Array | string>>): string {
  const at = path.join(folder, name);
  mkdirSync(at, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(path.join(at, file), content);
  return at;
}

/** Records of CIFAR: class i is one colour with a little noise. */
function cifarRecords(count: number, classes: number): Uint8Array {
  const bytes = new Uint8Array(count * 3073);
  for (let i = 0; i < count; i++) {
    bytes[i * 3073] = i % classes;
    for (let k = 0; k < 3; k++) {
      const tone = (i % classes) % 3 === k ? 200 : 30;
      for (let p = 0; p < 1024; p++) bytes[i * 3073 + 1 + k * 1024 + p] = tone + ((i * 31 + p * 7) % 40);
    }
  }
  return bytes;
}

function idx(shape: readonly number[], values: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((size, axis) => void header.writeUInt32BE(size, 4 + 4 * axis));
  return Buffer.concat([header, values]);
}

/** Grey pictures: class 0 bright above, class 1 bright below. */
function greyFiles(prefix: string, count: number, side: number): Record<string, Uint8Array> {
  const pixels = Uint8Array.from({ length: count * side * side }, (_, i) => {
    const [picture, row] = [Math.floor(i / side ** 2), Math.floor((i % side ** 2) / side)];
    return row < side / 2 === (picture % 2 === 0) ? 220 : 20 + (picture % 9);
  });
  return {
    [`${prefix}-images-idx3-ubyte.gz`]: gzipSync(idx([count, side, side], pixels)),
    [`${prefix}-labels-idx1-ubyte`]: idx(
      [count],
      Uint8Array.from({ length: count }, (_, i) => i % 2),
    ),
  };
}

describe('CIFAR', () => {
  const cifar = place('cifar', {
    'data_batch_1.bin': cifarRecords(30, 3),
    'data_batch_2.bin.gz': gzipSync(cifarRecords(30, 3)),
    'batches.meta.txt': 'red\ngreen\nblue\n\n',
  });

  test('trains, holds back a fifth of each class, and predicts pictures', async () => {
    const { code, lines, err } = await call('train', cifar, '--runs', runs, ...quick, '--epochs', '4');
    expect({ code, err }).toMatchObject({ code: 0, err: '' });
    const [settings, ...events] = lines();
    expect(settings).toMatchObject({ imageSize: 32, augment: 'crop', flip: true, images: 48, validation: 12 });
    expect(settings.classNames).toEqual(['red', 'green', 'blue']);
    const result = events[events.length - 1];
    expect(result.event).toBe('result');
    for (const name of ['train_batch.png', 'confusion_matrix.png', 'manifest.json', 'results.csv'])
      expect(existsSync(path.join(result.run, name)), name).toBe(true);
    const sheet = await sharp(path.join(result.run, 'train_batch.png')).metadata();
    expect([sheet.width, sheet.height]).toEqual([3 * 34 + 2, 3 * 34 + 2]);
    const picture = path.join(folder, 'green.png');
    await sharp({ create: { width: 50, height: 40, channels: 3, background: { r: 45, g: 215, b: 45 } } })
      .png()
      .toFile(picture);
    expect((await call('predict', result.model, picture, '--json')).lines()[0].classes).toHaveLength(3);
    const judged = (await call('evaluate', result.model, cifar, '--json')).lines();
    expect(judged).toMatchObject([{ samples: 12, accuracy: result.valAccuracy }]);
    expect((await call('evaluate', result.model, cifar, '--split', 'all', '--json')).lines()[0].samples).toBe(60);
    expect((await call('evaluate', result.model, cifar, '--split', 'test')).err).toMatch(/a part 'test', got none/);
  });

  test('the same seed holds back the same pictures, of every class alike', async () => {
    const files = await readArrayFiles(cifar);
    if (!files) throw new Error('no CIFAR');
    const [a, b, other] = [1, 1, 2].map((seed) => splitArrays(files, { seed, validationSplit: 0.25 }));
    expect(a.val?.images.data).toEqual(b.val?.images.data);
    expect(a.val?.images.data).not.toEqual(other.val?.images.data);
    expect([0, 1, 2].map((label) => a.val?.labels.data.filter((one) => one === label).length)).toEqual([5, 5, 5]);
    expect(a.train.labels.data.length).toBe(45);
    const whole = splitArrays(files, { seed: 0, validationSplit: 0 });
    expect([whole.val, whole.warnings]).toEqual([undefined, [expect.stringMatching(/nothing to validate with/)]]);
  });

  test('--dry-run and --time', async () => {
    const dry = await call('train', cifar, '--runs', path.join(folder, 'none'), '--dry-run', ...quick);
    expect(dry.lines()).toMatchObject([{ event: 'settings' }, { event: 'plan', epochSeconds: expect.any(Number) }]);
    expect(existsSync(path.join(folder, 'none'))).toBe(false);
    const { code, lines } = await call('train', cifar, '--runs', runs, ...quick.slice(2), '--time', '1s');
    expect(code).toBe(0);
    expect(lines().filter(({ event }) => event === 'epoch').length).toBeGreaterThan(0);
  });

  test('an interrupted training goes on to the same weights', async () => {
    const names = ['whole', 'parts'].map((name) => path.join(folder, name));
    const settings = [...quick, '--epochs', '3', '--seed', '4'];
    await call('train', cifar, '--runs', names[0], ...settings);
    const interrupted = call('train', cifar, '--runs', names[1], ...settings);
    const watch = setInterval(() => {
      if (existsSync(path.join(names[1], 'train', 'last.safetensors'))) process.emit('SIGINT');
    }, 2);
    const { code } = await interrupted;
    clearInterval(watch);
    expect(code).toBe(130);
    const run = path.join(names[1], 'train');
    expect((await call('train', '--resume', run, '--json')).code).toBe(0);
    const csv = (name: string) =>
      readFileSync(path.join(name, 'train', 'results.csv'), 'utf8').replaceAll(/,[^,\n]*$/gm, '');
    expect(csv(names[1]).split('\n').length).toBe(csv(names[0]).split('\n').length);
    const hash = (name: string) =>
      JSON.parse(readFileSync(path.join(name, 'train', 'manifest.json'), 'utf8')).sha256['model.safetensors'];
    expect(hash(names[1])).toBe(hash(names[0]));
  });

  test('the real 10,000 are split 9,000 to 1,000', async () => {
    const real = reference('cifar10');
    const files = real && (await readArrayFiles(real));
    if (!files) return;
    const { train, val } = splitArrays(files, { seed: 0 });
    expect([train.labels.data.length, val?.labels.data.length]).toEqual([9000, 1000]);
    expect(files.classNames.slice(0, 2)).toEqual(['airplane', 'automobile']);
  });
});

describe('IDX', () => {
  const mnist = place('mnist', { ...greyFiles('train', 24, 20), ...greyFiles('t10k', 8, 20) });

  test('grey pictures give a model with one channel; t10k checks', async () => {
    const { code, lines, err } = await call('train', mnist, '--runs', runs, ...quick);
    expect({ code, err }).toMatchObject({ code: 0, err: '' });
    const events = lines();
    expect(events[0]).toMatchObject({ imageSize: 20, flip: false, images: 24, validation: 8, classNames: ['0', '1'] });
    const { run, model } = events[events.length - 1];
    expect((await sharp(path.join(run, 'train_batch.png')).metadata()).width).toBe(3 * 22 + 2);
    const picture = path.join(folder, 'above.jpg');
    await sharp(Buffer.from(Uint8Array.from({ length: 1200 }, (_, i) => (i < 600 ? 220 : 25))), {
      raw: { width: 20, height: 20, channels: 3 },
    })
      .jpeg()
      .toFile(picture);
    expect((await call('predict', model, picture, '--json')).lines()[0].event).toBe('prediction');
    const test = (await call('evaluate', model, mnist, '--split', 'test', '--json')).lines();
    expect(test[0].samples).toBe(8);
  });

  test('are brought to another size on demand', async () => {
    const { lines } = await call('train', mnist, '--runs', runs, ...quick, '--image-size', '16', '--epochs', '1');
    expect(lines()[0]).toMatchObject({ imageSize: 16 });
    const { model } = lines()[2];
    const shape = (await call('summary', model, '--json')).lines()[0];
    expect(shape.event).toBe('summary');
    expect((await call('evaluate', model, mnist, '--json')).lines()[0].samples).toBe(8);
  });
});

describe('npz', () => {
  const x = { data: Float32Array.from({ length: 12 * 64 * 3 }, (_, i) => (i % 11) / 10), shape: [12, 8, 8, 3] };
  const y = { data: Int32Array.from({ length: 12 }, (_, i) => i % 2), shape: [12, 1] };
  const write = (name: string, arrays: Parameters<typeof encodeNpz>[0]) => {
    const file = path.join(folder, name);
    writeFileSync(file, encodeNpz(arrays));
    return file;
  };

  test('pixels from 0 to 1, labels in a column, a part for each purpose', async () => {
    const file = write('parts.npz', {
      train_images: x,
      train_labels: y,
      val_images: x,
      val_labels: y,
      x_test: x,
      y_test: y,
    });
    const files = await readArrayFiles(file);
    expect(files?.train.images.data.slice(0, 3)).toEqual(Uint8Array.of(0, 26, 51));
    expect(files && splitArrays(files, { seed: 0 }).val).toBe(files?.val);
    const { lines } = await call('train', file, '--runs', runs, ...quick, '--epochs', '1');
    expect(lines()[0]).toMatchObject({ images: 12, validation: 12, imageSize: 32 });
  });

  test.each([
    [{ a: x }, /x_train and y_train.*got a \[/],
    [
      { x_train: { data: x.data, shape: [12, 3, 64] }, y_train: { data: y.data.slice(1), shape: [11] } },
      /12 class numbers/,
    ],
    [{ x: { data: x.data, shape: [12, 8, 4, 6] }, y }, /pictures \[n, height, width\].*got \[12, 8, 4, 6\]/],
    [{ x, y: { data: Float32Array.from(y.data, (v) => v / 2), shape: [12] } }, /a class number from 0, got 0\.5/],
    [{ x: { data: x.data.map((v) => v * 300), shape: x.shape }, y }, /a pixel from 0 to 255/],
    [{ x, y: { data: y.data.map(() => 2 ** 30), shape: [12] } }, /class numbers below 10000/],
    [{ x, y: { data: y.data.map(() => 0), shape: [12] } }, /two or more classes, got one/],
  ])('refuses %#', async (arrays, message) => {
    const { code, err } = await call('train', write('bad.npz', arrays), ...quick);
    expect(err).toMatch(message);
    expect(code).toBe(1);
  });

  test('class names must fit', async () => {
    const at = place('named', { 'classes.txt': 'one\n' });
    writeFileSync(path.join(at, 'd.npz'), encodeNpz({ x, y }));
    expect((await call('train', path.join(at, 'd.npz'), ...quick)).err).toMatch(/2 different names or more.*got 1/);
  });
});

test('labels without a partner are told', async () => {
  const at = place('half', { 'train-images-idx3-ubyte': idx([1, 8, 8], new Uint8Array(64)) });
  expect((await call('train', at, ...quick)).err).toMatch(/train-labels-idx1-ubyte beside it, got none/);
});
