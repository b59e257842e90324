// Pictures through a network whose answer is known: it tells which colour a picture has most of.

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import { input, layers, load, type Model, model, sequential, type Tensor } from '../../src/index.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'ocellus-predict-image-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const classNames = ['red', 'green', 'blue'];
const colours = { red: { r: 200, g: 30, b: 10 }, green: { r: 0, g: 180, b: 60 }, blue: { r: 20, g: 0, b: 255 } };

function colourModel(scale = 1 / 64): Model<Tensor> {
  const net = sequential([
    layers.globalAveragePooling2d({ inputShape: [6, 4, 3] }),
    layers.dense({ units: 3, activation: 'softmax', kernelInitializer: { name: 'identity', gain: scale } }),
  ]);
  return net;
}

const picture = (background: { r: number; g: number; b: number }, width = 40, height = 60) =>
  sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();

describe('predictImage', () => {
  test.each(Object.entries(colours))('names %s', async (name, colour) => {
    const net = colourModel().setPreprocessing({ classNames });
    const found = await net.predictImage(await picture(colour));
    expect(found.map(({ label }) => label)).toHaveLength(3);
    expect(found[0].label).toBe(name);
    expect(found[0].probability).toBeGreaterThan(found[1].probability);
    expect(found.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
    expect(classNames[found[0].index]).toBe(name);
  });

  test('takes files and lists, batch by batch, and keeps its preprocessing in the file', async () => {
    const net = colourModel().setPreprocessing({ classNames, fit: 'pad', background: [255, 0, 0] });
    const files = await Promise.all(
      Object.entries(colours).map(async ([name, colour]) => {
        const file = path.join(folder, `${name} ü.jpg`);
        await sharp(await picture(colour))
          .jpeg()
          .toFile(file);
        return file;
      }),
    );
    const found = await net.predictImage([...files, ...files], { top: 1, batchSize: 4 });
    expect(found.flat().map(({ label }) => label)).toEqual([...classNames, ...classNames]);

    await net.save(path.join(folder, 'colours.safetensors'));
    const again = await load(path.join(folder, 'colours.safetensors'));
    expect(again.preprocessing).toEqual({ classNames, fit: 'pad', background: [255, 0, 0] });
    expect(await again.predictImage(files, { top: 1 })).toEqual(found.slice(0, 3));
    // A wide picture is padded above and below with red.
    expect((await again.predictImage(await picture(colours.blue, 400, 60)))[0].label).toBe('red');
  });

  test('takes mean and deviation away, per channel', async () => {
    const net = colourModel(1).setPreprocessing({ classNames, mean: [100, 200, 0], std: [50, 50, 100] });
    // (200 - 100) / 50 = 2, (30 - 200) / 50 = -3.4, 10 / 100 = 0.1
    const exps = [2, -3.4, 0.1].map(Math.exp);
    const sum = exps.reduce((a, b) => a + b, 0);
    const found = await net.predictImage(await picture(colours.red));
    expect(found.map(({ label }) => label)).toEqual(['red', 'blue', 'green']);
    expect(found[0].probability).toBeCloseTo(exps[0] / sum, 4);
  });

  test('names classes by their numbers when nobody named them', async () => {
    const [best] = await colourModel()
      .setPreprocessing({})
      .predictImage(await picture(colours.blue));
    expect(best).toMatchObject({ label: '2', index: 2 });
  });

  test('an empty list has no answers', async () => {
    expect(await colourModel().setPreprocessing({}).predictImage([])).toEqual([]);
  });

  test('what cannot be is refused in one sentence', async () => {
    const net = colourModel();
    const bytes = await picture(colours.red);
    await expect(net.predictImage(bytes)).rejects.toThrow(/predictImage: expected a model that knows how pictures/);
    expect(() => net.setPreprocessing({ std: 0 })).toThrow(/'std': expected numbers other than 0, got 0/);
    expect(() => net.setPreprocessing({ mean: [1, 2] })).toThrow(/'mean': expected a number, or 3 of them/);
    expect(() => net.setPreprocessing({ classnames: [] } as never)).toThrow(/classNames/);
    expect(() => net.setPreprocessing({ fit: 'cut' as never })).toThrow(/fit/);
    net.setPreprocessing({ classNames: ['red', 'green'] });
    await expect(net.predictImage(bytes)).rejects.toThrow(/expected 3 class names, one per output, got 2/);
    net.setPreprocessing({ classNames });
    await expect(net.predictImage(bytes, { top: 0 })).rejects.toThrow(
      /'top': expected an integer of at least 1, got 0/,
    );
    await expect(net.predictImage(bytes, { batchSize: 0 })).rejects.toThrow(/'batchSize'/);
    await expect(net.predictImage(bytes.subarray(0, 50))).rejects.toMatchObject({ code: 'ERR_OCELLUS_FORMAT' });
    await expect(net.predictImage(path.join(folder, 'none.jpg'))).rejects.toMatchObject({ code: 'ERR_OCELLUS_DATA' });
    const vectors = sequential([layers.dense({ units: 2, inputShape: [3] })]);
    expect(() => vectors.setPreprocessing({})).toThrow(/one input of shape \[height, width/);
    const [a, b] = [input({ shape: [4, 4, 3] }), input({ shape: [4, 4, 3] })];
    const two = model({ inputs: [a, b], outputs: layers.flatten().apply(layers.add().apply([a, b])) });
    expect(() => two.setPreprocessing({})).toThrow(/\[4, 4, 3\] and \[4, 4, 3\]/);
  });
});
