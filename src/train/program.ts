// From a network and a purpose to a plan: what is computed in a step of training, in an evaluation, in a prediction.

import type { DType, TensorSpec } from '../core/dtype.js';
import { sameShape, sizeOf } from '../core/shape.js';
import { gradients } from '../graph/autodiff.js';
import { type CompileTarget, compile } from '../graph/compile.js';
import { Graph, type GraphValue } from '../graph/graph.js';
import type { Plan, PlanBuffer } from '../graph/plan.js';
import { alignUp, bytesOf, contiguousRuns, flatten, type Variable, type Variables } from '../graph/variables.js';
import type { Constraint } from '../nn/constraints.js';
import { batchLoss, type Loss } from '../nn/losses.js';
import { buildNetwork, type LayerCall, type Network, type RuledWeight, type VariableSource } from '../nn/network.js';
import type { Optimizer, ParameterRun } from '../nn/optimizer.js';
import { emitProbe, type ProbeRequest } from './probe.js';

/**
 * train: one whole step. gradients: the step up to the gradients. apply: the rest of it. evaluate: loss and outputs
 * without training. predict: outputs.
 */
export type Mode = 'train' | 'gradients' | 'apply' | 'evaluate' | 'predict';

export const modes: readonly Mode[] = ['train', 'gradients', 'apply', 'evaluate', 'predict'];

type Value = ReturnType<Loss['build']>;

/** What is optimized, and how. */
export interface Objective {
  /** One per output. */
  readonly losses: readonly Loss[];
  /** Factor of each loss in their sum. */
  readonly lossWeights: readonly number[];
  readonly optimizer: Optimizer;
}

/** The variables of training, besides the weights. Lists run parallel to `parameters`. */
export interface TrainingVariables {
  readonly parameters: readonly Variable[];
  readonly gradients: readonly Variable[];
  /** Per-parameter memory of the optimizer under its name: `velocity`; null where a parameter has none. */
  readonly slots: Readonly<Record<string, readonly (Variable | null)[]>>;
  /** Numbers that the optimizer reads in each step. */
  readonly scalars: Readonly<Record<string, Variable>>;
  /** Runs of parameters that lie side by side, with what differs between those of one run. */
  readonly runs: readonly RunTables[];
  /** What variables hold at first, where that is not 0. */
  readonly initial: readonly { readonly variable: Variable; readonly values: ArrayLike<number> }[];
}

/** A run: its parameters' places in the lists, and where each ends and which factors it has (`ops/update.ts`). */
interface RunTables {
  readonly begin: number;
  readonly end: number;
  readonly segments: Variable | null;
  readonly factors: Variable | null;
}

export interface ProgramRequest {
  readonly mode: Mode;
  readonly batch: number;
  /** Types of the data, one per input of the network. */
  readonly dtypes: readonly DType[];
  /** Shape of one sample's weights per output; null, or no entry: all samples count the same. */
  readonly weights?: readonly (readonly number[] | null)[];
  /** Paths of layers whose outputs a prediction gives instead of the network's own. */
  readonly layers?: readonly string[];
  /** A prediction whose outputs are those of `layers`, and behind them what is asked for here. */
  readonly probe?: ProbeRequest;
  /** The outputs are those of every layer call, in the order of the network's survey. */
  readonly trace?: boolean;
  /** train, apply: the optimizer only adds gradients up (`Optimizer.accumulates`). */
  readonly accumulate?: boolean;
}

export interface ProgramContext {
  readonly network: Network;
  readonly variables: Variables;
  readonly source: VariableSource;
  readonly objective: Objective | null;
  readonly training: TrainingVariables | null;
  /** Of trained weights, by path. */
  readonly constraints: ReadonlyMap<string, Constraint>;
  readonly target: CompileTarget;
  /** Targets of one batch, one per output. */
  readonly targets: readonly TensorSpec[];
}

/** A plan and the buffers of it that the outside world uses. */
export interface Program {
  readonly plan: Plan;
  readonly inputs: readonly PlanBuffer[];
  readonly targets: readonly PlanBuffer[];
  /** One per output; null where it has no weights. */
  readonly weights: readonly (PlanBuffer | null)[];
  readonly outputs: readonly PlanBuffer[];
  /** The total, a single number; null where the mode has no loss. */
  readonly loss: PlanBuffer | null;
  /** Mean over the batch of each output's own loss. */
  readonly losses: readonly PlanBuffer[];
}

