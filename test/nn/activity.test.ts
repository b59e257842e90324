// Costs of outputs: activityRegularizer of any layer, activityRegularization, and losses that layers of one's own add.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  defineLayer,
  input,
  type Layer,
  type LayerOptions,
  layers,
  load,
  type Model,
  model,
  regularizers,
  sequential,
} from '../../src/index.js';
import { backends, silent } from '../train/harness.js';

const x = { data: Float32Array.from({ length: 24 }, (_, i) => Math.sin(1 + i * i)), shape: [6, 4] };
const zeros = (shape: number[]) => ({ data: new Float32Array(shape.reduce((a, b) => a * b)), shape });
const squares = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value * value, 0);
const l2 = { name: 'l2', l2: 0.5 } as const;

/** Loss with the cost minus loss without. */
async function cost(build: (own: LayerOptions) => Model, data = x, target = zeros([6, 4])): Promise<number> {
  const loss = async (own: LayerOptions) => (await build(own).evaluate(data, target, { batchSize: 6 })).loss;
  return (await loss({ activityRegularizer: l2 })) - (await loss({}));
}

describe.each(backends)('%s', (backend) => {
  const compiled = (net: Model) => net.compile({ optimizer: 'sgd', loss: 'mse', backend });
  const one = (make: (own: LayerOptions) => Layer) => (own: LayerOptions) =>
    compiled(sequential([make({ ...own, inputShape: [4] })], { seed: 3 }));

  test.each<[string, (own: LayerOptions) => Layer]>([
    ['dense', (own) => layers.dense({ units: 4, activation: 'relu', ...own })],
    ['a layer without weights', (own) => layers.elu(own)],
    ['a frozen one', (own) => layers.dense({ units: 4, trainable: false, ...own })],
  ])('%s: half the sum of squares, by the samples', async (_name, make) => {
    const { data } = await one(make)({}).predict(x);
    expect(await cost(one(make))).toBeCloseTo((0.5 * squares(data)) / 6, 5);
  });

  test('every application of a shared layer costs', async () => {
    const build = (own: LayerOptions, times: number) => {
      const shared = layers.dense({ units: 4, activation: 'tanh', ...own });
      const entry = input({ shape: [4] });
      const first = shared.apply(entry);
      return compiled(model({ inputs: entry, outputs: times === 2 ? shared.apply(first) : first, seed: 3 }));
    };
    const outputs = await Promise.all([1, 2].map((times) => build({}, times).predict(x)));
    const expected = outputs.reduce((sum, { data }) => sum + (0.5 * squares(data)) / 6, 0);
    expect(await cost((own) => build(own, 2))).toBeCloseTo(expected, 5);
  });

  test('inside timeDistributed samples count, not steps', async () => {
    const steps = { data: x.data, shape: [3, 2, 4] };
    const build = (own: LayerOptions) =>
      compiled(
        sequential([layers.timeDistributed({ layer: layers.dense({ units: 4, ...own }), inputShape: [2, 4] })], {
          seed: 3,
        }),
      );
    const { data } = await build({}).predict(steps);
    expect(await cost(build, steps, zeros([3, 2, 4]))).toBeCloseTo((0.5 * squares(data)) / 3, 5);
  });

  test('predictions are the same bits, gradients those of the whole loss', async () => {
    const build = one((own) => layers.dense({ units: 4, activation: 'tanh', ...own }));
    const net = build({ activityRegularizer: regularizers.l1l2({ l1: 0.1, l2: 0.3 }) });
    expect(await net.predict(x)).toEqual(await build({}).predict(x));
    for (const { error } of await net.checkGradients(x, zeros([6, 4]))) expect(error).toBeLessThan(0.05);
  });

  test("a layer of one's own adds to the loss", async () => {
    const budget = defineLayer<LayerOptions, null>({
      type: 'budget',
      options: {},
      parse: () => null,
      call(context, [y]) {
        context.addLoss(context.op('reduceMean', [y], { axes: [0, 1], keepDims: 0 }));
        return y;
      },
    });
    const net = compiled(sequential([budget({ inputShape: [4] })]));
    const mean = x.data.reduce((sum, value) => sum + value, 0) / 24;
    expect((await net.evaluate(x, x)).loss).toBeCloseTo(mean, 5);
  });
});

test('it is saved, as a name and as a thing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ocellus-activity-'));
  try {
    const file = join(folder, 'model.safetensors');
    const net = sequential([
      layers.dense({ units: 4, activityRegularizer: 'l1', inputShape: [4] }),
      layers.activityRegularization({ l2: 0.1 }),
      layers.relu({ activityRegularizer: regularizers.l2({ l2: 0.2 }) }),
    ]).compile({ optimizer: 'sgd', loss: 'mse' });
    await net.save(file);
    const again = await load(file);
    expect(await again.evaluate(x, x)).toEqual(await net.evaluate(x, x));
    await again.fit(x, x, silent);
    expect(layers.dense({ units: 1 }).config).not.toHaveProperty('activityRegularizer');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what is refused', () => {
  expect(() => layers.dense({ units: 1, activityRegularizer: 'l3' as 'l2' })).toThrow(
    "dense, option 'activityRegularizer': expected one of l1, l2, l1l2, orthogonal, got 'l3'",
  );
  expect(() => layers.activityRegularization({ l1: -1 })).toThrow("option 'l1': expected a number at least 0, got -1");
  const wrong = defineLayer<LayerOptions, null>({
    type: 'wrong',
    options: {},
    parse: () => null,
    call(context, [y]) {
      context.addLoss(y);
      return y;
    },
  });
  expect(() => sequential([wrong({ inputShape: [4] })]).summary({ print: () => undefined })).toThrow(
    "wrong 'wrong': expected a single number to add to the loss",
  );
});
