// Gated linear units (Dauphin et al., 2017): one half of an axis, times the sigmoid of the other.

import { shapeText } from '../../core/shape.js';
import type { Value } from '../../ops/op.js';
import type { LayerContext } from '../layer.js';

/** Emits the first half along `axis` times the sigmoid of the second. */
export function gated(context: LayerContext, x: Value, axis: number): Value {
  const { shape } = x;
  if (axis < 1 || shape[axis] % 2 !== 0) {
    context.fail(`samples of an even size along axis ${axis}`, shapeText(shape.slice(1)));
  }
  const size = shape.map((length, i) => (i === axis ? length / 2 : length));
  const half = (start: number) =>
    context.op('slice', [x], { begin: shape.map((_, i) => (i === axis ? start : 0)), size });
  return context.op('multiply', [half(0), context.op('sigmoid', [half(size[axis])])]);
}
