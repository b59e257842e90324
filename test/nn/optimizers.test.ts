// Optimizers: steps on a quadratic against the formulas written out, their options and their JSON.

import { describe, expect, it } from 'vitest';
import { loadDouble } from '../../src/backend/typescript.js';
import { compile } from '../../src/graph/compile.js';
import { Graph } from '../../src/graph/graph.js';
import { Variables } from '../../src/graph/variables.js';
import { type Optimizer, optimizers, resolveOptimizer } from '../../src/nn/optimizers.js';
import { errorOf } from './harness.js';

const start = [1, -2, 0.5];
const curvature = [1, 3, 10];

/** Weights after each of `steps` steps on sum(curvature * w² / 2). */
function descend(optimizer: Optimizer, steps: number): number[][] {
  const variables = new Variables();
  const graph = new Graph();
  const declare = (name: string, size: number) =>
    graph.variable(variables.declare(name, [size], 'float32', 'training'));
  const w = declare('w', 3);
  const factor = graph.input('curvature', [3]);
  const slots = Object.fromEntries(optimizer.slots.map((slot) => [slot, declare(slot, 3)]));
  const scalars = Object.fromEntries(
    Object.entries(optimizer.scalars(0)).map(([name, values]) => [name, declare(name, values.length)]),
  );
  const gradient = graph.emit('multiply', [w, factor])[0];
  const run = { parameter: w, gradient, slots, segments: null, factors: null, members: [] };
  optimizer.emit(graph, { runs: [run], scalars, accumulate: false });
  const executable = loadDouble(compile(graph, { outputs: {}, variables }));
  const view = (name: string) => executable.view(variables.get(name) ?? executable.plan.inputs[name]).data;
  view('w').set(start);
  view('curvature').set(curvature);
  return Array.from({ length: steps }, (_, step) => {
    for (const [name, values] of Object.entries(optimizer.scalars(step))) view(name).set(values);
    executable.runSync();
    return [...view('w')];
  });
}

/** The same, from a formula for one weight: `step(weight, gradient, t)`, t from 1. */
function formula(steps: number, make: () => (w: number, g: number, t: number) => number): number[][] {
  const rows = Array.from({ length: steps }, () => [0, 0, 0]);
  start.forEach((first, i) => {
    const step = make();
    let w = first;
    for (let t = 1; t <= steps; t++) {
      w = step(w, curvature[i] * w, t);
      rows[t - 1][i] = w;
    }
  });
  return rows;
}

const compare = (optimizer: Optimizer, expected: number[][]): void => {
  descend(optimizer, expected.length).forEach((row, t) => {
    row.forEach((value, i) => {
      expect(value, `step ${t}, weight ${i}`).toBeCloseTo(expected[t][i], 7);
    });
  });
};

describe('sgd', () => {
  it('plain: the closed form (1 - rate * curvature)^t', () => {
    const expected = [1, 2, 3, 4, 5].map((t) => start.map((w, i) => w * (1 - 0.05 * curvature[i]) ** t));
    compare(optimizers.sgd({ learningRate: 0.05 }), expected);
  });

  it.each([false, true])('momentum, nesterov %s, weight decay', (nesterov) => {
    const expected = formula(8, () => {
      let v = 0;
      return (w, g) => {
        v = 0.9 * v - 0.02 * g;
        return w - 0.02 * 0.01 * w + (nesterov ? 0.9 * v - 0.02 * g : v);
      };
    });
    compare(optimizers.sgd({ learningRate: 0.02, momentum: 0.9, nesterov, weightDecay: 0.01 }), expected);
  });
});

