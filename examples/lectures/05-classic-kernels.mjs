// Kernels made by hand: edges, Sobel, Laplace, sharpening, blurring, a corner, on a small grey image.
import assert from 'node:assert/strict';
import { ops } from 'ocellus';

// A bright square in the dark.
const image = Array.from({ length: 9 }, (_, y) =>
  Array.from({ length: 9 }, (_, x) => (y > 2 && y < 6 && x > 2 && x < 6 ? 1 : 0)),
);
const kernels = {
  'vertical edges': [
    [-1, 0, 1],
    [-1, 0, 1],
    [-1, 0, 1],
  ],
  'horizontal edges': [
    [-1, -1, -1],
    [0, 0, 0],
    [1, 1, 1],
  ],
  sobel: [
    [-1, 0, 1],
    [-2, 0, 2],
    [-1, 0, 1],
  ],
  laplace: [
    [0, 1, 0],
    [1, -4, 1],
    [0, 1, 0],
  ],
  sharpen: [
    [0, -1, 0],
    [-1, 5, -1],
    [0, -1, 0],
  ],
  blur: [
    [1, 1, 1],
    [1, 1, 1],
    [1, 1, 1],
  ].map((row) => row.map((value) => value / 9)),
};
const shades = ' .:-=+*#%@';
const draw = (rows) => {
  const values = rows.flat();
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const shade = (value) => shades[Math.round(((value - low) / (high - low || 1)) * (shades.length - 1))];
  return rows.map((row) => row.map((value) => shade(value).repeat(2)).join('')).join('\n');
};
for (const [name, kernel] of Object.entries(kernels)) {
  console.log(`${name}\n${draw(ops.crossCorrelate2d(image, kernel, { padding: 'same' }))}\n`);
}

// A derivative answers nothing where nothing changes, and with opposite signs on the two sides.
const edges = ops.crossCorrelate2d(image, kernels['vertical edges'], { padding: 'same' });
assert.equal(edges[4][4], 0);
assert.equal(edges[4][2], 3);
assert.equal(edges[4][6], -3);
// A blur keeps the sum, a Laplace kernel sums to nothing.
const sum = (rows) => rows.flat().reduce((a, b) => a + b, 0);
assert.ok(Math.abs(sum(ops.crossCorrelate2d(image, kernels.blur, { padding: 'same' })) - 9) < 1e-5);
assert.equal(sum(kernels.laplace), 0);
// A corner detector answers most where its corner is: here the upper left one of the square.
const corner = ops.crossCorrelate2d(
  image,
  [
    [-1, -1, -1],
    [-1, 1, 1],
    [-1, 1, 1],
  ],
  { padding: 'same' },
);
const best = Math.max(...corner.flat());
assert.equal(corner[3][3], best);
