#!/usr/bin/env node
// Builds build/Release/ocellus.node: with node-gyp when Python and make are there, else with the compiler alone.
// Never downloads anything. Without a compiler it says so and ends well, unless --require is given.
// Options: --require (failure is an error), --direct (skip node-gyp).
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildDirect, findCompiler } from './build-direct.mjs';
import { findNodedir } from './nodedir.mjs';
import { at, run, say, which } from './shared.mjs';

const require = createRequire(import.meta.url);
const log = at('.cache/build-addon.log');

function findNodeGyp() {
  const candidates = [
    () => require.resolve('node-gyp/bin/node-gyp.js'),
    () => process.env.npm_config_node_gyp,
    () => path.resolve(process.execPath, '../../lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js'),
  ];
  for (const candidate of candidates) {
    try {
      const file = candidate();
      if (file && existsSync(file)) return file;
    } catch {
      // not installed
    }
  }
  return null;
}

function withNodeGyp(nodeGyp) {
  const args = [nodeGyp, 'configure', 'build', '--release', `--nodedir=${findNodedir()}`, '--jobs=max'];
  return run(process.execPath, args, { env: { npm_config_nodedir: undefined }, log });
}

/** Returns null when the addon stands, or one line that says why not. */
export async function buildAddon({ direct = false } = {}) {
  if (!findCompiler()) return 'no C++ compiler was found (Debian: apt install g++ make python3)';
  const output = at('build/Release/ocellus.node');
  const nodeGyp = direct || !which('make') || !which('python3', 'python') ? null : findNodeGyp();
  if (nodeGyp) {
    say('building the addon with node-gyp (takes a minute) …');
    if (withNodeGyp(nodeGyp) && existsSync(output)) return null;
    say(`node-gyp did not succeed, see ${path.relative(process.cwd(), log)}; trying the compiler alone`);
  } else {
    say('building the addon with the C++ compiler alone (takes a minute) …');
  }
  const problem = await buildDirect({ output, objects: at('build/direct') });
  if (problem === null) return null;
  say(problem.split('\n').slice(0, 40).join('\n'));
  return 'the addon does not compile';
}

// npm starts it through a link.
if (fileURLToPath(import.meta.url) === realpathSync(process.argv[1])) {
  const problem = await buildAddon({ direct: process.argv.includes('--direct') });
  say(problem ?? 'built build/Release/ocellus.node');
  if (problem && process.argv.includes('--require')) process.exitCode = 1;
}
