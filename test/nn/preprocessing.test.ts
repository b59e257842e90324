// Layers that bring raw data into range: values by hand, adapting to data, and what is saved of it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { load, sequential } from '../../src/index.js';
import { sequential as network } from '../../src/nn/compose.js';
import { layers } from '../../src/nn/layers/index.js';
import { checkLayer, errorOf, noise, run } from './harness.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ocellus-preprocessing-'));
afterAll(() => rmSync(folder, { recursive: true }));

const shape = [5, 4, 3, 2];
const images = { shape, data: noise(120) };

/** Mean and variance in one go over the elements that `slotOf` gives the same number. */
function moments(slotOf: (element: number) => number, count: number): { mean: number[]; variance: number[] } {
  const groups = Array.from({ length: count }, (): number[] => []);
  images.data.forEach((value, i) => {
    groups[slotOf(i)].push(value);
  });
  const mean = groups.map((group) => group.reduce((sum, value) => sum + value, 0) / group.length);
  const variance = groups.map(
    (group, i) => group.reduce((sum, value) => sum + (value - mean[i]) ** 2, 0) / group.length,
  );
  return { mean, variance };
}

describe('normalization', () => {
  it.each([
    ['numbers', { mean: 0.5, variance: 4 }],
    ['lists', { mean: [1, -1], variance: [4, 0.25] }],
    ['two axes', { axis: [1, -1], mean: [1, 2, 3, 4, 5, 6, 7, 8], variance: [1, 2, 3, 4, 5, 6, 7, 8] }],
    ['no axis, inverted', { axis: null, mean: 2, variance: 9, invert: true }],
    ['nothing known yet', {}],
  ])('%s', (_, options) => {
    expect(checkLayer(layers.normalization(options), [shape.slice(1)])).toEqual(shape.slice(1));
  });

  it('divides by the deviation, and multiplies by it', () => {
    const x = { shape: [2, 2], data: [5, 1, 3, 0] };
    const options = { mean: [3, 1], variance: [4, 0] };
    const y = run(network([layers.normalization(options)]), [x]).outputs[0];
    expect(y.data[0]).toBe(1);
    expect(y.data[1]).toBe(0);
    expect(y.data[3]).toBeCloseTo(-1e7, -2);
    const back = run(network([layers.normalization({ ...options, invert: true })]), [{ shape: y.shape, data: y.data }]);
    back.outputs[0].data.forEach((value, i) => {
      expect(value).toBeCloseTo(x.data[i], 6);
    });
  });

  it.each([
    ['the last axis', -1, moments((i) => i % 2, 2)],
    ['rows and channels', [1, 3], moments((i) => (Math.floor(i / 6) % 4) * 2 + (i % 2), 8)],
    ['one for all', null, moments(() => 0, 1)],
  ])('adapts along %s', async (_, axis, expected) => {
    const layer = layers.normalization({ axis });
    await layer.adapt(images);
    const { state } = run(network([layer]), [images]);
    for (const name of ['mean', 'variance'] as const) {
      state[`normalization/${name}`].forEach((value, i) => {
        expect(value).toBeCloseTo(expected[name][i], 6);
      });
    }
  });

  it('adapts to batches of a dataset as to all at once', async () => {
    const [whole, parts] = [layers.normalization(), layers.normalization({ inputShape: [4, 3, 2] })];
    await whole.adapt(images);
    await parts.adapt({
      async *[Symbol.asyncIterator]() {
        yield { x: images.data.subarray(0, 24), y: [0] };
        yield { x: { shape: [4, 4, 3, 2], data: images.data.subarray(24) }, y: [0, 0, 0, 0] };
      },
    });
    const [one, other] = [whole, parts].map((layer) => run(network([layer]), [images]).outputs[0].data);
    one.forEach((value, i) => {
      expect(other[i]).toBeCloseTo(value, 5);
    });
  });

  it('takes bytes in many chunks', async () => {
    const count = 600_000;
    const layer = layers.normalization({ inputShape: [1] });
    await layer.adapt(Uint8Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 100 : 104)));
    const { state } = run(network([layer]), [{ shape: [1, 1], data: [104] }]);
    expect(state).toEqual({ 'normalization/mean': [102], 'normalization/variance': [4] });
  });

  it('is saved with the model', async () => {
    const layer = layers.normalization({ inputShape: [4, 3, 2] });
    await layer.adapt(images);
    const model = sequential([layer, layers.flatten(), layers.dense({ units: 2 })]);
    const file = path.join(folder, 'model.safetensors');
    const before = await model.predict(images);
    await model.save(file);
    const loaded = await load(file);
    expect((await loaded.predict(images)).data).toEqual(before.data);
    await expect(layer.adapt(images)).rejects.toThrow(
      'normalization: adapt: expected to be called, and awaited, before a model has weights, got a model that has taken',
    );
  });

  it.each([
    [{ mean: 1 }, "option 'variance': expected both mean and variance, or neither, got null"],
    [{ mean: 1, variance: -1 }, "option 'variance': expected a number or a list of numbers at least 0, got -1"],
    [{ mean: [], variance: 1 }, "option 'mean': expected a number or a list of numbers"],
    [{ axis: 0 }, "option 'axis': expected axes other than the batch, got 0"],
    [{ invert: 1 }, "option 'invert': expected true or false, got 1"],
    [{ axes: 1 }, 'normalization: expected one of the options'],
  ])('refuses %j', (options, message) => {
    const error = errorOf(() => layers.normalization(options as never));
    expect(error.code).toBe('ERR_OCELLUS_OPTION');
    expect(error.message).toContain(message);
  });

  it('refuses data that do not fit', async () => {
    const given = layers.normalization({ mean: 0, variance: 1 });
    await expect(given.adapt(images)).rejects.toThrow('adapt: expected a layer without the options mean and variance');
    await expect(layers.normalization({ axis: 4 }).adapt(images)).rejects.toThrow('samples with the axes 4, each once');
    const none = { async *[Symbol.asyncIterator]() {} };
    await expect(layers.normalization().adapt(none)).rejects.toThrow('expected at least one batch, got none');
    const three = layers.normalization({ mean: [1, 2, 3], variance: [1, 2, 3] });
    expect(errorOf(() => run(network([three]), [images])).message).toContain(
      'expected samples with 3 indices along axis -1, got 4x3x2',
    );
  });
});

describe('batchNormalization', () => {
  it('starts its statistics as told', () => {
    const options = {
      movingMeanInitializer: { name: 'constant', value: 3 },
      movingVarianceInitializer: { name: 'constant', value: 4 },
    } as const;
    const layer = layers.batchNormalization({ ...options, epsilon: 1e-9 });
    expect(run(network([layer]), [{ shape: [1, 2], data: [5, 1] }]).outputs[0].data).toEqual([1, -1]);
    expect(checkLayer(layers.batchNormalization(options), [[3, 2]])).toEqual([3, 2]);
  });
});
