// Replacing a file in one step: write a sibling, flush it, rename it over the target. Whoever reads the file, and a
// machine that loses power, sees the whole old file or the whole new one.

import { randomBytes } from 'node:crypto';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { check, OcellusError } from '../core/errors.js';

/**
 * Writes `bytes` to `file`, replacing it as a whole. After a failure the old file is untouched and nothing else is left
 * in its folder. A symbolic link keeps pointing where it did, and an existing file keeps its permission bits.
 *
 * @throws OcellusError ERR_OCELLUS_DATA with the file system's error as `cause`
 *
 * @example
 * await writeFileAtomic('model.bin', new Uint8Array([1, 2, 3]));
 */
export async function writeFileAtomic(file: string, bytes: Uint8Array): Promise<void> {
  check(typeof file === 'string' && file !== '', 'ERR_OCELLUS_ARGUMENT', () => ({
    where: 'writeFileAtomic: file',
    expected: 'a path',
    got: file,
  }));
  try {
    await replaceFile(await realpath(file).catch(() => resolve(file)), bytes);
  } catch (cause) {
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: file,
      expected: 'a file that can be written',
      got: cause instanceof Error ? cause.message : String(cause),
      help: `the folder ${dirname(resolve(file))} must exist, be writable and have space for ${bytes.byteLength} bytes`,
      cause,
    });
  }
}

async function replaceFile(target: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(target);
  const mode = await permissionsOf(target);
  // Short and independent of the target's name, which may already be as long as the file system allows.
  const temporary = join(folder, `.${basename(target).slice(0, 32)}.${randomBytes(6).toString('hex')}.tmp`);
  const handle = await open(temporary, 'wx', 0o666);
  try {
    try {
      await writeAll(handle, bytes);
      if (mode !== undefined) await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(folder);
}

/** Permission bits of an existing file, or undefined. Renaming over a folder or a device is refused. */
async function permissionsOf(file: string): Promise<number | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found) return undefined;
  if (!found.isFile()) throw new Error(`${found.isDirectory() ? 'a folder' : 'a device, pipe or socket'} of that name`);
  return found.mode & 0o777;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  const chunkBytes = 1 << 24;
  for (let at = 0; at < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, at, Math.min(chunkBytes, bytes.byteLength - at), at);
    at += bytesWritten;
  }
}

/** Best effort: makes the rename itself durable; some systems cannot open or flush a folder. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  if (!handle) return;
  await handle.sync().catch(() => undefined);
  await handle.close().catch(() => undefined);
}
