// Activations: as an option of other layers (`activation: 'relu'`) and as layers of their own.

import type { Value } from '../../ops/op.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import type { OptionReader } from '../options.js';

/** What `activation` options take. */
export const activationNames = [
  'linear',
  'relu',
  'relu6',
  'leakyRelu',
  'sigmoid',
  'tanh',
  'softmax',
  'logSoftmax',
] as const;

export type ActivationName = (typeof activationNames)[number];

/** Keras's slopes: of `activation: 'leakyRelu'`, and of the layer. */
const slopeByName = 0.2;
const slopeOfLayer = 0.3;

/** Emits an activation. Softmax runs over the last axis. */
export function activate(context: LayerContext, x: Value, activation: ActivationName): Value {
  if (activation === 'linear') return x;
  return context.op(activation, [x], activation === 'leakyRelu' ? { alpha: slopeByName } : {});
}

/** Reads an `activation` option; null means linear. */
export function readActivation(options: OptionReader): ActivationName {
  return options.has('activation') ? options.oneOf('activation', activationNames) : 'linear';
}

const plain = (type: ActivationName) =>
  defineLayer<LayerOptions, null>({
    type,
    options: {},
    parse: () => null,
    call: (context, [x]) => activate(context, x, type),
  });

/** max(x, 0). Any shape. */
export const relu = plain('relu');
/** min(max(x, 0), 6), as MobileNets use it. Any shape. */
export const relu6 = plain('relu6');
/** 1 / (1 + exp(-x)). Any shape. */
export const sigmoid = plain('sigmoid');
/** Hyperbolic tangent. Any shape. */
export const tanh = plain('tanh');
/** exp(x) / sum(exp(x)) over the last axis. [batch, …, classes]. */
export const softmax = plain('softmax');
/** x - log(sum(exp(x))) over the last axis. [batch, …, classes]. */
export const logSoftmax = plain('logSoftmax');
/** x itself. Any shape. */
export const linear = plain('linear');

export interface LeakyReluOptions extends LayerOptions {
  /** Factor of negative values, at least 0. Default 0.3. */
  negativeSlope?: number;
  /** The same as negativeSlope. */
  alpha?: number;
}

/**
 * x where x > 0, negativeSlope * x elsewhere. Any shape.
 *
 * @example layers.leakyRelu({ negativeSlope: 0.1 })
 */
export const leakyRelu = defineLayer<LeakyReluOptions, number, 'alpha'>({
  type: 'leakyRelu',
  options: { negativeSlope: slopeOfLayer },
  aliases: { alpha: 'negativeSlope' },
  parse: (options) => options.number('negativeSlope', { min: 0 }),
  call: (context, [x], alpha) => context.op('leakyRelu', [x], { alpha }),
});

export interface ActivationOptions extends LayerOptions {
  activation: ActivationName;
}

/**
 * An activation by its name. Any shape.
 *
 * @example layers.activation({ activation: 'tanh' })
 */
export const activation = defineLayer<ActivationOptions, ActivationName>({
  type: 'activation',
  options: { activation: undefined },
  parse: (options) => options.oneOf('activation', activationNames),
  call: (context, [x], name) => activate(context, x, name),
});
