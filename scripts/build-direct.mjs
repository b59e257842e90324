// Builds the addon with a C++ compiler and nothing else (no make, no Python): compiles every file of
// native/sources.gypi once per instruction set and links. Also cross-compiles: buildDirect({ arch, cxx, output }).
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { at, root, which } from './shared.mjs';

const require = createRequire(import.meta.url);

/** The instruction sets of an architecture, beside `scalar`: name in sources.gypi → define of the registry. */
export const instructionSets = {
  x64: { avx2: 'OCELLUS_HAVE_AVX2', avx512: 'OCELLUS_HAVE_AVX512' },
  arm64: { neon: 'OCELLUS_HAVE_NEON' },
};

export const readSources = () => JSON.parse(readFileSync(at('native/sources.gypi'), 'utf8')).variables;

export const findCompiler = () => which(process.env.CXX, 'g++', 'c++', 'clang++');

const napiDefines = [
  'NAPI_VERSION=8',
  'NAPI_CPP_EXCEPTIONS',
  'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS', // those an environment throws while it is being terminated
  'NODE_GYP_MODULE_NAME=ocellus',
  'BUILDING_NODE_EXTENSION',
];

/** Every compilation of a build: source, object file and flags. */
export function compilations(arch, objectFolder, sources = readSources()) {
  const sets = instructionSets[arch] ?? {};
  const common = ['-std=gnu++17', '-fPIC', '-pthread', '-Inative'];
  const napi = [require('node-api-headers').include_dir, require('node-addon-api').include_dir.replaceAll('"', '')];
  const core = [
    ...Object.values(sets).map((define) => `-D${define}`),
    ...napiDefines.map((define) => `-D${define}`),
    ...napi.flatMap((folder) => ['-isystem', path.resolve(root, folder)]),
    ...sources.core_cflags,
  ];
  const entry = (group, source, flags) => ({
    source,
    object: path.join(objectFolder, group, `${source.replace(/\.cc$/, '').replaceAll('/', '.')}.o`),
    flags: [...common, ...flags],
  });
  const list = sources.core_sources.map((source) => entry('core', source, core));
  for (const set of ['scalar', ...Object.keys(sets)]) {
    const own = sources[set === 'scalar' ? 'scalar_cflags' : `${arch}_${set}_cflags`];
    const flags = [`-DOCELLUS_ISA=${set}`, ...sources.kernel_cflags, ...own];
    list.push(...sources.kernel_sources.map((source) => entry(set, source, flags)));
  }
  return list;
}

function spawned(program, args) {
  return new Promise((resolve) => {
    let text = '';
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk) => (text += chunk));
    child.stderr.on('data', (chunk) => (text += chunk));
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => resolve(code === 0 ? null : text || `${program} ended with ${code}`));
  });
}

/** Compiles a list of { source, object, flags }, as many at a time as there are processors. Null, or what went wrong. */
export async function compileAll(cxx, list, optimize = ['-O3']) {
  const queue = [...list];
  let problem = null;
  const worker = async () => {
    for (let job = queue.shift(); job && problem === null; job = queue.shift()) {
      mkdirSync(path.dirname(job.object), { recursive: true });
      problem ??= await spawned(cxx, [...optimize, ...job.flags, '-c', job.source, '-o', job.object]);
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, worker));
  return problem;
}

/** Builds the addon into `output`. Returns null, or what went wrong. */
export async function buildDirect({ arch = process.arch, cxx = findCompiler(), output, objects }) {
  if (!cxx) return 'no C++ compiler (CXX, g++, c++, clang++) was found';
  const list = compilations(arch, objects);
  const problem = await compileAll(cxx, list);
  if (problem) return problem;
  mkdirSync(path.dirname(output), { recursive: true });
  const exportsMap = `-Wl,--version-script=${at('native/exports.map')}`;
  const linkFlags =
    process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : [...readSources().link_flags, exportsMap];
  const temporary = `${output}.${process.pid}`;
  const link = ['-shared', '-pthread', ...list.map((job) => job.object), '-o', temporary, ...linkFlags];
  const linkProblem = await spawned(cxx, link);
  if (linkProblem === null) renameSync(temporary, output);
  return linkProblem;
}
