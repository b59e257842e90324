// Fully connected layers.

import { shapeText, sizeOf } from '../../core/shape.js';
import { defineLayer, type LayerOptions } from '../layer.js';
import { readWeight, type WeightOptions, type WeightSetting, weightDefaults } from '../weight-options.js';
import { type ActivationName, activate, readActivation } from './activation.js';

/** kernelInitializer is 'glorotUniform' by default, biasInitializer 'zeros'. */
export interface DenseOptions extends LayerOptions, WeightOptions<'kernel' | 'bias'> {
  /** Number of outputs. */
  units: number;
  /** Default 'linear'. */
  activation?: ActivationName | null;
  /** Adds a number per unit. Default true. */
  useBias?: boolean;
}

interface Settings {
  units: number;
  activation: ActivationName;
  useBias: boolean;
  kernel: WeightSetting;
  bias: WeightSetting;
}

/**
 * activation(x · kernel + bias): [batch, …, features] → [batch, …, units]; with more than two axes it works on the last.
 * Weights: kernel [features, units], bias [units].
 *
 * @example layers.dense({ units: 10, activation: 'softmax' })
 */
export const dense = defineLayer<DenseOptions, Settings>({
  type: 'dense',
  options: {
    units: undefined,
    activation: 'linear',
    useBias: true,
    ...weightDefaults('kernel', 'glorotUniform'),
    ...weightDefaults('bias', 'zeros'),
  },
  parse: (options) => ({
    units: options.integer('units', { min: 1 }),
    activation: readActivation(options),
    useBias: options.boolean('useBias'),
    kernel: readWeight(options, 'kernel'),
    bias: readWeight(options, 'bias'),
  }),
  call(context, [x], { units, activation, useBias, ...weights }) {
    const { shape } = x;
    if (shape.length < 2) context.fail('samples with at least one axis', shapeText(shape.slice(1)));
    const features = shape[shape.length - 1];
    const kernel = context.weight('kernel', [features, units], weights.kernel);
    const bias = useBias ? context.weight('bias', [units], weights.bias) : null;
    if (shape.length === 2) return activate(context, context.op('dense', [x, kernel, bias]), activation);
    const others = shape.slice(0, -1);
    const rows = context.op('reshape', [x], { shape: [sizeOf(others), features] });
    const product = context.op('dense', [rows, kernel, bias]);
    return activate(context, context.op('reshape', [product], { shape: [...others, units] }), activation);
  },
});
