// Adaptive average pooling over volumes: as many windows as asked for, as even as whole cells allow (PyTorch). Images are
// volumes of depth 1. Where sizes divide, layers take the ordinary pooling instead.

import { shapeText, sizeOf } from '../core/shape.js';
import { type AxisWindows, adaptiveWindows, forEachBox, forEachCell, volumeInput } from './boxes.js';
import { doubles, doublesScratch } from './gemm.js';
import { attr, defineOp, floats, type OpCase, type Value } from './op.js';
import { atLeast, float32 } from './rules.js';

const windowsOf = (size: readonly number[], counts: readonly number[]): AxisWindows[] =>
  counts.map((count, axis) => adaptiveWindows(size[axis], count));

/** Cells of a box. */
function cellsOf(windows: readonly AxisWindows[], box: readonly number[]): number {
  return windows.reduce((product, { first, last }, axis) => product * (last[box[axis]] - first[box[axis]]), 1);
}

const problems: readonly { name: string; volume: readonly number[]; outputSize: readonly number[] }[] = [
  { name: 'even', volume: [2, 4, 6, 9, 3], outputSize: [2, 3, 3] },
  { name: 'uneven', volume: [1, 5, 7, 11, 2], outputSize: [3, 2, 4] },
  { name: 'more windows than cells', volume: [1, 2, 3, 2, 3], outputSize: [3, 5, 4] },
  { name: 'one window', volume: [2, 3, 5, 2, 5], outputSize: [1, 1, 1] },
  { name: 'image', volume: [2, 1, 7, 5, 17], outputSize: [1, 3, 4] },
  { name: 'empty batch', volume: [0, 2, 2, 2, 2], outputSize: [1, 2, 1] },
];

const adaptiveAveragePool3d = defineOp({
  name: 'adaptiveAveragePool3d',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { outputSize: attr.ints(3) },
  infer(context) {
    const { shape } = volumeInput(context, 0, 'x');
    const { outputSize } = context.attrs;
    atLeast(context, 'outputSize', outputSize, 1);
    return [float32([shape[0], ...outputSize, shape[4]])];
  },
  run({ inputs, outputs, attrs: { outputSize }, scratch }) {
    const [x, y] = [floats(inputs[0]), floats(outputs[0])];
    const shape = inputs[0]?.shape ?? [];
    const [channels, volume] = [shape[4], sizeOf(shape.slice(1))];
    const windows = windowsOf(shape.slice(1, 4), outputSize);
    const sums = doubles(scratch, channels);
    forEachBox(shape, windows, (image, to, box) => {
      sums.fill(0);
      forEachCell(shape, windows, box, (cell) => {
        const from = image * volume + cell * channels;
        for (let c = 0; c < channels; c++) sums[c] += x[from + c];
      });
      const count = cellsOf(windows, box);
      for (let c = 0; c < channels; c++) y[to + c] = sums[c] / count;
    });
  },
  gradient(context) {
    const inputSize = (context.inputs[0] as Value).shape.slice(1, 4);
    return context.emit('adaptiveAveragePool3dGrad', [context.dOutputs[0]], { inputSize });
  },
  scratch: (inputs) => doublesScratch(inputs[0]?.shape[4] ?? 0),
  cases: problems.map(
    ({ name, volume, outputSize }): OpCase => ({ name, inputs: [{ shape: volume }], attrs: { outputSize } }),
  ),
});

const adaptiveAveragePool3dGrad = defineOp({
  name: 'adaptiveAveragePool3dGrad',
  inputs: ['dy'],
  outputs: ['dx'],
  attrs: { inputSize: attr.ints(3) },
  infer(context) {
    const { shape } = volumeInput(context, 0, 'dy');
    const { inputSize } = context.attrs;
    atLeast(context, 'inputSize', inputSize, 1);
    if (sizeOf(inputSize) >= 2 ** 31) context.fail('inputSize of less than 2^31 cells', shapeText(inputSize));
    return [float32([shape[0], ...inputSize, shape[4]])];
  },
  run({ inputs, outputs, attrs: { inputSize } }) {
    const [dy, dx] = [floats(inputs[0]), floats(outputs[0])];
    const { shape } = outputs[0];
    const [channels, volume] = [shape[4], sizeOf(shape.slice(1))];
    const windows = windowsOf(inputSize, (inputs[0]?.shape ?? []).slice(1, 4));
    dx.fill(0);
    forEachBox(shape, windows, (image, from, box) => {
      const count = cellsOf(windows, box);
      forEachCell(shape, windows, box, (cell) => {
        const to = image * volume + cell * channels;
        for (let c = 0; c < channels; c++) dx[to + c] += dy[from + c] / count;
      });
    });
  },
  gradient(context) {
    const outputSize = (context.inputs[0] as Value).shape.slice(1, 4);
    return context.emit('adaptiveAveragePool3d', [context.dOutputs[0]], { outputSize });
  },
  cases: problems.map(({ name, volume, outputSize }): OpCase => {
    const shape = [volume[0], ...outputSize, volume[4]];
    return { name, inputs: [{ shape }], attrs: { inputSize: volume.slice(1, 4) } };
  }),
});

export const adaptiveOps = [adaptiveAveragePool3d, adaptiveAveragePool3dGrad];
