// Forked workers: a crash in native code then takes one test file down, not the run. Few workers and few threads, so
// that a small machine is not oversubscribed. The time limits only catch hangs; no test measures speed by them.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 30_000,
    env: { OCELLUS_THREADS: process.env.OCELLUS_THREADS ?? '2' },
  },
});
