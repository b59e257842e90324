// A packed weight changes when it is read, not what is computed: the bits of packedConv2d are those of conv2d, on every
// instruction set, for images alone and in a batch.

import { describe, expect, test } from 'vitest';
import { allocateMemory, type Backend, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { Random } from '../../src/core/random.js';
import { compile } from '../../src/graph/compile.js';
import { Graph } from '../../src/graph/graph.js';
import { Variables } from '../../src/graph/variables.js';
import type { AnyAttrs, OpCase } from '../../src/ops/op.js';
import { builtin } from './harness.js';

const { addon } = loadAddon();
const backends: [string, Backend][] = [['typescript', typescriptBackend]];
for (const isa of addon?.isas() ?? [])
  for (const threads of [1, 2])
    backends.push([`${isa}, threads: ${threads}`, selectBackend({ backend: 'native', isa, threads })]);

/** Shapes that the kernels walk in different ways: [image, weight, attributes]. */
const problems: [string, number[], number[], AnyAttrs][] = [
  ['1x1, few rows', [1, 7, 7, 96], [1, 1, 96, 200], { activation: 'relu' }],
  ['1x1, bad pitch, several runs of k', [1, 7, 7, 1024], [1, 1, 1024, 130], {}],
  ['1x1, many rows', [2, 24, 24, 40], [1, 1, 40, 72], { activation: 'sigmoid' }],
  ['1x1, a few pixels', [1, 3, 5, 64], [1, 1, 64, 1100], {}],
  ['1x1, stride 2', [1, 14, 14, 256], [1, 1, 256, 96], { strides: [2, 2] }],
  ['3x3 of rows with zeros beside them', [2, 15, 13, 24], [3, 3, 24, 70], { padding: [1, 1, 1, 1] }],
  [
    '3x3 with more filters than a block',
    [1, 9, 9, 200],
    [3, 3, 200, 290],
    { padding: [1, 1, 1, 1], activation: 'relu' },
  ],
  ['3x3, dilated', [1, 12, 12, 33], [3, 3, 33, 45], { dilation: [2, 2] }],
];
const cases = builtin('conv2d')
  .cases.filter(({ attrs }) => attrs?.groups === 1)
  .map(
    ({
      name,
      inputs: [x, weight, ...addends],
      attrs = {},
    }: OpCase): [string, number[], number[], AnyAttrs, boolean[]] => {
      return [name, [...x!.shape], [...weight!.shape], attrs, addends.map((addend) => addend !== null)];
    },
  );

interface Convolution {
  image: number[];
  weight: number[];
  attrs: AnyAttrs;
  /** Whether there is a bias, and a residual. */
  addends: boolean[];
}

/** The output for images that are the last ones of an endless series, so that fewer of them are the same. */
function convolve(backend: Backend, name: 'direct' | 'packed', { image, weight, attrs, addends }: Convolution) {
  const graph = new Graph();
  const inputs = [graph.input('x', image), graph.input('weight', weight)];
  const [bias, residual] = addends;
  const shape = [...graph.emit('conv2d', inputs, attrs)[0].shape];
  const others = [bias ? graph.input('bias', [weight[3]]) : null, residual ? graph.input('residual', shape) : null];
  const [y] = graph.emit('conv2d', [...inputs, ...others], attrs);
  const target = { workspace: backend.workspace.bind(backend), algorithm: () => ({ name }) };
  const plan = compile(graph, { outputs: { y }, variables: new Variables(), target });
  const memory = allocateMemory(plan, backend);
  memory.arena.fill(0x7f);
  for (const [key, buffer] of Object.entries(plan.inputs)) {
    const random = new Random(key.length);
    const values = viewBuffer(memory, buffer);
    for (let i = values.length - 1; i >= 0; i--) values[i] = random.normal();
  }
  backend.load(plan, memory).runSync();
  const ops = plan.steps.map((step) => step.op.name);
  return { ops, y: viewBuffer(memory, plan.outputs.y).slice() as Float32Array };
}

describe.each(backends)('%s', (_, backend) => {
  test.each([...problems, ...cases])('%s', (_name, image, weight, attrs, addends = [true, true]) => {
    const problem = { image, weight, attrs, addends };
    const [direct, packed] = [convolve(backend, 'direct', problem), convolve(backend, 'packed', problem)];
    expect(direct.ops).toEqual(['conv2d']);
    expect(packed.ops).toEqual(['packFilter', 'packedConv2d']);
    expect(packed.y).toEqual(direct.y);
  });

  test.each(problems)('%s: an image alone', (_name, image, weight, attrs) => {
    const [one, many] = [1, 5].map((batch) => {
      const problem = { image: [batch, ...image.slice(1)], weight, attrs, addends: [true, true] };
      return convolve(backend, 'packed', problem).y;
    });
    expect(many.subarray(-one.length)).toEqual(one);
  });
});
