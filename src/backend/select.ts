// Which backend runs: what the caller asked for, then the environment (OCELLUS_BACKEND, OCELLUS_ISA, OCELLUS_THREADS),
// then the best that loads. Nothing is read or loaded before the first call.

import { checkOptions, OcellusError } from '../core/errors.js';
import { type AlgorithmName, algorithmNames, type WinogradMode, winogradModes } from './algorithms.js';
import type { Backend } from './backend.js';
import { type LoadAttempt, loadAddon, nativeMissing, warnOfFallback } from './load.js';
import { NativeBackend } from './native.js';
import { typescriptBackend } from './typescript.js';

export interface BackendChoice {
  /** 'auto' (default): native when the addon loads, else TypeScript with one warning. */
  backend?: 'auto' | 'native' | 'typescript';
  /** Threads per step; default: the smaller of CPU affinity and cgroup quota. */
  threads?: number;
  /** 'avx512' | 'avx2' | 'neon' | 'scalar'; default: the best this machine runs. */
  isa?: string;
  /** Winograd's algorithm for convolutions: 'auto' (default), 'off', or 'fast' with larger tiles and more rounding. */
  winograd?: WinogradMode;
  /** Forces one algorithm for every convolution it can compute; default 'auto'. */
  algorithm?: AlgorithmName;
}

export interface BackendInfo {
  backend: 'native' | 'typescript';
  isa: string;
  threads: number;
  /** Instruction sets that `isa` may name here. */
  isas: string[];
  /** File of the addon, or null. */
  addon: string | null;
  /** Files that were tried and why they did not load. */
  tried: readonly LoadAttempt[];
}

const kinds = ['auto', 'native', 'typescript'] as const;
const maxThreads = 1024;
const cache = new Map<string, Backend>();

/**
 * The backend for a choice; the same choice gives the same object.
 *
 * @throws ERR_OCELLUS_NATIVE when native is asked for and does not load; ERR_OCELLUS_OPTION for unknown names.
 * @example
 * const backend = selectBackend({ backend: 'native', threads: 2 });
 */
export function selectBackend(choice: BackendChoice = {}): Backend {
  checkOptions('backend', choice, ['backend', 'threads', 'isa', 'winograd', 'algorithm']);
  const kind = choice.backend ?? (process.env.OCELLUS_BACKEND || 'auto');
  if (!kinds.includes(kind as 'auto')) {
    throw new OcellusError('ERR_OCELLUS_OPTION', {
      where: 'backend (backend, OCELLUS_BACKEND)',
      expected: `one of ${kinds.join(', ')}`,
      got: `'${kind}'`,
    });
  }
  if (kind === 'typescript') return typescriptBackend;
  const { addon, tried } = loadAddon();
  if (!addon) {
    if (kind === 'native') throw nativeMissing(tried);
    warnOfFallback(tried);
    return typescriptBackend;
  }
  const isas = addon.isas();
  const isa = choice.isa ?? (process.env.OCELLUS_ISA || isas[0]);
  if (!isas.includes(isa)) {
    throw new OcellusError('ERR_OCELLUS_OPTION', {
      where: 'instruction set (isa, OCELLUS_ISA)',
      expected: `one this machine runs: ${isas.join(', ')}`,
      got: `'${isa}'`,
    });
  }
  const threads = threadCount(choice.threads ?? (process.env.OCELLUS_THREADS || addon.defaultThreads()));
  const winograd = oneOf('winograd', choice.winograd ?? 'auto', winogradModes);
  const algorithm = oneOf('algorithm', choice.algorithm ?? 'auto', algorithmNames);
  const key = `${isa}/${threads}/${winograd}/${algorithm}`;
  const known = cache.get(key);
  if (known) return known;
  const backend = new NativeBackend(addon, isa, threads, winograd, algorithm);
  cache.set(key, backend);
  return backend;
}

/**
 * What computes here, and why: backend, instruction set, threads, the addon's file and what was tried.
 *
 * @example
 * console.log(backendInfo().isa); // 'avx512'
 */
export function backendInfo(choice: BackendChoice = {}): BackendInfo {
  const backend = selectBackend(choice);
  const { addon, path, tried } =
    backend.name === 'native' ? loadAddon() : { addon: null, path: null, tried: triedFiles(choice) };
  return {
    backend: backend.name,
    isa: backend.isa,
    threads: backend.threads,
    isas: addon?.isas() ?? [],
    addon: path ?? null,
    tried,
  };
}

/** Files looked at, without looking when TypeScript was chosen outright. */
function triedFiles(choice: BackendChoice): readonly LoadAttempt[] {
  const chosen = choice.backend ?? process.env.OCELLUS_BACKEND;
  return chosen === 'typescript' ? [] : loadAddon().tried;
}

function oneOf<T extends string>(where: string, value: T, known: readonly T[]): T {
  if (known.includes(value)) return value;
  throw new OcellusError('ERR_OCELLUS_OPTION', { where, expected: `one of ${known.join(', ')}`, got: `'${value}'` });
}

function threadCount(value: number | string): number {
  const threads = Number(value);
  if (Number.isInteger(threads) && threads >= 1 && threads <= maxThreads) return threads;
  throw new OcellusError('ERR_OCELLUS_OPTION', {
    where: 'threads (threads, OCELLUS_THREADS)',
    expected: `an integer from 1 to ${maxThreads}`,
    got: value,
  });
}
