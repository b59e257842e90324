// Runs the native tests under AddressSanitizer with UndefinedBehaviorSanitizer, then under ThreadSanitizer, then the
// addon's own tests in Node with the address-sanitized addon. Ends with `N passed, N failed`.
// Options: --address, --thread, --node (only these).
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { at, run, say, tail, which } from './shared.mjs';
import { Tally } from './tally.mjs';

const wanted = process.argv.slice(2);
const wants = (name) => wanted.length === 0 || wanted.includes(`--${name}`);
const settings = {
  ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1',
};
const tally = new Tally();

function build(kind, folder, ...options) {
  say(`building with the ${kind} sanitizer …`);
  const log = at('.cache', `${folder}.log`);
  const args = ['build', '-O', folder, `--CDOCELLUS_SANITIZE=${kind}`, ...options];
  const done = run(process.execPath, ['node_modules/cmake-js/bin/cmake-js', ...args], { log });
  return tally.check(`build with the ${kind} sanitizer`, done ? null : tail(log, 40));
}

/** Programs named for an instruction set run only where the processor has it. */
function isRunnable(program) {
  const flag = { avx2: 'avx2', avx512: 'avx512bw' }[program.split('.')[1]];
  return !flag || new RegExp(`\\b${flag}\\b`).test(readFileSync('/proc/cpuinfo', 'utf8'));
}

async function runNativeTests(kind, folder) {
  const programs = readdirSync(at(folder, 'test')).sort();
  for (const program of programs.filter((one) => !isRunnable(one))) {
    say(`skipped ${program}: this processor lacks the instruction set`);
  }
  const runnable = programs.filter(isRunnable);
  await tally.programs(runnable.map((name) => [`${kind}: ${name}`, [at(folder, 'test', name)], settings]));
}

/** Vitest in which the sanitizer's run time comes first and the sanitized addon is the one that is loaded. */
function runNodeTests(folder) {
  const library = spawnSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim();
  const env = {
    ...settings,
    LD_PRELOAD: library,
    ASAN_OPTIONS: `${settings.ASAN_OPTIONS}:detect_leaks=0`, // Node keeps what it never frees
    OCELLUS_NATIVE_PATH: at(folder, 'Release/ocellus.node'),
    OCELLUS_SANITIZED: '1',
  };
  const tests = ['test/native', 'test/ops/parity.test.ts'].filter((item) => existsSync(at(item)));
  // These look at the ordinary build, or at its speed.
  for (const name of ['binary', 'loader', 'speed']) tests.push('--exclude', `test/native/${name}.test.ts`);
  return tally.program('address: tests in Node', [process.execPath, 'scripts/check.mjs', ...tests], env);
}

if (!which('cmake') || !which('g++')) {
  say('skipped the sanitizers: cmake and g++ are needed');
} else {
  if ((wants('address') || wants('node')) && build('address', 'build-asan')) {
    if (wants('address')) await runNativeTests('address', 'build-asan');
    if (wants('node')) await runNodeTests('build-asan');
  }
  // What threads share does not depend on the instruction set: one is enough, and three times faster.
  if (wants('thread') && build('thread', 'build-tsan', '--CDOCELLUS_SIMD=OFF'))
    await runNativeTests('thread', 'build-tsan');
}
tally.finish();
