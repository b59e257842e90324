// Packages that may be absent: asked for when needed, not before, and named when they are not there.

import { execFileSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import { loadPeer } from '../../src/data/peer.js';

describe('peers', () => {
  it('say how to install them', async () => {
    const absent = loadPeer('not-installed-here', 'decoding images', () => import('not-installed-here' as string));
    await expect(absent).rejects.toEqual(
      expect.objectContaining({
        code: 'ERR_OCELLUS_DATA',
        message: expect.stringMatching(
          /decoding images: expected the package 'not-installed-here', got none installed\n {2}help: npm install not-installed-here/,
        ),
      }),
    );
    const broken = loadPeer('sharp', 'decoding images', () => Promise.reject(new Error('\nlibvips: no such file')));
    await expect(broken).rejects.toThrow(/expected the package 'sharp', got libvips: no such file/);
  });

  it('are not loaded with the library', async () => {
    const sharp = vi.fn(() => ({ default: () => undefined }));
    vi.doMock('sharp', sharp);
    vi.doMock('hyparquet', sharp);
    await import('../../src/index.js');
    expect(sharp).not.toHaveBeenCalled();
    vi.doUnmock('sharp');
    vi.doUnmock('hyparquet');
  });

  it('come out of decodeImage as one error', async () => {
    vi.resetModules();
    vi.doMock('sharp', () => {
      throw new Error("Cannot find package 'sharp' imported from here");
    });
    const { decodeImage } = await import('../../src/data/image.js');
    await expect(decodeImage(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0))).rejects.toThrow(/npm install sharp/);
    vi.doUnmock('sharp');
  });

  it('Node itself tells an absent package in the words that are looked for', () => {
    const code = "import('not-installed-here').catch((error) => console.log(error.message))";
    const message = execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' });
    expect(message).toMatch(/cannot find (package|module) 'not-installed-here'/i);
  });
});
