// Long training: the event loop stays free, memory stays flat, models do not disturb each other.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { layers, type Model, sequential } from '../../src/index.js';
import { type BackendName, backends, blobNet, blobs, imageNet, images, silent } from './harness.js';

function convnet(backend: BackendName): Model {
  const model = sequential([
    layers.rescaling({ scale: 1 / 255, inputShape: [32, 32, 1] }),
    layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
    layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(),
    layers.dense({ units: 3, activation: 'softmax' }),
  ]);
  return model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], backend });
}

test.skipIf(!backends.includes('native'))('the event loop stays free while fit runs natively', async () => {
  const count = 256;
  const x = { data: new Uint8Array(count * 1024).map((_, i) => i % 251), shape: [count, 32, 32, 1] };
  const y = Int32Array.from({ length: count }, (_, i) => i % 3);
  const model = convnet('native');
  await model.fit(x, y, { batchSize: 64, ...silent });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await model.fit(x, y, { batchSize: 64, epochs: 10, ...silent });
  delay.disable();
  // The resolution of 1 ms is part of what is measured. The bound is wide: other work may have the processor.
  expect(delay.percentile(99) / 1e6).toBeLessThan(20);
});

describe.each(backends)('%s', (backend) => {
  test('memory stays flat over two thousand steps', async () => {
    const { bytes, shape, y } = images(64);
    const x = { data: bytes, shape };
    const model = imageNet({ backend });
    const train = (steps: number) =>
      model.fit(x, y, { batchSize: 16, epochs: steps / 4, validationData: [x, y], ...silent });
    await train(400);
    const before = process.memoryUsage().rss;
    await train(2000);
    const grownMiB = (process.memoryUsage().rss - before) / 2 ** 20;
    expect(grownMiB).toBeLessThan(48);
  });

  test('models at work at the same time do not disturb each other', async () => {
    const { x, y } = blobs(96);
    const run = async (seed: number) => {
      const model = blobNet({ backend, seed, dropout: 0.2 });
      const { history } = await model.fit(x, y, { epochs: 3, ...silent });
      return { history, prediction: await model.predict(x) };
    };
    const seeds = [1, 2, 3, 4, 5, 6];
    const together = await Promise.all(seeds.map(run));
    for (const seed of seeds) expect(await run(seed)).toEqual(together[seed - 1]);
  });
});
