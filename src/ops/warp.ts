// Affine movements of images, each sample by a matrix of its own, for augmentation inside a network: the matrices from
// uniform random numbers, the warp, and its gradient. Places count pixels; a row (a b x c d y) leads the pixel (i, j) of
// column i and row j to the place (a i + b j + x, c i + d j + y) of the source.

import type { FloatArray } from '../core/dtype.js';
import { fillModes, inside, interpolations, type RowCoordinates, resample } from '../core/sampler.js';
import { shapeText } from '../core/shape.js';
import { type AttrsOf, attr, type CaseInput, defineOp, floats, type InferContext, type OpCase } from './op.js';
import { float32, floatInput, floatOfShape } from './rules.js';

/** Random numbers that a matrix is made of: flips of columns and rows, angle, shifts, heights and widths seen. */
export const affineDraws = 7;

const affineMatrix = defineOp({
  name: 'affineMatrix',
  inputs: ['draws'],
  outputs: ['matrix'],
  attrs: {
    height: attr.int(),
    width: attr.int(),
    /** Probabilities. */
    flipColumns: attr.float(0),
    flipRows: attr.float(0),
    /** In radians, counterclockwise. */
    angleLow: attr.float(0),
    angleHigh: attr.float(0),
    /** In pixels. */
    downLow: attr.float(0),
    downHigh: attr.float(0),
    rightLow: attr.float(0),
    rightHigh: attr.float(0),
    /** Picture sizes that are seen. */
    tallLow: attr.float(1),
    tallHigh: attr.float(1),
    wideLow: attr.float(1),
    wideHigh: attr.float(1),
    /** 1: as wide as tall. */
    proportional: attr.int(0),
  },
  infer(context) {
    const { shape } = floatInput(context, 0, 'draws', 2);
    if (shape[1] !== affineDraws) context.fail(`${affineDraws} numbers per sample`, shapeText(shape));
    return [float32([shape[0], 6])];
  },
  run({ inputs, outputs, attrs }) {
    const [draws, matrix] = [floats(inputs[0]), floats(outputs[0])];
    const [middleX, middleY] = [(attrs.width - 1) / 2, (attrs.height - 1) / 2];
    for (let at = 0, to = 0; to < matrix.length; at += affineDraws, to += 6) {
      const between = (k: number, low: number, high: number) => low + (high - low) * draws[at + k];
      const angle = between(2, attrs.angleLow, attrs.angleHigh);
      const x = middleX - between(4, attrs.rightLow, attrs.rightHigh);
      const y = middleY - between(3, attrs.downLow, attrs.downHigh);
      const tall = between(5, attrs.tallLow, attrs.tallHigh);
      const wide = attrs.proportional ? tall : between(6, attrs.wideLow, attrs.wideHigh);
      const columns = draws[at] < Math.fround(attrs.flipColumns) ? -wide : wide;
      const rows = draws[at + 1] < Math.fround(attrs.flipRows) ? -tall : tall;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      const [a, b, c, d] = [cos * columns, -sin * rows, sin * columns, cos * rows];
      matrix.set([a, b, x - a * middleX - b * middleY, c, d, y - c * middleX - d * middleY], to);
    }
  },
  cases: [
    { name: 'nothing', inputs: [{ shape: [3, affineDraws], values: 'positive' }], attrs: { height: 5, width: 8 } },
    {
      name: 'everything',
      inputs: [{ shape: [11, affineDraws] }],
      attrs: {
        ...{ height: 7, width: 4, flipColumns: 0.5, flipRows: 0.25, angleLow: -0.5, angleHigh: 1 },
        ...{ downLow: -2, downHigh: 3, rightLow: 1, rightHigh: 2 },
        ...{ tallLow: 0.5, tallHigh: 1.5, wideLow: 0.75, wideHigh: 2 },
      },
    },
    {
      name: 'in proportion',
      inputs: [{ shape: [5, affineDraws] }],
      attrs: { height: 1, width: 9, tallLow: 0.5, tallHigh: 1.5, wideHigh: 9, proportional: 1 },
    },
    { name: 'empty batch', inputs: [{ shape: [0, affineDraws] }], attrs: { height: 2, width: 2 } },
  ],
});

const warpAttrs = {
  interpolation: attr.oneOf(interpolations, 'bilinear'),
  fillMode: attr.oneOf(fillModes, 'reflect'),
  fillValue: attr.float(0),
} as const;

type WarpAttrs = AttrsOf<typeof warpAttrs>;

function inferWarp(context: InferContext<WarpAttrs>, name: string) {
  const { shape } = floatInput(context, 0, name, 4);
  floatOfShape(context, 1, 'matrix', [shape[0], 6], 'six numbers per sample');
  if (shape[1] < 1 || shape[2] < 1) context.fail(`'${name}' with at least one pixel`, shapeText(shape));
  return [float32(shape)];
}

/** Places farther away are as good as infinite. */
const farthest = 1e7;
const limited = (place: number): number => (place > -farthest ? Math.min(place, farthest) : -farthest);

