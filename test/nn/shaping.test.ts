// Layers that pool, move, resize and merge against PyTorch and Keras in double precision (scripts/goldens/shaping.py):
// outputs and gradients of every case, on every backend.

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { allocateMemory, type Backend, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import type { NumericArray } from '../../src/core/dtype.js';
import { shapeText, sizeOf } from '../../src/core/shape.js';
import { gradients } from '../../src/graph/autodiff.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import type { Plan } from '../../src/graph/plan.js';
import { readSafetensors } from '../../src/io/safetensors.js';
import { network } from '../../src/nn/compose.js';
import { layerFactories } from '../../src/nn/layers/index.js';
import { buildNetwork } from '../../src/nn/network.js';
import { input } from '../../src/nn/symbolic.js';
import { TestSource } from './harness.js';

const { addon } = loadAddon();
if (!addon) console.warn('golden values of layers on the native backend skipped: no addon');

/** Largest difference, relative to the largest value expected. */
const tolerance = 1e-5;

interface Case {
  /** Who computed it. */
  source: string;
  layer: string;
  options: object;
  inputs: readonly (readonly number[])[];
  /** Inputs of type int32. */
  integers: readonly number[];
  output: readonly number[];
  /** The output is int32: there are no gradients. */
  isInteger?: boolean;
  /** The inputs, then the weights of the output. */
  data: NumericArray[];
  /** The output, then the gradients. */
  expected: NumericArray[];
}

const titleOf = ({ source, layer, options, inputs }: Case): string =>
  `${source} ${layer} ${JSON.stringify(options)} of ${inputs.map(shapeText).join(' and ')}`;

async function readGoldens(): Promise<Case[]> {
  const { tensors, metadata } = await readSafetensors(fileURLToPath(new URL('shaping.safetensors', import.meta.url)));
  const reader = (name: string) => {
    const data = tensors.get(name)!.data;
    let at = 0;
    return (shape: readonly number[]) => data.slice(at, (at += sizeOf(shape)));
  };
  const [takeBytes, takeResult] = [reader('inputs'), reader('results')];
  const cases = JSON.parse(metadata.cases) as Case[];
  for (const golden of cases) {
    const { inputs, integers, output, isInteger } = golden;
    golden.data = [...inputs, output].map((shape, i) => {
      const bytes = takeBytes(shape);
      return integers.includes(i) ? Int32Array.from(bytes) : Float32Array.from(bytes, (byte) => (byte - 128) / 64);
    });
    const differentiated = isInteger ? [] : inputs.filter((_, i) => !integers.includes(i));
    golden.expected = [output, ...differentiated].map(takeResult);
  }
  return cases;
}

function planOf({ layer, options, inputs, integers, isInteger }: Case, backend: Backend): Plan {
  const dtypeOf = (i: number) => (integers.includes(i) ? 'int32' : 'float32');
  const symbols = inputs.map((shape, i) => input({ shape: shape.slice(1), dtype: dtypeOf(i) }));
  const net = network({ inputs: symbols, outputs: layerFactories[layer](options).apply(symbols) });
  const graph = new Graph();
  const values = inputs.map((shape, i) => graph.input(`x${i}`, shape, dtypeOf(i)));
  const source = new TestSource();
  const [y] = buildNetwork(net, { graph, inputs: values, training: false, variables: source });
  const outputs: Record<string, GraphValue> = { y: y as GraphValue };
  if (!isInteger) {
    const [product] = graph.emit('multiply', [y, graph.input('weights', y.shape)]);
    const [loss] = graph.emit('reduceSum', [product], { axes: y.shape.map((_, axis) => axis), keepDims: 0 });
    const targets = values.filter((_, i) => !integers.includes(i));
    gradients(graph, loss, targets).forEach((gradient, i) => {
      outputs[`d${i}`] = gradient as GraphValue;
    });
  }
  return compile(graph, { outputs, variables: source.variables, target: backend });
}

function difference(got: NumericArray, expected: NumericArray): number {
  let [worst, scale] = [0, 1e-30];
  for (let i = 0; i < expected.length; i++) {
    const apart = Math.abs(got[i] - expected[i]);
    worst = Number.isFinite(apart) ? Math.max(worst, apart) : Number.POSITIVE_INFINITY;
    scale = Math.max(scale, Math.abs(expected[i]));
  }
  return worst / scale;
}

const cases = await readGoldens();
const targets: [string, Backend][] = [
  ['typescript', typescriptBackend],
  ...(addon?.isas() ?? []).map((isa): [string, Backend] => [
    `native, ${isa}`,
    selectBackend({ backend: 'native', isa, threads: 2 }),
  ]),
];

describe.each(targets)('%s', (_, backend) => {
  const types = [...new Set(cases.map(({ layer }) => layer))];
  test.each(types)('%s', (type) => {
    for (const golden of cases.filter(({ layer }) => layer === type)) {
      const plan = planOf(golden, backend);
      expect(plan.outputs.y.shape, titleOf(golden)).toEqual(golden.output);
      const memory = allocateMemory(plan, backend);
      const names = [...golden.inputs.map((_, i) => `x${i}`), 'weights'];
      golden.data.forEach((data, i) => {
        if (plan.inputs[names[i]]) viewBuffer(memory, plan.inputs[names[i]]).set(data);
      });
      backend.load(plan, memory).runSync();
      golden.expected.forEach((expected, i) => {
        const got = viewBuffer(memory, plan.outputs[i === 0 ? 'y' : `d${i - 1}`]);
        const what = `${titleOf(golden)}, ${i === 0 ? 'output' : `gradient ${i - 1}`}`;
        expect(got.length, what).toBe(expected.length);
        expect(difference(got, expected), what).toBeLessThanOrEqual(tolerance);
      });
    }
  });
});
