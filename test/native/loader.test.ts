// Finding the addon: nothing is loaded on import, every failure is listed with a remedy, one warning and not two, and a
// demand for native that cannot be met is an error. Each case runs in a process of its own, from the sources.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const builtAddon = path.join(root, 'build/Release/ocellus.node');
const isBuilt = existsSync(builtAddon);
if (!isBuilt) console.warn('skipped the loader tests that need an addon: build/Release/ocellus.node is not built');

/** A package folder that holds the loader and what it imports, and no addon. */
let home: string;

beforeAll(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'ocellus-loader-'));
  writeFileSync(path.join(home, 'package.json'), JSON.stringify({ name: 'ocellus', type: 'module' }));
  for (const file of ['backend/load', 'core/errors']) {
    const text = readFileSync(path.join(root, `src/${file}.ts`), 'utf8');
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true };
    const target = path.join(home, `dist/${file}.js`);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, ts.transpileModule(text, { compilerOptions: options }).outputText);
  }
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

function inNode(script: string, { env = {}, flags = [] }: { env?: NodeJS.ProcessEnv; flags?: string[] } = {}) {
  const loader = JSON.stringify(path.join(home, 'dist/backend/load.js'));
  const text = `import * as loader from ${loader};\n${script}`;
  const args = [...flags, '--input-type=module', '-e', text];
  const result = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    cwd: os.tmpdir(),
    env: { ...process.env, OCELLUS_NATIVE_PATH: undefined, NODE_OPTIONS: undefined, LD_PRELOAD: undefined, ...env },
  });
  return { ...result, lines: result.stdout.trim().split('\n') };
}

const answer = 'console.log(JSON.stringify(loader.loadAddon()))';

describe('loadAddon', () => {
  test('lists what was tried, in order, when there is nothing', () => {
    const { addon, tried } = JSON.parse(inNode(answer).stdout);
    expect(addon).toBeNull();
    expect(tried[0]).toEqual({ path: path.join(home, 'build/Release/ocellus.node'), problem: 'no such file' });
    expect(tried[1].path).toContain(path.join(home, 'prebuilds', `${process.platform}-${process.arch}`));
    expect(tried.length).toBe(2);
  });

  test('OCELLUS_NATIVE_PATH is tried alone', () => {
    const { addon, tried } = JSON.parse(inNode(answer, { env: { OCELLUS_NATIVE_PATH: 'nowhere.node' } }).stdout);
    expect(addon).toBeNull();
    expect(tried).toEqual([{ path: path.join(os.tmpdir(), 'nowhere.node'), problem: 'no such file' }]);
  });

  test('a file that is no addon is a problem, not a crash', () => {
    const file = path.join(home, 'text.node');
    writeFileSync(file, 'this is not a shared object');
    const { addon, tried } = JSON.parse(inNode(answer, { env: { OCELLUS_NATIVE_PATH: file } }).stdout);
    expect(addon).toBeNull();
    expect(tried[0].path).toBe(file);
    expect(tried[0].problem).not.toBe('');
  });

  test('nothing is looked at on import', () => {
    const { status, stderr } = inNode('', { env: { OCELLUS_NATIVE_PATH: '/nowhere.node' } });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test.skipIf(!isBuilt)('finds build/Release, then prebuilds', () => {
    const prebuilt = JSON.parse(inNode(answer).stdout).tried[1].path;
    mkdirSync(path.dirname(prebuilt), { recursive: true });
    copyFileSync(builtAddon, prebuilt);
    const fallback = JSON.parse(inNode(answer).stdout);
    expect(fallback.path).toBe(prebuilt);
    expect(fallback.tried.length).toBe(1);

    const built = path.join(home, 'build/Release/ocellus.node');
    mkdirSync(path.dirname(built), { recursive: true });
    copyFileSync(builtAddon, built);
    const first = JSON.parse(inNode(answer).stdout);
    expect(first).toMatchObject({ path: built, tried: [] });
    rmSync(path.join(home, 'build'), { recursive: true });
    rmSync(path.join(home, 'prebuilds'), { recursive: true });
  });

  test.skipIf(!isBuilt)('falls back under the permission model', () => {
    const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
    const flags = [flag, '--allow-fs-read=*', '--no-warnings'];
    const { stdout, status } = inNode(answer, { flags, env: { OCELLUS_NATIVE_PATH: builtAddon } });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      addon: null,
      tried: [{ problem: expect.stringContaining('disabled') }],
    });
  });
});

describe('explaining', () => {
  test('the fallback is one warning with a code, what was tried and remedies', () => {
    const script = `
      process.on('warning', (warning) => console.log(JSON.stringify({ ...warning, message: warning.message })));
      loader.warnOfFallback();
      loader.warnOfFallback();`;
    const { lines } = inNode(script, { flags: ['--no-warnings'] });
    expect(lines.length).toBe(1);
    const warning = JSON.parse(lines[0]);
    expect(warning.code).toBe('OCELLUS_TYPESCRIPT_FALLBACK');
    expect(warning.detail).toContain(`${path.join(home, 'build/Release/ocellus.node')}: no such file`);
    expect(warning.detail).toContain('npm run build');
  });

  test('the warning reaches standard error', () => {
    const { stderr, stdout } = inNode('loader.warnOfFallback();');
    expect(stderr).toContain('[OCELLUS_TYPESCRIPT_FALLBACK]');
    expect(stderr).toContain('what to do:');
    expect(stdout).toBe('');
  });

  test('a demand for native is an error with the same list', () => {
    const script = 'try { throw loader.nativeMissing(); } catch (error) { console.log(JSON.stringify({ ...error })); }';
    const error = JSON.parse(inNode(script).stdout);
    expect(error.code).toBe('ERR_OCELLUS_NATIVE');
    expect(error.help).toContain('no such file');
    expect(error.help).toContain('OCELLUS_NATIVE_PATH');
  });
});
