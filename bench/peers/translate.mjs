// Walks through one of our networks and lets a peer's writer say each layer in its own words. So a peer never gets
// another network than we do.

import { surveyNetwork } from '../../dist/train/weights.js';
import { buildNet } from '../nets/index.mjs';

/**
 * Calls `write[type]({ path, inputs, shape, inputShape, …options })` for every layer in their order; shapes are
 * [height, width, channels] of one sample, without the batch.
 *
 * @returns what the last call returned
 */
export function translate(name, first, write) {
  const { network } = buildNet(name);
  const { calls } = surveyNetwork(network);
  const values = [first];
  for (const [index, { layer, inputs }] of network.calls.entries()) {
    const writer = write[layer.type];
    if (!writer) throw new Error(`layer ${layer.type} has no translation`);
    const { path, output, inputs: operands } = calls[index];
    const shapes = { shape: output.shape.slice(1), inputShape: operands[0].shape.slice(1) };
    values.push(writer({ ...layer.config, ...shapes, path, inputs: inputs.map((i) => values[i]) }));
  }
  return values[network.outputs[0]];
}

/** All sides alike. */
export const paddingOf = ({ padding }) => (padding === 'valid' ? 0 : padding);
