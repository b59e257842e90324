// Convolution layers against Keras and PyTorch in double precision (scripts/goldens/convolution.py): outputs and the
// gradients of input and weights, for every option, on every backend.

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
import { Graph } from '../../src/graph/graph.js';
import { readSafetensors } from '../../src/io/safetensors.js';
import { sequential } from '../../src/nn/compose.js';
import { layerFactories } from '../../src/nn/layers/index.js';
import { buildNetwork } from '../../src/nn/network.js';
import { TestSource } from './harness.js';

const { addon } = loadAddon();
if (!addon) console.warn('golden convolution layers on the native backend skipped: no addon');

/** Largest difference, relative to the largest value expected. */
const tolerance = 1e-5;

interface Case {
  layer: string;
  options: Record<string, unknown>;
  /** With the batch. */
  input: readonly number[];
  weights: readonly (readonly [name: string, shape: readonly number[]])[];
  output: readonly number[];
}

interface Golden extends Case {
  index: number;
  expected: Record<string, NumericArray>;
}

async function readGoldens(peer: string): Promise<Golden[]> {
  const file = fileURLToPath(new URL(`convolution.${peer}.safetensors`, import.meta.url));
  const { tensors, metadata } = await readSafetensors(file);
  const results = tensors.get('results')!.data;
  let at = 0;
  return (JSON.parse(metadata.cases) as Case[]).map((golden, index) => {
    const shapes = [['output', golden.output], ['input', golden.input], ...golden.weights] as const;
    const expected = shapes.map(([name, shape]) => [name, results.slice(at, (at += sizeOf(shape)))] as const);
    return { ...golden, index, expected: Object.fromEntries(expected) };
  });
}

/** The numbers of `filled` in the script. */
function filled(index: number, stream: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, place) => {
    let h = (Math.imul(place, 2654435761) + index * 40503 + stream * 97 + 1) >>> 0;
    h ^= h >>> 15;
    h = Math.imul(h, 2246822519) >>> 0;
    h ^= h >>> 13;
    return ((h & 255) - 128) / 64;
  });
}

/** Output and gradients by name: 'output', 'input', 'kernel', … */
function evaluate(golden: Golden, backend: Backend): Record<string, NumericArray> {
  const { index, options, input, weights } = golden;
  const net = sequential([layerFactories[golden.layer]({ ...options, name: 'layer' })], { inputShape: input.slice(1) });
  const source = new TestSource();
  const graph = new Graph();
  const x = graph.input('x', input);
  const [output] = buildNetwork(net, { graph, inputs: [x], training: true, variables: source });
  expect(output.shape).toEqual(golden.output);
  const coefficients = graph.input('coefficients', output.shape);
  const [product] = graph.emit('multiply', [output, coefficients]);
  const [loss] = graph.emit('reduceSum', [product], { axes: output.shape.map((_, axis) => axis) });
  const variables = weights.map(([name, shape]) => {
    const variable = source.variables.get(`layer/${name}`);
    expect(variable?.shape, name).toEqual(shape);
    return graph.variable(variable!);
  });
  const found = gradients(graph, loss, [x, ...variables]);
  const named = ['input', ...weights.map(([name]) => name)].map((name, i) => [name, found[i]!] as const);
  const outputs = { output, ...Object.fromEntries(named) };
  const plan = compile(graph, { outputs, variables: source.variables, target: backend });
  const memory = allocateMemory(plan, backend);
  const fill = (values: NumericArray, stream: number) => values.set(filled(index, stream, values.length));
  fill(viewBuffer(memory, plan.inputs.x), 0);
  weights.forEach(([name], i) => fill(viewBuffer(memory, source.variables.get(`layer/${name}`)!), 1 + i));
  fill(viewBuffer(memory, plan.inputs.coefficients), 1 + weights.length);
  backend.load(plan, memory).runSync();
  return Object.fromEntries(Object.keys(outputs).map((name) => [name, viewBuffer(memory, plan.outputs[name])]));
}

function worstDifference(got: NumericArray, expected: NumericArray): number {
  expect(got.length).toBe(expected.length);
  let [worst, scale] = [0, Number.MIN_VALUE];
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(got[i] - expected[i]);
    worst = Number.isFinite(difference) ? Math.max(worst, difference) : Number.POSITIVE_INFINITY;
    scale = Math.max(scale, Math.abs(expected[i]));
  }
  return worst === 0 ? 0 : worst / scale;
}

const backends: [string, Backend][] = [
  ['typescript', typescriptBackend],
  ...(addon?.isas() ?? []).map((isa): [string, Backend] => [
    `native, ${isa}`,
    selectBackend({ backend: 'native', isa, threads: 2 }),
  ]),
];

describe.each(['keras', 'torch'])('%s', async (peer) => {
  const goldens = await readGoldens(peer);
  const types = [...new Set(goldens.map(({ layer }) => layer))];

  describe.each(backends)('%s', (_, backend) => {
    test.each(types)('%s', (type) => {
      for (const golden of goldens.filter(({ layer }) => layer === type)) {
        const got = evaluate(golden, backend);
        for (const [name, expected] of Object.entries(golden.expected)) {
          const what = `${name} of ${type}(${JSON.stringify(golden.options)}) on ${golden.input.join('x')}`;
          expect(worstDifference(got[name], expected), what).toBeLessThanOrEqual(tolerance);
        }
      }
    });
  });
});
