// What happens at the border, and what a stride does to the size.
import assert from 'node:assert/strict';
import { layers, ops, sequential } from 'ocellus';

const signal = [1, 2, 3, 4];
const sum = [1, 1, 1];
assert.deepEqual(ops.crossCorrelate1d(signal, sum), [6, 9]); // valid: only whole windows
assert.deepEqual(ops.crossCorrelate1d(signal, sum, { padding: 'same' }), [3, 6, 9, 7]); // zeros beside

const row = { data: Float32Array.from(signal), shape: [1, 4, 1] };
const borders = (paddingMode) => {
  const options = {
    filters: 1,
    kernelSize: 3,
    padding: 'same',
    paddingMode,
    useBias: false,
    kernelInitializer: 'ones',
  };
  return [...sequential([layers.conv1d({ ...options, inputShape: [4, 1] })]).predictSync(row).data];
};
assert.deepEqual(borders('zeros'), [3, 6, 9, 7]);
assert.deepEqual(borders('circular'), [7, 6, 9, 8]); // the other end
assert.deepEqual(borders('replicate'), [4, 6, 9, 11]); // the last value again
assert.deepEqual(borders('reflect'), [5, 6, 9, 10]); // as in a mirror

// out = floor((n + 2p - k) / s) + 1: a stride of s leaves about 1/s² of the pixels.
for (const [size, kernelSize, padding, strides, expected] of [
  [32, 5, 0, 1, 28],
  [32, 5, 2, 1, 32],
  [32, 3, 1, 2, 16],
  [32, 3, 0, 3, 10],
]) {
  const conv = layers.conv2d({ filters: 1, kernelSize, padding, strides, inputShape: [size, size, 1] });
  const { shape } = sequential([conv]).predictSync({ data: new Float32Array(size * size), shape: [1, size, size, 1] });
  console.log(`${size} pixels, window ${kernelSize}, padding ${padding}, stride ${strides}: ${shape[1]} pixels`);
  assert.equal(shape[1], expected);
}
