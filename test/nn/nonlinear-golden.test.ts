// Activation and normalization layers against Keras in double precision (scripts/goldens/nonlinear.py): outputs,
// gradients and running statistics, on every backend.

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { allocateMemory, type Backend, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import type { NumericArray } from '../../src/core/dtype.js';
import { sizeOf } from '../../src/core/shape.js';
import { gradients } from '../../src/graph/autodiff.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import { readSafetensors } from '../../src/io/safetensors.js';
import { sequential } from '../../src/nn/compose.js';
import { layerFactories } from '../../src/nn/layers/index.js';
import { buildNetwork } from '../../src/nn/network.js';
import { TestSource } from './harness.js';

const { addon } = loadAddon();
if (!addon) console.warn('golden values of layers on the native backend skipped: no addon');

interface Case {
  name: string;
  layer: string;
  options: Record<string, unknown>;
  shape: readonly number[];
  output: readonly number[];
  /** Shapes by name; the order is that of the file. */
  weights: Record<string, readonly number[]>;
  trained: readonly string[];
  /** Weights that the step changes. */
  statistics: readonly string[];
  scale: number;
  training?: boolean;
  integers?: boolean;
  tolerance?: number;
  data: Record<string, NumericArray>;
  expected: Record<string, NumericArray>;
}

async function readGoldens(): Promise<Case[]> {
  const file = fileURLToPath(new URL('nonlinear.safetensors', import.meta.url));
  const { tensors, metadata } = await readSafetensors(file);
  const reader = (name: string) => {
    const data = tensors.get(name)!.data;
    let at = 0;
    return (shape: readonly number[]) => data.slice(at, (at += sizeOf(shape)));
  };
  const [takeBytes, takeResult] = [reader('inputs'), reader('results')];
  const take = (shape: readonly number[], scale: number) =>
    Float32Array.from(takeBytes(shape), (byte) => (scale * (byte - 128)) / 64);
  const cases = JSON.parse(metadata.cases) as Case[];
  for (const golden of cases) {
    const { shape, output, weights, trained, statistics, integers } = golden;
    golden.data = {
      x: integers ? Int32Array.from(takeBytes(shape), (byte) => byte - 128) : take(shape, golden.scale),
      dy: take(output, 1),
    };
    for (const [name, own] of Object.entries(weights)) golden.data[name] = take(own, 1);
    golden.expected = { y: takeResult(output) };
    if (!integers) golden.expected.dx = takeResult(shape);
    for (const name of trained) golden.expected[`d${name}`] = takeResult(weights[name]);
    for (const name of statistics) golden.expected[name] = takeResult(weights[name]);
  }
  return cases;
}

function run(golden: Case, backend: Backend): Record<string, NumericArray> {
  const net = sequential([layerFactories[golden.layer]({ ...golden.options, name: 'it' })]);
  const graph = new Graph();
  const source = new TestSource();
  const x = graph.input('x', golden.shape, golden.integers ? 'int32' : 'float32');
  const dy = graph.input('dy', golden.output);
  const training = golden.training ?? false;
  const [y] = buildNetwork(net, { graph, inputs: [x], training, variables: source });
  const [weighted] = graph.emit('multiply', [y, dy]);
  const [loss] = graph.emit('reduceSum', [weighted], { axes: [...weighted.shape.keys()] });
  const declared = (name: string) => source.declared.get(`it/${name}`)!.variable;
  const differentiated = golden.integers ? golden.trained : ['x', ...golden.trained];
  const targets = differentiated.map((name) => (name === 'x' ? x : graph.variable(declared(name))));
  const found = gradients(graph, loss, targets);
  const outputs: Record<string, GraphValue> = { y: y as GraphValue };
  differentiated.forEach((name, i) => {
    outputs[`d${name}`] = found[i] as GraphValue;
  });
  const plan = compile(graph, { outputs, variables: source.variables, target: backend });
  const memory = allocateMemory(plan, backend);
  expect(Object.keys(golden.weights).sort(), 'the weights of the layer').toEqual(
    [...source.declared.keys()].map((path) => path.slice('it/'.length)).sort(),
  );
  for (const name of Object.keys(golden.weights)) viewBuffer(memory, declared(name)).set(golden.data[name]);
  for (const name of ['x', 'dy']) viewBuffer(memory, plan.inputs[name]).set(golden.data[name]);
  backend.load(plan, memory).runSync();
  const results = Object.keys(golden.expected).map((name) => {
    const buffer = golden.statistics.includes(name) ? declared(name) : plan.outputs[name];
    return [name, viewBuffer(memory, buffer)] as const;
  });
  return Object.fromEntries(results);
}

const largestOf = (lists: readonly NumericArray[]): number =>
  lists.reduce((most, list) => Math.max(most, ...[...list].map(Math.abs)), 0);

function expectNear(got: NumericArray, expected: NumericArray, allowed: number, what: string): void {
  expect(got.length, what).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs(got[i] - expected[i]) <= allowed, `${what}[${i}]: ${got[i]}, expected ${expected[i]}`).toBe(true);
  }
}

const cases = await readGoldens();
const backends: [string, Backend][] = [
  ['typescript', typescriptBackend],
  ...(addon?.isas() ?? []).map((isa): [string, Backend] => [
    `native, ${isa}`,
    selectBackend({ backend: 'native', isa, threads: 2 }),
  ]),
];

describe.each(backends)('%s', (_, backend) => {
  test.each(cases.map((golden) => [golden.name, golden] as const))('%s', (_name, golden) => {
    const got = run(golden, backend);
    const values = Object.values(golden.expected);
    for (const [name, expected] of Object.entries(golden.expected)) {
      // A gradient that should be 0 throughout is rounding: it is measured against the others.
      const largest = largestOf([expected]) > 1e-9 ? largestOf([expected]) : largestOf(values);
      expectNear(got[name], expected, largest * (golden.tolerance ?? 1e-5), `${golden.name}: ${name}`);
    }
  });
});
