// The pictures of a training, whatever they are kept in: a folder of class folders, tables, or files of arrays.

import { check } from '../../core/errors.js';
import type { Dataset } from '../../data/dataset.js';
import { readArrayFiles } from '../data/array-files.js';
import type { HoldBackOptions } from '../data/hold-back.js';
import { openParquet } from '../data/parquet-files.js';
import { openArrays } from './array-data.js';
import { openFolder } from './folder-data.js';
import { parquetData } from './parquet-data.js';
import type { DataFacts, Settings } from './settings.js';

/** A picture that a data set has, before it is looked at. */
export interface ListedImage {
  readonly name: string;
  readonly className: string;
  /** Undefined for pictures in tables and files of arrays. */
  readonly file?: string | undefined;
}

export interface TrainingData {
  /** Path of the folder, or of the file. */
  readonly folder: string;
  readonly classNames: readonly string[];
  readonly warnings: readonly string[];
  readonly fingerprint: string;
  /** 1: grey. */
  readonly channels: 1 | 3;
  readonly train: readonly ListedImage[];
  readonly val: readonly ListedImage[];
  /** What settings are chosen by. */
  facts(): Promise<DataFacts>;
  /**
   * Pictures are read at the first call for a size, and kept where they fit into memory. `onSkip` hears once of each that
   * cannot be read.
   */
  batches(settings: BatchSettings, onSkip?: OnSkip): Promise<TrainingBatches>;
}

export type OnSkip = (file: string, reason: string) => void;

export type BatchSettings = Pick<Settings, 'imageSize' | 'batchSize' | 'seed' | 'augment' | 'flip'>;

/** Batches { x, y, file }; `file` has names. */
export interface TrainingBatches {
  readonly train: Dataset;
  readonly val: Dataset | undefined;
  /** Draws the first training batch, augmented, into a file. */
  drawFirst(file: string): Promise<void>;
}

/** @throws OcellusError ERR_OCELLUS_DATA (nothing there, no pictures, one class only) | ERR_OCELLUS_FORMAT */
export async function openData(place: string, options: HoldBackOptions): Promise<TrainingData> {
  const arrays = await readArrayFiles(place);
  const tables = arrays ? undefined : await openParquet(place, options);
  const data = arrays
    ? openArrays(place, arrays, options)
    : tables
      ? parquetData(place, tables)
      : await openFolder(place, options);
  const { classNames } = data;
  check(classNames.length > 1, 'ERR_OCELLUS_DATA', () => ({
    where: place,
    expected: arrays || tables ? 'two or more classes' : 'two or more class folders with pictures',
    got: `one, '${classNames[0]}'`,
    help: 'a classifier tells classes apart: make a folder for each',
  }));
  return data;
}

/** Training images of each class. */
export function countsOf({ train, classNames }: Pick<TrainingData, 'train' | 'classNames'>): number[] {
  const byName = new Map(classNames.map((name) => [name, 0]));
  for (const { className } of train) byName.set(className, (byName.get(className) ?? 0) + 1);
  return classNames.map((name) => byName.get(name) ?? 0);
}
