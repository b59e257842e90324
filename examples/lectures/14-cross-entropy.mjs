// Cross-entropy against classification error: two networks are wrong equally often, and one is still better.
import assert from 'node:assert/strict';
import { layers, sequential } from 'ocellus';

const targets = [
  [0, 0, 1],
  [0, 1, 0],
  [1, 0, 0],
];
const first = [
  [0.3, 0.3, 0.4],
  [0.3, 0.4, 0.3],
  [0.1, 0.2, 0.7],
];
const second = [
  [0.1, 0.2, 0.7],
  [0.1, 0.7, 0.2],
  [0.3, 0.4, 0.3],
];

// A model that hands its input on, to evaluate given probabilities.
const judge = sequential([layers.linear({ inputShape: [3] })]);
judge.compile({
  optimizer: 'sgd',
  loss: { name: 'categoricalCrossentropy', fromLogits: false },
  metrics: ['categoricalAccuracy'],
});
const [a, b] = [await judge.evaluate(first, targets), await judge.evaluate(second, targets)];
console.log('first', a, 'second', b);
assert.equal(a.categoricalAccuracy, b.categoricalAccuracy);
const entropy = (rows) => -rows.reduce((sum, row, i) => sum + Math.log(row[targets[i].indexOf(1)]), 0) / rows.length;
assert.ok(Math.abs(a.loss - entropy(first)) < 1e-5 && Math.abs(b.loss - entropy(second)) < 1e-5);
assert.ok(b.loss < a.loss);
