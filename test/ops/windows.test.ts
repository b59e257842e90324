// Padding and output sizes, against the rules of TensorFlow and Keras.

import { describe, expect, test } from 'vitest';
import { OcellusError } from '../../src/core/errors.js';
import {
  outputSize,
  outputSizes,
  type Padding,
  perAxis,
  resolvePadding,
  resolveTransposed,
} from '../../src/ops/windows.js';

const square = (size: number, kernel: number, stride: number, dilation = 1) => ({
  inputSize: [size, size],
  kernelSize: [kernel, kernel],
  strides: [stride, stride],
  dilation: [dilation, dilation],
});

test('output sizes', () => {
  expect(outputSize(28, 5, 1, 0, 0)).toBe(24);
  expect(outputSize(7, 3, 2, 1, 1)).toBe(4);
  expect(outputSize(7, 3, 1, 0, 0, 3)).toBe(1);
  expect(outputSize(2, 3, 1, 0, 0)).toBe(0);
  expect(outputSizes({ inputSize: [5, 8], kernelSize: [2, 3], strides: [1, 2] }, [0, 1, 1, 0])).toEqual([5, 4]);
});

describe('resolvePadding', () => {
  const resolve = (padding: Padding, sizes = square(5, 3, 1)) => resolvePadding(padding, sizes, 'conv2d');

  test('every form', () => {
    expect(resolve('valid')).toEqual([0, 0, 0, 0]);
    expect(resolve(2)).toEqual([2, 2, 2, 2]);
    expect(resolve([1, 2])).toEqual([1, 1, 2, 2]);
    expect(
      resolve([
        [1, 2],
        [3, 4],
      ]),
    ).toEqual([1, 2, 3, 4]);
    expect(resolve([1, 2, 3, 4])).toEqual([1, 2, 3, 4]);
    expect(resolvePadding([1, 2], { inputSize: [9], kernelSize: [3], strides: [1] }, 'conv1d')).toEqual([1, 2]);
    expect(resolvePadding([[1, 2]], { inputSize: [9], kernelSize: [3], strides: [1] }, 'conv1d')).toEqual([1, 2]);
  });

  test("'same' gives ceil(size / stride) outputs, the odd cell last", () => {
    expect(resolve('same')).toEqual([1, 1, 1, 1]);
    expect(resolve('same', square(28, 2, 1))).toEqual([0, 1, 0, 1]);
    expect(resolve('same', square(224, 7, 2))).toEqual([2, 3, 2, 3]);
    expect(resolve('same', square(5, 1, 3))).toEqual([0, 0, 0, 0]);
    for (const size of [1, 5, 8, 13]) {
      for (const kernel of [1, 2, 3, 5]) {
        for (const stride of [1, 2, 3]) {
          for (const dilation of [1, 2]) {
            const sizes = square(size, kernel, stride, dilation);
            const outputs = outputSizes(sizes, resolve('same', sizes));
            expect(outputs).toEqual([Math.ceil(size / stride), Math.ceil(size / stride)]);
          }
        }
      }
    }
  });

  test.each<[unknown]>([['full'], [-1], [1.5], [[1]], [[1, 2, 3]], [[[1, 2], [3]]], [null], [[1, 2, 3, -4]]])(
    'rejects %j',
    (padding) => {
      expect(() => resolve(padding as Padding)).toThrowError(OcellusError);
      expect(() => resolve(padding as Padding)).toThrowError(/^conv2d: expected padding: 'valid', 'same'/);
    },
  );
});

test('perAxis', () => {
  expect(perAxis(3, 2, 'conv2d', 'kernelSize')).toEqual([3, 3]);
  expect(perAxis([1, 2], 2, 'conv2d', 'strides')).toEqual([1, 2]);
  expect(() => perAxis([1], 2, 'conv2d', 'strides')).toThrowError(
    'conv2d: expected strides: an integer of at least 1, or 2 of them, got [1]',
  );
  expect(() => perAxis(0, 1, 'conv1d', 'strides')).toThrowError(
    'conv1d: expected strides: an integer of at least 1, got 0',
  );
});

describe('resolveTransposed', () => {
  const resolve = (padding: Padding, sizes = square(4, 3, 2), extra?: number[]) =>
    resolveTransposed(padding, sizes, extra, 'up');

  test('sizes as Keras has them', () => {
    expect(resolve('same').outputSize).toEqual([8, 8]);
    expect(resolve('valid').outputSize).toEqual([9, 9]);
    expect(resolve('valid', square(4, 2, 3)).outputSize).toEqual([12, 12]);
    expect(resolve(1).outputSize).toEqual([7, 7]);
    expect(resolve(1, square(4, 3, 2), [1, 0]).outputSize).toEqual([8, 7]);
    expect(resolve('same', square(4, 3, 2), [0, 1]).outputSize).toEqual([7, 8]);
  });

  test('the convolution with this padding leads back', () => {
    for (const padding of ['same', 'valid', 1] as const) {
      for (const kernel of [2, 3, 4, 5]) {
        for (const stride of [1, 2, 3]) {
          const sizes = square(5, kernel, stride);
          const window = resolve(padding, sizes);
          expect(outputSizes({ ...sizes, inputSize: window.outputSize }, window.padding)).toEqual([5, 5]);
        }
      }
    }
  });
});
