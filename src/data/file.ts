// Reading whole files within limits, gzipped ones unpacked.

import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { check, OcellusError } from '../core/errors.js';

/** Most bytes of a file in memory where nobody says otherwise. */
export const defaultMaxBytes = 2 ** 32;

/**
 * The bytes of a file, at most `maxBytes`.
 *
 * @throws OcellusError ERR_OCELLUS_DATA when it cannot be read, is no file, or is larger
 */
export async function readBytes(file: string, kind: string, maxBytes = defaultMaxBytes): Promise<Uint8Array> {
  check(typeof file === 'string' && file !== '', 'ERR_OCELLUS_ARGUMENT', () => ({
    where: kind,
    expected: 'the path of a file',
    got: file,
  }));
  const fail = (got: string, cause?: unknown) =>
    new OcellusError('ERR_OCELLUS_DATA', { where: file, expected: `${kind} that can be read`, got, cause });
  const handle = await open(file, 'r').catch((cause) => {
    throw fail(cause.message, cause);
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw fail(stats.isDirectory() ? 'a folder' : 'a device, pipe or socket');
    check(stats.size <= maxBytes, 'ERR_OCELLUS_DATA', () => ({
      where: file,
      expected: `${kind} of at most ${maxBytes} bytes`,
      got: `${stats.size} bytes`,
      help: 'the option maxBytes allows more',
    }));
    return await handle.readFile();
  } catch (cause) {
    throw cause instanceof OcellusError ? cause : fail(cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    await handle.close();
  }
}

const unzip = promisify(gunzip);

/** `bytes`, unpacked if they are gzipped, to at most `maxBytes`. */
export async function unpacked(bytes: Uint8Array, where: string, maxBytes = defaultMaxBytes): Promise<Uint8Array> {
  if (!(bytes[0] === 0x1f && bytes[1] === 0x8b)) return bytes;
  try {
    return await unzip(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    const isLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new OcellusError('ERR_OCELLUS_FORMAT', {
      where,
      expected: isLarge ? `at most ${maxBytes} bytes when unpacked` : 'a whole gzip file',
      got: isLarge ? 'more' : cause instanceof Error ? cause.message : String(cause),
      help: isLarge ? undefined : 'the file is truncated or corrupt: copy or download it again',
      cause,
    });
  }
}
