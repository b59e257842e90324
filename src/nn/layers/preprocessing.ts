// Layers that bring raw data into the range networks like. They run inside the plan, and are saved with the model.

import { defineLayer, type LayerOptions } from '../layer.js';

export interface RescalingOptions extends LayerOptions {
  scale: number;
  /** Default 0. */
  offset?: number;
}

/**
 * x * scale + offset, for data of any type: bytes become float32 here. Any shape.
 *
 * @example layers.rescaling({ scale: 1 / 255, inputShape: [28, 28, 1] })
 */
export const rescaling = defineLayer<RescalingOptions, { scale: number; offset: number }>({
  type: 'rescaling',
  options: { scale: undefined, offset: 0 },
  anyDtype: true,
  parse: (options) => ({ scale: options.number('scale'), offset: options.number('offset') }),
  call: (context, [x], attrs) => context.op('rescale', [x], attrs),
});
