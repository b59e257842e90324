// Small pictures as data URIs, to be written into a page.

import type { NumericArray } from '../core/dtype.js';
import { loadSharp } from '../data/sharp.js';
import type { PictureUri } from './data.js';

/** Bytes from 0 to 255. */
export interface Picture {
  readonly data: NumericArray;
  /** [height, width, 1 or 3] */
  readonly shape: readonly number[];
}

/** Up to this side pictures are kept as they are, and larger ones as JPEG. */
const losslessSide = 32;

/** A picture whose longer side is at most `side`. */
export async function pictureUri({ data, shape }: Picture, side: number): Promise<PictureUri> {
  const { default: sharp } = await loadSharp();
  const [height, width, channels] = shape;
  const bytes = data instanceof Uint8Array ? data : Uint8Array.from(data, (value) => Math.min(255, Math.max(0, value)));
  const image = sharp(bytes, { raw: { width, height, channels: channels as 1 | 3 } }).toColourspace(
    channels === 1 ? 'b-w' : 'srgb',
  );
  if (Math.max(height, width) <= losslessSide) return uriOf('png', await image.png({ compressionLevel: 9 }).toBuffer());
  image.resize(side, side, { fit: 'inside', withoutEnlargement: true });
  return uriOf('jpeg', await image.jpeg({ quality: 82, mozjpeg: true }).toBuffer());
}

/** A PNG made smaller: at most `side` pixels, as JPEG where that takes much less. */
export async function reencoded(
  png: Uint8Array,
  { side, grey = false }: { side?: number; grey?: boolean },
): Promise<PictureUri> {
  const { default: sharp } = await loadSharp();
  const image = sharp(png);
  if (side) image.resize(side, side, { fit: 'inside', withoutEnlargement: true });
  if (grey) image.greyscale();
  const [exact, lossy] = await Promise.all([
    image.clone().png({ compressionLevel: 9 }).toBuffer(),
    image.clone().jpeg({ quality: 80, mozjpeg: true }).toBuffer(),
  ]);
  const isExact = exact.length < small || exact.length < worthwhile * lossy.length;
  return isExact ? uriOf('png', exact) : uriOf('jpeg', lossy);
}

/** Bytes that no picture is changed for, and how much smaller a larger one must become before its pixels may change. */
const small = 4096;
const worthwhile = 1.5;

export const uriOf = (format: string, bytes: Uint8Array): PictureUri =>
  `data:image/${format};base64,${Buffer.from(bytes).toString('base64')}`;
