// The gate: types, biome, clang-format, then every test. Ends with `N passed, N failed`.
// Options: --static (no tests), --format (write formats instead of checking). Other arguments are handed to vitest,
// which then runs alone: npm test -- test/ops
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { at, filesUnder, run, say, which } from './shared.mjs';

const options = process.argv.slice(2);
const only = (name) => options.includes(name);
const biome = (...args) => run(process.execPath, ['node_modules/@biomejs/biome/bin/biome', ...args]);
const cppFiles = filesUnder('native').filter((file) => /\.(cc|h)$/.test(file));

let passed = 0;
let failed = 0;
function gate(name, holds) {
  if (holds) passed++;
  else failed++;
  say(`${holds ? 'ok    ' : 'FAILED'} ${name}`);
}

function clangFormat(...args) {
  const program = which('clang-format-19');
  if (program) return run(program, [...args, ...cppFiles]);
  say('skipped clang-format: clang-format-19 is not installed');
  return null;
}

function checkStatic() {
  const types = (config) => run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config]);
  gate('types', types('tsconfig.check.json'));
  gate("types of the report's page", types('report/tsconfig.json'));
  gate('biome (format, lint)', biome('check', '--error-on-warnings', '--max-diagnostics=40'));
  const formatted = clangFormat('--dry-run', '--Werror');
  if (formatted !== null) gate('clang-format', formatted);
}

function runTests(args) {
  const report = at('.cache/vitest.json');
  mkdirSync(at('.cache'), { recursive: true });
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const ended = run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args]);
  const result = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null;
  passed += result?.numPassedTests ?? 0;
  failed += result?.numFailedTests ?? 0;
  // A file that could not be read, or a worker that died, fails no test of its own.
  if (!ended && !result?.numFailedTests) failed++;
}

if (only('--format')) {
  biome('check', '--write');
  clangFormat('-i');
} else if (only('--static')) {
  checkStatic();
} else if (options.length > 0) {
  runTests(options);
} else {
  checkStatic();
  runTests([]);
}
if (!only('--format')) console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
