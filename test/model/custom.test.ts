// Losses and metrics of one's own in files: found again by name among the objects that `load` is given.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  type CompileOptions,
  defineLayer,
  Expression,
  type LayerOptions,
  type Loss,
  layers,
  load,
  type Metric,
  type MetricContext,
  type MetricOption,
  metrics,
  sequential,
} from '../../src/index.js';
import { blobNet, blobs, errorOf, silent } from '../train/harness.js';

const folder = mkdtempSync(join(tmpdir(), 'ocellus-own-'));
afterAll(() => rmSync(folder, { recursive: true }));
const place = (name: string): string => join(folder, `${name}.safetensors`);

const { x, y } = blobs(20);
const target = { data: Float32Array.from(y), shape: [20, 1] };
function pinball(yTrue: Expression, yPred: Expression): Expression {
  return yTrue.sub(yPred).abs();
}
/** With an option: made again from its config. */
const powered = ({ power }: { power: number }): Loss => ({
  name: 'powered',
  config: { power },
  targetSpec: ({ shape }) => ({ shape, dtype: 'float32' }),
  build: (emitter, yTrue, yPred) =>
    new Expression(emitter, yTrue).sub(new Expression(emitter, yPred)).abs().pow(power).mean(1).value,
});
const bias = (yTrue: ArrayLike<number>, yPred: ArrayLike<number>) => yTrue[0] - yPred[0];
const count = (_context: MetricContext): Metric =>
  ({
    name: 'count',
    seen: 0,
    reset() {
      this.seen = 0;
    },
    update(_target: unknown, _output: unknown, samples: number) {
      this.seen += samples;
    },
    result() {
      return this.seen;
    },
  }) as Metric & { seen: number };

async function saved(options: Pick<CompileOptions, 'loss' | 'metrics'>) {
  const net = sequential([layers.dense({ units: 1, inputShape: [2] })], { seed: 8 });
  net.compile({ optimizer: 'adam', ...options });
  await net.fit(x, target, silent);
  const file = place('own');
  await net.save(file);
  return { file, logs: await net.evaluate(x, target) };
}

test('functions, and objects made again with their options', async () => {
  for (const [loss, customObjects] of [
    [pinball, { pinball }],
    [powered({ power: 3 }), { powered }],
    [powered({ power: 3 }), { powered: powered({ power: 3 }) }],
  ] as const) {
    const watched: MetricOption[] = [bias, count, 'mae'];
    const { file, logs } = await saved({ loss, metrics: watched });
    const copy = await load(file, { customObjects: { ...customObjects, bias, count } });
    expect(await copy.evaluate(x, target)).toEqual(logs);
    await copy.fit(x, target, silent);
  }
});

test('makers of ours keep their options', async () => {
  const net = blobNet();
  const { recall, topKAccuracy } = metrics;
  const loss = 'sparseCategoricalCrossentropy';
  net.compile({ optimizer: 'sgd', loss, metrics: [recall({ average: 'none' }), topKAccuracy({ k: 2 })] });
  await net.save(place('makers'));
  expect(await (await load(place('makers'))).evaluate(x, y)).toEqual(await net.evaluate(x, y));
});

test('one that is not there is asked for, even if one of ours has its name', async () => {
  const { file } = await saved({ loss: pinball, metrics: [bias] });
  expect(await errorOf(() => load(file))).toMatchObject({
    code: 'ERR_OCELLUS_OPTION',
    message: expect.stringContaining(
      "load, loss 'pinball': expected this loss of your own among customObjects, got none",
    ),
    help: 'load(file, { customObjects: { pinball } }); to predict only, compile: false',
  });
  expect((await errorOf(() => load(file, { customObjects: { pinball } }))).message).toContain("load, metric 'bias'");
  const huber = (yTrue: Expression, yPred: Expression) => yTrue.sub(yPred).square();
  const same = await saved({ loss: huber });
  expect((await errorOf(() => load(same.file))).message).toContain("load, loss 'huber'");
  expect(await (await load(same.file, { customObjects: { huber } })).evaluate(x, target)).toEqual(same.logs);
});

test('without compiling, the model predicts', async () => {
  const { file } = await saved({ loss: pinball });
  const copy = await load(file, { compile: false });
  expect((await copy.predict(x)).shape).toEqual([20, 1]);
  expect(() => copy.trainer()).toThrow('expected a compiled model');
});

test('a layer among them', async () => {
  const twice = defineLayer<LayerOptions, null>({
    type: 'twice',
    options: {},
    parse: () => null,
    call: (context, [input]) => context.op('rescale', [input], { scale: 2, offset: 0 }),
  });
  const net = sequential([twice({ inputShape: [2] })]);
  await net.save(place('twice'));
  expect([...(await (await load(place('twice'), { customObjects: { twice } })).predict([[1, 2]])).data]).toEqual([
    2, 4,
  ]);
});
