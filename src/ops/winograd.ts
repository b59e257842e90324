// Winograd convolution, stride 1, as three ops that `lower` (graph) puts in the place of conv2d and its gradients:
// transform the filters, convolve with them, and the gradient of the filters. Fewer multiplications by interpolation
// (Winograd 1980; Lavin & Gray, "Fast algorithms for convolutional neural networks", 2016); points 0, ±5/8, ±3/2, ∞
// for tiles of 6 (less rounding than ±1, ±2), and 0, ±1, ±2, ±1/2, ∞ for tiles of 8.

import type { FloatArray, TensorSpec } from '../core/dtype.js';
import { sameShape, shapeText, sizeOf } from '../core/shape.js';
import { activateInPlace, fusedActivations } from './activation.js';
import { attr, defineOp, floats, type InferContext } from './op.js';
import { atLeast, float32, floatInput, floatOfShape, optionalOfShape } from './rules.js';

/** Transformed filters stand in panels of this many columns: [alpha * alpha, panels, channels, 32]. */
const panel = 32;

/** Output tile and kernel sizes there are points for. */
export const winogradSizes: readonly (readonly [tile: number, kernel: number])[] = [
  [4, 3],
  [2, 5],
  [6, 3],
];

/** y = output · [(filter · g) ∘ (input · d)]; each matrix as rows. */
interface Scheme {
  alpha: number;
  input: number[][];
  filter: number[][];
  output: number[][];
}

/** Coefficients of Π (x − p) over the points, lowest degree first. */
function expand(points: readonly number[]): number[] {
  let poly = [1];
  for (const p of points) {
    const last = poly;
    poly = [0, ...last].map((c, i) => c - p * (last[i] ?? 0));
  }
  return poly;
}

export function winogradScheme(tile: number, kernel: number): Scheme {
  const alpha = tile + kernel - 1;
  const points = [0, ...(alpha === 6 ? [0.625, 1.5] : [1, 2, 0.5]).flatMap((p) => [p, -p])];
  const others = (i: number) => points.filter((_, j) => j !== i);
  const last = (length: number) => Array.from({ length }, (_, k) => (k === length - 1 ? 1 : 0));
  const powers = (p: number, length: number, divisor = 1) => Array.from({ length }, (_, k) => p ** k / divisor);
  const divisors = points.map((p, i) => others(i).reduce((product, q) => product * (p - q), 1));
  const columns = [...points.map((p) => powers(p, tile)), last(tile)];
  return {
    alpha,
    input: [...points.map((_, i) => [...expand(others(i)), 0]), expand(points)],
    filter: [...points.map((p, i) => powers(p, kernel, divisors[i])), last(kernel)],
    output: Array.from({ length: tile }, (_, j) => columns.map((column) => column[j])),
  };
}

const transpose = (m: readonly number[][]): number[][] => m[0].map((_, j) => m.map((row) => row[j]));

/** m · x · m', x square. */
function sandwich(m: readonly number[][], x: readonly number[][]): number[][] {
  const left = m.map((row) => x[0].map((_, j) => row.reduce((sum, c, k) => sum + c * x[k][j], 0)));
  return left.map((row) => m.map((other) => other.reduce((sum, c, k) => sum + c * row[k], 0)));
}

const square = (size: number, at: (i: number, j: number) => number): number[][] =>
  Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => at(i, j)));

/** Reads windows of an NHWC image; zero outside. */
function windowReader(x: FloatArray, [, height, width, channels]: readonly number[]) {
  return (image: number, top: number, left: number, c: number, size: number) =>
    square(size, (i, j) => {
      const [row, column] = [top + i, left + j];
      const inside = row >= 0 && column >= 0 && row < height && column < width;
      return inside ? x[((image * height + row) * width + column) * channels + c] : 0;
    });
}

/** Calls `body` for every tile of the output [batch, height, width, …]. */
function forTiles(
  [batch, height, width]: readonly number[],
  tile: number,
  body: (image: number, top: number, left: number) => void,
): void {
  for (let image = 0; image < batch; image++) {
    for (let top = 0; top < height; top += tile) for (let left = 0; left < width; left += tile) body(image, top, left);
  }
}

function checkSizes(context: InferContext, tile: number, kernel: number): void {
  if (winogradSizes.some(([t, k]) => t === tile && k === kernel)) return;
  const known = winogradSizes.map(([t, k]) => `${t} with ${k}`).join(', ');
  context.fail(`tile and kernel sizes among ${known}`, `${tile} with ${kernel}`);
}

