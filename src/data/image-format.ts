// What kind of picture a file is, by its first bytes: its name may say anything.

/** Formats that pictures are read from. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'avif' | 'gif' | 'tiff';

/** Endings of names that pictures have; a folder's other files are passed over. */
export const imageExtensions = /\.(jpe?g|jpe|jfif|png|webp|avif|gif|tiff?|bmp|heic|heif)$/i;

/** The format, or undefined when it is none of them. */
export function sniffFormat(bytes: Uint8Array): ImageFormat | undefined {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'jpeg';
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (/^GIF8[79]a$/.test(text(0, 6))) return 'gif';
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return 'webp';
  if (text(0, 4) === 'II*\0' || text(0, 4) === 'MM\0*') return 'tiff';
  if (text(4, 8) === 'ftyp' && /avi[fs]/.test(text(8, 32))) return 'avif';
  return undefined;
}

/** What the bytes seem to be instead, for a message. */
export function describeBytes(bytes: Uint8Array): string {
  if (bytes.byteLength === 0) return 'an empty file';
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 64));
  const text = start.toString('latin1');
  const known: readonly (readonly [RegExp, string])[] = [
    [/^BM/, 'a BMP file'],
    [/^....ftyp(hei|hev|mif)/s, 'a HEIC file'],
    [/^\s*(<\?xml[^>]*>\s*)?<svg/, 'an SVG file'],
    [/^\s*<(!doctype|html)/i, 'a page of HTML'],
    [/^%PDF/, 'a PDF file'],
    [/^PK/, 'a zip file'],
    [/^[\t\n\r -~]+$/, `text that begins '${text.slice(0, 20).replaceAll(/\s+/g, ' ')}'`],
  ];
  return known.find(([pattern]) => pattern.test(text))?.[1] ?? `bytes ${start.subarray(0, 8).toString('hex')}…`;
}
