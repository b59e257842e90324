// Ten steps of five small networks against PyTorch in double precision (scripts/goldens/courses.py): two inputs and two
// outputs, a residual block with batch normalization, a signal, a volume, a U-Net. Losses of all steps, weights and
// statistics after the last, on every backend with one thread and with two, which must not differ by a bit.

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  type CompileOptions,
  input,
  layers,
  type Model,
  type ModelData,
  model,
  readSafetensors,
  sequential,
} from '../../src/index.js';
import type { Tensor } from '../../src/model/tensor.js';
import { backends } from './harness.js';

type Settings = Pick<CompileOptions, 'optimizer' | 'loss' | 'lossWeights'>;
type AnyModel = Model | Model<Tensor[]>;

const same = 'same' as const;
const classes = { name: 'sparseCategoricalCrossentropy', fromLogits: true } as const;
const yesOrNo = { name: 'binaryCrossentropy', fromLogits: true } as const;

function twoInputs(): AnyModel {
  const image = input({ shape: [7, 6, 2] });
  const vector = input({ shape: [3] });
  const conv = layers
    .conv2d({ name: 'conv', filters: 4, kernelSize: 3, padding: same, activation: 'relu' })
    .apply(image);
  const features = layers.concatenate().apply([layers.globalAveragePooling2d().apply(conv), vector]);
  const hidden = layers.dense({ name: 'hidden', units: 6, activation: 'tanh' }).apply(features);
  const [kind, size] = [3, 1].map((units) =>
    layers.dense({ name: units === 3 ? 'kind' : 'size', units }).apply(hidden),
  );
  return model({ inputs: [image, vector], outputs: [kind, size] });
}

function residual(): AnyModel {
  const conv = (name: string, filters: number, kernelSize: number, strides = 1) =>
    layers.conv2d({ name, filters, kernelSize, strides, padding: kernelSize >> 1, useBias: false });
  const norm = (name: string) => layers.batchNormalization({ name, momentum: 0.9 });
  const image = input({ shape: [8, 8, 3] });
  const stem = sequential([conv('conv', 4, 3), norm('norm'), layers.relu()], { name: 'stem' });
  const x = stem.apply(image);
  const first = layers.relu().apply(norm('norm1').apply(conv('conv1', 8, 3, 2).apply(x)));
  const second = norm('norm2').apply(conv('conv2', 8, 3).apply(first));
  const shortcut = norm('norm3').apply(conv('conv3', 8, 1, 2).apply(x));
  const y = layers.globalAveragePooling2d().apply(layers.relu().apply(layers.add().apply([second, shortcut])));
  return model({ inputs: image, outputs: layers.dense({ name: 'out', units: 3 }).apply(y) });
}

const signal = (): AnyModel =>
  sequential([
    layers.conv1d({
      name: 'causal',
      filters: 6,
      kernelSize: 3,
      padding: 'causal',
      dilation: 2,
      activation: 'elu',
      inputShape: [19, 3],
    }),
    layers.maxPooling1d({ poolSize: 3, strides: 2 }),
    layers.separableConv1d({ name: 'separable', filters: 5, kernelSize: 3, depthMultiplier: 2, activation: 'silu' }),
    layers.globalAveragePooling1d(),
    layers.dense({ name: 'out', units: 1 }),
  ]);

const volume = (): AnyModel =>
  sequential([
    layers.conv3d({
      name: 'conv1',
      filters: 4,
      kernelSize: 3,
      padding: same,
      activation: 'tanh',
      inputShape: [4, 6, 5, 2],
    }),
    layers.averagePooling3d({ poolSize: 2 }),
    layers.conv3d({ name: 'conv2', filters: 3, kernelSize: 2, activation: 'softplus' }),
    layers.flatten(),
    layers.dense({ name: 'out', units: 2 }),
  ]);

function unet(): AnyModel {
  const conv = (name: string, filters: number) =>
    layers.conv2d({ name, filters, kernelSize: 3, padding: same, activation: 'relu' });
  const image = input({ shape: [8, 8, 1] });
  const down = conv('down', 4).apply(image);
  const middle = conv('middle', 8).apply(layers.maxPooling2d().apply(down));
  const up = layers.conv2dTranspose({ name: 'up', filters: 4, kernelSize: 2, strides: 2 }).apply(middle);
  const merged = conv('merge', 4).apply(layers.concatenate().apply([down, up]));
  return model({ inputs: image, outputs: layers.conv2d({ name: 'out', filters: 1, kernelSize: 1 }).apply(merged) });
}

const courses: Record<string, [() => AnyModel, Settings]> = {
  twoInputs: [
    twoInputs,
    {
      optimizer: { name: 'sgd', learningRate: 0.1, momentum: 0.9, nesterov: true },
      loss: [classes, 'meanSquaredError'],
      lossWeights: [1, 0.5],
    },
  ],
  residual: [residual, { optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 }, loss: classes }],
  signal: [signal, { optimizer: { name: 'adam', learningRate: 0.01, epsilon: 1e-12 }, loss: yesOrNo }],
  volume: [volume, { optimizer: { name: 'rmsprop', learningRate: 0.003, epsilon: 1e-12 }, loss: 'huber' }],
  unet: [unet, { optimizer: { name: 'sgd', learningRate: 0.2, momentum: 0.8 }, loss: yesOrNo }],
};

const { tensors } = await readSafetensors(fileURLToPath(new URL('courses.safetensors', import.meta.url)));

/** The tensors whose names begin with `prefix`, by the rest of it. */
const under = (prefix: string) =>
  Object.fromEntries(
    [...tensors].flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [])),
  );

/** Samples of one step from every tensor of a kind. */
function part(prefix: string, step: number, batch: number): ModelData {
  const all = Object.values(under(prefix)).map(({ data, shape: [, ...sample] }) => {
    const size = sample.reduce((product, length) => product * length, 1) * batch;
    return { data: data.subarray(step * size, (step + 1) * size), shape: [batch, ...sample] };
  });
  return all.length === 1 ? all[0] : all;
}

/** Losses and weights of a course. */
async function run(name: string, backend: 'typescript' | 'native', threads: number) {
  const [make, settings] = courses[name];
  const net = make().compile({ ...settings, backend, threads });
  const first = under(`${name}/first/`);
  net.setWeights({
    ...net.getWeights(),
    ...Object.fromEntries(Object.entries(first).map(([path, { data }]) => [path, data as Float32Array])),
  });
  const trainer = net.trainer();
  const losses: number[] = [];
  for (let step = 0; step < 10; step++) {
    losses.push((await trainer.step(part(`${name}/x`, step, 4), part(`${name}/y`, step, 4))).loss);
  }
  return { losses, weights: net.getWeights() };
}

describe.each(backends)('%s', (backend) => {
  test.each(Object.keys(courses))('%s', async (name) => {
    const { losses, weights } = await run(name, backend, 1);
    const expected = under(`${name}/losses`)[''].data;
    losses.forEach((loss, step) => {
      expect(Math.abs(loss / expected[step] - 1), `loss of step ${step}`).toBeLessThan(2e-5);
    });
    const last = under(`${name}/last/`);
    expect(Object.keys(weights).sort()).toEqual(Object.keys(last).sort());
    for (const [path, { data }] of Object.entries(last)) {
      const scale = Math.max(...Array.from(data, Math.abs));
      weights[path].forEach((value, i) => {
        expect(Math.abs(value - data[i]) / scale, `${path}[${i}]`).toBeLessThan(1e-4);
      });
    }
    if (backend === 'native') expect(await run(name, backend, 2)).toEqual({ losses, weights });
  });
});
