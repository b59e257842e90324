// A network that reads handwritten digits at 99 %: what explains it must point at what it reads.

import path from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  decodeImage,
  explain,
  layers,
  loadMnist,
  type Model,
  Random,
  readSafetensors,
  sequential,
} from '../../src/index.js';
import type { StoredTensor } from '../../src/io/safetensors.js';
import { reference } from '../data/images.js';

const models = reference('models/jsgrad-mnist-cnn');
const mnist = reference('mnist');
const photos = reference('photos');

/** Weights by the names they have in PyTorch, in its layout. */
async function digitReader(folder: string): Promise<Model> {
  const net = sequential(
    [
      layers.conv2d({ name: 'a', filters: 32, kernelSize: 5, activation: 'relu' }),
      layers.conv2d({ name: 'b', filters: 32, kernelSize: 5, activation: 'relu' }),
      layers.batchNormalization({ name: 'bn1', epsilon: 1e-5 }),
      layers.maxPooling2d({ name: 'pool1' }),
      layers.conv2d({ name: 'c', filters: 64, kernelSize: 3, activation: 'relu' }),
      layers.conv2d({ name: 'd', filters: 64, kernelSize: 3, activation: 'relu' }),
      layers.batchNormalization({ name: 'bn2', epsilon: 1e-5 }),
      layers.maxPooling2d({ name: 'pool2' }),
      layers.flatten(),
      layers.dense({ name: 'scores', units: 10 }),
    ],
    { inputShape: [28, 28, 1] },
  );
  const { tensors } = await readSafetensors(path.join(folder, 'mnist.safetensors'));
  const of = (name: string) => (tensors.get(name) as StoredTensor).data as Float32Array;
  const weights: Record<string, Float32Array> = {};
  for (const [name, number] of Object.entries({ a: 0, b: 2, c: 6, d: 8 })) {
    const { shape } = tensors.get(`layers.${number}.weight`) as StoredTensor;
    const [filters, channels, height, width] = shape;
    const source = of(`layers.${number}.weight`);
    const kernel = new Float32Array(source.length);
    for (let i = 0; i < source.length; i++) {
      const cell = i % (height * width);
      const channel = Math.floor(i / (height * width)) % channels;
      kernel[(cell * channels + channel) * filters + Math.floor(i / (height * width * channels))] = source[i];
    }
    weights[`${name}/kernel`] = kernel;
    weights[`${name}/bias`] = of(`layers.${number}.bias`);
  }
  for (const [name, number] of Object.entries({ bn1: 4, bn2: 10 })) {
    weights[`${name}/gamma`] = of(`layers.${number}.weight`);
    weights[`${name}/beta`] = of(`layers.${number}.bias`);
    weights[`${name}/movingMean`] = of(`layers.${number}.running_mean`);
    weights[`${name}/movingVariance`] = of(`layers.${number}.running_var`);
  }
  // Its dense layer reads [64, 3, 3], ours [3, 3, 64].
  const rows = of('layers.13.weight');
  weights['scores/kernel'] = Float32Array.from({ length: 5760 }, (_, i) => {
    const [unit, place] = [i % 10, Math.floor(i / 10)];
    return rows[unit * 576 + (place % 64) * 9 + Math.floor(place / 64)];
  });
  weights['scores/bias'] = of('layers.13.bias');
  net.setWeights(weights);
  return net;
}

describe.skipIf(!models || !mnist)('handwritten digits', () => {
  let net: Model;
  let images: { data: Uint8Array; shape: number[] };
  let labels: number[];

  beforeAll(async () => {
    net = await digitReader(models as string);
    const { test: digits } = await loadMnist(mnist as string);
    images = { data: (digits.images.data as Uint8Array).slice(0, 12 * 784), shape: [12, 28, 28, 1] };
    labels = [...digits.labels.data].slice(0, 12);
  });

  test('the weights are read as they were meant', async () => {
    const { tensors } = await readSafetensors(path.join(models as string, 'expected_t10k_first64.safetensors'));
    const expected = (tensors.get('logits_t10k_first64') as StoredTensor).data;
    (await net.predict(images)).data.forEach(
      (score, i) => void expect(Math.abs(score - expected[i])).toBeLessThan(1e-3),
    );
  });

  test('every map names the digit, and the ink carries it', async () => {
    for (const maps of [
      await explain.gradCam(net, images),
      await explain.saliency(net, images),
      await explain.integratedGradients(net, images, { steps: 16 }),
    ]) {
      expect(maps.map(({ classIndex }) => classIndex)).toEqual(labels);
      expect(Math.min(...maps.map(({ probability }) => probability))).toBeGreaterThan(0.9);
    }
    const integrated = await explain.integratedGradients(net, images);
    integrated.forEach((map, i) => {
      // Paper is the baseline: it can add nothing.
      const paper = map.data.filter((_, place) => images.data[i * 784 + place] === 0);
      expect(paper.every((one) => one === 0)).toBe(true);
      const sum = map.data.reduce((total, one) => total + one, 0);
      expect(Math.abs(sum - (map.score - map.baselineScore))).toBeLessThan(
        0.05 * Math.abs(map.score - map.baselineScore),
      );
    });
  });

  test('taking away what maps point at costs more than taking away anything', async () => {
    const random = new Random(1);
    const integrated = await explain.integratedGradients(net, images, { steps: 16 });
    const cams = await explain.gradCam(net, images);
    const mean = { integrated: 0, cam: 0, random: 0 };
    for (let i = 0; i < 6; i++) {
      const image = { data: images.data.slice(i * 784, (i + 1) * 784), shape: [1, 28, 28, 1] };
      const anything = {
        data: Float32Array.from({ length: 784 }, () => random.uniform()),
        shape: [28, 28],
        classIndex: labels[i],
      };
      mean.integrated += (await explain.deletionScore(net, image, integrated[i])).score / 6;
      mean.cam += (await explain.deletionScore(net, image, cams[i])).score / 6;
      mean.random += (await explain.deletionScore(net, image, anything)).score / 6;
    }
    expect(mean.integrated).toBeLessThan(0.7 * mean.random);
    expect(mean.cam).toBeLessThan(mean.random);
  });

  test('projections and patches of the second layer lie on the ink', async () => {
    const [projection] = await explain.deconvnet(
      net,
      { ...images, data: images.data.slice(0, 784), shape: [1, 28, 28, 1] },
      { layer: 'pool1' },
    );
    expect(projection.data.filter((one) => one !== 0).length).toBeLessThanOrEqual(81);
    const patches = await explain.maximalPatches(net, images, { layer: 'b', filters: [0, 1, 2, 3] });
    for (const { patches: found } of patches) {
      expect(found).toHaveLength(9);
      expect(found[0].activation).toBeGreaterThanOrEqual(found[8].activation);
      expect(found[0].shape).toEqual([9, 9, 1]);
      expect(found[0].data.some((pixel) => pixel > 128)).toBe(true);
    }
  });
});

test.skipIf(!photos)('a map over a photograph is the photograph, tinted', async () => {
  const photo = await decodeImage(path.join(photos as string, 'chelsea.png'), { size: 64 });
  const net = sequential([
    layers.conv2d({ filters: 1, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [64, 64, 3] }),
    layers.globalAveragePooling2d(),
    layers.dense({ units: 2 }),
  ]);
  const [map] = await explain.gradCam(net, photo);
  const { data, info } = await sharp(await map.overlay({ scale: 1, opacity: 0 }))
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([64, 64]);
  expect(new Uint8Array(data)).toEqual(photo.data);
});
