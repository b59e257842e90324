// Parquet files of pictures as data to train with.

import type { ParquetPart, ParquetSets } from '../data/parquet-files.js';
import { encodedBatches } from './encoded-data.js';
import type { ListedImage, TrainingData } from './images.js';

/** Pictures whose size is looked at. */
const sampled = 8;
/** Rows, still encoded, that an order is drawn from where not all fit into memory. */
const bufferSize = 4096;

export function parquetData(place: string, { train, val, ...sets }: ParquetSets): TrainingData {
  const { classNames, warnings, fingerprint } = sets;
  const listed = (part: ParquetPart | undefined): ListedImage[] =>
    (part?.rows ?? []).map(({ file, y }) => ({ name: file, className: classNames[y] }));
  const lists = { train: listed(train), val: listed(val) };
  return {
    folder: place,
    classNames,
    warnings,
    fingerprint,
    channels: 3,
    ...lists,
    facts: async () => ({
      images: lists.train.length,
      classes: classNames.length,
      channels: 3,
      sizes: (await (await train.samples({ onSkip: () => undefined })).take(sampled).toArray()).map(
        ({ x }) => x.originalSize,
      ),
    }),
    batches: encodedBatches(lists, async ({ size, shuffleSeed, onSkip }) => ({
      train: await train.samples({
        size,
        onSkip,
        ...(shuffleSeed !== undefined && { shuffle: { seed: shuffleSeed, bufferSize } }),
      }),
      val: await val?.samples({ size, onSkip }),
    })),
  };
}
