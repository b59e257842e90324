// The plain functions on arrays: nesting, options, errors.

import { describe, expect, test } from 'vitest';
import { OcellusError } from '../../src/core/errors.js';
import {
  averagePool2d,
  conv2d,
  convolve1d,
  convolve2d,
  crossCorrelate1d,
  crossCorrelate2d,
  leakyRelu,
  logSoftmax,
  maxPool2d,
  relu,
  sigmoid,
  softmax,
  tanh,
} from '../../src/ops/image.js';

function errorOf(action: () => unknown): OcellusError {
  try {
    action();
  } catch (error) {
    if (error instanceof OcellusError) return error;
    throw error;
  }
  throw new Error('no error was thrown');
}

describe('correlation and convolution', () => {
  const image = [
    [1, 2, 3],
    [4, 5, 6],
  ];

  test('the convolution flips its filter, the correlation does not', () => {
    expect(crossCorrelate2d(image, [[1, 0]])).toEqual([
      [1, 2],
      [4, 5],
    ]);
    expect(convolve2d(image, [[1, 0]])).toEqual([
      [2, 3],
      [5, 6],
    ]);
    expect(
      convolve2d(
        [
          [1, 0],
          [0, 0],
        ],
        [
          [1, 2],
          [3, 4],
        ],
        { padding: 1 },
      ),
    ).toEqual([
      [1, 2, 0],
      [3, 4, 0],
      [0, 0, 0],
    ]);
    expect(crossCorrelate1d([1, 2, 3, 4], [1, 10])).toEqual([21, 32, 43]);
    expect(convolve1d([1, 2, 3, 4], [1, 10])).toEqual([12, 23, 34]);
  });

  test('padding in all its forms', () => {
    const sum = [
      [1, 1],
      [1, 1],
    ];
    const size = (padding: Parameters<typeof crossCorrelate2d>[2]) => {
      const result = crossCorrelate2d(image, sum, padding);
      return [result.length, result[0].length];
    };
    expect(size({})).toEqual([1, 2]);
    expect(size({ padding: 'same' })).toEqual([2, 3]);
    expect(size({ padding: 1 })).toEqual([3, 4]);
    expect(size({ padding: [0, 1] })).toEqual([1, 4]);
    expect(
      size({
        padding: [
          [1, 0],
          [2, 0],
        ],
      }),
    ).toEqual([2, 4]);
    expect(size({ padding: [1, 0, 2, 0] })).toEqual([2, 4]);
    expect(crossCorrelate2d(image, sum, { padding: 'same' })).toEqual([
      [12, 16, 9],
      [9, 11, 6],
    ]);
    expect(crossCorrelate1d([1, 2, 3], [1, 1], { padding: [2, 0] })).toEqual([0, 1, 3, 5]);
    expect(crossCorrelate1d([1, 2, 3], [1, 1, 1], { padding: 'same' })).toEqual([3, 6, 5]);
  });

  test('strides and dilation', () => {
    expect(crossCorrelate1d([1, 2, 3, 4, 5], [1, 1], { strides: 2 })).toEqual([3, 7]);
    expect(crossCorrelate1d([1, 2, 3, 4, 5], [1, 1], { dilation: 3 })).toEqual([5, 7]);
    expect(crossCorrelate2d(image, [[1], [1]], { strides: [1, 2] })).toEqual([[5, 9]]);
  });

  test('typed arrays with a shape, and typed rows', () => {
    const flat = { data: new Float32Array([1, 2, 3, 4, 5, 6]), shape: [2, 3] };
    expect(crossCorrelate2d(flat, [[1, 0]])).toEqual(crossCorrelate2d(image, [[1, 0]]));
    expect(crossCorrelate1d(new Uint8Array([1, 2, 3]), [1, 1])).toEqual([3, 5]);
    expect(crossCorrelate2d([new Float32Array([1, 2]), new Float32Array([3, 4])], [[1], [1]])).toEqual([[4, 6]]);
  });
});

describe('conv2d', () => {
  test('channels last and first agree', () => {
    const last = [
      [
        [1, 5],
        [2, 6],
      ],
      [
        [3, 7],
        [4, 8],
      ],
    ];
    const first = [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ];
    const filtersLast = [
      [
        [
          [1, 0],
          [0, 1],
        ],
        [
          [0, 2],
          [10, 0],
        ],
      ],
    ];
    const filtersFirst = [
      [[[1, 0]], [[0, 10]]],
      [[[0, 2]], [[1, 0]]],
    ];
    expect(conv2d(last, filtersLast)).toEqual([[[61, 9]], [[83, 15]]]);
    expect(conv2d(first, filtersFirst, { dataFormat: 'channelsFirst' })).toEqual([
      [[61], [83]],
      [[9], [15]],
    ]);
    expect(conv2d([last, last], filtersLast, { bias: [1, -1] })).toEqual([
      [[[62, 8]], [[84, 14]]],
      [[[62, 8]], [[84, 14]]],
    ]);
  });

  test('groups', () => {
    expect(conv2d([[[1, 2]]], [[[[3, 4]]]], { groups: 2 })).toEqual([[[3, 8]]]);
  });
});

