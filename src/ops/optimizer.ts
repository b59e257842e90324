// One step of an optimizer on one long vector of parameters. What changes from step to step is an input: the learning
// rate and corrections for the start. Formulas as in Keras 3, after Sutskever et al. 2013 (momentum), Tieleman & Hinton
// 2012 (RMSprop), Duchi et al. 2011 (Adagrad), Zeiler 2012 (Adadelta), Kingma & Ba 2015 (Adam, Adamax), Reddi et al. 2018
// (AMSGrad), Dozat 2016 (Nadam), Chen et al. 2023 (Lion), You et al. 2020 (LAMB).

import { type AnyOp, attr, type CaseInput, type InferContext } from './op.js';
import { atLeast, within } from './rules.js';
import { updateCases, updateOp } from './update.js';

const checkShare = (context: InferContext, name: string, closed = false): void =>
  within(context, name, context.attrs[name], 0, 1, closed);

const sgd = updateOp({
  name: 'sgd',
  slots: [],
  attrs: {},
  rule: () => (_, g, rate) => rate * g,
  cases: updateCases([], null),
});

const sgdMomentum = updateOp({
  name: 'sgdMomentum',
  slots: ['momentum'],
  attrs: { momentum: attr.float(0.9), nesterov: attr.int(0) },
  validate: (context) => checkShare(context, 'momentum', true),
  rule: ({ momentum, nesterov }, [m], [updated]) => {
    return (i, g, rate) => {
      const v = momentum * m[i] - rate * g;
      updated[i] = v;
      return nesterov ? rate * g - momentum * v : -v;
    };
  },
  cases: updateCases(['normal'], null, { Nesterov: { momentum: 0.8, nesterov: 1 }, 'no momentum': { momentum: 0 } }),
});

/** With or without the mean of gradients, with or without momentum: four rows of their own slots. */
function rmspropOp(centered: boolean, hasMomentum: boolean): AnyOp {
  const slots = ['velocity', ...(centered ? ['averageGradient'] : []), ...(hasMomentum ? ['momentum'] : [])];
  return updateOp({
    name: `rmsprop${centered ? 'Centered' : ''}${hasMomentum ? 'Momentum' : ''}`,
    slots,
    attrs: { rho: attr.float(0.9), epsilon: attr.float(1e-7), ...(hasMomentum ? { momentum: attr.float(0.9) } : {}) },
    validate(context) {
      checkShare(context, 'rho');
      atLeast(context, 'epsilon', context.attrs.epsilon, 0);
      if (hasMomentum) checkShare(context as InferContext, 'momentum', true);
    },
    rule: (attrs, old, updated) => {
      const { rho, epsilon } = attrs;
      const { momentum = 0 } = attrs as { momentum?: number };
      const last = slots.length - 1;
      return (i, g, rate) => {
        const square = rho * old[0][i] + (1 - rho) * g * g;
        updated[0][i] = square;
        let mean = 0;
        if (centered) {
          mean = rho * old[1][i] + (1 - rho) * g;
          updated[1][i] = mean;
        }
        const step = (rate * g) / Math.sqrt(square - mean * mean + epsilon);
        if (!hasMomentum) return step;
        const v = momentum * old[last][i] + step;
        updated[last][i] = v;
        return v;
      };
    },
    // The mean square is at least the square of the mean: small means.
    cases: updateCases(
      ['positive', ...(centered ? ['probabilities' as const] : []), ...(hasMomentum ? ['normal' as const] : [])],
      null,
      { 'other constants': { rho: 0.75, epsilon: 1e-2 } },
    ),
  });
}

const adagrad = updateOp({
  name: 'adagrad',
  slots: ['accumulator'],
  attrs: { epsilon: attr.float(1e-7) },
  validate: (context) => atLeast(context, 'epsilon', context.attrs.epsilon, 0),
  rule:
    ({ epsilon }, [old], [updated]) =>
    (i, g, rate) => {
      const sum = old[i] + g * g;
      updated[i] = sum;
      return (rate * g) / Math.sqrt(sum + epsilon);
    },
  cases: updateCases(['positive'], null),
});

const adadelta = updateOp({
  name: 'adadelta',
  slots: ['accumulatedGradient', 'accumulatedDelta'],
  attrs: { rho: attr.float(0.95), epsilon: attr.float(1e-7) },
  validate(context) {
    checkShare(context, 'rho');
    atLeast(context, 'epsilon', context.attrs.epsilon, 0);
  },
  rule: ({ rho, epsilon }, [gradients, deltas], [updatedGradients, updatedDeltas]) => {
    return (i, g, rate) => {
      const square = rho * gradients[i] + (1 - rho) * g * g;
      const delta = (Math.sqrt(deltas[i] + epsilon) * g) / Math.sqrt(square + epsilon);
      updatedGradients[i] = square;
      updatedDeltas[i] = rho * deltas[i] + (1 - rho) * delta * delta;
      return rate * delta;
    };
  },
  cases: updateCases(['positive', 'positive'], null, { 'other constants': { rho: 0.75, epsilon: 1e-2 } }),
});

const moments = { beta1: attr.float(0.9), beta2: attr.float(0.999), epsilon: attr.float(1e-7) };

