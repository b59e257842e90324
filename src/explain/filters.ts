// The weights of a convolution as pictures.

import { checkOptions, OcellusError } from '../core/errors.js';
import {
  type Canvas,
  encodePng,
  enlarge,
  meanOfChannels,
  type PictureOptions,
  paintMap,
  paintPixels,
  type Range,
  type SheetOptions,
  scaleFor,
  sheetOf,
  signedRange,
} from './picture.js';
import { callOf, convolutionCalls, type ImageModel, isConvolution } from './subject.js';

export interface FilterOptions {
  /** Path of a convolution. Default: the first one. */
  layer?: string;
}

export interface FilterPictureOptions extends PictureOptions {
  /** What the ends of the colours stand for. Default: that of these filters; say the same one to compare several times. */
  range?: Range;
}

/** The filters of a convolution, a copy as they were. */
export class Filters {
  /** Largest weight in both directions: what the ends of the colours stand for. */
  readonly range: Range;
  readonly count: number;

  constructor(
    /** Path of the convolution. */
    readonly layer: string,
    readonly data: Float32Array,
    /** [height, width, channels of a filter, filters] */
    readonly shape: readonly number[],
  ) {
    this.range = signedRange(data);
    this.count = shape[3];
  }

  /** The weights of one filter, [height, width, channels]. */
  filter(index: number): { readonly data: Float32Array; readonly shape: readonly number[] } {
    const size = this.data.length / this.count;
    const data = Float32Array.from({ length: size }, (_, i) => this.data[i * this.count + index]);
    return { data, shape: this.shape.slice(0, 3) };
  }

  /** All filters on one sheet, as PNG. */
  png(options: FilterPictureOptions & SheetOptions = {}): Promise<Uint8Array> {
    return sheetOf('png', this.paint(options.range), options, ['range']);
  }

  /** A PNG for each filter. */
  async pictures(options: FilterPictureOptions = {}): Promise<Uint8Array[]> {
    checkOptions('pictures', options, ['scale', 'range']);
    const scale = scaleFor('pictures', options, Math.max(this.shape[0], this.shape[1]));
    return Promise.all(this.paint(options.range).map((canvas) => encodePng(enlarge(canvas, scale))));
  }

  /** Colours where a filter looks at colours; else the mean over its channels, blue below 0 and red above. */
  private paint(range: Range = this.range): Canvas[] {
    const [, , channels] = this.shape;
    return Array.from({ length: this.count }, (_, index) => {
      const own = this.filter(index);
      if (channels === 3) return paintPixels(own, range);
      return paintMap(meanOfChannels(own.data, channels), this.shape, range, 'diverging');
    });
  }
}

interface Kernel {
  readonly data: Float32Array;
  /** [height, width, channels of a filter, filters] */
  readonly shape: readonly number[];
}

/** The weights of a 2D convolution, filter by filter in the last axis; those of a separable one multiplied out. */
export function kernelOf(where: string, model: ImageModel, path: string): Kernel {
  const call = callOf(where, model, path);
  if (!isConvolution(call)) {
    const known = convolutionCalls(where, model).slice(0, 8);
    throw new OcellusError('ERR_OCELLUS_OPTION', {
      where,
      expected: `a 2D convolution: ${known.map((one) => one.path).join(', ')}`,
      got: `'${path}' (${call.layer.type})`,
    });
  }
  const weights = model.getWeights();
  const weight = (name: string): Kernel => {
    const own = `${path}/${name}`;
    const value = call.nodes.flatMap(({ inputs }) => inputs).find((input) => input?.name === own);
    return { data: weights[own], shape: value?.shape as readonly number[] };
  };
  const { type } = call.layer;
  if (type === 'separableConv2d') return multipliedOut(weight('depthwiseKernel'), weight('pointwiseKernel'));
  const { data, shape } = weight('kernel');
  const [height, width, third, fourth] = shape;
  if (type === 'depthwiseConv2d') return { data, shape: [height, width, 1, third * fourth] };
  if (type === 'conv2d') return { data, shape };
  const size = third * fourth;
  const turned = data.map((_, i) => data[i - (i % size) + (i % third) * fourth + Math.floor((i % size) / third)]);
  return { data: turned, shape: [height, width, fourth, third] };
}

function multipliedOut(depthwise: Kernel, pointwise: Kernel): Kernel {
  const [height, width, channels, multiplier] = depthwise.shape;
  const filters = pointwise.shape[pointwise.shape.length - 1];
  const data = new Float32Array(height * width * channels * filters);
  for (let i = 0; i < depthwise.data.length; i++) {
    const middle = i % (channels * multiplier);
    const cell = Math.floor(i / multiplier);
    for (let f = 0; f < filters; f++)
      data[cell * filters + f] += depthwise.data[i] * pointwise.data[middle * filters + f];
  }
  return { data, shape: [height, width, channels, filters] };
}

/**
 * The filters of a convolution: their weights [height, width, channels, filters], and pictures of them. Those of three
 * channels are shown in colours, middle grey for 0; others by the mean over their channels, blue below 0 and red above.
 *
 * @throws OcellusError ERR_OCELLUS_OPTION for a layer that is no 2D convolution
 * @example
 * const filters = explain.filters(classifier);
 * filters.shape; // [3, 3, 3, 16]
 * const png = await filters.png({ columns: 8 });
 */
export function filters(model: ImageModel, options: FilterOptions = {}): Filters {
  checkOptions('filters', options, ['layer']);
  const path = options.layer ?? convolutionCalls('filters', model)[0].path;
  const { data, shape } = kernelOf('filters', model, path);
  return new Filters(path, data, shape);
}
