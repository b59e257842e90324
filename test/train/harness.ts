// What the tests of training and models share: the backends that are there, small data, small networks.

import { loadAddon } from '../../src/backend/load.js';
import { layers, type Model, OcellusError, Random, sequential } from '../../src/index.js';

export type BackendName = 'typescript' | 'native';

const { addon, tried } = loadAddon();
if (!addon)
  console.warn(`native backend skipped: ${tried.map(({ path, problem }) => `${path}: ${problem}`).join('; ')}`);

/** For `describe.each`. */
export const backends: BackendName[] = addon ? ['typescript', 'native'] : ['typescript'];

export interface Samples {
  x: { data: Float32Array; shape: number[] };
  y: Int32Array;
}

/** `count` points around three centres in the plane, with the number of their centre. */
export function blobs(count: number, seed = 1): Samples {
  const random = new Random(seed);
  const centres = [
    [0, 2],
    [2, -1],
    [-2, -1],
  ];
  const data = new Float32Array(2 * count);
  const y = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    y[i] = i % 3;
    for (let axis = 0; axis < 2; axis++) data[2 * i + axis] = centres[y[i]][axis] + 0.5 * random.normal();
  }
  return { x: { data, shape: [count, 2] }, y };
}

/** `count` random 8x8 images of one channel, values 0..255, with labels 0..2 that depend on their brightness. */
export function images(count: number, seed = 1): { bytes: Uint8Array; shape: number[]; y: Int32Array } {
  const random = new Random(seed);
  const bytes = new Uint8Array(count * 64);
  const y = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    y[i] = i % 3;
    for (let j = 0; j < 64; j++) bytes[64 * i + j] = random.integer(86) + 85 * y[i];
  }
  return { bytes, shape: [count, 8, 8, 1], y };
}

export interface NetOptions {
  backend?: BackendName;
  seed?: number;
  optimizer?: Parameters<Model['compile']>[0]['optimizer'];
  dropout?: number;
}

/** Points of the plane → three classes. */
export function blobNet({ backend = 'typescript', seed = 1, optimizer = 'adam', dropout = 0 }: NetOptions = {}): Model {
  const hidden = layers.dense({ units: 16, activation: 'relu', inputShape: [2] });
  const last = layers.dense({ units: 3, activation: 'softmax' });
  const stack = dropout > 0 ? [hidden, layers.dropout({ rate: dropout }), last] : [hidden, last];
  const model = sequential(stack, { seed });
  return model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], backend });
}

/** Images of 8x8 → three classes, with everything that has state: batch normalization, dropout, momentum. */
export function imageNet({
  backend = 'typescript',
  seed = 1,
  optimizer = 'adam',
  dropout = 0.25,
}: NetOptions = {}): Model {
  const model = sequential(
    [
      layers.rescaling({ scale: 1 / 255, inputShape: [8, 8, 1] }),
      layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', useBias: false }),
      layers.batchNormalization({ momentum: 0.9 }),
      layers.relu(),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.dropout({ rate: dropout }),
      layers.flatten(),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
    { seed },
  );
  return model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], backend });
}

export const silent = { verbose: 0 } as const;

/** The error that `job` ends in. */
export async function errorOf(job: () => unknown): Promise<OcellusError> {
  try {
    await job();
  } catch (error) {
    if (error instanceof OcellusError) return error;
    throw error;
  }
  throw new Error('no error');
}
