// Classifiers small enough to be trained from nothing on a CPU. They take bytes as images have them and scale them
// themselves; a larger image is halved once more at the start.

import { checkName, checkOptions, OcellusError } from '../core/errors.js';
import { model } from '../model/compose.js';
import type { Model } from '../model/model.js';
import type { Tensor } from '../model/tensor.js';

import { layers } from '../nn/layers/index.js';
import { input, type SymbolicTensor } from '../nn/symbolic.js';
import { convNorm, invertedResidual, residual } from './blocks.js';

export interface BackboneOptions {
  /** Shape of an image: [height, width, channels]. */
  inputShape: readonly number[];
  /** Number of classes; at least 2. */
  classes: number;
  /** Share of features that are dropped in training before the last layer. Default 0.2. */
  dropout?: number;
  /** Of the first weights and everything random. Default 0. */
  seed?: number;
}

/** From this many pixels on along the shorter side, the first convolution has stride 2. */
const largeSide = 48;

const stemStrides = (x: SymbolicTensor): number =>
  Math.min(x.shape[0] as number, x.shape[1] as number) >= largeSide ? 2 : 1;

type Stage = readonly [filters: number, strides: number];

const residuals = (x: SymbolicTensor, stages: readonly Stage[]): SymbolicTensor =>
  stages.reduce((y, [filters, strides]) => residual(y, filters, strides), x);

function tiny(image: SymbolicTensor): SymbolicTensor {
  const stages: Stage[] = [[32, 2], [64, 2], [128, 2]]; // biome-ignore format: a table
  return residuals(convNorm(image, 16, 3, { strides: stemStrides(image) }), stages);
}

function small(image: SymbolicTensor): SymbolicTensor {
  const stages: Stage[] = [[32, 1], [64, 2], [128, 2], [256, 2]]; // biome-ignore format: a table
  return residuals(convNorm(image, 32, 3, { strides: stemStrides(image) }), stages);
}

/** The ResNet-20 of He et al. 2015 for images of 32x32, with projected shortcuts. */
function resnet20(image: SymbolicTensor): SymbolicTensor {
  const stages = [16, 32, 64].flatMap((filters, i): Stage[] => [
    [filters, i > 0 ? 2 : 1],
    [filters, 1],
    [filters, 1],
  ]);
  return residuals(convNorm(image, 16, 3, { strides: stemStrides(image) }), stages);
}

/** MobileNetV2 at half its width, without its last stages. */
function mobile(image: SymbolicTensor): SymbolicTensor {
  let x = convNorm(image, 16, 3, { strides: stemStrides(image), activation: 'relu6' });
  x = invertedResidual(x, 1, 8);
  for (const [filters, count, strides] of [
    [16, 2, 2],
    [16, 3, 2],
    [32, 4, 2],
    [48, 3, 1],
  ]) {
    for (let i = 0; i < count; i++) x = invertedResidual(x, 6, filters, i === 0 ? strides : 1);
  }
  return convNorm(x, 320, 1, { activation: 'relu6' });
}

const backbones = { tiny, small, resnet20, mobile };

export type BackboneName = keyof typeof backbones;

/** Names that `createModel` takes. */
export const backboneNames = Object.keys(backbones) as BackboneName[];

/**
 * A classifier: `tiny` (0.31 million parameters), `small` (1.23), `resnet20` (0.27), `mobile` (0.18).
 * Images [batch, height, width, channels] as bytes or floats from 0 to 255 → probabilities [batch, classes].
 *
 * @throws OcellusError ERR_OCELLUS_OPTION for a name, a shape or a number of classes that cannot be
 *
 * @example
 * const classifier = createModel('tiny', { inputShape: [64, 64, 3], classes: 10 });
 */
export function createModel(name: BackboneName, options: BackboneOptions): Model<Tensor> {
  const where = `createModel '${name}'`;
  checkOptions(where, options, ['inputShape', 'classes', 'dropout', 'seed']);
  const build = checkName('createModel', name, backbones);
  const { inputShape, classes, dropout = 0.2, seed = 0 } = options;
  if (!Number.isSafeInteger(classes) || classes < 2) {
    throw new OcellusError('ERR_OCELLUS_OPTION', {
      where: `${where}, option 'classes'`,
      expected: 'an integer of at least 2',
      got: classes,
    });
  }
  if (!Array.isArray(inputShape) || inputShape.length !== 3 || Math.min(inputShape[0], inputShape[1]) < 8) {
    throw new OcellusError('ERR_OCELLUS_OPTION', {
      where: `${where}, option 'inputShape'`,
      expected: '[height, width, channels], at least 8 pixels on each side',
      got: inputShape,
    });
  }
  const image = input({ shape: inputShape, name: 'image' });
  const scaled = layers.rescaling({ scale: 1 / 127.5, offset: -1 }).apply(image);
  const features = layers.globalAveragePooling2d().apply(build(scaled));
  const kept = dropout > 0 ? layers.dropout({ rate: dropout }).apply(features) : features;
  const outputs = layers.dense({ units: classes, activation: 'softmax', name: 'classes' }).apply(kept);
  return model({ inputs: image, outputs, name, seed });
}
