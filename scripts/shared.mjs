// What the scripts have in common: the project root, running a program, hashing files, remembering what was built.
// Node builtins only: it runs before node_modules exists.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const at = (...parts) => path.join(root, ...parts);

/** Progress goes to standard error: standard output belongs to the program that is run afterwards. */
export const say = (text) => process.stderr.write(`${text}\n`);

/**
 * Runs a program in the project root with its output on standard error, or silently into `log`.
 * Returns true when it ended with 0.
 */
export function run(program, args, { env = {}, log, cwd = root } = {}) {
  const result = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: log ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2],
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  if (log) {
    mkdirSync(path.dirname(log), { recursive: true });
    const failure = result.error ? `${result.error.message}\n` : '';
    writeFileSync(log, `${program} ${args.join(' ')}\n${result.stdout ?? ''}${result.stderr ?? ''}${failure}`);
  }
  return result.status === 0;
}

/** The first of `names` that is a program on the search path, or null. */
export function which(...names) {
  for (const name of names.filter(Boolean)) {
    const folders = name.includes('/') ? [''] : (process.env.PATH ?? '').split(path.delimiter);
    for (const folder of folders) {
      const file = path.join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        if (statSync(file).isFile()) return file;
      } catch {
        // not here
      }
    }
  }
  return null;
}

/** All files under `folder`, relative to the root, sorted. */
export function filesUnder(folder) {
  if (!existsSync(at(folder))) return [];
  return readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** One hash over names and contents of files and folders. */
export function hashOf(...paths) {
  const hash = createHash('sha256');
  for (const item of paths) {
    const isFolder = existsSync(at(item)) && statSync(at(item)).isDirectory();
    for (const file of isFolder ? filesUnder(item) : [item]) {
      hash.update(`${file}\0`);
      if (existsSync(at(file))) hash.update(readFileSync(at(file)));
    }
  }
  return hash.digest('hex');
}

const stampFile = (name) => at('.cache', `${name}.stamp`);

/** Whether `name` was last built from what `hash` stands for. */
export const isStamped = (name, hash) => existsSync(stampFile(name)) && readFileSync(stampFile(name), 'utf8') === hash;

export function stamp(name, hash) {
  mkdirSync(at('.cache'), { recursive: true });
  writeFileSync(stampFile(name), hash);
}

/** The last lines of a log, for an error message. */
export const tail = (file, lines = 30) => readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
