// When a session runs the prologue of a plan again: after anything that can have moved weights or used the arena, and
// only then. Predictions are right at all times.

import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { selectBackend } from '../../src/backend/select.js';
import { layers, load, type Model, sequential, type Tensor } from '../../src/index.js';
import { type BackendName, backends, images, silent } from './harness.js';

const { bytes, shape, y } = images(12);
const x = { data: bytes, shape };
const part = { data: bytes.subarray(0, 4 * 64), shape: [4, 8, 8, 1] };

/** Two convolutions that Winograd's algorithm computes, each with a normalization that is folded. */
function convNet(backend: BackendName): Model {
  const block = (options = {}) => [
    layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same', useBias: false, ...options }),
    layers.batchNormalization({ momentum: 0.5 }),
    layers.relu(),
  ];
  const model = sequential(
    [
      layers.rescaling({ scale: 1 / 255, inputShape: [8, 8, 1] }),
      ...block(),
      ...block(),
      layers.flatten(),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
    { seed: 5 },
  );
  return model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', backend });
}

/** First steps of all runs of plans with a prologue, from now on. */
function watch(backend: BackendName): number[] {
  const starts: number[] = [];
  const target = selectBackend({ backend });
  const original = target.load.bind(target);
  vi.spyOn(target, 'load').mockImplementation((plan, memory) => {
    const executable = original(plan, memory);
    if (plan.prologue === 0) return executable;
    const { run, runSync } = executable;
    const noted = (from = 0) => {
      starts.push(from);
      return from;
    };
    executable.run = (from, to) => run.call(executable, noted(from), to);
    executable.runSync = (from, to) => runSync.call(executable, noted(from), to);
    return executable;
  });
  return starts;
}

/** The predictions of a model of the same weights that has done nothing before. */
async function expectRight(model: Model, backend: BackendName): Promise<void> {
  const got = (await model.predict(x)) as Tensor;
  const fresh = convNet(backend);
  fresh.setWeights(model.getWeights());
  expect(got.data).toEqual(((await fresh.predict(x)) as Tensor).data);
}

afterEach(() => vi.restoreAllMocks());

describe.each(backends)('prologue, %s', (backend) => {
  test('runs once for any number of predictions and evaluations of one batch size', async () => {
    const starts = watch(backend);
    const model = convNet(backend);
    const { prologue } = model.plan('predict', { batchSize: 12 });
    expect(prologue).toBeGreaterThan(0);
    expect(model.plan('train', { batchSize: 12 }).prologue).toBe(0);
    for (let i = 0; i < 3; i++) await model.predict(x);
    model.predictSync(x);
    expect(starts).toEqual([0, prologue, prologue, prologue]);
    await model.evaluate(x, y, { batchSize: 4 });
    expect(starts.slice(4)).toEqual([0, prologue, prologue]);
  });

  test('runs again when another plan used the arena', async () => {
    const starts = watch(backend);
    const model = convNet(backend);
    await model.predict(x);
    await model.predict(part);
    await model.predict(x);
    await model.predict(x);
    const { prologue } = model.plan('predict', { batchSize: 12 });
    expect(starts).toEqual([0, 0, 0, prologue]);
    await expectRight(model, backend);
  });

  test('runs again after training, gradients, profiles, new weights and compile', async () => {
    const starts = watch(backend);
    const model = convNet(backend);
    await model.predict(x);
    const changes: (() => unknown)[] = [
      () => model.fit(x, y, { epochs: 1, ...silent }),
      () => model.trainer().step(x, y),
      () => model.trainer().gradients(x, y),
      async () => {
        const trainer = model.trainer();
        await trainer.apply((await trainer.gradients(x, y)).values);
      },
      () => model.setWeights({ 'conv2d/kernel': new Array(9 * 16).fill(0.125) }),
      () => model.profileSync('predict', { batchSize: 12 }),
      () => model.profile('predict', { batchSize: 12 }),
      () => model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', backend }),
      () => model[Symbol.dispose](),
    ];
    for (const change of changes) {
      await change();
      starts.length = 0;
      await model.predict(x);
      expect(starts).toEqual([0]);
      await expectRight(model, backend);
    }
  });

  test('runs every time once views of weights were handed out', async () => {
    const starts = watch(backend);
    const model = convNet(backend);
    await model.predict(x);
    const kernel = model.weights[0].data;
    const before = ((await model.predict(x)) as Tensor).data;
    kernel.fill(0.25);
    await expectRight(model, backend);
    expect(((await model.predict(x)) as Tensor).data).not.toEqual(before);
    expect(new Set(starts)).toEqual(new Set([0]));
  });

  test('runs for a model that was read from a file', async () => {
    const model = convNet(backend);
    await model.fit(x, y, { epochs: 1, ...silent });
    const file = join(tmpdir(), `ocellus-prologue-${process.pid}-${backend}.safetensors`);
    onTestFinished(() => rm(file, { force: true }));
    await model.save(file);
    const again = await load(file, { backend });
    expect(((await again.predict(x)) as Tensor).data).toEqual(((await model.predict(x)) as Tensor).data);
  });
});
