// terminateOnNaN: ends the training after the first bad batch and names what went wrong first, without a trace in the
// model.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Callback, callbacks, input, layers, type Model, model, sequential } from '../../src/index.js';
import { backends, blobNet, blobs, silent } from './harness.js';

const warnings: string[] = [];
beforeEach(() => {
  warnings.length = 0;
  vi.spyOn(console, 'warn').mockImplementation((text: string) => void warnings.push(text));
});
afterEach(() => void vi.restoreAllMocks());

const options = { ...silent, epochs: 5, shuffle: false } as const;
const watched = () => ({ ...options, callbacks: [callbacks.terminateOnNaN()] });
const numbers = (count: number, value: number) => ({ data: new Float32Array(count).fill(value), shape: [count, 1] });

function stack(backend: 'typescript' | 'native', learningRate = 0.1): Model {
  const inner = sequential([layers.dense({ units: 3, name: 'first', inputShape: [1] }), layers.exponential()], {
    name: 'block',
  });
  const entry = input({ shape: [1] });
  const outputs = layers
    .dense({ units: 1, name: 'last' })
    .apply(layers.dropout({ rate: 0.5 }).apply(inner.apply(entry)));
  return model({ inputs: entry, outputs }).compile({ optimizer: { name: 'sgd', learningRate }, loss: 'mse', backend });
}

describe.each(backends)('%s', (backend) => {
  test('bad data: the batch, the input; the training ends after it', async () => {
    const { x, y } = blobs(96);
    x.data[2 * 40] = Number.NaN;
    let batches = 0;
    const count: Callback = { onBatchEnd: () => void batches++ };
    const net = blobNet({ backend });
    const history = await net.fit(x, y, { ...options, callbacks: [callbacks.terminateOnNaN(), count] });
    expect({ batches, stopped: history.stopped, epochs: history.epochs }).toEqual({
      batches: 2,
      stopped: true,
      epochs: [0],
    });
    expect(history.nonFinite).toEqual({
      epoch: 0,
      batch: 1,
      layer: null,
      weight: null,
      what: "the data of input 'input'",
      value: Number.NaN,
    });
    expect(warnings).toEqual([
      "terminateOnNaN: epoch 0, batch 1: the loss is NaN; first NaN in the data of input 'input'",
    ]);
  });

  test('a layer that overflows is named by its path, whatever comes behind it', async () => {
    const net = stack(backend);
    net.setWeights({ 'block/first/kernel': [1, 1, 1] });
    const x = numbers(64, 1);
    x.data[50] = 200;
    const { nonFinite } = await net.fit(x, numbers(64, 0), watched());
    expect(nonFinite).toMatchObject({
      batch: 1,
      layer: 'block/exponential',
      weight: null,
      value: Number.POSITIVE_INFINITY,
    });
    expect(warnings[0]).toContain("Infinity in the output of exponential 'block/exponential'");
  });

  test('a weight that was broken before is named', async () => {
    const net = stack(backend);
    net.setWeights({ 'last/bias': [Number.NaN] });
    const { nonFinite } = await net.fit(numbers(32, 1), numbers(32, 0), watched());
    expect(nonFinite).toMatchObject({ batch: 0, layer: 'last', weight: 'last/bias' });
    expect(nonFinite?.what).toBe("the output of dense 'last', whose weight 'last/bias' was not finite before");
  });

  test('a step that breaks the weights: the first layer on the way forward, not all of them', async () => {
    const net = stack(backend, 1e30);
    net.setWeights({ 'block/first/kernel': [1, 1, 1] });
    const { nonFinite } = await net.fit(numbers(96, 1), numbers(96, 5), watched());
    expect(nonFinite).toMatchObject({ epoch: 0, batch: 1 });
    expect(nonFinite?.layer).toMatch(/^block\//);
  });

  test('targets, and a loss that overflows by itself', async () => {
    const bad = numbers(32, 1);
    bad.data[3] = Number.NaN;
    const targets = await stack(backend).fit(numbers(32, 1), bad, watched());
    expect(targets.nonFinite).toMatchObject({ layer: null, what: "the targets of output 'last'" });
    const loss = await stack(backend).fit(numbers(32, 1), numbers(32, 1e30), watched());
    expect(loss.nonFinite).toMatchObject({
      what: 'the loss, of finite outputs and targets',
      value: Number.POSITIVE_INFINITY,
    });
  });

  test('an application of a shared layer is told from an earlier one', async () => {
    const entry = input({ shape: [1] });
    const shared = layers.dense({ units: 1, name: 'shared' });
    const blown = layers.exponential({ name: 'blown' }).apply(shared.apply(entry));
    const net = model({ inputs: entry, outputs: shared.apply(blown) });
    net.compile({ optimizer: 'sgd', loss: 'mse', backend });
    net.setWeights({ 'shared/kernel': [1] });
    const { nonFinite } = await net.fit(numbers(8, 300), numbers(8, 1), watched());
    expect(nonFinite).toMatchObject({ layer: 'blown' });
  });

  test('leaves a sound training and its bits alone, and a bad one as its last step made it', async () => {
    const { x, y } = blobs(40);
    const run = async (list: Callback[], rows = x) => {
      const net = blobNet({ backend, dropout: 0.3 });
      const history = await net.fit(rows, y, { ...options, callbacks: list });
      return { weights: net.getWeights(), history };
    };
    expect(await run([callbacks.terminateOnNaN()])).toEqual(await run([]));
    const bad = { data: x.data.slice(), shape: x.shape };
    bad.data[1] = Number.NaN;
    const stop: Callback = { onBatchEnd: (_event, context) => context.stop() };
    expect((await run([callbacks.terminateOnNaN()], bad)).weights).toEqual((await run([stop], bad)).weights);
  });
});
