// Pictures for tests, made by sharp, and PNG files made by hand.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll } from 'vitest';

const shared = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../shared/data');

/** A folder or file of the reference data, or null, said aloud, where it is not at hand. */
export function reference(name: string): string | null {
  for (const base of [shared, path.resolve(process.cwd(), '../shared/data')]) {
    if (existsSync(path.join(base, name))) return path.join(base, name);
  }
  console.warn(`no ../shared/data/${name}: its tests are skipped`);
  return null;
}

/** An empty folder that goes away with the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'ocellus-images-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Unpacks an archive and returns where to. */
export function untar(archive: string): string {
  const folder = temporaryFolder();
  execFileSync('tar', ['xf', archive, '-C', folder]);
  return folder;
}

/** Pixels [height, width, 3] whose values tell where they are. */
export function gradient(height: number, width: number, shift = 0): Uint8Array {
  const pixels = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      pixels.set([(10 * y + shift) % 256, (10 * x + shift) % 256, 128], 3 * (y * width + x));
  }
  return pixels;
}

/** A sharp pipeline on such pixels. */
export const picture = (height: number, width: number, shift = 0) =>
  sharp(gradient(height, width, shift), { raw: { width, height, channels: 3 } });

/** A PNG file with this header and whatever pixel data; `depth` bits of colour type `type`. */
export function png(width: number, height: number, rows: Uint8Array, depth = 8, type = 2): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, type], 8);
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', new Uint8Array(0))];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks]);
}

function chunk(type: string, content: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + content.length);
  bytes.writeUInt32BE(content.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(content, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + content.length)), 8 + content.length);
  return bytes;
}
