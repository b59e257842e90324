// Batches of a training: the same pictures whatever the size of the batch, every picture once an epoch.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import type { Frames } from '../../src/cli/data/frames.js';
import { decodeFrames, frameArrays } from '../../src/cli/data/frames.js';
import { frameBatches, streamedBatches } from '../../src/cli/training/batches.js';
import type { BatchSettings, TrainingBatches } from '../../src/cli/training/images.js';
import { data } from '../../src/index.js';
import { temporaryFolder } from '../data/images.js';

const side = 8;
const count = 11;
const frames: Frames = {
  pixels: Uint8Array.from({ length: count * side * side * 3 }, (_, i) => (i * 7919) % 251),
  shape: [side, side, 3],
  labels: Int32Array.from({ length: count }, (_, i) => i % 3),
  names: Array.from({ length: count }, (_, i) => `picture ${i}`),
};
const settings: BatchSettings = { imageSize: side, batchSize: 4, seed: 5, augment: 'crop', flip: true };

interface Seen {
  readonly x: { readonly data: Uint8Array; readonly shape: readonly number[] };
  readonly y: { readonly data: Int32Array };
  readonly file: readonly string[];
}

/** Pixels of every picture by its name, in the order of the epoch. */
async function epochOf({ train }: TrainingBatches, epoch: number): Promise<Map<string, string>> {
  const seen = new Map<string, string>();
  const batches = train.iterate?.(epoch) ?? train;
  for await (const { x, y, file } of batches as AsyncIterable<unknown> as AsyncIterable<Seen>) {
    const size = x.data.length / x.shape[0];
    file.forEach((name, i) => {
      seen.set(name, `${y.data[i]} ${x.data.subarray(i * size, (i + 1) * size).join(' ')}`);
    });
  }
  return seen;
}

test('in memory', async () => {
  const batches = frameBatches(frames, frames, settings);
  const [first, again, second] = [await epochOf(batches, 0), await epochOf(batches, 0), await epochOf(batches, 1)];
  expect([...first]).toEqual([...again]);
  expect([...first.keys()].sort()).toEqual([...frames.names].sort());
  expect([...second.keys()]).not.toEqual([...first.keys()]);
  expect(second).not.toEqual(first);
  expect(await epochOf(frameBatches(frames, undefined, { ...settings, batchSize: 3 }), 1)).toEqual(second);
  const plain = await epochOf(frameBatches(frames, undefined, { ...settings, augment: 'none' }), 0);
  expect(plain.get('picture 2')).toBe(`2 ${frames.pixels.subarray(2 * 192, 3 * 192).join(' ')}`);
  expect([batches.train.size, batches.val?.size]).toEqual([count, count]);
});

test('streamed', async () => {
  const samples = data.array(frames.names.map((file, i) => ({ file, i }))).map(({ file, i }) => ({
    x: {
      data: frames.pixels.subarray(i * 192, (i + 1) * 192),
      shape: [side, side, 3] as const,
      dtype: 'uint8' as const,
      format: 'png' as const,
      originalSize: [side, side] as const,
    },
    y: frames.labels[i],
    file,
  }));
  const batches = streamedBatches(samples, samples, settings);
  const [first, again, second] = [await epochOf(batches, 0), await epochOf(batches, 0), await epochOf(batches, 1)];
  expect(first).toEqual(again);
  expect(second).not.toEqual(first);
  expect(second.size).toBe(count);
  const sheet = path.join(temporaryFolder(), 'sheet.png');
  await batches.drawFirst(sheet);
  expect((await sharp(readFileSync(sheet)).metadata()).width).toBe(2 * (side + 2) + 2);
  expect(await decodeFrames(samples, frames.shape, count)).toEqual(frames);
});

test('arrays come as they are, of another size, in grey and in colour', async () => {
  const images = { data: frames.pixels, shape: [count, side, side, 3], dtype: 'uint8' as const };
  const labels = { data: frames.labels, shape: [count], dtype: 'int32' as const };
  const same = await frameArrays({ images, labels }, 'picture', [side, side, 3]);
  expect(same).toEqual(frames);
  expect(same.pixels).toBe(frames.pixels);
  const grey = await frameArrays({ images, labels }, 'picture', [4, 6, 1]);
  expect([grey.pixels.length, grey.shape]).toEqual([count * 24, [4, 6, 1]]);
  const bright = { ...images, data: new Uint8Array(count * 64).fill(77), shape: [count, side, side, 1] };
  expect((await frameArrays({ images: bright, labels }, 'x', [5, 5, 3])).pixels).toEqual(
    new Uint8Array(count * 75).fill(77),
  );
  const red = { ...images, data: Uint8Array.from({ length: count * 192 }, (_, i) => (i % 3 === 0 ? 200 : 0)) };
  expect((await frameArrays({ images: red, labels }, 'x', [side, side, 1])).pixels[0]).toBe(60);
});
