// A folder of class folders as data to train with. It is walked through once.

import { ImageReader } from '../../data/decoding.js';
import { type ImageFolder, imageFolder } from '../../data/image-folder.js';
import { readImageHeader } from '../../data/image-header.js';
import { ImageSet } from '../../data/image-set.js';
import type { ImageFile } from '../../data/scan.js';
import { array } from '../../data/sources.js';
import type { HoldBackOptions } from '../data/hold-back.js';
import { type EncodedParts, encodedData, type OpenEncoded } from './encoded-data.js';
import type { TrainingData } from './images.js';

/** Pictures whose size is looked at. */
const sampled = 32;
/** Of these, under way at the same time. */
const atOnce = 4;

export async function openFolder(folder: string, { seed, validationSplit }: HoldBackOptions): Promise<TrainingData> {
  const found = await imageFolder(folder, { seed, ...(validationSplit !== undefined && { validationSplit }) });
  const lists = { train: found.train.files, val: found.val?.files ?? [] };
  return encodedData(
    { ...found, ...lists, folder },
    () => sizesOf(lists.train),
    (open) => decoded(found, open),
  );
}

/** The files that were found, decoded to one size. */
function decoded({ classNames, train, val }: ImageFolder, { size, shuffleSeed, onSkip }: OpenEncoded): EncodedParts {
  const reader = new ImageReader('ocellus train', { size, onSkip });
  const common = { classNames, dropRemainder: false, reader };
  return {
    train: new ImageSet(train.files, { ...common, shuffleSeed }).samples,
    val: val && new ImageSet(val.files, { ...common, shuffleSeed: undefined }).samples,
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
