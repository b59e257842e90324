// Values and gradients against PyTorch in double precision (scripts/goldens/ops.py): each case goes
// through graph, autodiff, fusion, lowering and memory planner, on every backend, with and without Winograd.

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { chooseAlgorithm } from '../../src/backend/algorithms.js';
import { allocateMemory, type Backend, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import type { NumericArray } from '../../src/core/dtype.js';
import { sizeOf } from '../../src/core/shape.js';
import { gradients } from '../../src/graph/autodiff.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import type { Plan } from '../../src/graph/plan.js';
import { Variables } from '../../src/graph/variables.js';
import { readSafetensors } from '../../src/io/safetensors.js';
import type { AnyAttrs, Value } from '../../src/ops/op.js';

const { addon } = loadAddon();
if (!addon) console.warn('golden values of the native backend skipped: no addon');

/** Largest difference, relative to the largest value expected. */
const defaultTolerance = 1e-5;

type Shapes = Record<string, readonly number[]>;

interface Case {
  name: string;
  inputs: Shapes;
  /** Inputs of type int32. */
  integers: readonly string[];
  steps: readonly { op: string; inputs: readonly string[]; outputs: readonly string[]; attrs: AnyAttrs }[];
  values: Shapes;
  /** The loss is the sum of these values, each times the input `d<value>`. */
  weighted: readonly string[];
  gradients: readonly string[];
  tolerance?: number;
  data: Record<string, NumericArray>;
  expected: Record<string, NumericArray>;
}

async function readGoldens(): Promise<Case[]> {
  const file = fileURLToPath(new URL('goldens.safetensors', import.meta.url));
  const { tensors, metadata } = await readSafetensors(file);
  const reader = (name: string) => {
    const data = tensors.get(name)!.data;
    let at = 0;
    return (length: number) => data.slice(at, (at += length));
  };
  const [takeBytes, takeResult] = [reader('inputs'), reader('results')];
  const takeInput = (length: number) => Float32Array.from(takeBytes(length), (byte) => (byte - 128) / 64);
  const cases = JSON.parse(metadata.cases) as Case[];
  for (const golden of cases) {
    const { inputs, integers, values } = golden;
    const take = (name: string) => (integers.includes(name) ? takeBytes : takeInput)(sizeOf(inputs[name]));
    golden.data = Object.fromEntries(Object.keys(inputs).map((name) => [name, take(name)]));
    const results: [string, readonly number[]][] = Object.entries(values);
    for (const name of golden.gradients) results.push([`gradient of ${name}`, inputs[name]]);
    golden.expected = Object.fromEntries(results.map(([name, shape]) => [name, takeResult(sizeOf(shape))]));
  }
  return cases;
}

/** What is computed where: [name, compiled for, run by]. */
function targets(): [string, Backend][] {
  const winogradInTypescript: Backend = {
    ...typescriptBackend,
    algorithm: (node) =>
      chooseAlgorithm(node, { algorithm: 'winograd', winograd: 'auto', isa: 'avx512', weightIsFixed: true }),
  };
  const native = (addon?.isas() ?? []).flatMap((isa) =>
    (['direct', 'winograd'] as const).map((algorithm): [string, Backend] => [
      `native, ${isa}, ${algorithm}`,
      selectBackend({ backend: 'native', isa, threads: 2, algorithm }),
    ]),
  );
  return [['typescript', typescriptBackend], ['typescript, winograd', winogradInTypescript], ...native];
}

function planOf(golden: Case, backend: Backend): Plan {
  const graph = new Graph();
  const values: Record<string, Value> = {};
  for (const [name, shape] of Object.entries(golden.inputs)) {
    values[name] = graph.input(name, shape, golden.integers.includes(name) ? 'int32' : 'float32');
  }
  for (const { op, inputs, outputs, attrs } of golden.steps) {
    const emitted = graph.emit(
      op,
      inputs.map((name) => values[name]),
      attrs,
    );
    outputs.forEach((name, i) => {
      values[name] = emitted[i];
    });
  }
  const terms = golden.weighted.map((name) => {
    const [weighted] = graph.emit('multiply', [values[name], values[`d${name}`]]);
    return graph.emit('reduceSum', [weighted], { axes: weighted.shape.map((_, axis) => axis), keepDims: 0 })[0];
  });
  const loss = terms.reduce((sum, term) => graph.emit('add', [sum, term])[0]);
  const derived = gradients(
    graph,
    loss,
    golden.gradients.map((name) => values[name]),
  );
  const outputs: Record<string, Value> = {};
  for (const name of Object.keys(golden.values)) outputs[name] = values[name];
  golden.gradients.forEach((name, i) => {
    outputs[`gradient of ${name}`] = derived[i] as GraphValue;
  });
  return compile(graph, { outputs, variables: new Variables(), target: backend });
}

function expectNear(got: NumericArray, expected: NumericArray, tolerance: number, what: string): void {
  expect(got.length, what).toBe(expected.length);
  let [worst, scale] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(got[i] - expected[i]);
    worst = Number.isFinite(difference) ? Math.max(worst, difference) : Number.POSITIVE_INFINITY;
    scale = Math.max(scale, Math.abs(expected[i]));
  }
  expect(worst / scale, what).toBeLessThanOrEqual(tolerance);
}

const cases = await readGoldens();

describe.each(targets())('%s', (_, backend) => {
  test.each(cases.map((golden) => [golden.name, golden] as const))('%s', (_name, golden) => {
    const plan = planOf(golden, backend);
    const memory = allocateMemory(plan, backend);
    for (const [name, values] of Object.entries(golden.data)) viewBuffer(memory, plan.inputs[name]).set(values);
    backend.load(plan, memory).runSync();
    for (const [name, expected] of Object.entries(golden.expected)) {
      const got = viewBuffer(memory, plan.outputs[name]);
      expectNear(got, expected, golden.tolerance ?? defaultTolerance, `${golden.name}: ${name}`);
    }
  });
});

test('Winograd runs where it is asked for', () => {
  const used = (backend: Backend) =>
    cases.filter((golden) => planOf(golden, backend).steps.some(({ op }) => op.name.startsWith('winograd'))).length;
  for (const [name, backend] of targets()) expect(used(backend), name).toBe(name.includes('winograd') ? 7 : 0);
});
