// What every layer test needs: builds a network into a plan, gives it weights and data, runs it on the reference loops,
// in double precision where gradients are compared with finite differences.

import { expect } from 'vitest';
import { allocateMemory, viewBuffer } from '../../src/backend/backend.js';
import { loadDouble, typescriptBackend } from '../../src/backend/typescript.js';
import type { NumericArray, TensorSpec } from '../../src/core/dtype.js';
import { OcellusError } from '../../src/core/errors.js';
import { Random } from '../../src/core/random.js';
import { sizeOf } from '../../src/core/shape.js';
import { gradients } from '../../src/graph/autodiff.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import type { Plan, PlanBuffer } from '../../src/graph/plan.js';
import { type Variable, Variables } from '../../src/graph/variables.js';
import { network } from '../../src/nn/compose.js';
import { networkFromConfig } from '../../src/nn/config.js';
import { type Initializer, initialValues } from '../../src/nn/initializers.js';
import type { AnyLayerFactory, Layer } from '../../src/nn/layer.js';
import { buildNetwork, type Network, type VariableSource } from '../../src/nn/network.js';
import { input } from '../../src/nn/symbolic.js';
import type { Emitter, Value } from '../../src/ops/op.js';

export interface Declared {
  readonly variable: Variable;
  readonly trainable: boolean;
  readonly values: Float32Array;
}

/** Declares what a network asks for and remembers the first values. */
export class TestSource implements VariableSource {
  readonly variables = new Variables();
  readonly declared = new Map<string, Declared>();

  weight(path: string, shape: readonly number[], initializer: Initializer, trainable: boolean): Variable {
    return this.declare(path, shape, trainable, initialValues(initializer, shape, 7, path));
  }

  statistic(path: string, shape: readonly number[], initializer: Initializer): Variable {
    return this.declare(path, shape, false, initialValues(initializer, shape, 7, path));
  }

  seed(): Variable {
    return this.variables.get('seed') ?? this.variables.declare('seed', [2], 'int32', 'state');
  }

  get trainable(): Declared[] {
    return [...this.declared.values()].filter((item) => item.trainable);
  }

  private declare(path: string, shape: readonly number[], trainable: boolean, values: Float32Array): Variable {
    const variable = this.variables.declare(path, shape, 'float32', 'state');
    this.declared.set(path, { variable, trainable, values });
    return variable;
  }
}

export interface Built {
  readonly plan: Plan;
  readonly source: TestSource;
  readonly graph: Graph;
}

/** A plan of a network, with outputs y0, y1, … */
export function build(net: Network, inputs: readonly TensorSpec[], training = false): Built {
  const source = new TestSource();
  const graph = new Graph();
  const values = inputs.map((spec, i) => graph.input(`x${i}`, spec.shape, spec.dtype));
  const outputs = buildNetwork(net, { graph, inputs: values, training, variables: source });
  const named = Object.fromEntries(outputs.map((value, i) => [`y${i}`, value]));
  return { plan: compile(graph, { outputs: named, variables: source.variables }), source, graph };
}

export interface RunResult {
  readonly outputs: { shape: readonly number[]; data: number[] }[];
  /** Weights and statistics after the run. */
  readonly state: Record<string, number[]>;
}

export interface RunData {
  shape: readonly number[];
  data: ArrayLike<number>;
  dtype?: TensorSpec['dtype'];
}

/** Runs a network once in single precision. `weights` replaces first values by path. */
export function run(
  net: Network,
  inputs: readonly RunData[],
  { training = false, weights = {} }: { training?: boolean; weights?: Record<string, ArrayLike<number>> } = {},
): RunResult {
  const { plan, source } = build(
    net,
    inputs.map(({ shape, dtype = 'float32' }) => ({ shape, dtype })),
    training,
  );
  const memory = allocateMemory(plan, typescriptBackend);
  const view = (buffer: PlanBuffer): NumericArray => viewBuffer(memory, buffer);
  for (const [path, { variable, values }] of source.declared) view(variable).set(weights[path] ?? values);
  inputs.forEach(({ data }, i) => {
    view(plan.inputs[`x${i}`]).set(data);
  });
  typescriptBackend.load(plan, memory).runSync();
  const outputs = Object.values(plan.outputs).map((buffer) => ({ shape: buffer.shape, data: [...view(buffer)] }));
  const state = [...source.declared].map(([path, { variable }]) => [path, [...view(variable)]]);
  return { outputs, state: Object.fromEntries(state) };
}

export interface CheckOptions {
  batch?: number;
  training?: boolean;
  customLayers?: readonly AnyLayerFactory[];
  /** Makes data with values apart from each other, for max pooling and kinks at 0. */
  distinct?: boolean;
}

/**
 * Checks a layer on samples of these shapes: output shape and first weights finite, the same after a trip through JSON,
 * gradients of weights and inputs equal to finite differences. Returns the shape of a sample of the output.
 */
