// Composition of networks: layers one after the other, or any graph of them from inputs to outputs. Layers without a name
// are named here, Keras's way: by type, counted per network (`conv2d`, `conv2d_1`).

import type { DType } from '../core/dtype.js';
import { checkLayer, type Layer, type NamedLayer } from './layer.js';
import { dryBuild, Network, type NetworkInput } from './network.js';
import { completeOptions, OptionReader, optionError, quoted } from './options.js';
import { type DataFormat, type InputSpec, inputSpec, isSymbolic, type SymbolicTensor } from './symbolic.js';

export interface SequentialOptions {
  name?: string;
  /** Shape of one sample, without the batch axis; also an option of the first layer. Default: that of the first data. */
  inputShape?: readonly number[];
  /** Type the data will have. Default 'float32'. */
  dtype?: DType;
  /** 'channelsFirst': images come in, and go out, as [channels, height, width]. Default 'channelsLast'. */
  dataFormat?: DataFormat;
}

/**
 * Layers one after the other.
 *
 * @example
 * sequential([
 *   layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1] }),
 *   layers.flatten(),
 *   layers.dense({ units: 10, activation: 'softmax' }),
 * ]);
 */
export function sequential(layers: readonly (Layer | SymbolicTensor)[], options: SequentialOptions = {}): Network {
  const defaults = { name: undefined, inputShape: undefined, dtype: 'float32', dataFormat: 'channelsLast' };
  const reader = new OptionReader('sequential', completeOptions('sequential', options, defaults));
  if (!Array.isArray(layers)) {
    throw optionError('sequential', 'a list of layers', 'something else', 'sequential([layers.flatten(), …])');
  }
  const first = layers[0];
  const given = isSymbolic(first) ? first.input : null;
  const rest = (given ? layers.slice(1) : layers) as readonly Layer[];
  if (rest.length === 0) throw optionError('sequential', 'at least one layer', 'none');
  for (const [index, layer] of rest.entries()) checkLayer(layer, `sequential, layer ${index}`);
  const twice = given && (['inputShape', 'dtype', 'dataFormat'] as const).find((name) => options[name] !== undefined);
  if (twice) throw reader.error(twice, 'to stand in the input() that comes first', options[twice]);
  const shape = options.inputShape ?? rest[0].inputShape;
  const format = { dtype: reader.raw('dtype'), dataFormat: reader.raw('dataFormat') };
  const spec = given ?? inputSpec('sequential', { name: 'input', shape, ...format });
  const named = nameLayers(rest);
  const made = new Network({
    name: reader.name(),
    inputs: [{ ...spec, name: spec.name ?? 'input' }],
    layers: named,
    calls: rest.map((layer, index) => ({ name: nameOf(named, layer), layer, inputs: [index] })),
    outputs: [rest.length],
  });
  if (made.inputs[0].shape) dryBuild(made);
  return made;
}

export interface NetworkOptions {
  inputs: SymbolicTensor | readonly SymbolicTensor[];
  outputs: SymbolicTensor | readonly SymbolicTensor[];
  name?: string;
}

/**
 * Any composition of layers, from its inputs to its outputs.
 *
 * @example
 * const image = input({ shape: [32, 32, 3] });
 * const left = layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same' }).apply(image);
 * const right = layers.conv2d({ filters: 8, kernelSize: 1 }).apply(image);
 * network({ inputs: image, outputs: layers.add().apply([left, right]) });
 */
export function network(options: NetworkOptions): Network {
  const known = { inputs: undefined, outputs: undefined, name: undefined };
  const reader = new OptionReader('network', completeOptions('network', options, known));
  const inputs = symbolList('inputs', options.inputs);
  const outputs = symbolList('outputs', options.outputs);
  const nodes = reachable(outputs);
  checkEnds(inputs, nodes);
  const calls = nodes.filter((node) => node.layer);
  const named = nameLayers(calls.map((node) => node.layer as Layer));
  const order = new Map([...inputs, ...calls].map((node, index) => [node, index]));
  const place = (node: SymbolicTensor): number => order.get(node) as number;
  return new Network({
    name: reader.name(),
    inputs: nameInputs(inputs.map((node) => node.input as InputSpec)),
    layers: named,
    calls: calls.map((node) => ({
      name: nameOf(named, node.layer as Layer),
      layer: node.layer as Layer,
      inputs: node.inputs.map(place),
    })),
    outputs: outputs.map(place),
  });
}

/** Throws unless `inputs` are exactly the inputs among `nodes`, all that the outputs depend on. */
function checkEnds(inputs: readonly SymbolicTensor[], nodes: readonly SymbolicTensor[]): void {
  const where = "network, option 'inputs'";
  const label = (node: SymbolicTensor): string => `input '${node.input?.name ?? 'input'}'`;
  const missing = nodes.find((node) => node.input && !inputs.includes(node));
  if (missing) throw optionError(where, 'every input that the outputs depend on', `${label(missing)} missing`);
  const made = inputs.find((node) => !node.input);
  if (made) throw optionError(where, 'symbols made by input()', `the output of a ${made.layer?.type}`);
  const loose = inputs.find((node) => !nodes.includes(node));
  if (loose) throw optionError(where, 'inputs that lead to an output', label(loose));
}

/** Gives every layer a name: its own, or its type with a number where that is taken. */
function nameLayers(layers: readonly Layer[]): NamedLayer[] {
  const unique = [...new Set(layers)];
  const taken = new Set<string>();
  for (const { name } of unique) {
    if (name === undefined) continue;
    if (taken.has(name)) {
      throw optionError('network', 'every layer name once', quoted(name), 'give one of the two another name');
    }
    taken.add(name);
  }
  return unique.map((layer) => ({ name: layer.name ?? freeName(layer.type, taken), layer }));
}

function nameInputs(specs: readonly InputSpec[]): NetworkInput[] {
  const taken = new Set<string>();
  for (const { name } of specs) {
    if (name === undefined) continue;
    if (taken.has(name)) throw optionError('network', 'every input name once', quoted(name));
    taken.add(name);
  }
  return specs.map((spec) => ({ ...spec, name: spec.name ?? freeName('input', taken) }));
}

function freeName(base: string, taken: Set<string>): string {
  let name = base;
  for (let count = 1; taken.has(name); count++) name = `${base}_${count}`;
  taken.add(name);
  return name;
}

const nameOf = (named: readonly NamedLayer[], layer: Layer): string => {
  const found = named.find((item) => item.layer === layer);
  return (found as NamedLayer).name;
};

/** Everything the outputs depend on, operands before users. */
function reachable(outputs: readonly SymbolicTensor[]): SymbolicTensor[] {
  const found = new Set(outputs);
  for (const node of found) for (const operand of node.inputs) found.add(operand);
  return [...found].sort((a, b) => a.id - b.id);
}

function symbolList(option: string, value: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor[] {
  const list = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every(isSymbolic) && new Set(list).size === list.length) return [...list];
  throw optionError(`network, option '${option}'`, 'symbolic tensors, made by input() or apply(), each once', value);
}
