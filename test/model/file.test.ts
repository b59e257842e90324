// Saving and loading: nothing is lost, training goes on exactly, damaged and foreign files are refused.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  defineLayer,
  input,
  type LayerOptions,
  layers,
  load,
  losses,
  model,
  readSafetensors,
  sequential,
  type Tensor,
  writeSafetensors,
} from '../../src/index.js';
import { backends, blobNet, blobs, errorOf, imageNet, images, type NetOptions, silent } from '../train/harness.js';

const folder = mkdtempSync(join(tmpdir(), 'ocellus-'));
afterAll(() => rmSync(folder, { recursive: true }));
const place = (name: string): string => join(folder, `${name}.safetensors`);

describe.each(backends)('%s', (backend) => {
  const optimizers: NetOptions['optimizer'][] = [
    'adam',
    'sgd',
    { name: 'sgd', learningRate: 0.1, momentum: 0.9, nesterov: true },
    { name: 'rmsprop', centered: true, momentum: 0.5, clipNorm: 1 },
    { name: 'adagrad', parameterGroups: [{ match: 'dense', learningRateMultiplier: 0.5 }] },
    { name: 'nadam', gradientAccumulationSteps: 3, globalClipNorm: 1 },
    { name: 'lamb', weightDecay: 0.1, excludeFromWeightDecay: ['bias', 'gamma', 'beta'] },
    { name: 'adafactor', gradientAccumulationSteps: 2 },
    { name: 'adamW', learningRate: { name: 'cosineDecay', initialLearningRate: 0.01, decaySteps: 7 } },
    {
      name: 'lion',
      learningRate: {
        name: 'exponentialDecay',
        initialLearningRate: 0.01,
        decaySteps: 1,
        decayRate: 0.5,
        per: 'epoch',
      },
    },
  ];

  test('averages of weights go on, too', async () => {
    const optimizer = { name: 'adamax', useEma: true, emaMomentum: 0.5, emaOverwriteFrequency: 3 } as const;
    const { x, y } = blobs(64);
    const net = blobNet({ backend, optimizer });
    const trainer = net.trainer();
    for (let step = 0; step < 4; step++) await trainer.step(x, y);
    const file = place(`averages-${backend}`);
    await net.save(file);
    const again = await load(file, { backend });
    for (let step = 0; step < 4; step++) {
      expect(await again.trainer().step(x, y)).toEqual(await trainer.step(x, y));
    }
    expect(again.getWeights()).toEqual(net.getWeights());
  });

  test.each(optimizers)('one epoch, save, load, one epoch equals two epochs, bit by bit: %o', async (optimizer) => {
    const { bytes, shape, y } = images(50);
    const x = { data: bytes, shape };
    const options = { batchSize: 16, seed: 11, ...silent };
    const whole = imageNet({ backend, optimizer, seed: 5 });
    const both = await whole.fit(x, y, { epochs: 2, ...options });

    const first = imageNet({ backend, optimizer, seed: 5 });
    const one = await first.fit(x, y, options);
    const file = place(`continued-${backend}`);
    await first.save(file);
    const second = await load(file, { backend });
    expect(second.getWeights()).toEqual(first.getWeights());
    expect(await second.predict(x)).toEqual(await first.predict(x));
    const two = await second.fit(x, y, { initialEpoch: 1, epochs: 2, ...options });

    expect(two.epochs).toEqual([1]);
    expect(two.history.accuracy).toHaveLength(1);
    expect([...one.history.loss, ...two.history.loss]).toEqual(both.history.loss);
    expect(second.getWeights()).toEqual(whole.getWeights());
  });
});

