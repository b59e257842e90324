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
  const slots = optimizer.slots.map((slot) => declare(slot, 3));
  const scalars = Object.fromEntries(
    Object.entries(optimizer.scalars(0)).map(([name, values]) => [name, declare(name, values.length)]),
  );
  optimizer.emit(graph, w, graph.emit('multiply', [w, factor])[0], slots, scalars);
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
        const gradient = g + 0.01 * w;
        v = 0.9 * v + gradient;
        return w - 0.02 * (nesterov ? gradient + 0.9 * v : v);
      };
    });
    compare(optimizers.sgd({ learningRate: 0.02, momentum: 0.9, nesterov, weightDecay: 0.01 }), expected);
  });
});

describe('adam', () => {
  it.each([
    ['adam', 0],
    ['adam', 0.1],
    ['adamW', 0.1],
  ] as const)('%s with weight decay %d', (name, weightDecay) => {
    const expected = formula(8, () => {
      let m = 0;
      let v = 0;
      return (w, g, t) => {
        const gradient = name === 'adam' ? g + weightDecay * w : g;
        m = 0.8 * m + 0.2 * gradient;
        v = 0.95 * v + 0.05 * gradient ** 2;
        const decayed = name === 'adamW' ? w - 0.1 * weightDecay * w : w;
        return decayed - (0.1 * (m / (1 - 0.8 ** t))) / (Math.sqrt(v / (1 - 0.95 ** t)) + 1e-3);
      };
    });
    compare(optimizers[name]({ learningRate: 0.1, beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay }), expected);
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
    expect(sgd.slots).toEqual(['velocity']);
    expect(resolveOptimizer(JSON.parse(JSON.stringify(sgd.config))).config).toEqual(sgd.config);
    expect(resolveOptimizer(sgd)).toBe(sgd);
    expect(optimizers.sgd().slots).toEqual([]);
  });

  it('are checked', () => {
    expect(errorOf(() => resolveOptimizer('adm')).help).toBe("did you mean 'adam'?");
    expect(errorOf(() => optimizers.sgd({ learingRate: 1 } as never)).help).toBe("did you mean 'learningRate'?");
    for (const options of [
      { learningRate: -1 },
      { learningRate: Number.NaN },
      { momentum: 1 },
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
