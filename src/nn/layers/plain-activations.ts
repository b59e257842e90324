// Activations without options of their own, as layers.

import { defineLayer, type LayerOptions } from '../layer.js';
import { type ActivationName, activate, activationNames } from './activation.js';

const plain = (type: ActivationName) =>
  defineLayer<LayerOptions, null>({
    type,
    options: {},
    parse: () => null,
    call: (context, [x]) => activate(context, x, type),
  });

/**
 * min(max(x, 0), 6), as MobileNets use it; its derivative at 0 and 6 is 0, as in Keras. Any shape.
 *
 * @example sequential([layers.dense({ units: 8 }), layers.relu6()])
 */
export const relu6 = plain('relu6');
/**
 * x where x > 0, alpha (exp(x) - 1) elsewhere, times a scale: mean 0 and variance 1 are its fixed point. Any shape.
 *
 * @example sequential([layers.dense({ units: 8 }), layers.selu()])
 */
export const selu = plain('selu');
/**
 * x sigmoid(x), also called swish. Any shape.
 *
 * @example sequential([layers.dense({ units: 8 }), layers.silu()])
 */
export const silu = plain('silu');
/**
 * x tanh(softplus(x)). Any shape.
 *
 * @example sequential([layers.dense({ units: 8 }), layers.mish()])
 */
export const mish = plain('mish');
/**
 * log(1 + exp(x)), for all x without overflow. Any shape.
 *
 * @example sequential([layers.dense({ units: 8 }), layers.softplus()])
 */
export const softplus = plain('softplus');
/**
 * x / (1 + |x|). Any shape.
 *
 * @example sequential([layers.dense({ units: 8 }), layers.softsign()])
 */
export const softsign = plain('softsign');
/**
 * 1 / (1 + exp(-x)). Any shape.
 *
 * @example sequential([layers.dense({ units: 8 }), layers.sigmoid()])
 */
export const sigmoid = plain('sigmoid');
/**
 * x / 6 + 0.5 cut to [0, 1], as in Keras 3 and PyTorch (Keras 1 and 2, and tfjs, have x / 5). Any shape.
 *
 * @example sequential([layers.dense({ units: 8 }), layers.hardSigmoid()])
 */
export const hardSigmoid = plain('hardSigmoid');
/**
 * x hardSigmoid(x), as MobileNetV3 uses it. Any shape.
 *
 * @example sequential([layers.dense({ units: 8 }), layers.hardSwish()])
 */
export const hardSwish = plain('hardSwish');
/**
 * Hyperbolic tangent. Any shape.
 *
 * @example sequential([layers.dense({ units: 8 }), layers.tanh()])
 */
export const tanh = plain('tanh');
/**
 * exp(x). Any shape.
 *
 * @example sequential([layers.dense({ units: 8 }), layers.exponential()])
 */
export const exponential = plain('exponential');
/**
 * x itself. Any shape.
 *
 * @example sequential([layers.dense({ units: 8 }), layers.linear()])
 */
export const linear = plain('linear');

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
