// Worked examples printed on the slides of four lectures on convolutional networks. Expected values follow the lecture's
// own definitions; where a slide's numbers differ from them, the note says so.

import { describe, expect, test } from 'vitest';
import type { TensorView } from '../../src/core/dtype.js';
import { runOp } from '../../src/ops/eager.js';
import { conv2d, convolve1d, crossCorrelate2d, maxPool2d } from '../../src/ops/image.js';
import { builtin } from './harness.js';

function expectClose(actual: number[][], expected: number[][], tolerance: number): void {
  expect(actual.map((row) => row.length)).toEqual(expected.map((row) => row.length));
  const worst = Math.max(...actual.flat().map((value, i) => Math.abs(value - expected.flat()[i])));
  expect(worst).toBeLessThanOrEqual(tolerance);
}

describe('Greifswald', () => {
  test('cross-correlation of a 4x5 matrix', () => {
    const input = [
      [2, -3, 0, 2, -1],
      [0, 1, 4, 0, 1],
      [2, -2, 7, 3, 0],
      [-1, 0, 1, 0, 4],
    ];
    expect(
      crossCorrelate2d(input, [
        [1, -1],
        [2, -3],
      ]),
    ).toEqual([
      [2, -13, 6, 0],
      [9, -28, 9, 5],
      [2, -12, 6, -9],
    ]);
  });

  describe('lower-left-corner detector on a 12x12 grey image', () => {
    const image = [
      [0.56, 0.54, 0.59, 0.41, 0.56, 0.54, 0.45, 0.5, 0.44, 0.58, 0.44, 0.54],
      [0.48, 0.42, 0.53, 0.48, 0.53, 0.46, 0.42, 0.52, 0.6, 0.52, 0.56, 0.52],
      [0.4, 0.56, 0.56, 0.42, 0.51, 0.55, 0.58, 0.47, 0.55, 0.53, 0.51, 0.57],
      [0.4, 0.44, 0.58, 1.0, 0.51, 0.47, 0.51, 0.43, 0.54, 0.48, 0.56, 0.46],
      [0.53, 0.42, 0.58, 1.0, 0.59, 0.55, 0.56, 0.43, 0.57, 0.52, 0.53, 0.52],
      [0.44, 0.53, 0.45, 1.0, 0.51, 0.43, 0.43, 0.53, 0.49, 0.42, 0.52, 0.57],
      [0.41, 0.51, 0.53, 1.0, 0.46, 0.43, 0.54, 0.42, 0.57, 0.42, 0.53, 0.53],
      [0.43, 0.49, 0.49, 1.0, 0.48, 0.46, 0.56, 0.48, 0.5, 0.54, 0.56, 0.57],
      [0.45, 0.49, 0.44, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.46, 0.59, 0.58],
      [0.59, 0.45, 0.5, 0.48, 0.48, 0.6, 0.46, 0.41, 0.46, 0.55, 0.57, 0.4],
      [0.56, 0.48, 0.45, 0.57, 0.55, 0.49, 0.48, 0.45, 0.47, 0.5, 0.58, 0.43],
      [0.41, 0.48, 0.44, 0.54, 0.43, 0.55, 0.52, 0.54, 0.55, 0.43, 0.53, 0.59],
    ];
    const detector = [
      [-1, 4, -1, -1, -1],
      [-1, 4, -1, -1, -1],
      [-1, 4, -1, -1, -1],
      [-1, 4, 4, 4, 4],
      [-1, -1, -1, -1, -1],
    ];
    const result = crossCorrelate2d(image, detector);

    test('equals the exact result of the printed pixels', () => {
      const expected = [
        [6.65, 7.4, 5.06, 4.15, 4.66, 4.28, 4.7, 5.26],
        [6.18, 7.87, 8.79, 4.51, 5.21, 5.39, 4.57, 6.23],
        [5.21, 5.96, 9.2, 3.22, 4.62, 5.18, 3.81, 5.63],
        [4.67, 5.24, 12.03, 2.52, 4.6, 4.97, 4.01, 5.56],
        [4.37, 4.11, 11.01, 0.84, 2.06, 3.74, 3.13, 5.15],
        [7.69, 9.34, 19.27, 11.09, 11.9, 10.79, 8.39, 7.28],
        [2.71, 2.77, 9.65, 3.65, 4.35, 5.65, 5.35, 6.68],
        [3.72, 3.11, 7.88, 4.12, 4.83, 5.14, 5.26, 5.96],
      ];
      expectClose(result, expected, 0.01);
    });

    test('is near the printed result, which was computed from unrounded pixels', () => {
      const printed = [
        [6.6, 7.4, 5.0, 4.19, 4.7, 4.3, 4.7, 5.2],
        [6.2, 7.9, 8.8, 4.56, 5.3, 5.4, 4.6, 6.2],
        [5.2, 5.9, 9.2, 3.27, 4.6, 5.2, 3.8, 5.6],
        [4.7, 5.2, 12.1, 2.57, 4.6, 5.0, 4.0, 5.5],
        [4.4, 4.1, 11.0, 0.85, 2.0, 3.7, 3.1, 5.1],
        [7.7, 9.3, 19.3, 11.13, 11.9, 10.8, 8.4, 7.2],
        [2.7, 2.7, 9.6, 3.69, 4.4, 5.7, 5.4, 6.7],
        [3.7, 3.1, 7.9, 4.14, 4.8, 5.2, 5.3, 6.0],
      ];
      expectClose(result, printed, 0.091);
    });

    test('is largest where the corner is', () => {
      const flat = result.flat();
      expect(flat.indexOf(Math.max(...flat))).toBe(5 * 8 + 2);
    });
  });
});

