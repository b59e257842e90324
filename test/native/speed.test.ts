// A cheap guard against lost vectorization: ratios of best times within one run, with wide margins. Figures are for the
// benches; this only fails when a kernel has become several times slower.

import { describe, expect, it } from 'vitest';
import { allocateMemory, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { NativeBackend } from '../../src/backend/native.js';
import { compile } from '../../src/graph/compile.js';
import { Graph } from '../../src/graph/graph.js';
import { Variables } from '../../src/graph/variables.js';
import type { AnyAttrs } from '../../src/ops/op.js';

const { addon } = loadAddon();
if (!addon) console.warn('native speed guard skipped: no addon');

/** GFLOP/s of the best of some runs of one op. */
function speedOf(backend: NativeBackend, op: string, shapes: readonly number[][], attrs: AnyAttrs): number {
  const graph = new Graph();
  const inputs = shapes.map((shape, i) => graph.input(`x${i}`, shape));
  const outputs = graph.emit(op, inputs, attrs);
  const plan = compile(graph, { outputs: { y: outputs[0] }, variables: new Variables(), target: backend });
  const memory = allocateMemory(plan, backend);
  for (const input of Object.values(plan.inputs)) {
    viewBuffer(memory, input).forEach((_, i, all) => {
      all[i] = Math.sin(i);
    });
  }
  const executable = backend.load(plan, memory);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 12; i++) {
    const start = performance.now();
    executable.runSync();
    best = Math.min(best, performance.now() - start);
  }
  return plan.steps.reduce((sum, step) => sum + step.flops, 0) / best / 1e6;
}

describe.skipIf(!addon).each(addon?.isas().filter((isa) => isa !== 'scalar') ?? [])(
  '%s reaches a share of its peak',
  (isa) => {
    const direct = addon ? new NativeBackend(addon, isa, 1, 'off') : (null as never);
    const winograd = addon ? new NativeBackend(addon, isa, 1, 'auto') : (null as never);
    const peak = (): number => addon?.fmaPeak(isa, 1, 0.1) ?? 0;
    const window = { strides: [1, 1], padding: [1, 1, 1, 1] };

    it.each([
      [
        'matmul',
        direct,
        [
          [384, 384],
          [384, 384],
        ],
        {},
        0.3,
      ],
      [
        'conv2d',
        direct,
        [
          [2, 28, 28, 64],
          [3, 3, 64, 64],
        ],
        window,
        0.3,
      ],
      [
        'conv2dGradWeight',
        direct,
        [
          [2, 28, 28, 64],
          [2, 28, 28, 64],
        ],
        { ...window, kernelSize: [3, 3] },
        0.25,
      ],
      [
        'conv2d',
        winograd,
        [
          [2, 28, 28, 64],
          [3, 3, 64, 64],
        ],
        window,
        0.6,
      ],
    ] as const)('%s', (op, backend, shapes, attrs, share) => {
      expect(
        speedOf(
          backend,
          op,
          shapes.map((shape) => [...shape]),
          attrs,
        ) / peak(),
      ).toBeGreaterThan(share);
    });
  },
);
