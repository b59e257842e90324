// What an inference plan computes once per set of weights: which ops move to the front, that their results survive the
// body, and that folding batch normalization changes no result.

import { describe, expect, it } from 'vitest';
import { allocateMemory, type Backend, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { Random } from '../../src/core/random.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import { type Plan, planToText } from '../../src/graph/plan.js';
import { Variables } from '../../src/graph/variables.js';
import type { Value } from '../../src/ops/op.js';

const { addon } = loadAddon();
const backends: [string, Backend][] = [['typescript', typescriptBackend]];
if (addon) backends.push(['native', selectBackend({ backend: 'native', threads: 1 })]);

/** Weights of mean 0 and statistics above 0, the same for every plan. */
function fillState(plan: Plan, bytes: Uint8Array): void {
  const random = new Random(7);
  const floats = new Float32Array(bytes.buffer, bytes.byteOffset, plan.bytes.state >> 2);
  floats.forEach((_, i) => (floats[i] = 0.1 * random.normal()));
  for (const step of plan.steps) {
    for (const buffer of step.inputs) {
      if (!buffer?.name.endsWith('variance')) continue;
      floats
        .subarray(buffer.offset >> 2, (buffer.offset >> 2) + buffer.shape[0])
        .forEach((_, i, all) => (all[i] = 0.5 + 0.1 * i));
    }
  }
}

/** Runs the whole plan, then the body again on other inputs; the outputs of both runs. */
function runTwice(plan: Plan, backend: Backend): Float64Array[] {
  const memory = allocateMemory(plan, backend);
  memory.arena.fill(0x7f);
  fillState(plan, memory.state);
  const executable = backend.load(plan, memory);
  return [0, plan.prologue].flatMap((from, round) => {
    const random = new Random(round);
    for (const input of Object.values(plan.inputs))
      viewBuffer(memory, input).forEach((_, i, all) => (all[i] = random.normal()));
    executable.runSync(from);
    return Object.values(plan.outputs).map((buffer) => Float64Array.from(viewBuffer(memory, buffer)));
  });
}

function distance(a: Float64Array, b: Float64Array): number {
  const squares = (values: Float64Array) => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(squares(a.map((value, i) => value - b[i])) / squares(b));
}

/** An op, its weight's shape and attributes; x of 16 (dense) or 9x9x16. */
const layers = {
  dense: { weight: [16, 24], channels: 24, attrs: {} },
  conv2d: { weight: [3, 3, 16, 24], channels: 24, attrs: { padding: [1, 1, 1, 1] } },
  'conv2d in groups': { weight: [3, 3, 1, 16], channels: 16, attrs: { groups: 16, padding: [1, 1, 1, 1] } },
  conv2dTranspose: { weight: [2, 2, 24, 16], channels: 24, attrs: { outputSize: [18, 18], strides: [2, 2] } },
};

interface NetworkOptions {
  bias?: boolean;
  activation?: string;
  /** Between the layer and its normalization. */
  between?: string;
}

function network(kind: keyof typeof layers, { bias = true, activation, between }: NetworkOptions = {}) {
  const graph = new Graph();
  const variables = new Variables();
  const { weight, channels, attrs } = layers[kind];
  const variable = (name: string, shape: number[]) =>
    graph.variable(variables.declare(name, shape, 'float32', 'state'));
  const x = graph.input('x', kind === 'dense' ? [5, 16] : [2, 9, 9, 16]);
  const parameters = ['gamma', 'beta', 'mean', 'variance'].map((name) => variable(name, [channels]));
  const inputs = [x, variable('weight', weight), bias ? variable('bias', [channels]) : null];
  const [inner] = graph.emit(kind.split(' ')[0], inputs, attrs);
  let y: Value = between ? graph.emit(between, [inner])[0] : inner;
  [y] = graph.emit('batchNormInference', [y, ...parameters], { epsilon: 1e-3 });
  if (activation) [y] = graph.emit(activation, [y]);
  return { graph, variables, y, inner };
}

const namesOf = (plan: Plan): string[] => plan.steps.map(({ op }) => op.name);

describe('prologue', () => {
  it('takes what depends on weights alone, in order, and nothing else', () => {
    const graph = new Graph();
    const variables = new Variables();
    const weight = graph.variable(variables.declare('weight', [4, 4], 'float32', 'state'));
    const counter = graph.variable(variables.declare('counter', [4], 'float32', 'state'));
    const x = graph.input('x', [2, 4]);
    const [scaled] = graph.emit('dense', [x, weight, null]);
    const [flat] = graph.emit('reshape', [weight], { shape: [16] });
    const [square] = graph.emit('square', [flat]);
    const [root] = graph.emit('sqrt', [square]);
    const [image] = graph.emit('reshape', [root], { shape: [4, 4] });
    const [y] = graph.emit('dense', [scaled, image, null]);
    const [moved] = graph.emit('square', [counter]);
    graph.emit('add', [counter, moved], {}, { into: [counter] });
    const [z] = graph.emit('add', [y, moved]);
    const plan = compile(graph, { outputs: { z }, variables, prologue: true });
    expect(plan.prologue).toBe(2);
    expect(namesOf(plan)).toEqual(['square', 'sqrt', 'dense', 'dense', 'square', 'add', 'add']);
    expect(planToText(plan).split('\n')[2]).toMatch(/^-+ {2}above: only when weights changed$/);
    const whole = compile(graph, { outputs: { z }, variables });
    expect(whole.prologue).toBe(0);
    expect(planToText(whole)).not.toContain('above');
  });

  it('keeps its results for the whole plan, and only them', () => {
    const graph = new Graph();
    const variables = new Variables();
    const weights = [0, 1, 2].map((i) => graph.variable(variables.declare(`w${i}`, [8, 8], 'float32', 'state')));
    let value: Value = graph.input('x', [8, 8]);
    for (const weight of weights) {
      const [doubled] = graph.emit('rescale', [weight], { scale: 2, offset: 0 });
      const [prepared] = graph.emit('transpose', [doubled], { permutation: [1, 0] });
      [value] = graph.emit('dense', [value, prepared, null]);
    }
    const plan = compile(graph, { outputs: { y: value }, variables, prologue: true });
    const once = compile(graph, { outputs: { y: value }, variables, planMemory: false });
    expect(plan.prologue).toBe(6);
    const [first, second] = runTwice(plan, typescriptBackend);
    const [expected, again] = runTwice(once, typescriptBackend);
    expect(first).toEqual(expected);
    expect(second).toEqual(again);
    expect(plan.bytes.arena).toBeLessThanOrEqual(once.bytes.arena - 3 * 256);
  });
});

describe.each(backends)('folded batch normalization, %s', (_, backend) => {
  const cases = Object.keys(layers).flatMap((kind) =>
    [{ bias: false }, { activation: 'relu' }, { activation: 'relu6' }, { bias: false, activation: 'tanh' }].map(
      (options) => ({
        kind,
        ...options,
      }),
    ),
  );
  it.each(cases)('computes the same: $kind, bias $bias, $activation', ({ kind, ...options }) => {
    const { graph, variables, y } = network(kind as keyof typeof layers, options);
    const folded = compile(graph, { outputs: { y }, variables, target: backend, prologue: true });
    const plain = compile(graph, { outputs: { y }, variables, target: backend });
    expect(namesOf(plain)).toContain('batchNormInference');
    expect(namesOf(folded)).not.toContain('batchNormInference');
    expect(folded.steps[0].op.name).toBe('foldBatchNorm');
    expect(folded.steps.length - folded.prologue).toBe(1);
    const expected = runTwice(plain, backend);
    runTwice(folded, backend).forEach((got, i) => expect(distance(got, expected[i])).toBeLessThan(1e-5));
  });

  it('leaves alone what somebody else reads, an activation between, and plans without a prologue', () => {
    const ops = (options: NetworkOptions, read: boolean, prologue = true) => {
      const { graph, variables, y, inner } = network('conv2d', options);
      const outputs: Record<string, Value> = read ? { y, inner: inner as GraphValue } : { y };
      return namesOf(compile(graph, { outputs, variables, target: backend, prologue }));
    };
    expect(ops({}, true)).toContain('batchNormInference');
    expect(ops({ between: 'relu' }, false)).toContain('batchNormInference');
    expect(ops({}, false, false)).toContain('batchNormInference');
  });
});
