// Parts of a model: layers by name, frozen ones, what they put out, models inside models, and what the whole needs.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TensorSpec } from '../../src/core/dtype.js';
import {
  defineLayer,
  defineOp,
  input,
  type LayerOptions,
  layers,
  load,
  model,
  sequential,
  type TensorView,
} from '../../src/index.js';
import { backends, blobNet, blobs, errorOf, imageNet, images, silent } from '../train/harness.js';

const backbone = () =>
  sequential(
    [
      layers.conv2d({ filters: 4, kernelSize: 3, name: 'conv', inputShape: [8, 8, 1] }),
      layers.batchNormalization({ name: 'norm' }),
      layers.relu({ name: 'relu' }),
      layers.globalAveragePooling2d({ name: 'pool' }),
    ],
    { name: 'stem', seed: 5 },
  );

function transfer() {
  const base = backbone();
  const image = input({ shape: [8, 8, 1], name: 'image' });
  const scores = layers.dense({ units: 3, name: 'head', activation: 'softmax' }).apply(base.apply(image));
  return { base, whole: model({ inputs: image, outputs: scores, seed: 6 }) };
}

const settings = { optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' } as const;

describe.each(backends)('%s', (backend) => {
  test('activations are what the layers put out, whatever the batch', async () => {
    const { bytes, shape } = images(11);
    const net = imageNet({ backend });
    const found = await net.activations({ data: bytes, shape }, ['relu', 'conv2d', 'dense'], { batchSize: 4 });
    expect(Object.keys(found)).toEqual(['relu', 'conv2d', 'dense']);
    expect(found.conv2d.shape).toEqual([11, 8, 8, 4]);
    // A prediction folds the normalization into the convolution, which cannot be where both are looked at.
    const scores = await net.predict({ data: bytes, shape });
    found.dense.data.forEach((value, i) => void expect(value).toBeCloseTo(scores.data[i], 5));
    expect(Math.min(...found.relu.data)).toBe(0);
    expect(Math.min(...found.conv2d.data)).toBeLessThan(0);
    const whole = await net.activations({ data: bytes, shape }, 'conv2d');
    expect(whole.conv2d).toEqual(found.conv2d);
  });

  test('frozen layers stay as they are, the others train', async () => {
    const { bytes, shape, y } = images(24);
    const { whole } = transfer();
    whole.compile({ ...settings, backend }).freeze('stem');
    const before = whole.getWeights();
    await whole.fit({ data: bytes, shape }, y, { ...silent, epochs: 1 });
    const after = whole.getWeights();
    const changed = Object.keys(after).filter((path) => after[path].some((value, i) => value !== before[path][i]));
    expect(changed).toEqual(['head/kernel', 'head/bias']);
    expect(whole.weights.filter((weight) => weight.trainable).map(({ path }) => path)).toEqual(changed);
    whole.unfreeze('stem').freeze(['stem/n*', /^head$/]);
    expect(whole.weights.filter((weight) => weight.trainable).map(({ path }) => path)).toEqual([
      'stem/conv/kernel',
      'stem/conv/bias',
    ]);
  });

  test('a model inside another begins with its weights, and predicts the same', async () => {
    const { bytes, shape, y } = images(12);
    const { base, whole } = transfer();
    const head = layers.dense({ units: 3, activation: 'softmax', name: 'head' });
    const top = sequential([...base.network.layers.map(({ layer }) => layer), head], { seed: 5 });
    top.compile({ ...settings, backend });
    await top.fit({ data: bytes, shape }, y, { ...silent, epochs: 2 });
    const trained = top.getWeights();
    base.setWeights(Object.fromEntries(Object.entries(trained).filter(([path]) => !path.startsWith('head'))));
    whole.compile({ ...settings, backend });
    whole.setWeights({ 'head/kernel': trained['head/kernel'], 'head/bias': trained['head/bias'] });
    expect(whole.getWeights()['stem/conv/kernel']).toEqual(trained['conv/kernel']);
    const x = { data: bytes, shape };
    expect(await whole.predict(x)).toEqual(await top.predict(x));
    expect(await whole.activations(x, 'stem')).toMatchObject({ stem: { shape: [12, 4] } });
    const folder = mkdtempSync(join(tmpdir(), 'ocellus-parts-'));
    try {
      await whole.save(join(folder, 'whole.safetensors'));
      const again = await load(join(folder, 'whole.safetensors'), { backend });
      expect(await again.predict(x)).toEqual(await whole.predict(x));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('gradients agree with differences of the loss', async () => {
    const { x, y } = blobs(30);
    const net = blobNet({ backend, dropout: 0.2 });
    const before = net.getWeights();
    const checks = await net.checkGradients(x, y, { seed: 3 });
    expect(checks.map(({ path }) => path)).toEqual(net.weights.map(({ path }) => path));
    for (const { path, error } of checks) expect(error, path).toBeLessThan(0.05);
    expect(net.getWeights()).toEqual(before);
  });
});

/** Doubles, and says that it triples. */
const wrongTwice = defineOp({
  name: 'wrongTwice',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  infer: ({ inputs: [x] }) => [{ shape: (x as TensorSpec).shape, dtype: 'float32' }],
  run: ({ inputs: [x], outputs: [y] }) => (x as TensorView).data.forEach((value, i) => void (y.data[i] = 2 * value)),
  gradient: ({ emit, dOutputs: [dy] }) => emit('rescale', [dy], { scale: 3, offset: 0 }),
  cases: [],
});

const defineWrong = defineLayer<LayerOptions, null>({
  type: 'wrongTwice',
  options: {},
  parse: () => null,
  call: (context, [x]) => context.op(wrongTwice, [x]),
});

test('a wrong gradient shows', async () => {
  const { x, y } = blobs(30);
  const wrong = sequential([
    layers.dense({ units: 8, inputShape: [2] }),
    defineWrong(),
    layers.dense({ units: 3, activation: 'softmax' }),
  ]);
  wrong.compile({ ...settings, backend: 'typescript' });
  const checks = await wrong.checkGradients(x, y);
  expect(checks.find(({ path }) => path === 'dense/kernel')?.error).toBeGreaterThan(0.2);
});

test('memory grows with the batch, and with training', () => {
  const net = imageNet();
  const small = net.memory(1);
  const large = net.memory(64);
  expect(small.weights).toBe(large.weights);
  expect(large.weights).toBeGreaterThanOrEqual(4 * net.countParams());
  expect(large.predict).toBeGreaterThan(small.predict);
  expect(large.train).toBeGreaterThan(large.predict);
  expect(small.training).toBeGreaterThan(0);
  expect(backbone().memory()).toMatchObject({ training: 0, train: 0 });
});

test('names that no layer has', async () => {
  const { whole } = transfer();
  expect(whole.layer('stem/conv').type).toBe('conv2d');
  expect(whole.layers.map(({ name }) => name)).toEqual(['stem', 'head']);
  expect(await errorOf(() => whole.layer('stem/cnov'))).toMatchObject({ code: 'ERR_OCELLUS_OPTION' });
  expect(await errorOf(() => whole.freeze('trunk/*'))).toMatchObject({
    code: 'ERR_OCELLUS_OPTION',
    message: expect.stringContaining('stem, stem/conv'),
  });
  const x = { data: new Float32Array(64), shape: [1, 8, 8, 1] };
  expect(await errorOf(() => whole.activations(x, 'stem/cov'))).toMatchObject({ code: 'ERR_OCELLUS_OPTION' });
});
