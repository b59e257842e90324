// Regularizers and constraints of weights: their values, their part in the loss and in steps, and their way into files.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type ConstraintOption,
  constraints,
  layers,
  load,
  type Model,
  type RegularizerOption,
  regularizers,
  sequential,
} from '../../src/index.js';
import { backends, blobs, errorOf, silent } from '../train/harness.js';

interface Rules {
  regularizer?: RegularizerOption;
  constraint?: ConstraintOption;
  backend?: 'native' | 'typescript';
  trainable?: boolean;
}

function net({ regularizer, constraint, backend = 'typescript', trainable = true }: Rules): Model {
  const model = sequential(
    [
      layers.dense({
        units: 5,
        activation: 'tanh',
        kernelRegularizer: regularizer,
        kernelConstraint: constraint,
        inputShape: [2],
        trainable,
      }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
    { seed: 3 },
  );
  return model.compile({
    optimizer: { name: 'sgd', learningRate: 0.5 },
    loss: 'sparseCategoricalCrossentropy',
    backend,
  });
}

const kernelOf = (model: Model): Float32Array => model.getWeights()['dense/kernel'];
const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);

/** Mean |cosine| of the pairs of rows of a matrix. */
function meanCosine(rows: readonly (readonly number[])[]): number {
  const length = (row: readonly number[]) => Math.sqrt(sum(row.map((v) => v * v)));
  const cosines = rows.flatMap((a, i) =>
    rows.slice(i + 1).map((b) => Math.abs(sum(a.map((v, k) => v * b[k]))) / length(a) / length(b)),
  );
  return sum(cosines) / cosines.length;
}

const matrix = (kernel: Float32Array): number[][] => [0, 1].map((row) => [...kernel.subarray(5 * row, 5 * row + 5)]);
const turned = (rows: number[][]): number[][] => rows[0].map((_, column) => rows.map((row) => row[column]));

const penalties: [string, RegularizerOption, (kernel: Float32Array) => number][] = [
  ['l1', 'l1', (kernel) => 0.01 * sum(kernel.map(Math.abs))],
  ['l2', { name: 'l2', l2: 0.3 }, (kernel) => 0.3 * sum(kernel.map((v) => v * v))],
  [
    'l1l2',
    regularizers.l1l2({ l1: 0.2, l2: 0.1 }),
    (kernel) => 0.2 * sum(kernel.map(Math.abs)) + 0.1 * sum(kernel.map((v) => v * v)),
  ],
  ['nothing', regularizers.l1l2(), () => 0],
  ['orthogonal rows', regularizers.orthogonal({ factor: 0.5 }), (kernel) => 0.5 * meanCosine(matrix(kernel))],
  [
    'orthogonal columns',
    regularizers.orthogonal({ factor: 0.5, mode: 'columns' }),
    (kernel) => 0.5 * meanCosine(turned(matrix(kernel))),
  ],
  [
    'a function',
    (emitter, weight) => emitter.emit('reduceMean', [weight], { axes: [0, 1], keepDims: 0 })[0],
    (kernel) => sum(kernel) / kernel.length,
  ],
];

describe.each(backends)('%s', (backend) => {
  test.each(penalties)('penalty: %s', async (_, regularizer, expected) => {
    const { x, y } = blobs(20);
    const plain = await net({ backend }).evaluate(x, y);
    const model = net({ backend, regularizer });
    const { loss } = await model.evaluate(x, y);
    expect(loss - plain.loss).toBeCloseTo(expected(kernelOf(model)), 5);
    for (const { path, error } of await model.checkGradients(x, y)) expect(error, path).toBeLessThan(0.03);
  });

  test('what is frozen costs nothing', async () => {
    const { x, y } = blobs(20);
    const plain = await net({ backend }).evaluate(x, y);
    const frozen = net({ backend, regularizer: 'l2', constraint: 'nonNegative', trainable: false });
    expect(await frozen.evaluate(x, y)).toEqual(plain);
    const before = kernelOf(frozen);
    await frozen.fit(x, y, silent);
    expect(kernelOf(frozen)).toEqual(before);
  });

  const lengths = (kernel: Float32Array): number[] =>
    turned(matrix(kernel)).map((column) => Math.sqrt(sum(column.map((v) => v * v))));

  test.each<[string, ConstraintOption, (kernel: Float32Array) => boolean]>([
    ['maxNorm', { name: 'maxNorm', maxValue: 0.4 }, (kernel) => lengths(kernel).every((length) => length < 0.40001)],
    ['unitNorm', 'unitNorm', (kernel) => lengths(kernel).every((length) => Math.abs(length - 1) < 1e-5)],
    ['nonNegative', 'nonNegative', (kernel) => kernel.every((value) => value >= 0) && kernel.some((v) => v === 0)],
    [
      'minMaxNorm',
      constraints.minMaxNorm({ minValue: 0.7, maxValue: 0.8 }),
      (kernel) => lengths(kernel).every((length) => length > 0.69999 && length < 0.80001),
    ],
    [
      'both axes',
      constraints.unitNorm({ axis: [0, -1] }),
      (kernel) => Math.abs(sum(kernel.map((v) => v * v)) - 1) < 1e-5,
    ],
  ])('constraint: %s', async (_, constraint, holds) => {
    const { x, y } = blobs(20);
    const model = net({ backend, constraint });
    const free = net({ backend });
    expect(holds(kernelOf(model))).toBe(false);
    for (const one of [model, free]) await one.fit(x, y, { ...silent, epochs: 2 });
    expect(holds(kernelOf(model))).toBe(true);
    expect(holds(kernelOf(free))).toBe(false);
  });

  test('a rate brings lengths part of the way', async () => {
    const { x, y } = blobs(20);
    const constraint = constraints.minMaxNorm({ minValue: 1, maxValue: 1, rate: 0.25 });
    const options = { optimizer: { name: 'sgd', learningRate: 0 }, loss: 'sparseCategoricalCrossentropy' } as const;
    const model = net({ constraint }).compile({ ...options, backend });
    const before = lengths(kernelOf(model));
    await model.fit(x, y, { ...silent, epochs: 1, batchSize: 20 });
    const after = lengths(kernelOf(model));
    after.forEach((length, i) => void expect(length).toBeCloseTo(0.25 + 0.75 * before[i], 5));
  });

  test('rules are saved and go on', async () => {
    const { x, y } = blobs(20);
    const folder = mkdtempSync(join(tmpdir(), 'ocellus-rules-'));
    try {
      const model = net({ backend, regularizer: regularizers.l1({ l1: 0.05 }), constraint: 'unitNorm' });
      await model.fit(x, y, silent);
      await model.save(join(folder, 'model.safetensors'));
      const again = await load(join(folder, 'model.safetensors'), { backend });
      expect(again.network.config).toEqual(model.network.config);
      expect(await again.evaluate(x, y)).toEqual(await model.evaluate(x, y));
      for (const one of [model, again]) await one.fit(x, y, { ...silent, epochs: 2, initialEpoch: 1 });
      expect(again.getWeights()).toEqual(model.getWeights());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test.each<[string, () => unknown, RegExp]>([
  ['regularizer', () => net({ regularizer: 'l3' as 'l2' }), /kernelRegularizer.*expected one of l1, l2/],
  ['factor', () => regularizers.l2({ l2: -1 }), /option 'l2': expected a number at least 0, got -1/],
  ['unknown option', () => regularizers.l2({ l1: 1 } as object), /regularizer 'l2'/],
  [
    'mode',
    () => regularizers.orthogonal({ mode: 'diagonal' as 'rows' }),
    /option 'mode': expected one of rows, columns/,
  ],
  ['constraint', () => net({ constraint: 7 as unknown as 'maxNorm' }), /kernelConstraint.*expected a constraint/],
  ['axis', () => constraints.unitNorm({ axis: 0.5 }), /option 'axis': expected an axis/],
  ['order', () => constraints.minMaxNorm({ minValue: 2, maxValue: 1 }), /option 'maxValue'/],
])('wrong %s', async (_, make, message) => {
  const error = await errorOf(make);
  expect(error.code).toBe('ERR_OCELLUS_OPTION');
  expect(error.message).toMatch(message);
});
