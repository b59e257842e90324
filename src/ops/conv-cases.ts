// Test cases of the convolutions: one list of problems, from which the cases of all four rows are made.

import type { OpCase } from './op.js';
import { outputSizes } from './windows.js';

interface Problem {
  name: string;
  /** [N, H, W, C] or [N, D, H, W, C] of what the kernel slides over. */
  image: readonly number[];
  kernel: readonly number[];
  filters: number;
  strides?: readonly number[];
  padding?: readonly number[];
  dilation?: readonly number[];
  groups?: number;
  activation?: string;
  noBias?: boolean;
  /** Too large for finite differences. */
  large?: boolean;
}

export const imageProblems: readonly Problem[] = [
  { name: '3x3 same', image: [2, 7, 5, 3], kernel: [3, 3], filters: 5, padding: [1, 1, 1, 1] },
  { name: 'valid, one channel', image: [1, 7, 8, 1], kernel: [5, 3], filters: 3 },
  { name: 'stride 2 leaves a rest', image: [2, 8, 6, 2], kernel: [3, 3], filters: 4, strides: [2, 2] },
  { name: '1x1', image: [2, 5, 3, 7], kernel: [1, 1], filters: 11 },
  { name: '1x1 stride 2', image: [1, 5, 6, 3], kernel: [1, 1], filters: 2, strides: [2, 2] },
  { name: '1x1 padded', image: [1, 3, 2, 2], kernel: [1, 1], filters: 3, padding: [1, 0, 2, 1] },
  { name: '1x1 grouped', image: [2, 3, 3, 6], kernel: [1, 1], filters: 9, groups: 3 },
  { name: 'output of one pixel', image: [3, 4, 5, 2], kernel: [4, 5], filters: 3 },
  { name: 'image of one pixel', image: [2, 1, 1, 3], kernel: [3, 3], filters: 2, padding: [1, 1, 1, 1] },
  { name: 'one row', image: [2, 1, 11, 3], kernel: [1, 5], filters: 2, padding: [0, 0, 2, 2], strides: [1, 2] },
  { name: 'asymmetric padding', image: [1, 5, 7, 3], kernel: [3, 2], filters: 4, padding: [2, 0, 0, 1] },
  { name: 'padding wider than the kernel', image: [1, 3, 2, 2], kernel: [2, 2], filters: 3, padding: [3, 2, 3, 4] },
  {
    name: 'different strides',
    image: [1, 9, 10, 2],
    kernel: [3, 4],
    filters: 3,
    strides: [3, 2],
    padding: [1, 1, 0, 2],
  },
  { name: 'stride beyond the kernel', image: [1, 8, 9, 2], kernel: [2, 2], filters: 3, strides: [3, 4] },
  { name: 'dilation', image: [2, 9, 8, 2], kernel: [3, 3], filters: 3, dilation: [2, 3], padding: [2, 2, 1, 1] },
  {
    name: 'dilation with stride',
    image: [1, 11, 10, 3],
    kernel: [3, 2],
    filters: 5,
    dilation: [2, 3],
    strides: [2, 3],
    padding: [1, 2, 0, 3],
  },
  { name: 'groups', image: [2, 5, 5, 4], kernel: [3, 3], filters: 6, groups: 2, padding: [1, 1, 1, 1] },
  {
    name: 'groups, dilation, stride, asymmetric padding',
    image: [2, 10, 9, 6],
    kernel: [3, 3],
    filters: 3,
    groups: 3,
    dilation: [2, 1],
    strides: [2, 3],
    padding: [0, 3, 1, 2],
    activation: 'tanh',
  },
  { name: 'depthwise', image: [2, 5, 6, 5], kernel: [3, 3], filters: 5, groups: 5, padding: [1, 1, 1, 1] },
  {
    name: 'depthwise, two filters per channel, dilation, stride',
    image: [1, 9, 8, 3],
    kernel: [2, 3],
    filters: 6,
    groups: 3,
    dilation: [3, 2],
    strides: [2, 1],
    padding: [1, 0, 2, 1],
  },
  { name: 'relu', image: [2, 5, 5, 2], kernel: [3, 3], filters: 3, padding: [1, 1, 1, 1], activation: 'relu' },
  { name: 'sigmoid', image: [1, 5, 4, 2], kernel: [2, 2], filters: 3, activation: 'sigmoid' },
  { name: 'relu6', image: [2, 5, 5, 3], kernel: [3, 3], filters: 5, padding: [1, 1, 1, 1], activation: 'relu6' },
  { name: 'relu6, no bias, 1x1', image: [2, 5, 3, 19], kernel: [1, 1], filters: 11, noBias: true, activation: 'relu6' },
  {
    name: 'depthwise, relu6',
    image: [2, 5, 14, 5],
    kernel: [3, 3],
    filters: 5,
    groups: 5,
    padding: [1, 1, 1, 1],
    activation: 'relu6',
  },
  {
    name: 'depthwise, stride 2, relu6',
    image: [2, 6, 5, 7],
    kernel: [3, 3],
    filters: 7,
    groups: 7,
    strides: [2, 2],
    padding: [0, 1, 0, 1],
    activation: 'relu6',
  },
  {
    name: 'several blocks, relu6',
    image: [1, 7, 6, 45],
    kernel: [3, 3],
    filters: 37,
    activation: 'relu6',
    large: true,
  },
  { name: 'no bias', image: [1, 4, 5, 3], kernel: [2, 3], filters: 2, noBias: true },
  { name: 'no bias, tanh', image: [1, 4, 5, 3], kernel: [3, 3], filters: 2, noBias: true, activation: 'tanh' },
  { name: 'several blocks', image: [2, 13, 11, 37], kernel: [3, 3], filters: 19, padding: [1, 1, 1, 1], large: true },
  { name: 'many filters', image: [1, 5, 5, 3], kernel: [2, 2], filters: 523, large: true },
  { name: 'empty batch', image: [0, 5, 5, 2], kernel: [3, 3], filters: 3 },
  { name: 'few channels of many filters', image: [2, 14, 14, 6], kernel: [5, 5], filters: 16, large: true },
  {
    name: 'few filters, long rows',
    image: [2, 5, 37, 3],
    kernel: [3, 3],
    filters: 6,
    padding: [1, 1, 1, 1],
    large: true,
  },
  { name: 'few filters, one channel', image: [2, 9, 19, 1], kernel: [5, 5], filters: 7, padding: [2, 2, 2, 2] },
  {
    name: 'few filters, dilation, borders wider than the kernel, relu6',
    image: [1, 3, 11, 2],
    kernel: [2, 3],
    filters: 5,
    dilation: [1, 2],
    padding: [3, 2, 7, 6],
    activation: 'relu6',
    large: true,
  },
  {
    name: 'few filters of many channels, tanh',
    image: [1, 9, 16, 21],
    kernel: [3, 2],
    filters: 11,
    activation: 'tanh',
    large: true,
  },
  { name: 'few filters, empty batch', image: [0, 9, 9, 1], kernel: [3, 3], filters: 6 },
];