function rowsOf(matrix: FloatArray, at: number): RowCoordinates {
  const [a, b, x, c, d, y] = matrix.subarray(at, at + 6);
  return (row, xs, ys) => {
    for (let i = 0; i < xs.length; i++) {
      xs[i] = limited(a * i + (b * row + x));
      ys[i] = limited(c * i + (d * row + y));
    }
  };
}

/** No place lies half-way between two pixels, where single and double precision might part. */
const matrices: Readonly<Record<string, readonly number[]>> = {
  'as it is': [1, 0, 0, 0, 1, 0],
  'turned and shifted': [0.875, -0.5, 1.234375, 0.46875, 0.921875, -1.6171875],
  flipped: [-1, 0, 4, 0, 1, 0],
  'far outside': [3.125, 0.1875, -40.328125, -0.3125, 2.75, 55.109375],
  'beyond all': [1e30, 0, 0, 0, -1e30, 3],
};

function cases(first: readonly CaseInput[]): OpCase[] {
  const one = Object.values(matrices);
  const [x, small] = first;
  const both = interpolations.flatMap((interpolation) =>
    fillModes.map((fillMode) => ({
      name: `${interpolation}, ${fillMode}`,
      inputs: [x, { shape: [one.length, 6], values: one.flat() }],
      attrs: { interpolation, fillMode, fillValue: 0.5 },
      gradientOf: [0],
    })),
  );
  return [
    ...both,
    { name: 'one pixel', inputs: [small, { shape: [2, 6], values: [...one[1], ...one[3]] }], gradientOf: [0] },
    { name: 'empty batch', inputs: [{ shape: [0, 2, 3, 1] }, { shape: [0, 6] }], gradientOf: [0] },
  ];
}

const affineWarp = defineOp({
  name: 'affineWarp',
  inputs: ['x', 'matrix'],
  outputs: ['y'],
  attrs: warpAttrs,
  infer: (context) => inferWarp(context, 'x'),
  run({ inputs, outputs, attrs: { interpolation, fillMode, fillValue } }) {
    const [x, matrix, y] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    const [samples, height, width, channels] = outputs[0].shape;
    const size = height * width * channels;
    const border = { mode: fillMode, value: fillValue };
    for (let n = 0; n < samples; n++) {
      const image = (data: FloatArray) => ({ data: data.subarray(n * size, (n + 1) * size), height, width, channels });
      resample(image(x), image(y), rowsOf(matrix, 6 * n), interpolation, border);
    }
  },
  gradient: (context) => [
    context.emit('affineWarpGrad', [context.dOutputs[0], context.inputs[1]], context.attrs)[0],
    null,
  ],
  flops: (_, outputs) => 8 * outputs[0].shape.reduce((size, length) => size * length, 1),
  cases: cases([{ shape: [5, 5, 5, 3] }, { shape: [2, 1, 1, 2] }]),
});

const affineWarpGrad = defineOp({
  name: 'affineWarpGrad',
  inputs: ['dy', 'matrix'],
  outputs: ['dx'],
  attrs: warpAttrs,
  infer: (context) => inferWarp(context, 'dy'),
  run({ inputs, outputs, attrs: { interpolation, fillMode } }) {
    const [dy, matrix, dx] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    const [samples, height, width, channels] = outputs[0].shape;
    const [xs, ys] = [new Float64Array(width), new Float64Array(width)];
    dx.fill(0);
    let from = 0;
    /** Each pixel of dy goes where its value came from. */
    const give = (base: number, x: number, y: number, share: number): void => {
      const [column, row] = [inside(x, width, fillMode), inside(y, height, fillMode)];
      if (column < 0 || row < 0) return;
      const to = base + (row * width + column) * channels;
      for (let k = 0; k < channels; k++) dx[to + k] += share * dy[from + k];
    };
    for (let n = 0; n < samples; n++) {
      const base = n * height * width * channels;
      const coordinates = rowsOf(matrix, 6 * n);
      for (let row = 0; row < height; row++) {
        coordinates(row, xs, ys);
        for (let i = 0; i < width; i++, from += channels) {
          if (interpolation === 'nearest') {
            give(base, Math.floor(xs[i] + 0.5), Math.floor(ys[i] + 0.5), 1);
            continue;
          }
          const [x, y] = [Math.floor(xs[i]), Math.floor(ys[i])];
          const [right, below] = [xs[i] - x, ys[i] - y];
          give(base, x, y, (1 - right) * (1 - below));
          give(base, x + 1, y, right * (1 - below));
          give(base, x, y + 1, (1 - right) * below);
          give(base, x + 1, y + 1, right * below);
        }
      }
    }
  },
  gradient: (context) => [
    context.emit('affineWarp', [context.dOutputs[0], context.inputs[1]], { ...context.attrs, fillValue: 0 })[0],
    null,
  ],
  flops: (_, outputs) => 8 * outputs[0].shape.reduce((size, length) => size * length, 1),
  cases: cases([{ shape: [5, 5, 5, 3] }, { shape: [2, 1, 1, 2] }]),
});

export const warpOps = [affineMatrix, affineWarp, affineWarpGrad];
