// From JSON back to a network. The text may come from a file that anybody wrote: everything is checked, and nothing but
// known factories is called.

import type { DType } from '../core/dtype.js';
import { nearest, OcellusError } from '../core/errors.js';
import type { AnyLayerFactory, Layer, NamedLayer } from './layer.js';
import { layerFactories } from './layers/index.js';
import { Network, type NetworkCall, type NetworkInput } from './network.js';
import { isName } from './options.js';
import { type DataFormat, inputSpec } from './symbolic.js';

export interface FromConfigOptions {
  /** Factories of one's own layers, by `defineLayer`. */
  customLayers?: readonly AnyLayerFactory[];
  name?: string;
}

/**
 * Makes a network again from its `config`. Weights are not part of it.
 *
 * @throws ERR_OCELLUS_FORMAT when the config is damaged, ERR_OCELLUS_OPTION when it names an unknown layer or option.
 *
 * @example
 * const copy = networkFromConfig(JSON.parse(JSON.stringify(original.config)));
 */
export function networkFromConfig(config: unknown, options: FromConfigOptions = {}): Network {
  const custom = Object.fromEntries((options.customLayers ?? []).map((factory) => [factory.type, factory]));
  return networkAt('network', config, { ...layerFactories, ...custom }, options.name);
}

type Factories = Readonly<Record<string, AnyLayerFactory>>;

/** Networks may lie in networks only this deep: a config is no reason to run out of stack. */
const maxDepth = 32;

function networkAt(where: string, config: unknown, factories: Factories, name: string | undefined, depth = 0): Network {
  if (depth > maxDepth) throw damaged(where, `at most ${maxDepth} networks inside each other`, depth);
  const source = record(where, config);
  const inputs = list(where, source.inputs, 'inputs').map((item, i) => inputAt(`${where}, input ${i}`, item));
  if (inputs.length === 0) throw damaged(where, 'at least one input', 0);
  const layers = list(where, source.layers, 'layers').map((item, i) =>
    layerAt(`${where}, layer ${i}`, item, factories, depth),
  );
  unique(where, [...inputs, ...layers]);
  const calls = list(where, source.calls, 'calls').map((item, i) =>
    callAt(`${where}, call ${i}`, item, layers, inputs.length + i),
  );
  const count = inputs.length + calls.length;
  const outputs = list(where, source.outputs, 'outputs').map((index) => reference(where, index, count));
  if (outputs.length === 0) throw damaged(where, 'at least one output', 0);
  return new Network({ name, inputs, layers, calls, outputs });
}

function inputAt(where: string, item: unknown): NetworkInput {
  const { name, shape, dtype, dataFormat } = record(where, item);
  const spec = inputSpec(where, {
    name,
    shape: shape ?? undefined,
    dtype: dtype as DType,
    dataFormat: dataFormat as DataFormat,
  });
  if (spec.name === undefined) throw damaged(where, 'a name', name);
  return { ...spec, name: spec.name };
}

function layerAt(where: string, item: unknown, factories: Factories, depth: number): NamedLayer {
  const { name, type, config, trainable } = record(where, item);
  if (!isName(name)) throw damaged(where, 'a name without spaces and slashes', name);
  if (typeof type !== 'string') throw damaged(where, 'the type of a layer', type);
  if (typeof trainable !== 'boolean') throw damaged(where, 'trainable: true or false', trainable);
  const layer =
    type === 'network'
      ? networkAt(name, config, factories, name, depth + 1)
      : made(where, type, name, config, factories, depth);
  layer.trainable = trainable;
  return { name, layer };
}

function made(where: string, type: string, name: string, config: unknown, factories: Factories, depth: number): Layer {
  if (!Object.hasOwn(factories, type)) {
    const near = nearest(type, Object.keys(factories));
    const help = `pass a layer of your own on in customLayers${near ? `; or did you mean '${near}'?` : ''}`;
    throw new OcellusError('ERR_OCELLUS_OPTION', {
      where,
      expected: 'the type of a known layer',
      got: `'${type}'`,
      help,
    });
  }
  const factory = factories[type];
  const options = record(where, config);
  if (factory.inner.length > 0 && depth >= maxDepth)
    throw damaged(where, `at most ${maxDepth} layers around others`, depth);
  const inner = factory.inner.map((option) => [
    option,
    layerAt(`${where}, ${option}`, options[option], factories, depth + 1).layer,
  ]);
  return factory({ ...options, ...Object.fromEntries(inner), name });
}

function callAt(where: string, item: unknown, layers: readonly NamedLayer[], before: number): NetworkCall {
  const source = record(where, item);
  const found = layers.find(({ name }) => name === source.layer);
  if (!found) throw damaged(where, 'the name of a layer', source.layer);
  const inputs = list(where, source.inputs, 'inputs').map((index) => reference(where, index, before));
  return { ...found, inputs };
}

/** A number of an input or of an earlier call. */
function reference(where: string, index: unknown, count: number): number {
  if (Number.isInteger(index) && (index as number) >= 0 && (index as number) < count) return index as number;
  throw damaged(where, `references from 0 to ${count - 1}`, index);
}

function unique(where: string, items: readonly { readonly name: string }[]): void {
  const names = items.map((item) => item.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw damaged(where, 'every name once', twice);
}

function record(where: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw damaged(where, 'a JSON object', value);
}

function list(where: string, value: unknown, name: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw damaged(`${where}, '${name}'`, 'a list', value);
}

const damaged = (where: string, expected: string, got: unknown): OcellusError =>
  new OcellusError('ERR_OCELLUS_FORMAT', { where, expected, got });
