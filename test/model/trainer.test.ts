// The open loop equals the closed one, and what it hands out is the caller's own.

import { describe, expect, test } from 'vitest';
import { backends, blobNet, blobs, errorOf, imageNet, images, silent } from '../train/harness.js';

describe.each(backends)('trainer, %s', (backend) => {
  test('gradients and apply equal step, bit by bit', async () => {
    const { bytes, shape, y } = images(32);
    const x = { data: bytes, shape };
    const [closed, open] = [imageNet({ backend }), imageNet({ backend })];
    const [closedTrainer, openTrainer] = [closed.trainer(), open.trainer()];
    for (let step = 0; step < 4; step++) {
      const logs = await closedTrainer.step(x, y);
      const gradients = await openTrainer.gradients(x, y);
      expect(gradients.logs).toEqual(logs);
      await openTrainer.apply(gradients.values);
    }
    expect(open.getWeights()).toEqual(closed.getWeights());
  });

  test('steps equal fit', async () => {
    const { x, y } = blobs(64);
    const [stepped, fitted] = [blobNet({ backend }), blobNet({ backend })];
    const trainer = stepped.trainer();
    for (let at = 0; at < 64; at += 32) {
      await trainer.step({ data: x.data.subarray(2 * at, 2 * at + 64), shape: [32, 2] }, y.subarray(at, at + 32));
    }
    await fitted.fit(x, y, { shuffle: false, ...silent });
    expect(stepped.getWeights()).toEqual(fitted.getWeights());
  });

  test('gradients of two halves average to those of the whole', async () => {
    const { x, y } = blobs(60);
    const trainer = blobNet({ backend }).trainer();
    const half = (begin: number) => ({ data: x.data.subarray(2 * begin, 2 * begin + 60), shape: [30, 2] });
    const first = await trainer.gradients(half(0), y.subarray(0, 30));
    const second = await trainer.gradients(half(30), y.subarray(30));
    const whole = await trainer.gradients(x, y);
    for (const [path, { data, shape }] of Object.entries(whole.values)) {
      expect(first.values[path].shape).toEqual(shape);
      data.forEach((value, i) => {
        expect((first.values[path].data[i] + second.values[path].data[i]) / 2).toBeCloseTo(value, 5);
      });
    }
  });

  test('gradients agree with finite differences of the loss', async () => {
    const { x, y } = blobs(24);
    const net = blobNet({ backend });
    const { values } = await net.trainer().gradients(x, y);
    const step = 1e-2;
    for (const { path, data } of net.weights) {
      const at = data.length - 1;
      const [before, losses] = [data[at], [] as number[]];
      for (const side of [1, -1]) {
        data[at] = before + side * step;
        losses.push((await net.evaluate(x, y)).loss);
      }
      data[at] = before;
      expect(values[path].data[at]).toBeCloseTo((losses[0] - losses[1]) / (2 * step), 3);
    }
  });

  test('each weight moves along its own gradient, also where frozen ones lie between', async () => {
    const { bytes, shape, y } = images(16);
    const net = imageNet({ backend });
    net.network.layer('batchNormalization').trainable = false;
    net.compile({ optimizer: { name: 'sgd', learningRate: 0.5 }, loss: 'sparseCategoricalCrossentropy', backend });
    const before = net.getWeights();
    const trainer = net.trainer();
    const { values } = await trainer.gradients({ data: bytes, shape }, y);
    await trainer.apply(values);
    expect(Object.keys(values)).toEqual(['conv2d/kernel', 'dense/kernel', 'dense/bias']);
    for (const [path, after] of Object.entries(net.getWeights())) {
      const gradient = values[path]?.data;
      after.forEach((value, i) => {
        expect(value).toBeCloseTo(before[path][i] - 0.5 * (gradient?.[i] ?? 0), 6);
      });
    }
  });

  test('gradients leave the weights alone; frozen layers have none', async () => {
    const { x, y } = blobs(32);
    const net = blobNet({ backend });
    const before = net.getWeights();
    await net.trainer().gradients(x, y);
    expect(net.getWeights()).toEqual(before);

    net.network.layer('dense').trainable = false;
    net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', backend });
    expect(Object.keys((await net.trainer().gradients(x, y)).values)).toEqual(['dense_1/kernel', 'dense_1/bias']);
    await net.fit(x, y, silent);
    const after = net.getWeights();
    expect(after['dense/kernel']).toEqual(before['dense/kernel']);
    expect(after['dense_1/kernel']).not.toEqual(before['dense_1/kernel']);
    expect(net.weights.map((weight) => weight.trainable)).toEqual([false, false, true, true]);
  });
});

test('errors of the open loop', async () => {
  const { x, y } = blobs(8);
  const trainer = blobNet().trainer();
  const { values } = await trainer.gradients(x, y);
  expect(await errorOf(() => trainer.apply({ ...values, 'dens/kernel': values['dense/kernel'] }))).toMatchObject({
    code: 'ERR_OCELLUS_OPTION',
    help: "did you mean 'dense/kernel'?",
  });
  const { 'dense/kernel': _, ...rest } = values;
  expect(await errorOf(() => trainer.apply(rest))).toMatchObject({ code: 'ERR_OCELLUS_SHAPE' });
  expect(await errorOf(() => trainer.step(x, y.subarray(1)))).toMatchObject({ code: 'ERR_OCELLUS_SHAPE' });
});
