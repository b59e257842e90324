// What npm would publish: its contents, and that it works in an empty project without any install script having run,
// first on the TypeScript backend, then with the addon built by `npx ocellus-build`. Ends with `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { at, root } from './shared.mjs';
import { Tally } from './tally.mjs';

const tally = new Tally();
const check = (name, problem) => tally.check(`package: ${name}`, problem);

function execute(program, args, cwd, env = {}) {
  const result = spawnSync(program, args, { cwd, encoding: 'utf8', env: { ...process.env, ...env } });
  const problem = result.status === 0 ? null : `${program} ${args.join(' ')}\n${result.stdout}${result.stderr}`;
  return { ...result, problem };
}

const quiet = ['--loglevel=error', '--no-audit', '--no-fund', '--prefer-offline'];
const needed = [
  'package.json',
  'README.md',
  'LICENSE',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/cli/main.js',
  'dist/report/page.html',
  'binding.gyp',
];
const unwanted =
  /^(test|bench|docs|examples|report|node_modules|build|\.ci|\.cache)\/|^native\/test\/|\.(tgz|log|node|stamp)$/;

const cache = at('.cache/package');
mkdirSync(cache, { recursive: true });
const project = mkdtempSync(path.join(os.tmpdir(), 'ocellus-package-'));
try {
  const packed = execute('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', cache, ...quiet], root);
  if (check('npm pack', packed.problem)) {
    const [{ filename, files }] = JSON.parse(packed.stdout);
    const names = files.map((file) => file.path);
    const missing = [...needed, 'native/kernel.h', 'native/sources.gypi'].filter((name) => !names.includes(name));
    check('nothing is missing', missing.join('\n'));
    check('nothing is there that should not be', names.filter((name) => unwanted.test(name)).join('\n'));

    writeFileSync(path.join(project, 'package.json'), '{ "private": true }');
    const install = ['install', '--ignore-scripts', path.join(cache, filename), ...quiet];
    if (check('installs without scripts', execute('npm', install, project).problem)) checkUse();
  }
} finally {
  rmSync(project, { recursive: true, force: true });
}
tally.finish();

function checkUse() {
  const node = (script, env) => execute(process.execPath, ['-e', script], project, { OCELLUS_BACKEND: '', ...env });
  const load = "import('ocellus').then((o) => console.log(o.backendInfo().backend))";
  const fallback = node(load);
  const warnings = fallback.stderr.split('OCELLUS_TYPESCRIPT_FALLBACK').length - 1;
  check('runs on TypeScript when nothing was built', fallback.stdout.trim() === 'typescript' ? null : fallback.stderr);
  check('warns once of the fallback', warnings === 1 ? null : `${warnings} warnings\n${fallback.stderr}`);
  const silent = node("import('ocellus')");
  check('import alone says nothing', silent.problem ?? silent.stderr);
  check('can be required', node("require('ocellus')").problem);
  const render = "import('./node_modules/ocellus/dist/report/html.js').then((report) => report.renderReport({}))";
  check('a report finds its page', node(render).problem);
  check('npx ocellus doctor', execute('npx', ['--no', 'ocellus', '--', 'doctor', '--json'], project).problem);

  const built = execute('npx', ['--no', 'ocellus-build', '--', '--require'], project);
  if (check('npx ocellus-build', built.problem)) {
    const native = node(load);
    check('runs on the built addon', native.stdout.trim() === 'native' ? null : native.stdout + native.stderr);
  }
}
