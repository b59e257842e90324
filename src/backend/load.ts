// Finds and loads the native addon, and explains in one place why there is none. Nothing happens on import: the first
// call looks, later calls get the same answer. A missing addon is one warning and never fatal, unless native was asked
// for by name.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { OcellusError } from '../core/errors.js';
import type { NativeAddon } from './native.js';

/** One file that was looked at and did not serve. */
export interface LoadAttempt {
  readonly path: string;
  readonly problem: string;
}

export interface LoadedAddon {
  readonly addon: NativeAddon | null;
  /** Where the addon came from; absent when there is none. */
  readonly path?: string;
  /** What was tried before, in order. */
  readonly tried: readonly LoadAttempt[];
}

const remedies = [
  'build it: `npm run build` in a clone, `npx ocellus-build` in a project that uses Ocellus (Debian: apt install g++)',
  'or point OCELLUS_NATIVE_PATH to an ocellus.node',
  'or set OCELLUS_BACKEND=typescript to choose the TypeScript backend without this warning',
];

let loaded: LoadedAddon | undefined;
let warned = false;

/**
 * The native addon, or null with the list of what was tried: $OCELLUS_NATIVE_PATH (alone, when set), then
 * build/Release/ocellus.node and prebuilds/<platform>-<arch>[.glibc|.musl]/ocellus.node in the package's folder.
 *
 * @example
 * const { addon, path, tried } = loadAddon();
 */
export function loadAddon(): LoadedAddon {
  loaded ??= search(candidates());
  return loaded;
}

/** Warns, once in a process, that the TypeScript backend takes over, and why. */
export function warnOfFallback(attempts: readonly LoadAttempt[] = loadAddon().tried): void {
  if (warned) return;
  warned = true;
  process.emitWarning('the native addon could not be loaded, the TypeScript backend takes over (slower)', {
    type: 'OcellusWarning',
    code: 'OCELLUS_TYPESCRIPT_FALLBACK',
    detail: explain(attempts),
  });
}

/** The error for a user who demanded the native backend. */
export function nativeMissing(attempts: readonly LoadAttempt[] = loadAddon().tried): OcellusError {
  return new OcellusError('ERR_OCELLUS_NATIVE', {
    where: 'native backend',
    expected: 'an addon that loads',
    got: attempts.length === 1 ? attempts[0].problem : `${attempts.length} files that do not`,
    help: explain(attempts),
  });
}

function explain(attempts: readonly LoadAttempt[]): string {
  const lines = ['tried:', ...attempts.map(({ path, problem }) => `  ${path}: ${problem}`)];
  return [...lines, 'what to do:', ...remedies.map((remedy) => `  ${remedy}`)].join('\n');
}

function search(files: readonly string[]): LoadedAddon {
  const require = createRequire(import.meta.url);
  const tried: LoadAttempt[] = [];
  for (const file of files) {
    if (!existsSync(file)) {
      tried.push({ path: file, problem: 'no such file' });
      continue;
    }
    try {
      return { addon: require(file) as NativeAddon, path: file, tried };
    } catch (error) {
      tried.push({ path: file, problem: problemOf(error) });
    }
  }
  return { addon: null, tried };
}

function candidates(): string[] {
  const asked = process.env.OCELLUS_NATIVE_PATH;
  if (asked) return [path.resolve(asked)];
  const root = packageRoot();
  const target = `${process.platform}-${process.arch}`;
  return [
    path.join(root, 'build', 'Release', 'ocellus.node'),
    path.join(root, 'prebuilds', process.platform === 'linux' ? `${target}.${libc()}` : target, 'ocellus.node'),
  ];
}

/** The folder whose package.json is named ocellus; works from src/ as well as from dist/. */
function packageRoot(): string {
  const start = path.dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = path.dirname(folder)) {
    if (isPackageRoot(folder)) return folder;
    if (path.dirname(folder) === folder) return path.resolve(start, '../..');
  }
}

function isPackageRoot(folder: string): boolean {
  try {
    return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')).name === 'ocellus';
  } catch {
    return false;
  }
}

/** A binary for one C library must not be loaded with the other: it could crash instead of failing. */
function libc(): 'glibc' | 'musl' {
  if (!process.report) return 'glibc';
  // Without this, a report may look up the names of all open connections. Newer than the type declarations of Node 20.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime ? 'glibc' : 'musl';
}

function problemOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_DLOPEN_DISABLED') return 'native addons are disabled (run node with --allow-addons)';
  return (message ?? String(error)).split('\n')[0];
}
