// Prediction and evaluation on both backends: the result does not depend on the batch, on the type of the data, or on
// the order of the axes at the edge.

import { describe, expect, test } from 'vitest';
import { input, layers, model, Random, sequential, Tensor } from '../../src/index.js';
import { backends, blobNet, blobs, imageNet, images, silent } from '../train/harness.js';

describe.each(backends)('%s', (backend) => {
  test('a sample is answered alike alone, in a batch, and synchronously: bit by bit', async () => {
    const { bytes, shape, y } = images(37);
    const net = imageNet({ backend });
    await net.fit({ data: bytes, shape }, y, silent);
    const all = await net.predict({ data: bytes, shape });
    expect(all.shape).toEqual([37, 3]);
    expect(await net.predict({ data: bytes, shape }, { batchSize: 5 })).toEqual(all);
    expect(net.predictSync({ data: bytes, shape }, { batchSize: 37 })).toEqual(all);
    for (const index of [0, 17, 36]) {
      const alone = await net.predict({ data: bytes.subarray(64 * index, 64 * (index + 1)), shape: [1, 8, 8, 1] });
      expect(alone.data).toEqual(all.row(index).data);
    }
  });

  test('bytes, integers and floats give the same answer', async () => {
    const { bytes, shape } = images(9);
    const net = imageNet({ backend });
    const expected = await net.predict({ data: bytes, shape });
    expect(await net.predict({ data: Float32Array.from(bytes), shape })).toEqual(expected);
    expect(await net.predict({ data: Int32Array.from(bytes), shape })).toEqual(expected);
    expect(await net.predict({ data: Float64Array.from(bytes), shape })).toEqual(expected);
    expect(await net.predict(new Tensor(bytes, shape).toArray() as number[][][][])).toEqual(expected);
    expect(await net.predict(bytes)).toEqual(expected);
    expect(await net.predict({ data: bytes, shape: [9, 8, 8] })).toEqual(expected);
  });

  test('training on bytes equals training on scaled floats', async () => {
    const { bytes, shape, y } = images(40);
    const stack = () => [layers.flatten(), layers.dense({ units: 3, activation: 'softmax' })];
    const compile = { optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', backend } as const;
    const fromBytes = sequential([layers.rescaling({ scale: 1 / 255, inputShape: [8, 8, 1] }), ...stack()], {
      seed: 4,
    });
    const fromFloats = sequential(stack(), { seed: 4, inputShape: [8, 8, 1] });
    const scaled = Float32Array.from(bytes, (value) => Math.fround(value * Math.fround(1 / 255)));
    const options = { epochs: 2, ...silent };
    const first = await fromBytes.compile(compile).fit({ data: bytes, shape }, y, options);
    const second = await fromFloats.compile(compile).fit({ data: scaled, shape }, y, options);
    expect(first.history.loss).toEqual(second.history.loss);
  });

  test('channelsFirst at the edge equals channelsLast', async () => {
    const random = new Random(5);
    const last = Float32Array.from({ length: 6 * 5 * 4 * 3 }, () => random.normal());
    const first = new Float32Array(last.length);
    for (let n = 0; n < 6; n++) {
      for (let i = 0; i < 20; i++) for (let c = 0; c < 3; c++) first[60 * n + 20 * c + i] = last[60 * n + 3 * i + c];
    }
    const conv = () => layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same' });
    const head = () => [conv(), layers.flatten(), layers.dense({ units: 2 })];
    const netLast = sequential(head(), { inputShape: [5, 4, 3] });
    const netFirst = sequential(head(), { inputShape: [3, 5, 4], dataFormat: 'channelsFirst' });
    for (const net of [netLast, netFirst]) net.compile({ optimizer: 'sgd', loss: 'meanSquaredError', backend });
    const y = { data: Float32Array.from({ length: 12 }, () => random.normal()), shape: [6, 2] };
    const trainedLast = await netLast.fit({ data: last, shape: [6, 5, 4, 3] }, y, { epochs: 2, ...silent });
    const trainedFirst = await netFirst.fit({ data: first, shape: [6, 3, 5, 4] }, y, { epochs: 2, ...silent });
    expect(trainedFirst).toEqual(trainedLast);

    const maps = sequential([conv()], { inputShape: [3, 5, 4], dataFormat: 'channelsFirst' });
    maps.compile({ optimizer: 'sgd', loss: 'meanSquaredError', backend });
    expect((await maps.predict({ data: first, shape: [6, 3, 5, 4] })).shape).toEqual([6, 2, 5, 4]);
  });

  test('evaluate is the mean over samples, whatever the batch size', async () => {
    const { x, y } = blobs(75);
    const net = blobNet({ backend });
    await net.fit(x, y, { epochs: 2, ...silent });
    const scores = await net.predict(x);
    let loss = 0;
    for (let i = 0; i < 75; i++) loss -= Math.log(scores.row(i).data[y[i]]) / 75;
    const right = scores.argMax().filter((label, i) => label === y[i]).length / 75;
    for (const batchSize of [1, 32, 75, 1000]) {
      const result = await net.evaluate(x, y, { batchSize });
      expect(Object.keys(result)).toEqual(['loss', 'accuracy']);
      expect(result.loss).toBeCloseTo(loss, 5);
      expect(result.accuracy).toBe(right);
    }
  });

  test('several inputs and outputs, by order and by name', async () => {
    const left = input({ shape: [2], name: 'left' });
    const right = input({ shape: [3], name: 'right', dtype: 'int32' });
    const joined = layers.concatenate().apply([left, right]);
    const hidden = layers.dense({ units: 8, activation: 'relu' }).apply(joined);
    const kind = layers.dense({ units: 2, activation: 'softmax', name: 'kind' }).apply(hidden);
    const size = layers.dense({ units: 1, name: 'size' }).apply(hidden);
    const net = model({ inputs: [left, right], outputs: [kind, size], seed: 2 });
    net.compile({
      optimizer: { name: 'adam', learningRate: 0.02 },
      loss: { kind: 'sparseCategoricalCrossentropy', size: 'meanSquaredError' },
      lossWeights: [1, 0.5],
      metrics: { kind: ['accuracy'], size: [] },
      backend,
    });
    const random = new Random(6);
    const a = { data: Float32Array.from({ length: 80 }, () => random.normal()), shape: [40, 2] };
    const b = { data: Int32Array.from({ length: 120 }, () => random.integer(3)), shape: [40, 3] };
    const labels = Int32Array.from({ length: 40 }, (_, i) => (a.data[2 * i] > 0 ? 1 : 0));
    const sizes = Float32Array.from({ length: 40 }, (_, i) => b.data[3 * i]);
    const { history } = await net.fit([a, b], [labels, sizes], { epochs: 40, ...silent });
    expect(Object.keys(history)).toEqual(['loss', 'kindLoss', 'kindAccuracy', 'sizeLoss']);
    expect(history.loss[0]).toBeCloseTo(history.kindLoss[0] + 0.5 * history.sizeLoss[0], 5);
    expect(history.kindAccuracy.at(-1)).toBeGreaterThan(0.9);
    const byName = await net.evaluate({ right: b, left: a }, { size: sizes, kind: labels });
    expect(byName).toEqual(await net.evaluate([a, b], [labels, sizes]));
    const answers = await net.predict([a, b]);
    expect(answers.map((answer) => answer.shape)).toEqual([
      [40, 2],
      [40, 1],
    ]);
  });
});

test('a tensor shows rows, nested arrays and the place of the largest', () => {
  const tensor = new Tensor(Float32Array.of(1, 3, 2, 9, 8, 7), [2, 3]);
  expect(tensor.toArray()).toEqual([
    [1, 3, 2],
    [9, 8, 7],
  ]);
  expect([...tensor.argMax()]).toEqual([1, 0]);
  expect([...tensor.row(1).argMax()]).toEqual([0]);
  expect(tensor.row(1).toArray()).toEqual([9, 8, 7]);
  expect(() => tensor.row(2)).toThrow('row: expected 0 to 1, got 2');
  expect(new Tensor(Int32Array.of(4), []).toArray()).toBe(4);
});
