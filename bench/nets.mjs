// The networks that are timed, layer by layer as in the PyTorch script they are compared with.

import { layers, sequential } from '../dist/index.js';

const conv = (filters, kernelSize, padding = 'valid') => layers.conv2d({ filters, kernelSize, padding, activation: 'relu' });
const pool = () => layers.maxPooling2d({ poolSize: 2 });

export const nets = {
  lenet5: {
    inputShape: [28, 28, 1],
    classes: 10,
    batch: 64,
    build: () => [
      conv(6, 5, 2),
      pool(),
      conv(16, 5),
      pool(),
      layers.flatten(),
      layers.dense({ units: 120, activation: 'relu' }),
      layers.dense({ units: 84, activation: 'relu' }),
      layers.dense({ units: 10 }),
    ],
  },
  mnistcnn: {
    inputShape: [28, 28, 1],
    classes: 10,
    batch: 128,
    build: () => [
      conv(32, 3),
      pool(),
      conv(64, 3),
      pool(),
      layers.flatten(),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: 10 }),
    ],
  },
  cifarcnn: {
    inputShape: [32, 32, 3],
    classes: 10,
    batch: 64,
    build: () => [
      conv(32, 3, 1),
      conv(32, 3),
      pool(),
      layers.dropout({ rate: 0.25 }),
      conv(64, 3, 1),
      conv(64, 3),
      pool(),
      layers.dropout({ rate: 0.25 }),
      layers.flatten(),
      layers.dense({ units: 512, activation: 'relu' }),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: 10 }),
    ],
  },
};

/** The compiled network with one batch of random data: SGD with momentum, as the peer. */
export function prepare(name, { backend, threads, isa, batch }) {
  const net = nets[name];
  const size = batch ?? net.batch;
  const model = sequential(net.build(), { inputShape: net.inputShape, seed: 1 });
  model.compile({
    optimizer: { name: 'sgd', learningRate: 1e-3, momentum: 0.9 },
    loss: { name: 'sparseCategoricalCrossentropy', fromLogits: true },
    backend,
    threads,
    isa,
  });
  const pixels = net.inputShape.reduce((a, b) => a * b, 1);
  const x = { data: Float32Array.from({ length: size * pixels }, (_, i) => Math.sin(i * 12.9898) * 1.7), shape: [size, ...net.inputShape] };
  const y = { data: Int32Array.from({ length: size }, (_, i) => (i * 7) % net.classes), shape: [size] };
  return { model, x, y, batch: size };
}
