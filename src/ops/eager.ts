// Runs one op at once, outside a graph: for functions on plain arrays and for tests.

import type { TensorView } from '../core/dtype.js';
import { sizeOf } from '../core/shape.js';
import { allocate, type FloatBits } from './cases.js';
import { type AnyAttrs, type AnyOp, completeAttrs } from './op.js';
import { inferContext } from './rules.js';

/**
 * Checks the arguments, allocates outputs of `bits` wide floats (the inputs' floats must be as wide) and runs the
 * reference loop. `where` starts error messages; default: the op's name.
 *
 * @example
 * const relu = builtinOps.get('relu') as AnyOp;
 * const [y] = runOp(relu, [{ shape: [2], dtype: 'float32', data: new Float32Array([-1, 1]) }]);
 * y.shape; // [2]
 */
export function runOp(
  op: AnyOp,
  inputs: readonly (TensorView | null)[],
  given: AnyAttrs = {},
  bits: FloatBits = 32,
  where: string = op.name,
): TensorView[] {
  const attrs = completeAttrs(op, given, where);
  const specs = op.infer(inferContext(where, inputs, attrs));
  const outputs = specs.map((spec) => ({ ...spec, data: allocate(spec.dtype, sizeOf(spec.shape), bits) }));
  const scratch = allocate('float32', op.scratch?.(inputs, specs, attrs) ?? 0, bits) as Float32Array | Float64Array;
  op.run({ inputs, outputs, attrs, scratch });
  return outputs;
}
