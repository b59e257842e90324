// Weights of samples and classes: what equals what, whence they may come, and what is refused. The numbers themselves
// are compared in weighting-golden.test.ts.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type Dataset,
  type Expression,
  type FitOptions,
  input,
  layers,
  load,
  losses,
  type Model,
  metrics,
  model,
  sequential,
  type WeightingOptions,
} from '../../src/index.js';
import { backends, blobNet, blobs, errorOf, silent } from './harness.js';

const { x, y } = blobs(24);
const sampleWeight = Float32Array.from({ length: 24 }, (_, i) => (i % 5) / 2);
const classWeight = { 0: 0.5, 1: 2, 2: 3 };
const byClass = Float32Array.from(y, (label) => classWeight[label as 0]);

async function* batches(weights?: Float32Array) {
  for (let at = 0; at < 24; at += 8) {
    const part = { data: x.data.subarray(2 * at, 2 * at + 16), shape: [8, 2] };
    yield { x: part, y: y.subarray(at, at + 8), sampleWeight: weights?.subarray(at, at + 8) };
  }
}

const dataset = (weights?: Float32Array): Dataset => ({
  size: 24,
  [Symbol.asyncIterator]: () => batches(weights),
});

describe.each(backends)('%s', (backend) => {
  const fitted = async (options: WeightingOptions, shuffle = true) => {
    const net = blobNet({ backend });
    await net.fit(x, y, { ...silent, epochs: 2, batchSize: 8, shuffle, ...options });
    return net.getWeights();
  };

  test('weights of classes are those of their samples, in any order', async () => {
    expect(await fitted({ classWeight })).toEqual(await fitted({ sampleWeight: byClass }));
    expect(await fitted({ classWeight: [0.5, 2, 3] })).toEqual(await fitted({ sampleWeight: [...byClass] }));
    expect(await fitted({ classWeight })).not.toEqual(await fitted({}));
  });

  test('a dataset, an array and the open loop weigh alike', async () => {
    const expected = await fitted({ sampleWeight }, false);
    const streamed = blobNet({ backend });
    await streamed.fit(dataset(sampleWeight), { ...silent, epochs: 2 });
    expect(streamed.getWeights()).toEqual(expected);
    const stepped = blobNet({ backend });
    const trainer = stepped.trainer();
    for (let epoch = 0; epoch < 2; epoch++) {
      for await (const batch of batches(sampleWeight))
        await trainer.step(batch.x, batch.y, { sampleWeight: batch.sampleWeight });
    }
    expect(stepped.getWeights()).toEqual(expected);
    const classes = blobNet({ backend });
    await classes.fit(dataset(), { ...silent, epochs: 2, classWeight });
    expect(classes.getWeights()).toEqual(await fitted({ classWeight }, false));
  });

  test('gradients are those of the weighted loss', async () => {
    const trainer = blobNet({ backend }).trainer();
    const plain = await trainer.gradients(x, y);
    const ones = await trainer.gradients(x, y, { sampleWeight: new Float32Array(24).fill(1) });
    const twos = await trainer.gradients(x, y, { classWeight: [2, 2, 2] });
    expect(ones.logs).toEqual(plain.logs);
    expect(twos.logs.loss).toBeCloseTo(2 * plain.logs.loss, 5);
    for (const [path, { data }] of Object.entries(plain.values)) {
      data.forEach((value, i) => void expect(twos.values[path].data[i]).toBeCloseTo(2 * value, 5));
    }
  });

  test('validation has weights of its own, classes are weighed in training only', async () => {
    const history = async (settings: FitOptions, options: WeightingOptions = {}) => {
      const net = blobNet({ backend });
      return (await net.fit(x, y, { ...silent, shuffle: false, ...settings, ...options })).history;
    };
    const weighted = await history({ validationData: [x, y, sampleWeight] });
    expect(weighted).toEqual(await history({ validationData: { x, y, sampleWeight } }));
    const plain = await history({ validationData: [x, y] });
    expect(weighted.loss).toEqual(plain.loss);
    expect(weighted.valLoss).not.toEqual(plain.valLoss);
    const net = blobNet({ backend });
    await net.fit(x, y, { ...silent, shuffle: false, classWeight, batchSize: 6, validationSplit: 0.25 });
    const part = { data: x.data.subarray(36), shape: [6, 2] };
    const last = await history({ validationSplit: 0.25, batchSize: 6 }, { classWeight });
    expect(last.valLoss[0]).toBeCloseTo((await net.evaluate(part, y.subarray(18))).loss, 6);
  });

  test('metrics are unweighted, weightedMetrics weighted', async () => {
    const net = blobNet({ backend });
    const share = (_target: unknown, _output: unknown, _samples: number, weights: ArrayLike<number> | undefined) =>
      Array.from(weights ?? []).filter((weight) => weight > 1).length;
    net.compile({
      optimizer: 'sgd',
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
      weightedMetrics: ['accuracy', metrics.recall({ average: 'none' }), share],
      backend,
    });
    const scores = await net.predict(x);
    const right = [...scores.argMax()].map((label, i) => Number(label === y[i]));
    const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
    const logs = await net.evaluate(x, y, { sampleWeight, batchSize: 24 });
    expect(logs.accuracy).toBeCloseTo(sum(right) / 24, 6);
    expect(logs.weightedAccuracy).toBeCloseTo(sum(right.map((hit, i) => hit * sampleWeight[i])) / sum(sampleWeight), 6);
    expect(logs).toHaveProperty('recall[2]');
    expect(logs.share).toBe(9);
    const unweighted = await net.evaluate(x, y, { batchSize: 24 });
    expect(unweighted.weightedAccuracy).toBe(unweighted.accuracy);
  });

  test('ignored targets need no weight, positions have one each', async () => {
    const net = sequential([layers.dense({ units: 3, activation: 'softmax', inputShape: [2, 2] })], { seed: 2 });
    const loss = losses.sparseCategoricalCrossentropy({ ignoreIndex: 255 });
    net.compile({ optimizer: 'sgd', loss, weightedMetrics: ['accuracy'], backend });
    const positions = { data: x.data, shape: [12, 2, 2] };
    const labels = { data: y.map((label, i) => (i % 7 === 0 ? 255 : label)), shape: [12, 2] };
    const trainer = net.trainer();
    const some = await trainer.gradients(positions, labels, { classWeight });
    const same = await trainer.gradients(positions, labels, { sampleWeight: { data: byClass, shape: [12, 2] } });
    expect(some).toEqual(same);
  });

  test('one-hot targets count by their class wherever its axis is', async () => {
    const turned = layers.permute({ dims: [2, 1], inputShape: [4, 3] });
    const build = (axis: number, first: boolean) => {
      const dense = layers.dense({ units: 3, activation: 'softmax', inputShape: [4, 2] });
      const stack = first ? [dense, layers.permute({ dims: [2, 1] })] : [dense];
      const net = sequential(stack, { seed: 4 });
      const loss = losses.categoricalCrossentropy({ axis });
      return net.compile({ optimizer: 'sgd', loss, backend });
    };
    const data = { data: x.data, shape: [6, 4, 2] };
    const hot = Float32Array.from({ length: 72 }, (_, i) => Number(y[Math.floor(i / 3)] === i % 3));
    const first = (await sequential([turned]).predict({ data: hot, shape: [6, 4, 3] })).data;
    const last = await build(-1, false)
      .trainer()
      .step(data, { data: hot, shape: [6, 4, 3] }, { classWeight });
    const before = await build(1, true)
      .trainer()
      .step(data, { data: first, shape: [6, 3, 4] }, { classWeight });
    expect(before.loss).toBeCloseTo(last.loss, 6);
  });

  test('findLearningRate takes weights', async () => {
    const net = blobNet({ backend });
    const one = await net.findLearningRate(x, y, { steps: 3, classWeight });
    const other = await net.findLearningRate(x, y, { steps: 3 });
    expect(one.losses).not.toEqual(other.losses);
  });
});

