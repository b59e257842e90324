// Flatten and dense layers at the end; with depth one unit sees more of the image: its receptive field grows.
import assert from 'node:assert/strict';
import { layers, sequential } from 'ocellus';

const conv = (filters) => layers.conv2d({ filters, kernelSize: 3, padding: 'same', activation: 'relu' });
const net = sequential(
  [
    conv(8),
    layers.maxPooling2d(),
    conv(16),
    layers.maxPooling2d(),
    conv(32),
    layers.flatten(),
    layers.dense({ units: 10 }),
  ],
  { inputShape: [32, 32, 3] },
);
let text = '';
net.summary({
  print: (chunk) => {
    text += chunk;
  },
  lineLength: 0,
});
console.log(text);
const fields = text
  .split('\n')
  .filter((line) => line.startsWith('│'))
  .map((line) => line.split('│')[6].trim());
assert.deepEqual(fields, ['3x3', '4x4', '8x8', '10x10', '18x18', 'all', 'all']);