test('HSLU: sharp 3x3 kernel on a 5x5 binary image', () => {
  const input = [
    [1, 1, 1, 0, 0],
    [0, 1, 1, 1, 0],
    [0, 0, 1, 1, 1],
    [0, 0, 1, 1, 0],
    [0, 1, 1, 0, 0],
  ];
  expect(
    crossCorrelate2d(input, [
      [1, 0, 1],
      [0, 1, 0],
      [1, 0, 1],
    ]),
  ).toEqual([
    [4, 3, 4],
    [2, 4, 3],
    [2, 3, 4],
  ]);
});

describe('Siegen', () => {
  test('true convolution in one dimension (the kernel is flipped)', () => {
    expect(convolve1d([1, 0, -2, 3, 1, 2, -1, 5, -3], [0.5, 1, 0.5])).toEqual([-0.5, -0.5, 2.5, 3.5, 2, 2.5, 3]);
  });

  const image = [
    [1, 2, -1, 4, 4, 2],
    [4, -1, 2, 3, 6, 2],
    [2, 1, 4, 1, 3, 3],
    [1, 5, 2, 4, 8, 7],
    [3, 5, 2, 1, 9, 8],
    [6, 5, 7, 6, 6, 6],
  ];
  const laplace = [
    [0, -1, 0],
    [-1, 4, -1],
    [0, -1, 0],
  ];

  test('Laplace kernel on a 6x6 image', () => {
    expect(crossCorrelate2d(image, laplace)).toEqual([
      [-13, 3, -1, 12],
      [-6, 10, -10, -6],
      [11, -7, 4, 9],
      [5, -7, -17, 13],
    ]);
  });

  test('the same with stride 3', () => {
    expect(crossCorrelate2d(image, laplace, { strides: 3 })).toEqual([
      [-13, 12],
      [5, 13],
    ]);
  });
});

