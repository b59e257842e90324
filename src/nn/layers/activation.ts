// Activations by name: the option of other layers (`activation: 'relu'`).

import type { AnyAttrs, Value } from '../../ops/op.js';
import type { LayerContext } from '../layer.js';
import type { OptionReader } from '../options.js';
import { gated } from './gate.js';

/** SELU's constants (Klambauer et al., 2017), which make outputs of mean 0 and variance 1 a fixed point. */
export const seluConstants = { alpha: 1.6732632423543772, scale: 1.0507009873554805 } as const;

type Emit = (context: LayerContext, x: Value) => Value;

const op =
  (name: string, attrs?: AnyAttrs): Emit =>
  (context, x) =>
    context.op(name, [x], attrs);

/** Every activation by name, with Keras's defaults. */
const emitters = {
  linear: ((_, x) => x) as Emit,
  relu: op('relu'),
  relu6: op('relu6'),
  leakyRelu: op('leakyRelu', { alpha: 0.2 }),
  elu: op('elu'),
  selu: op('elu', seluConstants),
  celu: op('elu'),
  gelu: op('gelu'),
  geluTanh: op('gelu', { approximate: 'tanh' }),
  silu: op('silu'),
  swish: op('silu'),
  mish: op('mish'),
  softplus: op('softplus'),
  softsign: op('softsign'),
  sigmoid: op('sigmoid'),
  hardSigmoid: op('hardSigmoid'),
  hardSwish: op('hardSwish'),
  hardSilu: op('hardSwish'),
  tanh: op('tanh'),
  hardTanh: op('hardTanh'),
  exponential: op('exp'),
  softmax: op('softmax'),
  logSoftmax: op('logSoftmax'),
  glu: ((context, x) => gated(context, x, x.shape.length - 1)) as Emit,
};

export type ActivationName = keyof typeof emitters;

/** What `activation` options take. */
export const activationNames = Object.keys(emitters) as readonly ActivationName[];

/** Emits an activation. Softmax runs over the last axis. */
export function activate(context: LayerContext, x: Value, activation: ActivationName): Value {
  return emitters[activation](context, x);
}

/** Reads an `activation` option; null means linear. */
export function readActivation(options: OptionReader): ActivationName {
  return options.has('activation') ? options.oneOf('activation', activationNames) : 'linear';
}
