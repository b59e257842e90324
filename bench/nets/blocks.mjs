// Pieces that the networks share, in the functional style: each takes a symbol and gives one.

import { layers } from '../../dist/index.js';

export const conv = (x, options) => layers.conv2d(options).apply(x);

/** Convolution without bias, batch normalization as PyTorch sets it, and an activation (a layer's name) or none. */
export function convNorm(x, filters, kernelSize, { strides = 1, groups = 1, activation } = {}) {
  const padding = (kernelSize - 1) / 2;
  const y = conv(x, { filters, kernelSize, strides, padding, groups, useBias: false });
  const normal = layers.batchNormalization({ momentum: 0.9, epsilon: 1e-5 }).apply(y);
  return activation ? layers[activation]().apply(normal) : normal;
}

export const maxPool = (x, options = { poolSize: 2 }) => layers.maxPooling2d(options).apply(x);
export const dropout = (x, rate) => layers.dropout({ rate }).apply(x);
export const flatten = (x) => layers.flatten().apply(x);
export const dense = (x, units, activation) => layers.dense({ units, activation }).apply(x);
export const globalAverage = (x) => layers.globalAveragePooling2d().apply(x);
export const channelsOf = (x) => x.shape[2];
