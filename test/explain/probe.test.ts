// Gradients of scores by inputs and inner layers, against finite differences, on both backends.

import { expect, test } from 'vitest';
import { createModel, input, layers, model, Random, sequential } from '../../src/index.js';
import { backends, distance, onBackend, squareDetector, squareImage } from './models.js';

const random = (count: number, seed: number, scale = 1) => {
  const source = new Random(seed);
  return Float32Array.from({ length: count }, () => scale * source.uniform());
};

test.each(backends)('gradients of a residual network by its input agree with differences (%s)', async (backend) => {
  const net = onBackend(createModel('resnet20', { inputShape: [16, 16, 3], classes: 5 }), backend);
  const size = 16 * 16 * 3;
  const x = random(2 * size, 1, 255);
  const shape = [2, 16, 16, 3];
  const seed = new Float32Array(10);
  seed[2] = 1;
  seed[8] = 1;
  const { inputs, value } = await net.probe({ data: x, shape }, { seed, byInputs: true });
  expect(inputs[0].shape).toEqual(shape);
  expect(value.shape).toEqual([2, 5]);
  // Along the gradient, turned a little: the derivative is far above the rounding of scores.
  const turn = new Random(2);
  const largest = inputs[0].data.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  const direction = inputs[0].data.map((one) => one / largest + 0.3 * turn.normal());
  const along = async (step: number): Promise<number[]> => {
    const data = x.map((pixel, i) => pixel + step * direction[i]);
    const { data: scores } = (await net.probe({ data, shape }, { seed })).value;
    return [scores[2], scores[8]];
  };
  const [high, low] = [await along(0.05), await along(-0.05)];
  for (const sample of [0, 1]) {
    let analytic = 0;
    for (let i = sample * size; i < (sample + 1) * size; i++) analytic += inputs[0].data[i] * direction[i];
    const numeric = (high[sample] - low[sample]) / 0.1;
    expect(Math.abs(numeric / analytic - 1)).toBeLessThan(0.02);
  }
});

test('both backends agree on values and gradients inside', async () => {
  const x = { data: random(3 * 16 * 16 * 3, 4, 255), shape: [3, 16, 16, 3] };
  const seed = random(3 * 5, 5);
  const runs = await Promise.all(
    backends.map((backend) =>
      onBackend(createModel('tiny', { inputShape: [16, 16, 3], classes: 5 }), backend).probe(x, {
        seed,
        by: ['add', 'conv2d_1', 'relu'],
        layers: ['relu', 'add_2'],
        byInputs: true,
        batchSize: 2,
      }),
    ),
  );
  for (const run of runs) {
    expect(Object.keys(run.gradients)).toEqual(['add', 'conv2d_1', 'relu']);
    expect(distance(run.value.data, runs[0].value.data)).toBeLessThan(1e-4);
    expect(distance(run.inputs[0].data, runs[0].inputs[0].data)).toBeLessThan(1e-3);
    for (const path of ['add', 'conv2d_1', 'relu']) {
      expect(distance(run.gradients[path].data, runs[0].gradients[path].data)).toBeLessThan(1e-3);
    }
    expect(distance(run.layers.add_2.data, runs[0].layers.add_2.data)).toBeLessThan(1e-4);
  }
});

test.each(backends)('a probe changes nothing and does not depend on the batch (%s)', async (backend) => {
  const net = onBackend(createModel('mobile', { inputShape: [16, 16, 3], classes: 3, dropout: 0.5 }), backend);
  const data = random(5 * 768, 7, 255);
  const x = { data, shape: [5, 16, 16, 3] };
  const seed = random(15, 8);
  const before = await net.predict(x);
  const weights = net.getWeights();
  const whole = await net.probe(x, { seed, byInputs: true });
  const parts = await net.probe(x, { seed, byInputs: true, batchSize: 2 });
  expect(distance(parts.inputs[0].data, whole.inputs[0].data)).toBeLessThan(1e-4);
  expect((await net.predict(x)).data).toEqual(before.data);
  expect(net.getWeights()).toEqual(weights);
});

