// A convolution is a dense layer whose weights are shared and mostly zero; average pooling is a convolution with a stride
// and a fixed kernel.
import assert from 'node:assert/strict';
import { layers, sequential } from 'ocellus';

const size = 5;
const conv = sequential([layers.conv2d({ filters: 1, kernelSize: 3, inputShape: [size, size, 1] })], { seed: 2 });
const { 'conv2d/kernel': kernel, 'conv2d/bias': bias } = conv.getWeights();

const out = size - 2;
const matrix = new Float32Array(size * size * out * out);
for (let y = 0; y < out; y++)
  for (let x = 0; x < out; x++)
    for (let a = 0; a < 3; a++)
      for (let b = 0; b < 3; b++) matrix[((y + a) * size + x + b) * out * out + y * out + x] = kernel[3 * a + b];
const dense = sequential([layers.flatten({ inputShape: [size, size, 1] }), layers.dense({ units: out * out })]);
dense.setWeights({ 'dense/kernel': matrix, 'dense/bias': new Float32Array(out * out).fill(bias[0]) });

const image = { data: Float32Array.from({ length: 25 }, (_, i) => Math.sin(i)), shape: [1, size, size, 1] };
const [one, other] = [conv.predictSync(image), dense.predictSync(image)];
one.data.forEach((value, i) => assert.ok(Math.abs(value - other.data[i]) < 1e-5));
console.log(`${conv.countParams()} shared weights do what ${dense.countParams()} do`);

const shape = [4, 4, 1];
const pooled = sequential([layers.averagePooling2d({ poolSize: 2, inputShape: shape })]);
const quarter = { name: 'constant', value: 1 / 4 };
const averaging = layers.conv2d({
  filters: 1,
  kernelSize: 2,
  strides: 2,
  useBias: false,
  kernelInitializer: quarter,
  inputShape: shape,
});
const pixels = { data: Float32Array.from({ length: 16 }, (_, i) => i), shape: [1, ...shape] };
assert.deepEqual(pooled.predictSync(pixels).data, sequential([averaging]).predictSync(pixels).data);
