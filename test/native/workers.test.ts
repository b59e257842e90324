// Whole models in worker threads, through the built package: several train at the same time as the main thread and all
// come to the same weights; a worker may leave in the middle of a fit.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { loadAddon } from '../../src/backend/load.js';

const entry = new URL('../../dist/index.js', import.meta.url);
const built = existsSync(fileURLToPath(entry));
if (!built) console.warn('models in worker threads skipped: no dist (npm run build)');

const { addon } = loadAddon();
if (!addon) console.warn('models in worker threads on the native backend skipped: no addon');
const backends = addon ? ['native', 'typescript'] : ['typescript'];

interface Job {
  backend: string;
  epochs: number;
  /** Say 'epoch' to the main thread after each epoch. */
  talk?: boolean;
}

interface Outcome {
  losses: number[];
  weights: Record<string, Float32Array>;
  prediction: Float32Array;
}

/** Trains a small network with everything that is random in it; becomes part of the worker's script. */
async function train(library: typeof import('../../src/index.js'), job: Job, onEpoch: () => void): Promise<Outcome> {
  const { layers, Random, sequential } = library;
  const random = new Random(9);
  const x = { data: Float32Array.from({ length: 60 * 100 }, () => random.normal()), shape: [60, 10, 10, 1] };
  const y = Int32Array.from({ length: 60 }, () => random.integer(3));
  const stack = [
    layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [10, 10, 1] }),
    layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same' }),
    layers.batchNormalization(),
    layers.maxPooling2d(),
    layers.dropout({ rate: 0.25 }),
    layers.flatten(),
    layers.dense({ units: 3, activation: 'softmax' }),
  ];
  const model = sequential(stack, { seed: 4 });
  const backend = job.backend as 'native' | 'typescript';
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', backend, threads: 2 });
  const callbacks = [{ onEpochEnd: onEpoch }];
  const { history } = await model.fit(x, y, { epochs: job.epochs, batchSize: 16, verbose: 0, callbacks });
  const prediction = (await model.predict(x)).data as Float32Array;
  return { losses: [...history.loss], weights: model.getWeights(), prediction };
}

function start(job: Job): { worker: Worker; outcome: Promise<Outcome>; exit: Promise<number> } {
  const script = `
const { parentPort, workerData } = require('node:worker_threads');
const train = ${train.toString()};
import(workerData.entry)
  .then((library) => train(library, workerData.job, () => workerData.job.talk && parentPort.postMessage('epoch')))
  .then((outcome) => parentPort.postMessage(outcome));`;
  const worker = new Worker(script, { eval: true, workerData: { entry: entry.href, job } });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    worker.on('message', (message) => message !== 'epoch' && resolve(message));
    worker.on('error', reject);
  });
  return { worker, outcome, exit: new Promise((resolve) => worker.on('exit', resolve)) };
}

describe.skipIf(!built).each(backends)('models in worker threads, %s', (backend) => {
  test('train side by side, and come to what the main thread comes to', async () => {
    const job = { backend, epochs: 3 };
    const workers = Array.from({ length: 3 }, () => start(job));
    const own = await train((await import(entry.href)) as typeof import('../../src/index.js'), job, () => undefined);
    expect(own.losses).toHaveLength(3);
    for (const { outcome, exit } of workers) {
      expect(await outcome).toEqual(own);
      expect(await exit).toBe(0);
    }
  });

  test('may be terminated in the middle of a fit, at any moment of it', async () => {
    const length = backend === 'native' ? 12 : 2;
    const workers = Array.from({ length }, () => start({ backend, epochs: 100_000, talk: true }));
    for (const [moment, { worker, outcome }] of workers.entries()) {
      outcome.catch(() => undefined);
      await new Promise((resolve) => worker.once('message', resolve));
      await new Promise((resolve) => setTimeout(resolve, moment));
      expect(await worker.terminate()).toBe(1);
    }
    expect((await start({ backend, epochs: 1 }).outcome).losses).toHaveLength(1);
  });
});
