// Activations: without them two layers are one. Logits become probabilities by softmax, or by sigmoid for two classes.
import assert from 'node:assert/strict';
import { layers, sequential } from 'ocellus';

const x = { data: Float32Array.of(-2, -0.5, 0, 1, 3), shape: [1, 5] };
const apply = (layer) => [...sequential([layer], { inputShape: [5] }).predictSync(x).data];
assert.deepEqual(apply(layers.relu()), [0, 0, 0, 1, 3]);
const near = (actual, expected) => actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-6));
near(
  apply(layers.sigmoid()),
  [...x.data].map((value) => 1 / (1 + Math.exp(-value))),
);
const exponentials = [...x.data].map(Math.exp);
const total = exponentials.reduce((a, b) => a + b);
near(
  apply(layers.softmax()),
  exponentials.map((value) => value / total),
);

// Two linear layers are one: W2 (W1 x) = (W2 W1) x.
const two = sequential([
  layers.dense({ units: 3, useBias: false, inputShape: [5] }),
  layers.dense({ units: 2, useBias: false }),
]);
const { 'dense/kernel': first, 'dense_1/kernel': second } = two.getWeights();
const product = Float32Array.from({ length: 10 }, (_, i) => {
  const [row, column] = [Math.floor(i / 2), i % 2];
  return [0, 1, 2].reduce((sum, k) => sum + first[3 * row + k] * second[2 * k + column], 0);
});
const one = sequential([layers.dense({ units: 2, useBias: false, inputShape: [5] })]);
one.setWeights({ 'dense/kernel': product });
near([...two.predictSync(x).data], [...one.predictSync(x).data]);

// One sigmoid output for two classes says what a softmax of [0, logit] says.
const logit = 1.3;
assert.ok(Math.abs(1 / (1 + Math.exp(-logit)) - Math.exp(logit) / (Math.exp(0) + Math.exp(logit))) < 1e-12);
console.log('softmax', apply(layers.softmax()));