export function checkLayer(
  layer: Layer,
  shapes: readonly (readonly number[])[],
  { batch = 3, training = true, customLayers = [], distinct = true }: CheckOptions = {},
): readonly number[] {
  const symbols = shapes.map((shape) => input({ shape }));
  const output = layer.apply(symbols);
  const net = network({ inputs: symbols, outputs: output });

  const random = new Random(11);
  const inputs = shapes.map((shape) => {
    const full = [batch, ...shape];
    return { shape: full, data: distinct ? spread(sizeOf(full), random) : noise(sizeOf(full), random) };
  });
  const result = run(net, inputs, { training });
  expect(result.outputs[0].shape).toEqual([batch, ...output.shape]);
  expect(result.outputs[0].data.every(Number.isFinite)).toBe(true);
  expect(Object.values(result.state).flat().every(Number.isFinite)).toBe(true);

  const text = JSON.stringify(net.config);
  const revived = networkFromConfig(JSON.parse(text), { customLayers });
  expect(JSON.parse(JSON.stringify(revived.config))).toEqual(JSON.parse(text));
  expect(run(revived, inputs, { training })).toEqual(result);

  checkGradients(net, inputs, training);
  return output.shape;
}

/** Compares the gradients of sum(output * coefficients) with central differences in double precision. */
export function checkGradients(net: Network, inputs: readonly RunData[], training: boolean): void {
  const source = new TestSource();
  const graph = new Graph();
  const values = inputs.map(({ shape }, i) => graph.input(`x${i}`, shape));
  const [output] = buildNetwork(net, { graph, inputs: values, training, variables: source });
  const coefficients = graph.input('coefficients', output.shape);
  const product = graph.emit('multiply', [output, coefficients])[0];
  const axes = product.shape.map((_, axis) => axis);
  const loss = graph.emit('reduceSum', [product], { axes })[0];
  const targets = [...values, ...source.trainable.map(({ variable }) => graph.variable(variable))];
  const found = gradients(graph, loss, targets);
  expect(found, 'a gradient for every input and weight').not.toContain(null);
  const named = found.flatMap((gradient, i) => (gradient ? [[`d${i}`, gradient] as const] : []));
  const plan = compile(graph, { outputs: { loss, ...Object.fromEntries(named) }, variables: source.variables });
  const executable = loadDouble(plan);

  const data = (buffer: PlanBuffer) => executable.view(buffer).data;
  const random = new Random(5);
  inputs.forEach((item, i) => {
    data(plan.inputs[`x${i}`]).set(item.data);
  });
  data(plan.inputs.coefficients).set(noise(sizeOf(output.shape), random));
  // Statistics are written while training, so every run starts from the first values again.
  const reset = (): void => {
    for (const { variable, trainable, values: first } of source.declared.values())
      if (!trainable) data(variable).set(first);
  };
  for (const { variable, values: first, trainable } of source.declared.values()) {
    data(variable).set(trainable ? first.map((value) => value + 0.1 * random.normal()) : first);
  }
  const lossOf = (): number => {
    reset();
    executable.runSync();
    return data(plan.outputs.loss)[0];
  };
  lossOf();
  const analytic = named.map(([name]) => [...data(plan.outputs[name])]);
  named.forEach(([name], index) => {
    const place = Number(name.slice(1));
    const operand = data(place < values.length ? plan.inputs[`x${place}`] : (targets[place].variable as Variable));
    for (let probe = 0; probe < Math.min(6, operand.length); probe++) {
      const element = random.integer(operand.length);
      const before = operand[element];
      const step = 1e-5;
      operand[element] = before + step;
      const above = lossOf();
      operand[element] = before - step;
      const below = lossOf();
      operand[element] = before;
      expect(analytic[index][element], `${name}[${element}]`).toBeCloseTo((above - below) / (2 * step), 5);
    }
  });
}

/** Normal noise. */
export function noise(length: number, random = new Random(3)): Float32Array {
  return Float32Array.from({ length }, () => random.normal());
}

/** Shuffled values in ±1, no two closer than 1/length, none at 0. */
export function spread(length: number, random = new Random(3)): Float32Array {
  const order = random.shuffle(Array.from({ length }, (_, i) => i));
  return Float32Array.from(
    order,
    (place) => (2 * place + 1) / length - 1 + (2 * place + 1 === length ? 0.5 / length : 0),
  );
}

/** Runs `emit` on constant inputs in double precision; the result as numbers. */
export function evaluate(
  inputs: readonly RunData[],
  emit: (emitter: Emitter, values: GraphValue[]) => Value,
): { shape: readonly number[]; data: number[] } {
  const graph = new Graph();
  const values = inputs.map(({ shape, dtype }, i) => graph.input(`x${i}`, shape, dtype));
  const plan = compile(graph, { outputs: { y: emit(graph, values) }, variables: new Variables() });
  const executable = loadDouble(plan);
  inputs.forEach(({ data }, i) => {
    executable.view(plan.inputs[`x${i}`]).data.set(data);
  });
  executable.runSync();
  return { shape: plan.outputs.y.shape, data: [...executable.view(plan.outputs.y).data] };
}

/** The OcellusError that `body` throws. */
export function errorOf(body: () => unknown): OcellusError {
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(OcellusError);
    return error as OcellusError;
  }
  throw new Error('nothing was thrown');
}
