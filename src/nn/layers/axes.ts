// Options that name axes, and layers that work along axes which need not be the last ones.

import { shapeText, sizeOf } from '../../core/shape.js';
import type { Value } from '../../ops/op.js';
import type { LayerContext } from '../layer.js';
import type { OptionReader } from '../options.js';

/** An axis or several, the batch being axis 0; negative ones count from the end. */
export type Axes = number | readonly number[];

/** Reads an option of axes; the batch (0) is refused. */
export function readAxes(options: OptionReader, name: string): number[] {
  const value = options.raw(name);
  const axes = Array.isArray(value) ? options.integers(name) : [options.integer(name)];
  if (axes.length > 0 && !axes.includes(0)) return axes;
  throw options.error(name, 'axes other than the batch', value);
}

/** The axes of `x`, counted from the front and ascending. */
export function axesOf(context: LayerContext, x: Value, given: readonly number[]): number[] {
  const { shape } = x;
  const axes = fromFront(given, shape.length);
  return axes ?? context.fail(`samples with the axes ${given.join(', ')}, each once`, shapeText(shape.slice(1)));
}

/** The same for data of any rank; null when there are no such axes. */
export function fromFront(given: readonly number[], rank: number): number[] | null {
  const axes = given.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
  return axes.every((axis, i) => axis > 0 && axis < rank && axis !== axes[i - 1]) ? axes : null;
}

/**
 * Applies `body` to x seen as [batch, others, length], `length` being all elements along the axes, in order; the result
 * has the shape of x.
 */
export function alongAxes(
  context: LayerContext,
  x: Value,
  axes: readonly number[],
  body: (rows: Value) => Value,
): Value {
  const { shape } = x;
  const others = [...shape.keys()].filter((axis) => !axes.includes(axis));
  const permutation = [...others, ...axes];
  const moves = permutation.some((axis, place) => axis !== place);
  const moved = moves ? context.op('transpose', [x], { permutation }) : x;
  const sizes = [others.slice(1), axes].map((list) => sizeOf(list.map((axis) => shape[axis])));
  const rows = body(context.op('reshape', [moved], { shape: [shape[0], ...sizes] }));
  const back = context.op('reshape', [rows], { shape: moved.shape });
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
  return moves ? context.op('transpose', [back], { permutation: inverse }) : back;
}
