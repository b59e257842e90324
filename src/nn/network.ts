// A network: a directed acyclic graph of layer applications. A sequential network is the simple case. A network is
// itself a layer, so networks nest; it holds no weights: they live with whoever builds it.

import type { DType } from '../core/dtype.js';
import { OcellusError } from '../core/errors.js';
import { sameShape, shapeText } from '../core/shape.js';
import { Graph } from '../graph/graph.js';
import type { Value } from '../ops/op.js';
import { type BuildState, dryVariables, rootContext, type VariableSource } from './build.js';
import { describeLayer, type Layer, type LayerContext, type NamedLayer } from './layer.js';
import { optionError, quoted } from './options.js';
import { applySymbolic, type DataFormat, internalShape, type SymbolicTensor } from './symbolic.js';

export type { LayerCall, RuledWeight, VariableSource } from './build.js';

/** An input of a network as the caller sees it. */
export interface NetworkInput {
  readonly name: string;
  /** Shape of one sample in `dataFormat`, without the batch axis; null until the first data are seen. */
  readonly shape: readonly number[] | null;
  readonly dtype: DType;
  readonly dataFormat: DataFormat;
}

/** One application of a layer. Its operands are numbered: first the network's inputs, then the calls before it. */
export interface NetworkCall {
  readonly name: string;
  readonly layer: Layer;
  readonly inputs: readonly number[];
}

export interface NetworkParts {
  name?: string;
  inputs: readonly NetworkInput[];
  layers: readonly NamedLayer[];
  calls: readonly NetworkCall[];
  outputs: readonly number[];
}

/** Composition of layers. Made by `sequential`, `network` and `networkFromConfig`; `config` is its JSON. */
export class Network implements Layer {
  readonly type = 'network';
  readonly name: string | undefined;
  /** In the order in which they run; a layer that is applied twice stands here once. */
  readonly layers: readonly NamedLayer[];
  readonly calls: readonly NetworkCall[];
  readonly outputs: readonly number[];
  readonly anyDtype = true;
  trainable = true;
  /** Where a model that this network becomes part of finds first weights, by path; null: they are made new. */
  weightsFrom: (() => Readonly<Record<string, Float32Array>>) | null = null;
  private specs: readonly NetworkInput[];

  constructor(parts: NetworkParts) {
    this.name = parts.name;
    this.specs = parts.inputs;
    this.layers = parts.layers;
    this.calls = parts.calls;
    this.outputs = parts.outputs;
  }

  get inputs(): readonly NetworkInput[] {
    return this.specs;
  }

  get arity(): number {
    return this.specs.length;
  }

  get inputShape(): readonly number[] | undefined {
    const { shape, dataFormat } = this.specs[0];
    return shape ? internalShape(shape, dataFormat) : undefined;
  }

  get config(): Readonly<Record<string, unknown>> {
    return {
      inputs: this.specs,
      layers: this.layers.map(describeLayer),
      calls: this.calls.map(({ name, inputs }) => ({ layer: name, inputs })),
      outputs: this.outputs,
    };
  }

  /** Names of the outputs: those of the layers that make them. */
  get outputNames(): readonly string[] {
    const count = this.specs.length;
    return this.outputs.map((index) => (index < count ? this.specs[index].name : this.calls[index - count].name));
  }

  /** The layer of this name; `block/conv2d` looks into a nested network or layer. */
  layer(name: string): Layer {
    const [first, ...rest] = name.split('/');
    let found = this.layers.find((item) => item.name === first)?.layer;
    for (const part of rest) found = found?.layers?.find((item) => item.name === part)?.layer;
    if (found) return found;
    const names = this.layers.map((item) => item.name).join(', ');
    throw optionError(`network${this.name ? ` '${this.name}'` : ''}`, `a layer among ${names}`, quoted(name));
  }

