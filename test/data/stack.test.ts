// Stacking samples to batches, and batches of pipelines in fit, evaluate and predict.

import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import * as data from '../../src/data/index.js';
import { stack } from '../../src/data/stack.js';
import { layers, sequential } from '../../src/index.js';

describe('batch', () => {
  it('keeps bytes bytes and numbers what they are', () => {
    const { x, y } = stack([
      { x: Uint8Array.of(1, 2), y: 3 },
      { x: Uint8Array.of(4, 255), y: 0 },
    ]);
    expect(x).toEqual({ data: Uint8Array.of(1, 2, 4, 255), shape: [2, 2], dtype: 'uint8' });
    expect(y).toEqual({ data: Int32Array.of(3, 0), shape: [2], dtype: 'int32' });
    expect(stack([1, 2.5])).toEqual({ data: Float32Array.of(1, 2.5), shape: [2], dtype: 'float32' });
    expect(stack([{ x: 1 }, { x: 2 }]).x.dtype).toBe('float32');
    expect(stack([[[1, 2]], [[3, 4]]]).shape).toEqual([2, 1, 2]);
    expect(stack([{ data: new Int32Array(6), shape: [3, 2] }]).shape).toEqual([1, 3, 2]);
    expect(stack([2 ** 40]).dtype).toBe('float32');
  });

  it('takes objects apart and lists what is no number', () => {
    const batch = stack([
      { x: { left: [1], right: [2, 3] }, y: [0, 1], sampleWeight: 0.5, file: 'a.png', seen: true },
      { x: { left: [4], right: [5, 6] }, y: [1, 0], sampleWeight: 2, file: 'b.png', seen: false },
    ]);
    expect(batch.x.right).toMatchObject({ shape: [2, 2], dtype: 'float32' });
    expect(batch.sampleWeight.data).toEqual(Float32Array.of(0.5, 2));
    expect([batch.file, batch.seen]).toEqual([
      ['a.png', 'b.png'],
      [true, false],
    ]);
    const pair = [
      { data: Float32Array.of(1), shape: [1] },
      { data: Uint8Array.of(1, 2), shape: [2] },
    ];
    const inputs = stack([{ x: pair }, { x: pair }]).x;
    expect(inputs).toMatchObject([{ shape: [2, 1] }, { shape: [2, 2], dtype: 'uint8' }]);
  });

  it('names the element that does not fit', () => {
    const cases: [unknown[], RegExp][] = [
      [
        [{ x: new Uint8Array(4) }, { x: new Uint8Array(3) }],
        /batch: x: element 1: expected uint8 of shape 4, like the first of the batch, got uint8 of shape 3[\s\S]*one size/,
      ],
      [[{ x: new Uint8Array(4) }, { x: new Float32Array(4) }], /expected uint8 of shape 4.*got float32/],
      [[{ x: 1 }, { y: 1 }], /batch: element 1: expected an object with 'x'/],
      [[{ x: 1, y: 1 }, null], /batch: element 1: expected an object with 'x'/],
      [[1, 'two'], /batch: element 1: expected a number/],
      [[[1, 2], [3]], /element 1: expected float32 of shape 2/],
      [[new Uint8Array(2), 7], /batch: element 1/],
    ];
    for (const [elements, message] of cases) expect(() => stack(elements)).toThrow(message);
  });

  it('drops or keeps the remainder', async () => {
    const some = data.array([1, 2, 3, 4, 5]);
    const sizes = async (dropRemainder: boolean) =>
      (await some.batch(2, { dropRemainder }).toArray()).map((batch) => batch.shape[0]);
    expect(await sizes(false)).toEqual([2, 2, 1]);
    expect(await sizes(true)).toEqual([2, 2]);
    expect(await some.batch(9).toArray()).toHaveLength(1);
    expect(await some.batch(9, { dropRemainder: true }).toArray()).toEqual([]);
  });
});

describe('in a model', () => {
  const samples = 48;
  const x = Uint8Array.from({ length: samples * 4 }, (_, i) => (i * 97) % 256);
  const y = Int32Array.from({ length: samples }, (_, i) => Number(x[4 * i] > 127));
  const tensors = { x: { data: x, shape: [samples, 4] }, y };
  const make = () => {
    const model = sequential(
      [layers.rescaling({ scale: 1 / 255, inputShape: [4] }), layers.dense({ units: 2, activation: 'softmax' })],
      { seed: 1 },
    );
    model.compile({
      optimizer: 'sgd',
      backend: 'typescript',
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    });
    return model;
  };

  it('trains, judges and predicts as arrays do, to the bit', async () => {
    const [a, b] = [make(), make()];
    const pipeline = data.tensorSlices(tensors).shuffle({ seed: 1 }).batch(10).prefetch(2);
    const fromArrays = await a.fit(tensors.x, y, { epochs: 3, batchSize: 10, seed: 1, verbose: 0 });
    const fromPipeline = await b.fit(pipeline, { epochs: 3, seed: 1, verbose: 0, validationData: pipeline });
    expect(fromPipeline.history.loss).toEqual(fromArrays.history.loss);
    const inOrder = data.tensorSlices(tensors).batch(10);
    expect(await b.evaluate(inOrder)).toEqual(await a.evaluate(tensors.x, y, { batchSize: 10 }));
    const expected = await a.predict(tensors.x);
    expect(await b.predict(inOrder)).toEqual(expected);
    expect(await b.predict(data.tensorSlices({ x: tensors.x }).batch(7))).toEqual(expected);
    expect(
      await b.predict(
        data
          .tensorSlices({ x: tensors.x })
          .map(({ x }) => x)
          .batch(7),
      ),
    ).toEqual(expected);
    await expect(b.predict(data.array<number[]>([]).batch(2))).rejects.toThrow(
      /predict: expected a dataset with at least/,
    );
  });

  it('weighs samples that say so, and passes errors of the data on', async () => {
    const weighted = data.tensorSlices({ ...tensors, sampleWeight: new Float32Array(samples) }).batch(8);
    expect((await make().fit(weighted, { verbose: 0 })).history.loss).toEqual([0]);
    const broken = data.tensorSlices(tensors).map((sample, { index }) => {
      if (index === 20) throw new Error('disk on fire');
      return sample;
    });
    const single = data.tensorSlices(tensors) as unknown as Dataset;
    await expect(make().fit(single, { verbose: 0 })).rejects.toThrow(/batches, got single samples[\s\S]*batch\(32\)/);
    await expect(make().fit(broken.batch(8).prefetch(2), { verbose: 0 })).rejects.toThrow('disk on fire');
  });
});
