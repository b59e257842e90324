// Dropout whose mask is never stored: a counter-based generator draws the same numbers again in the gradient, and any
// thread can draw those of any element (Philox, see core/random.ts). Uniform and normal
// numbers by the same generator.

import { philox } from '../core/random.js';
import { attr, defineOp, floats, type InferContext, numbers } from './op.js';
import { atLeast, float32, floatInput, input, within } from './rules.js';

const seed = (values: readonly number[]) => ({ shape: [2], dtype: 'int32', values }) as const;

function checkSeed(context: InferContext, index: number): void {
  const spec = input(context, index, 'seed', 'int32', 1);
  if (spec.shape[0] !== 2) context.fail("'seed' of two numbers (seed, step)", spec.shape[0]);
}

const dropout = defineOp({
  name: 'dropout',
  inputs: ['x', 'seed'],
  outputs: ['y'],
  attrs: { rate: attr.float(0.5), salt: attr.int(0) },
  infer(context) {
    within(context, 'rate', context.attrs.rate, 0, 1);
    checkSeed(context, 1);
    return [floatInput(context, 0, 'x')];
  },
  run({ inputs, outputs, attrs: { rate, salt } }) {
    const [x, y] = [floats(inputs[0]), floats(outputs[0])];
    const [key, step] = numbers(inputs[1]);
    const exact = 1 / (1 - rate);
    const scale = x instanceof Float32Array ? Math.fround(exact) : exact;
    // Attributes are float32 in C++: the threshold must be the same number, or an element in 2^24 differs.
    const threshold = Math.fround(rate);
    const words = new Uint32Array(4);
    for (let start = 0; start < y.length; start += 4) {
      const block = start / 4;
      philox(words, block, Math.floor(block / 2 ** 32), salt, step, key, 0);
      const end = Math.min(start + 4, y.length);
      for (let i = start; i < end; i++) y[i] = (words[i - start] >>> 8) / 16777216 >= threshold ? x[i] * scale : 0;
    }
  },
  gradient: (context) => [context.emit('dropout', [context.dOutputs[0], context.inputs[1]], context.attrs)[0], null],
  inplace: [[0, 0]],
  cases: [
    { name: 'half', inputs: [{ shape: [7, 11] }, seed([42, 7])] },
    { name: 'image batch', inputs: [{ shape: [2, 5, 3, 4] }, seed([1, 0])], attrs: { rate: 0.25, salt: 12345 } },
    { name: 'negative seed, large salt', inputs: [{ shape: [37] }, seed([-5, 1000])], attrs: { rate: 0.75, salt: -1 } },
    { name: 'rate 0 keeps all', inputs: [{ shape: [13] }, seed([3, 3])], attrs: { rate: 0 } },
    { name: 'nearly everything dropped', inputs: [{ shape: [101] }, seed([9, 2])], attrs: { rate: 0.95, salt: 2 } },
    { name: 'empty batch', inputs: [{ shape: [0, 3] }, seed([0, 0])] },
  ],
});

const randomUniform = defineOp({
  name: 'randomUniform',
  inputs: ['seed'],
  outputs: ['y'],
  attrs: { shape: attr.shape(), minimum: attr.float(0), maximum: attr.float(1), salt: attr.int(0) },
  infer(context) {
    checkSeed(context, 0);
    atLeast(context, 'shape', context.attrs.shape, 0);
    return [float32(context.attrs.shape)];
  },
  run({ inputs, outputs, attrs: { minimum, maximum, salt } }) {
    const y = floats(outputs[0]);
    const [key, step] = numbers(inputs[0]);
    const words = new Uint32Array(4);
    for (let i = 0; i < y.length; i++) {
      const block = Math.floor(i / 4);
      if (i % 4 === 0) philox(words, block, Math.floor(block / 2 ** 32), salt, step, key, 0);
      y[i] = minimum + ((maximum - minimum) * (words[i % 4] >>> 8)) / 2 ** 24;
    }
  },
  gradient: () => [null],
  cases: [
    { name: 'from 0 to 1', inputs: [seed([42, 7])], attrs: { shape: [7, 11], salt: 5 } },
    { name: 'of both signs', inputs: [seed([1, 0])], attrs: { shape: [2, 3, 5], minimum: -2, maximum: 0.25 } },
    { name: 'many', inputs: [seed([-5, 1000])], attrs: { shape: [1031], salt: -1 } },
    { name: 'always the same', inputs: [seed([3, 3])], attrs: { shape: [13], minimum: 1, maximum: 1 } },
    { name: 'scalar', inputs: [seed([9, 2])], attrs: { shape: [] } },
    { name: 'empty', inputs: [seed([0, 0])], attrs: { shape: [0, 3] } },
  ],
});

/** Words drawn at once for normal numbers: 16 blocks of the generator. */
const drawn = 64;

const randomNormal = defineOp({
  name: 'randomNormal',
  inputs: ['seed'],
  outputs: ['y'],
  attrs: { shape: attr.shape(), mean: attr.float(0), stddev: attr.float(1), salt: attr.int(0) },
  infer(context) {
    checkSeed(context, 0);
    atLeast(context, 'shape', context.attrs.shape, 0);
    atLeast(context, 'stddev', context.attrs.stddev, 0);
    return [float32(context.attrs.shape)];
  },
  // Box and Muller (1958): the first half of the words gives radii, the second half angles, of two numbers each.
  run({ inputs, outputs, attrs: { mean, stddev, salt } }) {
    const y = floats(outputs[0]);
    const [key, step] = numbers(inputs[0]);
    const words = new Uint32Array(drawn);
    const half = drawn / 2;
    for (let start = 0; start < y.length; start += drawn) {
      for (let at = 0; at < drawn; at += 4) {
        const block = (start + at) / 4;
        philox(words.subarray(at), block, Math.floor(block / 2 ** 32), salt, step, key, 0);
      }
      for (let k = 0; k < half; k++) {
        const radius = stddev * Math.sqrt(-2 * Math.log(((words[k] >>> 8) + 1) / 2 ** 24));
        const angle = (2 * Math.PI * (words[half + k] >>> 8)) / 2 ** 24;
        if (start + k < y.length) y[start + k] = mean + radius * Math.cos(angle);
        if (start + half + k < y.length) y[start + half + k] = mean + radius * Math.sin(angle);
      }
    }
  },
  gradient: () => [null],
  cases: [
    { name: 'standard', inputs: [seed([42, 7])], attrs: { shape: [7, 11], salt: 5 } },
    { name: 'mean and deviation', inputs: [seed([1, 0])], attrs: { shape: [2, 3, 5], mean: 2, stddev: 0.25 } },
    { name: 'many', inputs: [seed([-5, 1000])], attrs: { shape: [1031], salt: -1 } },
    { name: 'no deviation', inputs: [seed([3, 3])], attrs: { shape: [13], mean: 1, stddev: 0 } },
    { name: 'scalar', inputs: [seed([9, 2])], attrs: { shape: [] } },
    { name: 'empty', inputs: [seed([0, 0])], attrs: { shape: [0, 3] } },
  ],
});

export const dropoutOps = [dropout, randomUniform, randomNormal];
