// Where models come from: layers one after the other, or any graph of layers.

import { check } from '../core/errors.js';
import { network, type SequentialOptions, sequential as sequentialNetwork } from '../nn/compose.js';
import type { Layer } from '../nn/layer.js';
import type { SymbolicTensor } from '../nn/symbolic.js';
import { Model } from './model.js';
import type { Tensor } from './tensor.js';

export interface SeedOption {
  /** Of first weights, order of samples and dropout: the same seed, the same training. Default 0. */
  seed?: number;
}

/**
 * A model of layers one after the other.
 *
 * @example
 * const model = sequential([
 *   layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1] }),
 *   layers.maxPooling2d(),
 *   layers.flatten(),
 *   layers.dense({ units: 10, activation: 'softmax' }),
 * ]);
 */
export function sequential(
  layers: readonly (Layer | SymbolicTensor)[],
  options: SequentialOptions & SeedOption = {},
): Model<Tensor> {
  const { seed = 0, ...rest } = options;
  const net = sequentialNetwork(layers, { name: 'sequential', ...rest });
  return new Model<Tensor>(net, checkSeed('sequential', seed));
}

export interface ModelOptions<Outputs> extends SeedOption {
  inputs: SymbolicTensor | readonly SymbolicTensor[];
  outputs: Outputs;
  name?: string;
}

/** A tensor for each output. */
export type Predictions<Outputs extends readonly SymbolicTensor[]> = { -readonly [K in keyof Outputs]: Tensor };

/**
 * A model of any graph of layers, from `input()` to its outputs.
 *
 * @example
 * const image = input({ shape: [28, 28, 1] });
 * const features = layers.flatten().apply(image);
 * const digit = model({ inputs: image, outputs: layers.dense({ units: 10, activation: 'softmax' }).apply(features) });
 *
 * const both = model({ inputs: image, outputs: [features, layers.dense({ units: 2 }).apply(features)] });
 * const [first, second] = await both.predict(new Float32Array(784)); // one tensor for each output
 */
export function model(options: ModelOptions<SymbolicTensor | readonly [SymbolicTensor]>): Model<Tensor>;
export function model<const Outputs extends readonly SymbolicTensor[]>(
  options: ModelOptions<Outputs>,
): Model<Predictions<Outputs>>;
export function model(
  options: ModelOptions<SymbolicTensor | readonly SymbolicTensor[]>,
): Model<Tensor> | Model<Tensor[]> {
  const { seed = 0, ...rest } = options;
  return new Model<Tensor>(network({ name: 'model', ...rest }), checkSeed('model', seed));
}

function checkSeed(where: string, seed: unknown): number {
  check(Number.isSafeInteger(seed) && (seed as number) >= 0, 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'seed'`,
    expected: 'a whole number of at least 0',
    got: seed,
  }));
  return seed as number;
}
