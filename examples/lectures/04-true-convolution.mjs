// True convolution flips the kernel; it is cross-correlation with the kernel turned by 180 degrees.
import assert from 'node:assert/strict';
import { layers, ops, sequential } from 'ocellus';

assert.deepEqual(ops.convolve1d([1, 0, -2, 3], [1, 2]), [2, -2, -1]);
assert.deepEqual(ops.crossCorrelate1d([1, 0, -2, 3], [2, 1]), [2, -2, -1]);

const image = [
  [1, 2, 3],
  [4, 5, 6],
  [7, 8, 10],
];
const kernel = [
  [1, 2],
  [3, 4],
];
const turned = kernel.map((row) => row.toReversed()).toReversed();
console.log('convolution', ops.convolve2d(image, kernel), 'cross-correlation', ops.crossCorrelate2d(image, kernel));
assert.deepEqual(ops.convolve2d(image, kernel), ops.crossCorrelate2d(image, turned));

// Impulse response: convolution with a single one gives the kernel back as it stands.
assert.deepEqual(ops.convolve1d([0, 1, 0], [5, 6, 7], { padding: 'same' }), [5, 6, 7]);

// A layer learns its kernel, so that flipping makes no difference to what it can learn; it can be asked for.
const layer = (flipKernel) =>
  sequential([layers.conv2d({ filters: 1, kernelSize: 2, useBias: false, flipKernel, inputShape: [3, 3, 1] })]);
const run = (net) => {
  net.setWeights({ 'conv2d/kernel': kernel.flat() });
  return [...net.predictSync({ data: Float32Array.from(image.flat()), shape: [1, 3, 3, 1] }).data];
};
assert.deepEqual(run(layer(true)), ops.convolve2d(image, kernel).flat());
assert.deepEqual(run(layer(false)), ops.crossCorrelate2d(image, kernel).flat());
