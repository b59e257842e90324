// Values and gradients of losses against Keras 3 and PyTorch in float64 (scripts/goldens/losses.py): in double precision
// almost to the last digit, and in single precision on every backend.

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { allocateMemory, type Backend, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { loadDouble, typescriptBackend } from '../../src/backend/typescript.js';
import type { NumericArray } from '../../src/core/dtype.js';
import { sizeOf } from '../../src/core/shape.js';
import { gradients } from '../../src/graph/autodiff.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import type { Plan, PlanBuffer } from '../../src/graph/plan.js';
import { Variables } from '../../src/graph/variables.js';
import { readSafetensors } from '../../src/io/safetensors.js';
import { batchLoss, resolveLoss } from '../../src/nn/losses.js';

interface Case {
  readonly loss: { readonly name: string };
  /** Where the data begin, then their shape. */
  readonly target: readonly number[];
  readonly output: readonly number[];
  readonly weights?: readonly number[];
  readonly integer?: true;
  /** Value, then gradient. */
  readonly expected: NumericArray;
}

const file = fileURLToPath(new URL('losses.safetensors', import.meta.url));
const { tensors, metadata } = await readSafetensors(file);
const inputs = tensors.get('inputs')?.data as Float32Array;
const results = tensors.get('results')?.data as unknown as Float64Array;
let at = 0;
const cases = (JSON.parse(metadata.cases) as Omit<Case, 'expected'>[]).map((one): Case => {
  const from = at;
  at += 1 + sizeOf(one.output.slice(1));
  return { ...one, expected: results.subarray(from, at) };
});

const dataOf = ([offset, ...shape]: readonly number[]) => inputs.subarray(offset, offset + sizeOf(shape));

function planOf(golden: Case, backend?: Backend): Plan {
  const graph = new Graph();
  const [target, output, weights] = [golden.target, golden.output, golden.weights].map((item) => item?.slice(1));
  const loss = resolveLoss(golden.loss);
  const yPred = graph.input('output', output as number[]);
  const yTrue = graph.input('target', target as number[], golden.integer ? 'int32' : 'float32');
  expect(loss.targetSpec(yPred)).toEqual({ shape: yTrue.shape, dtype: yTrue.dtype });
  const value = batchLoss(graph, loss, yTrue, yPred, weights ? graph.input('weights', weights) : null);
  expect(value.shape).toEqual([]);
  const [gradient] = gradients(graph, value, [yPred]);
  return compile(graph, {
    outputs: { value, gradient: gradient as GraphValue },
    variables: new Variables(),
    ...(backend && { target: backend }),
  });
}

function compare(golden: Case, plan: Plan, view: (buffer: PlanBuffer) => NumericArray, run: () => void, near: number) {
  for (const name of ['target', 'output', 'weights'] as const) {
    const place = golden[name];
    if (place) view(plan.inputs[name]).set(dataOf(place));
  }
  run();
  const got = [...view(plan.outputs.value), ...view(plan.outputs.gradient)];
  let [worst, scale] = [0, 0];
  got.slice(1).forEach((value, i) => {
    worst = Math.max(worst, Math.abs(value - golden.expected[i + 1]));
    scale = Math.max(scale, Math.abs(golden.expected[i + 1]));
  });
  const what = JSON.stringify({ ...golden, expected: undefined });
  expect(Math.abs(got[0] - golden.expected[0]) / Math.max(1, Math.abs(golden.expected[0])), what).toBeLessThan(near);
  expect(worst / Math.max(scale, 1e-12), `gradient of ${what}`).toBeLessThan(near);
}

const byName = [...new Set(cases.map(({ loss }) => loss.name))].map(
  (name) => [name, cases.filter(({ loss }) => loss.name === name)] as const,
);
const { addon } = loadAddon();
if (!addon) console.warn('native goldens of losses skipped: no addon');
const backends: [string, Backend][] = [
  ['typescript', typescriptBackend],
  ...(addon?.isas() ?? []).map((isa): [string, Backend] => [
    `native ${isa}`,
    selectBackend({ backend: 'native', isa }),
  ]),
];

describe.each(byName)('%s', (_, list) => {
  test('in double precision', () => {
    for (const golden of list) {
      const plan = planOf(golden);
      const executable = loadDouble(plan);
      const view = (buffer: PlanBuffer) => executable.view(buffer).data;
      compare(golden, plan, view, () => executable.runSync(), 1e-9);
    }
  });

  test.each(backends)('%s', (_name, backend) => {
    for (const golden of list) {
      const plan = planOf(golden, backend);
      const memory = allocateMemory(plan, backend);
      const executable = backend.load(plan, memory);
      compare(
        golden,
        plan,
        (buffer) => viewBuffer(memory, buffer),
        () => executable.runSync(),
        2e-5,
      );
    }
  });
});
