// An image is a grid of pixels: grey, or three channels; values 0 to 255 or 0 to 1. Batches have four dimensions.
import assert from 'node:assert/strict';
import { layers, sequential } from 'ocellus';

// One grey image of 2x3 pixels and one channel, as bytes; a batch of two is one array behind the other.
const batch = { data: Uint8Array.of(0, 51, 102, 153, 204, 255, 255, 204, 153, 102, 51, 0), shape: [2, 2, 3, 1] };
const scaled = sequential([layers.rescaling({ scale: 1 / 255, inputShape: [2, 3, 1] })]);
const output = await scaled.predict(batch);
console.log('bytes as numbers from 0 to 1:', output.toArray());
assert.deepEqual(output.shape, [2, 2, 3, 1]);
assert.ok(Math.abs(output.data[5] - 1) < 1e-6);

// [C, H, W] is the other common order; it is turned once at the edge of the model.
const rgb = { data: Uint8Array.from({ length: 12 }, (_, i) => i), shape: [1, 3, 2, 2] };
const swap = sequential([layers.rescaling({ scale: 1 })], { inputShape: [3, 2, 2], dataFormat: 'channelsFirst' });
assert.deepEqual((await swap.predict(rgb)).toArray(), [
  [
    [
      [0, 1],
      [2, 3],
    ],
    [
      [4, 5],
      [6, 7],
    ],
    [
      [8, 9],
      [10, 11],
    ],
  ],
]);
