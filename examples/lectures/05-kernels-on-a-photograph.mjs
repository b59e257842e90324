// The classic kernels on a photograph: a picture before, and one after for each kernel. Answers with signs are shown around
// middle grey.
import assert from 'node:assert/strict';
import { ops } from 'ocellus';
import { photograph, save } from './lib/pictures.mjs';

const size = 128;
const { data } = await photograph(size, 1);
const image = Array.from({ length: size }, (_, y) => Array.from(data.subarray(y * size, (y + 1) * size)));
await save('05-before', { data, shape: [size, size, 1] });

const kernels = {
  'vertical-edges': [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
  'horizontal-edges': [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
  sobel: [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
  laplace: [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
  sharpen: [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
  blur: Array.from({ length: 5 }, () => new Array(5).fill(1 / 25)),
  'edge-enhancement': [[0, 0, 0], [-1, 2, 0], [0, 0, 0]],
  corner: [[-1, -1, -1], [-1, 1, 1], [-1, 1, 1]],
}; // biome-ignore format: kernels as they are drawn
const sumOf = (rows) => rows.flat().reduce((sum, one) => sum + one, 0);
const answers = {};
for (const [name, kernel] of Object.entries(kernels)) {
  // Only where the whole kernel lies on the picture: zeros around it would be an edge that is none.
  const answer = ops.crossCorrelate2d(image, kernel, { padding: 'valid' });
  answers[name] = answer;
  const middle = Math.abs(sumOf(kernel)) < 1e-9 ? 128 : 0;
  const bytes = Uint8ClampedArray.from(answer.flat(), (value) => middle + value);
  await save(`05-${name}`, { data: new Uint8Array(bytes.buffer), shape: [answer.length, answer[0].length, 1] });
}

// How far pixels are from their neighbours, by squares: a blur makes it less, sharpening more.
const roughness = (rows) => {
  const steps = rows.flatMap((row) => row.slice(1).map((value, x) => (value - row[x]) ** 2));
  return Math.sqrt(sumOf(steps) / steps.length);
};
const table = { before: image, blur: answers.blur, sharpen: answers.sharpen };
for (const [name, rows] of Object.entries(table))
  console.log(`${name}: neighbours differ by ${roughness(rows).toFixed(1)}`);
assert.ok(roughness(answers.blur) < roughness(image) / 1.5);
assert.ok(roughness(answers.sharpen) > roughness(image) * 1.5);
// A blur keeps the brightness; kernels that sum to nothing answer, on the whole, with nothing.
const mean = (rows) => sumOf(rows) / rows.length ** 2;
assert.ok(Math.abs(mean(answers.blur) - mean(image)) < 10);
assert.ok(Math.abs(mean(answers.laplace)) < 1);