  /**
   * Settles the shapes of inputs that were left open, and checks the others.
   *
   * @param shapes one per input, in its data format, without the batch axis.
   */
  resolveInputs(shapes: readonly (readonly number[])[]): void {
    if (shapes.length !== this.specs.length) {
      const names = this.specs.map((spec) => spec.name).join(', ');
      throw networkError('network', `${this.specs.length} inputs (${names})`, shapes.length);
    }
    this.specs = this.specs.map((spec, index) => {
      if (spec.shape && !sameShape(spec.shape, shapes[index])) {
        throw networkError(
          `input '${spec.name}'`,
          `samples of shape ${shapeText(spec.shape)}`,
          shapeText(shapes[index]),
        );
      }
      return { ...spec, shape: [...shapes[index]] };
    });
  }

  /** Runs the calls in order and returns the values of all outputs. Inputs are as layers see them (channelsLast). */
  run(context: LayerContext, inputs: readonly Value[]): Value[] {
    const values = [...inputs];
    for (const call of this.calls) {
      values.push(
        context.layer(
          call.layer,
          call.inputs.map((index) => values[index]),
          call.name,
        ),
      );
    }
    return this.outputs.map((index) => values[index]);
  }

  call(context: LayerContext, inputs: readonly Value[]): Value {
    if (this.outputs.length !== 1) context.fail('a network with one output inside another', this.outputs.length);
    return this.run(context, inputs)[0];
  }

  apply(inputs: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor {
    return applySymbolic(this, inputs);
  }
}

export interface BuildOptions {
  graph: Graph;
  /** Values of the network's inputs, batch first, in the data format of each input. */
  inputs: readonly Value[];
  training: boolean;
  variables: VariableSource;
  onLayer?: BuildState['onLayer'];
  onRuledWeight?: BuildState['onRuledWeight'];
  onLoss?: BuildState['onLoss'];
}

/**
 * Emits a network into a graph and returns its outputs. Images of channelsFirst inputs are transposed once at the edge,
 * and outputs of rank 4 back.
 */
export function buildNetwork(network: Network, options: BuildOptions): Value[] {
  const { inputs, ...state } = options;
  checkInputs(network, inputs);
  const context = rootContext(state, network.name ? `network '${network.name}'` : 'network', network.trainable);
  const turn = (value: Value, permutation: number[]): Value => context.op('transpose', [value], { permutation });
  const first = network.inputs.map((spec) => spec.dataFormat === 'channelsFirst');
  const operands = inputs.map((value, i) => (first[i] && value.shape.length === 4 ? turn(value, [0, 2, 3, 1]) : value));
  const outputs = network.run(context, operands);
  return outputs.map((value) => (first.includes(true) && value.shape.length === 4 ? turn(value, [0, 3, 1, 2]) : value));
}

/** Builds a network of known input shapes, batch size 1, on a graph of its own: shape errors come to light. */
export function dryBuild(network: Network): Value[] {
  const graph = new Graph();
  const inputs = network.inputs.map(({ name, shape, dtype }) => graph.input(name, [1, ...(shape ?? [])], dtype));
  return buildNetwork(network, { graph, inputs, training: false, variables: dryVariables });
}

function checkInputs(network: Network, values: readonly Value[]): void {
  if (values.length !== network.inputs.length) {
    const names = network.inputs.map((spec) => spec.name).join(', ');
    throw networkError('network', `${network.inputs.length} inputs (${names})`, values.length);
  }
  network.inputs.forEach((spec, index) => {
    const sample = values[index].shape.slice(1);
    if (values[index].shape.length === 0) throw networkError(`input '${spec.name}'`, 'a batch of samples', 'a scalar');
    if (!spec.shape || sameShape(spec.shape, sample)) return;
    throw networkError(`input '${spec.name}'`, `samples of shape ${shapeText(spec.shape)}`, shapeText(sample));
  });
}

function networkError(where: string, expected: string, got: unknown): OcellusError {
  return new OcellusError('ERR_OCELLUS_SHAPE', { where, expected, got });
}
