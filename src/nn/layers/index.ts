// All layers, under their own names and under those that people bring along.

import type { AnyLayerFactory } from '../layer.js';
import * as activations from './activations.js';
import * as adaptivePooling from './adaptive-pooling.js';
import * as augmentation from './augmentation.js';
import * as borders from './borders.js';
import * as convolution from './convolution.js';
import { dense } from './dense.js';
import * as depthwise from './depthwise.js';
import { dot } from './dot.js';
import { embedding } from './embedding.js';
import * as globalPooling from './global-pooling.js';
import { add, average, concatenate, maximum, minimum, multiply, subtract } from './merge.js';
import { batchNormalization } from './normalization.js';
import * as plainActivations from './plain-activations.js';
import * as pooling from './pooling.js';
import { normalization, rescaling } from './preprocessing.js';
import * as regularization from './regularization.js';
import * as resizing from './resizing.js';
import * as sampleNormalization from './sample-normalization.js';
import * as shape from './shape.js';
import * as transposed from './transposed.js';
import * as unpooling from './unpooling.js';
import { timeDistributed } from './wrappers.js';

const own = {
  add,
  average,
  batchNormalization,
  concatenate,
  dense,
  dot,
  embedding,
  maximum,
  minimum,
  multiply,
  normalization,
  rescaling,
  subtract,
  timeDistributed,
  ...convolution,
  ...transposed,
  ...depthwise,
  ...activations,
  ...plainActivations,
  ...regularization,
  ...sampleNormalization,
  ...pooling,
  ...globalPooling,
  ...adaptivePooling,
  ...unpooling,
  ...shape,
  ...borders,
  ...resizing,
  ...augmentation,
};

/**
 * Factories of all layers.
 *
 * @example
 * layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu' });
 */
