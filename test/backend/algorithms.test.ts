// The names of algorithms: every convolution has one, it follows shapes and options, and it is that of the step that
// really runs.

import { describe, expect, test } from 'vitest';
import type { AlgorithmName, WinogradMode } from '../../src/backend/algorithms.js';
import { allocateMemory, type Backend } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { NativeBackend } from '../../src/backend/native.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { compile } from '../../src/graph/compile.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeStep, type Plan } from '../../src/graph/plan.js';
import { Variables } from '../../src/graph/variables.js';
import { defineOp, input, layers, model } from '../../src/index.js';
import type { AnyAttrs, AnyOp } from '../../src/ops/op.js';

const { addon } = loadAddon();
if (!addon) console.warn('names of native algorithms skipped: no addon');
const isas = addon?.isas() ?? [];

function planOf(target: Backend, op: string | AnyOp, shapes: readonly (readonly number[])[], attrs: AnyAttrs): Plan {
  const graph = new Graph();
  const inputs = shapes.map((shape, i) => graph.input(`x${i}`, [...shape]));
  const [y] = graph.emit(op, inputs, attrs);
  return compile(graph, { outputs: { y }, variables: new Variables(), target });
}

/** [op, algorithm] of every step. */
const namesOf = (plan: Plan, backend: Backend): [string, string][] =>
  plan.steps.map((step) => [step.op.name, backend.algorithmOf(step)]);

const same = { padding: [1, 1, 1, 1] };
const dilated = { padding: [2, 2, 2, 2], dilation: [2, 2] };
const kernelSize = [3, 3];
const image = [2, 12, 12, 32];
const small = [2, 5, 5, 32];

