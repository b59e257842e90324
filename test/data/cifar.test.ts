// CIFAR's binary files: planes into pixels, both sets of labels, several files, files that are cut; the real first batch.

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeCifar10, decodeCifar100, loadCifar10, readCifar10, readCifar100 } from '../../src/data/cifar.js';
import { reference, temporaryFolder } from './images.js';

const folder = temporaryFolder();

/** A record: labels, then planes whose values tell colour and place. */
function record(...labels: number[]): Uint8Array {
  const planes = Uint8Array.from({ length: 3072 }, (_, i) => ((i % 1024) + 80 * Math.floor(i / 1024)) % 256);
  return Uint8Array.of(...labels, ...planes);
}

function onDisk(name: string, bytes: Uint8Array): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  return file;
}

describe('CIFAR', () => {
  it('has colours side by side in each pixel', () => {
    const { images, labels } = decodeCifar10(Uint8Array.of(...record(3), ...record(9)));
    expect(images).toMatchObject({ shape: [2, 32, 32, 3], dtype: 'uint8' });
    expect([...images.data.subarray(0, 6)]).toEqual([0, 80, 160, 1, 81, 161]);
    expect([...images.data.subarray(3072 + 3 * 33, 3072 + 3 * 33 + 3)]).toEqual([33, 113, 193]);
    expect([...labels.data]).toEqual([3, 9]);
  });

  it('of 100 classes has coarse and fine labels', async () => {
    const bytes = record(7, 99);
    expect([...decodeCifar100(bytes).labels.data]).toEqual([99]);
    expect([...decodeCifar100(bytes, { labels: 'coarse' }).labels.data]).toEqual([7]);
    expect([...(await readCifar100(onDisk('train.bin.gz', gzipSync(bytes)))).labels.data]).toEqual([99]);
    expect(() => decodeCifar100(bytes, { labels: 'all' as never })).toThrow(
      /option 'labels': expected one of fine, coarse/,
    );
  });

  it('is read from several files and from a folder', async () => {
    const one = onDisk('set/data_batch_1.bin', record(1));
    const two = onDisk('set/data_batch_2.bin.gz', gzipSync(Uint8Array.of(...record(2), ...record(3))));
    const { images, labels } = await readCifar10([one, two]);
    expect([images.shape[0], ...labels.data]).toEqual([3, 1, 2, 3]);
    const without = await loadCifar10(path.join(folder, 'set'));
    expect([without.train.labels.data.length, without.test, without.classNames[3]]).toEqual([3, undefined, 'cat']);
    onDisk('set/test_batch.bin', record(4));
    expect([...((await loadCifar10(path.join(folder, 'set'))).test?.labels.data ?? [])]).toEqual([4]);
  });

  it('refuses what is something else', async () => {
    const whole = record(1);
    expect(() => decodeCifar10(new Uint8Array(0))).toThrow(/a multiple of 3073 bytes.*got 0 bytes/);
    expect(() => decodeCifar10(whole.subarray(1))).toThrow(/got 3072 bytes/);
    expect(() => decodeCifar10(record(1, 2))).toThrow(/got 3074 bytes[\s\S]*decodeCifar100/);
    expect(() => decodeCifar10(record(10))).toThrow(/image 0: expected a label from 0 to 9, got 10/);
    expect(() => decodeCifar100(record(20, 0), { labels: 'coarse' })).toThrow(/from 0 to 19, got 20/);
    await expect(readCifar10(onDisk('cut.bin.gz', gzipSync(whole).subarray(0, 60)))).rejects.toThrow(
      /cut\.bin\.gz: expected a whole gzip file/,
    );
    await expect(readCifar10('nowhere.bin')).rejects.toThrow(
      /nowhere\.bin: expected a CIFAR file that can be read, got ENOENT/,
    );
    await expect(readCifar10([])).rejects.toThrow(/expected files, got none/);
    await expect(loadCifar10(path.join(folder, 'none'))).rejects.toThrow(/folder with the files of CIFAR-10/);
    mkdirSync(path.join(folder, 'empty'));
    await expect(loadCifar10(path.join(folder, 'empty'))).rejects.toThrow(/data_batch_1\.bin.*got an empty folder/);
  });
});

const real = reference('cifar10');
it.skipIf(!real)('reads the first batch of CIFAR-10 to the byte', async () => {
  const { train } = await loadCifar10(real as string);
  const { images, labels } = train;
  expect(images.shape).toEqual([10_000, 32, 32, 3]);
  expect([...labels.data.subarray(0, 5)]).toEqual([6, 9, 9, 4, 1]);
  const bytes = new Uint8Array(10_000 * 3073);
  for (let image = 0; image < 10_000; image++) {
    bytes[image * 3073] = labels.data[image];
    for (let i = 0; i < 3072; i++) {
      bytes[image * 3073 + 1 + (i % 3) * 1024 + Math.floor(i / 3)] = images.data[image * 3072 + i];
    }
  }
  // The known sum of the official file.
  expect(createHash('md5').update(bytes).digest('hex')).toBe('5dd7e06a14cb22eb9f671a540d1b7c25');
});
