// A file is replaced whole or not at all, whatever fails on the way.

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeFileAtomic } from '../../src/io/atomic.js';

const root = mkdtempSync(join(tmpdir(), 'ocellus-atomic-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
  file = join(folder, 'model.bin');
  writeFileSync(file, 'old');
});
afterEach(() => vi.restoreAllMocks());

const fresh = new TextEncoder().encode('new content');

describe('writeFileAtomic', () => {
  it('replaces a file and leaves nothing beside it', async () => {
    await writeFileAtomic(file, fresh);
    expect(readFileSync(file, 'utf8')).toBe('new content');
    expect(readdirSync(folder)).toEqual(['model.bin']);
  });

  it('writes empty files, new files and names as long as the system takes', async () => {
    const long = 'n'.repeat(255);
    await writeFileAtomic(join(folder, long), new Uint8Array(0));
    expect(readdirSync(folder).sort()).toEqual(['model.bin', long]);
  });

  it.each(['write', 'sync', 'chmod'] as const)('keeps the old file when %s fails', async (step) => {
    const handle = await open(file, 'r');
    const prototype = Object.getPrototypeOf(handle);
    await handle.close();
    vi.spyOn(prototype, step).mockRejectedValue(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }));
    await expect(writeFileAtomic(file, fresh)).rejects.toMatchObject({
      code: 'ERR_OCELLUS_DATA',
      cause: { code: 'ENOSPC' },
      message: expect.stringContaining(`${file}: expected a file that can be written, got ENOSPC`),
    });
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['model.bin']);
  });

  it('refuses folders, devices and folders that do not exist', async () => {
    mkdirSync(join(folder, 'sub'));
    await expect(writeFileAtomic(join(folder, 'sub'), fresh)).rejects.toThrow(/a folder of that name/);
    await expect(writeFileAtomic('/dev/null', fresh)).rejects.toThrow(/a device/);
    await expect(writeFileAtomic(join(folder, 'none', 'x'), fresh)).rejects.toThrow(/ENOENT[\s\S]*help: the folder/);
    await expect(writeFileAtomic('', fresh)).rejects.toMatchObject({ code: 'ERR_OCELLUS_ARGUMENT' });
    await expect(writeFileAtomic(undefined as never, fresh)).rejects.toMatchObject({ code: 'ERR_OCELLUS_ARGUMENT' });
    await expect(writeFileAtomic(`${file}\0`, fresh)).rejects.toMatchObject({ code: 'ERR_OCELLUS_DATA' });
    expect(readdirSync(folder).sort()).toEqual(['model.bin', 'sub']);
    expect(readdirSync(join(folder, 'sub'))).toEqual([]);
  });

  it('writes through a symbolic link and keeps the permissions', async () => {
    chmodSync(file, 0o600);
    const link = join(folder, 'link');
    symlinkSync('model.bin', link);
    await writeFileAtomic(link, fresh);
    expect(readFileSync(file, 'utf8')).toBe('new content');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(link, 'utf8')).toBe('new content');
    expect(readdirSync(folder).sort()).toEqual(['link', 'model.bin']);
  });

  it('never shows a reader, or a rival writer, half a file', async () => {
    const versions = Array.from({ length: 8 }, (_, i) => new Uint8Array(300_000).fill(i));
    let done = false;
    const writers = Promise.all(versions.map((bytes) => writeFileAtomic(file, bytes))).finally(() => {
      done = true;
    });
    while (!done) {
      const seen = readFileSync(file);
      expect(
        seen.equals(Buffer.from('old')) || (seen.length === 300_000 && seen.every((byte) => byte === seen[0])),
      ).toBe(true);
      await new Promise(setImmediate);
    }
    await writers;
    expect(readdirSync(folder)).toEqual(['model.bin']);
  });
});
