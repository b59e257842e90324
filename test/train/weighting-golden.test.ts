// Trainings with weights of samples and classes against Keras 3 in double precision (scripts/goldens/weighting.py): loss
// and metrics of every epoch, the weights of the layers afterwards, an evaluation with weights.

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  type CompileOptions,
  input,
  layers,
  type Model,
  model,
  readSafetensors,
  type WeightingOptions,
} from '../../src/index.js';
import { type BackendName, backends } from './harness.js';

/** Where an array begins, and its shape. */
type Place = readonly number[];
type Head = readonly [target: string, loss: string, metric: string];

interface Case {
  readonly heads: Readonly<Record<string, Head>>;
  readonly weighting: string;
  readonly lossWeights: readonly number[] | null;
  readonly validationSplit: number;
  readonly x: Place;
  readonly y: Readonly<Record<string, Place>>;
  readonly first: Readonly<Record<string, Place>>;
  readonly sampleWeight?: Place | Readonly<Record<string, Place>>;
  readonly classWeight?: Readonly<Record<string, number>>;
  readonly evaluated: Place;
  readonly history: readonly string[];
  readonly results: readonly string[];
}

const file = fileURLToPath(new URL('weighting.safetensors', import.meta.url));
const { tensors, metadata } = await readSafetensors(file);
const inputs = tensors.get('inputs')?.data as Float32Array;
const results = tensors.get('results')?.data as Float32Array;
const cases = JSON.parse(metadata.cases) as Case[];
const epochs = 3;

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
const read = ([offset, ...shape]: Place) => ({ data: inputs.subarray(offset, offset + sizeOf(shape)), shape });
const readAll = (table: Readonly<Record<string, Place>>) =>
  Object.fromEntries(Object.entries(table).map(([name, place]) => [name, read(place)]));

const starts: number[] = [];
let length = 0;
for (const { history, first, results: last } of cases) {
  starts.push(length);
  length += epochs * history.length + last.length;
  for (const [, ...shape] of Object.values(first)) length += sizeOf(shape);
}

const units: Record<string, number> = { labels: 3, oneHot: 3, bits: 1, values: 2 };
const activations = { labels: 'softmax', oneHot: 'softmax', bits: 'sigmoid', values: 'softplus' } as const;

function modelOf({ heads, x, first, lossWeights }: Case, backend: BackendName): Model {
  const entry = input({ shape: x.slice(2) });
  const outputs = Object.entries(heads).map(([name, [kind]]) =>
    layers.dense({ name, units: units[kind], activation: activations[kind as 'values'] }).apply(entry),
  );
  const metrics = Object.fromEntries(Object.entries(heads).map(([name, [, , metric]]) => [name, [metric]]));
  const net = model({ inputs: entry, outputs }) as unknown as Model;
  net.compile({
    optimizer: { name: 'sgd', learningRate: 0.25 },
    loss: Object.values(heads).map(([, loss]) => loss) as CompileOptions['loss'],
    metrics: metrics as CompileOptions['metrics'],
    weightedMetrics: metrics as CompileOptions['metrics'],
    ...(lossWeights && { lossWeights }),
    backend,
  });
  net.setWeights(Object.fromEntries(Object.entries(readAll(first)).map(([path, { data }]) => [path, data])));
  return net;
}

function weightingOf({ sampleWeight, classWeight }: Case): WeightingOptions {
  if (classWeight) return { classWeight };
  const isPlace = (value: unknown): value is Place => Array.isArray(value);
  return { sampleWeight: isPlace(sampleWeight) ? read(sampleWeight) : readAll(sampleWeight ?? {}) };
}

const labelled = cases.map((golden, index) => {
  const heads = Object.values(golden.heads).map(([, loss]) => loss);
  const split = golden.validationSplit > 0 ? ', split' : '';
  const scaled = golden.lossWeights ? ', scaled' : '';
  return [`${heads.join(' and ')}, ${golden.weighting}${split}${scaled}`, golden, index] as const;
});

describe.each(backends)('%s', (backend) => {
  test.each(labelled)('%s', async (_name, golden, index) => {
    const net = modelOf(golden, backend);
    const [x, y] = [read(golden.x), readAll(golden.y)];
    const options = { batchSize: 4, verbose: 0 } as const;
    const { history } = await net.fit(x, y, {
      ...options,
      epochs,
      shuffle: false,
      validationSplit: golden.validationSplit,
      ...weightingOf(golden),
    });
    let at = starts[index];
    const near = (got: number, what: string) => {
      const expected = results[at++];
      expect(Math.abs(got - expected) / Math.max(1, Math.abs(expected)), `${what}: ${got}, ${expected}`).toBeLessThan(
        2e-6,
      );
    };
    expect(Object.keys(history).sort()).toEqual([...golden.history].sort());
    for (const name of golden.history) history[name].forEach((value) => void near(value, name));
    const after = net.getWeights();
    for (const path of Object.keys(golden.first)) after[path].forEach((value) => void near(value, path));
    const logs = await net.evaluate(x, y, { ...options, sampleWeight: read(golden.evaluated) });
    for (const name of golden.results) near(logs[name], name);
  });
});
