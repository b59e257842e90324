// Runs the native tests under AddressSanitizer with UndefinedBehaviorSanitizer, then under ThreadSanitizer, then the
// addon's own tests in Node with the address-sanitized addon. Ends with `N passed, N failed`.
// Options: --address, --thread, --node (only these).
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { at, run, say, tail, which } from './shared.mjs';

const wanted = process.argv.slice(2);
const wants = (name) => wanted.length === 0 || wanted.includes(`--${name}`);
const settings = {
  ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1',
};
let passed = 0;
let failed = 0;

function fail(what, text) {
  failed++;
  say(`FAILED ${what}\n${text.trimEnd().split('\n').slice(0, 60).join('\n')}`);
}

/** Programs named for an instruction set run only where the processor has it. */
function isRunnable(program) {
  const flag = { avx2: 'avx2', avx512: 'avx512bw' }[program.split('.')[1]];
  return !flag || new RegExp(`\\b${flag}\\b`).test(readFileSync('/proc/cpuinfo', 'utf8'));
}

function build(kind, folder) {
  say(`building with the ${kind} sanitizer …`);
  const log = at('.cache', `${folder}.log`);
  const args = ['node_modules/cmake-js/bin/cmake-js', 'build', '-O', folder, `--CDOCELLUS_SANITIZE=${kind}`];
  const done = run(process.execPath, args, { log });
  if (!done) fail(`build with the ${kind} sanitizer`, tail(log, 40));
  return done;
}

function runNativeTests(kind, folder) {
  for (const program of readdirSync(at(folder, 'test')).sort()) {
    if (!isRunnable(program)) {
      say(`skipped ${program}: this processor lacks the instruction set`);
      continue;
    }
    const result = spawnSync(at(folder, 'test', program), { encoding: 'utf8', env: { ...process.env, ...settings } });
    const counts = /^(\d+) passed, (\d+) failed$/m.exec(result.stdout ?? '');
    passed += Number(counts?.[1] ?? 0);
    failed += Number(counts?.[2] ?? 0);
    if (result.status === 0 && counts) say(`ok     ${kind}: ${program}: ${counts[0]}`);
    else if (counts?.[2] > 0) say(`FAILED ${kind}: ${program}\n${result.stdout}`);
    else fail(`${kind}: ${program} (${result.signal ?? result.status})`, `${result.stdout}${result.stderr}`);
  }
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
  // These look at the ordinary build.
  for (const name of ['binary', 'loader']) tests.push('--exclude', `test/native/${name}.test.ts`);
  const log = at('.cache/sanitize-node.log');
  const done = run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...tests], { env, log });
  const counts = /Tests\s+(?:(\d+) failed \| )?(\d+) passed/.exec(stripColors(readFileSync(log, 'utf8')));
  passed += Number(counts?.[2] ?? 0);
  if (done && counts) say(`ok     address: ${counts[2]} tests in Node`);
  else fail('address: tests in Node', tail(log, 80));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
const stripColors = (text) => text.replace(/\x1b\[[0-9;]*m/g, '');

if (!which('cmake') || !which('g++')) {
  say('skipped the sanitizers: cmake and g++ are needed');
} else {
  if ((wants('address') || wants('node')) && build('address', 'build-asan')) {
    if (wants('address')) runNativeTests('address', 'build-asan');
    if (wants('node')) runNodeTests('build-asan');
  }
  if (wants('thread') && build('thread', 'build-tsan')) runNativeTests('thread', 'build-tsan');
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
