// Convolution in one dimension (time series), in three (video, volumes), and a network that gives a class per pixel.
import assert from 'node:assert/strict';
import { input, layers, model, sequential } from 'ocellus';

const series = sequential([
  layers.conv1d({ filters: 4, kernelSize: 5, padding: 'causal', activation: 'relu', inputShape: [50, 2] }),
  layers.globalAveragePooling1d(),
  layers.dense({ units: 1 }),
]);
assert.deepEqual(series.predictSync({ data: new Float32Array(100), shape: [1, 50, 2] }).shape, [1, 1]);

const video = sequential([
  layers.conv3d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [6, 10, 10, 1] }),
  layers.maxPooling3d({ poolSize: 2 }),
  layers.globalAveragePooling3d(),
]);
assert.deepEqual(video.predictSync({ data: new Float32Array(600), shape: [1, 6, 10, 10, 1] }).shape, [1, 3]);

// A small U-Net (Ronneberger et al. 2015) that learns to mark bright pixels.
const conv = (x, filters) => layers.conv2d({ filters, kernelSize: 3, padding: 'same', activation: 'relu' }).apply(x);
const image = input({ shape: [8, 8, 1] });
const wide = conv(image, 4);
const deep = conv(layers.maxPooling2d().apply(wide), 8);
const up = layers.conv2dTranspose({ filters: 4, kernelSize: 2, strides: 2 }).apply(deep);
const joined = conv(layers.concatenate().apply([wide, up]), 4);
const mask = layers.conv2d({ filters: 1, kernelSize: 1, activation: 'sigmoid' }).apply(joined);
const unet = model({ inputs: image, outputs: mask, seed: 1 });
unet.compile({ optimizer: { name: 'adam', learningRate: 0.02 }, loss: 'binaryCrossentropy' });
const data = Float32Array.from({ length: 32 * 64 }, (_, i) => ((i * 7919) % 101) / 100);
const x = { data, shape: [32, 8, 8, 1] };
const y = { data: data.map((value) => Number(value > 0.5)), shape: [32, 8, 8, 1] };
const { history } = await unet.fit(x, y, { epochs: 12, batchSize: 8, verbose: 0 });
console.log('loss per pixel:', history.loss.map((value) => value.toFixed(3)).join(' '));
assert.ok(history.loss.at(-1) < 0.5 * history.loss[0]);