test('without weights the plan is the one it was', () => {
  const net = blobNet();
  expect(net.planText('train')).not.toContain('weight/');
});

const two = (): Model => {
  const entry = input({ shape: [2] });
  const outputs = [
    layers.dense({ units: 3, name: 'kind', activation: 'softmax' }),
    layers.dense({ units: 1, name: 'size' }),
  ];
  const net = model({ inputs: entry, outputs: outputs.map((layer) => layer.apply(entry)) }) as unknown as Model;
  return net.compile({ optimizer: 'sgd', loss: ['sparseCategoricalCrossentropy', 'mse'] });
};

const twice = { kind: y, size: new Float32Array(24) };

test('several outputs: one list for all, a list, or an object', async () => {
  const loss = async (weights: WeightingOptions['sampleWeight']) =>
    (await two().evaluate(x, twice, { sampleWeight: weights })) as Record<string, number>;
  const shared = await loss(sampleWeight);
  expect(await loss([sampleWeight, sampleWeight])).toEqual(shared);
  expect(await loss({ kind: sampleWeight, size: sampleWeight })).toEqual(shared);
  const plain = await two().evaluate(x, twice);
  const kind = await loss([sampleWeight, null]);
  expect(kind).toMatchObject({ kindLoss: shared.kindLoss, sizeLoss: plain.sizeLoss });
  expect(await loss({ kind: sampleWeight })).toEqual(kind);
  const trainer = two().trainer();
  const logs = await trainer.step(x, twice, { classWeight: { kind: classWeight } });
  expect(logs).toEqual(
    await two()
      .trainer()
      .step(x, twice, { sampleWeight: [byClass, null] }),
  );
});

