// Does whatever is missing or stale, nothing twice: npm ci, TypeScript → dist/, the report's page → dist/report/page.html,
// C++ → build/Release/ocellus.node.
// Without a compiler it says so and goes on: Ocellus then runs on its TypeScript backend.
// Options: --verbose (say what is up to date), --require-addon (no addon is an error).
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { at, filesUnder, hashOf, isStamped, run, say, stamp, tail } from './shared.mjs';

const verbose = process.argv.includes('--verbose');
const requireAddon = process.argv.includes('--require-addon');
const addon = at('build/Release/ocellus.node');

function stop(text) {
  say(text);
  process.exit(1);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) stop(`Ocellus needs Node 20.19, this is ${process.versions.node}.`);
}

/** Whether every package of package-lock.json that this machine can use is installed in the locked version. */
function dependenciesAreInstalled() {
  const installed = at('node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const want = JSON.parse(readFileSync(at('package-lock.json'), 'utf8')).packages;
  return Object.entries(want).every(
    ([name, entry]) => !name || entry.optional || have[name]?.version === entry.version,
  );
}

function installDependencies() {
  if (dependenciesAreInstalled()) return false;
  say('installing dependencies (npm ci) …');
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const options = [
    '--include=dev',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--loglevel=error',
  ];
  if (!run(npm[0], [...npm.slice(1), 'ci', ...options])) stop('npm ci failed: is the package registry within reach?');
  return true;
}

function buildTypeScript() {
  const hash = hashOf('src', 'tsconfig.json', 'package-lock.json');
  if (existsSync(at('dist/index.js')) && isStamped('typescript', hash)) return false;
  say('compiling TypeScript …');
  if (!run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']))
    stop('TypeScript found errors.');
  for (const file of filesUnder('dist').filter((name) => /\.(js|d\.ts)(\.map)?$/.test(name))) {
    const source = file.replace(/^dist/, 'src').replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (!existsSync(at(source))) rmSync(at(file));
  }
  stamp('typescript', hash);
  return true;
}

/** Where vite does not start, everything else works, but no report can be written. */
function buildPage() {
  const hash = hashOf('report', 'package-lock.json');
  const page = at('dist/report/page.html');
  if (existsSync(page) && isStamped('page', hash)) return false;
  rmSync(page, { force: true }); // one from other sources must not be used
  const log = at('.cache/page.log');
  const vite = (...args) => run(process.execPath, ['node_modules/vite/bin/vite.js', ...args], { log });
  if (!vite('--version')) {
    const reason = readFileSync(log, 'utf8').match(/.*Error.*/)?.[0] ?? tail(log, 3);
    const problem = `no page for reports: vite, which builds it, does not start (${reason.trim()}; npm ci installs it)`;
    if (requireAddon) stop(problem);
    say(`${problem}. Going on: everything but reports works.`);
    return true;
  }
  say("building the report's page …");
  if (!vite('build', '--config', 'report/vite.config.mjs', '--configLoader', 'native')) {
    stop(`vite found errors in report/:\n${tail(log)}`);
  }
  stamp('page', hash);
  return true;
}

async function buildNative() {
  const sources = filesUnder('native').filter((file) => !file.startsWith('native/test/'));
  const hash = hashOf(...sources, 'binding.gyp', 'package-lock.json');
  if (existsSync(addon) && isStamped('addon', hash)) return false;
  const { buildAddon } = await import('./build-addon.mjs');
  const problem = await buildAddon();
  if (problem === null) stamp('addon', hash);
  else rmSync(addon, { force: true }); // one from other sources must not be used
  if (problem && requireAddon) stop(problem);
  if (problem) say(`no native addon: ${problem}. Going on with the TypeScript backend (slower, same results).`);
  return true;
}

checkNode();
const worked = [installDependencies(), buildTypeScript(), buildPage(), await buildNative()].some(Boolean);
if (verbose) {
  const there = existsSync(addon) ? 'dist/ and build/Release/ocellus.node' : 'dist/ (no addon)';
  say(worked ? `ready: ${there}` : `up to date: ${there}`);
}
