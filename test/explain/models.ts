// Networks small enough that what explains them is known.

import { loadAddon } from '../../src/backend/load.js';
import { layers, type Model, sequential, type Tensor } from '../../src/index.js';

export type BackendName = 'typescript' | 'native';
export const backends: readonly BackendName[] = loadAddon().addon ? ['typescript', 'native'] : ['typescript'];
if (backends.length === 1) console.warn('explain: only the TypeScript backend, there is no addon');

export const onBackend = <M extends Model<Tensor> | Model<Tensor[]>>(model: M, backend: BackendName): M => {
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', backend });
  return model;
};

/** Two classes: the mean of a filter that answers to bright 3x3 squares, and of one that answers to dark ones. */
export function squareDetector(backend: BackendName, size = 12): Model<Tensor> {
  const net = sequential([
    layers.conv2d({
      name: 'conv',
      filters: 2,
      kernelSize: 3,
      padding: 'same',
      activation: 'relu',
      inputShape: [size, size, 1],
    }),
    layers.globalAveragePooling2d(),
    layers.dense({ name: 'scores', units: 2, activation: 'softmax' }),
  ]);
  onBackend(net, backend);
  net.setWeights({
    'conv/kernel': Array.from({ length: 18 }, (_, i) => (i % 2 === 0 ? 1 : -1)),
    'conv/bias': [-8, 1],
    'scores/kernel': [20, -5, -5, 20],
    'scores/bias': [0, 0],
  });
  return net;
}

/** An image of zeros with a square of ones whose upper left corner is (top, left). */
export function squareImage(top: number, left: number, size = 12, side = 3): { data: Float32Array; shape: number[] } {
  const data = new Float32Array(size * size);
  for (let y = top; y < top + side; y++) for (let x = left; x < left + side; x++) data[y * size + x] = 1;
  return { data, shape: [1, size, size, 1] };
}

/** Row and column of the largest number. */
export function peakOf({ data, shape }: { data: ArrayLike<number>; shape: readonly number[] }): number[] {
  let best = 0;
  for (let i = 1; i < data.length; i++) if (data[i] > data[best]) best = i;
  return [Math.floor(best / shape[1]), best % shape[1]];
}

/** Largest difference, as a share of the largest number. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, largest] = [0, 1e-12];
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(a[i]), Math.abs(b[i]));
  }
  return difference / largest;
}
