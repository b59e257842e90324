// Pictures of the usual formats as bytes of one size, decoded by sharp (libvips) on its own threads.

import type { TensorView } from '../core/dtype.js';
import { check, checkName, checkOptions, OcellusError } from '../core/errors.js';
import { readBytes } from './file.js';
import { describeBytes, type ImageFormat, sniffFormat } from './image-format.js';
import { loadSharp } from './sharp.js';

export interface DecodeImageOptions {
  /** Height and width to bring the picture to; one number: both. Default: as it is. */
  readonly size?: number | readonly [height: number, width: number];
  /** Where the shape differs: 'crop' what sticks out, from both sides alike; 'pad' with `background`; 'stretch'. Default 'crop'. */
  readonly fit?: 'crop' | 'pad' | 'stretch';
  /** How pixels between pixels are made; smaller pictures are smoothed in every case but 'nearest'. Default 'bilinear'. */
  readonly interpolation?: 'nearest' | 'bilinear' | 'bicubic' | 'lanczos3';
  /** 1: grey (0.299 r + 0.587 g + 0.114 b), 3: red, green, blue, 4: alpha too, 255 where the file has none. Default 3. */
  readonly channels?: 1 | 3 | 4;
  /** Colour of the border, 0 to 255, and behind transparent pixels. Default: black border; alpha is dropped. */
  readonly background?: readonly [red: number, green: number, blue: number];
  /** Turn the picture as its EXIF entry says. Default true. */
  readonly autoOrient?: boolean;
  /** Most pixels of the file's picture. Default 100 million. */
  readonly maxPixels?: number;
  /** Most bytes of the file. Default 128 MiB. */
  readonly maxBytes?: number;
}

/** A picture as a tensor [height, width, channels]. */
export interface DecodedImage extends TensorView {
  readonly data: Uint8Array;
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly dtype: 'uint8';
  readonly format: ImageFormat;
  /** Height and width in the file, upright. */
  readonly originalSize: readonly [height: number, width: number];
}

export const decodeOptionNames = [
  'size',
  'fit',
  'interpolation',
  'channels',
  'background',
  'autoOrient',
  'maxPixels',
  'maxBytes',
];
const kernels = { nearest: 'nearest', bilinear: 'linear', bicubic: 'cubic', lanczos3: 'lanczos3' } as const;
const fits = { crop: 'cover', pad: 'contain', stretch: 'fill' } as const;

/**
 * Decodes a picture, a file or its bytes: JPEG, PNG, WebP, AVIF, GIF (its first frame), TIFF; grey, with a palette, with
 * 16 bits (the upper eight count), with alpha, turned by EXIF. Colour profiles are ignored, as Pillow does. Needs the
 * package `sharp`.
 *
 * @returns bytes [height, width, channels]
 * @throws OcellusError ERR_OCELLUS_FORMAT (no picture, corrupt, truncated, too many pixels) | ERR_OCELLUS_DATA (cannot
 * be read, too many bytes, sharp is absent)
 *
 * @example
 * const image = await decodeImage('photos/cat/1.jpg', { size: 32 });
 * image.shape; // [32, 32, 3]
 */
