// Receptive fields against what one element of an output really depends on, and against known networks.

import { expect, test } from 'vitest';
import { ReceptiveFields } from '../../src/graph/receptive-field.js';
import { input, type Layer, layers, model, sequential } from '../../src/index.js';
import { surveyNetwork } from '../../src/train/weights.js';

function fieldOf(stack: readonly Layer[], size: number): number {
  const net = sequential(stack, { inputShape: [size, size, 1] });
  const { calls } = surveyNetwork(net.network);
  const field = new ReceptiveFields().of(calls[calls.length - 1].output);
  expect(field).toHaveLength(2);
  expect(field?.[0]).toEqual(field?.[1]);
  return field?.[0].size as number;
}

/** Rows of the input that the middle element of the output feels, by changing them one at a time. */
function feltRows(stack: readonly Layer[], size: number): number {
  const net = sequential(stack, { inputShape: [size, size, 1] });
  for (const { data, path } of net.weights) if (path.endsWith('kernel')) data.fill(1);
  const middle = (pixels: Float32Array): number => {
    const { data, shape } = net.predictSync({ data: pixels, shape: [1, size, size, 1] });
    const [height, width, channels] = shape.slice(1);
    return data[((height >> 1) * width + (width >> 1)) * channels];
  };
  const before = middle(new Float32Array(size * size));
  const rows = Array.from({ length: size }, (_, row) => {
    const pixels = new Float32Array(size * size);
    pixels.fill(1, row * size, (row + 1) * size);
    return middle(pixels) !== before;
  });
  return rows.lastIndexOf(true) - rows.indexOf(true) + 1;
}

const conv = (kernelSize: number, strides = 1, dilation = 1) =>
  layers.conv2d({ filters: 2, kernelSize, strides, dilation });
const up = (kernelSize: number, strides: number) => layers.conv2dTranspose({ filters: 1, kernelSize, strides });

test.each([
  ['one window', () => [conv(3)], 3],
  ['two windows', () => [conv(3), conv(5)], 7],
  ['a stride before', () => [conv(3, 2), conv(3)], 7],
  ['dilation', () => [conv(3, 1, 3), conv(2)], 8],
  ['pooling', () => [conv(5), layers.averagePooling2d({ poolSize: 2 }), conv(5)], 14],
  ['a window each for up and down', () => [conv(3, 2), up(2, 2), conv(3)], 5],
] as const)('%s', (_, stack, size) => {
  expect(fieldOf(stack(), 41)).toBe(size);
  const felt = feltRows(stack(), 41);
  // Enlarged elements lie side by side: a field that begins between two of them takes one element less.
  expect(felt).toBeLessThanOrEqual(size);
  expect(felt).toBeGreaterThanOrEqual(size - 1);
});

test('known networks', () => {
  const block = (count: number) => [...Array.from({ length: count }, () => conv(3)), layers.maxPooling2d()];
  expect(fieldOf([2, 2, 3, 3, 3].flatMap(block), 224)).toBe(212);
  const pool = () => layers.maxPooling2d({ poolSize: 3, strides: 2 });
  expect(fieldOf([conv(11, 4), pool(), conv(5), pool(), conv(3), conv(3), conv(3), pool()], 227)).toBe(195);
});

test('branches, the whole image, and values without a place', () => {
  const image = input({ shape: [16, 16, 1] });
  const wide = layers.conv2d({ filters: 2, kernelSize: 5, padding: 'same' }).apply(image);
  const narrow = layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same' }).apply(image);
  const sum = layers.add().apply([narrow, wide]);
  const net = model({ inputs: image, outputs: layers.dense({ units: 2 }).apply(layers.flatten().apply(sum)) });
  const { calls } = surveyNetwork(net.network);
  const fields = new ReceptiveFields();
  const sizes = calls.map(({ output }) => fields.of(output)?.map(({ size }) => size));
  const all = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  expect(sizes).toEqual([[5, 5], [3, 3], [5, 5], all, all]);
  const points = sequential([layers.dense({ units: 2, inputShape: [4] })]);
  expect(fields.of(surveyNetwork(points.network).calls[0].output)).toEqual([]);
});

test('volumes that are pooled plane by plane, and axes that change places', () => {
  const fieldsOf = (stack: readonly Layer[], inputShape: readonly number[]) => {
    const { calls } = surveyNetwork(sequential(stack, { inputShape }).network);
    return new ReceptiveFields().of(calls[calls.length - 1].output)?.map(({ size, jump }) => [size, jump]);
  };
  const conv3d = (kernelSize: [number, number, number]) => layers.conv3d({ filters: 2, kernelSize });
  const pool = layers.averagePooling3d({ poolSize: [2, 3, 4], strides: [2, 1, 3] });
  expect(fieldsOf([conv3d([3, 1, 2]), pool, conv3d([2, 3, 1])], [12, 13, 14, 1])).toEqual([
    [3 + 1 + 2, 2],
    [1 + 2 + 2, 1],
    [2 + 3, 3],
  ]);
  expect(fieldsOf([layers.maxPooling3d(), layers.globalAveragePooling3d({ keepDims: true })], [4, 4, 4, 1])).toEqual(
    [1, 2, 3].map(() => [Number.POSITIVE_INFINITY, 1]),
  );
  expect(
    fieldsOf([layers.maxPooling1d({ poolSize: 3 }), layers.conv1d({ filters: 1, kernelSize: 2 })], [12, 2]),
  ).toEqual([[6, 3]]);
  const turned = layers.permute({ dims: [2, 1, 3] });
  const tall = layers.conv2d({ filters: 1, kernelSize: [5, 1] });
  expect(fieldsOf([tall, turned, layers.maxPooling2d({ poolSize: [2, 1] })], [9, 8, 1])).toEqual([
    [2, 2],
    [5, 1],
  ]);
});