export const volumeProblems: readonly Problem[] = [
  { name: '3x3x3 same', image: [2, 5, 4, 3, 3], kernel: [3, 3, 3], filters: 5, padding: [1, 1, 1, 1, 1, 1] },
  { name: 'valid, one channel', image: [1, 5, 7, 4, 1], kernel: [2, 5, 3], filters: 3 },
  { name: 'stride 2 leaves a rest', image: [2, 6, 4, 5, 2], kernel: [3, 3, 2], filters: 4, strides: [2, 2, 2] },
  { name: '1x1x1', image: [2, 3, 2, 3, 7], kernel: [1, 1, 1], filters: 11, activation: 'relu' },
  { name: '1x1x1 stride 2', image: [1, 5, 4, 3, 3], kernel: [1, 1, 1], filters: 2, strides: [2, 2, 2] },
  { name: '1x1x1 padded', image: [1, 3, 2, 1, 2], kernel: [1, 1, 1], filters: 3, padding: [1, 0, 2, 1, 0, 1] },
  { name: 'output of one pixel', image: [3, 2, 3, 4, 2], kernel: [2, 3, 4], filters: 3 },
  { name: 'volume of one pixel', image: [2, 1, 1, 1, 3], kernel: [3, 3, 3], filters: 2, padding: [1, 1, 1, 1, 1, 1] },
  { name: 'one plane', image: [2, 1, 5, 6, 3], kernel: [1, 3, 3], filters: 2, padding: [0, 0, 1, 1, 1, 1] },
  {
    name: 'padding wider than the kernel',
    image: [1, 2, 3, 1, 2],
    kernel: [2, 2, 2],
    filters: 3,
    padding: [3, 2, 0, 4, 2, 3],
  },
  {
    name: 'stride beyond the kernel',
    image: [1, 7, 8, 5, 2],
    kernel: [2, 1, 2],
    filters: 3,
    strides: [3, 4, 3],
    padding: [1, 0, 0, 1, 0, 0],
  },
  {
    name: 'dilation with stride',
    image: [1, 7, 9, 8, 3],
    kernel: [3, 2, 3],
    filters: 5,
    dilation: [2, 3, 1],
    strides: [2, 3, 2],
    padding: [1, 2, 0, 3, 1, 1],
  },
  {
    name: 'dilation and stride with common divisors',
    image: [1, 13, 9, 11, 2],
    kernel: [3, 2, 3],
    filters: 3,
    dilation: [4, 2, 3],
    strides: [2, 4, 6],
  },
  {
    name: 'groups, dilation, stride, asymmetric padding',
    image: [2, 5, 6, 7, 6],
    kernel: [2, 3, 2],
    filters: 3,
    groups: 3,
    dilation: [1, 2, 1],
    strides: [1, 2, 3],
    padding: [0, 1, 2, 0, 1, 2],
    activation: 'tanh',
  },
  {
    name: 'two filters per channel',
    image: [1, 3, 4, 5, 3],
    kernel: [2, 3, 2],
    filters: 6,
    groups: 3,
    padding: [1, 1, 1, 1, 1, 1],
  },
  { name: 'no bias, relu6', image: [1, 3, 3, 4, 2], kernel: [2, 2, 2], filters: 3, noBias: true, activation: 'relu6' },
  {
    name: 'several blocks',
    image: [1, 7, 6, 5, 19],
    kernel: [3, 3, 3],
    filters: 37,
    padding: [1, 1, 1, 1, 1, 1],
    large: true,
  },
  { name: 'empty batch', image: [0, 3, 4, 5, 2], kernel: [3, 3, 3], filters: 3 },
];