function checkMoments(context: InferContext): void {
  checkShare(context, 'beta1');
  checkShare(context, 'beta2');
  atLeast(context, 'epsilon', context.attrs.epsilon, 0);
}

const corrections = ['correction', 2, '1 - beta1^t and 1 - beta2^t'] as const;
const twoCorrections: CaseInput = { shape: [2], values: [0.271, 0.002997] };
const otherMoments = { 'other constants': { beta1: 0.5, beta2: 0.99, epsilon: 1e-3 } };

/** `amsgrad`: by the largest mean square so far. */
function adamOp(name: string, amsgrad: boolean): AnyOp {
  return updateOp({
    name,
    slots: ['m', 'v', ...(amsgrad ? ['vMax'] : [])],
    scalars: corrections,
    attrs: moments,
    validate: checkMoments,
    rule: ({ beta1, beta2, epsilon }, [m, v, vMax], [updatedM, updatedV, updatedMax], [correction1, correction2]) => {
      const scale = Math.sqrt(correction2) / correction1;
      return (i, g, rate) => {
        const mean = beta1 * m[i] + (1 - beta1) * g;
        let square = beta2 * v[i] + (1 - beta2) * g * g;
        updatedM[i] = mean;
        updatedV[i] = square;
        if (amsgrad) {
          square = Math.max(vMax[i], square);
          updatedMax[i] = square;
        }
        return (rate * scale * mean) / (Math.sqrt(square) + epsilon);
      };
    },
    cases: updateCases(['normal', 'positive', ...(amsgrad ? ['positive' as const] : [])], twoCorrections, otherMoments),
  });
}

const adamax = updateOp({
  name: 'adamax',
  slots: ['m', 'u'],
  scalars: ['correction', 1, '1 - beta1^t'],
  attrs: moments,
  validate: checkMoments,
  rule: ({ beta1, beta2, epsilon }, [m, u], [updatedM, updatedU], [correction]) => {
    return (i, g, rate) => {
      const mean = beta1 * m[i] + (1 - beta1) * g;
      const norm = Math.max(beta2 * u[i], Math.abs(g));
      updatedM[i] = mean;
      updatedU[i] = norm;
      return ((rate / correction) * mean) / (norm + epsilon);
    };
  },
  cases: updateCases(['normal', 'positive'], { shape: [1], values: [0.271] }, otherMoments),
});

const nadam = updateOp({
  name: 'nadam',
  slots: ['m', 'v'],
  scalars: ['mixture', 3, 'shares of mean and gradient, 1 - beta2^t'],
  attrs: moments,
  validate: checkMoments,
  rule: ({ beta1, beta2, epsilon }, [m, v], [updatedM, updatedV], [ofMean, ofGradient, correction]) => {
    return (i, g, rate) => {
      const mean = beta1 * m[i] + (1 - beta1) * g;
      const square = beta2 * v[i] + (1 - beta2) * g * g;
      updatedM[i] = mean;
      updatedV[i] = square;
      return (rate * (ofMean * mean + ofGradient * g)) / (Math.sqrt(square / correction) + epsilon);
    };
  },
  cases: updateCases(['normal', 'positive'], { shape: [3], values: [0.9, 0.5, 0.002997] }, otherMoments),
});

const lion = updateOp({
  name: 'lion',
  slots: ['m'],
  attrs: { beta1: attr.float(0.9), beta2: attr.float(0.99) },
  validate(context) {
    checkShare(context, 'beta1', true);
    checkShare(context, 'beta2', true);
  },
  rule: ({ beta1, beta2 }, [m], [updatedM]) => {
    return (i, g, rate) => {
      const step = rate * Math.sign(beta1 * m[i] + (1 - beta1) * g);
      updatedM[i] = beta2 * m[i] + (1 - beta2) * g;
      return step;
    };
  },
  cases: updateCases(['normal'], null, { 'sign alone': { beta1: 0 } }),
});

/** Adam's step at rate 1, which LAMB rescales by its norm (`layerwise.ts`). */
const lambDirection = updateOp({
  name: 'lambDirection',
  slots: ['m', 'v'],
  scalars: corrections,
  attrs: moments,
  direction: true,
  validate: checkMoments,
  rule: ({ beta1, beta2, epsilon }, [m, v], [updatedM, updatedV], [correction1, correction2]) => {
    return (i, g) => {
      const mean = beta1 * m[i] + (1 - beta1) * g;
      const square = beta2 * v[i] + (1 - beta2) * g * g;
      updatedM[i] = mean;
      updatedV[i] = square;
      return mean / correction1 / (Math.sqrt(square / correction2) + epsilon);
    };
  },
  cases: updateCases(['normal', 'positive'], twoCorrections, otherMoments, true),
});

export const optimizerOps: readonly AnyOp[] = [
  sgd,
  sgdMomentum,
  rmspropOp(false, false),
  rmspropOp(false, true),
  rmspropOp(true, false),
  rmspropOp(true, true),
  adagrad,
  adadelta,
  adamOp('adam', false),
  adamOp('adamAmsgrad', true),
  adamax,
  nadam,
  lion,
  lambDirection,
];
