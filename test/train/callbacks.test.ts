// Callbacks: stopping early, keeping the best, ending on NaN, writing files; and their errors.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { callbacks, load } from '../../src/index.js';
import type { Callback, EpochEndEvent, History, Logs, TrainContext } from '../../src/train/events.js';
import { blobNet, blobs, errorOf, silent } from './harness.js';

const folder = mkdtempSync(join(tmpdir(), 'ocellus-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Feeds made-up values of epochs to a callback; returns after how many it stopped, and what it did to the weights. */
async function epochsOf(
  callback: Callback,
  values: readonly Logs[],
  rates: number[] = [],
): Promise<{ epochs: number; weights: number[] }> {
  let weights = Float32Array.of(0);
  let stopped = false;
  const history: History = { epochs: [], history: {}, stopped: false };
  const context: TrainContext = {
    history,
    stop: () => void (stopped = true),
    resumeAt: () => undefined,
    firstNonFinite: async () => null,
    model: {
      getWeights: () => ({ w: weights.slice() }),
      setWeights: (all) => void (weights = Float32Array.from(all.w)),
      save: async () => undefined,
      learningRate: 1,
      restore: async () => null,
    },
  };
  await callback.onTrainBegin?.({ type: 'trainBegin', initialEpoch: 0, epochs: 99, samples: 1, steps: 1 }, context);
  let epochs = 0;
  for (const logs of values) {
    await callback.onEpochBegin?.({ type: 'epochBegin', epoch: epochs }, context);
    weights = Float32Array.of(++epochs);
    const event: EpochEndEvent = { type: 'epochEnd', epoch: epochs - 1, logs, seconds: 1 };
    await callback.onEpochEnd?.(event, context);
    rates.push(context.model.learningRate);
    if (stopped) break;
  }
  await callback.onTrainEnd?.({ type: 'trainEnd', history }, context);
  return { epochs, weights: [...weights] };
}

const losses = (...values: number[]): Logs[] => values.map((valLoss) => ({ valLoss, accuracy: -valLoss }));

describe('earlyStopping', () => {
  test('stops after `patience` epochs without improvement', async () => {
    const values = losses(5, 4, 4, 4.5, 4.2, 4.1, 1);
    expect(await epochsOf(callbacks.earlyStopping({ patience: 3 }), values)).toEqual({ epochs: 5, weights: [5] });
    expect(await epochsOf(callbacks.earlyStopping(), values)).toEqual({ epochs: 3, weights: [3] });
  });

  test('goes back to the best weights', async () => {
    const stop = callbacks.earlyStopping({ monitor: 'val_loss', patience: 2, restoreBestWeights: true });
    expect(await epochsOf(stop, losses(5, 3, 4, 4))).toEqual({ epochs: 4, weights: [2] });
    expect(await epochsOf(stop, losses(7, 6))).toEqual({ epochs: 2, weights: [2] });
  });

  test('knows by the name, or by `mode`, what is better', async () => {
    const rising = losses(-1, -2, -3, -3);
    expect((await epochsOf(callbacks.earlyStopping({ monitor: 'accuracy' }), rising)).epochs).toBe(4);
    expect((await epochsOf(callbacks.earlyStopping({ monitor: 'accuracy', mode: 'min' }), rising)).epochs).toBe(2);
    expect((await epochsOf(callbacks.earlyStopping({ minDelta: 1.5 }), losses(5, 4, 3))).epochs).toBe(2);
  });

  test('NaN is no improvement', async () => {
    expect(
      (await epochsOf(callbacks.earlyStopping({ patience: 2 }), losses(Number.NaN, 3, Number.NaN, 2, 1))).epochs,
    ).toBe(5);
    expect((await epochsOf(callbacks.earlyStopping({ patience: 2 }), losses(3, Number.NaN, Number.NaN))).epochs).toBe(
      3,
    );
  });

  test('in a real fit: history says that it was stopped', async () => {
    const { x, y } = blobs(60);
    const stop = callbacks.earlyStopping({ monitor: 'loss', minDelta: 100, patience: 2, restoreBestWeights: true });
    const model = blobNet();
    let best: Record<string, Float32Array> = {};
    const keep: Callback = {
      onEpochEnd({ epoch }, context) {
        if (epoch === 0) best = context.model.getWeights();
      },
    };
    const { epochs, stopped } = await model.fit(x, y, { epochs: 20, callbacks: [keep, stop], ...silent });
    expect(epochs).toEqual([0, 1, 2]);
    expect(stopped).toBe(true);
    expect(model.getWeights()).toEqual(best);
  });
});

test('modelCheckpoint keeps the best, and every epoch on demand', async () => {
  const { x, y } = blobs(60);
  const every = join(folder, 'epoch-{epoch}.safetensors');
  const best = join(folder, 'best.safetensors');
  const model = blobNet();
  let first: Record<string, Float32Array> = {};
  const keep: Callback = {
    onEpochEnd({ epoch }) {
      if (epoch === 0) first = model.getWeights();
    },
  };
  await model.fit(x, y, {
    epochs: 3,
    callbacks: [
      keep,
      callbacks.modelCheckpoint({ file: every }),
      callbacks.modelCheckpoint({ file: best, monitor: 'loss', mode: 'max', saveBestOnly: true }),
    ],
    ...silent,
  });
  for (const epoch of [1, 2, 3]) expect(existsSync(every.replace('{epoch}', String(epoch)))).toBe(true);
  // The loss falls, so that with mode 'max' the first epoch stays the best.
  expect((await load(best)).getWeights()).toEqual(first);
});

test('modelCheckpoint writes nothing that is no better than the threshold', async () => {
  const { x, y } = blobs(60);
  const file = join(folder, 'threshold.safetensors');
  const saver = (initialValueThreshold: number) =>
    callbacks.modelCheckpoint({ file, monitor: 'loss', saveBestOnly: true, initialValueThreshold });
  await blobNet().fit(x, y, { epochs: 2, callbacks: [saver(0)], ...silent });
  expect(existsSync(file)).toBe(false);
  await blobNet().fit(x, y, { epochs: 2, callbacks: [saver(1e9)], ...silent });
  expect(existsSync(file)).toBe(true);
  expect(() => saver(Number.NaN)).toThrow(/'initialValueThreshold': expected a number, got NaN/);
});

test('csvLogger appends below the names that it wrote once', async () => {
  const { x, y } = blobs(30);
  const file = join(folder, 'appended.csv');
  const logger = () => [callbacks.csvLogger({ file, append: true })];
  for (let i = 0; i < 2; i++) await blobNet().fit(x, y, { epochs: 2, callbacks: logger(), ...silent });
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(5);
  expect(lines.filter((line) => line.startsWith('epoch,'))).toHaveLength(1);
});

test('csvLogger writes one line an epoch', async () => {
  const { x, y } = blobs(60);
  const file = join(folder, 'log.csv');
  const { history } = await blobNet().fit(x, y, { epochs: 2, callbacks: [callbacks.csvLogger({ file })], ...silent });
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  expect(lines).toEqual([
    'epoch,loss,accuracy',
    `0,${history.loss[0]},${history.accuracy[0]}`,
    `1,${history.loss[1]},${history.accuracy[1]}`,
  ]);
});

test('what a callback throws ends the fit and leaves a usable model', async () => {
  const { x, y } = blobs(60);
  const model = blobNet();
  const failing: Callback = {
    onBatchEnd() {
      throw new RangeError('mine');
    },
  };
  await expect(model.fit(x, y, { callbacks: [failing], ...silent })).rejects.toThrow(new RangeError('mine'));
  expect((await model.fit(x, y, silent)).epochs).toEqual([0]);
});

test('errors name the option', async () => {
  const { x, y } = blobs(60);
  const fitWith = (callback: Callback) => () => blobNet().fit(x, y, { callbacks: [callback], ...silent });
  const typo = await errorOf(fitWith(callbacks.earlyStopping({ monitor: 'acuracy' })));
  expect(typo).toMatchObject({ code: 'ERR_OCELLUS_OPTION', help: "did you mean 'accuracy'?" });
  const missing = await errorOf(fitWith(callbacks.earlyStopping({ monitor: 'valLoss' })));
  expect(missing.help).toBe('give fit validationData or validationSplit');
  for (const wrong of [{ patience: -1 }, { mode: 'best' }, { patince: 2 }, { minDelta: Number.NaN }] as object[]) {
    expect(await errorOf(() => callbacks.earlyStopping(wrong))).toMatchObject({ code: 'ERR_OCELLUS_OPTION' });
  }
  expect(await errorOf(() => callbacks.modelCheckpoint({} as { file: string }))).toMatchObject({
    where: "modelCheckpoint, option 'file'",
  });
});

describe('learning rates', () => {
  test('reduceLROnPlateau waits, reduces, rests, and stops at a floor', async () => {
    const rates: number[] = [];
    const options = { factor: 0.5, patience: 2, cooldown: 1, minLearningRate: 0.2 };
    await epochsOf(callbacks.reduceLROnPlateau(options), losses(5, 5, 5, 5, 5, 5, 5, 5, 5, 4, 4, 4), rates);
    expect(rates).toEqual([1, 1, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]);
  });

  test('learningRateScheduler is asked before every epoch', async () => {
    const rates: number[] = [];
    const halved = callbacks.learningRateScheduler((epoch, rate) => (epoch === 0 ? rate : rate / 2));
    await epochsOf(halved, losses(1, 1, 1), rates);
    expect(rates).toEqual([1, 0.5, 0.25]);
    const wrong = callbacks.learningRateScheduler(() => Number.NaN);
    expect((await errorOf(() => epochsOf(wrong, losses(1)))).message).toMatch(/epoch 0: expected a rate >= 0, got NaN/);
  });

  test('a model trains with the rate that was set', async () => {
    const { x, y } = blobs(30);
    const model = blobNet({ optimizer: { name: 'sgd', learningRate: 0.5 } });
    expect(model.learningRate).toBe(0.5);
    const frozen = callbacks.learningRateScheduler((epoch) => (epoch === 0 ? 0.5 : 0));
    await model.fit(x, y, { ...silent, epochs: 1, callbacks: [frozen] });
    const before = model.getWeights();
    await model.fit(x, y, { ...silent, initialEpoch: 1, epochs: 3, callbacks: [frozen] });
    expect(model.getWeights()).toEqual(before);
    expect(model.learningRate).toBe(0);
  });
});

describe('files', () => {
  test('jsonLogger writes a line per epoch', async () => {
    const { x, y } = blobs(30);
    const file = join(folder, 'log.jsonl');
    await blobNet().fit(x, y, { ...silent, epochs: 2, callbacks: [callbacks.jsonLogger({ file })] });
    await blobNet().fit(x, y, { ...silent, callbacks: [callbacks.jsonLogger({ file, append: true })] });
    const lines = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ epoch }) => epoch)).toEqual([0, 1, 0]);
    expect(lines[0]).toMatchObject({ seconds: expect.any(Number), loss: expect.any(Number) });
  });

  test('modelCheckpoint keeps the last files only', async () => {
    const { x, y } = blobs(30);
    const file = join(folder, 'kept-{epoch}.safetensors');
    const checkpoint = callbacks.modelCheckpoint({ file, keepLast: 2 });
    await blobNet().fit(x, y, { ...silent, epochs: 4, callbacks: [checkpoint] });
    const there = [1, 2, 3, 4].map((epoch) => existsSync(join(folder, `kept-${epoch}.safetensors`)));
    expect(there).toEqual([false, false, true, true]);
    expect((await errorOf(() => callbacks.modelCheckpoint({ file, keepLast: 0 }))).message).toMatch(/keepLast/);
  });
});

test('lambda checks the names of its functions', async () => {
  const calls: number[] = [];
  const { x, y } = blobs(30);
  const counter = callbacks.lambda({ onEpochEnd: ({ epoch }) => void calls.push(epoch) });
  await blobNet().fit(x, y, { ...silent, epochs: 2, callbacks: [counter] });
  expect(calls).toEqual([0, 1]);
  const wrong = await errorOf(() => callbacks.lambda({ onEpochFinish: () => undefined } as Callback));
  expect(wrong.code).toBe('ERR_OCELLUS_OPTION');
  expect((await errorOf(() => callbacks.lambda({ onEpochEnd: 3 } as unknown as Callback))).message).toMatch(/function/);
});
