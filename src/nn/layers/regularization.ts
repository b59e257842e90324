// Dropout after Srivastava et al. (2014), inverted: outputs are scaled while training, so that inference does nothing.

import { defineLayer, type LayerOptions } from '../layer.js';

export interface DropoutOptions extends LayerOptions {
  /** Share of values set to 0; in [0, 1). */
  rate: number;
}

/**
 * In training, sets a random share `rate` of the values to 0 and multiplies the others by 1 / (1 - rate); otherwise
 * passes its input on. Any shape. Masks depend on the seed, the step and the layer's path only.
 *
 * @example layers.dropout({ rate: 0.5 })
 */
export const dropout = defineLayer<DropoutOptions, number>({
  type: 'dropout',
  options: { rate: undefined },
  parse: (options) => options.number('rate', { min: 0, below: 1 }),
  call(context, [x], rate) {
    if (!context.training || rate === 0) return x;
    return context.op('dropout', [x, context.seed()], { rate, salt: context.salt });
  },
});
