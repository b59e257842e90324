// The parts of images that filters answer to most.

import { check, checkOptions } from '../core/errors.js';
import type { ModelData } from '../data/dataset.js';
import { type FieldAxis, ReceptiveFields } from '../graph/receptive-field.js';
import { checkFilter, strongest } from './deconvnet.js';
import { type Pixels, paintPixels, type Range, type SheetOptions, sheetOf } from './picture.js';
import {
  type BatchOptions,
  batching,
  batchOf,
  type ImageModel,
  imageOf,
  lastFeatures,
  type Subject,
  spatialCall,
  subjectOf,
} from './subject.js';

export interface MaximalPatchOptions extends BatchOptions {
  /** Path of a layer whose output has height and width. Default: what stands last at the size of the last convolution. */
  layer?: string;
  /** Which filters of the layer. Default all. */
  filters?: readonly number[];
  /** Patches for each filter, at most one of an image. Default 9. */
  count?: number;
}

/** The part of an image that one activation sees. */
export interface MaximalPatch extends Pixels {
  /** Number of the image. */
  readonly image: number;
  readonly activation: number;
  /** Row and column in the filter's map. */
  readonly position: readonly [row: number, column: number];
  /** Where the part lies in the image; beyond its border there are zeros. */
  readonly box: { readonly top: number; readonly left: number; readonly height: number; readonly width: number };
  readonly data: Float32Array;
}

/** What one filter answers to most. */
export class FilterPatches {
  constructor(
    /** Path of the layer. */
    readonly layer: string,
    readonly filter: number,
    /** The strongest first. Fewer than asked for where the filter answers, with anything but 0, to fewer images. */
    readonly patches: readonly MaximalPatch[],
    private readonly range: Range,
  ) {}

  /** The patches on one sheet, as PNG. Throws ERR_OCELLUS_STATE when there is none. */
  async png(options: SheetOptions = {}): Promise<Uint8Array> {
    check(this.patches.length > 0, 'ERR_OCELLUS_STATE', () => ({
      where: `filter ${this.filter} of '${this.layer}'`,
      expected: 'a patch to show',
      got: 'none: it answers to no image',
    }));
    return sheetOf(
      'png',
      this.patches.map((patch) => paintPixels(patch, this.range)),
      options,
    );
  }
}

interface Answer {
  readonly image: number;
  readonly row: number;
  readonly column: number;
  readonly activation: number;
}

/**
 * For each filter of a layer the parts of images that it answers to most: the place of the largest activation in each
 * image, mapped back through the receptive field (Zeiler & Fergus 2014).
 *
 * @returns an entry for each filter asked for
 * @throws OcellusError ERR_OCELLUS_OPTION for a layer or a filter that is not there, or a layer without height and width
 * @example
 * const [first] = await explain.maximalPatches(classifier, photo, { layer: 'conv2d', filters: [0, 5] });
 * first.patches.length <= 1; // true
 */
export async function maximalPatches(
  model: ImageModel,
  images: ModelData,
  options: MaximalPatchOptions = {},
): Promise<FilterPatches[]> {
  const where = 'maximalPatches';
  checkOptions(where, options, ['layer', 'filters', 'count', 'batchSize', 'signal']);
  const { count = 9, batchSize = 32 } = options;
  check(Number.isSafeInteger(count) && count >= 1, 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'count'`,
    expected: 'a whole number of at least 1',
    got: count,
  }));
  check(Number.isSafeInteger(batchSize) && batchSize >= 1, 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'batchSize'`,
    expected: 'a whole number of at least 1',
    got: batchSize,
  }));
  const subject = await subjectOf(where, model, images);
  const call = options.layer === undefined ? lastFeatures(where, model) : spatialCall(where, model, options.layer);
  const all = call.output.shape[3];
  const filters = options.filters ?? Array.from({ length: all }, (_, filter) => filter);
  for (const filter of filters) checkFilter(`${where}, option 'filters'`, filter, all);
  const answers = filters.map((): Answer[] => []);
  const size = subject.data.length / subject.count;
  for (let first = 0; first < subject.count; first += batchSize) {
    const part = batchOf(subject, subject.data.subarray(first * size, (first + batchSize) * size));
    const maps = (await model.activations(part, call.path, batching(options)))[call.path];
    for (let i = 0; i < maps.shape[0]; i++) {
      const { data, shape } = maps.row(i);
      filters.forEach((filter, k) => {
        const { row, column, activation } = strongest(data, shape, filter);
        if (activation !== 0) insert(answers[k], { image: first + i, row, column, activation }, count);
      });
    }
  }
  const field = new ReceptiveFields().of(call.output) ?? [];
  return filters.map((filter, k) => {
    const patches = answers[k].map((answer) => patchOf(subject, field, answer));
    return new FilterPatches(call.path, filter, patches, subject.range);
  });
}

/** Keeps the strongest, in their order. */
function insert(list: Answer[], answer: Answer, count: number): void {
  const place = list.findIndex(({ activation }) => activation < answer.activation);
  if (place < 0) list.push(answer);
  else list.splice(place, 0, answer);
  list.length = Math.min(list.length, count);
}

/** First element and length of a window; all of the axis where the field is as large. */
function windowOf(field: FieldAxis | undefined, position: number, length: number): [start: number, size: number] {
  if (!field || !(field.size < length)) return [0, length];
  return [Math.floor(field.start + position * field.jump), Math.ceil(field.size)];
}

function patchOf(subject: Subject, field: readonly FieldAxis[], answer: Answer): MaximalPatch {
  const { height, width, channels } = subject;
  const { image, row, column, activation } = answer;
  const [top, rows] = windowOf(field[0], row, height);
  const [left, columns] = windowOf(field[1], column, width);
  const source = imageOf(subject, subject.data, image).data;
  const data = new Float32Array(rows * columns * channels);
  for (let y = Math.max(0, -top); y < rows && top + y < height; y++) {
    for (let x = Math.max(0, -left); x < columns && left + x < width; x++) {
      const from = ((top + y) * width + left + x) * channels;
      data.set(source.subarray(from, from + channels), (y * columns + x) * channels);
    }
  }
  const box = { top, left, height: rows, width: columns };
  return { image, activation, position: [row, column], box, data, shape: [rows, columns, channels] };
}
