// Looks at every picture of a folder once, a few at a time, and keeps some hundred bytes of each.

import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { OcellusError } from '../../core/errors.js';
import { readBytes } from '../../data/file.js';
import { decodeImage } from '../../data/image.js';
import { readImageHeader } from '../../data/image-header.js';
import { findImages, type ImageFile, type SplitName } from '../../data/scan.js';
import { array } from '../../data/sources.js';
import { type Looks, looksOf, sourceSide } from './fingerprint.js';

export interface SeenImage extends Looks {
  readonly name: string;
  readonly file: string;
  readonly split: SplitName;
  readonly className: string;
  /** SHA-256 of the file. */
  readonly digest: string;
  /** Upright. */
  readonly size: readonly [height: number, width: number];
  readonly orientation: number;
}

export interface CorruptImage {
  readonly name: string;
  readonly reason: string;
}

export interface Survey {
  /** Pictures that can be decoded, by part and name. */
  readonly images: readonly SeenImage[];
  readonly corrupt: readonly CorruptImage[];
  /** All classes, in the order of their names. */
  readonly classNames: readonly string[];
  readonly warnings: readonly string[];
}

const mostBytes = 2 ** 27;

/** @throws OcellusError ERR_OCELLUS_DATA when there are no pictures in class folders, or sharp is absent */
export async function surveyFolder(folder: string): Promise<Survey> {
  const { splits, warnings } = await findImages(folder);
  const files = Object.entries(splits).flatMap(([split, list]) =>
    list.map((image) => ({ image, split: split as SplitName })),
  );
  const images: SeenImage[] = [];
  const corrupt: CorruptImage[] = [];
  const looking = array(files).map(({ image, split }) => look(image, split), {
    numParallelCalls: Math.max(2, availableParallelism()),
  });
  for await (const seen of looking) {
    if ('reason' in seen) corrupt.push(seen);
    else images.push(seen);
  }
  const classNames = [...new Set(files.map(({ image }) => image.className))].sort();
  return { images, corrupt, classNames, warnings };
}

async function look({ file, name, className }: ImageFile, split: SplitName): Promise<SeenImage | CorruptImage> {
  try {
    const bytes = await readBytes(file, 'an image', mostBytes);
    const { size, orientation } = await readImageHeader(bytes, name);
    const { data } = await decodeImage(bytes, { size: sourceSide, fit: 'stretch' });
    const digest = createHash('sha256').update(bytes).digest('hex');
    return { ...looksOf(data), name, file, split, className, digest, size, orientation };
  } catch (error) {
    // A picture that cannot be decoded is what is looked for; without sharp none could be.
    if (!(error instanceof OcellusError) || error.where === 'decoding images') throw error;
    return { name, reason: `expected ${error.expected}, got ${String(error.got)}` };
  }
}