test('weighted metrics are saved', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ocellus-weighting-'));
  try {
    const file = join(folder, 'model.safetensors');
    const net = blobNet();
    net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', weightedMetrics: ['accuracy', 'meanIoU'] });
    await net.save(file);
    const again = await load(file);
    expect(await again.evaluate(x, y, { sampleWeight })).toEqual(await net.evaluate(x, y, { sampleWeight }));
    const other = await load(file, { weightedMetrics: ['recall'] });
    expect(Object.keys(await other.evaluate(x, y))).toEqual(['loss', 'recall']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('errors', () => {
  const at = (index: number, value: number) => sampleWeight.map((weight, i) => (i === index ? value : weight));
  test.each<[string, unknown, string]>([
    [
      'wrong length',
      { sampleWeight: sampleWeight.subarray(1) },
      'fit: sampleWeight: expected 24 numbers, one per sample, got 23',
    ],
    ['wrong shape', { sampleWeight: { data: new Float32Array(48), shape: [24, 2] } }, 'one per sample, got shape 24x2'],
    ['negative', { sampleWeight: at(7, -1) }, 'fit: sampleWeight[7]: expected a number of at least 0, got -1'],
    ['NaN', { sampleWeight: at(3, Number.NaN) }, 'fit: sampleWeight[3]: expected a number of at least 0, got NaN'],
    [
      'infinite',
      { sampleWeight: at(3, Number.POSITIVE_INFINITY) },
      'sampleWeight[3]: expected a number of at least 0, got Inf',
    ],
    ['no numbers', { sampleWeight: 'balanced' }, 'fit: sampleWeight: expected numbers'],
    ['both', { sampleWeight, classWeight }, "fit, option 'classWeight': expected none beside weights of samples"],
    ['a class without', { classWeight: { 0: 1, 2: 1 } }, "fit, option 'classWeight': expected a weight for class 1"],
    ['too short a list', { classWeight: [1, 2] }, "option 'classWeight': expected 3 numbers, one per class, got 2"],
    ['no such class', { classWeight: { 0: 1, 3: 1 } }, 'expected class numbers from 0 to 2, got '],
    ['a class by name', { classWeight: { cat: 1 } }, 'expected class numbers from 0 to 2, got '],
    ['a negative class', { classWeight: [1, -1, 1] }, 'class 1: expected a number of at least 0, got -1'],
    ['a class NaN', { classWeight: { 0: Number.NaN } }, 'class 0: expected a number of at least 0, got NaN'],
    ['text', { classWeight: 'balanced' }, "option 'classWeight': expected numbers"],
    ['misspelt', { sampleWeights: sampleWeight }, "did you mean 'sampleWeight'?"],
    ['validation', { validationData: [x, y, [1]] }, 'fit, validationData: sampleWeight: expected 24 numbers'],
    [
      'validation, an option',
      { validationData: { x, y, weights: [1] } },
      'fit, validationData: expected one of the options',
    ],
  ])('%s', async (_name, options, message) => {
    const error = await errorOf(() => blobNet().fit(x, y, { ...silent, ...(options as WeightingOptions) }));
    expect(error.message).toContain(message);
  });

  test('of several outputs', async () => {
    const message = async (options: unknown) =>
      (await errorOf(() => two().fit(x, twice, { ...silent, ...(options as WeightingOptions) }))).message;
    expect(await message({ classWeight })).toContain('expected a list of 2, or an object with kind, size');
    expect(await message({ sampleWeight: { kin: sampleWeight } })).toContain('expected a list of 2, or an object');
    expect(await message({ sampleWeight: { kind: sampleWeight, siz: sampleWeight } })).toContain(
      "did you mean 'size'?",
    );
    expect(await message({ sampleWeight: [sampleWeight, [1]] })).toContain("(output 'size'): expected 24 numbers");
  });

  test('of a dataset, of losses, of metrics', async () => {
    const fit = (data: Dataset, options = {}) => errorOf(() => blobNet().fit(data, { ...silent, ...options }));
    expect((await fit(dataset(), { sampleWeight })).message).toContain('it yields { x, y, sampleWeight }');
    expect((await fit(dataset(sampleWeight), { classWeight })).message).toContain('none beside weights of samples');
    const custom = sequential([layers.dense({ units: 2, inputShape: [2, 2] })]);
    custom.compile({
      optimizer: 'sgd',
      loss: (yTrue: Expression, yPred: Expression) => yPred.sub(yTrue).square().mean([1, 2]),
    });
    const values = { data: x.data, shape: [12, 2, 2] };
    const weights = { data: sampleWeight, shape: [12, 2] };
    expect(await errorOf(() => custom.fit(values, values, { ...silent, sampleWeight: weights }))).toMatchObject({
      code: 'ERR_OCELLUS_SHAPE',
      message: expect.stringContaining('expected one per sample'),
    });
    const loss = 'sparseCategoricalCrossentropy';
    const unweighable = (_target: unknown, _output: unknown) => 1;
    expect(() => blobNet().compile({ optimizer: 'sgd', loss, weightedMetrics: [unweighable] })).toThrow(
      "metric 'unweighable': expected a function (target, output, samples, weights)",
    );
    expect(() => blobNet().compile({ optimizer: 'sgd', loss, weightedMetrics: 'accuracy' as never })).toThrow(
      'weightedMetrics',
    );
  });
});
