// Regions as the native backend allocates them: zeroed, aligned, and of huge pages where the system gives them.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadAddon } from '../../src/backend/load.js';
import { NativeBackend } from '../../src/backend/native.js';

const { addon } = loadAddon();
const mode = (() => {
  try {
    return readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8');
  } catch {
    return '[never]';
  }
})();
const given = addon && !mode.includes('[never]');
if (!given) console.warn('huge pages skipped: no addon, or the system gives none');

/** Bytes of this process in huge pages. */
const hugeBytes = () =>
  1024 * Number(/AnonHugePages:\s*(\d+)/.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1]);

describe.runIf(addon)('regions of the native backend', () => {
  test.each([0, 1, 4096, 5 * 2 ** 20 + 3])('%i bytes, zeroed, from a multiple of 64', (bytes) => {
    const native = addon!;
    const region = new NativeBackend(native, native.isas()[0], 1).allocate(bytes);
    expect(region.byteLength).toBe(bytes);
    expect(native.alignOffset(region)).toBe(0);
    expect(region.every((byte) => byte === 0)).toBe(true);
  });

  test('advice on small memory changes nothing', () => {
    const small = Uint8Array.from([1, 2, 3]);
    addon!.adviseHugePages(small);
    addon!.adviseHugePages(new Uint8Array(0));
    expect([...small]).toEqual([1, 2, 3]);
  });

  test.runIf(given)('large ones lie in huge pages', () => {
    const before = hugeBytes();
    const region = new NativeBackend(addon!, addon!.isas()[0], 1).allocate(64 * 2 ** 20);
    region.fill(1);
    expect(hugeBytes() - before).toBeGreaterThanOrEqual(32 * 2 ** 20);
    expect(region[region.length - 1]).toBe(1);
  });
});
