// An emitter that computes at once, in double precision: what is written for graphs runs on arrays too.

import type { NumericArray, TensorSpec } from '../core/dtype.js';
import { runOp } from './eager.js';
import { builtinOps } from './index.js';
import type { AnyAttrs, AnyOp, Emitter, Value } from './op.js';

/** A value that is there already. Floats are Float64Arrays. */
export interface EagerValue extends Value {
  readonly data: NumericArray;
}

/**
 * @example
 * const eager = new EagerEmitter();
 * const x = eager.value(Float64Array.of(1, 2), { shape: [2], dtype: 'float32' });
 * const [y] = eager.emit('square', [x]);
 * Array.from(y.data); // [1, 4]
 */
export class EagerEmitter implements Emitter {
  private count = 0;

  value(data: NumericArray, { shape, dtype }: TensorSpec): EagerValue {
    const id = this.count++;
    return { id, name: `value ${id}`, shape, dtype, data };
  }

  emit(op: string | AnyOp, inputs: readonly (Value | null)[], attrs: AnyAttrs = {}): EagerValue[] {
    const row = typeof op === 'string' ? (builtinOps.get(op) as AnyOp) : op;
    return runOp(row, inputs as readonly (EagerValue | null)[], attrs, 64).map((view) => this.value(view.data, view));
  }
}
