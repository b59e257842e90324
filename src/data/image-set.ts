// The pictures of one part of a folder as batches of bytes, in a seeded order of their names.

import type { ImageBatch, ImageReader, ImageSample } from './decoding.js';
import { Pipeline } from './pipeline.js';
import type { ImageFile } from './scan.js';
import { array } from './sources.js';

export interface ImageSetOptions {
  readonly classNames: readonly string[];
  readonly dropRemainder: boolean;
  /** Seed of the order; undefined: that of the names. */
  readonly shuffleSeed: number | undefined;
  readonly reader: ImageReader;
}

/**
 * Pictures of one part of a folder: a pipeline of batches. `samples` are the same ones by themselves, to change them
 * before they are batched.
 *
 * @example
 * const { train } = await imageFolder('photos', { size: 32 });
 * const flip = augment.randomFlip({ mode: 'horizontal' });
 * const batches = train.samples
 *   .map(({ x, y }, place) => ({ x: flip.apply(x, place), y }))
 *   .batch(4)
 *   .prefetch(2);
 */
export class ImageSet extends Pipeline<ImageBatch> {
  /** Pictures one by one, in the order of the epoch. */
  readonly samples: Pipeline<ImageSample>;
  /** Number of files by class. */
  readonly counts: Readonly<Record<string, number>>;

  constructor(
    /** In the order of their names. */
    readonly files: readonly ImageFile[],
    { classNames, dropRemainder, shuffleSeed, reader }: ImageSetOptions,
  ) {
    const labels = new Map(classNames.map((name, index) => [name, index]));
    const names = shuffleSeed === undefined ? array(files) : array(files).shuffle({ seed: shuffleSeed });
    const samples = reader.samples(
      names.map(({ file, name, className }) => ({ file: name, image: file, y: labels.get(className) as number })),
    );
    const batches = reader.batches(samples, dropRemainder);
    super(batches.open, batches);
    this.samples = samples;
    const counts: Record<string, number> = Object.fromEntries(classNames.map((name) => [name, 0]));
    for (const { className } of files) counts[className]++;
    this.counts = counts;
  }
}
