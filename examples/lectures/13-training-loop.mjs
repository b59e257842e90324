// The training loop: for each epoch, for each batch: forward, loss, backpropagation, update. `fit` does it; so can you.
import assert from 'node:assert/strict';
import { layers, Random, sequential } from 'ocellus';

// Horizontal and vertical bars in small images: a filter that tells them apart is learned, not made.
const random = new Random(7);
const [count, size] = [240, 8];
const data = new Float32Array(count * size * size).map(() => 0.1 * random.normal());
const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
for (let i = 0; i < count; i++) {
  const place = random.integer(size);
  for (let k = 0; k < size; k++) data[i * size * size + (labels[i] === 0 ? place * size + k : k * size + place)] += 1;
}
const images = { data, shape: [count, size, size, 1] };

const build = () =>
  sequential(
    [
      layers.conv2d({ filters: 8, kernelSize: 5, activation: 'relu' }),
      layers.globalMaxPooling2d(),
      layers.dense({ units: 2, activation: 'softmax' }),
    ],
    { inputShape: [size, size, 1], seed: 3 },
  ).compile({
    optimizer: { name: 'adam', learningRate: 0.02 },
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });

const fitted = build();
const { history } = await fitted.fit(images, labels, { epochs: 25, batchSize: 24, verbose: 0 });
console.log('fit:', history.accuracy.map((value) => value.toFixed(2)).join(' '));
assert.ok(history.accuracy.at(-1) > 0.95);

// The same by hand, in the order of the data.
const open = build();
const trainer = open.trainer();
for (let epoch = 0; epoch < 25; epoch++) {
  for (let at = 0; at < count; at += 24) {
    const x = { data: data.subarray(at * size * size, (at + 24) * size * size), shape: [24, size, size, 1] };
    const { values } = await trainer.gradients(x, labels.subarray(at, at + 24)); // forward, loss, backpropagation
    await trainer.apply(values); // update
  }
}
const { accuracy } = await open.evaluate(images, labels);
console.log('by hand:', accuracy);
assert.ok(accuracy > 0.95);
