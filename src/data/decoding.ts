// Encoded pictures, files or bytes, into samples: a few at a time, in their order, what is corrupt passed over and noted.

import { availableParallelism } from 'node:os';
import { check, OcellusError } from '../core/errors.js';
import { type DecodedImage, type DecodeImageOptions, decodeImage, decodeOptionNames } from './image.js';
import { Pipeline } from './pipeline.js';
import { wholeNumber } from './run.js';
import type { Stacked } from './stack.js';

/** One picture with its class. */
export interface ImageSample {
  /** [height, width, channels] */
  readonly x: DecodedImage;
  /** Number of the class. */
  readonly y: number;
  /** Name of the file in its folder, or of the row in its table. */
  readonly file: string;
}

/** x: bytes [batch, height, width, channels]; y: class numbers [batch]; file: names. */
export type ImageBatch = Stacked<ImageSample>;

/** A picture that could not be used. */
export interface SkippedImage {
  readonly file: string;
  readonly reason: string;
}

/** Options of everything that reads many pictures. */
export interface ReadImagesOptions extends DecodeImageOptions {
  /** Height and width of all images; one number: both. Default 224. */
  readonly size?: number | readonly [height: number, width: number];
  /** Images in a batch. Default 32. */
  readonly batchSize?: number;
  /** What to do with images that cannot be decoded. Default 'skip', and tell. */
  readonly onError?: 'skip' | 'throw';
  /** Hears of every image that is skipped. Default: a warning of the process for each of the first five. */
  readonly onSkip?: (skipped: SkippedImage) => void;
  /**
   * Images decoded at the same time. Default: as many as there are processors. Node has four threads for this, unless the
   * environment's UV_THREADPOOL_SIZE says more when it starts.
   */
  readonly numParallelCalls?: number;
  /** Batches made ahead. Default 2. */
  readonly prefetch?: number;
}

export const readOptionNames = [
  ...decodeOptionNames,
  ...['batchSize', 'onError', 'onSkip', 'numParallelCalls', 'prefetch'],
];
const toldByDefault = 5;

/** Checks what `checkDecodeOptions` does not. */
export function checkReadOptions(where: string, options: ReadImagesOptions): void {
  const { batchSize = 1, numParallelCalls = 1, prefetch = 0, onError = 'skip' } = options;
  wholeNumber(`${where}, option 'batchSize'`, batchSize, 1);
  wholeNumber(`${where}, option 'numParallelCalls'`, numParallelCalls, 1);
  wholeNumber(`${where}, option 'prefetch'`, prefetch, 0);
  check(onError === 'skip' || onError === 'throw', 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'onError'`,
    expected: "'skip' or 'throw'",
    got: onError,
  }));
}

/** A picture before it is decoded: its name, its file or bytes, its class. */
export interface EncodedImage {
  readonly file: string;
  readonly image: string | Uint8Array;
  readonly y: number;
}

/** Decodes for one data set, and knows what of it cannot be used. */
export class ImageReader {
  private readonly skippedByName = new Map<string, SkippedImage>();
  private readonly decodeOptions: DecodeImageOptions;

  constructor(
    private readonly where: string,
    private readonly options: ReadImagesOptions,
  ) {
    const given = Object.entries(options).filter(([name]) => decodeOptionNames.includes(name));
    this.decodeOptions = { size: 224, ...Object.fromEntries(given) };
  }

  get skipped(): readonly SkippedImage[] {
    return [...this.skippedByName.values()];
  }

  /** The pictures in their order; those that cannot be decoded are missing, and never tried again. */
  samples(encoded: Pipeline<EncodedImage>): Pipeline<ImageSample> {
    const { numParallelCalls = Math.max(2, availableParallelism()) } = this.options;
    const { where } = this;
    const pictures = encoded
      .filter(({ file }) => !this.skippedByName.has(file))
      .map((image) => this.decode(image), { numParallelCalls });
    return new Pipeline<ImageSample>(async function* (run) {
      let isEmpty = true;
      for await (const picture of pictures.open(run)) {
        if (!picture) continue;
        isEmpty = false;
        yield picture;
      }
      if (!isEmpty || encoded.cardinality === 0 || run.signal.aborted) return;
      throw new OcellusError('ERR_OCELLUS_DATA', {
        where,
        expected: 'at least one image that can be decoded',
        got: `${encoded.cardinality} that cannot`,
      });
    }, encoded);
  }

  /** Batches of samples, made ahead. */
  batches(samples: Pipeline<ImageSample>, dropRemainder = false): Pipeline<ImageBatch> {
    const { batchSize = 32, prefetch = 2 } = this.options;
    return samples.batch(batchSize, { dropRemainder }).prefetch(prefetch);
  }

  private async decode({ file, image, y }: EncodedImage): Promise<ImageSample | undefined> {
    try {
      return { x: await decodeImage(image, this.decodeOptions), y, file };
    } catch (error) {
      if (!(error instanceof OcellusError) || this.options.onError === 'throw') throw error;
      // Bytes have no name of their own.
      this.skip(file, typeof image === 'string' ? error.message : error.message.replace(/^decodeImage/, file));
      return undefined;
    }
  }

  private skip(file: string, reason: string): void {
    if (this.skippedByName.has(file)) return;
    const entry = { file, reason };
    this.skippedByName.set(file, entry);
    if (this.options.onSkip) this.options.onSkip(entry);
    else if (this.skippedByName.size <= toldByDefault) process.emitWarning(`skipped ${reason}`);
  }
}
