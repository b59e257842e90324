// Which backend is chosen, by options, by the environment, or because there is nothing else; and what is said about it.

import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadAddon } from '../../src/backend/load.js';
import { type BackendChoice, backendInfo, selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { errorOf } from '../train/harness.js';

const { addon, path: file } = loadAddon();
const isas = addon?.isas() ?? [];
if (!addon) console.warn('choosing instruction set and threads skipped: no addon');

beforeEach(() => {
  for (const name of ['OCELLUS_BACKEND', 'OCELLUS_ISA', 'OCELLUS_THREADS', 'OCELLUS_NATIVE_PATH']) vi.stubEnv(name, '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe('by options', () => {
  test('TypeScript is there everywhere', () => {
    expect(selectBackend({ backend: 'typescript' })).toBe(typescriptBackend);
    expect(backendInfo({ backend: 'typescript' })).toEqual({
      backend: 'typescript',
      isa: 'typescript',
      threads: 1,
      isas: [],
      addon: null,
      tried: [],
    });
  });

  test.each<[string, object, RegExp]>([
    ['an unknown backend', { backend: 'nativ' }, /expected one of auto, native, typescript, got 'nativ'/],
    ['an unknown option', { thread: 2 }, /did you mean 'threads'\?/],
  ])('%s is an error', async (_, choice, message) => {
    const error = await errorOf(() => selectBackend(choice as BackendChoice));
    expect(error.code).toBe('ERR_OCELLUS_OPTION');
    expect(error.message).toMatch(message);
  });

  test.skipIf(!addon).each<[string, object, RegExp]>([
    ['an instruction set that is not here', { isa: 'mmx' }, /expected one this machine runs: .*scalar.*, got 'mmx'/],
    ['no thread', { threads: 0 }, /expected an integer from 1 to \d+, got 0/],
    ['half a thread', { threads: 1.5 }, /got 1.5/],
    ['threads without number', { threads: Number.NaN }, /got NaN/],
    ['too many threads', { threads: 100_000 }, /got 100000/],
    ['an unknown mode of Winograd', { winograd: 'on' }, /winograd: expected one of auto, off, fast, got 'on'/],
  ])('%s is an error', async (_, choice, message) => {
    const error = await errorOf(() => selectBackend({ backend: 'native', ...choice }));
    expect(error.code).toBe('ERR_OCELLUS_OPTION');
    expect(error.message).toMatch(message);
  });

  test.skipIf(!addon)('the same choice gives the same object', () => {
    const choice = { backend: 'native', threads: 2 } as const;
    expect(selectBackend(choice)).toBe(selectBackend({ ...choice, isa: isas[0] }));
    expect(selectBackend(choice)).not.toBe(selectBackend({ ...choice, winograd: 'off' }));
  });

  test.skipIf(!addon)('every instruction set and number of threads', () => {
    for (const isa of isas) {
      const info = backendInfo({ isa, threads: 3 });
      expect(info).toEqual({ backend: 'native', isa, threads: 3, isas, addon: file, tried: expect.any(Array) });
    }
    expect(isas.at(-1)).toBe('scalar');
  });
});

describe('by the environment', () => {
  test('OCELLUS_BACKEND', async () => {
    vi.stubEnv('OCELLUS_BACKEND', 'typescript');
    expect(selectBackend()).toBe(typescriptBackend);
    expect(backendInfo().tried).toEqual([]);
    vi.stubEnv('OCELLUS_BACKEND', 'gpu');
    const error = await errorOf(() => selectBackend());
    expect(error.code).toBe('ERR_OCELLUS_OPTION');
    expect(error.message).toMatch(/OCELLUS_BACKEND.*expected one of auto, native, typescript, got 'gpu'/);
    expect(selectBackend({ backend: 'typescript' })).toBe(typescriptBackend);
  });

  test.skipIf(!addon)('OCELLUS_ISA and OCELLUS_THREADS', () => {
    vi.stubEnv('OCELLUS_ISA', 'scalar');
    vi.stubEnv('OCELLUS_THREADS', '5');
    expect(backendInfo()).toMatchObject({ backend: 'native', isa: 'scalar', threads: 5 });
    expect(backendInfo({ isa: isas[0], threads: 1 })).toMatchObject({ isa: isas[0], threads: 1 });
  });

  test.skipIf(!addon)('OCELLUS_ISA of another machine is an error that lists what is here', async () => {
    vi.stubEnv('OCELLUS_ISA', 'sve2');
    const error = await errorOf(() => selectBackend());
    expect(error.message).toContain('OCELLUS_ISA');
    expect(error.message).toContain(isas.join(', '));
  });

  test.skipIf(!addon).each(['0', '-1', '2.5', 'two', '1e9', 'NaN'])('OCELLUS_THREADS=%s is an error', async (value) => {
    vi.stubEnv('OCELLUS_THREADS', value);
    const error = await errorOf(() => selectBackend());
    expect(error.code).toBe('ERR_OCELLUS_OPTION');
    expect(error.message).toMatch(new RegExp(`OCELLUS_THREADS.*expected an integer from 1 .*got ${value}`));
  });

  test.skipIf(!addon)('nothing set: the best there is, no more threads than processors', () => {
    const { backend, isa, threads } = backendInfo();
    expect({ backend, isa }).toEqual({ backend: 'native', isa: isas[0] });
    expect(threads).toBeGreaterThanOrEqual(1);
    expect(threads).toBeLessThanOrEqual(os.cpus().length);
  });
});

describe('without an addon', () => {
  /** The modules as a process finds them in which no addon loads. */
  async function fresh() {
    vi.stubEnv('OCELLUS_NATIVE_PATH', 'nowhere/ocellus.node');
    vi.resetModules();
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    return { ...(await import('../../src/backend/select.js')), warn };
  }
  const attempt = { path: path.resolve('nowhere/ocellus.node'), problem: 'no such file' };

  test('auto takes TypeScript with one warning', async () => {
    const { selectBackend, backendInfo, warn } = await fresh();
    expect(selectBackend().name).toBe('typescript');
    expect(backendInfo()).toMatchObject({ backend: 'typescript', addon: null, tried: [attempt] });
    expect(selectBackend({ backend: 'auto' }).name).toBe('typescript');
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0][1]).toMatchObject({ code: 'OCELLUS_TYPESCRIPT_FALLBACK' });
  });

  test('TypeScript by name looks for nothing and warns of nothing', async () => {
    const { selectBackend, backendInfo, warn } = await fresh();
    expect(selectBackend({ backend: 'typescript' }).name).toBe('typescript');
    expect(backendInfo({ backend: 'typescript' }).tried).toEqual([]);
    expect(warn).not.toHaveBeenCalled();
  });

  test('native by name is an error with what was tried and what to do', async () => {
    const { selectBackend, warn } = await fresh();
    expect(() => selectBackend({ backend: 'native' })).toThrowError(
      expect.objectContaining({ code: 'ERR_OCELLUS_NATIVE', help: expect.stringContaining(attempt.path) }),
    );
    vi.stubEnv('OCELLUS_BACKEND', 'native');
    expect(() => selectBackend()).toThrowError(expect.objectContaining({ code: 'ERR_OCELLUS_NATIVE' }));
    expect(warn).not.toHaveBeenCalled();
  });
});
