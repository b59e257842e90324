// `train` and `evaluate` on tables of pictures, as Hugging Face keeps them.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../data/images.js';
import { parquet, type Row } from '../data/parquet-file.js';
import { call } from './harness.js';

const folder = temporaryFolder();
const quick = ['--epochs', '2', '--model', 'tiny', '--batch-size', '8', '--threads', '1', '--json'];
let rows: Row[];
beforeAll(async () => {
  rows = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const background = i % 2 === 0 ? { r: 200, g: 20 + i, b: 20 } : { r: 20, g: 200, b: 20 + i };
      const picture = sharp({ create: { width: 24, height: 24, channels: 3, background } });
      return { bytes: await picture.png().toBuffer(), label: i % 2 };
    }),
  );
});

function place(name: string, files: Readonly<Record<string, Uint8Array>>): string {
  const at = path.join(folder, name);
  mkdirSync(path.join(at, 'data'), { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(path.join(at, 'data', file), content);
  return at;
}

test('holds some of each class back; a row that cannot be decoded is told once', async () => {
  const bad = { bytes: Uint8Array.of(1, 2, 3), label: 0 };
  const names = ['red', 'green'];
  const data = place('pets', {
    'train-00000-of-00002.parquet': parquet([rows.slice(0, 6), rows.slice(6, 12)], { names }),
    'train-00001-of-00002.parquet': parquet([[...rows.slice(12), bad]], { names }),
  });
  const { code, lines, err } = await call('train', data, '--runs', path.join(folder, 'runs'), ...quick);
  expect(code, err).toBe(0);
  expect(err.match(/skipped/g)).toHaveLength(1);
  expect(err).toMatch(/00001-of-00002\.parquet: row 8/);
  expect(lines()[0]).toMatchObject({ imageSize: 24, classNames: names, images: 17, validation: 4 });
  const { model, valAccuracy } = lines()[3];
  const judged = (await call('evaluate', model, data, '--json')).lines();
  expect(judged).toMatchObject([{ accuracy: valAccuracy }]);
  expect((await call('evaluate', model, data, '--split', 'all', '--json')).lines()[0].samples).toBe(20);
});

test('a part of its own checks, and a single file is enough', async () => {
  const parts = place('parts', {
    'train-0.parquet': parquet([rows.slice(0, 12)], {}),
    'validation-0.parquet': parquet([rows.slice(12, 16)], {}),
    'test-0.parquet': parquet([rows.slice(16)], {}),
  });
  const { lines } = await call('train', parts, '--runs', path.join(folder, 'runs'), ...quick, '--epochs', '1');
  expect(lines()[0]).toMatchObject({ classNames: ['0', '1'], images: 12, validation: 4 });
  const { model } = lines()[2];
  expect((await call('evaluate', model, parts, '--split', 'test', '--json')).lines()[0].samples).toBe(4);
  const alone = path.join(parts, 'data', 'train-0.parquet');
  expect((await call('train', alone, ...quick, '--dry-run')).lines()[0]).toMatchObject({ images: 10, validation: 2 });
  expect((await call('train', path.join(parts, 'data', 'none.parquet'), ...quick)).err).toMatch(
    /can be read, got ENOENT/,
  );
});
