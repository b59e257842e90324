// What filters answer to images: the maps that layers put out.

import { check, checkOptions } from '../core/errors.js';
import type { ModelData } from '../data/dataset.js';
import {
  type Canvas,
  encodePng,
  enlarge,
  type PictureOptions,
  paintMap,
  type Range,
  rangeOf,
  type SheetOptions,
  scaleFor,
  sheetOf,
} from './picture.js';
import {
  type BatchOptions,
  batching,
  batchOf,
  convolutionCalls,
  type ImageModel,
  isSpatial,
  spatialCall,
  subjectOf,
} from './subject.js';

export interface FeatureMapOptions extends BatchOptions {
  /** Paths of layers whose outputs have height and width. Default: all 2D convolutions. */
  layers?: string | readonly string[];
}

export interface MapPictureOptions extends PictureOptions {
  /** The first maps of the layer that are shown. Default 64. */
  limit?: number;
}

/** The maps of one layer for one image. */
export class FeatureMaps {
  /** What black and white stand for: the smallest and the largest number of all maps. */
  readonly range: Range;

  constructor(
    /** Path of the layer. */
    readonly layer: string,
    readonly data: Float32Array,
    /** [height, width, maps] */
    readonly shape: readonly number[],
  ) {
    this.range = rangeOf(data);
  }

  /** One map, [height, width]. */
  map(index: number): { readonly data: Float32Array; readonly shape: readonly [height: number, width: number] } {
    const [height, width, maps] = this.shape;
    const data = Float32Array.from({ length: height * width }, (_, i) => this.data[i * maps + index]);
    return { data, shape: [height, width] };
  }

  /** The maps in grey on one sheet, as PNG. */
  async png(options: MapPictureOptions & SheetOptions = {}): Promise<Uint8Array> {
    return sheetOf('png', this.paint(options), options, ['limit']);
  }

  /** A grey PNG for each map. */
  async pictures(options: MapPictureOptions = {}): Promise<Uint8Array[]> {
    checkOptions('pictures', options, ['scale', 'limit']);
    const scale = scaleFor('pictures', options, Math.max(this.shape[0], this.shape[1]));
    return Promise.all(this.paint(options).map((canvas) => encodePng(enlarge(canvas, scale))));
  }

  private paint({ limit = 64 }: MapPictureOptions): Canvas[] {
    check(Number.isSafeInteger(limit) && limit >= 1, 'ERR_OCELLUS_OPTION', () => ({
      where: "featureMaps, option 'limit'",
      expected: 'a whole number of at least 1',
      got: limit,
    }));
    return Array.from({ length: Math.min(limit, this.shape[2]) }, (_, index) => {
      const { data, shape } = this.map(index);
      return paintMap(data, shape, this.range, 'grey');
    });
  }
}

/**
 * What the filters of layers answer to images [images, height, width, channels], or to one image.
 *
 * @returns for each image a list, an entry for each layer in the order in which they run
 * @throws OcellusError ERR_OCELLUS_OPTION for a layer that is not there, or has no height and width
 * @example
 * const [[first]] = await explain.featureMaps(classifier, photo);
 * first.shape; // [32, 32, 16]
 * const png = await first.png({ limit: 8, columns: 4 });
 */
export async function featureMaps(
  model: ImageModel,
  images: ModelData,
  options: FeatureMapOptions = {},
): Promise<FeatureMaps[][]> {
  const where = 'featureMaps';
  checkOptions(where, options, ['layers', 'batchSize', 'signal']);
  const subject = await subjectOf(where, model, images);
  const paths =
    options.layers === undefined
      ? convolutionCalls(where, model)
          .filter(isSpatial)
          .map(({ path }) => path)
      : [options.layers].flat().map((path) => spatialCall(where, model, path).path);
  const outputs = await model.activations(batchOf(subject), [...new Set(paths)], batching(options));
  return Array.from({ length: subject.count }, (_, i) =>
    paths.map((path) => {
      const { data, shape } = outputs[path].row(i);
      return new FeatureMaps(path, data.slice(), shape);
    }),
  );
}
