// Parquet files as Hugging Face writes them: rows, groups, class names, shuffling; files that are cut or have other columns.

import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parquetImages, readParquetRows } from '../../src/data/parquet.js';
import { picture, temporaryFolder } from './images.js';
import { parquet, type Row } from './parquet-file.js';

const folder = temporaryFolder();
let rows: Row[];
beforeAll(async () => {
  rows = await Promise.all(
    Array.from({ length: 9 }, async (_, i) => ({ bytes: await picture(10, 12, i).png().toBuffer(), label: i % 3 })),
  );
});
let made = 0;
function onDisk(bytes: Uint8Array): string {
  const file = path.join(folder, `${made++}.parquet`);
  writeFileSync(file, bytes);
  return file;
}
const labelsOf = (samples: { y: number }[]) => samples.map(({ y }) => y);

describe('Parquet', () => {
  it('gives the pictures of all row groups, with class names', async () => {
    const file = onDisk(parquet([rows.slice(0, 4), rows.slice(4)], { names: ['ant', 'bee', 'cat'] }));
    const { batches, samples, classNames } = await parquetImages(file, { size: [10, 12], batchSize: 4 });
    expect(classNames).toEqual(['ant', 'bee', 'cat']);
    expect([samples.size, batches.cardinality]).toEqual([9, 3]);
    const found = await samples.toArray();
    expect(labelsOf(found)).toEqual(rows.map(({ label }) => label));
    expect(found[5].x.data[0]).toBe(5);
    expect(found[5].file).toBe(`${file}: row 5`);
    const [first] = await batches.toArray();
    expect(first.x).toMatchObject({ shape: [4, 10, 12, 3], dtype: 'uint8' });
  });

  it('takes plain bytes, other names of columns, and several files as one', async () => {
    const flat = onDisk(parquet([rows.slice(0, 3)], { flat: true, imageName: 'picture' }));
    const options = { size: 8, imageColumn: 'picture', labelColumn: 'label' };
    const { samples, classNames } = await parquetImages([flat, flat], options);
    expect(labelsOf(await samples.toArray())).toEqual([0, 1, 2, 0, 1, 2]);
    expect(classNames).toBeUndefined();
    await expect(parquetImages(flat)).rejects.toThrow(
      /expected a column 'image' of images, got picture, label[\s\S]*imageColumn/,
    );
  });

  it('leaves rows out before they are decoded', async () => {
    const bad = { bytes: Uint8Array.of(1, 2), label: 0 };
    const file = onDisk(parquet([rows.slice(0, 4), [bad, ...rows.slice(4)]], {}));
    const { samples, skipped } = await parquetImages(file, {
      filter: ({ file: row, y }) => y !== 2 && !row.endsWith('row 4'),
    });
    expect(labelsOf(await samples.toArray())).toEqual([0, 1, 0, 1, 0, 1]);
    expect(skipped).toEqual([]);
    expect((await readParquetRows([file, file])).slice(9, 12)).toEqual([
      { file: `${file}: row 9`, y: 2 },
      { file: `${file}: row 0`, y: 0 },
      { file: `${file}: row 1`, y: 1 },
    ]);
  });

  it('shuffles by seed, skips what is corrupt, or stops there', async () => {
    const damaged = rows.map((row, i) => (i === 4 ? { ...row, bytes: Buffer.from('no picture') } : row));
    const file = onDisk(parquet([damaged.slice(0, 5), damaged.slice(5)]));
    const set = await parquetImages(file, { size: 8, shuffle: { seed: 2 }, onSkip: () => undefined });
    const [first, second] = [await set.samples.toArray(), await set.samples.toArray()];
    expect(first).toHaveLength(8);
    expect(first.map(({ file: name }) => name)).not.toEqual(second.map(({ file: name }) => name));
    expect(set.skipped).toEqual([
      { file: `${file}: row 4`, reason: expect.stringMatching(/row 4: expected a JPEG.*got text/) },
    ]);
    const strict = await parquetImages(file, { size: 8, onError: 'throw' });
    await expect(strict.samples.toArray()).rejects.toMatchObject({ code: 'ERR_OCELLUS_FORMAT' });
  });

  it('refuses what is cut or something else, in one error', async () => {
    const whole = parquet([rows]);
    const cases: [string, RegExp][] = [
      [onDisk(new Uint8Array(0)), /expected a whole Parquet file/],
      [onDisk(Buffer.from('a letter, nothing more')), /expected a whole Parquet file/],
      [onDisk(whole.subarray(0, -1)), /expected a whole Parquet file/],
      [path.join(folder, 'none.parquet'), /none\.parquet: expected a Parquet file that can be read, got ENOENT/],
      ['', /the paths of Parquet files/],
    ];
    for (const [file, message] of cases) await expect(parquetImages(file), String(message)).rejects.toThrow(message);
    await expect(parquetImages([])).rejects.toThrow(/the paths of Parquet files/);
    await expect(parquetImages('x', { imageColum: 'a' } as object)).rejects.toThrow(/did you mean 'imageColumn'/);
    const vanishing = onDisk(whole);
    const { samples } = await parquetImages(vanishing, { size: 8 });
    rmSync(vanishing);
    await expect(samples.toArray()).rejects.toThrow(/expected a whole Parquet file, got ENOENT/);
  });

  it('survives random damage: an error of ours or pictures', async () => {
    const whole = parquet([rows.slice(0, 2)]);
    let state = 7;
    const random = (bound: number) => (state = (state * 48271) % 2147483647) % bound;
    for (let round = 0; round < 150; round++) {
      const bytes = Uint8Array.from(whole);
      // The foot, for the most part: that is where the structure is.
      const from = round % 3 === 0 ? 0 : whole.length - 300;
      for (let hits = 0; hits < 3; hits++) bytes[from + random(whole.length - from)] = random(256);
      try {
        const { samples } = await parquetImages(onDisk(bytes), { size: 4, onSkip: () => undefined });
        await samples.toArray();
      } catch (error) {
        expect((error as { code: string }).code, String(error)).toMatch(/^ERR_OCELLUS_/);
      }
    }
  });
});
