// From layers to a graph: the context that layers emit through. Every layer runs under its own scope, so that steps,
// weights and statistics carry the layer's path.

import type { TensorSpec } from '../core/dtype.js';
import { type ErrorCode, OcellusError } from '../core/errors.js';
import { hashName } from '../core/random.js';
import { sameShape, shapeText } from '../core/shape.js';
import { Graph, type GraphNode } from '../graph/graph.js';
import type { Variable } from '../graph/variables.js';
import type { AnyAttrs, AnyOp, EmitOptions, Value } from '../ops/op.js';
import { type Initializer, resolveStart, type StatisticStart } from './initializers.js';
import type { Layer, LayerContext } from './layer.js';
import type { Regularizer } from './regularizers.js';
import type { WeightSetting } from './weight-options.js';

/** Where weights come from while a network is built. Asked once per path and build. */
export interface VariableSource {
  /** A float32 weight; the same path always has the same shape. */
  weight(path: string, shape: readonly number[], initializer: Initializer, trainable: boolean): Variable;
  /** A float32 running statistic. */
  statistic(path: string, shape: readonly number[], initializer: Initializer): Variable;
  /** int32 [2]: (seed, step). */
  seed(): Variable;
}

/** One application of a layer, told to whoever describes a network. */
export interface LayerCall {
  readonly path: string;
  readonly layer: Layer;
  /** How many layers it lies in: 0 for those of the network itself. */
  readonly depth: number;
  readonly inputs: readonly Value[];
  readonly output: Value;
  /** The ops it emitted, those of inner layers included. */
  readonly nodes: readonly GraphNode[];
}

/** A weight with a regularizer or a constraint, told once per build. */
export interface RuledWeight extends WeightSetting {
  readonly path: string;
  readonly value: Value;
  readonly trainable: boolean;
}

/** What one build shares between the contexts of all its layers. */
export interface BuildState {
  readonly graph: Graph;
  readonly training: boolean;
  readonly variables: VariableSource;
  /** Called after each layer, inner ones first. */
  readonly onLayer?: (call: LayerCall) => void;
  /** Called for each weight that has a regularizer or a constraint. */
  readonly onRuledWeight?: (weight: RuledWeight) => void;
  /** Called for each number that a layer adds to the loss. */
  readonly onLoss?: (value: Value) => void;
  readonly values: Map<string, Value>;
  readonly applications: Map<string, number>;
  /** float32 copies of integer values, by the value's id. */
  readonly floats: Map<number, Value>;
}

/** Context of one application of a layer; the root has the empty path. */
export class BuildContext implements LayerContext {
  readonly salt: number;
  readonly training: boolean;

  constructor(
    private readonly state: BuildState,
    readonly path: string,
    readonly where: string,
    readonly trainable: boolean,
    private readonly depth: number,
    readonly samples = 0,
  ) {
    const times = state.applications.get(path) ?? 0;
    state.applications.set(path, times + 1);
    this.training = state.training;
    this.salt = hashName(times === 0 ? path : `${path}#${times}`) & 0x7fffffff;
  }

  emit(op: string | AnyOp, inputs: readonly (Value | null)[], attrs?: AnyAttrs, options?: EmitOptions): Value[] {
    return this.state.graph.emit(op, inputs, attrs, options);
  }

  op(op: string | AnyOp, inputs: readonly (Value | null)[], attrs?: AnyAttrs): Value {
    return this.emit(op, inputs, attrs)[0];
  }

  weight(name: string, shape: readonly number[], from: Initializer | WeightSetting): Value {
    const { trainable, state } = this;
    const setting = 'initializer' in from ? from : { initializer: from, regularizer: null, constraint: null };
    const path = `${this.path}/${name}`;
    const isNew = !state.values.has(path);
    const value = this.variable(name, shape, () => state.variables.weight(path, shape, setting.initializer, trainable));
    if (isNew && (setting.regularizer || setting.constraint)) {
      state.onRuledWeight?.({ ...setting, path, value, trainable });
    }
    return value;
  }

  statistic(name: string, shape: readonly number[], start: StatisticStart): Value {
    const initializer = resolveStart(`${this.where}, statistic '${name}'`, start);
    return this.variable(name, shape, (path) => this.state.variables.statistic(path, shape, initializer));
  }

  update(statistic: Value, op: string, inputs: readonly Value[], attrs?: AnyAttrs): void {
    this.emit(op, inputs, attrs, { into: [statistic] });
  }