/**
 * Residuals, which only the forward rows add: products of several runs, several blocks, and every way to compute them.
 */
export const residuals: Readonly<Record<'images' | 'volumes', readonly Problem[]>> = {
  images: [
    { name: '3x3', image: [2, 7, 5, 3], kernel: [3, 3], filters: 5, padding: [1, 1, 1, 1], activation: 'relu' },
    { name: '3x3, no bias', image: [1, 5, 14, 2], kernel: [3, 3], filters: 4, noBias: true, activation: 'tanh' },
    { name: 'many filters', image: [1, 5, 7, 2], kernel: [3, 3], filters: 18, activation: 'relu6' },
    { name: '1x1, no bias', image: [2, 5, 3, 19], kernel: [1, 1], filters: 11, noBias: true },
    { name: '1x1', image: [1, 3, 2, 5], kernel: [1, 1], filters: 17, activation: 'sigmoid' },
    { name: '1x1 stride 2', image: [1, 5, 6, 13], kernel: [1, 1], filters: 3, strides: [2, 2], activation: 'relu6' },
    { name: 'dilation', image: [1, 11, 10, 3], kernel: [3, 2], filters: 5, dilation: [2, 3], strides: [2, 3] },
    { name: 'many channels', image: [1, 5, 7, 401], kernel: [1, 1], filters: 37, activation: 'relu', large: true },
    { name: 'few pixels', image: [2, 2, 3, 401], kernel: [1, 1], filters: 171, activation: 'relu', large: true },
    { name: 'many pixels', image: [2, 13, 17, 20], kernel: [1, 1], filters: 33, activation: 'relu6', large: true },
    { name: 'many windows', image: [2, 15, 14, 6], kernel: [3, 3], filters: 70, dilation: [2, 1], large: true },
    { name: 'several blocks', image: [2, 13, 11, 37], kernel: [3, 3], filters: 35, padding: [1, 1, 1, 1], large: true },
    { name: 'empty batch', image: [0, 5, 5, 2], kernel: [3, 3], filters: 3 },
  ],
  volumes: [
    { name: '2x3x3', image: [2, 3, 4, 3, 3], kernel: [2, 3, 3], filters: 5, activation: 'relu' },
    { name: '1x1x1, no bias', image: [1, 2, 3, 2, 5], kernel: [1, 1, 1], filters: 7, noBias: true },
  ],
};

