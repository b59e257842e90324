// The pictures of a training: found once, decoded once where they fit into memory, changed anew in every epoch.

import { check } from '../../core/errors.js';
import type { Dataset } from '../../data/dataset.js';
import type { ImageSample, SkippedImage } from '../../data/decoding.js';
import { decodeImage } from '../../data/image.js';
import { type ImageFolderOptions, imageFolder } from '../../data/image-folder.js';
import type { ImageSet } from '../../data/image-set.js';
import type { Pipeline } from '../../data/pipeline.js';
import type { ImageFile } from '../../data/scan.js';
import { array } from '../../data/sources.js';
import { drawSheet } from './pictures.js';
import { augmentationOf, type Settings } from './settings.js';

/** Bytes of decoded pictures that are kept from epoch to epoch. */
const cacheLimit = 2 ** 29;
/** Pictures whose size is looked at, and pictures on the sheet of the first batch. */
const sampled = 32;
const shown = 32;
/** Of these, under way at the same time. */
const atOnce = 4;

interface Sample {
  readonly x: { readonly data: Uint8Array; readonly shape: readonly number[] };
  readonly y: number;
}

export interface TrainingData {
  readonly folder: string;
  readonly classNames: readonly string[];
  readonly warnings: readonly string[];
  readonly fingerprint: string;
  readonly train: readonly ImageFile[];
  readonly val: readonly ImageFile[];
  /** Of the shorter sides of some pictures, in pixels. */
  medianSide(): Promise<number>;
  batches(settings: BatchSettings, onSkip?: (file: string, reason: string) => void): Promise<TrainingBatches>;
}

export type BatchSettings = Pick<Settings, 'imageSize' | 'batchSize' | 'seed' | 'augment' | 'flip'>;

export interface TrainingBatches {
  readonly train: Dataset;
  readonly val: Dataset | undefined;
  /** Draws the first training batch, augmented, into a file. */
  drawFirst(file: string): Promise<void>;
}

/** @throws OcellusError ERR_OCELLUS_DATA (no folder, no pictures, one class only) */
export async function openData(
  folder: string,
  options: Pick<ImageFolderOptions, 'validationSplit' | 'seed'>,
): Promise<TrainingData> {
  const found = await imageFolder(folder, options);
  const { classNames, warnings, fingerprint } = found;
  check(classNames.length > 1, 'ERR_OCELLUS_DATA', () => ({
    where: folder,
    expected: 'two or more class folders with pictures',
    got: `one, '${classNames[0]}'`,
    help: 'a classifier tells classes apart: make a folder for each',
  }));
  return {
    folder,
    classNames,
    warnings,
    fingerprint,
    train: found.train.files,
    val: found.val?.files ?? [],
    medianSide: () => medianSide(found.train.files),
    async batches(settings, onSkip) {
      const { imageSize: size, batchSize } = settings;
      const told = onSkip && { onSkip: ({ file, reason }: SkippedImage) => onSkip(file, reason) };
      const sets = await imageFolder(folder, { ...options, size, shuffle: false, ...told });
      const train = augmented(sets.train, settings);
      return {
        train: train.batch(batchSize).prefetch(2),
        val: sets.val && kept(sets.val, size).batch(batchSize).prefetch(1),
        async drawFirst(file) {
          const pictures: Sample['x'][] = [];
          for await (const { x } of train.take(Math.min(shown, batchSize)).iterate(0)) pictures.push(x);
          await drawSheet(pictures, file);
        },
      };
    },
  };
}

/** The same pictures in every epoch, in the order of their names; decoded once where they fit into memory. */
function kept(set: ImageSet, size: number): Pipeline<ImageSample> {
  return set.files.length * size * size * 3 <= cacheLimit ? set.samples.cache() : set.samples;
}

function augmented(set: ImageSet, { imageSize, seed, ...settings }: BatchSettings): Pipeline<Sample> {
  const augmentation = augmentationOf(settings);
  const ordered = kept(set, imageSize).shuffle({
    seed,
    ...(set.files.length * imageSize ** 2 * 3 > cacheLimit && { bufferSize: 2048 }),
  });
  return ordered.map(({ x, y }, place) => ({
    x: augmentation ? (augmentation.apply(x, { seed, ...place }) as Sample['x']) : x,
    y,
  }));
}

async function medianSide(files: readonly ImageFile[]): Promise<number> {
  const step = Math.max(1, Math.floor(files.length / sampled));
  const some = files.filter((_, i) => i % step === 0).slice(0, sampled);
  // What cannot be decoded is told when the training comes to it.
  const side = ({ file }: ImageFile): Promise<number> =>
    decodeImage(file).then(
      ({ originalSize }) => Math.min(...originalSize),
      () => Number.NaN,
    );
  const sides = await array(some).map(side, { numParallelCalls: atOnce }).toArray();
  const known = sides.filter(Number.isFinite).sort((a, b) => a - b);
  return known[known.length >> 1] ?? 0;
}
