// Cross-correlation: y[i][j] = sum over a and b of x[i + a][j + b] * w[a][b]. A layer runs many filters in parallel,
// over all channels, and adds a bias per filter.
import assert from 'node:assert/strict';
import { layers, ops, sequential } from 'ocellus';

const x = [
  [2, -3, 0, 2, -1],
  [0, 1, 4, 0, 1],
  [2, -2, 7, 3, 0],
  [-1, 0, 1, 0, 4],
];
const w = [
  [1, -1],
  [2, -3],
];
const y = ops.crossCorrelate2d(x, w);
console.log(y);
assert.deepEqual(y, [
  [2, -13, 6, 0],
  [9, -28, 9, 5],
  [2, -12, 6, -9],
]);

// The same as a layer with one filter and a bias of 10.
const layer = sequential([layers.conv2d({ filters: 1, kernelSize: 2, inputShape: [4, 5, 1] })]);
layer.setWeights({ 'conv2d/kernel': w.flat(), 'conv2d/bias': [10] });
const output = layer.predictSync({ data: Float32Array.from(x.flat()), shape: [1, 4, 5, 1] });
assert.deepEqual(
  [...output.data],
  y.flat().map((value) => value + 10),
);

// Three channels: the sum over them is part of the formula.
const colour = ops.conv2d([[[1, 2, 3]]], [[[[1], [10], [100]]]]);
assert.deepEqual(colour, [[[321]]]);
