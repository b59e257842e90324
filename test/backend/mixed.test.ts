// A native plan with an op that has no C++ row: its TypeScript loop runs between native stretches on the same memory, in
// every way of running a plan.

import { describe, expect, test } from 'vitest';
import { allocateMemory, type Backend, type Memory, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { gradients } from '../../src/graph/autodiff.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import { Variables } from '../../src/graph/variables.js';
import { defineOp, layers, Random, sequential } from '../../src/index.js';
import { defineLayer } from '../../src/nn/layer.js';

const { addon } = loadAddon();
if (!addon) console.warn('mixed native and TypeScript runs skipped: no addon');

let complaint: Error | null = null;

/** y = x³, known to TypeScript alone. */
const cube = defineOp({
  name: 'cubeForTest',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  infer: ({ inputs: [x] }) => [x!],
  run({ inputs: [x], outputs: [y], scratch }) {
    if (complaint) throw complaint;
    for (let i = 0; i < y.data.length; i++) {
      scratch[0] = x!.data[i];
      y.data[i] = scratch[0] ** 3;
    }
  },
  gradient(context) {
    const [square] = context.emit('square', [context.inputs[0]]);
    const [slope] = context.emit('rescale', [square], { scale: 3, offset: 0 });
    return context.emit('multiply', [context.dOutputs[0], slope]);
  },
  scratch: () => 1,
  cases: [],
});

/** relu(a · x), cubed, times b, cubed, and the gradient of it all: native and TypeScript steps in turn. */
function load(backend: Backend) {
  const graph = new Graph();
  const [a, x, b] = ['a', 'x', 'b'].map((name) => graph.input(name, [6, 6]));
  const product = (left: GraphValue, right: GraphValue) =>
    graph.emit('matmul', [left, right], { transposeA: 0, transposeB: 0 });
  const [hidden] = graph.emit('relu', product(a, x));
  const [cubed] = graph.emit(cube, [hidden]);
  const [y] = graph.emit(cube, product(cubed as GraphValue, b));
  const [da, db] = gradients(graph, y, [a, b]) as GraphValue[];
  const plan = compile(graph, { outputs: { y, da, db }, variables: new Variables(), target: backend });
  const memory = allocateMemory(plan, backend);
  const random = new Random(5);
  for (const buffer of Object.values(plan.inputs))
    viewBuffer(memory, buffer).forEach((_, i, data) => (data[i] = 0.5 * random.normal()));
  return { plan, memory, executable: backend.load(plan, memory), results: () => results(memory) };

  function results(from: Memory): number[][] {
    return Object.values(plan.outputs).map((buffer) => [...viewBuffer(from, buffer)]);
  }
}

describe.skipIf(!addon)('a plan of native and TypeScript steps', () => {
  const native = addon ? selectBackend({ backend: 'native', threads: 2 }) : typescriptBackend;
  const expected = () => {
    const { executable, results } = load(typescriptBackend);
    executable.runSync();
    return results();
  };
  const expectSame = (got: number[][]) =>
    expected().forEach((values, k) => {
      const scale = Math.max(...values.map(Math.abs));
      values.forEach((value, i) => expect(Math.abs(got[k][i] - value) / scale).toBeLessThan(1e-5));
    });

  test('changes sides more than once', () => {
    const sides = load(native).plan.steps.map(({ op }) => (op.name === 'cubeForTest' ? 'T' : 'n'));
    expect(sides.join('')).toMatch(/^n+Tn+Tn+$/);
  });

  test('runs sync', () => {
    const { executable, results } = load(native);
    executable.runSync();
    expectSame(results());
  });

  test('runs async, alone and in company', async () => {
    const all = [load(native), load(native), load(native)];
    await Promise.all(all.map(({ executable }) => executable.run()));
    for (const { results } of all) expectSame(results());
  });

  test('runs step by step and in every two parts', async () => {
    const { plan, executable, results } = load(native);
    for (let step = 0; step < plan.steps.length; step++) executable.runSync(step, step + 1);
    expectSame(results());
    for (let cut = 0; cut <= plan.steps.length; cut++) {
      const parts = load(native);
      await parts.executable.run(0, cut);
      parts.executable.runSync(cut);
      expectSame(parts.results());
    }
  });

  test('is timed step by step', async () => {
    for (const way of ['profile', 'profileSync'] as const) {
      const { plan, executable, results } = load(native);
      const times = await executable[way]();
      expect(times.map(({ name, op }) => [name, op])).toEqual(plan.steps.map(({ name, op }) => [name, op.name]));
      for (const { milliseconds } of times) expect(milliseconds).toBeGreaterThanOrEqual(0);
      expectSame(results());
    }
  });

  test('refuses ranges outside, and a second run meanwhile', async () => {
    const { plan, executable } = load(native);
    for (const [from, to] of [
      [-1, 1],
      [0, plan.steps.length + 1],
      [2, 1],
      [Number.NaN, 1],
    ]) {
      expect(() => executable.runSync(from, to)).toThrowError(
        expect.objectContaining({ code: 'ERR_OCELLUS_ARGUMENT' }),
      );
      await expect(executable.run(from, to)).rejects.toMatchObject({ code: 'ERR_OCELLUS_ARGUMENT' });
    }
    const running = executable.run();
    expect(() => executable.profileSync()).toThrowError(expect.objectContaining({ code: 'ERR_OCELLUS_BUSY' }));
    await expect(executable.profile()).rejects.toMatchObject({ code: 'ERR_OCELLUS_BUSY' });
    await running;
  });

  test('passes on what the TypeScript step throws, and can run again', async () => {
    const { executable, results } = load(native);
    complaint = new Error('not today');
    expect(() => executable.runSync()).toThrow('not today');
    await expect(executable.run()).rejects.toThrow('not today');
    expect(() => executable.profileSync()).toThrow('not today');
    await expect(executable.profile()).rejects.toThrow('not today');
    complaint = null;
    executable.runSync();
    expectSame(results());
  });

  test('an op with the name of one of ours is refused', () => {
    const graph = new Graph();
    const x = graph.input('x', [5]);
    expect(() => graph.emit({ ...cube, name: 'relu' }, [x])).toThrowError(
      expect.objectContaining({ code: 'ERR_OCELLUS_ARGUMENT', message: expect.stringContaining("op 'relu'") }),
    );
  });

  test('trains a network with a layer of one’s own', async () => {
    const cubed = defineLayer<object, null>({
      type: 'cubed',
      options: {},
      parse: () => null,
      call: (context, [x]) => context.op(cube, [x], {}),
    });
    const x = Array.from({ length: 32 }, (_, i) => [i / 16 - 1]);
    const y = x.map(([value]) => [value ** 3]);
    const losses: number[][] = [];
    for (const backend of ['native', 'typescript'] as const) {
      const model = sequential([layers.dense({ units: 4, inputShape: [1] }), cubed({}), layers.dense({ units: 1 })], {
        seed: 2,
      });
      model.compile({ optimizer: { name: 'adam', learningRate: 0.02 }, loss: 'meanSquaredError', backend });
      const { history } = await model.fit(x, y, { epochs: 30, batchSize: 8, verbose: 0 });
      losses.push(history.loss);
    }
    expect(losses[0].at(-1)).toBeLessThan(0.1 * losses[0][0]);
    losses[0].forEach((loss, epoch) => expect(Math.abs(loss / losses[1][epoch] - 1)).toBeLessThan(1e-3));
  });
});
