// Pieces that the backbones share; each takes a symbol and gives one.

import { layers } from '../nn/layers/index.js';
import type { SymbolicTensor } from '../nn/symbolic.js';

export interface ConvNormOptions {
  strides?: number;
  groups?: number;
  /** 'none' leaves the activation to somebody else. Default 'relu'. */
  activation?: 'relu' | 'relu6' | 'none';
}

export const channelsOf = (x: SymbolicTensor): number => x.shape[2] as number;

/** Convolution without bias, batch normalization, activation. */
export function convNorm(
  x: SymbolicTensor,
  filters: number,
  kernelSize: number,
  { strides = 1, groups = 1, activation = 'relu' }: ConvNormOptions = {},
): SymbolicTensor {
  const conv = layers.conv2d({
    filters,
    kernelSize,
    strides,
    groups,
    padding: 'same',
    useBias: false,
    kernelInitializer: 'heNormal',
  });
  // Trainings are short here: statistics must settle within some hundred steps.
  const normal = layers.batchNormalization({ momentum: 0.9, epsilon: 1e-5 }).apply(conv.apply(x));
  return activation === 'none' ? normal : layers[activation]().apply(normal);
}

/** Two 3x3 convolutions beside a shortcut, which is projected where shapes differ (He et al. 2015). */
export function residual(x: SymbolicTensor, filters: number, strides = 1): SymbolicTensor {
  const y = convNorm(convNorm(x, filters, 3, { strides }), filters, 3, { activation: 'none' });
  const same = strides === 1 && channelsOf(x) === filters;
  const shortcut = same ? x : convNorm(x, filters, 1, { strides, activation: 'none' });
  return layers.relu().apply(layers.add().apply([y, shortcut]));
}

/** Widen, filter each channel by itself, narrow again (MobileNetV2, Sandler et al. 2018). */
export function invertedResidual(x: SymbolicTensor, expansion: number, filters: number, strides = 1): SymbolicTensor {
  const channels = channelsOf(x);
  const wide = channels * expansion;
  const activation = 'relu6';
  const opened = expansion === 1 ? x : convNorm(x, wide, 1, { activation });
  const filtered = convNorm(opened, wide, 3, { strides, groups: wide, activation });
  const y = convNorm(filtered, filters, 1, { activation: 'none' });
  return strides === 1 && channels === filters ? layers.add().apply([x, y]) : y;
}
