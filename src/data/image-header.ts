// What the first bytes of a picture say about it, without decoding it.

import { type FileHandle, open } from 'node:fs/promises';
import { OcellusError } from '../core/errors.js';
import { describeBytes, type ImageFormat, sniffFormat } from './image-format.js';
import { loadSharp } from './sharp.js';

export interface ImageHeader {
  readonly format: ImageFormat;
  /** Upright. */
  readonly size: readonly [height: number, width: number];
  /** How EXIF says the picture is turned, 1 to 8; 1: it stands as it is, and so does one that says nothing. */
  readonly orientation: number;
}

const sniffed = 64;

/**
 * Reads the header of a picture, a file or its bytes; `where` opens the error messages.
 *
 * @throws OcellusError ERR_OCELLUS_DATA (cannot be read, sharp is absent) | ERR_OCELLUS_FORMAT (no picture, or not a whole
 * header)
 */
export async function readImageHeader(
  image: string | Uint8Array,
  where = typeof image === 'string' ? image : 'readImageHeader',
): Promise<ImageHeader> {
  const fail = (code: 'ERR_OCELLUS_DATA' | 'ERR_OCELLUS_FORMAT', got: string, cause?: unknown) =>
    new OcellusError(code, { where, expected: 'an image that can be read', got, cause });
  const start = typeof image === 'string' ? firstBytes(image) : image.subarray(0, sniffed);
  const bytes = await Promise.resolve(start).catch((cause) => {
    throw fail('ERR_OCELLUS_DATA', cause.message, cause);
  });
  // Else libvips might take the file for something that it reads and we do not.
  const format = sniffFormat(bytes);
  if (!format) throw fail('ERR_OCELLUS_FORMAT', describeBytes(bytes));
  const { default: sharp } = await loadSharp();
  const header = await sharp(image, { limitInputPixels: false })
    .metadata()
    .catch((cause) => {
      throw fail('ERR_OCELLUS_FORMAT', cause.message, cause);
    });
  const { height, width } = header.autoOrient;
  return { format, size: [height, width], orientation: header.orientation ?? 1 };
}

async function firstBytes(file: string): Promise<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const bytes = new Uint8Array(sniffed);
    const { bytesRead } = await handle.read(bytes, 0, sniffed, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle?.close();
  }
}
