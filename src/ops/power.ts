// |x| to a fixed power, with or without the sign of x: what sums of powers (Lp pooling) are made of. 0 at 0 whatever the
// exponent, so that a gradient there is 0 too and never NaN.

import { attr, defineOp, floats, type OpCase } from './op.js';
import { floatInput } from './rules.js';

const exponents = [1, 2, 3, 0.5, -0.5, -1, 1.5, 1 / 3];
const near = { shape: [7, 11], values: 'awayFromZero' } as const;

const absPower = defineOp({
  name: 'absPower',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { exponent: attr.float(2), signed: attr.int(0) },
  infer: (context) => [floatInput(context, 0, 'x')],
  run({ inputs, outputs, attrs: { exponent, signed } }) {
    const [x, y] = [floats(inputs[0]), floats(outputs[0])];
    // C++ sees the exponent as a float.
    const power = Math.fround(exponent);
    for (let i = 0; i < y.length; i++) {
      const value = x[i] === 0 ? 0 : Math.abs(x[i]) ** power;
      y[i] = signed && x[i] < 0 ? -value : value;
    }
  },
  gradient(context) {
    const { exponent, signed } = context.attrs;
    const slope = { exponent: exponent - 1, signed: signed ? 0 : 1 };
    const [power] = context.emit('absPower', [context.inputs[0]], slope);
    const [scaled] = context.emit('rescale', [power], { scale: exponent, offset: 0 });
    return context.emit('multiply', [context.dOutputs[0], scaled]);
  },
  inplace: [[0, 0]],
  flops: (inputs) => 8 * (inputs[0]?.shape.reduce((a, b) => a * b, 1) ?? 0),
  cases: [
    ...exponents.flatMap((exponent): OpCase[] =>
      [0, 1].map((signed) => ({
        name: `to the ${exponent}${signed ? ', signed' : ''}`,
        inputs: [near],
        attrs: { exponent, signed },
      })),
    ),
    {
      name: 'zeros',
      inputs: [{ shape: [4], values: [0, -2, 0, 3] }],
      attrs: { exponent: -0.25, signed: 1 },
      gradientOf: [],
    },
    { name: 'scalar', inputs: [{ shape: [], values: 'positive' }], attrs: { exponent: 2.5 } },
    { name: 'empty batch', inputs: [{ shape: [0, 3] }], attrs: { exponent: 3 } },
  ],
});

export const powerOps = [absPower];
