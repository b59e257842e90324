// Parts of optimizers that look at a parameter as a whole: norms for clipping and for LAMB (You et al. 2020), the
// scale of Adafactor (Shazeer & Stern 2018), and the moving average of weights. Segments are those of `update.ts`.

import { sizeOf } from '../core/shape.js';
import { attr, type CaseInput, defineOp, floats, type OpCase } from './op.js';
import { atLeast, equalFloats, float32, floatInput, floatOfShape, optionalOfShape } from './rules.js';
import { forSegments, segmentCount } from './update.js';

const segmentSquares = defineOp({
  name: 'segmentSquares',
  inputs: ['x', 'segments?'],
  outputs: ['squares'],
  attrs: {},
  infer(context) {
    floatInput(context, 0, 'x');
    return [float32([segmentCount(context, 1)])];
  },
  run({ inputs, outputs }) {
    const [x, squares] = [floats(inputs[0]), floats(outputs[0])];
    forSegments(x.length, inputs[1]?.data, (begin, end, s) => {
      let sum = 0;
      for (let i = begin; i < end; i++) sum += x[i] * x[i];
      squares[s] = sum;
    });
  },
  flops: (inputs) => 2 * sizeOf(inputs[0]?.shape ?? []),
  cases: [
    { name: 'matrix', inputs: [{ shape: [7, 11] }] },
    { name: 'many chunks', inputs: [{ shape: [40009] }] },
    {
      name: 'segments across chunks',
      inputs: [{ shape: [40009] }, { shape: [5], dtype: 'int32', values: [3, 3, 16500, 39000, 40009] }],
    },
    { name: 'segments', inputs: [{ shape: [67] }, { shape: [3], dtype: 'int32', values: [16, 17, 67] }] },
    { name: 'nothing', inputs: [{ shape: [0] }] },
  ],
});

const clipScale = defineOp({
  name: 'clipScale',
  inputs: ['...squares'],
  outputs: ['scale'],
  /** `together`: one scale from the norm of everything, else one for each number of the only input. */
  attrs: { limit: attr.float(1), together: attr.int(0) },
  infer(context) {
    const { limit, together } = context.attrs;
    if (!(limit > 0)) context.fail('a limit above 0', limit, undefined, 'ERR_OCELLUS_ARGUMENT');
    if (!together && context.inputs.length > 1) context.fail('one input unless together', context.inputs.length);
    const shapes = context.inputs.map((_, i) => floatInput(context, i, 'squares', 1).shape);
    return [float32(together ? [1] : shapes[0])];
  },
  run({ inputs, outputs, attrs: { limit, together } }) {
    const scale = floats(outputs[0]);
    if (together) {
      let sum = 0;
      for (const input of inputs) for (const square of floats(input)) sum += square;
      const norm = Math.sqrt(sum);
      // An infinite norm makes the scale NaN, as Keras has it: a gradient that is lost should show.
      scale[0] = Math.min(1, limit / norm) + (norm - norm);
    } else floats(inputs[0]).forEach((square, i) => (scale[i] = limit / Math.max(Math.sqrt(square), limit)));
  },
  cases: [
    { name: 'each', inputs: [{ shape: [5], values: [0, 0.25, 1, 4, 100] }], attrs: { limit: 0.5 } },
    {
      name: 'together',
      inputs: [
        { shape: [3], values: 'positive' },
        { shape: [2], values: 'positive' },
      ],
      attrs: { limit: 0.5, together: 1 },
    },
    { name: 'short enough', inputs: [{ shape: [1], values: [0] }], attrs: { together: 1 } },
  ],
});

const factorsCase: CaseInput = { shape: [4, 2], values: [1, 1, 0.5, 0, 2, 3, 0, 1] };
const one: CaseInput = { shape: [1], values: [0.1] };
const decayAttrs = { weightDecay: attr.float(0) };

const trustRatio = defineOp({
  name: 'trustRatio',
  inputs: ['parameterSquares', 'updateSquares', 'learningRate', 'factors?'],
  outputs: ['ratio'],
  attrs: decayAttrs,
  infer(context) {
    const spec = equalFloats(context, ['parameterSquares', 'updateSquares']);
    floatOfShape(context, 2, 'learningRate', [1], 'one number');
    optionalOfShape(context, 3, 'factors', [...spec.shape, 2], 'two for each segment');
    return [spec];
  },
  run({ inputs, outputs, attrs: { weightDecay } }) {
    const [parameter, update, [rate], factors] = inputs.map(floats);
    const ratio = floats(outputs[0]);
    for (let s = 0; s < ratio.length; s++) {
      const w = Math.sqrt(parameter[s]) * shrinkOf(rate, weightDecay, factors, s);
      const u = Math.sqrt(update[s]);
      ratio[s] = w > 0 && u > 0 ? w / u : 1;
    }
  },
  cases: [
    { name: 'alone', inputs: [{ shape: [1], values: 'positive' }, { shape: [1], values: 'positive' }, one] },
    {
      name: 'factors and zeros',
      inputs: [{ shape: [4], values: [2, 3, 0, 1] }, { shape: [4], values: [0.5, 4, 1, 0] }, one, factorsCase],
      attrs: { weightDecay: 0.5 },
    },
  ],
});