function sizesOf(problem: Problem) {
  const { image, kernel, filters, groups = 1 } = problem;
  const ones = kernel.map(() => 1);
  const { strides = ones, dilation = ones, padding = [...ones, ...ones].fill(0) } = problem;
  const inputSize = image.slice(1, -1);
  const windows = outputSizes({ inputSize, kernelSize: kernel, strides, dilation }, padding);
  return {
    inputSize,
    channels: image[image.length - 1],
    output: [image[0], ...windows, filters],
    weight: [...kernel, image[image.length - 1] / groups, filters],
    attrs: { strides, padding, dilation, groups },
  };
}

function makeCase(problem: Problem, inputs: readonly (readonly number[] | null)[], attrs: object): OpCase {
  return {
    name: problem.name,
    inputs: inputs.map((shape) => shape && { shape }),
    attrs: { ...attrs },
    ...(problem.large && { gradientOf: [] }),
  };
}

/** Cases of the four rows. */
export interface ConvolutionCases {
  forward: OpCase[];
  gradInput: OpCase[];
  gradWeight: OpCase[];
  transposed: OpCase[];
}

function forwardCase(problem: Problem, hasResidual: boolean): OpCase {
  const { output, weight, attrs } = sizesOf(problem);
  const bias = problem.noBias ? null : [problem.filters];
  const inputs = [problem.image, weight, bias, hasResidual ? output : null];
  return makeCase(problem, inputs, { ...attrs, activation: problem.activation ?? 'linear' });
}

export function casesOf(problems: readonly Problem[], withResidual: readonly Problem[]): ConvolutionCases {
  // Cases that differ only in bias or activation say nothing new about the gradient rows.
  const plain = problems.filter(({ activation, noBias, groups }) => (!activation && !noBias) || groups);
  return {
    forward: [
      ...problems.map((problem) => forwardCase(problem, false)),
      ...withResidual.map((problem) => forwardCase({ ...problem, name: `residual: ${problem.name}` }, true)),
    ],
    gradInput: plain.map((problem) => {
      const { inputSize, output, weight, attrs } = sizesOf(problem);
      return makeCase(problem, [output, weight], { inputSize, ...attrs });
    }),
    gradWeight: plain.map((problem) => {
      const { output, attrs } = sizesOf(problem);
      return makeCase(problem, [problem.image, output], { kernelSize: problem.kernel, ...attrs });
    }),
    transposed: problems.map((problem) => {
      const { inputSize, channels, output, weight, attrs } = sizesOf(problem);
      const bias = problem.noBias ? null : [channels];
      const activation = problem.activation ?? 'linear';
      return makeCase(problem, [output, weight, bias], { outputSize: inputSize, ...attrs, activation });
    }),
  };
}
