// Files of pictures as batches of bytes: a seeded order of names, decoded a few at a time, what is corrupt passed over.

import { OcellusError } from '../core/errors.js';
import { extents } from './extent.js';
import { type DecodedImage, type DecodeImageOptions, decodeImage } from './image.js';
import { Pipeline } from './pipeline.js';
import type { ImageFile } from './scan.js';
import { array } from './sources.js';
import type { Stacked } from './stack.js';

/** One picture of a folder. */
export interface ImageSample {
  /** [height, width, channels] */
  readonly x: DecodedImage;
  /** Number of the class. */
  readonly y: number;
  /** The file's name in the folder. */
  readonly file: string;
}

/** x: bytes [batch, height, width, channels]; y: class numbers [batch]; file: names. */
export type ImageBatch = Stacked<ImageSample>;

/** A file that could not be used. */
export interface SkippedImage {
  readonly file: string;
  readonly reason: string;
}

export interface ImageSetOptions {
  readonly decode: DecodeImageOptions & { readonly size: number | readonly [number, number] };
  readonly classNames: readonly string[];
  readonly batchSize: number;
  readonly dropRemainder: boolean;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly numParallelCalls: number;
  readonly prefetch: number;
  /** Hears of a file that cannot be used, once, and throws where that is fatal. */
  readonly skip: (file: ImageFile, error: OcellusError) => void;
  readonly isSkipped: (file: ImageFile) => boolean;
}

/**
 * Pictures of one part of a folder: a pipeline of batches. `samples` are the same ones by themselves, to change them
 * before they are batched.
 *
 * @example
 * const { train } = await imageFolder('photos', { size: 32 });
 * const batches = train.samples.map(({ x, y }) => ({ x: x.data.reverse(), y })).batch(4).prefetch(2);
 */
export class ImageSet extends Pipeline<ImageBatch> {
  /** Pictures one by one, in the order of the epoch. */
  readonly samples: Pipeline<ImageSample>;
  /** Number of files by class. */
  readonly counts: Readonly<Record<string, number>>;

  constructor(
    /** In the order of their names. */
    readonly files: readonly ImageFile[],
    options: ImageSetOptions,
  ) {
    const { batchSize, dropRemainder, prefetch, classNames } = options;
    const samples = decoded(files, options);
    const batches = samples.batch(batchSize, { dropRemainder }).prefetch(prefetch);
    super(batches.open, batches);
    this.samples = samples;
    const counts: Record<string, number> = Object.fromEntries(classNames.map((name) => [name, 0]));
    for (const { className } of files) counts[className]++;
    this.counts = counts;
  }
}

function decoded(files: readonly ImageFile[], options: ImageSetOptions): Pipeline<ImageSample> {
  const { decode, classNames, shuffle, seed, numParallelCalls, skip, isSkipped } = options;
  const labels = new Map(classNames.map((name, index) => [name, index]));
  const names = shuffle ? array(files).shuffle({ seed }) : array(files);
  const read = async (image: ImageFile): Promise<ImageSample | undefined> => {
    try {
      return { x: await decodeImage(image.file, decode), y: labels.get(image.className) as number, file: image.name };
    } catch (error) {
      if (!(error instanceof OcellusError)) throw error;
      skip(image, error);
      return undefined;
    }
  };
  const pictures = names.filter((image) => !isSkipped(image)).map(read, { numParallelCalls });
  return new Pipeline<ImageSample>(async function* (run) {
    let isEmpty = true;
    for await (const picture of pictures.open(run)) {
      if (!picture) continue;
      isEmpty = false;
      yield picture;
    }
    if (!isEmpty || files.length === 0 || run.signal.aborted) return;
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: 'imageFolder',
      expected: 'at least one image that can be decoded',
      got: `${files.length} that cannot`,
    });
  }, extents.of(files.length));
}
