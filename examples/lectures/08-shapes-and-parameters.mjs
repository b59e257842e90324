// Shapes and learnable parameters: C_out filters of C_in * k * k weights and a bias each.
import assert from 'node:assert/strict';
import { layers, sequential } from 'ocellus';

const net = sequential([
  layers.conv2d({ filters: 6, kernelSize: 5, inputShape: [32, 32, 3] }),
  layers.conv2d({ filters: 16, kernelSize: 5 }),
]);
net.summary();
assert.deepEqual(
  net.weights.map(({ path, shape }) => [path, shape]),
  [
    ['conv2d/kernel', [5, 5, 3, 6]],
    ['conv2d/bias', [6]],
    ['conv2d_1/kernel', [5, 5, 6, 16]],
    ['conv2d_1/bias', [16]],
  ],
);
assert.equal(net.countParams(), (5 * 5 * 3 + 1) * 6 + (5 * 5 * 6 + 1) * 16);
const { shape } = net.predictSync({ data: new Float32Array(32 * 32 * 3), shape: [1, 32, 32, 3] });
assert.deepEqual(shape, [1, 24, 24, 16]);

// Channels have to match: the error names the place, what is wanted and what came.
assert.throws(
  () => net.predictSync({ data: new Float32Array(32 * 32), shape: [1, 32, 32, 1] }),
  (error) => {
    console.log(error.message);
    return error.code === 'ERR_OCELLUS_SHAPE' && /32x32x3/.test(error.message);
  },
);