/** [batch, height, width] of a stride-1 convolution. */
function outputSizeOf(context: InferContext, x: TensorSpec, kernel: number, padding: readonly number[]): number[] {
  atLeast(context, 'padding', padding, 0);
  const [top, bottom, left, right] = padding;
  const size = [x.shape[1] + top + bottom - kernel + 1, x.shape[2] + left + right - kernel + 1];
  if (Math.min(...size) < 1)
    context.fail(`a kernel that fits into the padded input`, `${kernel}x${kernel} over ${shapeText(x.shape)}`);
  return [x.shape[0], ...size];
}

const filterShape = (alpha: number, channels: number, filters: number): number[] => [
  alpha * alpha,
  Math.ceil(filters / panel),
  channels,
  panel,
];

const winogradFilter = defineOp({
  name: 'winogradFilter',
  inputs: ['weight'],
  outputs: ['u'],
  attrs: { tile: attr.int(), rotate: attr.int(0) },
  infer(context) {
    const { tile, rotate } = context.attrs;
    const [kernel, width, channels, filters] = floatInput(context, 0, 'weight', 4).shape;
    if (kernel !== width) context.fail("a square 'weight'", `${kernel}x${width}`);
    checkSizes(context, tile, kernel);
    const [from, to] = rotate ? [filters, channels] : [channels, filters];
    return [float32(filterShape(tile + kernel - 1, from, to))];
  },
  run({ inputs, outputs: [u], attrs: { tile, rotate } }) {
    const weight = floats(inputs[0]);
    const [kernel, , channels, filters] = inputs[0]!.shape;
    const [planes, panels, from] = u.shape;
    const { filter } = winogradScheme(tile, kernel);
    const columns = rotate ? channels : filters;
    u.data.fill(0);
    for (let c = 0; c < from; c++) {
      for (let f = 0; f < columns; f++) {
        const tap = (ky: number, kx: number) =>
          rotate
            ? weight[(((kernel - 1 - ky) * kernel + kernel - 1 - kx) * channels + f) * filters + c]
            : weight[((ky * kernel + kx) * channels + c) * filters + f];
        const values = sandwich(filter, square(kernel, tap)).flat();
        for (let s = 0; s < planes; s++) {
          u.data[((s * panels + Math.floor(f / panel)) * from + c) * panel + (f % panel)] = values[s];
        }
      }
    }
  },
  cases: [
    { name: '3x3', inputs: [{ shape: [3, 3, 5, 7] }], attrs: { tile: 4 } },
    { name: '3x3 rotated, two panels', inputs: [{ shape: [3, 3, 37, 6] }], attrs: { tile: 4, rotate: 1 } },
    { name: '5x5', inputs: [{ shape: [5, 5, 3, 35] }], attrs: { tile: 2 } },
    { name: '5x5 rotated', inputs: [{ shape: [5, 5, 17, 3] }], attrs: { tile: 2, rotate: 1 } },
    { name: 'large tiles', inputs: [{ shape: [3, 3, 4, 33] }], attrs: { tile: 6 } },
    { name: 'large tiles rotated', inputs: [{ shape: [3, 3, 4, 33] }], attrs: { tile: 6, rotate: 1 } },
  ],
});