export function buildProgram(request: ProgramRequest, context: ProgramContext): Program {
  const { mode } = request;
  const graph = new Graph();
  const parts: Parts = { inputs: [], targets: [], weights: [], outputs: [], losses: [], loss: null };
  if (mode !== 'apply') forward(graph, request, context, parts);
  if (mode === 'train' || mode === 'gradients')
    backward(graph, parts.loss as Value, context.training as TrainingVariables);
  if (mode === 'train' || mode === 'apply') {
    optimize(graph, context, request.accumulate ?? false);
    constrain(graph, context);
  }

  const named = [...parts.outputs, ...parts.losses, ...(parts.loss ? [parts.loss] : [])];
  const plan = compile(graph, {
    outputs: Object.fromEntries(named.map((value) => [value.name, value])),
    variables: context.variables,
    target: context.target,
    // Gradients read what inference would fold away.
    prologue: (mode === 'predict' && !request.probe) || mode === 'evaluate',
  });
  const read = (value: Value): PlanBuffer => plan.outputs[value.name];
  const written = (value: Value): PlanBuffer => plan.inputs[value.name];
  return {
    plan,
    inputs: parts.inputs.map(written),
    targets: parts.targets.map(written),
    weights: parts.weights.map((value) => value && written(value)),
    outputs: parts.outputs.map(read),
    losses: parts.losses.map(read),
    loss: parts.loss && read(parts.loss),
  };
}

interface Parts {
  inputs: GraphValue[];
  targets: GraphValue[];
  weights: (GraphValue | null)[];
  outputs: Value[];
  losses: Value[];
  loss: Value | null;
}

function forward(graph: Graph, request: ProgramRequest, context: ProgramContext, parts: Parts): void {
  const { mode, batch, dtypes, layers, weights = [], trace = false } = request;
  const { network, objective } = context;
  const training = mode === 'train' || mode === 'gradients';
  parts.inputs = network.inputs.map(({ name, shape }, i) =>
    graph.input(name, [batch, ...(shape as number[])], dtypes[i]),
  );
  const made: LayerCall[] = [];
  const ruled: RuledWeight[] = [];
  const added: Value[] = [];
  const outputs = buildNetwork(network, {
    graph,
    inputs: parts.inputs,
    training,
    variables: context.source,
    onLayer: (call) => made.push(call),
    onRuledWeight: (weight) => ruled.push(weight),
    onLoss: (value) => added.push(value),
  });
  const named = layers?.map((path) => made.findLast((call) => call.path === path) as LayerCall);
  parts.outputs = (trace ? made : named)?.map((call) => call.output) ?? outputs;
  if (request.probe) {
    const probed = emitProbe(graph, request.probe, { inputs: parts.inputs, outputs, calls: made });
    parts.targets.push(probed.seed);
    parts.outputs = [...parts.outputs, ...probed.outputs];
  }
  if (mode === 'predict' || !objective) return;
  graph.scope('loss', () => {
    outputs.forEach((output, index) => {
      const { shape, dtype } = context.targets[index];
      const name = network.outputNames[index];
      const target = graph.input(`target/${name}`, [batch, ...shape], dtype);
      const perSample = weights[index];
      const weight = perSample ? graph.input(`weight/${name}`, [batch, ...perSample], 'float32') : null;
      parts.targets.push(target);
      parts.weights.push(weight);
      parts.losses.push(batchLoss(graph, objective.losses[index], target, output, weight));
    });
    const penalties = ruled.flatMap(({ trainable, regularizer, value }) =>
      trainable && regularizer ? regularizer.build(graph, value) : [],
    );
    parts.loss = sum(graph, [...weighted(graph, parts.losses, objective.lossWeights), ...penalties, ...added]);
  });
}

function weighted(graph: Graph, losses: readonly Value[], weights: readonly number[]): Value[] {
  return losses.map((loss, i) =>
    weights[i] === 1 ? loss : graph.emit('rescale', [loss], { scale: weights[i], offset: 0 })[0],
  );
}

const sum = (graph: Graph, terms: readonly Value[]): Value =>
  terms.reduce((total, term) => graph.emit('add', [total, term], {}, { name: 'total' })[0]);

/** Emits the gradients of all parameters and has them written to their variables. */
function backward(graph: Graph, loss: Value, { parameters, gradients: targets }: TrainingVariables): void {
  const found = gradients(
    graph,
    loss,
    parameters.map((variable) => graph.variable(variable)),
  );
  found.forEach((gradient, i) => {
    const zero = () => graph.emit('fill', [], { value: 0, shape: [...targets[i].shape] }, { name: 'unused' })[0];
    graph.bind(gradient ?? zero(), targets[i]);
  });
}

