// Layers around another layer.

import { shapeText } from '../../core/shape.js';
import { defineLayer, type Layer, type LayerOptions } from '../layer.js';
import { reshaped } from './spatial.js';

export interface TimeDistributedOptions extends LayerOptions {
  /** What is applied to every step: any layer or network of one input. */
  layer: Layer;
}

/**
 * The same layer, with the same weights, at every step of a sequence: [batch, time, …] → [batch, time, …']. All steps go
 * through it as one batch of batch * time samples, so batch normalization inside sees all of them together (Keras 3
 * takes each step by itself). Weights: those of the layer, under its name.
 *
 * @example
 * layers.timeDistributed({ layer: layers.conv2d({ filters: 8, kernelSize: 3 }), inputShape: [10, 28, 28, 1] });
 */
export const timeDistributed = defineLayer<TimeDistributedOptions, Layer>({
  type: 'timeDistributed',
  options: { layer: undefined },
  inner: ['layer'],
  anyDtype: true,
  parse: (options) => options.raw('layer') as Layer,
  call(context, [x], layer) {
    const [batch, time, ...sample] = x.shape;
    if (sample.length === 0) context.fail('samples [time, …]', shapeText(x.shape.slice(1)));
    const steps = reshaped(context, x, [batch * time, ...sample]);
    const y = context.layer(layer, [steps], layer.name ?? layer.type);
    return reshaped(context, y, [batch, time, ...y.shape.slice(1)]);
  },
});
