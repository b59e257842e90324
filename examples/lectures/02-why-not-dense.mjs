// Why not a dense network on pixels: it needs a weight per pixel and unit, and does not know what a neighbour is.
import assert from 'node:assert/strict';
import { input, layers, model, sequential } from 'ocellus';

const image = input({ shape: [512, 512, 1] });
const dense = layers.dense({ units: 10 }).apply(layers.flatten().apply(image));
const conv = layers.conv2d({ filters: 10, kernelSize: 3 }).apply(image);
const count = (outputs) => model({ inputs: image, outputs }).countParams();
console.log(`10 dense units on 512x512 pixels: ${count(dense)} weights; 10 filters of 3x3: ${count(conv)}`);
assert.equal(count(dense), 512 * 512 * 10 + 10);
assert.equal(count(conv), 3 * 3 * 10 + 10);
// A megapixel in three colours to 1000 classes: three billion weights.
assert.equal(1e6 * 3 * 1000, 3e9);

// Equivariance: a shifted image gives a shifted feature map, the same values.
const filter = sequential([layers.conv2d({ filters: 1, kernelSize: 3, useBias: false, inputShape: [8, 8, 1] })]);
const at = (row, column) => {
  const data = new Float32Array(64);
  data[8 * row + column] = 1;
  return { data, shape: [1, 8, 8, 1] };
};
const [here, shifted] = [filter.predictSync(at(3, 3)), filter.predictSync(at(4, 5))];
for (let y = 1; y < 4; y++)
  for (let x = 1; x < 4; x++) assert.equal(here.data[6 * y + x], shifted.data[6 * (y + 1) + x + 2]);
