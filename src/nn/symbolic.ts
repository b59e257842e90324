// The functional way to compose: a symbolic tensor stands for the output of a layer before there is any graph. Shapes are
// known at once, so that a wrong connection is an error on the line that makes it.

import type { DType } from '../core/dtype.js';
import { dryRun } from './build.js';
import type { Layer } from './layer.js';
import { completeOptions, OptionReader, optionError, quoted } from './options.js';

/** Order of the axes of images at the edge of a network. Inside it is always channelsLast. */
export type DataFormat = 'channelsLast' | 'channelsFirst';

/** The output of a layer, or an input, in a network under composition. */
export interface SymbolicTensor {
  readonly symbolic: true;
  /** Counts up: sorting by it is a topological order. */
  readonly id: number;
  /** Shape of one sample, without the batch axis, as layers see it (channelsLast). */
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** The layer that makes it; null for an input. */
  readonly layer: Layer | null;
  readonly inputs: readonly SymbolicTensor[];
  /** What the caller hands in; null for a layer's output. */
  readonly input: InputSpec | null;
}

/** An input of a network as its caller sees it. */
export interface InputSpec {
  readonly name: string | undefined;
  /** Shape of one sample, without the batch axis, in `dataFormat`; null: taken from the first data. */
  readonly shape: readonly number[] | null;
  readonly dtype: DType;
  readonly dataFormat: DataFormat;
}

export interface InputOptions {
  /** Shape of one sample, without the batch axis: [height, width, channels]. */
  shape: readonly number[];
  /** Type the data will have. Default 'float32'; integers are converted inside the network. */
  dtype?: DType;
  /** Default 'input', counted per network. */
  name?: string;
  /** 'channelsFirst': the shape is [channels, height, width]. Default 'channelsLast'. */
  dataFormat?: DataFormat;
}

let symbols = 0;

/**
 * An input of a functional network.
 *
 * @example
 * const image = input({ shape: [32, 32, 3] });
 * const features = layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same' }).apply(image);
 * const sum = layers.add().apply([features, layers.conv2d({ filters: 8, kernelSize: 1 }).apply(image)]);
 */
export function input(options: InputOptions): SymbolicTensor {
  const spec = inputSpec('input', { ...options });
  if (!spec.shape) throw optionError("input, option 'shape'", 'the shape of one sample', options.shape);
  const shape = internalShape(spec.shape, spec.dataFormat);
  return { symbolic: true, id: symbols++, shape, dtype: spec.dtype, layer: null, inputs: [], input: spec };
}

/** Checks the options of an input; a missing shape becomes null. */
export function inputSpec(where: string, options: object): InputSpec {
  const defaults = { shape: null, dtype: 'float32', name: undefined, dataFormat: 'channelsLast' };
  const reader = new OptionReader(where, completeOptions(where, options, defaults));
  const dtype = reader.oneOf<DType>('dtype', ['float32', 'int32', 'uint8']);
  const dataFormat = reader.oneOf<DataFormat>('dataFormat', ['channelsLast', 'channelsFirst']);
  const shape = reader.has('shape') ? reader.integers('shape', { min: 1 }) : null;
  return { name: reader.name(), shape, dtype, dataFormat };
}

/** A sample's shape as layers see it: images have their channels last. */
export function internalShape(shape: readonly number[], dataFormat: DataFormat): number[] {
  return dataFormat === 'channelsFirst' && shape.length === 3 ? [shape[1], shape[2], shape[0]] : [...shape];
}

export const isSymbolic = (value: unknown): value is SymbolicTensor =>
  (value as SymbolicTensor | null)?.symbolic === true;

/** Applies a layer to symbols. */
export function applySymbolic(layer: Layer, inputs: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor {
  const list = Array.isArray(inputs) ? (inputs as SymbolicTensor[]) : [inputs as SymbolicTensor];
  const where = layer.name ? `${layer.type} '${layer.name}'` : layer.type;
  for (const item of list) {
    if (!isSymbolic(item)) {
      throw optionError(`${where}, apply`, 'a symbolic tensor, made by input() or apply()', quoted(item));
    }
  }
  const output = dryRun(layer, list);
  const shape = output.shape.slice(1);
  return { symbolic: true, id: symbols++, shape, dtype: output.dtype, layer, inputs: list, input: null };
}