describe('adam', () => {
  it.each([true, false])('weight decay, decoupled %s', (decoupledWeightDecay) => {
    const expected = formula(8, () => {
      let m = 0;
      let v = 0;
      return (w, g, t) => {
        const gradient = decoupledWeightDecay ? g : g + 0.1 * w;
        m = 0.8 * m + 0.2 * gradient;
        v = 0.95 * v + 0.05 * gradient ** 2;
        const decayed = decoupledWeightDecay ? w - 0.1 * 0.1 * w : w;
        const rate = (0.1 * Math.sqrt(1 - 0.95 ** t)) / (1 - 0.8 ** t);
        return decayed - (rate * m) / (Math.sqrt(v) + 1e-3);
      };
    });
    const options = { learningRate: 0.1, beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.1 };
    compare(optimizers.adam({ ...options, decoupledWeightDecay }), expected);
  });

  it('first moves every weight by the rate', () => {
    const [row] = descend(optimizers.adam({ learningRate: 0.25 }), 1);
    row.forEach((value, i) => {
      expect(value).toBeCloseTo(start[i] - 0.25 * Math.sign(start[i]), 5);
    });
  });
});

describe('options', () => {
  it('follow a schedule, or a rate changed between steps', () => {
    const scheduled = optimizers.sgd({ learningRate: (step) => 1 / (1 + step) });
    expect([0, 1, 3].map((step) => scheduled.scalars(step).learningRate)).toEqual([[1], [0.5], [0.25]]);
    expect(scheduled.config.learningRate).toBe(1);
    const optimizer = optimizers.adam();
    optimizer.learningRate = 0.5;
    expect(optimizer.rateAt(9)).toBe(0.5);
    expect(optimizer.config.learningRate).toBe(0.5);
    expect(errorOf(() => optimizers.sgd({ learningRate: () => Number.NaN }).scalars(3)).where).toContain('step 3');
  });

  it('resolve by name, object and themselves, and come back from JSON', () => {
    expect(resolveOptimizer('adam').config).toEqual({
      name: 'adam',
      learningRate: 0.001,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-7,
      weightDecay: 0,
    });
    expect(resolveOptimizer('SGD').name).toBe('sgd');
    expect(resolveOptimizer('adamw').config.weightDecay).toBe(0.004);
    const sgd = resolveOptimizer({ name: 'sgd', momentum: 0.9, nesterov: true });
    expect(sgd.slots).toEqual(['momentum']);
    expect(resolveOptimizer(JSON.parse(JSON.stringify(sgd.config))).config).toEqual(sgd.config);
    expect(resolveOptimizer(sgd)).toBe(sgd);
    expect(optimizers.sgd().slots).toEqual([]);
  });

  it.each([
    ...Object.keys(optimizers).map((name) => ({ name })),
    { name: 'sgd', momentum: 0.5, weightDecay: 0.1, excludeFromWeightDecay: ['bias', /^gamma/], clipNorm: 1 },
    { name: 'rmsprop', centered: true, useEma: true, emaMomentum: 0.5, emaOverwriteFrequency: 7, globalClipNorm: 2 },
    { name: 'adam', amsgrad: true, clipValue: 2, gradientAccumulationSteps: 4, decoupledWeightDecay: false },
    {
      name: 'adam',
      parameterGroups: [
        { match: /conv/, learningRateMultiplier: 0.5 },
        { match: 'a', weightDecay: 0 },
      ],
    },
    {
      name: 'sgd',
      learningRate: {
        name: 'linearWarmup',
        warmupSteps: 9,
        schedule: { name: 'cosineDecay', initialLearningRate: 1, decaySteps: 9 },
      },
    },
  ])('survive as JSON: %j', (option) => {
    const optimizer = resolveOptimizer(option);
    const again = resolveOptimizer(JSON.parse(JSON.stringify(optimizer.config)));
    expect(again.config).toEqual(optimizer.config);
    expect(again.slots).toEqual(optimizer.slots);
    for (const step of [0, 3, 10]) expect(again.scalars(step)).toEqual(optimizer.scalars(step));
    for (const path of ['conv/kernel', 'a/bias']) expect(again.factors?.(path)).toEqual(optimizer.factors?.(path));
  });

  it("take Keras's and PyTorch's names", () => {
    expect(resolveOptimizer({ name: 'Adam', beta_1: 0.5, clipnorm: 1 }).config).toMatchObject({
      beta1: 0.5,
      clipNorm: 1,
    });
    expect(resolveOptimizer({ name: 'RMSprop', lr: 0.5, eps: 1 }).config).toMatchObject({
      learningRate: 0.5,
      epsilon: 1,
    });
    const exponential = { name: 'ExponentialDecay', initialLearningRate: 1, decaySteps: 2, decayRate: 0.25 };
    expect(resolveOptimizer({ name: 'sgd', learningRate: exponential }).rateAt(1)).toBe(0.5);
  });

  it('give each parameter its factors', () => {
    const { factors } = optimizers.adam({
      weightDecay: 0.5,
      excludeFromWeightDecay: ['bias'],
      parameterGroups: [
        { match: '^stem/', learningRateMultiplier: 0.1 },
        { match: 'head', weightDecay: 0.25 },
      ],
    });
    const expected = {
      'stem/kernel': [0.1, 0.5],
      'stem/bias': [0.1, 0],
      'head/kernel': [1, 0.25],
      'a/kernel': [1, 0.5],
    };
    for (const [path, pair] of Object.entries(expected)) expect(factors?.(path), path).toEqual(pair);
    expect(optimizers.adam({ weightDecay: 0.5 }).factors).toBeUndefined();
  });

  it.each<[string, object, string]>([
    ['sgd', { clipNorm: 1, clipValue: 1 }, 'one of clipValue, clipNorm, globalClipNorm'],
    ['sgd', { clipNorm: 0 }, 'a number above 0'],
    ['sgd', { globalClipNorm: -1 }, 'a number above 0'],
    ['sgd', { gradientAccumulationSteps: 1 }, 'an integer at least 2'],
    ['adam', { useEma: 1 }, 'true or false'],
    ['adam', { emaMomentum: 2 }, 'at most 1'],
    ['adam', { emaOverwriteFrequency: 0.5 }, 'an integer'],
    ['adam', { amsgrad: 'yes' }, 'true or false'],
    ['adam', { excludeFromWeightDecay: 'bias' }, 'a list'],
    ['adam', { excludeFromWeightDecay: ['('] }, 'a regular expression'],
    ['adam', { excludeFromWeightDecay: [/a/i] }, 'without flags'],
    ['adam', { parameterGroups: [{ match: 'a', rate: 1 }] }, 'one of the options match'],
    ['adam', { parameterGroups: [{ learningRateMultiplier: 1 }] }, 'a regular expression'],
    ['adam', { parameterGroups: ['a'] }, 'an object with match'],
    ['adam', { learningRate: { name: 'cosine' } }, 'one of constant'],
    ['adam', { learningRate: 'fast' }, 'a number at least 0'],
    ['adam', { rho: 0.5 }, 'one of the options'],
    ['rmsprop', { rho: 1 }, 'below 1'],
    ['rmsprop', { centered: 0 }, 'true or false'],
    ['adagrad', { initialAccumulatorValue: -1 }, 'at least 0'],
    ['adadelta', { epsilon: -1 }, 'at least 0'],
    ['adamax', { beta2: 1 }, 'below 1'],
    ['nadam', { beta1: -0.5 }, 'at least 0'],
    ['lion', { beta1: 1.5 }, 'at most 1'],
    ['lamb', { epsilon: 0 }, 'above 0'],
    ['adafactor', { beta2Decay: 0.5 }, 'at most 0'],
    ['adafactor', { clipThreshold: 0 }, 'above 0'],
  ])('%s refuses %j', (name, options, expected) => {
    const error = errorOf(() => resolveOptimizer({ name, ...options }));
    expect(error.code).toBe('ERR_OCELLUS_OPTION');
    expect(error.message).toContain(expected);
  });

  it('are checked', () => {
    expect(errorOf(() => resolveOptimizer('adm')).help).toBe("did you mean 'adam'?");
    expect(errorOf(() => optimizers.sgd({ learingRate: 1 } as never)).help).toBe("did you mean 'learningRate'?");
    for (const options of [
      { learningRate: -1 },
      { learningRate: Number.NaN },
      { momentum: 1.5 },
      { nesterov: true },
      { weightDecay: -1 },
    ]) {
      expect(errorOf(() => optimizers.sgd(options)).code).toBe('ERR_OCELLUS_OPTION');
    }
    expect(errorOf(() => optimizers.adam({ beta1: 1 })).message).toContain(
      "optimizer 'adam', option 'beta1': expected a number",
    );
  });
});
