// The search for a learning rate: rates grow, the loss falls and then rises, and nothing is left behind.

import { describe, expect, test } from 'vitest';
import { backends, blobNet, blobs, errorOf, imageNet, images, silent } from './harness.js';

describe.each(backends)('%s', (backend) => {
  test('finds where the loss falls, and leaves the model as it was', async () => {
    const { x, y } = blobs(90);
    const model = blobNet({ backend, optimizer: { name: 'sgd', learningRate: 0.01, momentum: 0.9 } });
    await model.fit(x, y, { ...silent, epochs: 1 });
    const twin = blobNet({ backend, optimizer: { name: 'sgd', learningRate: 0.01, momentum: 0.9 } });
    await twin.fit(x, y, { ...silent, epochs: 1 });
    const { rates, losses, suggestion } = await model.findLearningRate(x, y, { steps: 60, from: 1e-4, to: 100 });
    expect(rates.length).toBe(losses.length);
    expect(rates[0]).toBeCloseTo(1e-4, 8);
    rates.slice(1).forEach((rate, i) => void expect(rate).toBeGreaterThan(rates[i]));
    expect(suggestion).toBeGreaterThan(1e-3);
    expect(suggestion).toBeLessThan(10);
    expect(model.learningRate).toBe(0.01);
    expect(model.getWeights()).toEqual(twin.getWeights());
    for (const one of [model, twin]) await one.fit(x, y, { ...silent, initialEpoch: 1, epochs: 3 });
    expect(model.getWeights()).toEqual(twin.getWeights());
  });

  test('running statistics come back, too', async () => {
    const { bytes, shape, y } = images(24);
    const model = imageNet({ backend });
    const before = model.getWeights();
    const { rates } = await model.findLearningRate({ data: bytes, shape }, y, { steps: 8, batchSize: 5 });
    expect(rates).toHaveLength(8);
    expect(model.getWeights()).toEqual(before);
  });
});

test('an abort, and wrong options', async () => {
  const { x, y } = blobs(30);
  const model = blobNet();
  const before = model.getWeights();
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(model.findLearningRate(x, y, { signal })).rejects.toThrow('enough');
  expect(model.getWeights()).toEqual(before);
  for (const options of [{ from: 0 }, { from: 1, to: 1 }, { steps: 1 }, { step: 3 }]) {
    expect((await errorOf(() => model.findLearningRate(x, y, options))).code).toBe('ERR_OCELLUS_OPTION');
  }
});
