// Pooling keeps what was found and forgets where exactly. It has no parameters.
import assert from 'node:assert/strict';
import { layers, ops, sequential } from 'ocellus';

const image = [
  [1, 3, 2, 1],
  [4, 2, 0, 1],
  [5, 1, 8, 2],
  [0, 2, 1, 3],
];
assert.deepEqual(ops.maxPool2d(image), [
  [4, 2],
  [5, 8],
]);
assert.deepEqual(ops.averagePool2d(image), [
  [2.5, 1],
  [2, 3.5],
]);

const run = (layer) => {
  const net = sequential([layer]);
  assert.equal(net.countParams(), 0);
  return [...net.predictSync({ data: Float32Array.from(image.flat()), shape: [1, 4, 4, 1] }).data];
};
const inputShape = [4, 4, 1];
assert.deepEqual(run(layers.sumPooling2d({ inputShape })), [10, 4, 8, 14]);
assert.ok(Math.abs(run(layers.lpPooling2d({ p: 2, inputShape }))[0] - Math.sqrt(1 + 9 + 16 + 4)) < 1e-5);
assert.deepEqual(run(layers.globalMaxPooling2d({ inputShape })), [8]);
// Window and stride per axis; a partial window at the border counts when ceilMode says so.
assert.deepEqual(run(layers.maxPooling2d({ poolSize: [2, 1], inputShape })).length, 8);
assert.deepEqual(run(layers.maxPooling2d({ poolSize: 3, strides: 2, inputShape })), [8]);
assert.deepEqual(run(layers.maxPooling2d({ poolSize: 3, strides: 2, ceilMode: true, inputShape })), [8, 8, 8, 8]);

// A shift by one pixel within a window changes nothing.
const shifted = image.map((row) => [row[1], row[0], row[3], row[2]]);
assert.deepEqual(ops.maxPool2d(shifted), ops.maxPool2d(image));
console.log('max', ops.maxPool2d(image), 'average', ops.averagePool2d(image));