const adafactorScale = defineOp({
  name: 'adafactorScale',
  inputs: ['parameterSquares', 'updateSquares', 'learningRate', 'limit', 'factors?'],
  outputs: ['scale'],
  /** `size`: elements of the parameter. */
  attrs: { size: attr.float(), epsilon: attr.float(1e-3), clipThreshold: attr.float(1), ...decayAttrs },
  infer(context) {
    const { size, epsilon, clipThreshold } = context.attrs;
    for (const [i, name] of ['parameterSquares', 'updateSquares', 'learningRate', 'limit'].entries()) {
      floatOfShape(context, i, name, [1], 'one number');
    }
    atLeast(context, 'size', size, 1);
    atLeast(context, 'epsilon', epsilon, 0);
    atLeast(context, 'clipThreshold', clipThreshold, 0);
    optionalOfShape(context, 4, 'factors', [1, 2], 'two for the parameter');
    return [float32([1])];
  },
  run({ inputs, outputs, attrs: { size, epsilon, clipThreshold, weightDecay } }) {
    const [[parameter], [update], [rate], [limit], factors] = inputs.map(floats);
    const w = Math.sqrt(parameter / size) * shrinkOf(rate, weightDecay, factors, 0);
    const u = Math.sqrt(update / size);
    // Of the learning rate, which is at most `limit`.
    const share = Math.min(1, limit / (rate * (factors ? factors[0] : 1)));
    floats(outputs[0])[0] = (Math.max(epsilon, w) * share) / Math.max(1, u / clipThreshold);
  },
  cases: [
    { name: 'small steps', inputs: [one, one, one, { shape: [1], values: [0.5] }], attrs: { size: 7 } },
    {
      name: 'limits',
      inputs: [
        one,
        { shape: [1], values: [70] },
        one,
        { shape: [1], values: [0.05] },
        { shape: [1, 2], values: [2, 3] },
      ],
      attrs: { size: 7, clipThreshold: 0.5, weightDecay: 0.1 },
    },
    { name: 'rate 0', inputs: [one, one, { shape: [1], values: [0] }, one], attrs: { size: 7, epsilon: 0.5 } },
  ],
});

/** What decoupled weight decay leaves of a weight. */
function shrinkOf(rate: number, decay: number, factors: ArrayLike<number> | undefined, s: number): number {
  return factors ? 1 - rate * factors[2 * s] * decay * factors[2 * s + 1] : 1 - rate * decay;
}

function averageCase(name: string, shape: number[], control: number[]): OpCase {
  return { name, inputs: [{ shape }, { shape }, { shape: [3], values: control }] };
}

const averageWeights = defineOp({
  name: 'averageWeights',
  inputs: ['parameter', 'average', 'control'],
  outputs: ['updatedParameter', 'updatedAverage'],
  attrs: {},
  infer(context) {
    const spec = equalFloats(context, ['parameter', 'average']);
    floatOfShape(context, 2, 'control', [3], 'momentum, 1 - momentum, whether the average becomes the parameter');
    return [spec, spec];
  },
  run({ inputs, outputs }) {
    const [parameter, average, [momentum, rest, overwrite], updated, updatedAverage] = [...inputs, ...outputs].map(
      floats,
    );
    for (let i = 0; i < updated.length; i++) {
      const w = parameter[i];
      const mean = momentum * average[i] + rest * w;
      updatedAverage[i] = mean;
      updated[i] = overwrite ? mean : w;
    }
  },
  inplace: [
    [0, 0],
    [1, 1],
  ],
  cases: [
    averageCase('kept', [7, 11], [0.75, 0.25, 0]),
    averageCase('written back', [67], [0.75, 0.25, 1]),
    averageCase('one element', [1], [0, 1, 0]),
    averageCase('no element', [0], [0, 1, 1]),
  ],
});

export const layerwiseOps = [segmentSquares, clipScale, trustRatio, adafactorScale, averageWeights];
