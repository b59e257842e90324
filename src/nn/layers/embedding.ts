// Vectors for whole numbers: words, categories.

import { defineLayer, type LayerOptions } from '../layer.js';
import { readWeight, type WeightOptions, type WeightSetting, weightDefaults } from '../weight-options.js';

/** embeddingsInitializer is uniform in ±0.05 by default. */
export interface EmbeddingOptions extends LayerOptions, WeightOptions<'embeddings'> {
  /** Numbers are 0 to inputDim - 1. */
  inputDim: number;
  /** Length of a vector. */
  outputDim: number;
  /** Only false: no layer here reads masks. */
  maskZero?: false;
}

/**
 * The trained vector of every number: [batch, …] → [batch, …, outputDim], for numbers of any type (fractions are cut
 * off). A number outside 0 to inputDim - 1 gives NaN. Weights: embeddings [inputDim, outputDim].
 *
 * @example layers.embedding({ inputDim: 1000, outputDim: 16, inputShape: [20] })
 */
export const embedding = defineLayer<
  EmbeddingOptions,
  { inputDim: number; outputDim: number; embeddings: WeightSetting }
>({
  type: 'embedding',
  options: {
    inputDim: undefined,
    outputDim: undefined,
    maskZero: false,
    ...weightDefaults('embeddings', 'randomUniform'),
  },
  anyDtype: true,
  parse(options) {
    if (options.boolean('maskZero')) throw options.error('maskZero', 'false: no layer here reads masks', true);
    return {
      inputDim: options.integer('inputDim', { min: 1 }),
      outputDim: options.integer('outputDim', { min: 1 }),
      embeddings: readWeight(options, 'embeddings'),
    };
  },
  call: (context, [x], { inputDim, outputDim, embeddings }) =>
    context.op('embedding', [x, context.weight('embeddings', [inputDim, outputDim], embeddings)]),
});
