// The training loop on both backends: it learns, repeats itself, tells what happens, stops when told.

import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { type Dataset, type Logs, layers, sequential, type TrainEvent } from '../../src/index.js';
import { backends, blobNet, blobs, imageNet, images, silent } from './harness.js';

describe.each(backends)('fit, %s', (backend) => {
  test('learns exclusive or', async () => {
    const model = sequential(
      [
        layers.dense({ units: 8, activation: 'tanh', inputShape: [2] }),
        layers.dense({ units: 1, activation: 'sigmoid' }),
      ],
      { seed: 3 },
    );
    model.compile({
      optimizer: { name: 'adam', learningRate: 0.05 },
      loss: 'binaryCrossentropy',
      metrics: ['accuracy'],
      backend,
    });
    const x = [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ];
    const { history } = await model.fit(x, [0, 1, 1, 0], { epochs: 200, ...silent });
    expect(history.loss.at(-1)).toBeLessThan(0.05);
    expect(history.accuracy.at(-1)).toBe(1);
    const scores = await model.predict(x);
    expect(Array.from(scores.data, Math.round)).toEqual([0, 1, 1, 0]);
  });

  test('ends with the moving average of the weights, and predicts from it', async () => {
    const { x, y } = blobs(64);
    const optimizer = { name: 'sgd', learningRate: 0.5, useEma: true, emaMomentum: 0.75 } as const;
    const [averaged, stepped] = [
      blobNet({ backend, optimizer }),
      blobNet({ backend, optimizer: { name: 'sgd', learningRate: 0.5 } }),
    ];
    await averaged.predict(x);
    await averaged.fit(x, y, { epochs: 5, batchSize: 64, ...silent });
    const expected: Record<string, Float32Array> = {};
    for (let epoch = 0; epoch < 5; epoch++) {
      await stepped.fit(x, y, { initialEpoch: epoch, epochs: epoch + 1, batchSize: 64, ...silent });
      for (const [path, values] of Object.entries(stepped.getWeights())) {
        const old = expected[path] ?? values;
        expected[path] = values.map((value, i) => 0.75 * old[i] + 0.25 * value);
      }
    }
    const weights = averaged.getWeights();
    for (const [path, values] of Object.entries(expected)) {
      values.forEach((value, i) => expect(weights[path][i]).toBeCloseTo(value, 6));
    }
    const { data } = await averaged.predict(x);
    stepped.setWeights(weights);
    expect([...data]).toEqual([...(await stepped.predict(x)).data]);
  });

  test('two halves of a batch, accumulated, move weights as the whole', async () => {
    const { x, y } = blobs(64);
    const base = { name: 'adam', clipNorm: 0.05, learningRate: 0.05 } as const;
    const whole = blobNet({ backend, optimizer: base });
    const halves = blobNet({ backend, optimizer: { ...base, gradientAccumulationSteps: 2 } });
    await whole.fit(x, y, { epochs: 3, shuffle: false, batchSize: 64, ...silent });
    await halves.fit(x, y, { epochs: 3, shuffle: false, batchSize: 32, ...silent });
    const weights = halves.getWeights();
    for (const [path, values] of Object.entries(whole.getWeights())) {
      values.forEach((value, i) => expect(weights[path][i]).toBeCloseTo(value, 5));
    }
  });

  test('learns blobs and validates', async () => {
    const { x, y } = blobs(300);
    const model = blobNet({ backend, optimizer: { name: 'sgd', learningRate: 0.1, momentum: 0.9 } });
    const { history, epochs, stopped } = await model.fit(x, y, { epochs: 8, validationSplit: 0.2, ...silent });
    expect(Object.keys(history)).toEqual(['loss', 'accuracy', 'valLoss', 'valAccuracy']);
    expect(epochs).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(stopped).toBe(false);
    expect(history.valAccuracy.at(-1)).toBeGreaterThan(0.95);
  });

  test('learns images with batch normalization and dropout', async () => {
    const { bytes, shape, y } = images(90);
    const model = imageNet({ backend });
    const { history } = await model.fit({ data: bytes, shape }, y, { epochs: 30, batchSize: 16, ...silent });
    expect(history.loss.at(-1)).toBeLessThan(0.5 * history.loss[0]);
    const { accuracy } = await model.evaluate({ data: bytes, shape }, y);
    expect(accuracy).toBeGreaterThan(0.9);
  });

  test('the same seeds give the same numbers, bit by bit; others do not', async () => {
    const { bytes, shape, y } = images(50);
    const run = async (seed: number, fitSeed?: number) => {
      const model = imageNet({ backend, seed });
      const { history } = await model.fit({ data: bytes, shape }, y, { epochs: 2, seed: fitSeed, ...silent });
      return { loss: history.loss, weights: model.getWeights() };
    };
    const first = await run(7);
    expect(await run(7)).toEqual(first);
    expect((await run(8)).loss).not.toEqual(first.loss);
    expect((await run(7, 8)).loss).not.toEqual(first.loss);
  });

  test('a callback and the loop see the same events, in order', async () => {
    const { x, y } = blobs(70);
    const heard: TrainEvent[] = [];
    const note = (event: TrainEvent): void => void heard.push(event);
    const seen: TrainEvent[] = [];
    const callbacks = [
      { onTrainBegin: note, onEpochBegin: note, onBatchEnd: note, onEpochEnd: note, onTrainEnd: note },
    ];
    const model = blobNet({ backend });
    for await (const event of model.train(x, y, { epochs: 2, callbacks, validationData: [x, y] })) seen.push(event);
    expect(heard).toEqual(seen);
    const epoch = ['epochBegin', 'batchEnd', 'batchEnd', 'batchEnd', 'epochEnd'];
    expect(seen.map((event) => event.type)).toEqual(['trainBegin', ...epoch, ...epoch, 'trainEnd']);
    expect(seen[0]).toEqual({ type: 'trainBegin', initialEpoch: 0, epochs: 2, samples: 70, steps: 3 });
    expect(seen.filter((event) => event.type === 'batchEnd').map((event) => event.size)).toEqual([
      32, 32, 6, 32, 32, 6,
    ]);
    expect(seen.at(-1)).toMatchObject({ history: { epochs: [0, 1] } });
  });

  test('the loss of an epoch is the mean over samples, also with a partial last batch', async () => {
    const { x, y } = blobs(70);
    const model = blobNet({ backend });
    let sum = 0;
    let logs: Logs = {};
    for await (const event of model.train(x, y, { batchSize: 32 })) {
      if (event.type === 'batchEnd') sum += event.size * event.loss;
      if (event.type === 'epochEnd') logs = event.logs;
    }
    expect(logs.loss).toBeCloseTo(sum / 70, 10);
  });

  test('an aborted fit rejects with the reason within one batch and leaves a usable model', async () => {
    const { x, y } = blobs(640);
    const model = blobNet({ backend });
    const controller = new AbortController();
    const reason = new Error('enough');
    let batches = 0;
    const callbacks = [
      {
        onBatchEnd() {
          batches++;
          if (batches === 3) controller.abort(reason);
        },
      },
    ];
    const job = model.fit(x, y, { epochs: 50, callbacks, signal: controller.signal, ...silent });
    await expect(job).rejects.toBe(reason);
    expect(batches).toBe(3);
    await expect(model.fit(x, y, { signal: controller.signal, ...silent })).rejects.toBe(reason);
    await expect(model.evaluate(x, y, { signal: controller.signal })).rejects.toBe(reason);
    await expect(model.predict(x, { signal: controller.signal })).rejects.toBe(reason);
    const { history } = await model.fit(x, y, silent);
    expect(history.loss).toHaveLength(1);
  });

  test('an abort from outside arrives while fit runs', async () => {
    const { x, y } = blobs(640);
    const model = blobNet({ backend });
    const signal = AbortSignal.timeout(50);
    await expect(model.fit(x, y, { epochs: 1_000_000, signal, ...silent })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });

  test('leaving the loop ends the training', async () => {
    const { x, y } = blobs(64);
    const model = blobNet({ backend });
    for await (const event of model.train(x, y, { epochs: 1000 })) if (event.type === 'batchEnd') break;
    const { history } = await model.fit(x, y, silent);
    expect(history.loss).toHaveLength(1);
  });

  test('a dataset of batches trains as the same arrays do', async () => {
    const { x, y } = blobs(80);
    const dataset: Dataset = {
      size: 80,
      async *[Symbol.asyncIterator]() {
        for (let at = 0; at < 80; at += 32) {
          const end = Math.min(at + 32, 80);
          yield { x: { data: x.data.subarray(2 * at, 2 * end), shape: [end - at, 2] }, y: y.subarray(at, end) };
        }
      },
    };
    const options = { epochs: 2, shuffle: false, ...silent };
    const fromArrays = await blobNet({ backend }).fit(x, y, { ...options, validationData: { x, y } });
    const model = blobNet({ backend });
    const fromDataset = await model.fit(dataset, { ...options, validationData: dataset });
    expect(fromDataset).toEqual(fromArrays);
    expect(await model.evaluate(dataset)).toEqual(await model.evaluate(x, y));
  });

  test('predictions are possible while fit runs', async () => {
    const { x, y } = blobs(320);
    const model = blobNet({ backend });
    const training = model.fit(x, y, { epochs: 5, ...silent });
    const answers = await Promise.all([model.predict(x), model.predict(x)]);
    expect(answers[0].shape).toEqual([320, 3]);
    expect((await training).epochs).toHaveLength(5);
  });

  test('the event loop turns while small steps follow each other', async () => {
    const { x, y } = blobs(320);
    const model = blobNet({ backend });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await model.fit(x, y, { epochs: 40, ...silent });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });
});

/** A stream that is no terminal. */
function collector(take: (chunk: string) => void): NodeJS.WritableStream {
  return new Writable({ decodeStrings: false, write: (chunk: string, _, done) => done(void take(chunk)) });
}

describe('progress', () => {
  test("fit prints Keras's line, one per epoch where there is no terminal", async () => {
    const { x, y } = blobs(64);
    let text = '';
    const stream = collector((chunk) => {
      text += chunk;
    });
    await blobNet().fit(x, y, { epochs: 2, validationSplit: 0.25, stream });
    const line =
      /^Epoch \d\/2 - 2\/2 - \d+s - \d+(us|ms|s)\/step - loss: \d\.\d{4} - accuracy: \d\.\d{4} - val_loss: \d\.\d{4} - val_accuracy: \d\.\d{4}$/;
    const lines = text.trim().split('\n');
    expect(lines).toHaveLength(2);
    for (const item of lines) expect(item).toMatch(line);
  });

  test('evaluate prints on demand', async () => {
    const { x, y } = blobs(64);
    let text = '';
    const stream = collector((chunk) => {
      text += chunk;
    });
    const model = blobNet();
    await model.evaluate(x, y, { stream });
    expect(text).toBe('');
    await model.evaluate(x, y, { stream, verbose: 2 });
    expect(text).toMatch(/^2\/2 - .* - loss: \d\.\d{4} - accuracy: \d\.\d{4}\n$/);
  });
});
