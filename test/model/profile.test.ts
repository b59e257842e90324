// Profiles of models and what is printed of them: the table of steps, and the algorithms in summary().

import { describe, expect, test } from 'vitest';
import { loadAddon } from '../../src/backend/load.js';
import { formatProfile, layers, type Model, type StepTime, sequential } from '../../src/index.js';
import { backends, errorOf, imageNet, images, silent } from '../train/harness.js';

const { addon } = loadAddon();
const isa = addon?.isas()[0];

const step = (fields: Partial<StepTime>): StepTime => ({
  name: 'a/relu',
  op: 'relu',
  algorithm: '',
  prologue: false,
  milliseconds: 0,
  gflops: 0,
  fractionOfPeak: null,
  ...fields,
});

/** The cells of every row of a table. */
const cellsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => /^[┃│]/.test(line))
    .map((line) =>
      line
        .split(/[┃│]/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

describe('formatProfile', () => {
  test('is a table in the order of the steps, with a total', () => {
    const text = formatProfile([
      step({ name: 'b/conv2d', op: 'conv2d', algorithm: 'direct', milliseconds: 3, gflops: 100, fractionOfPeak: 0.5 }),
      step({ milliseconds: 1 }),
    ]);
    expect(cellsOf(text)).toEqual([
      ['Step', 'Op', 'Algorithm', 'ms', '%', 'GFLOP/s', '% of peak'],
      ['b/conv2d', 'conv2d', 'direct', '3.000', '75.0', '100.0', '50.0'],
      ['a/relu', 'relu', '', '1.000', '25.0', '', ''],
      ['Total', '', '', '4.000', '100.0', '75.0', '37.5'],
    ]);
  });

  test('keeps the prologue out of the total', () => {
    const text = formatProfile([step({ name: 'w/fold', prologue: true, milliseconds: 5 }), step({ milliseconds: 1 })]);
    expect(cellsOf(text).slice(1)).toEqual([
      ['w/fold', 'relu', '', '5.000', '', '', ''],
      ['a/relu', 'relu', '', '1.000', '100.0', '', ''],
      ['Total', '', '', '1.000', '100.0', '', ''],
      ['Prologue: only when weights changed', '', '', '5.000', '', '', ''],
    ]);
  });

  test('prints nothing at all, times of zero, and lines as long as asked for', async () => {
    expect(cellsOf(formatProfile([])).at(-1)).toEqual(['Total', '', '', '0.000', '', '', '']);
    expect(cellsOf(formatProfile([step({})])).at(-1)).toEqual(['Total', '', '', '0.000', '', '', '']);
    const narrow = formatProfile([step({ name: 'a/rather/long/name/of/a/step' })], { lineLength: 60 });
    expect(Math.max(...narrow.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60);
    expect(await errorOf(() => formatProfile([], { width: 3 } as object))).toMatchObject({
      code: 'ERR_OCELLUS_OPTION',
    });
  });
});

describe.each(backends)('%s', (backend) => {
  test('profile tells what profileSync tells, waits its turn and changes nothing', async () => {
    const { bytes, shape, y } = images(40);
    const model = imageNet({ backend });
    await model.fit({ data: bytes, shape }, y, silent);
    const before = model.getWeights();
    const constant = ({ name, op, algorithm, prologue }: StepTime) => ({ name, op, algorithm, prologue });
    for (const mode of ['train', 'predict'] as const) {
      const steps = await model.profile(mode, { batchSize: 4 });
      expect(steps.map(constant)).toEqual(model.profileSync(mode, { batchSize: 4 }).map(constant));
      const plan = model.plan(mode, { batchSize: 4 });
      expect(steps.filter((each) => each.prologue).length).toBe(plan.prologue);
      expect(cellsOf(formatProfile(steps, { lineLength: 0 })).slice(1, steps.length + 1)).toEqual(
        steps.map(({ name, op, algorithm }) => [name, op, algorithm, ...Array(4).fill(expect.any(String))]),
      );
    }
    expect(model.getWeights()).toEqual(before);

    const fitted = imageNet({ backend });
    const profiled = imageNet({ backend });
    const training = profiled.fit({ data: bytes, shape }, y, silent);
    await Promise.all([profiled.profile('train', { batchSize: 4 }), profiled.profile(), training]);
    await fitted.fit({ data: bytes, shape }, y, silent);
    expect(profiled.getWeights()).toEqual(fitted.getWeights());
  });

  test('wrong requests are refused', async () => {
    const model = imageNet({ backend });
    expect(await errorOf(() => model.profile('training' as 'train'))).toMatchObject({ code: 'ERR_OCELLUS_OPTION' });
    expect(await errorOf(() => model.profile('train', { batchSize: 0 }))).toMatchObject({ where: /^profile/ });
    const open = sequential([layers.dense({ units: 3, inputShape: [2] })]);
    expect(await errorOf(() => open.profile('train'))).toMatchObject({ code: 'ERR_OCELLUS_STATE' });
  });
});

describe('summary', () => {
  const loss = 'sparseCategoricalCrossentropy';
  const stack = () =>
    sequential([
      layers.conv2d({ filters: 32, kernelSize: 1, activation: 'relu', inputShape: [24, 24, 16] }),
      layers.conv2d({ filters: 32, kernelSize: 3, padding: 'same', useBias: false }),
      layers.batchNormalization(),
      layers.globalAveragePooling2d(),
      layers.dense({ units: 3, activation: 'softmax' }),
    ]);
  const table = (model: Model): string[][] => {
    let text = '';
    model.summary({ print: (chunk) => void (text = chunk), lineLength: 0 });
    return cellsOf(text);
  };
  const algorithms = (model: Model) => table(model).map((cells) => cells[6]);

  test('has no algorithms before compile, nor on the TypeScript backend', () => {
    const model = stack();
    expect(table(model)[0]).not.toContain('Algorithm');
    const compiled = model.compile({ optimizer: 'adam', loss, backend: 'typescript' });
    expect(table(compiled)[0]).not.toContain('Algorithm');
  });

  test.skipIf(!addon)('tells the algorithm of every convolution, as options have it', () => {
    const options = { optimizer: 'adam', loss, backend: 'native' } as const;
    const of = (second: string) => ['Algorithm', 'pointwise', second, '', '', ''];
    expect(algorithms(stack().compile({ ...options, algorithm: 'direct' }))).toEqual(of('direct'));
    expect(algorithms(stack().compile({ ...options, winograd: 'off' }))).toEqual(of('direct'));
    expect(algorithms(stack().compile({ ...options, algorithm: 'winograd' }))).toEqual(of('winograd F(4,3)'));
    expect(algorithms(stack().compile({ ...options, algorithm: 'winograd', winograd: 'fast' }))).toEqual(
      of('winograd F(6,3)'),
    );
  });

  test.skipIf(!addon || isa === 'scalar')('tells both where a prediction is computed in another way', () => {
    // Few pixels and many filters: transforming those anew in each step would cost more than it saves.
    const model = sequential([
      layers.conv2d({ filters: 512, kernelSize: 3, padding: 'same', inputShape: [4, 4, 512] }),
      layers.flatten(),
      layers.dense({ units: 3 }),
    ]);
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', backend: 'native', isa });
    let text = '';
    model.summary({ batchSize: 1, print: (chunk) => void (text = chunk), lineLength: 0 });
    const cells = cellsOf(text);
    expect(cells.slice(1, 3).map((row) => row[6])).toEqual(['im2col', 'predict: winograd F(4,3)']);
  });

  test.skipIf(!addon).each([
    [4, 512],
    [7, 512],
    [13, 64],
    [5, 16],
  ])('of predictions do not depend on the batch: %i pixels, %i channels', (side, filters) => {
    const model = sequential([
      layers.conv2d({ filters, kernelSize: 3, padding: 'same', inputShape: [side, side, filters] }),
    ]);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', backend: 'native', isa });
    const stepsOf = (batchSize: number) => model.plan('predict', { batchSize }).steps.map(({ op }) => op.name);
    for (const batchSize of [2, 3, 8, 64]) expect(stepsOf(batchSize)).toEqual(stepsOf(1));
  });

  test.skipIf(!addon)('collects the algorithms of a nested network', () => {
    const model = sequential([stack().network, layers.reshape({ targetShape: [3] })]);
    model.compile({ optimizer: 'adam', loss, backend: 'native', algorithm: 'winograd' });
    expect(algorithms(model)[1]).toBe('pointwise, winograd F(4,3)');
  });
});
