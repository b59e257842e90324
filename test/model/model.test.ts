// The model around training: weights in and out, summary, plans, profile, and what every wrong argument is answered.

import { describe, expect, test } from 'vitest';
import { type CompileOptions, type FitOptions, layers, sequential } from '../../src/index.js';
import { backends, blobNet, blobs, errorOf, imageNet, images, silent } from '../train/harness.js';

test('summary is the table of Keras with work and memory', () => {
  const model = sequential(
    [
      layers.conv2d({ filters: 6, kernelSize: 5, padding: 'same', activation: 'relu', inputShape: [28, 28, 1] }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
    { name: 'tiny' },
  );
  let text = '';
  const print = (chunk: string): void => void (text += chunk);
  model.summary({ print, batchSize: 1 });
  expect(text.split('\n').slice(0, -1).join('\n')).toBe(
    `
Model: "tiny"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                ┃ Output Shape      ┃ Param # ┃    MACs ┃ Activations ┃ Receptive Field ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
│ conv2d (conv2d)             │ (None, 28, 28, 6) │     156 │ 117,600 │    18.38 KB │             5x5 │
├─────────────────────────────┼───────────────────┼─────────┼─────────┼─────────────┼─────────────────┤
│ maxPooling2d (maxPooling2d) │ (None, 14, 14, 6) │       0 │       0 │     4.59 KB │             6x6 │
├─────────────────────────────┼───────────────────┼─────────┼─────────┼─────────────┼─────────────────┤
│ flatten (flatten)           │ (None, 1176)      │       0 │       0 │      0.00 B │             all │
├─────────────────────────────┼───────────────────┼─────────┼─────────┼─────────────┼─────────────────┤
│ dense (dense)               │ (None, 10)        │  11,770 │  11,760 │     40.00 B │             all │
└─────────────────────────────┴───────────────────┴─────────┴─────────┴─────────────┴─────────────────┘
 Total params: 11,926 (46.59 KB)
 Trainable params: 11,926 (46.59 KB)
 Non-trainable params: 0 (0.00 B)
 MACs per sample: 129,360`.trimStart(),
  );
  expect(text).toMatch(/Activation memory, batch of 1: [\d.]+ KB to predict$/);
  text = '';
  imageNet().summary({ print });
  expect(text).toMatch(/Optimizer params: 478 .*\n MACs per sample: .*\n .* to predict, .* to train$/);
});

test('weights are views, copies go out and in by path', async () => {
  const model = blobNet({ seed: 3 });
  expect(model.countParams()).toBe(2 * 16 + 16 + 16 * 3 + 3);
  const [kernel, bias] = model.weights;
  expect(kernel).toMatchObject({ path: 'dense/kernel', shape: [2, 16], trainable: true });
  bias.data.fill(0.5);
  expect(model.getWeights()['dense/bias'][3]).toBe(0.5);
  const other = blobNet({ seed: 4 });
  expect(other.getWeights()).not.toEqual(model.getWeights());
  other.setWeights(model.getWeights());
  expect(other.getWeights()).toEqual(model.getWeights());
  other.setWeights({ 'dense/bias': new Array(16).fill(2) });
  expect(other.weights[1].data[0]).toBe(2);
  expect(blobNet({ seed: 3 }).weights[0].data).toEqual(kernel.data);
  expect(imageNet().weights.map(({ path, trainable }) => [path, trainable])).toEqual([
    ['conv2d/kernel', true],
    ['batchNormalization/gamma', true],
    ['batchNormalization/beta', true],
    ['batchNormalization/movingMean', false],
    ['batchNormalization/movingVariance', false],
    ['dense/kernel', true],
    ['dense/bias', true],
  ]);
});

test('the shape of the input may come from the data', async () => {
  const { x, y } = blobs(32);
  const model = sequential([layers.dense({ units: 3, activation: 'softmax' })]);
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', backend: 'typescript' });
  expect(await errorOf(() => model.summary())).toMatchObject({ code: 'ERR_OCELLUS_STATE' });
  await model.fit(x, y, silent);
  expect(model.weights[0].shape).toEqual([2, 3]);
  expect(await errorOf(() => model.predict([[1, 2, 3]]))).toMatchObject({ code: 'ERR_OCELLUS_SHAPE' });
});

describe.each(backends)('%s', (backend) => {
  test('plans print; profileSync times every step and changes nothing', async () => {
    const { bytes, shape, y } = images(8);
    const model = imageNet({ backend });
    await model.fit({ data: bytes, shape }, y, silent);
    expect(model.planText('train', { batchSize: 4 })).toMatch(/adam\(/);
    expect(model.planText()).not.toMatch(/gradient/);
    const before = model.getWeights();
    for (const mode of ['train', 'predict'] as const) {
      const times = model.profileSync(mode, { batchSize: 4 });
      expect(times.map((time) => time.name)).toEqual(model.plan(mode, { batchSize: 4 }).steps.map((step) => step.name));
      expect(times.every((time) => time.milliseconds >= 0)).toBe(true);
    }
    expect(model.getWeights()).toEqual(before);
  });

  test('compiling again goes on with the weights and forgets the optimizer', async () => {
    const { x, y } = blobs(64);
    const model = blobNet({ backend });
    await model.fit(x, y, silent);
    const weights = model.getWeights();
    model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', backend: 'typescript' });
    expect(model.getWeights()).toEqual(weights);
    model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', backend });
    expect(model.getWeights()).toEqual(weights);
    await model.fit(x, y, silent);
    model[Symbol.dispose]();
    expect((await model.evaluate(x, y)).loss).toBeGreaterThan(0);
  });

  test('a learning rate may be a function of the step, or set between steps', async () => {
    const { x, y } = blobs(32);
    const model = blobNet({ backend, optimizer: { name: 'sgd', learningRate: 0 } });
    const before = model.getWeights();
    await model.fit(x, y, silent);
    expect(model.getWeights()).toEqual(before);
    const steps: number[] = [];
    model.optimizer.learningRate = (step) => {
      steps.push(step);
      return 0.1;
    };
    await model.fit(x, y, { epochs: 2, ...silent });
    expect(model.getWeights()).not.toEqual(before);
    expect(steps).toEqual([1, 2]);
  });

  test('one thing at a time', async () => {
    const { x, y } = blobs(640);
    const model = blobNet({ backend });
    const training = model.fit(x, y, { epochs: 3, ...silent });
    expect(await errorOf(() => model.fit(x, y, silent))).toMatchObject({ code: 'ERR_OCELLUS_BUSY' });
    const prediction = model.predict(x);
    expect(await errorOf(() => model.predictSync(x))).toMatchObject({ code: 'ERR_OCELLUS_BUSY' });
    expect(await errorOf(() => model.setWeights({}))).toMatchObject({ code: 'ERR_OCELLUS_BUSY' });
    await prediction;
    await training;
    expect(model.predictSync(x).shape).toEqual([640, 3]);
  });

  test('thirty batch sizes use one arena and stay exact', async () => {
    const { x } = blobs(40);
    const model = blobNet({ backend });
    const all = await model.predict(x);
    for (let size = 1; size <= 30; size++) {
      expect(await model.predict(x, { batchSize: size })).toEqual(all);
    }
  });
});

describe('errors', () => {
  const { x, y } = blobs(12);
  const fit = (options: object, data: unknown = x, targets: unknown = y) =>
    errorOf(() => blobNet().fit(data as typeof x, targets as typeof y, { ...silent, ...options } as FitOptions));

  test.each<[string, object, string]>([
    ['epochs', { epochs: 0 }, "fit, option 'epochs': expected a whole number of at least 1, got 0"],
    ['epochs, NaN', { epochs: Number.NaN }, "fit, option 'epochs'"],
    ['batchSize', { batchSize: 0 }, "fit, option 'batchSize': expected a whole number of at least 1, got 0"],
    ['batchSize, a fraction', { batchSize: 1.5 }, "fit, option 'batchSize'"],
    ['validationSplit', { validationSplit: 1 }, "fit, option 'validationSplit'"],
    ['both validations', { validationSplit: 0.5, validationData: [x, y] }, "fit, option 'validationSplit'"],
    ['seed', { seed: -1 }, "fit, option 'seed'"],
    ['signal', { signal: {} }, "fit, option 'signal': expected an AbortSignal"],
    ['callbacks', { callbacks: [1] }, "fit, option 'callbacks[0]'"],
    ['verbose', { verbose: 'loud' }, 'verbose: expected'],
    ['a typo', { batchsize: 3 }, "did you mean 'batchSize'?"],
  ])('fit: %s', async (_, options, message) => {
    const error = await fit(options);
    expect(error.code).toBe('ERR_OCELLUS_OPTION');
    expect(error.message).toContain(message);
  });

  test.each<[string, unknown, unknown, string, string]>([
    ['no samples', [], [], 'ERR_OCELLUS_DATA', 'fit: x: expected at least one element'],
    [
      'another sample shape',
      [[1, 2, 3]],
      [0],
      'ERR_OCELLUS_SHAPE',
      "fit: x: expected samples of shape 2 for layer 'dense', got 3",
    ],
    ['more samples than targets', x, y.subarray(1), 'ERR_OCELLUS_SHAPE', 'x and y with the same number of samples'],
    [
      'a label too large',
      x,
      y.map((v, i) => (i === 4 ? 3 : v)),
      'ERR_OCELLUS_DATA',
      'fit: y[4]: expected a class number from 0 to 2, got 3',
    ],
    [
      'a negative label',
      x,
      y.map((v, i) => (i === 11 ? -1 : v)),
      'ERR_OCELLUS_DATA',
      'fit: y[11]: expected a class number from 0 to 2, got -1',
    ],
    ['a label between', x, Array.from(y, (v) => v + 0.5), 'ERR_OCELLUS_DATA', 'fit: y[0]'],
    [
      'one-hot targets',
      x,
      Array.from(y, () => [1, 0, 0]),
      'ERR_OCELLUS_SHAPE',
      "take the loss 'categoricalCrossentropy'",
    ],
    ['a shape with NaN', { data: x.data, shape: [Number.NaN, 2] }, y, 'ERR_OCELLUS_SHAPE', 'fit: x.shape'],
    ['a negative shape', { data: x.data, shape: [-12, 2] }, y, 'ERR_OCELLUS_SHAPE', 'fit: x.shape'],
    ['a text', 'images', y, 'ERR_OCELLUS_DATA', 'fit: x: expected a typed array'],
    ['null', null, y, 'ERR_OCELLUS_DATA', 'fit: x'],
    ['ragged rows', [[1, 2], [3]], [0, 1], 'ERR_OCELLUS_DATA', 'fit: x[1]'],
  ])('data: %s', async (_, data, targets, code, message) => {
    const error = await fit({}, data, targets);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  test('a detached array, one sample without its axis, validation data, a bad batch of a dataset', async () => {
    const gone = new Float32Array(24);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect((await fit({}, gone)).message).toContain('a detached Float32Array');
    const single = await errorOf(() => imageNet().predict({ data: new Uint8Array(64), shape: [8, 8, 1] }));
    expect(single.help).toBe('one sample still has a batch axis: shape [1, 8, 8, 1]');
    expect((await fit({ validationData: [x, y.subarray(2)] })).where).toContain('fit, validationData');
    const dataset = {
      async *[Symbol.asyncIterator]() {
        yield { x: [[1, 2]], y: [7] };
      },
    };
    expect((await errorOf(() => blobNet().fit(dataset, silent))).message).toContain(
      'fit: y[0]: expected a class number',
    );
    expect((await errorOf(() => blobNet().fit(x, undefined as never))).message).toContain(
      'fit: y: expected the targets',
    );
    const nothing = { async *[Symbol.asyncIterator]() {} };
    expect((await errorOf(() => blobNet().fit(nothing, silent))).message).toContain('at least one batch');
  });

  test('a model that is not compiled says so', async () => {
    const model = sequential([layers.dense({ units: 3, inputShape: [2] })]);
    for (const job of [
      () => model.fit(x, y),
      () => model.evaluate(x, y),
      () => model.trainer(),
      () => model.optimizer,
    ]) {
      expect(await errorOf(job)).toMatchObject({ code: 'ERR_OCELLUS_STATE', expected: 'a compiled model' });
    }
    expect((await model.predict(x)).shape).toEqual([12, 3]);
  });

  test.each<[string, object, string]>([
    ['a typo', { optimiser: 'adam', loss: 'meanSquaredError' }, "did you mean 'optimizer'?"],
    ['an optimizer', { optimizer: 'adem', loss: 'meanSquaredError' }, "did you mean 'adam'?"],
    ['a loss', { optimizer: 'adam', loss: 'meanSquareError' }, "did you mean 'meanSquaredError'?"],
    ['a metric', { optimizer: 'adam', loss: 'meanSquaredError', metrics: ['acuracy'] }, "did you mean 'accuracy'?"],
    ['metrics', { optimizer: 'adam', loss: 'meanSquaredError', metrics: 'accuracy' }, "option 'metrics'"],
    [
      'a backend',
      { optimizer: 'adam', loss: 'meanSquaredError', backend: 'gpu' },
      'backend (backend, OCELLUS_BACKEND): expected one of',
    ],
    ['lossWeights', { optimizer: 'adam', loss: 'meanSquaredError', lossWeights: [1, 2] }, "option 'lossWeights'"],
    [
      'too many losses',
      { optimizer: 'adam', loss: ['meanSquaredError', 'meanSquaredError'] },
      '1 losses, one per output',
    ],
    ['no loss', { optimizer: 'adam' }, 'loss'],
  ])('compile: %s', async (_, options, message) => {
    const error = await errorOf(() =>
      sequential([layers.dense({ units: 1, inputShape: [2] })]).compile(options as CompileOptions),
    );
    expect(error.code).toBe('ERR_OCELLUS_OPTION');
    expect(error.message).toContain(message);
  });

  test('weights, seeds, plans', async () => {
    const model = blobNet();
    expect(await errorOf(() => model.setWeights({ 'dense/kernal': [] }))).toMatchObject({
      help: "did you mean 'dense/kernel'?",
    });
    expect(await errorOf(() => model.setWeights({ 'dense/kernel': [1] }))).toMatchObject({ code: 'ERR_OCELLUS_SHAPE' });
    expect(await errorOf(() => blobNet({ seed: 0.5 }))).toMatchObject({ where: "sequential, option 'seed'" });
    expect(await errorOf(() => model.plan('training' as 'train'))).toMatchObject({ code: 'ERR_OCELLUS_OPTION' });
    expect(await errorOf(() => model.profileSync('train', { batchSize: 0 }))).toMatchObject({
      code: 'ERR_OCELLUS_OPTION',
    });
    expect(await errorOf(() => model.predict(x, { batchSize: -1 }))).toMatchObject({ code: 'ERR_OCELLUS_OPTION' });
  });
});
