// Products of two inputs summed along one axis of each: similarities of vectors, attention between sequences.

import { shapeText, sizeOf } from '../../core/shape.js';
import type { Value } from '../../ops/op.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import type { OptionReader } from '../options.js';
import { reshaped } from './spatial.js';

export interface DotOptions extends LayerOptions {
  /** Axis to sum along, for both inputs or one for each; the batch is axis 0, negative axes count from the end. */
  axes: number | readonly [number, number];
  /** true: vectors along the axis are brought to length 1 first, so that the result is a cosine. Default false. */
  normalize?: boolean;
}

function readAxes(options: OptionReader): readonly [number, number] {
  const value = options.raw('axes');
  const list = Array.isArray(value) ? value : [value, value];
  const valid = list.length === 2 && list.every((axis) => Number.isSafeInteger(axis) && axis !== 0);
  if (!valid) throw options.error('axes', 'an axis other than the batch, or two of them', value);
  return list as [number, number];
}

/** x / max(|x|, 1e-12) along an axis, as Keras has it. */
function normalized(context: LayerContext, x: Value, axis: number): Value {
  const squares = context.op('reduceSum', [context.op('square', [x])], { axes: [axis], keepDims: 1 });
  const least = context.op('fill', [], { value: 1e-24, shape: [] });
  return context.op('divide', [x, context.op('sqrt', [context.op('maximum', [squares, least])])]);
}

/** A batch of matrices whose axis `place` (1: rows, 2: columns) is the one summed along, the others being joined. */
function asMatrices(context: LayerContext, x: Value, axis: number): { matrices: Value; place: 1 | 2; rest: number[] } {
  const [batch, ...sample] = x.shape;
  const rest = sample.filter((_, i) => i !== axis - 1);
  const [depth, others] = [x.shape[axis], sizeOf(rest)];
  const last = x.shape.length - 1;
  if (axis === 1 && last > 1) return { matrices: reshaped(context, x, [batch, depth, others]), place: 1, rest };
  const axes = x.shape.map((_, i) => i);
  const permutation = [...axes.filter((i) => i !== axis), axis];
  const moved = axis === last ? x : context.op('transpose', [x], { permutation });
  return { matrices: reshaped(context, moved, [batch, others, depth]), place: 2, rest };
}

/**
 * Dot product of two inputs along one axis of each, sample by sample: [batch, …a…] and [batch, …b…] → [batch, rest of a,
 * rest of b]; of two vectors [batch, 1].
 *
 * @example
 * const [queries, keys] = [input({ shape: [7, 16] }), input({ shape: [9, 16] })];
 * layers.dot({ axes: -1 }).apply([queries, keys]).shape; // [7, 9]
 */
export const dot = defineLayer<DotOptions, { axes: readonly [number, number]; normalize: boolean }>({
  type: 'dot',
  options: { axes: undefined, normalize: false },
  arity: 2,
  parse: (options) => ({ axes: readAxes(options), normalize: options.boolean('normalize') }),
  call(context, inputs, { axes, normalize }) {
    const places = inputs.map(({ shape }, i) => (axes[i] < 0 ? axes[i] + shape.length : axes[i]));
    const fits = inputs.every(({ shape }, i) => places[i] >= 1 && places[i] < shape.length);
    const [first, second] = inputs.map(({ shape }, i) => shape[places[i]]);
    if (!fits || first !== second) {
      const shapes = inputs.map(({ shape }) => shapeText(shape.slice(1))).join(' and ');
      context.fail(`samples of equal sizes along the axes ${axes.join(' and ')}`, shapes);
    }
    const sides = inputs.map((x, i) =>
      asMatrices(context, normalize ? normalized(context, x, places[i]) : x, places[i]),
    );
    const y = context.op('batchMatmul', [sides[0].matrices, sides[1].matrices], {
      transposeA: sides[0].place === 1 ? 1 : 0,
      transposeB: sides[1].place === 2 ? 1 : 0,
    });
    const rest = [...sides[0].rest, ...sides[1].rest];
    return reshaped(context, y, [y.shape[0], ...(rest.length > 0 ? rest : [1])]);
  },
});
