// The shape of the house, read from its text: which folder may import which (TypeScript and C++), Node-API in one place
// only, one complete source list, no file grown too long.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

function filesUnder(folder: string, pattern: RegExp): string[] {
  if (!existsSync(path.join(root, folder))) return [];
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => path.posix.join(folder, file))
    .filter((file) => pattern.test(file) && !file.includes('/node_modules/'))
    .sort();
}

// ---- who may import whom; a folder may always import itself, and everything may import core ------------------------

const sourceArrows: Record<string, readonly string[]> = {
  core: [],
  ops: [],
  graph: ['ops'],
  backend: ['ops', 'graph'],
  nn: ['ops', 'graph', 'data'],
  data: [],
  train: ['ops', 'graph', 'backend', 'nn', 'data'],
  io: ['nn'],
  model: ['graph', 'backend', 'nn', 'train', 'data', 'io'],
  explain: ['ops', 'graph', 'backend', 'nn', 'train', 'model', 'data'],
  zoo: ['nn', 'model'],
  report: ['backend', 'nn', 'model', 'train', 'data', 'io', 'explain'],
};
/** On top of everything: may import any folder. */
const sourceTop = ['cli'];

/** Leftmost first; each folder may include those before it and itself. */
const nativeOrder = ['base', 'simd', 'gemm', 'kernels', 'runtime', 'binding'];
/** Built once per instruction set: a weak symbol of theirs could carry too wide instructions into common code. */
const builtPerInstructionSet = ['simd', 'gemm', 'kernels'];
const plainHeaders = /^(math|stddef|stdint|stdlib|string|float|time|immintrin|arm_neon)\.h$/;

/** `from → to` for every import between folders of src that the table does not allow. */
function wrongImports(files: readonly string[]): string[] {
  const wrong: string[] = [];
  for (const file of files) {
    const folder = file.split('/')[1];
    const isTop = file.split('/').length === 2 || sourceTop.includes(folder);
    if (!isTop && !(folder in sourceArrows)) wrong.push(`${file}: folder '${folder}' has no row in the table`);
    if (isTop) continue;
    for (const [, specifier] of read(file).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)) {
      const target = path.posix.join(path.posix.dirname(file), specifier);
      const other = target.split('/')[1];
      const allowed = other === folder || other === 'core' || sourceArrows[folder]?.includes(other);
      if (!target.startsWith('src/') || !allowed) wrong.push(`${file} → ${target}`);
    }
  }
  return wrong;
}

const sources = filesUnder('src', /\.ts$/);
const nativeFiles = filesUnder('native', /\.(cc|h)$/).filter((file) => !file.startsWith('native/test/'));

function includesOf(file: string): { path: string; isSystem: boolean }[] {
  return [...read(file).matchAll(/^\s*#\s*include\s+([<"])([^>"]+)[>"]/gm)].map(([, bracket, name]) => ({
    path: name,
    isSystem: bracket === '<',
  }));
}

/** The folder of native that an include in quotes leads to, written from native/ or from the file's own folder. */
function includedFolder(file: string, name: string): string {
  const beside = path.posix.join(path.posix.dirname(file), name);
  const target = existsSync(path.join(root, beside)) ? beside : path.posix.join('native', name);
  return target === 'native/kernel.h' ? 'base' : target.split('/')[1];
}

describe('TypeScript', () => {
  test('imports follow the arrows', () => {
    expect(sources.length).toBeGreaterThan(0);
    expect(wrongImports(sources)).toEqual([]);
  });

  test('only Node and Ocellus itself are imported', () => {
    const foreign = sources
      .filter((file) => !file.startsWith('src/cli/'))
      .flatMap((file) =>
        [...read(file).matchAll(/^(?:import|export)\b[^;]*?\bfrom\s+'([^'.][^']*)'/gm)]
          .filter(([, specifier]) => !specifier.startsWith('node:'))
          .map(([, specifier]) => `${file} → ${specifier}`),
      );
    expect(foreign).toEqual([]);
  });
});

describe('C++', () => {
  test('includes lead only leftwards', () => {
    const wrong: string[] = [];
    for (const file of nativeFiles.filter((name) => name !== 'native/kernel.h')) {
      const rank = nativeOrder.indexOf(file.split('/')[1]);
      if (rank < 0) wrong.push(`${file}: folder without a place in the order`);
      for (const include of includesOf(file)) {
        if (include.isSystem) continue;
        const other = nativeOrder.indexOf(includedFolder(file, include.path));
        if (other < 0 || other > rank) wrong.push(`${file} → ${include.path}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('Node-API is included in binding only', () => {
    const wrong = nativeFiles.filter(
      (file) =>
        !file.startsWith('native/binding/') &&
        includesOf(file).some(({ path: name }) => /napi|node_api|^v8/.test(name)),
    );
    expect(wrong).toEqual([]);
  });

  test('files built per instruction set include only C headers and intrinsics, and name nothing of std', () => {
    const wrong: string[] = [];
    for (const file of nativeFiles) {
      if (!builtPerInstructionSet.includes(file.split('/')[1]) && file !== 'native/kernel.h') continue;
      for (const include of includesOf(file)) {
        if (include.isSystem && !plainHeaders.test(include.path)) wrong.push(`${file} → <${include.path}>`);
      }
      const code = read(file).replace(/\/\/.*$/gm, '');
      if (/\bstd::/.test(code)) wrong.push(`${file}: std::`);
    }
    expect(wrong).toEqual([]);
  });

  test('sources.gypi lists every source file, once', () => {
    const { core_sources: core, kernel_sources: kernels } = JSON.parse(read('native/sources.gypi')).variables;
    const present = nativeFiles.filter((file) => file.endsWith('.cc'));
    expect([...core, ...kernels].sort()).toEqual(present);
    const isKernel = (file: string) => builtPerInstructionSet.includes(file.split('/')[1]);
    expect([...kernels].sort()).toEqual(present.filter(isKernel));
  });
});

test('no file is longer than 500 lines', () => {
  const folders = ['src', 'native', 'test', 'bench', 'scripts', 'examples', 'report'];
  const long = folders
    .flatMap((folder) => filesUnder(folder, /\.(ts|mjs|cc|h)$/))
    .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
    .filter(({ lines }) => lines > 500);
  expect(long).toEqual([]);
});
