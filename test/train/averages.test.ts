// What optimizers keep besides, in the open loop: averages of weights swapped in and out, accumulated gradients, rates
// of groups.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { load } from '../../src/index.js';
import { backends, blobNet, blobs, errorOf, silent } from './harness.js';

const { x, y } = blobs(32);
const optimizer = { name: 'sgd', learningRate: 0.5, useEma: true, emaMomentum: 0.5 } as const;

describe.each(backends)('%s', (backend) => {
  const stepped = async (steps: number) => {
    const net = blobNet({ backend, optimizer });
    const trainer = net.trainer();
    const seen = [];
    for (let step = 0; step < steps; step++) {
      await trainer.step(x, y);
      seen.push(net.getWeights());
    }
    return { net, trainer, seen };
  };

  test('averages are swapped in, and the weights back', async () => {
    const { net, trainer, seen } = await stepped(3);
    const plain = await net.predict(x);
    const [averages, scores] = await net.withAverages(async () => [net.getWeights(), await net.predict(x)] as const);
    for (const [path, values] of Object.entries(averages)) {
      values.forEach((value, i) => {
        const expected = 0.25 * seen[0][path][i] + 0.25 * seen[1][path][i] + 0.5 * seen[2][path][i];
        expect(value).toBeCloseTo(expected, 6);
      });
    }
    expect(scores).not.toEqual(plain);
    expect(net.getWeights()).toEqual(seen[2]);
    expect(await net.predict(x)).toEqual(plain);
    await trainer.step(x, y);
    expect(net.getWeights()).toEqual((await stepped(4)).seen[3]);
    const fresh = blobNet({ backend });
    fresh.setWeights(averages);
    expect(await fresh.predict(x)).toEqual(scores);
  });

  test('for good, and into a file', async () => {
    const { net } = await stepped(3);
    const averages = await net.withAverages(async () => net.getWeights());
    const folder = mkdtempSync(join(tmpdir(), 'ocellus-averages-'));
    try {
      await net.withAverages(() => net.save(join(folder, 'averages.safetensors')));
      expect((await load(join(folder, 'averages.safetensors'), { backend })).getWeights()).toEqual(averages);
    } finally {
      rmSync(folder, { recursive: true });
    }
    await net.useAverages();
    expect(net.getWeights()).toEqual(averages);
  });

  test('from a callback, while fit goes on', async () => {
    const run = async (look: boolean) => {
      const net = blobNet({ backend, optimizer });
      const losses: number[] = [];
      const callbacks = look
        ? [{ onEpochEnd: async () => void losses.push((await net.withAverages(() => net.evaluate(x, y))).loss) }]
        : [];
      await net.fit(x, y, { ...silent, epochs: 3, batchSize: 8, callbacks });
      return { weights: net.getWeights(), losses, end: (await net.evaluate(x, y)).loss };
    };
    const looked = await run(true);
    expect(looked.weights).toEqual((await run(false)).weights);
    expect(looked.losses).toHaveLength(3);
    expect(looked.losses[2]).toBe(looked.end);
  });

  test('before the first step they are the weights; an error puts the weights back, too', async () => {
    const net = blobNet({ backend, optimizer });
    const first = net.getWeights();
    expect(await net.withAverages(async () => net.getWeights())).toEqual(first);
    await net.trainer().step(x, y);
    await net.trainer().step(x, y);
    const after = net.getWeights();
    const job = net.withAverages(() => Promise.reject(new Error('mine')));
    await expect(job).rejects.toThrow('mine');
    expect(net.getWeights()).toEqual(after);
  });

  test('steps accumulate, and every group has its rate', async () => {
    const half = (begin: number) =>
      [{ data: x.data.subarray(2 * begin, 2 * begin + 32), shape: [16, 2] }, y.subarray(begin, begin + 16)] as const;
    const base = {
      name: 'sgd',
      learningRate: 0.5,
      parameterGroups: [{ match: '^dense/', learningRateMultiplier: 0.5 }],
    } as const;
    const whole = blobNet({ backend, optimizer: base });
    const before = whole.getWeights();
    const { values } = await whole.trainer().gradients(x, y);
    await whole.trainer().step(x, y);
    const after = whole.getWeights();
    for (const [path, { data }] of Object.entries(values)) {
      const rate = path.startsWith('dense/') ? 0.25 : 0.5;
      data.forEach((value, i) => void expect(after[path][i]).toBeCloseTo(before[path][i] - rate * value, 6));
    }
    const halves = blobNet({ backend, optimizer: { ...base, gradientAccumulationSteps: 2 } });
    const trainer = halves.trainer();
    await trainer.step(...half(0));
    expect(halves.getWeights()).toEqual(before);
    await trainer.apply((await trainer.gradients(...half(16))).values);
    const weights = halves.getWeights();
    for (const [path, list] of Object.entries(after)) {
      list.forEach((value, i) => void expect(weights[path][i]).toBeCloseTo(value, 6));
    }
  });
});

test('errors', async () => {
  const net = blobNet({ optimizer });
  await net.trainer().step(x, y);
  for (const job of [
    () => net.fit(x, y, silent),
    () => net.trainer().step(x, y),
    () => net.withAverages(async () => 1),
  ]) {
    expect(await errorOf(() => net.withAverages(job as () => Promise<unknown>))).toMatchObject({
      code: 'ERR_OCELLUS_STATE',
      got: 'their averages',
    });
  }
  const compile = () => net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
  expect((await errorOf(() => net.withAverages(async () => compile()))).message).toContain(
    'compile: expected the weights',
  );
  const without = await errorOf(() => blobNet().withAverages(async () => 1));
  expect(without).toMatchObject({ code: 'ERR_OCELLUS_STATE', where: 'withAverages' });
  expect(without.help).toContain('useEma: true');
});