describe('pooling', () => {
  test('keeps the nesting of the input', () => {
    expect(
      maxPool2d([
        [1, 2, 0],
        [3, 4, 9],
      ]),
    ).toEqual([[4]]);
    expect(
      maxPool2d([
        [
          [1, 8],
          [2, 7],
        ],
        [
          [3, 6],
          [4, 5],
        ],
      ]),
    ).toEqual([[[4, 8]]]);
    expect(
      maxPool2d(
        [
          [
            [1, 8],
            [2, 7],
          ],
          [
            [3, 6],
            [4, 5],
          ],
        ],
        { dataFormat: 'channelsFirst' },
      ),
    ).toEqual([[[8]], [[6]]]);
    expect(
      averagePool2d([
        [1, 2],
        [3, 6],
      ]),
    ).toEqual([[3]]);
  });

  test('partial windows and strides', () => {
    expect(averagePool2d([[1, 2, 4]], { poolSize: [1, 2], padding: 'same' })).toEqual([[1.5, 4]]);
    expect(maxPool2d([[-1, -2, -4]], { poolSize: [1, 2], strides: 1 })).toEqual([[-1, -2]]);
  });
});

describe('activations', () => {
  test('any nesting', () => {
    expect(relu(-2)).toBe(0);
    expect(relu([-1, 2])).toEqual([0, 2]);
    expect(relu([[[-1], [3]]])).toEqual([[[0], [3]]]);
    expect(leakyRelu([-1, 2])).toEqual([-0.2, 2]);
    expect(leakyRelu([-1, 2], { negativeSlope: 0.5 })).toEqual([-0.5, 2]);
    expect(sigmoid([0, 1000, -1000])).toEqual([0.5, 1, 0]);
    expect(tanh(0.5)).toBe(Math.tanh(0.5));
    expect(softmax([[1000, 1000]])).toEqual([[0.5, 0.5]]);
    expect(logSoftmax([0, 0])).toEqual([-Math.LN2, -Math.LN2]);
  });
});

describe('errors say what is wrong', () => {
  const errors: [string, () => unknown, string, RegExp][] = [
    [
      'ragged rows',
      () => crossCorrelate2d([[1, 2], [3]], [[1]]),
      'ERR_OCELLUS_SHAPE',
      /crossCorrelate2d: expected 2 elements at input\[1\], got 1\n {2}help: all rows of 'input'/,
    ],
    ['an array among numbers', () => relu([1, [2]]), 'ERR_OCELLUS_SHAPE', /a number at input\[1\]/],
    ['a number among arrays', () => relu([[1], 2]), 'ERR_OCELLUS_SHAPE', /an array at input\[1\], got 2/],
    ['text', () => relu(['1'] as unknown as number[]), 'ERR_OCELLUS_DATA', /a number at input\[0\], got a string/],
    ['nothing', () => crossCorrelate2d([], [[1]]), 'ERR_OCELLUS_SHAPE', /at least one element, got 0/],
    ['wrong rank', () => crossCorrelate2d([1, 2], [[1]]), 'ERR_OCELLUS_SHAPE', /'input' as rows of numbers.*got 2/],
    [
      'filter too large',
      () => crossCorrelate2d([[1, 2]], [[1], [1]]),
      'ERR_OCELLUS_SHAPE',
      /crossCorrelate2d: expected a kernel that fits into the padded input of 1x2, got 2x1/,
    ],
    [
      'mistyped option',
      () => crossCorrelate2d([[1]], [[1]], { stride: 2 } as object),
      'ERR_OCELLUS_OPTION',
      /did you mean 'strides'\?/,
    ],
    [
      'options that are none',
      () => maxPool2d([[1]], 2 as unknown as object),
      'ERR_OCELLUS_OPTION',
      /options as an object/,
    ],
    ['unknown padding', () => maxPool2d([[1]], { padding: 'full' as 'same' }), 'ERR_OCELLUS_OPTION', /'valid', 'same'/],
    ['strides 0', () => maxPool2d([[1]], { strides: 0 }), 'ERR_OCELLUS_OPTION', /strides: an integer of at least 1/],
    [
      'channels differ',
      () => conv2d([[[1, 2]]], [[[[1]]]]),
      'ERR_OCELLUS_SHAPE',
      /'weight' for 2 input channels, got 1/,
    ],
    [
      'bias of another length',
      () => conv2d([[[1]]], [[[[1]]]], { bias: [1, 2] }),
      'ERR_OCELLUS_SHAPE',
      /'bias' of shape 1/,
    ],
    [
      'data format',
      () => conv2d([[[1]]], [[[[1]]]], { dataFormat: 'channelFirst' as 'channelsFirst' }),
      'ERR_OCELLUS_OPTION',
      /did you mean 'channelsFirst'\?/,
    ],
    ['data and shape', () => relu({ data: [1, 2], shape: [3] }), 'ERR_OCELLUS_SHAPE', /'input.data' of 3 elements/],
    [
      'padding wider than the pool',
      () => maxPool2d([[1]], { padding: 2 }),
      'ERR_OCELLUS_ARGUMENT',
      /smaller than the pool/,
    ],
  ];

  test.each(errors)('%s', (_, action, code, message) => {
    const error = errorOf(action);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });
});