export async function decodeImage(image: string | Uint8Array, options: DecodeImageOptions = {}): Promise<DecodedImage> {
  checkDecodeOptions('decodeImage', options);
  const isFile = typeof image === 'string';
  check(isFile || image instanceof Uint8Array, 'ERR_OCELLUS_ARGUMENT', () => ({
    where: 'decodeImage',
    expected: 'the path of a file or its bytes as Uint8Array',
    got: image,
  }));
  const where = isFile ? image : 'decodeImage';
  const { maxBytes = 2 ** 27 } = options;
  const bytes = isFile ? await readBytes(image, 'an image', maxBytes) : image;
  check(bytes.byteLength <= maxBytes, 'ERR_OCELLUS_DATA', () => ({
    where,
    expected: `an image of at most ${maxBytes} bytes`,
    got: `${bytes.byteLength} bytes`,
    help: 'the option maxBytes allows more',
  }));
  const format = sniffFormat(bytes);
  if (!format) {
    throw new OcellusError('ERR_OCELLUS_FORMAT', {
      where,
      expected: 'a JPEG, PNG, WebP, AVIF, GIF or TIFF image',
      got: describeBytes(bytes),
    });
  }
  const { default: sharp } = await loadSharp();
  try {
    return await decode(sharp, where, bytes, format, options);
  } catch (cause) {
    if (cause instanceof OcellusError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new OcellusError('ERR_OCELLUS_FORMAT', {
      where,
      expected: `a whole ${format.toUpperCase()} image`,
      got: message.replaceAll(/\s+/g, ' ').slice(0, 160),
      cause,
    });
  }
}

async function decode(
  sharp: typeof import('sharp')['default'],
  where: string,
  bytes: Uint8Array,
  format: ImageFormat,
  options: DecodeImageOptions,
): Promise<DecodedImage> {
  const { size, fit = 'crop', interpolation = 'bilinear', channels = 3, background, autoOrient = true } = options;
  const { maxPixels = 1e8 } = options;
  // The limit is ours, to be told in our words; sharp's own would come before the header can be looked at.
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: false, ignoreIcc: true });
  const header = await image.metadata();
  check(header.width * header.height <= maxPixels, 'ERR_OCELLUS_FORMAT', () => ({
    where,
    expected: `an image of at most ${maxPixels} pixels`,
    got: `${header.width}x${header.height}`,
    help: 'the option maxPixels allows more',
  }));
  const upright = autoOrient ? header.autoOrient : header;
  if (autoOrient) image.autoOrient();
  const [red = 0, green = 0, blue = 0] = background ?? [];
  if (background && channels !== 4) image.flatten({ background: { r: red, g: green, b: blue } });
  if (size !== undefined) {
    const [height, width] = typeof size === 'number' ? [size, size] : size;
    const border = { r: red, g: green, b: blue, alpha: 1 };
    image.resize(width, height, { fit: fits[fit], kernel: kernels[interpolation], background: border });
  }
  image.toColourspace('srgb');
  const flat = channels === 4 ? image.ensureAlpha() : image.removeAlpha();
  const { data, info } = await flat.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return {
    data: channels === 1 ? toGrey(pixels) : pixels,
    shape: [info.height, info.width, channels],
    dtype: 'uint8',
    format,
    originalSize: [upright.height, upright.width],
  };
}

/** The luma of ITU-R BT.601 in 16-bit fractions: Pillow's, and what Keras's grey pictures are. */
function toGrey(rgb: Uint8Array): Uint8Array {
  const grey = new Uint8Array(rgb.length / 3);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = (19595 * rgb[3 * i] + 38470 * rgb[3 * i + 1] + 7471 * rgb[3 * i + 2] + 0x8000) >> 16;
  }
  return grey;
}

/** Checks names and values; `where` is the call in messages. */
export function checkDecodeOptions(
  where: string,
  options: DecodeImageOptions,
  names: readonly string[] = decodeOptionNames,
): void {
  checkOptions(where, options, names);
  const { size, fit = 'crop', interpolation = 'bilinear', channels = 3, background, maxPixels, maxBytes } = options;
  checkName(`${where}, option 'fit'`, fit, fits);
  checkName(`${where}, option 'interpolation'`, interpolation, kernels);
  const rule = (name: string, holds: boolean, expected: string, got: unknown) =>
    check(holds, 'ERR_OCELLUS_OPTION', () => ({ where: `${where}, option '${name}'`, expected, got }));
  const isWithin = (value: unknown, least: number, most: number) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
  const sizes = typeof size === 'number' ? [size] : (size ?? [1, 1]);
  rule(
    'size',
    Array.isArray(sizes) &&
      (typeof size === 'number' || sizes.length === 2) &&
      sizes.every((n) => isWithin(n, 1, 16384)),
    'a whole number from 1 to 16384, or [height, width]',
    size,
  );
  rule('channels', [1, 3, 4].includes(channels), '1, 3 or 4', channels);
  const colour: readonly number[] = background ?? [0, 0, 0];
  const isColour = Array.isArray(colour) && colour.length === 3 && colour.every((value) => isWithin(value, 0, 255));
  rule('background', isColour, '[red, green, blue], each from 0 to 255', background);
  for (const [name, value] of Object.entries({ maxPixels, maxBytes })) {
    if (value !== undefined)
      rule(name, isWithin(value, 1, Number.MAX_SAFE_INTEGER), 'a whole number of at least 1', value);
  }
}
