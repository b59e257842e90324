// Encoded pictures, in files or in tables, as data to train with: decoded once and kept where they fit into memory.

import type { ImageSample, SkippedImage } from '../../data/decoding.js';
import type { Pipeline } from '../../data/pipeline.js';
import { decodeFrames, type Frames } from '../data/frames.js';
import { frameBatches, streamedBatches } from './batches.js';
import type { TrainingData } from './images.js';
import type { DataFacts } from './settings.js';

/** Bytes of decoded pictures that are kept in memory. */
const cacheLimit = 2 ** 29;

export interface OpenEncoded {
  /** Side that pictures are brought to. */
  readonly size: number;
  /** Seed of the order of the training pictures; undefined: as they are kept. */
  readonly shuffleSeed: number | undefined;
  readonly onSkip: (skipped: SkippedImage) => void;
}

export interface EncodedParts {
  readonly train: Pipeline<ImageSample>;
  readonly val: Pipeline<ImageSample> | undefined;
}

interface KeptFrames {
  readonly train: Frames;
  readonly val: Frames | undefined;
  readonly skipped: readonly SkippedImage[];
}

/** What is known of pictures before one is decoded. */
export type EncodedSource = Pick<TrainingData, 'folder' | 'classNames' | 'warnings' | 'fingerprint' | 'train' | 'val'>;

/** `sizesOf`: heights and widths of some training pictures. `open` decodes. */
export function encodedData(
  { folder, classNames, warnings, fingerprint, train, val }: EncodedSource,
  sizesOf: () => Promise<DataFacts['sizes']>,
  open: (options: OpenEncoded) => EncodedParts | Promise<EncodedParts>,
): TrainingData {
  const source = { folder, classNames, warnings, fingerprint, train, val };
  const counted = { images: train.length, classes: classNames.length, channels: 3 } as const;
  return {
    ...source,
    channels: 3,
    facts: async () => ({ ...counted, sizes: await sizesOf() }),
    batches: encodedBatches(source, open),
  };
}

/** Batches of pictures that `open` decodes. */
function encodedBatches(
  { train, val }: Pick<TrainingData, 'train' | 'val'>,
  open: (options: OpenEncoded) => EncodedParts | Promise<EncodedParts>,
): TrainingData['batches'] {
  const kept = new Map<number, Promise<KeptFrames>>();
  const told = new Set<string>();
  const keep = async (size: number): Promise<KeptFrames> => {
    const skipped: SkippedImage[] = [];
    const parts = await open({ size, shuffleSeed: undefined, onSkip: (one) => skipped.push(one) });
    const shape = [size, size, 3] as const;
    return {
      train: await decodeFrames(parts.train, shape, train.length),
      val: parts.val && (await decodeFrames(parts.val, shape, val.length)),
      skipped,
    };
  };
  return async (settings, onSkip) => {
    const { imageSize: size, seed } = settings;
    const tell = ({ file, reason }: SkippedImage) => {
      if (!onSkip || told.has(file)) return;
      told.add(file);
      onSkip(file, reason);
    };
    if ((train.length + val.length) * size ** 2 * 3 > cacheLimit) {
      const parts = await open({ size, shuffleSeed: seed, onSkip: tell });
      return streamedBatches(parts.train, parts.val, settings);
    }
    const reading = kept.get(size) ?? keep(size);
    kept.set(size, reading);
    const frames = await reading;
    frames.skipped.forEach(tell);
    return frameBatches(frames.train, frames.val, settings);
  };
}
