// The graph under construction: values and the ops that make them, in the order in which they will run.
// Emission order is the only order: nothing is ever moved across a write to a variable.

import type { DType, TensorSpec } from '../core/dtype.js';
import { check, checkName, OcellusError } from '../core/errors.js';
import { sameShape, shapeText } from '../core/shape.js';
import { builtinOps } from '../ops/index.js';
import {
  type AnyAttrs,
  type AnyOp,
  completeAttrs,
  type EmitOptions,
  type Emitter,
  maxRank,
  type Value,
} from '../ops/op.js';
import { inferContext } from '../ops/rules.js';
import type { Variable } from './variables.js';

export interface GraphValue extends Value {
  readonly kind: 'input' | 'variable' | 'computed';
  /** The op that makes it; null for inputs and variables. */
  node: GraphNode | null;
  /** The variable it reads (kind 'variable') or is written to (kind 'computed'). */
  variable: Variable | null;
}

export interface GraphNode {
  readonly op: AnyOp;
  readonly name: string;
  readonly inputs: readonly (GraphValue | null)[];
  readonly outputs: readonly GraphValue[];
  readonly attrs: AnyAttrs;
}

export class Graph implements Emitter {
  readonly nodes: GraphNode[] = [];
  readonly inputs: GraphValue[] = [];
  private readonly variableValues = new Map<string, GraphValue>();
  private readonly usedNames = new Map<string, number>();
  private scopes: string[] = [];
  private nextId = 0;

  /** A tensor the caller writes before each run. */
  input(name: string, shape: readonly number[], dtype: DType = 'float32'): GraphValue {
    const value = this.newValue(this.uniqueName(name), { shape: [...shape], dtype }, 'input');
    this.inputs.push(value);
    return value;
  }

  /** The value of a variable: what its memory holds when the reading op runs. */
  variable(variable: Variable): GraphValue {
    const known = this.variableValues.get(variable.name);
    if (known) return known;
    const value = this.newValue(variable.name, variable, 'variable');
    value.variable = variable;
    this.variableValues.set(variable.name, value);
    return value;
  }

  /** Runs `body` with `name` in front of the names of everything it emits. */
  scope<T>(name: string, body: () => T): T {
    const outer = this.scopes;
    this.scopes = [...outer, name];
    try {
      return body();
    } finally {
      this.scopes = outer;
    }
  }

  emit(
    op: string | AnyOp,
    inputs: readonly (Value | null)[],
    attrs: AnyAttrs = {},
    options: EmitOptions = {},
  ): Value[] {
    const row = typeof op === 'string' ? lookup(op) : requireOwnName(op);
    const name = this.uniqueName([...this.scopes, options.name ?? row.name].join('/'));
    const node = this.derive(row, inputs as readonly (GraphValue | null)[], attrs, name);
    node.outputs.forEach((output, index) => {
      const target = options.into?.[index] as GraphValue | null | undefined;
      if (target) output.variable = requireVariable(target, output, `${row.name} '${name}'`);
    });
    this.nodes.push(node);
    return [...node.outputs];
  }

  /**
   * An op that does not stand in `nodes`: for passes that put other ops in the place of one. Given `outputs` keep their
   * identity and must be of the shapes that the op infers.
   */
  derive(
    op: string | AnyOp,
    inputs: readonly (GraphValue | null)[],
    attrs: AnyAttrs,
    name: string,
    outputs?: readonly GraphValue[],
  ): GraphNode {
    const row = typeof op === 'string' ? lookup(op) : op;
    const where = `${row.name} '${name}'`;
    const complete = completeAttrs(row, attrs, where);
    checkInputs(row, inputs, where);
    const specs = row.infer(inferContext(where, inputs, complete));
    const values =
      outputs ?? specs.map((spec, index) => this.newValue(`${name}/${row.outputs[index]}`, spec, 'computed'));
    const node: GraphNode = { op: row, name, inputs, outputs: values, attrs: complete };
    for (const output of values) output.node = node;
    return node;
  }

  /** Makes `value` be written to `variable`: directly when it is an op's own output, else by a copy. */
  bind(value: Value, variable: Variable): GraphValue {
    const own = value as GraphValue;
    if (own.kind === 'computed' && !own.variable && !own.node?.op.alias && own.dtype === variable.dtype) {
      own.variable = requireVariable(this.variable(variable), own, `bind '${own.name}'`);
      return own;
    }
    return this.emit('copy', [value], {}, { into: [this.variable(variable)] })[0] as GraphValue;
  }

  private newValue(name: string, spec: TensorSpec, kind: GraphValue['kind']): GraphValue {
    return { id: this.nextId++, name, shape: spec.shape, dtype: spec.dtype, kind, node: null, variable: null };
  }

  private uniqueName(name: string): string {
    const count = this.usedNames.get(name) ?? 0;
    this.usedNames.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  }
}

function lookup(name: string): AnyOp {
  return builtinOps.get(name) ?? checkName('emit', name, Object.fromEntries(builtinOps));
}

/** Passes and kernels go by names: an op of somebody else's must not be taken for ours. */
function requireOwnName(op: AnyOp): AnyOp {
  check((builtinOps.get(op.name) ?? op) === op, 'ERR_OCELLUS_ARGUMENT', () => ({
    where: `op '${op.name}'`,
    expected: 'a name of its own',
    got: 'that of a built-in op',
  }));
  return op;
}

function checkInputs(op: AnyOp, inputs: readonly (GraphValue | null)[], where: string): void {
  const repeats = op.inputs.at(-1)?.startsWith('...') ?? false;
  const names = op.inputs;
  const enough = repeats ? inputs.length >= names.length : inputs.length <= names.length;
  const wrong = !enough || names.some((name, i) => !name.endsWith('?') && !name.startsWith('...') && !inputs[i]);
  if (wrong || (repeats && inputs.includes(null))) {
    throw new OcellusError('ERR_OCELLUS_ARGUMENT', {
      where,
      expected: `inputs (${names.join(', ')})`,
      got: `(${inputs.map((value) => (value ? shapeText(value.shape) : 'nothing')).join(', ')})`,
    });
  }
  for (const value of inputs) {
    if (value && value.shape.length > maxRank) {
      throw new OcellusError('ERR_OCELLUS_SHAPE', {
        where,
        expected: `at most ${maxRank} axes`,
        got: shapeText(value.shape),
      });
    }
  }
}

function requireVariable(target: GraphValue, spec: TensorSpec, where: string): Variable {
  if (
    target.variable &&
    target.kind === 'variable' &&
    target.dtype === spec.dtype &&
    sameShape(target.shape, spec.shape)
  ) {
    return target.variable;
  }
  throw new OcellusError('ERR_OCELLUS_SHAPE', {
    where,
    expected: `a variable of shape ${shapeText(spec.shape)} to write to`,
    got: `${target.kind} '${target.name}' of shape ${shapeText(target.shape)}`,
  });
}
