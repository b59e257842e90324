// Forty steps of LeNet-5 on MNIST against a recorded run in double precision: every loss, the gradients of the first
// step, the final weights, the outputs after training.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { layers, loadMnist, type Model, readSafetensors, sequential } from '../../src/index.js';
import { type BackendName, backends } from './harness.js';

const shared = fileURLToPath(new URL('../../../shared/data', import.meta.url));
const run = `${shared}/training-reference/lenet5-mnist-sgd`;
const present = existsSync(`${run}.json`) && existsSync(`${shared}/mnist`);
if (!present) console.warn('golden run skipped: no ../shared/data');

interface Reference {
  batch: number;
  steps: number;
  loss_per_step: number[];
  eval_after_training: { shape: number[]; data: number[] };
}

function lenet(backend: BackendName): Model {
  const conv = (name: string, filters: number, padding: number) =>
    layers.conv2d({ name, filters, kernelSize: 5, padding, activation: 'tanh' });
  const fc = (name: string, units: number, activation: 'tanh' | 'linear') => layers.dense({ name, units, activation });
  const stack = [
    layers.rescaling({ scale: 1 / 255, inputShape: [28, 28, 1] }),
    conv('conv1', 6, 2),
    layers.averagePooling2d({ poolSize: 2 }),
    conv('conv2', 16, 0),
    layers.averagePooling2d({ poolSize: 2 }),
    layers.flatten(),
    fc('fc1', 120, 'tanh'),
    fc('fc2', 84, 'tanh'),
    fc('fc3', 10, 'linear'),
  ];
  return sequential(stack).compile({
    optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 },
    loss: { name: 'sparseCategoricalCrossentropy', fromLogits: true },
    backend,
  });
}

/** The recorded layouts (OIHW kernels, [out, in] matrices, features in the order channel, row, column) in ours. */
async function readWeights(file: string): Promise<Record<string, Float32Array>> {
  const { tensors } = await readSafetensors(file);
  const weights: Record<string, Float32Array> = {};
  for (const [name, { data, shape }] of tensors) {
    const [layer, kind] = name.split('.');
    const values = Float32Array.from(data);
    if (kind === 'bias') weights[`${layer}/bias`] = values;
    else
      weights[`${layer}/kernel`] = shape.length === 4 ? toHwio(values, shape) : toInOut(values, shape, layer === 'fc1');
  }
  return weights;
}

function toHwio(source: Float32Array, [outputs, inputs, height, width]: readonly number[]): Float32Array {
  const target = new Float32Array(source.length);
  let at = 0;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let p = 0; p < height * width; p++) target[(p * inputs + i) * outputs + o] = source[at++];
    }
  }
  return target;
}

/** With `maps`, inputs are 16 maps of 5x5: from map-major to pixel-major order. */
function toInOut(source: Float32Array, [outputs, inputs]: readonly number[], maps: boolean): Float32Array {
  const target = new Float32Array(source.length);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      const row = maps ? (i % 25) * 16 + Math.floor(i / 25) : i;
      target[row * outputs + o] = source[o * inputs + i];
    }
  }
  return target;
}

/** Largest difference, relative to the largest value expected. */
function difference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length);
  let [worst, scale] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(got[i] - expected[i]));
    scale = Math.max(scale, Math.abs(expected[i]));
  }
  return worst / scale;
}

describe.skipIf(!present).each(backends)('LeNet-5, %s', (backend) => {
  test('forty steps', async () => {
    const reference = JSON.parse(readFileSync(`${run}.json`, 'utf8')) as Reference;
    const mnist = await loadMnist(`${shared}/mnist`);
    const slice = (begin: number, end: number) => ({
      data: mnist.train.images.data.subarray(784 * begin, 784 * end),
      shape: [end - begin, 28, 28, 1],
    });
    const model = lenet(backend);
    model.setWeights(await readWeights(`${run}.init.safetensors`));
    const trainer = model.trainer();
    const { batch, steps } = reference;

    const first = await trainer.gradients(slice(0, batch), mnist.train.labels.data.subarray(0, batch));
    for (const [path, expected] of Object.entries(await readWeights(`${run}.grad0.safetensors`))) {
      expect(difference(first.values[path].data, expected), path).toBeLessThan(1e-5);
    }

    const losses: number[] = [];
    for (let step = 0; step < steps; step++) {
      const [begin, end] = [step * batch, (step + 1) * batch];
      losses.push((await trainer.step(slice(begin, end), mnist.train.labels.data.subarray(begin, end))).loss);
    }
    losses.forEach((loss, step) => {
      expect(Math.abs(loss / reference.loss_per_step[step] - 1), `loss of step ${step}`).toBeLessThan(1e-5);
    });
    const weights = model.getWeights();
    for (const [path, expected] of Object.entries(await readWeights(`${run}.final.safetensors`))) {
      expect(difference(weights[path], expected), path).toBeLessThan(1e-5);
    }
    const { data, shape } = reference.eval_after_training;
    const tests = { data: mnist.test.images.data.subarray(0, 784 * shape[0]), shape: [shape[0], 28, 28, 1] };
    expect(difference((await model.predict(tests)).data, data)).toBeLessThan(1e-5);
  });
});