export const layers = {
  ...own,
  /** The same as maxPooling1d. */
  maxPool1d: own.maxPooling1d,
  /** The same as maxPooling2d. */
  maxPool2d: own.maxPooling2d,
  /** The same as maxPooling3d. */
  maxPool3d: own.maxPooling3d,
  /** The same as averagePooling1d. */
  averagePool1d: own.averagePooling1d,
  /** The same as averagePooling1d. */
  avgPool1d: own.averagePooling1d,
  /** The same as averagePooling2d. */
  averagePool2d: own.averagePooling2d,
  /** The same as averagePooling2d. */
  avgPool2d: own.averagePooling2d,
  /** The same as averagePooling3d. */
  averagePool3d: own.averagePooling3d,
  /** The same as averagePooling3d. */
  avgPool3d: own.averagePooling3d,
  /** The same as globalMaxPooling1d. */
  globalMaxPool1d: own.globalMaxPooling1d,
  /** The same as globalMaxPooling2d. */
  globalMaxPool2d: own.globalMaxPooling2d,
  /** The same as globalMaxPooling3d. */
  globalMaxPool3d: own.globalMaxPooling3d,
  /** The same as globalAveragePooling1d. */
  globalAveragePool1d: own.globalAveragePooling1d,
  /** The same as globalAveragePooling1d. */
  globalAvgPool1d: own.globalAveragePooling1d,
  /** The same as globalAveragePooling2d. */
  globalAveragePool2d: own.globalAveragePooling2d,
  /** The same as globalAveragePooling2d. */
  globalAvgPool2d: own.globalAveragePooling2d,
  /** The same as globalAveragePooling3d. */
  globalAveragePool3d: own.globalAveragePooling3d,
  /** The same as globalAveragePooling3d. */
  globalAvgPool3d: own.globalAveragePooling3d,
  /** The same as adaptiveMaxPooling1d. */
  adaptiveMaxPool1d: own.adaptiveMaxPooling1d,
  /** The same as adaptiveAveragePooling1d. */
  adaptiveAvgPool1d: own.adaptiveAveragePooling1d,
  /** The same as adaptiveMaxPooling2d. */
  adaptiveMaxPool2d: own.adaptiveMaxPooling2d,
  /** The same as adaptiveAveragePooling2d. */
  adaptiveAvgPool2d: own.adaptiveAveragePooling2d,
  /** The same as adaptiveMaxPooling3d. */
  adaptiveMaxPool3d: own.adaptiveMaxPooling3d,
  /** The same as adaptiveAveragePooling3d. */
  adaptiveAvgPool3d: own.adaptiveAveragePooling3d,
  /** The same as lpPooling1d. */
  lpPool1d: own.lpPooling1d,
  /** The same as lpPooling2d. */
  lpPool2d: own.lpPooling2d,
  /** The same as lpPooling3d. */
  lpPool3d: own.lpPooling3d,
  /** The same as maxUnpooling1d. */
  maxUnpool1d: own.maxUnpooling1d,
  /** The same as maxUnpooling2d. */
  maxUnpool2d: own.maxUnpooling2d,
  /** The same as maxUnpooling3d. */
  maxUnpool3d: own.maxUnpooling3d,
  /** The same as fractionalMaxPooling2d. */
  fractionalMaxPool2d: own.fractionalMaxPooling2d,
  /** The same as fractionalMaxPooling3d. */
  fractionalMaxPool3d: own.fractionalMaxPooling3d,
  /** The same as reflectionPadding1d. */
  reflectionPad1d: own.reflectionPadding1d,
  /** The same as replicationPadding1d. */
  replicationPad1d: own.replicationPadding1d,
  /** The same as circularPadding1d. */
  circularPad1d: own.circularPadding1d,
  /** The same as zeroPadding1d. */
  zeroPad1d: own.zeroPadding1d,
  /** The same as reflectionPadding2d. */
  reflectionPad2d: own.reflectionPadding2d,
  /** The same as replicationPadding2d. */
  replicationPad2d: own.replicationPadding2d,
  /** The same as circularPadding2d. */
  circularPad2d: own.circularPadding2d,
  /** The same as zeroPadding2d. */
  zeroPad2d: own.zeroPadding2d,
  /** The same as reflectionPadding3d. */
  reflectionPad3d: own.reflectionPadding3d,
  /** The same as replicationPadding3d. */
  replicationPad3d: own.replicationPadding3d,
  /** The same as circularPadding3d. */
  circularPad3d: own.circularPadding3d,
  /** The same as zeroPadding3d. */
  zeroPad3d: own.zeroPadding3d,
  /** The same as conv1d. */
  convolution1d: own.conv1d,
  /** The same as conv2d. */
  convolution2d: own.conv2d,
  /** The same as conv3d. */
  convolution3d: own.conv3d,
  /** The same as conv1dTranspose. */
  convTranspose1d: own.conv1dTranspose,
  /** The same as conv2dTranspose. */
  convTranspose2d: own.conv2dTranspose,
  /** The same as conv3dTranspose. */
  convTranspose3d: own.conv3dTranspose,
  /** The same as separableConv1d. */
  separableConvolution1d: own.separableConv1d,
  /** The same as separableConv2d. */
  separableConvolution2d: own.separableConv2d,
  /** The same as batchNormalization. */
  batchNorm: batchNormalization,
  /** The same as layerNormalization. */
  layerNorm: own.layerNormalization,
  /** The same as groupNormalization. */
  groupNorm: own.groupNormalization,
  /** The same as instanceNormalization. */
  instanceNorm: own.instanceNormalization,
  /** The same as rmsNormalization. */
  rmsNorm: own.rmsNormalization,
  /** The same as localResponseNormalization. */
  localResponseNorm: own.localResponseNormalization,
  /** The same as stochasticDepth. */
  dropPath: own.stochasticDepth,
  /** The same as relu. */
  reLU: activations.relu,
  /** The same as leakyRelu. */
  leakyReLU: activations.leakyRelu,
  /** The same as silu. */
  swish: plainActivations.silu,
  /** The same as hardSwish. */
  hardSilu: plainActivations.hardSwish,
};

export type LayerType = keyof typeof own;

/** Every built-in factory by its type: what saved networks go by. */
export const layerFactories: Readonly<Record<string, AnyLayerFactory>> = own;
