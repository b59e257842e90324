// Rounding of convolutions with many channels: relative L2 error against sums in double precision, for the direct and
// the Winograd algorithms of every instruction set. The tables that are printed are the figures to quote.

import { afterAll, describe, expect, test } from 'vitest';
import { allocateMemory, type Backend, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import type { NumericArray, TensorView } from '../../src/core/dtype.js';
import { Random } from '../../src/core/random.js';
import { formatTable } from '../../src/core/table.js';
import { gradients } from '../../src/graph/autodiff.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import type { Plan } from '../../src/graph/plan.js';
import { Variables } from '../../src/graph/variables.js';
import { runOp } from '../../src/ops/eager.js';
import type { AnyAttrs } from '../../src/ops/op.js';
import { builtin } from './harness.js';

const { addon } = loadAddon();
const isas = addon?.isas() ?? [];
if (!addon) console.warn('accuracy of the native kernels skipped: no addon');

const channels = 512;

interface Problem {
  name: string;
  kernel: number;
  /** Height and width of the image; the output is as large. */
  size: number;
  filters: number;
  winograd: 'off' | 'auto' | 'fast';
  /** Largest relative L2 error of the output. */
  bound: number;
}

const problems: readonly Problem[] = [
  { name: 'direct 3x3', kernel: 3, size: 8, filters: 512, winograd: 'off', bound: 1.5e-6 },
  { name: 'direct 5x5', kernel: 5, size: 6, filters: 512, winograd: 'off', bound: 1.5e-6 },
  { name: 'Winograd F(4,3)', kernel: 3, size: 8, filters: 512, winograd: 'auto', bound: 3e-6 },
  { name: 'Winograd F(2,5)', kernel: 5, size: 6, filters: 512, winograd: 'auto', bound: 3e-6 },
  { name: 'Winograd F(6,3)', kernel: 3, size: 24, filters: 16, winograd: 'fast', bound: 1.2e-5 },
];
const results = ['y', 'gradient of x', 'gradient of weight'] as const;

/** A convolution and both its gradients; dy is an input. */
function planOf({ kernel, size, filters }: Problem, backend: Backend): Plan {
  const graph = new Graph();
  const x = graph.input('x', [1, size, size, channels]);
  const weight = graph.input('weight', [kernel, kernel, channels, filters]);
  const dy = graph.input('dy', [1, size, size, filters]);
  const [y] = graph.emit('conv2d', [x, weight], { padding: Array(4).fill((kernel - 1) / 2) });
  const [loss] = graph.emit('multiply', [y, dy]);
  const [dx, dw] = gradients(graph, loss, [x, weight]) as GraphValue[];
  const outputs = { y, 'gradient of x': dx, 'gradient of weight': dw };
  return compile(graph, { outputs, variables: new Variables(), target: backend });
}

function dataFor({ inputs }: Plan): Record<string, Float32Array> {
  const random = new Random(17);
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => {
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal());
      return [name, data];
    }),
  );
}

/** The same in double precision, from the same numbers. */
function reference({ kernel, size }: Problem, plan: Plan, data: Record<string, Float32Array>): NumericArray[] {
  const [x, weight, dy] = ['x', 'weight', 'dy'].map(
    (name): TensorView => ({ ...plan.inputs[name], data: Float64Array.from(data[name]) }),
  );
  const padding = Array(4).fill((kernel - 1) / 2);
  const run = (op: string, inputs: TensorView[], attrs: AnyAttrs) =>
    runOp(builtin(op), inputs, { padding, ...attrs }, 64)[0].data;
  return [
    run('conv2d', [x, weight], {}),
    run('conv2dGradInput', [dy, weight], { inputSize: [size, size] }),
    run('conv2dGradWeight', [x, dy], { kernelSize: [kernel, kernel] }),
  ];
}

function relativeError(got: NumericArray, exact: NumericArray): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    difference += (got[i] - exact[i]) ** 2;
    norm += exact[i] ** 2;
  }
  return Math.sqrt(difference / norm);
}

describe.skipIf(!addon).each(problems.map((problem) => [problem.name, problem] as const))(
  '%s, 512 channels',
  (name, problem) => {
    const rows: string[][] = [];
    let exact: NumericArray[] | undefined;

    test.each(isas)('%s', (isa) => {
      const backend = selectBackend({
        backend: 'native',
        isa,
        threads: 2,
        winograd: problem.winograd,
        algorithm: problem.winograd === 'off' ? 'direct' : 'winograd',
      });
      const plan = planOf(problem, backend);
      const usesWinograd = plan.steps.some(({ op }) => op.name.startsWith('winograd'));
      expect(usesWinograd).toBe(problem.winograd !== 'off');
      const data = dataFor(plan);
      exact ??= reference(problem, plan, data);
      const memory = allocateMemory(plan, backend);
      for (const [input, values] of Object.entries(data)) viewBuffer(memory, plan.inputs[input]).set(values);
      backend.load(plan, memory).runSync();
      const errors = results.map((result, i) => relativeError(viewBuffer(memory, plan.outputs[result]), exact![i]));
      rows.push([isa, ...errors.map((error) => error.toExponential(2))]);
      errors.forEach((error, i) => expect(error, `${name}, ${isa}: ${results[i]}`).toBeLessThan(problem.bound));
    });

    afterAll(() => {
      const columns = ['relative L2 error', ...results].map((title) => ({ title }));
      console.log(`${name}, ${channels} channels\n${formatTable({ columns, rows })}`);
    });
  },
);
