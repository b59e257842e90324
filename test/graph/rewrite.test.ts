// Pruning and fusion: fewer steps, the same numbers.

import { describe, expect, it } from 'vitest';
import { allocateMemory, viewBuffer } from '../../src/backend/backend.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { gradients } from '../../src/graph/autodiff.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import { Variables } from '../../src/graph/variables.js';
import type { Value } from '../../src/ops/op.js';

/** dense without a bias → add → activation, and its gradients. */
function denseNetwork(activation: string, bias: 'variable' | 'input' = 'variable') {
  const graph = new Graph();
  const variables = new Variables();
  const kernel = graph.variable(variables.declare('kernel', [3, 4], 'float32', 'state'));
  const offset =
    bias === 'variable' ? graph.variable(variables.declare('bias', [4], 'float32', 'state')) : graph.input('bias', [4]);
  const x = graph.input('x', [2, 3]);
  const [product] = graph.emit('dense', [x, kernel, null]);
  const [sum] = graph.emit('add', [product, offset]);
  const [y] = activation === 'linear' ? [sum] : graph.emit(activation, [sum]);
  const [dKernel, dBias, dX] = gradients(graph, y, [kernel, offset, x]) as Value[];
  return { graph, variables, outputs: { y, dKernel, dBias, dX }, product };
}

function evaluate(network: ReturnType<typeof denseNetwork>, fuse: boolean): Record<string, number[]> {
  const plan = compile(network.graph, { outputs: network.outputs, variables: network.variables, fuse });
  const memory = allocateMemory(plan, typescriptBackend);
  const floats = new Float32Array(memory.state.buffer, memory.state.byteOffset, memory.state.byteLength >> 2);
  floats.forEach((_, i) => (floats[i] = Math.sin(i + 1)));
  for (const input of Object.values(plan.inputs))
    viewBuffer(memory, input).forEach((_, i, all) => (all[i] = Math.cos(i)));
  typescriptBackend.load(plan, memory).runSync();
  return Object.fromEntries(
    Object.entries(plan.outputs).map(([name, buffer]) => [name, [...viewBuffer(memory, buffer)]]),
  );
}

const opsOf = (network: ReturnType<typeof denseNetwork>, outputs: Record<string, Value>, fuse = true) =>
  compile(network.graph, { outputs, variables: network.variables, fuse }).steps.map(({ op }) => op.name);

describe('fusion', () => {
  it.each(['relu', 'relu6', 'sigmoid', 'tanh'])('folds bias and %s into the product', (activation) => {
    const network = denseNetwork(activation);
    const { y } = network.outputs;
    expect(opsOf(network, { y })).toEqual(['dense']);
    const plan = compile(network.graph, { outputs: { y }, variables: network.variables });
    expect(plan.steps[0].attrs.activation).toBe(activation);
    expect(plan.steps[0].inputs[2]?.name).toBe('bias');
    expect(plan.steps[0].outputs[0].name).toBe(`${activation}/y`);
  });

  it.each(['linear', 'relu', 'relu6', 'sigmoid', 'tanh'])(
    'changes no number with %s, gradients included',
    (activation) => {
      const fused = evaluate(denseNetwork(activation), true);
      const plain = evaluate(denseNetwork(activation), false);
      for (const name of Object.keys(plain))
        fused[name].forEach((value, i) => expect(value).toBeCloseTo(plain[name][i], 6));
    },
  );

  it('leaves alone what somebody else reads', () => {
    const network = denseNetwork('relu');
    const { y } = network.outputs;
    expect(opsOf(network, { y, product: network.product })).toEqual(['dense', 'add']);
  });

  it('folds only biases that are variables: others may not be ready', () => {
    const network = denseNetwork('linear', 'input');
    expect(opsOf(network, { y: network.outputs.y })).toEqual(['dense', 'add']);
  });

  it('can be switched off', () => {
    const network = denseNetwork('relu');
    expect(opsOf(network, { y: network.outputs.y }, false)).toEqual(['dense', 'add', 'relu']);
  });
});

describe('pruning', () => {
  it('drops the gradient of the image when nobody reads it', () => {
    const network = denseNetwork('relu');
    const { dKernel, dBias, dX } = network.outputs;
    const without = opsOf(network, { dKernel, dBias });
    expect(opsOf(network, { dKernel, dBias, dX }).length).toBeGreaterThan(without.length);
  });

  it('keeps writes to variables', () => {
    const graph = new Graph();
    const variables = new Variables();
    const counter = graph.variable(variables.declare('counter', [1], 'float32', 'state'));
    graph.emit('rescale', [counter], { scale: 1, offset: 1 }, { into: [counter] });
    const plan = compile(graph, { outputs: {}, variables });
    expect(plan.steps).toHaveLength(1);
    expect(plan.steps[0].outputs[0]).toMatchObject({ region: 'state', offset: 0 });
  });
});

describe('graph', () => {
  it('binds values to variables, by a copy where the op cannot write there itself', () => {
    const graph = new Graph();
    const variables = new Variables();
    const [direct, copied] = ['a', 'b'].map((name) => variables.declare(name, [2, 2], 'float32', 'training'));
    const x = graph.input('x', [4]);
    const [view] = graph.emit('reshape', [x], { shape: [2, 2] });
    const [y] = graph.emit('relu', [view]);
    expect((graph.bind(y, direct) as GraphValue).id).toBe(y.id);
    graph.bind(view, copied);
    const plan = compile(graph, { outputs: {}, variables });
    expect(plan.steps.map(({ op }) => op.name)).toEqual(['relu', 'copy']);
  });

  it('names the op and both shapes when they do not fit', () => {
    const graph = new Graph();
    expect(() =>
      graph.scope('head', () =>
        graph.emit('matmul', [graph.input('a', [2, 3]), graph.input('b', [4, 5])], { transposeA: 0, transposeB: 0 }),
      ),
    ).toThrow(/matmul 'head\/matmul': expected/);
    expect(() => graph.emit('rleu', [graph.input('x', [1])])).toThrow(/did you mean 'relu'/);
    expect(() => graph.emit('add', [graph.input('x', [1])])).toThrow(/inputs \(a, b\)/);
  });

  it('says by name which op has no gradient', () => {
    const graph = new Graph();
    const x = graph.input('x', [3]);
    const [y] = graph.emit('compare', [x, x]);
    expect(() => gradients(graph, y, [x])).toThrow(/'compare', which has none/);
  });

  it('sums the gradients of a value that is read twice', () => {
    const graph = new Graph();
    const x = graph.input('x', [3]);
    const [y] = graph.emit('multiply', [x, x]);
    const [z] = graph.emit('add', [y, x]);
    const [dx] = gradients(graph, z, [x]);
    const plan = compile(graph, { outputs: { dx: dx as Value }, variables: new Variables() });
    const memory = allocateMemory(plan, typescriptBackend);
    viewBuffer(memory, plan.inputs.x).set([1, 2, -3]);
    typescriptBackend.load(plan, memory).runSync();
    expect([...viewBuffer(memory, plan.outputs.dx)]).toEqual([3, 5, -5]);
  });
});
