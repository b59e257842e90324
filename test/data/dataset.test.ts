// Order, batches and gathering of data in memory, and the split for validation.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TensorView } from '../../src/core/dtype.js';
import { ArrayDataset, type BatchOrder, isDataset, splitDataset } from '../../src/data/dataset.js';

function images(count: number): TensorView {
  return { data: Uint8Array.from({ length: count * 6 }, (_, i) => i % 251), shape: [count, 2, 3, 1], dtype: 'uint8' };
}

function labels(count: number): TensorView {
  return { data: Int32Array.from({ length: count }, (_, i) => i), shape: [count], dtype: 'int32' };
}

function orderOf(dataset: ArrayDataset, batchSize: number, order?: BatchOrder): number[][] {
  return [...dataset.batches(batchSize, order)].map((batch) => [...batch]);
}

describe('batches', () => {
  it('covers every sample once, whatever the sizes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 70 }),
        fc.boolean(),
        fc.boolean(),
        (size, batchSize, shuffle, dropRemainder) => {
          const dataset = new ArrayDataset([images(size)], [labels(size)]);
          const batches = orderOf(dataset, batchSize, { shuffle, dropRemainder, seed: 7, epoch: 2 });
          expect(batches.length).toBe(dataset.batchCount(batchSize, dropRemainder));
          const seen = batches.flat();
          expect(new Set(seen).size).toBe(seen.length);
          expect(seen.length).toBe(dropRemainder ? size - (size % batchSize) : size);
          expect(seen.every((index) => index < size)).toBe(true);
          for (const batch of batches.slice(0, -1)) expect(batch.length).toBe(batchSize);
        },
      ),
    );
  });

  it('repeats for a seed and an epoch, and differs between them', () => {
    const dataset = new ArrayDataset([images(50)], [labels(50)]);
    const order = (seed: number, epoch: number) => orderOf(dataset, 8, { shuffle: true, seed, epoch }).flat().join();
    expect(order(1, 0)).toBe(order(1, 0));
    const orders = [order(1, 0), order(1, 1), order(1, 2), order(2, 0), order(2 ** 40, 0)];
    expect(new Set(orders).size).toBe(orders.length);
    expect(orderOf(dataset, 50)[0]).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('shuffles without preference: each sample visits each place', () => {
    const dataset = new ArrayDataset([labels(4)], []);
    const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
    for (let epoch = 0; epoch < 4000; epoch++) {
      const [order] = orderOf(dataset, 4, { shuffle: true, seed: 3, epoch });
      for (const [place, sample] of order.entries()) counts[place][sample]++;
    }
    // Expected 1000 each, standard deviation 27.
    for (const count of counts.flat()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it('keeps two runs over one dataset apart', () => {
    const dataset = new ArrayDataset([images(9)], [labels(9)]);
    const first = dataset.batches(4, { shuffle: true, seed: 1 });
    const second = dataset.batches(4, { shuffle: true, seed: 2 });
    const one: number[] = [];
    for (let i = 0; i < 3; i++) {
      one.push(...(first.next().value as Uint32Array));
      second.next();
    }
    expect(one).toEqual(orderOf(dataset, 4, { shuffle: true, seed: 1 }).flat());
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity, '4'])('refuses a batch size of %s', (batchSize) => {
    const dataset = new ArrayDataset([images(3)], [labels(3)]);
    expect(() => orderOf(dataset, batchSize as number)).toThrow(
      /batches: batchSize: expected a whole number of at least 1/,
    );
  });

  it('refuses odd seeds, epochs and options', () => {
    const dataset = new ArrayDataset([images(3)], [labels(3)]);
    expect(() => orderOf(dataset, 1, { seed: 0.5 })).toThrow(/batches: seed/);
    expect(() => orderOf(dataset, 1, { epoch: -1 })).toThrow(/batches: epoch/);
    expect(() => orderOf(dataset, 1, { shufle: true } as never)).toThrow(/did you mean 'shuffle'/);
  });
});

describe('gather', () => {
  it('copies rows into longer arrays and wider types, and touches nothing else', () => {
    const dataset = new ArrayDataset([images(10)], [labels(10)]);
    const x = new Float32Array(14).fill(-1);
    const y = new Int32Array(3).fill(-1);
    dataset.gather(Uint32Array.of(9, 0), [x], [y]);
    expect([...x]).toEqual([54, 55, 56, 57, 58, 59, 0, 1, 2, 3, 4, 5, -1, -1]);
    expect([...y]).toEqual([9, 0, -1]);
    expect(dataset.xSpecs).toEqual([{ shape: [2, 3, 1], dtype: 'uint8' }]);
    expect(dataset.ySpecs).toEqual([{ shape: [], dtype: 'int32' }]);
  });

  it('serves many inputs and outputs', () => {
    const dataset = new ArrayDataset([images(4), labels(4)], [labels(4), images(4)]);
    const into = () => [new Float32Array(6), new Float32Array(6)];
    const [[a, b], [c, d]] = [into(), into()];
    dataset.gather(Uint32Array.of(2), [a, b], [c, d]);
    expect([a[0], b[0], c[0], d[0]]).toEqual([12, 2, 2, 12]);
  });

  it('refuses what does not fit', () => {
    const dataset = new ArrayDataset([images(4)], [labels(4)]);
    const two = Uint32Array.of(0, 1);
    const [x, y] = [new Uint8Array(12), new Int32Array(2)];
    expect(() => dataset.gather(two, [new Uint8Array(11)], [y])).toThrow(/gather: expected an array for 12 numbers/);
    expect(() => dataset.gather(two, [x], [])).toThrow(/gather: expected an array for 2 numbers/);
    expect(() => dataset.gather(two, [x], [new Uint8Array(2)])).toThrow(/of type int32/);
    expect(() => dataset.gather(Uint32Array.of(4), [x], [y])).toThrow(
      /gather: expected a sample number below 4, got 4/,
    );
  });

  it('notices data that was transferred away meanwhile', () => {
    const data = new Float32Array(8);
    const dataset = new ArrayDataset([{ data, shape: [4, 2], dtype: 'float32' }], []);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    expect(() => dataset.gather(Uint32Array.of(0), [new Float32Array(2)], [])).toThrow(/was transferred/);
  });
});

describe('making and splitting', () => {
  it('refuses counts that differ, scalars and nothing', () => {
    expect(() => new ArrayDataset([images(4)], [labels(5)], 'fit')).toThrow(
      'fit: expected x and y with the same number of samples, got x 4x2x3x1; y 5',
    );
    expect(() => new ArrayDataset([], [])).toThrow(/first axis counts samples, got none/);
    expect(() => new ArrayDataset([{ data: Float32Array.of(1), shape: [], dtype: 'float32' }], [])).toThrow(/scalar/);
    expect(() => new ArrayDataset([{ data: new Float32Array(0), shape: [0, 2], dtype: 'float32' }], [])).toThrow(
      /at least one sample/,
    );
  });

  it('takes the last part, sharing memory', () => {
    const [x, y] = [images(10), labels(10)];
    const { train, validation } = splitDataset([x], [y], 0.25);
    expect([train.size, validation.size]).toEqual([7, 3]);
    expect([...validation.y[0].data]).toEqual([7, 8, 9]);
    expect(validation.x[0].shape).toEqual([3, 2, 3, 1]);
    expect(validation.x[0].data[0]).toBe(42);
    expect(validation.x[0].data.buffer).toBe(x.data.buffer);
  });

  it.each([0, 1, -0.1, 2, Number.NaN, undefined])('refuses a fraction of %s', (fraction) => {
    expect(() => splitDataset([images(10)], [labels(10)], fraction as number)).toThrow(/validationSplit: expected/);
  });

  it('refuses a split that leaves nothing', () => {
    expect(() => splitDataset([images(1)], [labels(1)], 0.5)).toThrow(/samples in both parts of 1/);
    expect(() => splitDataset([images(3)], [labels(3)], 0.99)).toThrow(/samples in both parts of 3/);
  });

  it('knows a dataset when it sees one', () => {
    async function* generate() {
      yield { x: [[1]], y: [1] };
    }
    expect(isDataset(generate())).toBe(true);
    for (const other of [null, undefined, [1], new Float32Array(1), { data: [1], shape: [1] }]) {
      expect(isDataset(other)).toBe(false);
    }
  });
});
