// What the type checker lets users write: the lines below are compiled, and wrong ones have to be errors.

import { expect, it } from 'vitest';
import { sequential } from '../../src/nn/compose.js';
import type { InitializerOption } from '../../src/nn/initializers.js';
import { layers } from '../../src/nn/layers/index.js';
import type { LossOption } from '../../src/nn/losses.js';
import type { MetricOption } from '../../src/nn/metrics.js';
import type { OptimizerOption } from '../../src/nn/optimizers.js';

it('names and options are literal types', () => {
  const right = (): unknown[] => [
    sequential([
      layers.conv2d({ filters: 1, kernelSize: [3, 3], padding: 'same', activation: 'relu' }),
      layers.flatten(),
    ]),
    'adam' satisfies OptimizerOption,
    { name: 'sgd', momentum: 0.9 } satisfies OptimizerOption,
    'sparseCategoricalCrossentropy' satisfies LossOption,
    'accuracy' satisfies MetricOption,
    { name: 'randomNormal', stddev: 0.1 } satisfies InitializerOption,
  ];
  const wrong = (): unknown[] => [
    // @ts-expect-error filters is required
    layers.conv2d({ kernelSize: 3 }),
    // @ts-expect-error so are options as a whole
    layers.dense(),
    // @ts-expect-error no such padding
    layers.conv2d({ filters: 1, kernelSize: 3, padding: 'causal' }),
    // @ts-expect-error no such activation
    layers.dense({ units: 1, activation: 'rleu' }),
    // @ts-expect-error no such option
    layers.dense({ units: 1, unit: 2 }),
    // @ts-expect-error no such initializer
    layers.dense({ units: 1, kernelInitializer: 'he' }),
    // @ts-expect-error no such optimizer
    'adma' satisfies OptimizerOption,
    // @ts-expect-error no such loss
    'crossentropy' satisfies LossOption,
    // @ts-expect-error no such metric
    'precisoin' satisfies MetricOption,
  ];
  expect(right().length).toBe(6);
  expect(wrong).toThrow("conv2d, option 'filters'");
});
