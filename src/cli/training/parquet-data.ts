// Parquet files of pictures as data to train with.

import type { ParquetPart, ParquetSets } from '../data/parquet-files.js';
import { encodedData } from './encoded-data.js';
import type { ListedImage, TrainingData } from './images.js';

/** Pictures whose size is looked at. */
const sampled = 8;
/** Rows, still encoded, that an order is drawn from where not all fit into memory. */
const bufferSize = 4096;

export function parquetData(place: string, { train, val, ...sets }: ParquetSets): TrainingData {
  const listed = (part: ParquetPart | undefined): ListedImage[] =>
    (part?.rows ?? []).map(({ file, y }) => ({ name: file, className: sets.classNames[y] }));
  return encodedData(
    { ...sets, folder: place, train: listed(train), val: listed(val) },
    async () => {
      const samples = await train.samples({ onSkip: () => undefined });
      return (await samples.take(sampled).toArray()).map(({ x }) => x.originalSize);
    },
    async ({ size, shuffleSeed, onSkip }) => ({
      train: await train.samples({
        size,
        onSkip,
        ...(shuffleSeed !== undefined && { shuffle: { seed: shuffleSeed, bufferSize } }),
      }),
      val: await val?.samples({ size, onSkip }),
    }),
  );
}