test.each(backends)('scores are what stands in front of softmax, and bytes are taken (%s)', async (backend) => {
  const net = squareDetector(backend);
  const image = squareImage(4, 4);
  const bytes = { data: Uint8Array.from(image.data), shape: image.shape };
  const seed = [1, 0];
  const probed = await net.probe(bytes, { seed, byInputs: true, layers: 'conv', by: ['conv', 'scores'] });
  const [first, second] = probed.value.data;
  const [p] = (await net.predict(image)).data;
  expect(p).toBeCloseTo(1 / (1 + Math.exp(second - first)), 5);
  // Of the mean over 144 places, weighted by 20 and -5.
  expect(probed.gradients.conv.data[0]).toBeCloseTo(20 / 144, 6);
  expect(probed.gradients.conv.data[1]).toBeCloseTo(-5 / 144, 6);
  // Probabilities lie behind the scores.
  expect([...probed.gradients.scores.data]).toEqual([0, 0]);
});

test.each(backends)(
  'a layer that is differentiated by itself and by what it does not depend on (%s)',
  async (backend) => {
    const image = input({ shape: [4, 4, 1], name: 'image' });
    const left = layers.conv2d({ name: 'left', filters: 1, kernelSize: 1 }).apply(image);
    const right = layers.conv2d({ name: 'right', filters: 1, kernelSize: 1 }).apply(image);
    const net = onBackend(
      model({ inputs: image, outputs: layers.flatten().apply(layers.add().apply([left, right])) }),
      backend,
    );
    const seed = random(16, 3);
    const x = { data: random(16, 4), shape: [1, 4, 4, 1] };
    const { gradients, value } = await net.probe(x, { of: 'left', by: ['left', 'right', 'add'], layers: 'left', seed });
    expect([...gradients.left.data]).toEqual([...seed]);
    expect(gradients.right.data.every((one) => one === 0)).toBe(true);
    expect(gradients.add.data.every((one) => one === 0)).toBe(true);
    expect(value.shape).toEqual([1, 4, 4, 1]);
  },
);

test('rules for rectifiers: gradient, deconvnet, guided', async () => {
  const net = sequential([layers.relu({ inputShape: [4] })]);
  const x = { data: Float32Array.of(1, 1, -1, -1), shape: [1, 4] };
  const seed = [2, -3, 4, -5];
  const by = async (rule: 'gradient' | 'deconvnet' | 'guided') =>
    [...(await net.probe(x, { seed, byInputs: true, rule })).inputs[0].data].map((one) => one + 0);
  expect(await by('gradient')).toEqual([2, -3, 0, 0]);
  expect(await by('deconvnet')).toEqual([2, 0, 4, 0]);
  expect(await by('guided')).toEqual([2, 0, 0, 0]);
});

test('wrong requests are one clear error each', async () => {
  const net = squareDetector('typescript');
  const image = squareImage(1, 1);
  await expect(net.probe(image, { seed: [1, 0], by: 'cnov' })).rejects.toThrow(/did you mean 'conv'/);
  await expect(net.probe(image, { seed: [1] })).rejects.toThrow(/expected 2 numbers, for 1 samples/);
  await expect(net.probe(image, { seed: [1, 0], rule: 'gradeint' as never })).rejects.toThrow(
    /one of gradient, deconvnet/,
  );
  await expect(net.probe(image, { seed: [1, 0], batchSize: 0 })).rejects.toThrow(/whole number of at least 1/);
  await expect(net.probe({ data: [1, 2], shape: [1, 2] }, { seed: [1, 0] })).rejects.toThrow(/12x12x1/);
  await expect(net.probe(image, { seed: [1, 0], of: 'nothing' })).rejects.toThrow(/one of conv/);
});

test('a stopped probe rejects', async () => {
  const net = squareDetector('typescript');
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(net.probe(squareImage(1, 1), { seed: [1, 0], signal })).rejects.toThrow('enough');
});
