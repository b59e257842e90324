// Networks whose parameters are counted, not timed: AlexNet as it was published (Krizhevsky et al. 2012), ResNet-34,
// ResNet-20 with shortcuts that cost nothing (He et al. 2015, option A), SqueezeNet 1.1 (Iandola et al. 2016),
// DenseNet-121 (Huang et al. 2017) and U-Net (Ronneberger et al. 2015, with borders kept).

import { layers } from '../../dist/index.js';
import { channelsOf, conv, dense, dropout, flatten, globalAverage, maxPool } from './blocks.mjs';

const relu = (x) => layers.relu().apply(x);
const concatenate = (list) => layers.concatenate().apply(list);
const convRelu = (x, filters, kernelSize, options) =>
  conv(x, { filters, kernelSize, padding: 'same', activation: 'relu', ...options });

/** @param {number} groups 2: as on two graphics processors; 1: everything sees everything */
export const alexnet2012 = (groups) => (image) => {
  const pool = { poolSize: 3, strides: 2 };
  let x = maxPool(convRelu(image, 96, 11, { strides: 4, padding: 'valid' }), pool);
  x = maxPool(convRelu(x, 256, 5, { groups }), pool);
  x = convRelu(convRelu(x, 384, 3), 384, 3, { groups });
  x = flatten(maxPool(convRelu(x, 256, 3, { groups }), pool));
  x = dropout(dense(x, 4096, 'relu'), 0.5);
  return dense(dropout(dense(x, 4096, 'relu'), 0.5), 1000);
};

/** Every second pixel, with zeros for the channels that are new. */
export function paddedShortcut(x, filters, strides) {
  const thinned = strides === 1 ? x : maxPool(x, { poolSize: 1, strides });
  const added = filters - channelsOf(x);
  if (added === 0) return thinned;
  const channelsFirst = layers.permute({ dims: [3, 1, 2] }).apply(thinned);
  const padding = [
    [Math.floor(added / 2), Math.ceil(added / 2)],
    [0, 0],
  ];
  const padded = layers.zeroPadding2d({ padding }).apply(channelsFirst);
  return layers.permute({ dims: [2, 3, 1] }).apply(padded);
}

function fire(x, squeeze, expand) {
  const small = convRelu(x, squeeze, 1);
  return concatenate([convRelu(small, expand, 1), convRelu(small, expand, 3)]);
}

export function squeezenet(image) {
  const pool = { poolSize: 3, strides: 2 };
  let x = maxPool(convRelu(image, 64, 3, { strides: 2, padding: 'valid' }), pool);
  x = maxPool(fire(fire(x, 16, 64), 16, 64), pool);
  x = maxPool(fire(fire(x, 32, 128), 32, 128), pool);
  x = fire(fire(x, 48, 192), 48, 192);
  x = fire(fire(x, 64, 256), 64, 256);
  return globalAverage(convRelu(dropout(x, 0.5), 1000, 1));
}

/** Normalized, rectified, then convolved: the order of DenseNet. */
function normConv(x, filters, kernelSize, options) {
  const normal = relu(layers.batchNormalization({ momentum: 0.9, epsilon: 1e-5 }).apply(x));
  return conv(normal, { filters, kernelSize, padding: 'same', useBias: false, ...options });
}

export function densenet121(image) {
  const growth = 32;
  let x = conv(image, { filters: 64, kernelSize: 7, strides: 2, padding: 3, useBias: false });
  x = relu(layers.batchNormalization({ momentum: 0.9, epsilon: 1e-5 }).apply(x));
  x = maxPool(x, { poolSize: 3, strides: 2, padding: 1 });
  [6, 12, 24, 16].forEach((count, block) => {
    if (block > 0) x = layers.averagePooling2d().apply(normConv(x, channelsOf(x) / 2, 1));
    for (let i = 0; i < count; i++) x = concatenate([x, normConv(normConv(x, 4 * growth, 1), growth, 3)]);
  });
  return dense(globalAverage(relu(layers.batchNormalization().apply(x))), 1000);
}

export function unet(image) {
  const twice = (x, filters) => convRelu(convRelu(x, filters, 3), filters, 3);
  const skipped = [];
  let x = image;
  for (const filters of [64, 128, 256, 512]) {
    x = twice(x, filters);
    skipped.push(x);
    x = maxPool(x);
  }
  x = twice(x, 1024);
  for (const filters of [512, 256, 128, 64]) {
    const up = layers.conv2dTranspose({ filters, kernelSize: 2, strides: 2 }).apply(x);
    x = twice(concatenate([skipped.pop(), up]), filters);
  }
  return conv(x, { filters: 2, kernelSize: 1 });
}
