// diffBackends on the plan of a whole training step: nothing between TypeScript and native, and the exact place where a
// backend that is wrong on purpose parts from the right one.

import { describe, expect, test } from 'vitest';
import { type Backend, type Memory, viewBuffer } from '../../src/backend/backend.js';
import { type DiffOptions, diffBackends } from '../../src/backend/diff.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { layers, type Plan, Random, sequential } from '../../src/index.js';
import type { AnyOp, RunContext } from '../../src/ops/op.js';

const { addon } = loadAddon();
const isas = addon?.isas() ?? [];
if (!addon) console.warn('comparison with the native backend skipped: no addon');

const classes = 5;

/** One step of training with convolutions wide enough for Winograd, normalization, pooling, dropout and Adam. */
function trainingPlan(options: { backend: 'typescript' | 'native'; isa?: string; winograd?: 'auto' | 'off' }): Plan {
  const conv = (filters: number, kernelSize: number) =>
    layers.conv2d({ filters, kernelSize, padding: 'same', activation: 'relu' });
  const stack = [
    layers.rescaling({ scale: 1 / 255, inputShape: [12, 10, 3] }),
    conv(16, 3),
    conv(17, 3),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.batchNormalization(),
    conv(16, 5),
    layers.averagePooling2d({ poolSize: 2, padding: 'same' }),
    layers.flatten(),
    layers.dropout({ rate: 0.25 }),
    layers.dense({ units: 19, activation: 'tanh' }),
    layers.dense({ units: classes, activation: 'softmax' }),
  ];
  const model = sequential(stack, { seed: 3 });
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', ...options });
  return model.plan('train', { batchSize: 3 });
}

/** Everything a step of training finds in memory before it starts. */
function fill(plan: Plan): DiffOptions['fill'] {
  return (memory: Memory) => {
    const random = new Random(11);
    const written = new Set<string>();
    for (const step of plan.steps) {
      for (const buffer of step.inputs) {
        const outside = buffer && (buffer.region !== 'arena' || Object.hasOwn(plan.inputs, buffer.name));
        if (!outside || written.has(buffer.name)) continue;
        written.add(buffer.name);
        const positive = /variance|^v#|scalar:/i.test(buffer.name);
        const data = viewBuffer(memory, buffer);
        const draw = () => (positive ? 0.5 + 0.4 * random.uniform() : 0.2 * random.normal());
        for (let i = 0; i < data.length; i++) data[i] = buffer.dtype === 'int32' ? random.integer(classes) : draw();
      }
    }
  };
}

/** TypeScript, but `change` meddles with what the op of one step has written. */
function wrongAt(step: number, change: (context: RunContext) => void): Backend {
  return {
    ...typescriptBackend,
    load(plan, memory) {
      const { op } = plan.steps[step];
      const wrong: AnyOp = {
        ...op,
        run(context: RunContext) {
          op.run(context);
          change(context);
        },
      };
      const steps = plan.steps.map((one, index) => (index === step ? { ...one, op: wrong } : one));
      return typescriptBackend.load({ ...plan, steps }, memory);
    },
  };
}

describe.skipIf(!addon).each(isas)('%s', (isa) => {
  test.each(['auto', 'off'] as const)('agrees with TypeScript on a training step, winograd %s', (winograd) => {
    const plan = trainingPlan({ backend: 'native', isa, winograd });
    expect(plan.steps.some(({ op }) => op.name.startsWith('winograd'))).toBe(winograd === 'auto');
    const native = selectBackend({ backend: 'native', isa, threads: 2, winograd });
    expect(diffBackends(plan, typescriptBackend, native, { fill: fill(plan), tolerance: 1e-4 })).toBeNull();
  });
});

describe('a difference', () => {
  const plan = trainingPlan({ backend: 'typescript' });
  const stepOf = (op: string, nth = 0) => plan.steps.flatMap((step, i) => (step.op.name === op ? [i] : []))[nth];
  const find = (backend: Backend, options: DiffOptions = {}) =>
    diffBackends(plan, typescriptBackend, backend, { fill: fill(plan), ...options });

  test.each([
    ['conv2d', 1, 0, 77],
    ['batchNorm', 0, 2, 4],
    ['conv2dGradWeight', 2, 0, 5],
    ['adam', 0, 1, 123],
  ])('in output of %s (number %i, output %i, element %i) is named', (op, nth, output, element) => {
    const index = stepOf(op, nth);
    const step = plan.steps[index];
    const found = find(
      wrongAt(index, ({ outputs }) => {
        outputs[output].data[element] += 1;
      }),
    );
    expect(found).toMatchObject({ step: index, name: step.name, op, buffer: step.outputs[output].name, element });
    expect(found!.values[1]).toBeCloseTo(found!.values[0] + 1, 5);
  });

  test('of whole numbers counts however small', () => {
    const index = stepOf('maxPool2d');
    const found = find(
      wrongAt(index, ({ outputs }) => {
        outputs[1].data[9] ^= 1;
      }),
    );
    expect(found).toMatchObject({ step: index, buffer: plan.steps[index].outputs[1].name, element: 9 });
  });

  test('of NaN and a number counts', () => {
    const index = stepOf('dense');
    const found = find(
      wrongAt(index, ({ outputs }) => {
        outputs[0].data[2] = Number.NaN;
      }),
    );
    expect(found).toMatchObject({ step: index, element: 2 });
    expect(found!.values[1]).toBeNaN();
  });

  test('counts from the tolerance on', () => {
    const scaled = wrongAt(stepOf('conv2d'), ({ outputs: [y] }) => {
      for (let i = 0; i < y.data.length; i++) y.data[i] *= 1 + 1e-3;
    });
    expect(find(scaled)).toMatchObject({ op: 'conv2d' });
    expect(find(scaled, { tolerance: 2e-3 })).toBeNull();
  });

  test('is not there between a backend and itself', () => {
    expect(find(typescriptBackend, { tolerance: 0 })).toBeNull();
  });
});
