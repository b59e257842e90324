// What the tests of op rows share: all cases as a table, and an emitter that runs every op as soon as it is emitted.

import type { TensorView } from '../../src/core/dtype.js';
import type { FloatBits } from '../../src/ops/cases.js';
import { runOp } from '../../src/ops/eager.js';
import { builtinOps } from '../../src/ops/index.js';
import type { AnyAttrs, AnyOp, Emitter, OpCase, OpDefinition, Value } from '../../src/ops/op.js';

/** Rows of `describe.each`: [op name, case name, op, case]. */
export function allCases(): [string, string, AnyOp, OpCase][] {
  return [...builtinOps.values()].flatMap((op) =>
    op.cases.map((opCase): [string, string, AnyOp, OpCase] => [op.name, opCase.name, op, opCase]),
  );
}

export function builtin(name: string): AnyOp {
  const op = builtinOps.get(name);
  if (!op) throw new Error(`no op '${name}'`);
  return op;
}

/** Evaluates emitted ops eagerly; a value of this graph carries its data along. */
export class EagerEmitter implements Emitter {
  private readonly tensors: TensorView[] = [];

  constructor(private readonly bits: FloatBits) {}

  value(tensor: TensorView): Value {
    const id = this.tensors.push(tensor) - 1;
    return { id, name: `v${id}`, shape: tensor.shape, dtype: tensor.dtype };
  }

  tensor(value: Value): TensorView {
    return this.tensors[value.id];
  }

  emit(op: string | OpDefinition, inputs: readonly (Value | null)[], attrs: AnyAttrs = {}): Value[] {
    const row = typeof op === 'string' ? builtin(op) : op;
    const tensors = inputs.map((input) => input && this.tensor(input));
    return runOp(row, tensors, attrs, this.bits).map((output) => this.value(output));
  }
}
