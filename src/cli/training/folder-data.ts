// A folder of class folders as data to train with. It is walked through once.

import { ImageReader, type SkippedImage } from '../../data/decoding.js';
import { type ImageFolder, imageFolder } from '../../data/image-folder.js';
import { readImageHeader } from '../../data/image-header.js';
import { ImageSet } from '../../data/image-set.js';
import type { ImageFile } from '../../data/scan.js';
import { array } from '../../data/sources.js';
import { decodeFrames, type Frames } from '../data/frames.js';
import { frameBatches, streamedBatches } from './batches.js';
import type { OpenOptions, TrainingData } from './images.js';

/** Bytes of decoded pictures that are kept in memory. */
const cacheLimit = 2 ** 29;
/** Pictures whose size is looked at. */
const sampled = 32;
/** Of these, under way at the same time. */
const atOnce = 4;

export async function openFolder(folder: string, options: OpenOptions): Promise<TrainingData> {
  const found = await imageFolder(folder, options);
  const { classNames, warnings, fingerprint, train, val } = found;
  const kept = new Map<number, Promise<KeptFrames>>();
  const told = new Set<string>();
  return {
    folder,
    classNames,
    warnings,
    fingerprint,
    channels: 3,
    train: train.files,
    val: val?.files ?? [],
    facts: async () => ({
      images: train.files.length,
      classes: classNames.length,
      channels: 3,
      sizes: await sizesOf(train.files),
    }),
    async batches(settings, onSkip) {
      const { imageSize, seed } = settings;
      const tell = ({ file, reason }: SkippedImage) => {
        if (!onSkip || told.has(file)) return;
        told.add(file);
        onSkip(file, reason);
      };
      if ((train.files.length + (val?.files.length ?? 0)) * imageSize ** 2 * 3 > cacheLimit) {
        const sets = setsOf(found, imageSize, seed, tell);
        return streamedBatches(sets.train.samples, sets.val?.samples, settings);
      }
      const reading = kept.get(imageSize) ?? keepFrames(found, imageSize);
      kept.set(imageSize, reading);
      const frames = await reading;
      frames.skipped.forEach(tell);
      return frameBatches(frames.train, frames.val, settings);
    },
  };
}

interface KeptFrames {
  readonly train: Frames;
  readonly val: Frames | undefined;
  readonly skipped: readonly SkippedImage[];
}

async function keepFrames(found: ImageFolder, imageSize: number): Promise<KeptFrames> {
  const skipped: SkippedImage[] = [];
  const { train, val } = setsOf(found, imageSize, undefined, (one) => skipped.push(one));
  const shape = [imageSize, imageSize, 3] as const;
  return {
    train: await decodeFrames(train.samples, shape),
    val: val && (await decodeFrames(val.samples, shape)),
    skipped,
  };
}

/** The files that were found, decoded to one size; in the order of their names without a seed. */
function setsOf(
  { classNames, train, val }: ImageFolder,
  size: number,
  shuffleSeed: number | undefined,
  onSkip: (skipped: SkippedImage) => void,
) {
  const reader = new ImageReader('ocellus train', { size, onSkip });
  const common = { classNames, dropRemainder: false, reader };
  return {
    train: new ImageSet(train.files, { ...common, shuffleSeed }),
    val: val && new ImageSet(val.files, { ...common, shuffleSeed: undefined }),
  };
}

/** Heights and widths of some pictures, from their headers. What cannot be read is told when the training comes to it. */
async function sizesOf(files: readonly ImageFile[]): Promise<(readonly [number, number])[]> {
  const step = Math.max(1, Math.floor(files.length / sampled));
  const some = files.filter((_, i) => i % step === 0).slice(0, sampled);
  const read = ({ file }: ImageFile) =>
    readImageHeader(file).then(
      ({ size }) => [size],
      () => [],
    );
  return (await array(some).map(read, { numParallelCalls: atOnce }).toArray()).flat();
}
