// Local response normalization (Krizhevsky et al., 2012): each value divided by a power of the sum of squares of its
// neighbours along the channels, the last axis. alpha multiplies the sum as it is given, as in TensorFlow; PyTorch
// divides it by the size of the window.

import type { FloatArray } from '../core/dtype.js';
import { doubles, doublesScratch } from './gemm.js';
import { attr, defineOp, floats, type InferContext, type OpCase } from './op.js';
import { atLeast, equalFloats } from './rules.js';

const attrs = {
  depthRadius: attr.int(5),
  bias: attr.float(1),
  alpha: attr.float(1),
  beta: attr.float(0.5),
} as const;

function infer(context: InferContext, names: readonly string[]) {
  atLeast(context, 'depthRadius', context.attrs.depthRadius, 0);
  const x = equalFloats(context, names);
  if (x.shape.length === 0) context.fail("'x' of rank 1 or more", 'a scalar');
  return [x];
}

/** result[c] = sum of values[k] over the channels k within `radius` of c. */
function sumWindows(values: Float64Array, result: Float64Array, radius: number): void {
  for (let c = 0; c < result.length; c++) {
    const last = Math.min(result.length - 1, c + radius);
    let sum = 0;
    for (let k = Math.max(0, c - radius); k <= last; k++) sum += values[k];
    result[c] = sum;
  }
}

/** s = bias + alpha * (sum of squares around each channel) of the row that begins at `start`. */
function writeDivisors(
  x: FloatArray,
  start: number,
  squares: Float64Array,
  divisors: Float64Array,
  { depthRadius, bias, alpha }: { depthRadius: number; bias: number; alpha: number },
): void {
  for (let c = 0; c < squares.length; c++) squares[c] = x[start + c] * x[start + c];
  sumWindows(squares, divisors, depthRadius);
  for (let c = 0; c < divisors.length; c++) divisors[c] = bias + alpha * divisors[c];
}

const makeCases = (isGradient: boolean): OpCase[] => {
  const problems: [string, number[], Record<string, number>][] = [
    ['defaults', [2, 3, 3, 13], {}],
    ["AlexNet's", [2, 5, 19], { depthRadius: 2, bias: 2, alpha: 0.1, beta: 0.75 }],
    ['another power', [3, 37], { depthRadius: 1, bias: 1.5, alpha: 0.3, beta: 0.6 }],
    ['power 1', [5, 4], { depthRadius: 3, beta: 1 }],
    ['radius 0', [5, 7], { depthRadius: 0 }],
    ['radius beyond the channels', [3, 5], { depthRadius: 9, beta: 0.75 }],
    ['one channel', [7, 1], { depthRadius: 2 }],
    ['many channels', [3, 131], { depthRadius: 7, beta: 0.75 }],
    ['vector', [17], { depthRadius: 2 }],
    ['empty batch', [0, 4], {}],
  ];
  return problems.map(([name, shape, given]) => ({
    name,
    inputs: isGradient ? [{ shape }, { shape }] : [{ shape }],
    attrs: given,
  }));
};

const localResponseNorm = defineOp({
  name: 'localResponseNorm',
  inputs: ['x'],
  outputs: ['y'],
  attrs,
  infer: (context) => infer(context, ['x']),
  run({ inputs, outputs, attrs: settings, scratch }) {
    const [x, y] = [floats(inputs[0]), floats(outputs[0])];
    const channels = outputs[0].shape.at(-1) as number;
    const space = doubles(scratch, 2 * channels);
    const [squares, divisors] = [space.subarray(0, channels), space.subarray(channels)];
    for (let start = 0; start < y.length; start += channels) {
      writeDivisors(x, start, squares, divisors, settings);
      for (let c = 0; c < channels; c++) y[start + c] = x[start + c] * divisors[c] ** -settings.beta;
    }
  },
  gradient: (context) => context.emit('localResponseNormGrad', [context.inputs[0], context.dOutputs[0]], context.attrs),
  inplace: [[0, 0]],
  scratch: (inputs) => doublesScratch(2 * (inputs[0]?.shape.at(-1) ?? 0)),
  cases: makeCases(false),
});

const localResponseNormGrad = defineOp({
  name: 'localResponseNormGrad',
  inputs: ['x', 'dy'],
  outputs: ['dx'],
  attrs,
  infer: (context) => infer(context, ['x', 'dy']),
  run({ inputs, outputs, attrs: settings, scratch }) {
    const [x, dy, dx] = [inputs[0], inputs[1], outputs[0]].map(floats);
    const channels = outputs[0].shape.at(-1) as number;
    const { depthRadius, alpha, beta } = settings;
    const space = doubles(scratch, 3 * channels);
    const [a, divisors, sums] = [0, 1, 2].map((k) => space.subarray(k * channels, (k + 1) * channels));
    for (let start = 0; start < dx.length; start += channels) {
      writeDivisors(x, start, a, divisors, settings);
      for (let c = 0; c < channels; c++) a[c] = dy[start + c] * x[start + c] * divisors[c] ** (-beta - 1);
      sumWindows(a, sums, depthRadius);
      for (let c = 0; c < channels; c++) {
        const i = start + c;
        dx[i] = dy[i] * divisors[c] ** -beta - 2 * alpha * beta * x[i] * sums[c];
      }
    }
  },
  inplace: [
    [0, 0],
    [1, 0],
  ],
  scratch: (inputs) => doublesScratch(3 * (inputs[0]?.shape.at(-1) ?? 0)),
  cases: makeCases(true),
});

export const localResponseOps = [localResponseNorm, localResponseNormGrad];