const winogradConv2d = defineOp({
  name: 'winogradConv2d',
  // As conv2d with the filters that u was made of.
  inputs: ['x', 'u', 'bias?', 'residual?'],
  outputs: ['y'],
  attrs: {
    tile: attr.int(),
    kernelSize: attr.int(),
    filters: attr.int(),
    padding: attr.ints(4),
    activation: attr.oneOf(fusedActivations, 'linear'),
  },
  infer(context) {
    const { tile, kernelSize, filters, padding } = context.attrs;
    const x = floatInput(context, 0, 'x', 4);
    atLeast(context, 'filters', filters, 1);
    checkSizes(context, tile, kernelSize);
    const shape = filterShape(tile + kernelSize - 1, x.shape[3], filters);
    floatOfShape(context, 1, 'u', shape, 'the transformed filters');
    optionalOfShape(context, 2, 'bias', [filters], 'one per filter');
    const y = [...outputSizeOf(context, x, kernelSize, padding), filters];
    optionalOfShape(context, 3, 'residual', y, 'the shape of the output');
    return [float32(y)];
  },
  run({ inputs, outputs: [y], attrs: { tile, kernelSize, filters, padding, activation } }) {
    const [x, u] = [inputs[0]!, floats(inputs[1])];
    const [bias, residual] = [inputs[2] && floats(inputs[2]), inputs[3] && floats(inputs[3])];
    const { alpha, input, output } = winogradScheme(tile, kernelSize);
    const [, height, width] = y.shape;
    const channels = x.shape[3];
    const panels = Math.ceil(filters / panel);
    const read = windowReader(floats(x), x.shape);
    forTiles(y.shape, tile, (image, top, left) => {
      const planes = Array.from({ length: channels }, (_, c) =>
        sandwich(input, read(image, top - padding[0], left - padding[2], c, alpha)).flat(),
      );
      for (let f = 0; f < filters; f++) {
        const column = (s: number, c: number) =>
          u[((s * panels + Math.floor(f / panel)) * channels + c) * panel + (f % panel)];
        const product = square(alpha, (i, j) =>
          planes.reduce((sum, plane, c) => sum + plane[i * alpha + j] * column(i * alpha + j, c), 0),
        );
        const pixels = sandwich(output, product);
        for (let i = 0; i < Math.min(tile, height - top); i++) {
          for (let j = 0; j < Math.min(tile, width - left); j++) {
            const at = ((image * height + top + i) * width + left + j) * filters + f;
            y.data[at] = pixels[i][j] + (bias?.[f] ?? 0) + (residual?.[at] ?? 0);
          }
        }
      }
    });
    activateInPlace(y.data as FloatArray, activation);
  },
  inplace: [[3, 0]],
  flops: (inputs, outputs, { kernelSize }) =>
    2 * kernelSize ** 2 * (inputs[0]?.shape[3] ?? 0) * outputs[0].shape.reduce((a, b) => a * b, 1),
  cases: [
    {
      name: 'one tile',
      inputs: [{ shape: [1, 4, 4, 3] }, { shape: [36, 1, 3, 32] }],
      attrs: { tile: 4, kernelSize: 3, filters: 5, padding: [1, 1, 1, 1] },
      tolerance: 3e-5,
    },
    {
      name: 'partial tiles, bias, relu',
      inputs: [{ shape: [2, 7, 9, 17] }, { shape: [36, 2, 17, 32] }, { shape: [37] }],
      attrs: { tile: 4, kernelSize: 3, filters: 37, padding: [1, 1, 1, 1], activation: 'relu' },
      tolerance: 3e-5,
    },
    {
      name: 'valid, tanh',
      inputs: [{ shape: [1, 11, 5, 4] }, { shape: [36, 1, 4, 32] }],
      attrs: { tile: 4, kernelSize: 3, filters: 16, padding: [0, 0, 0, 0], activation: 'tanh' },
      tolerance: 3e-4,
    },
    {
      name: 'one-sided padding, sigmoid',
      inputs: [{ shape: [1, 5, 6, 1] }, { shape: [36, 1, 1, 32] }, { shape: [1] }],
      attrs: { tile: 4, kernelSize: 3, filters: 1, padding: [2, 0, 0, 2], activation: 'sigmoid' },
      tolerance: 3e-5,
    },
    {
      name: 'residual',
      inputs: [{ shape: [1, 5, 4, 6] }, { shape: [36, 1, 6, 32] }, null, { shape: [1, 5, 4, 7] }],
      attrs: { tile: 4, kernelSize: 3, filters: 7, padding: [1, 1, 1, 1] },
      tolerance: 3e-5,
    },
    {
      name: 'many tiles, bias, residual, relu',
      inputs: [{ shape: [2, 33, 30, 5] }, { shape: [36, 2, 5, 32] }, { shape: [48] }, { shape: [2, 33, 30, 48] }],
      attrs: { tile: 4, kernelSize: 3, filters: 48, padding: [1, 1, 1, 1], activation: 'relu' },
      tolerance: 3e-5,
    },
    {
      name: 'large tiles, relu6',
      inputs: [{ shape: [2, 8, 7, 3] }, { shape: [64, 1, 3, 32] }, { shape: [18] }],
      attrs: { tile: 6, kernelSize: 3, filters: 18, padding: [1, 1, 1, 1], activation: 'relu6' },
      tolerance: 1e-4,
    },
    {
      name: '5x5',
      inputs: [{ shape: [3, 6, 6, 6] }, { shape: [36, 1, 6, 32] }],
      attrs: { tile: 2, kernelSize: 5, filters: 16, padding: [2, 2, 2, 2] },
      tolerance: 3e-5,
    },
    {
      name: 'large tiles',
      inputs: [{ shape: [1, 13, 13, 5] }, { shape: [64, 1, 5, 32] }],
      attrs: { tile: 6, kernelSize: 3, filters: 20, padding: [1, 1, 1, 1] },
      tolerance: 1e-4,
    },
    {
      name: 'many tiles',
      inputs: [{ shape: [5, 24, 20, 3] }, { shape: [36, 1, 3, 32] }],
      attrs: { tile: 4, kernelSize: 3, filters: 4, padding: [1, 1, 1, 1] },
      tolerance: 3e-5,
    },
    {
      name: 'empty batch',
      inputs: [{ shape: [0, 4, 4, 3] }, { shape: [36, 1, 3, 32] }],
      attrs: { tile: 4, kernelSize: 3, filters: 5, padding: [1, 1, 1, 1] },
    },
  ],
});

