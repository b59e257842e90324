// What stands between a picture and a model's input, and between its output and names: kept with the model, so that
// whoever predicts does what was done in training.

import { availableParallelism } from 'node:os';
import { check, checkOptions, OcellusError } from '../core/errors.js';
import { checkDecodeOptions, type DecodeImageOptions, decodeImage } from '../data/image.js';
import { array } from '../data/sources.js';
import type { Network } from '../nn/network.js';

export interface PreprocessingOptions extends Pick<DecodeImageOptions, 'fit' | 'interpolation' | 'background'> {
  /** Taken from every channel (0 to 255) before the network sees it: one number, or one per channel. Default: nothing. */
  readonly mean?: number | readonly number[];
  /** What is left is divided by it. Default 1. */
  readonly std?: number | readonly number[];
  /** What the outputs stand for, in their order. Default: '0', '1', … */
  readonly classNames?: readonly string[];
}

/** A class and how probable the model takes it to be. */
export interface ImagePrediction {
  readonly label: string;
  readonly index: number;
  readonly probability: number;
}

const names = ['fit', 'interpolation', 'background', 'mean', 'std', 'classNames'];

/** Checked against the network: pictures go into its one input [height, width, channels]. */
export class Preprocessing {
  private readonly shape: readonly [number, number, 1 | 3 | 4];
  private readonly shift: readonly number[];
  private readonly divisor: readonly number[];
  readonly options: PreprocessingOptions;

  constructor(where: string, network: Network, options: PreprocessingOptions) {
    checkOptions(where, options, names);
    const { mean, std, classNames, ...decoding } = options;
    checkDecodeOptions(where, decoding);
    const [first, ...others] = network.inputs;
    const shape = first?.shape ?? [];
    check(others.length === 0 && shape.length === 3 && [1, 3, 4].includes(shape[2]), 'ERR_OCELLUS_OPTION', () => ({
      where,
      expected: 'a model with one input of shape [height, width, 1, 3 or 4 channels]',
      got: network.inputs.map((input) => (input.shape ? `[${input.shape.join(', ')}]` : 'an open shape')).join(' and '),
    }));
    this.shape = shape as [number, number, 1 | 3 | 4];
    this.shift = perChannel(`${where}, option 'mean'`, mean ?? 0, shape[2]);
    this.divisor = perChannel(`${where}, option 'std'`, std ?? 1, shape[2]);
    check(
      this.divisor.every((value) => value !== 0),
      'ERR_OCELLUS_OPTION',
      () => ({ where: `${where}, option 'std'`, expected: 'numbers other than 0', got: std }),
    );
    check(
      classNames === undefined || (Array.isArray(classNames) && classNames.every((name) => typeof name === 'string')),
      'ERR_OCELLUS_OPTION',
      () => ({ where: `${where}, option 'classNames'`, expected: 'a list of names', got: classNames }),
    );
    this.options = options;
  }

  /** Pictures as one batch for the model: bytes as they are, or floats where `mean` or `std` are set. */
  async read(images: readonly (string | Uint8Array)[]): Promise<{ data: Uint8Array | Float32Array; shape: number[] }> {
    const { fit, interpolation, background } = this.options;
    const [height, width, channels] = this.shape;
    const decoding: DecodeImageOptions = {
      size: [height, width],
      channels,
      ...(fit && { fit }),
      ...(interpolation && { interpolation }),
      ...(background && { background }),
    };
    // A few at a time: a picture may be large before it is brought to its size.
    const numParallelCalls = Math.max(2, availableParallelism());
    const decoded = array(images).map((image) => decodeImage(image, decoding), { numParallelCalls });
    const pictures = await decoded.toArray();
    const isPlain = [...this.shift, ...this.divisor].every((value, i) => value === (i < channels ? 0 : 1));
    const size = height * width * channels;
    const data = isPlain ? new Uint8Array(images.length * size) : new Float32Array(images.length * size);
    pictures.forEach((picture, n) => {
      if (isPlain) return data.set(picture.data, n * size);
      for (let i = 0; i < size; i++) {
        data[n * size + i] = (picture.data[i] - this.shift[i % channels]) / this.divisor[i % channels];
      }
    });
    return { data, shape: [images.length, ...this.shape] };
  }

  /** The `top` classes of one sample, the most probable first. */
  rank(probabilities: ArrayLike<number>, top: number): ImagePrediction[] {
    const { classNames } = this.options;
    const order = Array.from({ length: probabilities.length }, (_, index) => index);
    order.sort((a, b) => probabilities[b] - probabilities[a] || a - b);
    return order.slice(0, top).map((index) => ({
      label: classNames?.[index] ?? String(index),
      index,
      probability: probabilities[index],
    }));
  }
}

function perChannel(where: string, value: number | readonly number[], channels: number): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(channels).fill(value) : value;
  if (Array.isArray(list) && list.length === channels && list.every(Number.isFinite)) return list;
  throw new OcellusError('ERR_OCELLUS_OPTION', { where, expected: `a number, or ${channels} of them`, got: value });
}
