// The networks of the demo: one that learns much from few digits, LeNet-5 (LeCun et al. 1998, with ReLU and max pooling)
// and a plain two-convolution network.

import type { Layer } from '../nn/layer.js';
import { layers } from '../nn/layers/index.js';
import { type Optimizer, optimizers } from '../nn/optimizers.js';
import { schedules } from '../nn/schedules.js';

export interface DemoModel {
  layers(): Layer[];
  /** Adam whose rate falls to a fiftieth along half a cosine over all `steps`. */
  optimizer(steps: number): Optimizer;
}

const adamWithCosine = (peak: number) => (steps: number) =>
  optimizers.adam({
    learningRate: schedules.cosineDecay({ initialLearningRate: peak, decaySteps: steps, alpha: 0.02 }),
  });

const conv = (filters: number, kernelSize: number, padding: 'same' | 'valid' = 'valid'): Layer =>
  layers.conv2d({ filters, kernelSize, padding, activation: 'relu' });

const pool = (): Layer => layers.maxPooling2d({ poolSize: 2 });

const normalizedConv = (filters: number): Layer[] => [
  layers.conv2d({ filters, kernelSize: 3, useBias: false }),
  layers.batchNormalization({ momentum: 0.9 }),
  layers.relu(),
];

export const demoModelNames = ['digits', 'lenet5', 'mnistcnn'] as const;

export const demoModels: Readonly<Record<(typeof demoModelNames)[number], DemoModel>> = {
  digits: {
    layers: () => [
      layers.rescaling({ scale: 1 / 255 }),
      ...normalizedConv(16),
      ...normalizedConv(32),
      pool(),
      ...normalizedConv(64),
      pool(),
      layers.flatten(),
      layers.dropout({ rate: 0.3 }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
    optimizer: adamWithCosine(4e-3),
  },
  lenet5: {
    layers: () => [
      layers.rescaling({ scale: 1 / 255 }),
      conv(6, 5, 'same'),
      pool(),
      conv(16, 5),
      pool(),
      layers.flatten(),
      layers.dense({ units: 120, activation: 'relu' }),
      layers.dense({ units: 84, activation: 'relu' }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
    optimizer: adamWithCosine(2e-3),
  },
  mnistcnn: {
    layers: () => [
      layers.rescaling({ scale: 1 / 255 }),
      conv(32, 3),
      pool(),
      conv(64, 3),
      pool(),
      layers.flatten(),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
    optimizer: adamWithCosine(2e-3),
  },
};
