// All layers, under their own names and under those that people bring along.

import type { AnyLayerFactory } from '../layer.js';
import * as activations from './activation.js';
import { conv2d, conv2dTranspose } from './convolution.js';
import { dense } from './dense.js';
import { add, average, concatenate, maximum, minimum, multiply, subtract } from './merge.js';
import { batchNormalization } from './normalization.js';
import { averagePooling2d, globalAveragePooling2d, globalMaxPooling2d, maxPooling2d } from './pooling.js';
import { rescaling } from './preprocessing.js';
import { dropout } from './regularization.js';
import { flatten, permute, reshape, zeroPadding2d } from './shape.js';

const { activation, leakyRelu, linear, logSoftmax, relu, relu6, sigmoid, softmax, tanh } = activations;

const own = {
  activation,
  add,
  average,
  averagePooling2d,
  batchNormalization,
  concatenate,
  conv2d,
  conv2dTranspose,
  dense,
  dropout,
  flatten,
  globalAveragePooling2d,
  globalMaxPooling2d,
  leakyRelu,
  linear,
  logSoftmax,
  maxPooling2d,
  maximum,
  minimum,
  multiply,
  permute,
  relu,
  relu6,
  rescaling,
  reshape,
  sigmoid,
  softmax,
  subtract,
  tanh,
  zeroPadding2d,
};

/**
 * Factories of all layers.
 *
 * @example
 * layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu' });
 */
export const layers = {
  ...own,
  /** The same as maxPooling2d. */
  maxPool2d: maxPooling2d,
  /** The same as averagePooling2d. */
  averagePool2d: averagePooling2d,
  /** The same as averagePooling2d. */
  avgPool2d: averagePooling2d,
  /** The same as globalMaxPooling2d. */
  globalMaxPool2d: globalMaxPooling2d,
  /** The same as globalAveragePooling2d. */
  globalAveragePool2d: globalAveragePooling2d,
  /** The same as globalAveragePooling2d. */
  globalAvgPool2d: globalAveragePooling2d,
  /** The same as conv2dTranspose. */
  convTranspose2d: conv2dTranspose,
  /** The same as batchNormalization. */
  batchNorm: batchNormalization,
  /** The same as relu. */
  reLU: relu,
  /** The same as leakyRelu. */
  leakyReLU: leakyRelu,
};

export type LayerType = keyof typeof own;

/** Every built-in factory by its type: what saved networks go by. */
export const layerFactories: Readonly<Record<string, AnyLayerFactory>> = own;
