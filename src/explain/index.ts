/**
 * Seeing what a network has learned, and why it answers as it does. Images are given as to `model.predict`, [images,
 * height, width, channels] or one image alone; there is one result for each image. Results are numbers with their shape;
 * `png()` makes pictures of them (with the package `sharp`), and `range` says what the ends of a picture's colors stand
 * for. Maps from 0 upwards go from dark to bright, maps with signs from blue over white to red, feature maps from black to
 * white. The score of a class is what stands in front of the last softmax or sigmoid.
 *
 * @module
 */

export type { ClassMap, OverlayOptions } from './class-map.js';
export { type DeconvnetOptions, deconvnet, type Projection } from './deconvnet.js';
export { type DeletionOptions, type DeletionScore, deletionScore, type PlacedMap } from './deletion.js';
export { type FeatureMapOptions, type FeatureMaps, featureMaps, type MapPictureOptions } from './feature-maps.js';
export { type FilterReportOptions, type FilterVerdict, filterReport } from './filter-report.js';
export { type FilterOptions, type FilterPictureOptions, type Filters, filters } from './filters.js';
export { type CamMethod, type GradCamMap, type GradCamOptions, gradCam } from './grad-cam.js';
export {
  type FilterPatches,
  type MaximalPatch,
  type MaximalPatchOptions,
  maximalPatches,
} from './maximal-patches.js';
export { type OcclusionMap, type OcclusionOptions, occlusion } from './occlusion.js';
export type { PictureOptions, Range, SheetOptions } from './picture.js';
export {
  type AttributionMap,
  type IntegratedGradientsOptions,
  integratedGradients,
  type SaliencyMap,
  type SaliencyOptions,
  saliency,
} from './saliency.js';
export type { BatchOptions, ClassOptions, Explained, ImageModel } from './subject.js';