  addLoss(value: Value): void {
    if (value.shape.length > 0) this.fail('a single number to add to the loss', shapeText(value.shape));
    this.state.onLoss?.(value);
  }

  seed(): Value {
    return this.state.graph.variable(this.state.variables.seed());
  }

  layer(layer: Layer, inputs: readonly Value[], name: string): Value {
    const path = this.path === '' ? name : `${this.path}/${name}`;
    const context = new BuildContext(
      this.state,
      path,
      `${layer.type} '${path}'`,
      this.trainable && layer.trainable,
      this.depth + 1,
      this.samples || inputs[0].shape[0],
    );
    checkArity(context, layer, inputs.length);
    const first = this.state.graph.nodes.length;
    return this.state.graph.scope(name, () => {
      const operands = layer.anyDtype ? inputs : inputs.map((value) => this.float(value));
      const output = layer.call(context, operands);
      if (output.shape[0] !== inputs[0].shape[0]) {
        context.fail(`an output whose first axis is the batch (${inputs[0].shape[0]})`, shapeText(output.shape));
      }
      if (layer.activityRegularizer) context.penalize(layer.activityRegularizer, output);
      const nodes = this.state.graph.nodes.slice(first);
      this.state.onLayer?.({ path, layer, depth: this.depth, inputs, output, nodes });
      return output;
    });
  }

  fail(expected: string, got: unknown, help?: string, code: ErrorCode = 'ERR_OCELLUS_SHAPE'): never {
    throw new OcellusError(code, { where: this.where, expected, got, help });
  }

  private penalize(regularizer: Regularizer, output: Value): void {
    const cost = regularizer.build(this, output);
    this.addLoss(this.op('rescale', [cost], { scale: 1 / this.samples, offset: 0 }));
  }

  private float(value: Value): Value {
    if (value.dtype === 'float32') return value;
    const known = this.state.floats.get(value.id) ?? this.op('rescale', [value], { scale: 1, offset: 0 });
    this.state.floats.set(value.id, known);
    return known;
  }

  private variable(name: string, shape: readonly number[], declare: (path: string) => Variable): Value {
    const path = `${this.path}/${name}`;
    const known = this.state.values.get(path);
    const value = known ?? this.state.graph.variable(declare(path));
    if (!sameShape(value.shape, shape)) {
      this.fail(
        `inputs for which '${name}' has the shape ${shapeText(value.shape)} it was made with`,
        shapeText(shape),
        'a layer that is used again has to see the same number of channels',
      );
    }
    this.state.values.set(path, value);
    return value;
  }
}

function checkArity(context: LayerContext, layer: Layer, count: number): void {
  if (layer.arity === 'many' ? count >= 1 : count === layer.arity) return;
  const wanted =
    layer.arity === 'many' ? 'one or more inputs' : layer.arity === 1 ? 'one input' : `${layer.arity} inputs`;
  context.fail(wanted, count, undefined, 'ERR_OCELLUS_ARGUMENT');
}

/** A context to build on, without any layer around it. */
export function rootContext(
  state: Omit<BuildState, 'values' | 'applications' | 'floats'>,
  where: string,
  trainable = true,
): BuildContext {
  const fresh = { values: new Map(), applications: new Map(), floats: new Map() };
  return new BuildContext({ ...state, ...fresh }, '', where, trainable, 0);
}

/** Declares nothing: gives variables that only have a name and a shape. */
export const dryVariables: VariableSource = {
  weight: (path, shape) => ({ name: path, shape: [...shape], dtype: 'float32', region: 'state', offset: 0 }),
  statistic: (path, shape) => ({ name: path, shape: [...shape], dtype: 'float32', region: 'state', offset: 0 }),
  seed: () => ({ name: 'seed', shape: [2], dtype: 'int32', region: 'state', offset: 0 }),
};

/** Output of a layer for samples of these specs, batch size 1, on a graph of its own. */
export function dryRun(layer: Layer, samples: readonly TensorSpec[]): TensorSpec {
  const graph = new Graph();
  const inputs = samples.map((sample, index) => graph.input(`input_${index}`, [1, ...sample.shape], sample.dtype));
  const context = rootContext({ graph, training: false, variables: dryVariables }, layer.type);
  return context.layer(layer, inputs, layer.name ?? layer.type);
}
