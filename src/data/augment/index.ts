/**
 * Random changes of pictures, bytes or floats, for training on more than there is. Each function makes a step;
 * `augment.compose` makes a pipeline of steps. `apply` changes one picture [height, width, channels], `applyBatch` many
 * [samples, height, width, channels]. What a picture becomes depends on seed, epoch and sample number alone: not on its
 * neighbours, their order, or who computes it. A factor f stands for a range around "no change", two numbers for the range
 * itself, as in Keras. Pixels are interpolated once for all neighbouring steps that move them.
 *
 * @module
 */

export type { FillMode, Interpolation } from '../../core/sampler.js';
export * from './color.js';
export { compose, lambda, type RandomApplyOptions, randomApply, randomChoice } from './compose.js';
export { type RandomElasticOptions, randomElasticTransform } from './elastic.js';
export type { Factors } from './factors.js';
export {
  type RandomErasingOptions,
  type RandomGaussianBlurOptions,
  type RandomNoiseOptions,
  type RandomSharpnessOptions,
  randomErasing,
  randomGaussianBlur,
  randomNoise,
  randomSharpness,
} from './filter.js';
export {
  type FillOptions,
  type RandomCropOptions,
  type RandomFlipOptions,
  type RandomPerspectiveOptions,
  type RandomResizedCropOptions,
  type RandomRotationOptions,
  type RandomShearOptions,
  type RandomTranslationOptions,
  type RandomZoomOptions,
  randomCrop,
  randomFlip,
  randomPerspective,
  randomResizedCrop,
  randomRotation,
  randomShear,
  randomTranslation,
  randomZoom,
} from './geometry.js';
export { type CutMixOptions, cutMix, type MixOptions, type MixUpOptions, mixUp } from './mix.js';
export { type RandAugmentOptions, randAugment, type TrivialAugmentOptions, trivialAugment } from './policy.js';
export type {
  Augmentation,
  AugmentedBatch,
  BatchPlace,
  ImageBatch,
  ImageInput,
  ImageLabels,
  ImageSample,
  SamplePlace,
  StepOptions,
} from './step.js';
