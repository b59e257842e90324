// Networks with shortcuts: ResNets (He et al. 2015; the stride of a bottleneck on its 3x3, as torchvision has it) and
// MobileNetV2 (Sandler et al. 2018). A shortcut is projected where shapes differ.

import { layers } from '../../dist/index.js';
import { channelsOf, convNorm, dense, dropout, globalAverage, maxPool } from './blocks.mjs';
import { paddedShortcut } from './classics.mjs';

const activation = 'relu';
const plus = (x, y) => layers.add().apply([x, y]);

function withShortcut(x, y, strides) {
  const same = strides === 1 && channelsOf(x) === channelsOf(y);
  return layers.relu().apply(plus(y, same ? x : convNorm(x, channelsOf(y), 1, { strides })));
}

function basicBlock(x, filters, strides) {
  const y = convNorm(x, filters, 3, { strides, activation });
  return withShortcut(x, convNorm(y, filters, 3), strides);
}

function bottleneck(x, filters, strides) {
  let y = convNorm(x, filters, 1, { activation });
  y = convNorm(y, filters, 3, { strides, activation });
  return withShortcut(x, convNorm(y, 4 * filters, 1), strides);
}

/** Stages of blocks; all but the first halve the image. */
function stages(x, block, counts, filters) {
  counts.forEach((count, stage) => {
    for (let i = 0; i < count; i++) x = block(x, filters << stage, stage > 0 && i === 0 ? 2 : 1);
  });
  return globalAverage(x);
}

function identityBlock(x, filters, strides) {
  const y = convNorm(convNorm(x, filters, 3, { strides, activation }), filters, 3);
  return layers.relu().apply(plus(y, paddedShortcut(x, filters, strides)));
}

/** The small one, for images of 32x32. */
const small = (block) => (image) => dense(stages(convNorm(image, 16, 3, { activation }), block, [3, 3, 3], 16), 10);

export const resnet20 = small(basicBlock);
export const resnet20identity = small(identityBlock);

const resnet = (block, counts) => (image) => {
  const x = convNorm(image, 64, 7, { strides: 2, activation });
  return dense(stages(maxPool(x, { poolSize: 3, strides: 2, padding: 1 }), block, counts, 64), 1000);
};

export const resnet18 = resnet(basicBlock, [2, 2, 2, 2]);
export const resnet34 = resnet(basicBlock, [3, 4, 6, 3]);
export const resnet50 = resnet(bottleneck, [3, 4, 6, 3]);

/** Widen, filter each channel by itself, narrow again. */
function invertedResidual(x, expansion, filters, strides) {
  const channels = channelsOf(x);
  const groups = channels * expansion;
  let y = expansion === 1 ? x : convNorm(x, groups, 1, { activation: 'relu6' });
  y = convNorm(y, groups, 3, { strides, groups, activation: 'relu6' });
  y = convNorm(y, filters, 1);
  return strides === 1 && channels === filters ? plus(x, y) : y;
}

const mobileStages = [
  { expansion: 1, filters: 16, count: 1, strides: 1 },
  { expansion: 6, filters: 24, count: 2, strides: 2 },
  { expansion: 6, filters: 32, count: 3, strides: 2 },
  { expansion: 6, filters: 64, count: 4, strides: 2 },
  { expansion: 6, filters: 96, count: 3, strides: 1 },
  { expansion: 6, filters: 160, count: 3, strides: 2 },
  { expansion: 6, filters: 320, count: 1, strides: 1 },
];

export function mobilenetv2(image) {
  let x = convNorm(image, 32, 3, { strides: 2, activation: 'relu6' });
  for (const { expansion, filters, count, strides } of mobileStages) {
    for (let i = 0; i < count; i++) x = invertedResidual(x, expansion, filters, i === 0 ? strides : 1);
  }
  x = globalAverage(convNorm(x, 1280, 1, { activation: 'relu6' }));
  return dense(dropout(x, 0.2), 1000);
}
