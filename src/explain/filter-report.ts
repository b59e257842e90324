// Filters that do nothing, and filters that do the same.

import { setImmediate } from 'node:timers/promises';
import { check, checkOptions } from '../core/errors.js';
import type { ModelData } from '../data/dataset.js';
import type { Tensor } from '../model/tensor.js';
import type { LayerCall } from '../nn/network.js';
import { kernelOf } from './filters.js';
import { type BatchOptions, batching, batchOf, convolutionCalls, type ImageModel, subjectOf } from './subject.js';

export interface FilterReportOptions extends BatchOptions {
  /** Cosine of the angle between the weights of two filters from which on they count as the same. Default 0.95. */
  similarity?: number;
}

/** What is odd about the filters of one convolution. */
export interface FilterVerdict {
  /** Path of the convolution. */
  readonly layer: string;
  /** How many there are. */
  readonly filters: number;
  /** Those whose maps are zero everywhere on all images, behind their ReLU where they have one. */
  readonly dead: readonly number[];
  /** Pairs whose weights point the same way, the most similar ones first. */
  readonly duplicates: readonly (readonly [first: number, second: number, similarity: number])[];
}

/**
 * Filters that are dead on these images, and pairs that do the same, convolution by convolution.
 *
 * @throws OcellusError ERR_OCELLUS_STATE for a model without a 2D convolution
 * @example
 * const [first] = await explain.filterReport(classifier, photo);
 * first.layer; // "conv2d"
 * first.dead.length + first.duplicates.length;
 */
export async function filterReport(
  model: ImageModel,
  images: ModelData,
  options: FilterReportOptions = {},
): Promise<FilterVerdict[]> {
  const where = 'filterReport';
  checkOptions(where, options, ['similarity', 'batchSize', 'signal']);
  const { similarity = 0.95 } = options;
  check(typeof similarity === 'number' && similarity > 0 && similarity <= 1, 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'similarity'`,
    expected: 'a number above 0 and at most 1',
    got: similarity,
  }));
  const subject = await subjectOf(where, model, images);
  const calls = model.layerCalls();
  const verdicts: FilterVerdict[] = [];
  // One layer at a time: the maps of all of them together could be more than the memory holds.
  for (const call of new Map(convolutionCalls(where, model).map((one) => [one.path, one])).values()) {
    const { path } = activationOf(call, calls);
    const maps = (await model.activations(batchOf(subject), path, batching(options)))[path];
    const { data, shape } = kernelOf(where, model, call.path);
    const filters = shape[3];
    const pairs = await duplicates(data, filters, similarity);
    verdicts.push({ layer: call.path, filters, dead: silent(maps), duplicates: pairs });
  }
  return verdicts;
}

/** Layers that are an activation. */
const rectifiers = /^(relu|relu6|leakyRelu|elu|selu|prelu|gelu|silu|swish|mish|activation)$/i;

/** The call whose output are the finished maps of a convolution: itself, or normalization and activation behind it. */
function activationOf(call: LayerCall, calls: readonly LayerCall[]): LayerCall {
  let found = call;
  for (;;) {
    const readers = calls.filter(
      ({ inputs, layer }) => !layer.layers && inputs.some(({ id }) => id === found.output.id),
    );
    const next = readers.length === 1 ? readers[0] : undefined;
    const isNormalization = next && /normalization$/i.test(next.layer.type);
    if (!next || !(isNormalization || rectifiers.test(next.layer.type))) return found;
    found = next;
    if (!isNormalization) return found;
  }
}

/** Channels that are 0 everywhere. */
function silent({ data, shape }: Tensor): number[] {
  const channels = shape[shape.length - 1];
  const alive = new Uint8Array(channels);
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) alive[i % channels] = 1;
  return [...alive.keys()].filter((channel) => !alive[channel]);
}

/** Pairs of filters, which lie in the last axis of the kernel; the event loop gets its turn between rows of pairs. */
async function duplicates(kernel: Float32Array, filters: number, least: number): Promise<[number, number, number][]> {
  const size = kernel.length / filters;
  const units = Array.from({ length: filters }, (_, filter) => {
    const weights = Float64Array.from({ length: size }, (_, i) => kernel[i * filters + filter]);
    const length = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0)) || 1;
    return weights.map((weight) => weight / length);
  });
  const found: [number, number, number][] = [];
  for (const [a, first] of units.entries()) {
    for (let b = a + 1; b < filters; b++) {
      let cosine = 0;
      for (let i = 0; i < size; i++) cosine += first[i] * units[b][i];
      // Rounding must not part filters that are the same.
      if (cosine >= least - 1e-9) found.push([a, b, Math.min(1, cosine)]);
    }
    await setImmediate();
  }
  return found.sort((one, other) => other[2] - one[2]);
}
