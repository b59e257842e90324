// The command as its users call it: on small folders of pictures made here, in this process.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call } from './harness.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'ocellus cli ü-'));
const photos = path.join(folder, 'photos');
const runs = path.join(folder, 'runs');
const model = path.join(runs, 'train', 'model.safetensors');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Pictures that are mostly of one colour. */
beforeAll(async () => {
  const colours = { 'dark red': [150, 20, 20], grün: [30, 170, 40] };
  for (const [name, [r, g, b]] of Object.entries(colours)) {
    mkdirSync(path.join(photos, name), { recursive: true });
    for (let i = 0; i < 12; i++) {
      const background = { r: r + i, g: g - i, b };
      const picture = sharp({ create: { width: 30 + i, height: 40, channels: 3, background } });
      await picture.jpeg().toFile(path.join(photos, name, `${i} x.jpg`));
    }
  }
  writeFileSync(path.join(photos, 'grün', 'broken.jpg'), 'this is no picture');
});

const quick = ['--epochs', '3', '--model', 'tiny', '--image-size', '16', '--batch-size', '8', '--threads', '1'];

describe('train', () => {
  test('makes a run of a folder, which predict, evaluate, summary and profile take', async () => {
    const { code, lines, err } = await call('train', photos, '--runs', runs, '--json', ...quick);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(err).toMatch(/skipped .*broken\.jpg/);
    const events = lines();
    expect(events.map(({ event }) => event)).toEqual(['settings', 'epoch', 'epoch', 'epoch', 'result']);
    expect(events[0]).toMatchObject({ epochs: 3, model: 'tiny', imageSize: 16, classNames: ['dark red', 'grün'] });
    expect(events[4]).toMatchObject({ run: path.join(runs, 'train'), model, seconds: expect.any(Number) });
    const files = [
      'args.json',
      'results.csv',
      'manifest.json',
      'train_batch.png',
      'confusion_matrix.png',
      'tensorboard',
      'report.html',
      'last.safetensors',
    ];
    for (const name of files) expect(existsSync(path.join(runs, 'train', name)), name).toBe(true);
    expect(
      readFileSync(path.join(runs, 'train', 'results.csv'), 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(4);
    const sheet = await sharp(path.join(runs, 'train', 'train_batch.png')).metadata();
    expect([sheet.width, sheet.height]).toEqual([3 * 18 + 2, 3 * 18 + 2]);

    const found = await call('predict', model, path.join(photos, 'grün', '1 x.jpg'), '--json', '--top', '1');
    expect(found.lines()).toMatchObject([{ event: 'prediction', classes: [{ probability: expect.any(Number) }] }]);
    const judged = (await call('evaluate', model, photos, '--json')).lines();
    expect(judged).toMatchObject([
      { event: 'result', accuracy: events[4].valAccuracy, classNames: ['dark red', 'grün'] },
    ]);
    const all = (await call('evaluate', model, photos, '--split', 'all', '--json')).lines();
    expect(all[0].samples).toBe(24);
    expect((await call('summary', model)).out).toMatch(/conv2d .*\n[\s\S]*Total params/i);
    expect((await call('profile', model, '--threads', '1')).out).toMatch(/conv2d/);
  });

  test('a second run has a folder of its own, and learns the colours', async () => {
    const settings = ['--epochs', '12', '--model', 'tiny', '--image-size', '16', '--threads', '1', '--seed', '3'];
    const { code, out } = await call('train', photos, '--runs', runs, ...settings);
    expect(code).toBe(0);
    expect(out).toMatch(/batchSize 32: small sets/);
    expect(out).toMatch(/npx ocellus predict .*train2/);
    const manifest = JSON.parse(readFileSync(path.join(runs, 'train2', 'manifest.json'), 'utf8'));
    expect(manifest.valAccuracy).toBe(1);
    const digest = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(manifest.sha256).toEqual({ 'model.safetensors': digest, 'last.safetensors': digest });
    const best = path.join(runs, 'train2', 'model.safetensors');
    const [{ classes }] = (await call('predict', best, path.join(photos, 'grün', '2 x.jpg'), '--json')).lines();
    expect(classes[0].label).toBe('grün');
  });

  test('--dry-run tells what the whole would take and leaves nothing', async () => {
    const { code, lines } = await call(
      'train',
      photos,
      '--runs',
      path.join(folder, 'none'),
      '--dry-run',
      '--json',
      ...quick,
    );
    expect(code).toBe(0);
    expect(lines()).toMatchObject([{ event: 'settings' }, { event: 'plan', epochSeconds: expect.any(Number) }]);
    expect(existsSync(path.join(folder, 'none'))).toBe(false);
  });

  test('--time plans the epochs', async () => {
    const { lines } = await call('train', photos, '--runs', runs, '--time', '1s', '--json', ...quick.slice(2));
    const events = lines();
    const epochs = events.filter(({ event }) => event === 'epoch').length;
    expect(epochs).toBe(Math.max(1, Math.floor(0.95 / events.find(({ event }) => event === 'plan').epochSeconds)));
  });

  test('options may be written as in the API', async () => {
    const spelled = ['--epochs=1', 'model=tiny', '--imageSize', '16', 'batchSize=8', '--threads=1', '--no-flip'];
    const { lines } = await call('train', photos, '--runs', runs, '--json', ...spelled);
    expect(lines()[0]).toMatchObject({ epochs: 1, model: 'tiny', imageSize: 16, batchSize: 8, flip: false });
  });
});

describe('what cannot be', () => {
  test.each([
    [['trian', 'x'], 2, /unknown command 'trian'[\s\S]*train/],
    [['train', 'x', '--epoch', '3'], 2, /unknown option '--epoch'[\s\S]*--epochs/],
    [['train', 'x', '--epochs', '0'], 2, /integer of at least 1/],
    [['train', 'x', '--epochs', 'many'], 2, /integer of at least 1/],
    [['train', 'x', '--model', 'huge'], 2, /tiny, small, resnet20, mobile/],
    [['train', 'x', '--time', '10'], 2, /90s, 10m or 1\.5h/],
    [['train', 'x', '--learning-rate', '-1'], 2, /above 0/],
    [['train'], 1, /expected a folder of class folders, got none[\s\S]*help: ocellus train/],
    [['train', '/nowhere at all'], 1, /nowhere at all: expected/],
    [['train', '--resume', '/nowhere'], 1, /args\.json: expected what `ocellus train` has written/],
    [['predict', '/none.safetensors', 'a.jpg'], 1, /none\.safetensors/],
    [['predict'], 2, /missing required argument 'model'/],
  ])('%j', async (args, code, message) => {
    const result = await call(...args);
    expect(result.err).toMatch(message);
    expect(result.code).toBe(code);
    expect(result.err).not.toMatch(/\n {4}at /);
  });

  test('one class is refused, and a folder that is empty', async () => {
    const single = path.join(folder, 'single');
    mkdirSync(path.join(single, 'only'), { recursive: true });
    expect((await call('train', single)).err).toMatch(/expected/);
    await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
      .png()
      .toFile(path.join(single, 'only', 'a.png'));
    expect((await call('train', single)).err).toMatch(/two or more class folders with pictures, got one, 'only'/);
  });

  test('a bad picture keeps no other from its answer', async () => {
    const pictures = [path.join(photos, 'grün', 'broken.jpg'), path.join(photos, 'grün', '0 x.jpg')];
    const { code, lines, err } = await call('predict', model, ...pictures, '--json');
    expect(code).toBe(1);
    expect(err).toMatch(/broken\.jpg: expected a JPEG/);
    expect(lines().map(({ event }) => event)).toEqual(['error', 'prediction']);
  });
});

test('help shows examples and exit codes', async () => {
  const { code, out } = await call('--help');
  expect(code).toBe(0);
  expect(out).toMatch(/ocellus train \.\/photos/);
  expect(out).toMatch(/Exit codes: 0 done/);
});

test('doctor tells what computes, and that it computes rightly', async () => {
  const { code, lines } = await call('doctor', '--json');
  expect(code).toBe(0);
  expect(lines()).toMatchObject([
    { event: 'doctor', ocellus: expect.stringMatching(/^\d+\.\d+\.\d+/), sharp: expect.any(String) },
  ]);
});