describe('digipodium lecture 18', () => {
  const features = [
    [0, 1, 0, 0, 0],
    [0, 1, 1, 1, 0],
    [1, 0, 0, 2, 1],
    [1, 4, 2, 1, 0],
    [0, 0, 1, 2, 1],
  ];

  // The slide prints 1 at row 2, column 2; by its own definition the value is 0.
  test('feature detector on a 7x7 smiley', () => {
    const smiley = [
      [0, 0, 0, 0, 0, 0, 0],
      [0, 1, 0, 0, 0, 1, 0],
      [0, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 1, 0, 0, 0],
      [0, 1, 0, 0, 0, 1, 0],
      [0, 0, 1, 1, 1, 0, 0],
      [0, 0, 0, 0, 0, 0, 0],
    ];
    expect(
      crossCorrelate2d(smiley, [
        [0, 0, 1],
        [1, 0, 0],
        [0, 1, 1],
      ]),
    ).toEqual(features);
  });

  test('2x2 max pooling with stride 2, partial windows kept', () => {
    const input = [
      [0, 1, 0, 0, 0],
      [0, 1, 1, 1, 0],
      [1, 0, 1, 2, 1],
      [1, 4, 2, 1, 0],
      [0, 0, 1, 2, 1],
    ];
    expect(maxPool2d(input, { poolSize: 2, strides: 2, padding: 'same' })).toEqual([
      [1, 1, 0],
      [4, 2, 1],
      [0, 2, 1],
    ]);
  });

  test('two 3x3x3 filters with bias, stride 2, on a padded 7x7x3 volume', () => {
    const volume = [
      [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 2, 0],
        [0, 1, 0, 2, 0, 1, 0],
        [0, 1, 0, 2, 2, 0, 0],
        [0, 2, 0, 0, 2, 0, 0],
        [0, 2, 1, 2, 2, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
      ],
      [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 2, 1, 2, 1, 1, 0],
        [0, 2, 1, 2, 0, 1, 0],
        [0, 0, 2, 1, 0, 1, 0],
        [0, 1, 2, 2, 2, 2, 0],
        [0, 0, 1, 2, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 0],
      ],
      [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 2, 1, 1, 2, 0, 0],
        [0, 1, 0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0, 0, 0],
        [0, 1, 0, 2, 1, 0, 0],
        [0, 2, 2, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 0, 0],
      ],
    ];
    const filters = [
      [
        [
          [-1, 0, 1],
          [0, 0, 1],
          [1, -1, 1],
        ],
        [
          [-1, 0, 1],
          [1, -1, 1],
          [0, 1, 0],
        ],
        [
          [-1, 1, 1],
          [1, 1, 0],
          [0, -1, 0],
        ],
      ],
      [
        [
          [0, 1, -1],
          [0, -1, 0],
          [0, -1, 1],
        ],
        [
          [-1, 0, 0],
          [1, -1, 0],
          [1, -1, 0],
        ],
        [
          [-1, 1, -1],
          [0, -1, -1],
          [1, 0, 0],
        ],
      ],
    ];
    const options = { bias: [1, 0], strides: 2, dataFormat: 'channelsFirst' } as const;
    expect(conv2d(volume, filters, options)).toEqual([
      [
        [2, 3, 3],
        [3, 7, 3],
        [8, 10, -3],
      ],
      [
        [-8, -8, -3],
        [-3, 1, 0],
        [-3, -8, -5],
      ],
    ]);
  });

  describe('classification error and cross-entropy of two networks', () => {
    const targets = [
      [1, 0],
      [0, 1],
      [1, 0],
    ];
    const networks = [
      {
        probabilities: [
          [0.9, 0.1],
          [0.1, 0.9],
          [0.4, 0.6],
        ],
        crossEntropy: 0.37567058772993583,
      },
      {
        probabilities: [
          [0.6, 0.4],
          [0.3, 0.7],
          [0.1, 0.9],
        ],
        crossEntropy: 1.056695220232923,
      },
    ];
    const rows = (values: number[][]): TensorView => {
      return { shape: [3, 2], dtype: 'float32', data: Float64Array.from(values.flat()) };
    };
    const largest = (row: number[]) => row.indexOf(Math.max(...row));

    test.each(networks)('cross-entropy $crossEntropy', ({ probabilities, crossEntropy }) => {
      const logits = rows(probabilities.map((row) => row.map(Math.log)));
      const [loss] = runOp(builtin('softmaxCrossEntropy'), [logits, rows(targets)], {}, 64);
      const [mean] = runOp(builtin('reduceMean'), [loss], { axes: [0] }, 64);
      expect(mean.data[0]).toBeCloseTo(crossEntropy, 6);
    });

    test.each(networks)('error of a third', ({ probabilities }) => {
      const wrong = probabilities.filter((row, i) => largest(row) !== largest(targets[i]));
      expect(wrong.length / probabilities.length).toBeCloseTo(0.3333333333333333, 6);
    });
  });
});
