// Dropout whose mask is never stored: a counter-based generator draws the same numbers again in the gradient, and any
// thread can draw those of any element (Philox, see core/random.ts).

import { philox } from '../core/random.js';
import { attr, defineOp, floats, numbers } from './op.js';
import { floatInput, input, within } from './rules.js';

const seed = (values: readonly number[]) => ({ shape: [2], dtype: 'int32', values }) as const;

const dropout = defineOp({
  name: 'dropout',
  inputs: ['x', 'seed'],
  outputs: ['y'],
  attrs: { rate: attr.float(0.5), salt: attr.int(0) },
  infer(context) {
    within(context, 'rate', context.attrs.rate, 0, 1);
    const spec = input(context, 1, 'seed', 'int32', 1);
    if (spec.shape[0] !== 2) context.fail("'seed' of two numbers (seed, step)", spec.shape[0]);
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

export const dropoutOps = [dropout];