/** Emits the optimizer over runs of neighbouring parameters, each as one flat tensor. */
function optimize(graph: Graph, context: ProgramContext, accumulate: boolean): void {
  const training = context.training as TrainingVariables;
  const { optimizer } = context.objective as Objective;
  const scalars = Object.fromEntries(
    Object.entries(training.scalars).map(([name, scalar]) => [name, graph.variable(scalar)]),
  );
  const runs = training.runs.map((tables, index) => runOf(graph, training, tables, index));
  graph.scope('optimizer', () => optimizer.emit(graph, { runs, scalars, accumulate }));
}

function runOf(graph: Graph, training: TrainingVariables, tables: RunTables, index: number): ParameterRun {
  const { begin, end } = tables;
  const parameters = training.parameters.slice(begin, end);
  const gradients = training.gradients.slice(begin, end);
  const slots = Object.entries(training.slots).map(([name, list]) => [name, list.slice(begin, end)] as const);
  const value = (variable: Variable | null) => variable && graph.variable(variable);
  const flat = (list: readonly Variable[], name: string): Value => graph.variable(flatten(list, `${name}#${index}`));
  const isFlat = (list: readonly (Variable | null)[]): list is Variable[] =>
    list.every((slot, i) => slot && sameShape(slot.shape, parameters[i].shape));
  return {
    parameter: flat(parameters, 'parameters'),
    gradient: flat(gradients, 'gradients'),
    slots: Object.fromEntries(slots.flatMap(([name, list]) => (isFlat(list) ? [[name, flat(list, name)]] : []))),
    segments: value(tables.segments),
    factors: value(tables.factors),
    members: parameters.map((parameter, i) => ({
      path: parameter.name,
      parameter: graph.variable(parameter),
      gradient: graph.variable(gradients[i]),
      slots: Object.fromEntries(slots.map(([name, list]) => [name, value(list[i])])),
    })),
  };
}

/** Brings weights back to where their constraints want them. */
function constrain(graph: Graph, { training, constraints }: ProgramContext): void {
  graph.scope('constraints', () => {
    for (const parameter of training?.parameters ?? []) {
      const constraint = constraints.get(parameter.name);
      if (!constraint) continue;
      const weight = graph.variable(parameter);
      const [kept] = graph.emit('copy', [constraint.build(graph, weight)]);
      graph.bind(kept, parameter);
    }
  });
}

/** Declares gradients, slots and scalars in `training`, each list in the order of `parameters`. */
export function declareTraining(
  variables: Variables,
  parameters: readonly Variable[],
  optimizer: Optimizer,
): TrainingVariables {
  variables.clearTraining();
  const declare = (name: string, shape: readonly number[]): Variable =>
    variables.declare(name, shape, 'float32', 'training');
  const gradients = parameters.map(({ name, shape }) => declare(`gradient:${name}`, shape));
  const initial: { variable: Variable; values: ArrayLike<number> }[] = [];
  const slotOf = (slot: string, { name, shape }: Variable): Variable | null => {
    const own = optimizer.slotShape ? optimizer.slotShape(slot, shape) : shape;
    const variable = own && declare(`${slot}:${name}`, own);
    const first = optimizer.initialValue?.(slot) ?? 0;
    if (variable && first !== 0)
      initial.push({ variable, values: new Float32Array(sizeOf(variable.shape)).fill(first) });
    return variable;
  };
  const slots = optimizer.slots.map((slot) => [slot, parameters.map((parameter) => slotOf(slot, parameter))] as const);
  const scalars = Object.entries(optimizer.scalars(0));
  let begin = 0;
  const runs = contiguousRuns(parameters).map((run, index): RunTables => {
    const place = { begin, end: begin + run.length };
    begin = place.end;
    if (!optimizer.factors) return { ...place, segments: null, factors: null };
    const segments = variables.declare(`segments#${index}`, [run.length], 'int32', 'training');
    const factors = declare(`factors#${index}`, [run.length, 2]);
    const ends = run.map((variable) => (variable.offset + alignUp(bytesOf(variable)) - run[0].offset) / 4);
    initial.push({ variable: segments, values: ends });
    initial.push({ variable: factors, values: run.flatMap(({ name }) => [...(optimizer.factors?.(name) ?? [])]) });
    return { ...place, segments, factors };
  });
  return {
    parameters,
    gradients,
    slots: Object.fromEntries(slots),
    scalars: Object.fromEntries(scalars.map(([name, values]) => [name, declare(`scalar:${name}`, [values.length])])),
    runs,
    initial,
  };
}
