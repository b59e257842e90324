// Layers that augment: shapes, the trip through JSON, gradients, what training does and inference leaves alone, the same
// on both backends, and saved with the model.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/backend/load.js';
import { augment, load, sequential as model } from '../../src/index.js';
import { sequential } from '../../src/nn/compose.js';
import type { Layer } from '../../src/nn/layer.js';
import { layers } from '../../src/nn/layers/index.js';
import { checkLayer, errorOf, run } from './harness.js';

const { addon } = loadAddon();
if (!addon) console.warn('augmentation layers are not compared with the native backend: no addon');
const folder = mkdtempSync(path.join(tmpdir(), 'ocellus-augmentation-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Every layer, far from doing nothing. */
const all: Record<string, () => Layer> = {
  randomFlip: () => layers.randomFlip(),
  randomRotation: () => layers.randomRotation({ factor: 0.3 }),
  randomTranslation: () => layers.randomTranslation({ heightFactor: 0.3, widthFactor: [-0.4, 0.1], fillMode: 'wrap' }),
  randomZoom: () => layers.randomZoom({ heightFactor: 0.4, fillMode: 'nearest' }),
  'randomZoom, both ways': () =>
    layers.randomZoom({ heightFactor: 0.4, widthFactor: [0, 1], fillMode: 'constant', fillValue: 2 }),
  'nearest pixels': () => layers.randomRotation({ factor: 0.3, interpolation: 'nearest' }),
  randomBrightness: () => layers.randomBrightness({ factor: 0.02, valueRange: [-9, 9] }),
  randomContrast: () => layers.randomContrast({ factor: 0.5, valueRange: [-9, 9] }),
};

/** [samples, height, width, 1] with whole numbers. */
const images = (samples: number, height: number, width: number) => {
  const shape = [samples, height, width, 1];
  return { shape, data: Float32Array.from({ length: samples * height * width }, (_, i) => (i * 37) % 200) };
};
const trained = (layer: Layer, x = images(40, 5, 4)) =>
  run(sequential([layer]), [x], { training: true }).outputs[0].data;
const perSample = (data: readonly number[], samples: number) =>
  Array.from({ length: samples }, (_, n) => data.slice((n * data.length) / samples, ((n + 1) * data.length) / samples));

describe.each(Object.entries(all))('%s', (_, make) => {
  it('keeps the shape, comes back from JSON, has gradients', () => {
    expect(checkLayer(make(), [[5, 6, 2]])).toEqual([5, 6, 2]);
    expect(checkLayer(make(), [[1, 1, 1]])).toEqual([1, 1, 1]);
  });

  it('does nothing outside of training', () => {
    const x = images(3, 5, 4);
    expect(run(sequential([make()]), [x]).outputs[0].data).toEqual(Array.from(x.data));
  });

  it('changes samples differently, and repeats', () => {
    const x = images(1, 6, 5);
    const many = { shape: [24, 6, 5, 1], data: Float32Array.from({ length: 24 * 30 }, (_, i) => x.data[i % 30]) };
    const results = perSample(trained(make(), many), 24);
    expect(new Set(results.map(String)).size).toBeGreaterThan(2);
    expect(trained(make(), many)).toEqual(results.flat());
  });
});

it('flips are exact and equally likely', () => {
  const x = images(400, 2, 3);
  const results = perSample(trained(layers.randomFlip(), x), 400);
  const flips = (image: number[]) => {
    const [a, b, c, d, e, f] = image;
    return [image, [c, b, a, f, e, d], [d, e, f, a, b, c], [f, e, d, c, b, a]].map(String);
  };
  const counts = [0, 0, 0, 0];
  perSample(Array.from(x.data), 400).forEach((image, n) => counts[flips(image).indexOf(String(results[n]))]++);
  expect(counts.every((count) => count > 60)).toBe(true);
  expect(counts.reduce((sum, count) => sum + count)).toBe(400);
});

it.each(['reflect', 'wrap', 'nearest', 'constant'] as const)('%s: a fixed movement is that of augment', (fillMode) => {
  const x = images(2, 7, 6);
  const fill = { fillMode, fillValue: 3 };
  const at = (factor: number) => [factor, factor] as const;
  const pairs: [Layer, augmentStep][] = [
    [layers.randomRotation({ factor: at(0.07), ...fill }), augment.randomRotation({ factor: at(0.07), ...fill })],
    [
      layers.randomTranslation({ heightFactor: at(0.2), widthFactor: at(-0.3), ...fill }),
      augment.randomTranslation({ heightFactor: at(0.2), widthFactor: at(-0.3), ...fill }),
    ],
    [
      layers.randomZoom({ heightFactor: at(0.3), widthFactor: at(-0.2), ...fill }),
      augment.randomZoom({ heightFactor: at(0.3), widthFactor: at(-0.2), ...fill }),
    ],
    [layers.randomBrightness({ factor: at(0.2) }), augment.randomBrightness({ factor: at(0.2) })],
  ];
  for (const [layer, step] of pairs) {
    const expected = step.applyBatch({ x }).x.data;
    trained(layer, x).forEach((value, i) => {
      expect(Math.abs(value - expected[i])).toBeLessThan(2e-3);
    });
  }
});
type augmentStep = ReturnType<typeof augment.randomFlip>;

it('contrast keeps the mean of each channel where nothing is clipped', () => {
  const x = { shape: [8, 3, 3, 2], data: Float32Array.from({ length: 144 }, (_, i) => 100 + (i % 17)) };
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const results = perSample(trained(layers.randomContrast({ factor: 0.9 }), x), 8);
  perSample(Array.from(x.data), 8).forEach((image, n) => {
    for (const k of [0, 1]) {
      const channel = (data: readonly number[]) => data.filter((_, i) => i % 2 === k);
      expect(mean(channel(results[n]))).toBeCloseTo(mean(channel(image)), 3);
    }
  });
});

it('refuses what is no image, and factors out of bounds', () => {
  expect(
    errorOf(() => run(sequential([layers.randomFlip()]), [{ shape: [2, 5], data: new Float32Array(10) }])).message,
  ).toContain('expected samples [height, width, channels], got 5');
  expect(errorOf(() => layers.randomRotation({ factor: 2 })).message).toContain("randomRotation, option 'factor'");
  expect(errorOf(() => layers.randomZoom({ heightFactor: -2 })).message).toContain("randomZoom, option 'heightFactor'");
  expect(errorOf(() => layers.randomContrast({ factor: 0.1, valueRange: [1, 1] })).message).toContain('valueRange');
});

const network = (backend: 'typescript' | 'native') => {
  const net = model(
    [
      layers.randomFlip({ mode: 'horizontal', inputShape: [6, 5, 1] }),
      layers.randomTranslation({ heightFactor: 0.2, widthFactor: 0.2 }),
      layers.randomRotation({ factor: 0.1 }),
      layers.randomZoom({ heightFactor: 0.2 }),
      layers.randomContrast({ factor: 0.2 }),
      layers.randomBrightness({ factor: 0.2 }),
      layers.rescaling({ scale: 1 / 255 }),
      layers.flatten(),
      layers.dense({ units: 2 }),
    ],
    { seed: 3 },
  );
  net.compile({ optimizer: 'sgd', loss: 'meanSquaredError', backend });
  return net;
};
const data = { x: images(16, 6, 5), y: { shape: [16, 2], data: Float32Array.from({ length: 32 }, (_, i) => i % 3) } };

it('trains inside a model, is saved with it, and predictions are those of the bare network', async () => {
  const net = network('typescript');
  await net.fit(data.x, data.y, { epochs: 2, batchSize: 8, verbose: 0 });
  const file = path.join(folder, 'model.safetensors');
  await net.save(file);
  const again = await load(file, { backend: 'typescript' });
  expect((await again.predict(data.x)).data).toEqual((await net.predict(data.x)).data);
  expect(again.layers.map(({ layer }) => layer.type)).toEqual(net.layers.map(({ layer }) => layer.type));
});

it.skipIf(!addon)('trains alike on both backends', async () => {
  const weights = await Promise.all(
    (['typescript', 'native'] as const).map(async (backend) => {
      const net = network(backend);
      await net.fit(data.x, data.y, { epochs: 2, batchSize: 8, verbose: 0 });
      return net.weights.map((weight) => Array.from(weight.data));
    }),
  );
  weights[0].flat().forEach((value, i) => {
    expect(weights[1].flat()[i]).toBeCloseTo(value, 4);
  });
});