test('the file is plain safetensors: weights by path, the rest in the metadata', async () => {
  const { x, y } = blobs(32);
  const net = blobNet();
  await net.fit(x, y, silent);
  const file = place('plain');
  await net.save(file);
  const { tensors, metadata } = await readSafetensors(file);
  expect([...tensors.keys()].sort()).toEqual(
    [
      ...net.weights.map(({ path }) => path),
      ...['m', 'v'].flatMap((slot) => net.weights.map(({ path }) => `optimizer:${slot}/${path}`)),
    ].sort(),
  );
  expect(tensors.get('dense/kernel')).toMatchObject({ shape: [2, 16], dtype: 'float32' });
  expect(metadata).toMatchObject({ format: 'ocellus', formatVersion: '1' });
  expect(JSON.parse(metadata.training)).toMatchObject({ step: 1, epoch: 1, optimizer: { name: 'adam' } });
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('saving while fit runs takes a state between two steps', async () => {
  const { x, y } = blobs(320);
  const net = blobNet();
  const training = net.fit(x, y, { epochs: 3, ...silent });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await net.save(place('running'));
  await training;
  expect((await load(place('running'))).countParams()).toBe(net.countParams());
});

test('a model that was never compiled, a functional one, a network in a network', async () => {
  const x = { data: Float32Array.from({ length: 32 }, (_, i) => Math.sin(i)), shape: [2, 4, 4, 1] };
  const image = input({ shape: [4, 4, 1] });
  const block = sequential([layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same' }), layers.relu()], {
    name: 'block',
  });
  const left = block.network.apply(image);
  const sum = layers.add().apply([left, layers.conv2d({ filters: 2, kernelSize: 1 }).apply(image)]);
  const net = model({ inputs: image, outputs: [sum, layers.flatten().apply(sum)], seed: 9, name: 'two' });
  await net.save(place('functional'));
  const copy = await load<Tensor[]>(place('functional'));
  expect(copy.name).toBe('two');
  expect(copy.seed).toBe(9);
  expect(await copy.predict(x)).toEqual(await net.predict(x));
  expect(copy.weights.map(({ path }) => path)).toContain('block/conv2d/kernel');
  expect(() => copy.trainer()).toThrow('expected a compiled model');
});

test("layers, losses and metrics of one's own are given again", async () => {
  const scale = defineLayer<{ by: number } & LayerOptions, { by: number }>({
    type: 'scale',
    options: { by: undefined },
    parse: (options) => ({ by: options.number('by') }),
    call: (context, [x], { by }) => context.op('rescale', [x], { scale: by, offset: 0 }),
  });
  const distance = losses.meanSquaredError().build;
  const net = sequential([scale({ by: 2, inputShape: [2] }), layers.dense({ units: 1 })]);
  const mine: typeof distance = (...args) => distance(...args);
  net.compile({ optimizer: 'sgd', loss: mine });
  const file = place('custom');
  await net.save(file);
  expect(await errorOf(() => load(file))).toMatchObject({ code: 'ERR_OCELLUS_OPTION', got: "'scale'" });
  expect(await errorOf(() => load(file, { layers: { scale } }))).toMatchObject({ code: 'ERR_OCELLUS_OPTION' });
  const copy = await load(file, { layers: { scale }, loss: 'meanSquaredError', metrics: ['meanAbsoluteError'] });
  const x = [[1, 2]];
  expect(await copy.predict(x)).toEqual(await net.predict(x));
  expect(Object.keys(await copy.evaluate(x, [1]))).toEqual(['loss', 'meanAbsoluteError']);
});

describe('files that are refused', () => {
  async function changed(change: (file: Awaited<ReturnType<typeof readSafetensors>>) => void): Promise<string> {
    const file = place('changed');
    await blobNet().save(file);
    const content = await readSafetensors(file);
    change(content);
    await writeSafetensors(file, content.tensors, content.metadata);
    return file;
  }

  test.each<[string, string, Parameters<typeof changed>[0]]>([
    [
      'a newer version',
      'formatVersion: expected at most 1, got 2',
      ({ metadata }) => void (metadata.formatVersion = '2'),
    ],
    ['no version', 'formatVersion: expected a number from 1', ({ metadata }) => void delete metadata.formatVersion],
    ['another kind', 'expected a model saved by Ocellus', ({ metadata }) => void delete metadata.format],
    [
      'a broken architecture',
      "metadata 'architecture': expected JSON",
      ({ metadata }) => void (metadata.architecture = '{'),
    ],
    ['a wrong architecture', 'expected a list', ({ metadata }) => void (metadata.architecture = '{}')],
    [
      'a missing weight',
      "tensor 'dense/bias': expected float32 of shape 16, got none",
      ({ tensors }) => void tensors.delete('dense/bias'),
    ],
    [
      'a weight of another shape',
      "tensor 'dense/kernel': expected float32 of shape 2x16, got F32 of shape 16",
      ({ tensors }) => void tensors.set('dense/kernel', { ...tensors.get('dense/bias')! }),
    ],
    [
      'missing optimizer state',
      "tensor 'optimizer:m/dense/kernel'",
      ({ tensors }) => void tensors.delete('optimizer:m/dense/kernel'),
    ],
    ['wrong progress', 'training: expected null, or', ({ metadata }) => void (metadata.training = '{"step":-1}')],
  ])('%s', async (_, message, change) => {
    const file = await changed(change);
    const error = await errorOf(() => load(file));
    expect(error.code).toBe('ERR_OCELLUS_FORMAT');
    expect(error.message).toContain(message);
  });

  test('a huge layer in a small file asks for no memory', async () => {
    const file = await changed(({ metadata }) => {
      metadata.architecture = metadata.architecture.replace('"units":16', '"units":500000000');
    });
    expect(await errorOf(() => load(file))).toMatchObject({ code: 'ERR_OCELLUS_FORMAT' });
  });

  test('a truncated file, no file, a model without shapes', async () => {
    const file = place('truncated');
    await blobNet().save(file);
    await writeFile(file, (await readFile(file)).subarray(0, 900));
    expect(await errorOf(() => load(file))).toMatchObject({ code: 'ERR_OCELLUS_FORMAT' });
    expect(await errorOf(() => load(place('absent')))).toMatchObject({ code: 'ERR_OCELLUS_DATA' });
    expect(await errorOf(() => blobNet().save(join(folder, 'no', 'folder')))).toMatchObject({
      code: 'ERR_OCELLUS_DATA',
    });
    const open = sequential([layers.dense({ units: 1 })]);
    expect(await errorOf(() => open.save(place('open')))).toMatchObject({ code: 'ERR_OCELLUS_STATE' });
  });
});
