// The built addon as a file: nothing weak in objects built per instruction set, nothing exported but its entry points,
// nothing needed that older systems lack, no change of floating-point mode in the process that loads it.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, type TestContext, test } from 'vitest';
import { loadAddon } from '../../src/backend/load.js';
import { builtinOps } from '../../src/ops/index.js';
import { signature } from '../../src/ops/op.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const addonFile = path.join(root, 'build/Release/ocellus.node');
const entryPoints = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
/** What every official Node 18 to 26 needs itself; C library and C++ library of RHEL 8 and Ubuntu 20.04. */
const newestAllowed: Record<string, string> = { GLIBC: '2.28', GLIBCXX: '3.4.25', CXXABI: '1.3.11' };
const allowedLibraries = /^(libstdc\+\+|libgcc_s|libm|libc|libpthread|libdl|ld-linux[\w-]*)\.so/;

function output(program: string, args: readonly string[]): string {
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.status !== 0) throw new Error(`${program}: ${result.error?.message ?? result.stderr}`);
  return result.stdout;
}

function skipAloud(context: TestContext, reason: string): never {
  console.warn(`skipped '${context.task.name}': ${reason}`);
  return context.skip(reason);
}

function needs(context: TestContext, file: string, tool?: string): void {
  if (process.platform !== 'linux') skipAloud(context, 'the file format is read with Linux tools');
  if (!existsSync(file)) skipAloud(context, `${path.relative(root, file)} is not built`);
  if (tool && spawnSync(tool, ['--version']).error) skipAloud(context, `${tool} is not installed`);
}

/** Object files of the instruction sets, by either way of building. */
function objectFiles(): string[] {
  const folders = [path.join(root, 'build/Release/obj.target'), path.join(root, 'build/direct')].filter(existsSync);
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => /^(ocellus_)?(scalar|avx2|avx512|neon)\/.*\.o$/.test(file))
      .map((file) => path.join(folder, file)),
  );
}

const compareVersions = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

describe('the addon as a file', () => {
  test('objects of instruction sets define no weak symbols', (context) => {
    needs(context, addonFile, 'nm');
    const objects = objectFiles();
    if (objects.length === 0) skipAloud(context, 'there are no object files in build/');
    const weak = objects.flatMap((file) =>
      output('nm', ['--defined-only', '-C', file])
        .split('\n')
        .filter((line) => / [WVu] /.test(line))
        .map((line) => `${path.relative(root, file)}: ${line.slice(17)}`),
    );
    expect(weak).toEqual([]);
  });

  test('objects of instruction sets run nothing when the addon is loaded', (context) => {
    needs(context, addonFile, 'objdump');
    const objects = objectFiles();
    if (objects.length === 0) skipAloud(context, 'there are no object files in build/');
    // A static initializer is code built for an instruction set that the processor may not have.
    const initialized = objects.filter((file) => /\.(init_array|ctors)/.test(output('objdump', ['-h', file])));
    expect(initialized.map((file) => path.relative(root, file))).toEqual([]);
  });

  test('exports its entry points and nothing else', (context) => {
    needs(context, addonFile, 'nm');
    const symbols = output('nm', ['-D', '--defined-only', addonFile]).trim().split('\n');
    expect(symbols.map((line) => line.slice(line.lastIndexOf(' ') + 1)).sort()).toEqual(entryPoints);
  });

  test('needs no newer C and C++ libraries than Node itself', (context) => {
    needs(context, addonFile, 'objdump');
    const versions = output('objdump', ['-T', addonFile]).matchAll(/\b(GLIBC|GLIBCXX|CXXABI)_([\d.]+)\b.*?(\S+)$/gm);
    const tooNew = [...versions].filter(([, library, version]) => compareVersions(version, newestAllowed[library]) > 0);
    expect(tooNew.map(([, library, version, symbol]) => `${symbol} ${library}_${version}`)).toEqual([]);
    const needed = [...output('objdump', ['-p', addonFile]).matchAll(/NEEDED\s+(\S+)/g)].map(([, name]) => name);
    expect(needed.filter((name) => !allowedLibraries.test(name))).toEqual([]);
  });

  test('loading it leaves denormal numbers alone', (context) => {
    needs(context, addonFile);
    const script = `require(${JSON.stringify(addonFile)}); console.log(2.2250738585072014e-308 * 0.5 !== 0)`;
    expect(output(process.execPath, ['-e', script]).trim()).toBe('true');
  });
});

describe('the two op tables', () => {
  test('native signatures equal those of the TypeScript rows', (context) => {
    const { addon } = loadAddon();
    if (!addon) return skipAloud(context, 'there is no native addon');
    const typescript = new Set([...builtinOps.values()].map(signature));
    for (const isa of addon.isas()) {
      const native = addon.kernels(isa);
      expect(native.filter((line) => !typescript.has(line))).toEqual([]);
      expect(new Set(native).size).toBe(native.length);
    }
  });

  test('every instruction set offers the same kernels', (context) => {
    const { addon } = loadAddon();
    if (!addon) return skipAloud(context, 'there is no native addon');
    const [best, ...others] = addon.isas().map((isa) => addon.kernels(isa).sort());
    for (const other of others) expect(other).toEqual(best);
  });
});
