// What in an image made a filter answer: its activation projected back to pixels (Zeiler & Fergus 2014).

import { check, checkOptions } from '../core/errors.js';
import type { ModelData } from '../data/dataset.js';
import { type BackwardRule, backwardRules } from '../train/probe.js';
import { type PictureOptions, paintMap, paintPixels, pngOf, type Range, signedRange } from './picture.js';
import {
  type BatchOptions,
  batching,
  batchOf,
  type ImageModel,
  imageOf,
  lastFeatures,
  spatialCall,
  subjectOf,
} from './subject.js';

export interface DeconvnetOptions extends BatchOptions {
  /** Path of a layer whose output has height and width. Default: what stands last at the size of the last convolution. */
  layer?: string;
  /** The filter that is projected. Default: the one that answers most to each image. */
  filter?: number;
  /** Which places of its map: the strongest one, or all. Default 'strongest'. */
  places?: 'strongest' | 'all';
  /** What goes back through rectifiers: the signal's own ReLU, that where the gradient passes too, or the gradient. Default 'deconvnet'. */
  rule?: BackwardRule;
}

/** A filter's activation as an image. */
export class Projection {
  /** Largest number in both directions: what the ends of the colors stand for. */
  readonly range: Range;

  constructor(
    /** Path of the layer. */
    readonly layer: string,
    readonly filter: number,
    /** Row and column of the strongest place of the filter's map. */
    readonly position: readonly [row: number, column: number],
    /** The filter's answer there. */
    readonly activation: number,
    readonly data: Float32Array,
    /** [height, width, channels] of the image */
    readonly shape: readonly number[],
  ) {
    this.range = signedRange(data);
  }

  /** In colors around middle grey where the image has three channels, else blue below 0 and red above. */
  png(options: PictureOptions = {}): Promise<Uint8Array> {
    const inColor = this.shape[2] === 3;
    const canvas = inColor ? paintPixels(this, this.range) : paintMap(this.sums(), this.shape, this.range, 'diverging');
    return pngOf('png', canvas, options);
  }

  private sums(): Float32Array {
    const [height, width, channels] = this.shape;
    const sums = new Float32Array(height * width);
    this.data.forEach((value, i) => {
      sums[Math.floor(i / channels)] += value;
    });
    return sums;
  }
}

/** Place and value of the largest number of one filter's map, or of all where none is said. */
export function strongest(
  data: Float32Array,
  [, width, filters]: readonly number[],
  filter?: number,
): { readonly filter: number; readonly row: number; readonly column: number; readonly activation: number } {
  let best = filter ?? 0;
  for (let i = best; i < data.length; i += filter === undefined ? 1 : filters) if (data[i] > data[best]) best = i;
  const place = Math.floor(best / filters);
  return { filter: best % filters, row: Math.floor(place / width), column: place % width, activation: data[best] };
}

/** @throws ERR_OCELLUS_OPTION unless it is one of a layer's filters */
export function checkFilter(where: string, filter: number | undefined, filters: number): void {
  const isThere = filter === undefined || (Number.isSafeInteger(filter) && filter >= 0 && filter < filters);
  check(isThere, 'ERR_OCELLUS_OPTION', () => ({ where, expected: `a filter from 0 to ${filters - 1}`, got: filter }));
}

/**
 * What in an image made a filter answer: everything else in the layer is set to 0 and the way goes back to the pixels,
 * through max pooling to the places of the maxima, through rectifiers by the signal's own ReLU, through convolutions by
 * the same filters transposed.
 *
 * @returns a projection for each image, [height, width, channels]
 * @throws OcellusError ERR_OCELLUS_OPTION for a layer or a filter that is not there, or a layer without height and width
 * @example
 * const [projection] = await explain.deconvnet(classifier, photo, { layer: 'conv2d_1' });
 * projection.shape; // [32, 32, 3]
 * const png = await projection.png();
 */
export async function deconvnet(
  model: ImageModel,
  images: ModelData,
  options: DeconvnetOptions = {},
): Promise<Projection[]> {
  const where = 'deconvnet';
  checkOptions(where, options, ['layer', 'filter', 'places', 'rule', 'batchSize', 'signal']);
  const { filter, places = 'strongest', rule = 'deconvnet' } = options;
  const oneOf = (name: string, value: string, known: readonly string[]): void =>
    check(known.includes(value), 'ERR_OCELLUS_OPTION', () => ({
      where: `${where}, option '${name}'`,
      expected: `one of ${known.join(', ')}`,
      got: value,
    }));
  oneOf('places', places, ['strongest', 'all']);
  oneOf('rule', rule, backwardRules);
  const subject = await subjectOf(where, model, images);
  const call = options.layer === undefined ? lastFeatures(where, model) : spatialCall(where, model, options.layer);
  const { path } = call;
  checkFilter(`${where}, option 'filter'`, filter, call.output.shape[3]);
  const maps = (await model.activations(batchOf(subject), path, batching(options)))[path];
  const size = maps.data.length / subject.count;
  const shape = maps.shape.slice(1);
  const seed = new Float32Array(maps.data.length);
  const found = Array.from({ length: subject.count }, (_, i) => {
    const own = maps.row(i).data;
    const best = strongest(own, shape, filter);
    const at = (best.row * shape[1] + best.column) * shape[2] + best.filter;
    if (places === 'strongest') seed[i * size + at] = own[at];
    else for (let k = best.filter; k < size; k += shape[2]) seed[i * size + k] = own[k];
    return best;
  });
  const request = { of: path, seed: { data: seed, shape: maps.shape }, byInputs: true, rule, ...batching(options) };
  const [projected] = (await model.probe(batchOf(subject), request)).inputs;
  return found.map((best, i) => {
    const image = imageOf(subject, projected.data, i);
    return new Projection(path, best.filter, [best.row, best.column], best.activation, image.data, image.shape);
  });
}
