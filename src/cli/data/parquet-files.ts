// Data sets in Parquet files, as Hugging Face keeps them: train-00000-of-00002.parquet, test-…, in a folder or its data/.

import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { check } from '../../core/errors.js';
import type { ImageSample } from '../../data/decoding.js';
import { type ParquetImagesOptions, type ParquetRow, parquetImages, readParquetRows } from '../../data/parquet.js';
import type { Pipeline } from '../../data/pipeline.js';
import { type HoldBackOptions, heldBack } from './hold-back.js';

/** Rows of files that belong together. */
export interface ParquetPart {
  readonly files: readonly string[];
  readonly rows: readonly ParquetRow[];
  readonly samples: (options: ParquetImagesOptions) => Promise<Pipeline<ImageSample>>;
}

export interface ParquetSets {
  readonly train: ParquetPart;
  readonly val: ParquetPart | undefined;
  readonly test: ParquetPart | undefined;
  readonly classNames: readonly string[];
  readonly warnings: readonly string[];
  /** SHA-256 of the names of all rows and their classes. */
  readonly fingerprint: string;
}

/**
 * Finds the parts of such a data set and holds some rows of each class back where it has none to check with; undefined
 * where there are no Parquet files.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT | ERR_OCELLUS_DATA (hyparquet or sharp is absent, no training rows)
 */
export async function openParquet(place: string, options: HoldBackOptions): Promise<ParquetSets | undefined> {
  const files = await parquetFiles(place);
  if (files.length === 0) return undefined;
  const partOf = (file: string) =>
    /(?:^|[-_.])(val|test)[a-z]*[-_.]/i.exec(path.basename(file))?.[1]?.toLowerCase() ?? 'train';
  const read = async (name: string) => wholePart(files.filter((file) => partOf(file) === name));
  const [train, ownVal, test] = [await read('train'), await read('val'), await read('test')];
  check(train, 'ERR_OCELLUS_DATA', () => ({
    where: place,
    expected: 'Parquet files to train with',
    got: files.map((file) => path.basename(file)).join(', '),
  }));
  const { classNames: told } = await parquetImages(train.files);
  const rows = [train, ownVal, test].flatMap((part) => part?.rows ?? []);
  const classNames =
    told ?? Array.from({ length: rows.reduce((most, { y }) => Math.max(most, y), 0) + 1 }, (_, y) => String(y));
  const wrong = rows.find(({ y }) => y < 0 || y >= classNames.length);
  check(wrong === undefined, 'ERR_OCELLUS_DATA', () => ({
    where: wrong?.file ?? place,
    expected: `a class number from 0 to ${classNames.length - 1}`,
    got: wrong?.y,
  }));
  const hash = createHash('sha256');
  for (const { file, y } of rows) hash.update(`${path.basename(file)}\0${y}\n`);
  const common = { test, classNames, fingerprint: hash.digest('hex') };
  const val = ownVal ?? (options.validationSplit === undefined ? test : undefined);
  if (val) return { train, val, warnings: [], ...common };
  const labels = Int32Array.from(train.rows, ({ y }) => y);
  const held = heldBack(labels, classNames.length, options.validationSplit, options.seed);
  if (held.size === 0) {
    const warnings = ['no images are held back: there is nothing to validate with'];
    return { train, val: undefined, warnings, ...common };
  }
  const some = (isHeld: boolean) =>
    partOfRows(
      train,
      train.rows.filter((_, index) => held.has(index) === isHeld),
    );
  return { train: some(false), val: some(true), warnings: [], ...common };
}

async function parquetFiles(place: string): Promise<string[]> {
  if (/\.parquet$/i.test(place)) return [place];
  for (const folder of [place, path.join(place, 'data')]) {
    const names = await readdir(folder).catch(() => [] as string[]);
    const found = names.filter((name) => /\.parquet$/i.test(name)).sort();
    if (found.length > 0) return found.map((name) => path.join(folder, name));
  }
  return [];
}

async function wholePart(files: readonly string[]): Promise<ParquetPart | undefined> {
  if (files.length === 0) return undefined;
  const samples = async (options: ParquetImagesOptions) => (await parquetImages(files, options)).samples;
  return { files, rows: await readParquetRows(files), samples };
}

/** Only these rows are decoded. */
function partOfRows({ files }: ParquetPart, rows: readonly ParquetRow[]): ParquetPart {
  const names = new Set(rows.map(({ file }) => file));
  const filter = ({ file }: ParquetRow) => names.has(file);
  return { files, rows, samples: async (options) => (await parquetImages(files, { ...options, filter })).samples };
}
