// Class activation maps: the maps of a late layer, weighted by how the class's score depends on them.

import { check, checkOptions } from '../core/errors.js';
import type { ModelData } from '../data/dataset.js';
import { ClassMap, enlargeMap, explainedOf, type Shown, shownImage } from './class-map.js';
import {
  batching,
  batchOf,
  type ClassOptions,
  chooseClasses,
  type Explained,
  type ImageModel,
  lastFeatures,
  scoresIn,
  spatialCall,
  subjectOf,
} from './subject.js';

/**
 * gradCam: maps weighted by the mean of their gradients (Selvaraju et al. 2017). hiResCam: by the gradients themselves
 * (Draelos & Carin 2020). layerCam: by the positive ones (Jiang et al. 2021).
 */
export type CamMethod = 'gradCam' | 'hiResCam' | 'layerCam';

export interface GradCamOptions extends ClassOptions {
  /** Path of a layer whose output has height and width. Default: what stands last at the size of the last convolution. */
  layer?: string;
  /** gradCam: maps weighted by the mean of their gradients; hiResCam: by the gradients; layerCam: by the positive ones. Default 'gradCam'. */
  method?: CamMethod;
}

/** A class activation map, enlarged to the image. */
export class GradCamMap extends ClassMap {
  constructor(
    explained: Explained,
    /** Path of the layer. */
    readonly layer: string,
    /** The map in the layer's own size [height, width]. */
    readonly coarse: { readonly data: Float32Array; readonly shape: readonly [height: number, width: number] },
    image: Shown,
  ) {
    super(explained, enlargeMap(coarse.data, coarse.shape, image.shape), false, image);
  }
}

type Weighting = (gradient: Float32Array, channel: number, channels: number) => (at: number) => number;

const weightings: Readonly<Record<CamMethod, Weighting>> = {
  gradCam(gradient, channel, channels) {
    let sum = 0;
    for (let i = channel; i < gradient.length; i += channels) sum += gradient[i];
    const mean = (sum * channels) / gradient.length;
    return () => mean;
  },
  hiResCam: (gradient) => (at) => gradient[at],
  layerCam: (gradient) => (at) => Math.max(0, gradient[at]),
};

function mapOf(features: Float32Array, gradient: Float32Array, channels: number, weighting: Weighting): Float32Array {
  const map = new Float32Array(features.length / channels);
  for (let channel = 0; channel < channels; channel++) {
    const weight = weighting(gradient, channel, channels);
    for (let i = 0; i < map.length; i++) {
      const at = i * channels + channel;
      map[i] += weight(at) * features[at];
    }
  }
  return map.map((value) => Math.max(0, value));
}

/**
 * Where an image shows its class: a class activation map by gradients (Grad-CAM), at least 0 everywhere, for images
 * [images, height, width, channels] or one image.
 *
 * @returns a map for each image, of its height and width; `png()` and `overlay()` make pictures
 * @throws OcellusError ERR_OCELLUS_OPTION for a layer or class that is not there, or a layer without height and width |
 * ERR_OCELLUS_SHAPE for images or a model of another shape
 * @example
 * const [map] = await explain.gradCam(classifier, photo);
 * map.shape; // [32, 32]
 * const png = await map.overlay({ opacity: 0.4 });
 */
export async function gradCam(
  model: ImageModel,
  images: ModelData,
  options: GradCamOptions = {},
): Promise<GradCamMap[]> {
  const where = 'gradCam';
  checkOptions(where, options, ['classIndex', 'layer', 'method', 'batchSize', 'signal']);
  const { method = 'gradCam' } = options;
  check(Object.hasOwn(weightings, method), 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'method'`,
    expected: `one of ${Object.keys(weightings).join(', ')}`,
    got: method,
  }));
  const subject = await subjectOf(where, model, images);
  const call = options.layer === undefined ? lastFeatures(where, model) : spatialCall(where, model, options.layer);
  const { path } = call;
  const chosen = await chooseClasses(where, model, subject, options);
  const probed = await model.probe(batchOf(subject), {
    seed: chosen.seed,
    by: path,
    layers: path,
    ...batching(options),
  });
  const scores = scoresIn(probed.value, chosen.seed);
  const [features, gradients] = [probed.layers[path], probed.gradients[path]];
  const [height, width, channels] = features.shape.slice(1);
  return chosen.classes.map((_, i) => {
    const data = mapOf(features.row(i).data, gradients.row(i).data, channels, weightings[method]);
    const coarse = { data, shape: [height, width] as const };
    return new GradCamMap(explainedOf(chosen, scores, i), path, coarse, shownImage(subject, i));
  });
}