describe.skipIf(!addon).each(isas)('%s', (isa) => {
  const backend = (winograd: WinogradMode, algorithm: AlgorithmName = 'auto') =>
    new NativeBackend(addon!, isa, 1, winograd, algorithm);

  test.each<[string, string, readonly (readonly number[])[], AnyAttrs]>([
    ['depthwise', 'conv2d', [image, [3, 3, 1, 32]], { ...same, groups: 32 }],
    ['pointwise', 'conv2d', [image, [1, 1, 32, 48]], {}],
    ['direct', 'conv2d', [image, [3, 3, 32, 48]], same],
    ['im2col', 'conv2d', [image, [3, 3, 32, 48]], dilated],
    ['depthwise', 'conv2dGradWeight', [image, image], { ...same, groups: 32, kernelSize }],
    ['pointwise', 'conv2dGradWeight', [small, small], { kernelSize: [1, 1] }],
    ['direct', 'conv2dGradWeight', [image, image], { ...same, kernelSize }],
    ['im2col', 'conv2dGradWeight', [image, image], { ...dilated, kernelSize }],
    ['depthwise', 'conv2dGradInput', [image, [3, 3, 1, 32]], { ...same, groups: 32, inputSize: [12, 12] }],
    ['pointwise', 'conv2dGradInput', [image, [1, 1, 48, 32]], { inputSize: [12, 12] }],
    ['turned direct', 'conv2dGradInput', [image, [3, 3, 48, 32]], { ...same, inputSize: [12, 12] }],
    ['fold', 'conv2dGradInput', [image, [5, 5, 3, 32]], { inputSize: [16, 16] }],
    ['gather', 'conv2dGradInput', [image, [3, 3, 48, 32]], { ...same, strides: [2, 2], inputSize: [24, 24] }],
    ['gather', 'conv2dTranspose', [image, [3, 3, 48, 32]], { ...same, strides: [2, 2], outputSize: [24, 24] }],
    ['turned direct', 'conv2dTranspose', [image, [3, 3, 48, 32]], { ...same, outputSize: [12, 12] }],
  ])('%s: %s of %j, %j', (name, op, shapes, attrs) => {
    const target = backend('off');
    expect(namesOf(planOf(target, op, shapes, attrs), target)).toEqual([[op, name]]);
  });

  test.each<[string, string, readonly (readonly number[])[], AnyAttrs]>([
    ['winograd F(4,3)', 'conv2d', [image, [3, 3, 32, 48]], same],
    ['winograd F(2,5)', 'conv2d', [image, [5, 5, 32, 48]], {}],
    [
      'winograd F(6,3)',
      'conv2d',
      [
        [1, 28, 28, 32],
        [3, 3, 32, 48],
      ],
      same,
    ],
    ['winograd F(4,3)', 'conv2dGradInput', [image, [3, 3, 48, 32]], { ...same, inputSize: [12, 12] }],
    ['winograd F(4,3)', 'conv2dGradWeight', [image, image], { ...same, kernelSize }],
  ])('%s: %s of %j, %j', (name, op, shapes, attrs) => {
    const target = backend('fast', 'winograd');
    const names = namesOf(planOf(target, op, shapes, attrs), target);
    expect(names.map(([step]) => step)).not.toContain(op);
    expect(new Set(names.map(([, algorithm]) => algorithm))).toEqual(new Set([name]));
  });

  test('options change the name', () => {
    const names = (target: Backend) =>
      namesOf(
        planOf(
          target,
          'conv2d',
          [
            [8, 32, 32, 64],
            [3, 3, 64, 64],
          ],
          same,
        ),
        target,
      ).at(-1)?.[1];
    expect(names(backend('auto', 'winograd'))).toBe('winograd F(4,3)');
    expect(names(backend('fast', 'winograd'))).toBe('winograd F(6,3)');
    expect(names(backend('off', 'winograd'))).toBe('direct');
    expect(names(backend('auto', 'direct'))).toBe('direct');
  });

  describe('a weight that is fixed', () => {
    const { padding } = same;
    const ops = (weightShape: number[], attrs: AnyAttrs, options: { x?: number[]; prologue?: boolean } = {}) => {
      const graph = new Graph();
      const variables = new Variables();
      const weight = graph.variable(variables.declare('weight', weightShape, 'float32', 'state'));
      const x = graph.input('x', options.x ?? image);
      const [y] = graph.emit('conv2d', [x, weight], attrs);
      const target = backend('auto');
      const plan = compile(graph, { outputs: { y }, variables, target, prologue: options.prologue ?? true });
      return [plan.prologue, ...namesOf(plan, target).map((names) => names.join(' ').trim())];
    };

    test('is packed once, whatever the way of the kernel', () => {
      expect(ops([1, 1, 32, 48], {})).toEqual([1, 'packFilter', 'packedConv2d pointwise']);
      expect(ops([3, 3, 32, 48], { padding, strides: [2, 2] })).toEqual([1, 'packFilter', 'packedConv2d direct']);
      expect(ops([3, 3, 32, 48], dilated)).toEqual([1, 'packFilter', 'packedConv2d im2col']);
    });

    test('stays as it is in other plans, in groups and for a few pixels; Winograd has a form of its own', () => {
      expect(ops([1, 1, 32, 48], {}, { prologue: false })).toEqual([0, 'conv2d pointwise']);
      expect(ops([3, 3, 16, 48], { padding, groups: 2 })).toEqual([0, 'conv2d im2col']);
      expect(ops([3, 3, 1, 32], { padding, groups: 32 })).toEqual([0, 'conv2d depthwise']);
      expect(ops([1, 1, 32, 48], {}, { x: [1, 4, 4, 32] })).toEqual([0, 'conv2d pointwise']);
      expect(ops([3, 3, 32, 48], { padding })).toEqual([
        1,
        'winogradFilter winograd F(4,3)',
        'winogradConv2d winograd F(4,3)',
      ]);
    });

    test('is not what an op makes of the input', () => {
      const graph = new Graph();
      const weight = graph.input('weight', [1, 1, 32, 48]);
      const [y] = graph.emit('conv2d', [graph.input('x', image), weight], {});
      const target = backend('auto');
      const plan = compile(graph, { outputs: { y }, variables: new Variables(), target, prologue: true });
      expect(namesOf(plan, target)).toEqual([['conv2d', 'pointwise']]);
    });
  });

  test('every convolution of a residual network has a name, training and predicting; nothing else has', () => {
    const net = residualNet();
    net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', backend: 'native', isa });
    const target = selectBackend({ backend: 'native', isa });
    for (const mode of ['train', 'predict'] as const) {
      const names = namesOf(net.plan(mode, { batchSize: 4 }), target);
      const named = names.filter(([, algorithm]) => algorithm !== '').map(([op]) => op);
      expect(named).toEqual(names.map(([op]) => op).filter((op) => /conv|winograd/i.test(op)));
      expect(named.length).toBeGreaterThan(5);
    }
  });

  test('a step that is not valid is refused, not answered', () => {
    const target = backend('off');
    const [step] = planOf(target, 'conv2d', [image, [3, 3, 32, 48]], same).steps;
    const words = Float64Array.from(encodeStep(step, 0));
    expect(addon!.planAlgorithm(isa, 'conv2d', words)).toBe('direct');
    expect(addon!.planAlgorithm(isa, 'noSuchOp', words)).toBe('');
    for (let position = 0; position < words.length; position++) {
      for (const value of [-1, 0, 0.5, 1, 3, 2 ** 31, Number.NaN]) {
        const changed = words.slice();
        changed[position] = value;
        let answer: unknown;
        try {
          answer = addon!.planAlgorithm(isa, 'conv2d', changed);
        } catch (error) {
          answer = error instanceof Error && 'refused';
        }
        expect(['depthwise', 'pointwise', 'direct', 'im2col', 'refused']).toContain(answer);
      }
    }
  });
});

