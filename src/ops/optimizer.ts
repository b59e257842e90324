// One step of an optimizer on one parameter. What changes from step to step is an input: the learning rate and, for
// Adam, the bias corrections. Formulas: Sutskever et al. 2013 (momentum), Kingma & Ba 2015 (Adam), Loshchilov & Hutter
// 2019 (decoupled weight decay).

import { attr, defineOp, floats, type InferContext, type OpCase } from './op.js';
import { atLeast, equalFloats, floatOfShape, within } from './rules.js';

/** Parameter, gradient and slots of one shape, then the learning rate; one output per updated tensor. */
function inferUpdate(context: InferContext, names: readonly string[]) {
  const spec = equalFloats(context, names);
  floatOfShape(context, names.length, 'learningRate', [1], 'one number');
  atLeast(context, 'weightDecay', context.attrs.weightDecay, 0);
  return names.filter((name) => name !== 'gradient').map(() => spec);
}

const rate = { shape: [1], values: [0.1] } as const;

const sgd = defineOp({
  name: 'sgd',
  inputs: ['parameter', 'gradient', 'learningRate'],
  outputs: ['updatedParameter'],
  attrs: { weightDecay: attr.float(0) },
  infer: (context) => inferUpdate(context, ['parameter', 'gradient']),
  run({ inputs, outputs, attrs: { weightDecay } }) {
    const [parameter, gradient, learningRate, updated] = [...inputs, ...outputs].map(floats);
    const lr = learningRate[0];
    for (let i = 0; i < updated.length; i++) {
      updated[i] = parameter[i] - lr * (gradient[i] + weightDecay * parameter[i]);
    }
  },
  inplace: [[0, 0]],
  cases: [
    { name: 'matrix', inputs: [{ shape: [7, 11] }, { shape: [7, 11] }, rate] },
    {
      name: 'weight decay',
      inputs: [{ shape: [3, 3, 2, 5] }, { shape: [3, 3, 2, 5] }, rate],
      attrs: { weightDecay: 0.05 },
    },
    { name: 'one element', inputs: [{ shape: [1] }, { shape: [1] }, rate] },
  ],
});

function momentumCase(name: string, shape: number[], attrs: object): OpCase {
  return { name, inputs: [{ shape }, { shape }, { shape }, rate], attrs: { ...attrs } };
}

const sgdMomentum = defineOp({
  name: 'sgdMomentum',
  inputs: ['parameter', 'gradient', 'velocity', 'learningRate'],
  outputs: ['updatedParameter', 'updatedVelocity'],
  attrs: { momentum: attr.float(0.9), nesterov: attr.int(0), weightDecay: attr.float(0) },
  infer(context) {
    within(context, 'momentum', context.attrs.momentum, 0, 1, true);
    return inferUpdate(context, ['parameter', 'gradient', 'velocity']);
  },
  run({ inputs, outputs, attrs: { momentum, nesterov, weightDecay } }) {
    const [parameter, gradient, velocity, learningRate, updated, updatedVelocity] = [...inputs, ...outputs].map(floats);
    const lr = learningRate[0];
    for (let i = 0; i < updated.length; i++) {
      const w = parameter[i];
      const g = gradient[i] + weightDecay * w;
      const v = momentum * velocity[i] + g;
      updatedVelocity[i] = v;
      updated[i] = w - lr * (nesterov ? g + momentum * v : v);
    }
  },
  inplace: [
    [0, 0],
    [2, 1],
  ],
  cases: [
    momentumCase('momentum', [7, 11], {}),
    momentumCase('Nesterov', [5, 13], { momentum: 0.8, nesterov: 1 }),
    momentumCase('weight decay', [3, 3, 2, 5], { weightDecay: 0.05 }),
    momentumCase('one element', [1], { momentum: 0, nesterov: 1, weightDecay: 0.1 }),
  ],
});

function adamCase(name: string, shape: number[], attrs: object): OpCase {
  const slots = [{ shape }, { shape }, { shape }, { shape, values: 'positive' as const }];
  return { name, inputs: [...slots, rate, { shape: [2], values: [0.271, 0.002997] }], attrs: { ...attrs } };
}

const adam = defineOp({
  name: 'adam',
  inputs: ['parameter', 'gradient', 'm', 'v', 'learningRate', 'correction'],
  outputs: ['updatedParameter', 'updatedM', 'updatedV'],
  attrs: {
    beta1: attr.float(0.9),
    beta2: attr.float(0.999),
    epsilon: attr.float(1e-7),
    weightDecay: attr.float(0),
    decoupled: attr.int(0),
  },
  infer(context) {
    within(context, 'beta1', context.attrs.beta1, 0, 1);
    within(context, 'beta2', context.attrs.beta2, 0, 1);
    atLeast(context, 'epsilon', context.attrs.epsilon, 0);
    const specs = inferUpdate(context, ['parameter', 'gradient', 'm', 'v']);
    floatOfShape(context, 5, 'correction', [2], '1 - beta1^t and 1 - beta2^t');
    return specs;
  },
  run({ inputs, outputs, attrs: { beta1, beta2, epsilon, weightDecay, decoupled } }) {
    const [parameter, gradient, m, v, learningRate, correction] = inputs.map(floats);
    const [updated, updatedM, updatedV] = outputs.map(floats);
    const lr = learningRate[0];
    const [correction1, correction2] = correction;
    const l2 = decoupled ? 0 : weightDecay;
    const shrink = decoupled ? lr * weightDecay : 0;
    for (let i = 0; i < updated.length; i++) {
      const w = parameter[i];
      const g = gradient[i] + l2 * w;
      const mean = beta1 * m[i] + (1 - beta1) * g;
      const square = beta2 * v[i] + (1 - beta2) * g * g;
      updatedM[i] = mean;
      updatedV[i] = square;
      updated[i] = w - shrink * w - (lr * (mean / correction1)) / (Math.sqrt(square / correction2) + epsilon);
    }
  },
  inplace: [
    [0, 0],
    [2, 1],
    [3, 2],
  ],
  cases: [
    adamCase('plain', [7, 11], {}),
    adamCase('L2', [3, 3, 2, 5], { weightDecay: 0.05 }),
    adamCase('decoupled', [5, 13], { weightDecay: 0.05, decoupled: 1 }),
    adamCase('other constants', [17], { beta1: 0.5, beta2: 0.99, epsilon: 1e-3 }),
    adamCase('one element', [1], {}),
  ],
});

export const optimizerOps = [sgd, sgdMomentum, adam];
