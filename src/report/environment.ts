// The machine that a run was made on, and the calls that make it again.

import os from 'node:os';
import type { BackendInfo } from '../backend/select.js';
import type { Environment } from './data.js';

export interface EnvironmentFacts {
  readonly ocellus: string;
  readonly backend: Pick<BackendInfo, 'backend' | 'isa' | 'threads'>;
  readonly seed: number;
  readonly reproduce: readonly string[];
}

export function describeEnvironment({ ocellus, backend, seed, reproduce }: EnvironmentFacts): Environment {
  return {
    ocellus,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: os.cpus()[0]?.model ?? 'unknown',
    backend: backend.backend,
    ...(backend.isa && { isa: backend.isa }),
    threads: backend.threads,
    seed,
    reproduce,
  };
}
