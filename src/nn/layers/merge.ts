// Layers with several inputs: element by element, or one behind the other.

import { broadcastShapes, shapeText } from '../../core/shape.js';
import type { Value } from '../../ops/op.js';
import { defineLayer, type LayerArity, type LayerContext, type LayerOptions } from '../layer.js';

type Combine = (context: LayerContext, inputs: readonly Value[]) => Value;

const merge = (type: string, arity: LayerArity, combine: Combine) =>
  defineLayer<LayerOptions, null>({
    type,
    options: {},
    arity,
    parse: () => null,
    call(context, inputs) {
      checkBroadcast(context, inputs);
      return combine(context, inputs);
    },
  });

function checkBroadcast(context: LayerContext, inputs: readonly Value[]): void {
  let shape: readonly number[] | null = inputs[0].shape;
  for (const input of inputs) shape = shape && broadcastShapes(shape, input.shape);
  if (shape) return;
  const shapes = inputs.map((input) => shapeText(input.shape.slice(1))).join(' and ');
  context.fail('samples of equal shapes (or sizes of 1)', shapes);
}

const fold =
  (op: string): Combine =>
  (context, inputs) =>
    inputs.reduce((sum, input) => context.op(op, [sum, input]));

/**
 * Sum of all inputs, which have one shape (axes of size 1 are repeated).
 *
 * @example layers.add().apply([x, shortcut])
 */
export const add = merge('add', 'many', fold('add'));
/**
 * First input minus second.
 *
 * @example layers.subtract().apply([x, shortcut])
 */
export const subtract = merge('subtract', 2, fold('subtract'));
/**
 * Product of all inputs.
 *
 * @example layers.multiply().apply([x, shortcut])
 */
export const multiply = merge('multiply', 'many', fold('multiply'));
/**
 * Largest of all inputs, element by element.
 *
 * @example layers.maximum().apply([x, shortcut])
 */
export const maximum = merge('maximum', 'many', fold('maximum'));
/**
 * Smallest of all inputs, element by element.
 *
 * @example layers.minimum().apply([x, shortcut])
 */
export const minimum = merge('minimum', 'many', fold('minimum'));
/**
 * Mean of all inputs, element by element.
 *
 * @example layers.average().apply([x, shortcut])
 */
export const average = merge('average', 'many', (context, inputs) =>
  context.op('rescale', [fold('add')(context, inputs)], { scale: 1 / inputs.length, offset: 0 }),
);

export interface ConcatenateOptions extends LayerOptions {
  /** Axis along which the inputs stand one behind the other, the batch being axis 0. Default -1: channels. */
  axis?: number;
}

/**
 * Inputs one behind the other along an axis; all other axes are equal.
 *
 * @example layers.concatenate().apply([x, y]) // [8, 8, 3] and [8, 8, 5] → [8, 8, 8]
 */
export const concatenate = defineLayer<ConcatenateOptions, number>({
  type: 'concatenate',
  options: { axis: -1 },
  arity: 'many',
  parse(options) {
    const axis = options.integer('axis');
    if (axis === 0) throw options.error('axis', 'an axis other than the batch', axis);
    return axis;
  },
  call(context, inputs, given) {
    const { shape } = inputs[0];
    const axis = given < 0 ? given + shape.length : given;
    const fits = inputs.every(
      (input) => input.shape.length === shape.length && input.shape.every((dim, i) => i === axis || dim === shape[i]),
    );
    if (!fits || axis < 1 || axis >= shape.length) {
      const shapes = inputs.map((input) => shapeText(input.shape.slice(1))).join(' and ');
      context.fail(`samples that differ only along axis ${given}`, shapes);
    }
    return inputs.length === 1 ? inputs[0] : context.op('concat', inputs, { axis });
  },
});
