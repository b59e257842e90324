// Batch normalization: mean 0 and variance 1 per channel, then a learnable scale and shift that can undo it. Dropout acts
// in training only.
import assert from 'node:assert/strict';
import { layers, Random, sequential } from 'ocellus';

const random = new Random(1);
const samples = 64;
const x = {
  data: Float32Array.from({ length: samples * 3 }, (_, i) => 5 * (i % 3) + 2 * random.normal()),
  shape: [samples, 3],
};
const y = { data: new Float32Array(samples * 3), shape: [samples, 3] };
const net = sequential([layers.batchNormalization({ momentum: 0, epsilon: 1e-5, inputShape: [3] })]);
net.compile({ optimizer: { name: 'sgd', learningRate: 0 }, loss: 'meanSquaredError' });
await net.fit(x, y, { batchSize: samples, verbose: 0 });

// With momentum 0 the running statistics are those of the last batch: predictions are normalized by them.
const column = (data, channel) => [...data].filter((_, i) => i % 3 === channel);
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const output = (await net.predict(x)).data;
for (const channel of [0, 1, 2]) {
  const values = column(output, channel);
  assert.ok(Math.abs(mean(values)) < 1e-4);
  assert.ok(Math.abs(mean(values.map((value) => value * value)) - 1) < 1e-3);
}
// The learnable undo: gamma = deviation and beta = mean give the input back.
const { 'batchNormalization/movingMean': means, 'batchNormalization/movingVariance': variances } = net.getWeights();
net.setWeights({
  'batchNormalization/gamma': variances.map((v) => Math.sqrt(v + 1e-5)),
  'batchNormalization/beta': means,
});
(await net.predict(x)).data.forEach((value, i) => assert.ok(Math.abs(value - x.data[i]) < 1e-3));
console.log('means of the channels', [...means], 'variances', [...variances]);

const dropping = sequential([layers.dropout({ rate: 0.5, inputShape: [3] })]);
assert.deepEqual((await dropping.predict(x)).data, x.data);