const winogradConv2dGradWeight = defineOp({
  name: 'winogradConv2dGradWeight',
  inputs: ['x', 'dy'],
  outputs: ['dw'],
  attrs: { tile: attr.int(), kernelSize: attr.int(), padding: attr.ints(4) },
  infer(context) {
    const { tile, kernelSize, padding } = context.attrs;
    const x = floatInput(context, 0, 'x', 4);
    const dy = floatInput(context, 1, 'dy', 4);
    checkSizes(context, tile, kernelSize);
    const size = outputSizeOf(context, x, kernelSize, padding);
    if (!sameShape(size, dy.shape.slice(0, 3))) context.fail(`'dy' of ${shapeText(size)} pixels`, shapeText(dy.shape));
    return [float32([kernelSize, kernelSize, x.shape[3], dy.shape[3]])];
  },
  run({ inputs, outputs: [dw], attrs: { tile, kernelSize, padding } }) {
    const [x, dy] = [inputs[0]!, inputs[1]!];
    const { alpha, input, filter, output } = winogradScheme(tile, kernelSize);
    const [channels, filters] = [x.shape[3], dy.shape[3]];
    const [readX, readDy] = [windowReader(floats(x), x.shape), windowReader(floats(dy), dy.shape)];
    const sums = Array.from({ length: channels * filters }, () => square(alpha, () => 0));
    const back = transpose(output);
    forTiles(dy.shape, tile, (image, top, left) => {
      const xPlanes = Array.from({ length: channels }, (_, c) =>
        sandwich(input, readX(image, top - padding[0], left - padding[2], c, alpha)),
      );
      const yPlanes = Array.from({ length: filters }, (_, f) => sandwich(back, readDy(image, top, left, f, tile)));
      sums.forEach((sum, index) => {
        const [xPlane, yPlane] = [xPlanes[Math.floor(index / filters)], yPlanes[index % filters]];
        for (let i = 0; i < alpha; i++) for (let j = 0; j < alpha; j++) sum[i][j] += xPlane[i][j] * yPlane[i][j];
      });
    });
    const toTaps = transpose(filter);
    sums.forEach((sum, index) => {
      sandwich(toTaps, sum)
        .flat()
        .forEach((value, tap) => {
          dw.data[tap * channels * filters + index] = value;
        });
    });
  },
  // As many as the direct sum has, so that speeds compare.
  flops: (inputs, outputs) => (2 * sizeOf(outputs[0].shape) * sizeOf(inputs[1]?.shape ?? [])) / outputs[0].shape[3],
  cases: [
    {
      name: 'one tile',
      inputs: [{ shape: [1, 4, 4, 3] }, { shape: [1, 4, 4, 5] }],
      attrs: { tile: 4, kernelSize: 3, padding: [1, 1, 1, 1] },
      tolerance: 3e-5,
    },
    {
      name: 'partial tiles',
      inputs: [{ shape: [2, 7, 9, 17] }, { shape: [2, 7, 9, 19] }],
      attrs: { tile: 4, kernelSize: 3, padding: [1, 1, 1, 1] },
      tolerance: 3e-5,
    },
    {
      name: 'several parts',
      inputs: [{ shape: [9, 19, 21, 2] }, { shape: [9, 17, 19, 3] }],
      attrs: { tile: 4, kernelSize: 3, padding: [0, 0, 0, 0] },
      tolerance: 3e-5,
    },
    {
      name: '5x5',
      inputs: [{ shape: [2, 6, 6, 6] }, { shape: [2, 6, 6, 16] }],
      attrs: { tile: 2, kernelSize: 5, padding: [2, 2, 2, 2] },
      tolerance: 3e-5,
    },
    {
      name: 'large tiles',
      inputs: [{ shape: [1, 13, 13, 5] }, { shape: [1, 13, 13, 7] }],
      attrs: { tile: 6, kernelSize: 3, padding: [1, 1, 1, 1] },
      tolerance: 1e-4,
    },
    {
      name: 'many channels',
      inputs: [{ shape: [2, 5, 5, 130] }, { shape: [2, 5, 5, 140] }],
      attrs: { tile: 4, kernelSize: 3, padding: [1, 1, 1, 1] },
      tolerance: 3e-5,
    },
    {
      name: 'empty batch',
      inputs: [{ shape: [0, 4, 4, 3] }, { shape: [0, 4, 4, 5] }],
      attrs: { tile: 4, kernelSize: 3, padding: [1, 1, 1, 1] },
    },
  ],
});

export const winogradOps = [winogradFilter, winogradConv2d, winogradConv2dGradWeight];