/** Two residual blocks, the second one with a projection, behind a first convolution. */
function residualNet() {
  const conv = (filters: number, options: object = {}) =>
    layers.conv2d({ filters, kernelSize: 3, padding: 'same', useBias: false, ...options });
  const images = input({ shape: [32, 32, 3] });
  let x = layers.relu().apply(layers.batchNormalization().apply(conv(16).apply(images)));
  for (const [filters, strides] of [
    [16, 1],
    [32, 2],
  ]) {
    const shortcut = strides === 1 ? x : conv(filters, { kernelSize: 1, strides }).apply(x);
    const y = layers.relu().apply(layers.batchNormalization().apply(conv(filters, { strides }).apply(x)));
    const sum = layers.add().apply([layers.batchNormalization().apply(conv(filters).apply(y)), shortcut]);
    x = layers.relu().apply(sum);
  }
  const pooled = layers.globalAveragePooling2d().apply(x);
  return model({ inputs: images, outputs: layers.dense({ units: 10, activation: 'softmax' }).apply(pooled) });
}

const twice = defineOp({
  name: 'twiceForTest',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  infer: ({ inputs: [x] }) => [x!],
  run: ({ inputs: [x], outputs: [y] }) => x!.data.forEach((value, i) => (y.data[i] = 2 * value)),
  cases: [],
});

test.skipIf(!addon)('an op without a native kernel says that it runs in TypeScript', () => {
  const native = selectBackend({ backend: 'native' });
  expect(namesOf(planOf(native, twice, [[4]], {}), native)).toEqual([['twiceForTest', 'typescript']]);
  expect(namesOf(planOf(native, 'relu', [[4]], {}), native)).toEqual([['relu', '']]);
});

test('the TypeScript backend has no names and no peak', async () => {
  const plan = planOf(typescriptBackend, 'conv2d', [image, [3, 3, 32, 48]], same);
  const executable = typescriptBackend.load(plan, allocateMemory(plan, typescriptBackend));
  for (const [step] of [executable.profileSync(), await executable.profile()]) {
    expect(step).toMatchObject({ op: 'conv2d', algorithm: '', prologue: false, fractionOfPeak: null });
    expect(step.gflops).toBeGreaterThan(0);
  }
});

test.skipIf(!addon)('a large convolution reaches a share of the peak that can be', async () => {
  const backend = selectBackend({ backend: 'native', algorithm: 'direct' });
  const plan = planOf(
    backend,
    'conv2d',
    [
      [4, 56, 56, 64],
      [3, 3, 64, 64],
    ],
    same,
  );
  const executable = backend.load(plan, allocateMemory(plan, backend));
  executable.runSync();
  for (const [step] of [executable.profileSync(), await executable.profile()]) {
    expect(step.algorithm).toBe('direct');
    expect(step.fractionOfPeak).toBeGreaterThan(0);
    expect(step.fractionOfPeak).toBeLessThanOrEqual(1.2);
  }
});
