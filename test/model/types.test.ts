// What the type checker knows of models: predictions by outputs, options by names, functions by what they are called
// with. `tsc` reads the types; running the file shows that the lines work.

import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  type CompileOptions,
  type Dataset,
  type Expression,
  type History,
  input,
  layers,
  load,
  type Model,
  model,
  type SymbolicTensor,
  sequential,
  type Tensor,
  type ValidationData,
} from '../../src/index.js';

const entry = input({ shape: [2] });
const head = (units: number) => layers.dense({ units }).apply(entry);
const x = [[1, 2]];

describe('predictions', () => {
  test('one tensor for one output, as many as there are outputs', async () => {
    const single = model({ inputs: entry, outputs: head(3) });
    const listed = model({ inputs: entry, outputs: [head(3)] });
    const pair = model({ inputs: entry, outputs: [head(3), head(1)] });
    const some: SymbolicTensor[] = [head(3), head(1)];
    const many = model({ inputs: entry, outputs: some });
    expectTypeOf(single).toEqualTypeOf<Model<Tensor>>();
    expectTypeOf(listed).toEqualTypeOf<Model<Tensor>>();
    expectTypeOf(pair).toEqualTypeOf<Model<[Tensor, Tensor]>>();
    expectTypeOf(many).toEqualTypeOf<Model<Tensor[]>>();
    expectTypeOf(sequential([layers.dense({ units: 1 })])).toEqualTypeOf<Model<Tensor>>();
    expectTypeOf(load<[Tensor, Tensor]>).returns.resolves.toEqualTypeOf<Model<[Tensor, Tensor]>>();
    const [scores, value] = await pair.predict(x);
    expectTypeOf(scores).toEqualTypeOf<Tensor>();
    expect([scores.shape, value.shape]).toEqual([
      [1, 3],
      [1, 1],
    ]);
    expect((await listed.predict(x)).shape).toEqual([1, 3]);
    // @ts-expect-error there is no third output
    expect((await pair.predict(x))[2]).toBe(undefined);
    expect(pair.predictSync(x)).toHaveLength(2);
  });

  test('any model where all will do', () => {
    const count = (net: Model<Tensor | Tensor[]>) => net.countParams();
    expect(count(model({ inputs: entry, outputs: [head(3), head(1)] }))).toBe(12);
    expect(count(model({ inputs: entry, outputs: head(3) }))).toBe(9);
  });
});

describe('compile', () => {
  const net = model({ inputs: entry, outputs: head(1) });

  test('functions know their arguments', () => {
    net.compile({
      optimizer: {
        name: 'sgd',
        learningRate: (step, epoch) => {
          expectTypeOf({ step, epoch }).toEqualTypeOf<{ step: number; epoch: number }>();
          return 0.1;
        },
      },
      loss: (yTrue, yPred) => {
        expectTypeOf({ yTrue, yPred }).toEqualTypeOf<{ yTrue: Expression; yPred: Expression }>();
        return yPred.sub(yTrue).square();
      },
      metrics: [(target, output, samples) => (target[0] - output[0]) / samples],
      weightedMetrics: [(target, _output, _samples, weights) => target[0] * (weights?.[0] ?? 1)],
    });
    expect(net.optimizer.name).toBe('sgd');
  });

  test('names bring their options', () => {
    const right: CompileOptions[] = [
      { optimizer: { name: 'sgd', momentum: 0.9, nesterov: true }, loss: { name: 'huber', delta: 2 } },
      { optimizer: 'adam', loss: { name: 'mse', reduction: 'sum' }, metrics: [{ name: 'topKAccuracy', k: 1 }] },
      {
        optimizer: { name: 'adam', learningRate: { name: 'cosineDecay', initialLearningRate: 1, decaySteps: 3 } },
        loss: ['mse'],
        metrics: [{ name: 'meanSquaredLogarithmicError', reduction: 'sum' }],
      },
    ];
    expect(right).toHaveLength(3);
    // @ts-expect-error momntum
    expect(() => net.compile({ optimizer: { name: 'sgd', momntum: 1 }, loss: 'mse' })).toThrow('momentum');
    // @ts-expect-error of another optimizer
    expect(() => net.compile({ optimizer: { name: 'sgd', beta1: 1 }, loss: 'mse' })).toThrow('beta1');
    // @ts-expect-error dleta
    expect(() => net.compile({ optimizer: 'sgd', loss: { name: 'huber', dleta: 1 } })).toThrow('delta');
    // @ts-expect-error no such reduction
    expect(() => net.compile({ optimizer: 'sgd', loss: { name: 'huber', reduction: 'none' } })).toThrow('reduction');
    // @ts-expect-error of another metric
    expect(() => net.compile({ optimizer: 'sgd', loss: 'mse', metrics: [{ name: 'recall', k: 1 }] })).toThrow("'k'");
    // @ts-expect-error no list
    expect(() => net.compile({ optimizer: 'sgd', loss: 'mse', weightedMetrics: 'mae' })).toThrow('a list');
    // @ts-expect-error metric, for metrics
    expect(() => net.compile({ optimizer: 'sgd', loss: 'mse', metric: ['mae'] })).toThrow('metrics');
  });
});

describe('layers', () => {
  test('names bring their options', () => {
    // @ts-expect-error l3
    expect(() => layers.dense({ units: 1, kernelRegularizer: { name: 'l2', l3: 1 } })).toThrow('l3');
    // @ts-expect-error a text
    expect(() => layers.dense({ units: 1, kernelConstraint: { name: 'maxNorm', maxValue: '2' } })).toThrow('maxValue');
    // @ts-expect-error of another initializer
    expect(() => layers.dense({ units: 1, kernelInitializer: { name: 'zeros', stddev: 1 } })).toThrow('zeros');
    expect(layers.dense({ units: 1, activityRegularizer: { name: 'l1l2', l1: 0.1 } }).type).toBe('dense');
  });
});

describe('training', () => {
  test('data with targets, or a dataset; weights where they belong', () => {
    expectTypeOf<Model['fit']>().returns.resolves.toEqualTypeOf<History>();
    expectTypeOf<Model['evaluate']>().returns.resolves.toEqualTypeOf<Record<string, number>>();
    expectTypeOf<History['history']>().toEqualTypeOf<Record<string, number[]>>();
    const weights = Float32Array.of(1);
    const validation: ValidationData[] = [
      [x, x],
      [x, x, weights],
      { x, y: x, sampleWeight: [1] },
      [x, { left: x, right: x }, { left: weights, right: null }],
    ];
    expect(validation).toHaveLength(4);
    const net = model({ inputs: entry, outputs: head(2) }).compile({ optimizer: 'sgd', loss: 'mse' });
    const data: Dataset = { async *[Symbol.asyncIterator]() {} };
    const wrong = [
      // @ts-expect-error targets are missing
      () => net.fit(x),
      // @ts-expect-error weights of classes belong to training
      () => net.evaluate(x, x, { classWeight: [1, 2] }),
      // @ts-expect-error a dataset brings its targets
      () => net.fit(data, x, {}),
      // @ts-expect-error no number
      () => net.fit(x, x, { classWeight: { 0: 'much' } }),
    ];
    expect(wrong).toHaveLength(4);
  });
});
