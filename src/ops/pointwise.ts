// Activations whose gradient is formed from the input x: smooth ones (ELU, GELU, SiLU, Mish, softplus, softsign) and
// those made of straight pieces. Each is a curve and its slope; at infinity both take their limits, and NaN stays NaN.
// Where a slope jumps, the value at the corner is Keras's.

import { sigmoidOf } from './activation.js';
import { erfc } from './erf.js';
import {
  type AnyOp,
  type AttrSchema,
  type AttrsOf,
  attr,
  type CaseInput,
  defineOp,
  floats,
  type OpCase,
} from './op.js';
import { likeX, pointwiseCases, pointwiseGradCases } from './rectifier.js';
import { equalFloats } from './rules.js';

interface Curve<S extends AttrSchema> {
  name: string;
  attrs: S;
  y(x: number, attrs: AttrsOf<S>): number;
  slope(x: number, attrs: AttrsOf<S>): number;
  /** Values around everything that is special about the curve, but not on a corner. */
  around: readonly number[];
  /** Settings other than the defaults, by what is special about them. */
  settings?: Readonly<Record<string, Partial<AttrsOf<S>>>>;
}

const list = (values: readonly number[]): CaseInput => ({ shape: [values.length], values });

/** The rows of a curve and of its gradient. */
function pointwise<const S extends AttrSchema>({ name, attrs: schema, y: curve, slope, ...more }: Curve<S>): AnyOp[] {
  const settings = Object.entries(more.settings ?? {});
  const special: OpCase[] = [
    { name: 'around', inputs: [list(more.around)] },
    { name: 'limits', inputs: [list([-3e38, 3e38, -1e-40, 1e-40, Number.NaN])], gradientOf: [] },
    { name: 'infinity', inputs: [list([Number.NEGATIVE_INFINITY])], gradientOf: [] },
    ...settings.map(([what, attrs]) => ({ name: what, inputs: [list(more.around)], attrs })),
  ];
  const forward = defineOp({
    name,
    inputs: ['x'],
    outputs: ['y'],
    attrs: schema,
    infer: likeX,
    run({ inputs, outputs, attrs }) {
      const [x, y] = [floats(inputs[0]), floats(outputs[0])];
      for (let i = 0; i < y.length; i++) y[i] = curve(x[i], attrs);
    },
    gradient: (context) => context.emit(`${name}Grad`, [context.inputs[0], context.dOutputs[0]], context.attrs),
    inplace: [[0, 0]],
    cases: [...pointwiseCases, ...special],
  });
  const ends = [-1000, 1000, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const grad = defineOp({
    name: `${name}Grad`,
    inputs: ['x', 'dy'],
    outputs: ['dx'],
    attrs: schema,
    infer: (context) => [equalFloats(context, ['x', 'dy'])],
    run({ inputs, outputs, attrs }) {
      const [x, dy, dx] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
      for (let i = 0; i < dx.length; i++) dx[i] = dy[i] * slope(x[i], attrs);
    },
    inplace: [
      [0, 0],
      [1, 0],
    ],
    cases: [
      ...pointwiseGradCases,
      { name: 'ends', inputs: [list(ends), { shape: [ends.length] }] },
      ...settings.map(([what, attrs]) => ({
        name: what,
        inputs: [list(more.around), { shape: [more.around.length] }],
        attrs,
      })),
    ],
  });
  return [forward, grad];
}

const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

/** Beyond this distance from 0, sigmoid is 0 or 1 even in double precision. */
const farOut = 1000;

const elu = pointwise({
  name: 'elu',
  // scale * (x > 0 ? x : alpha * (exp(inputScale * x) - 1)): ELU, SELU and CELU.
  attrs: { alpha: attr.float(1), scale: attr.float(1), inputScale: attr.float(1) },
  y: (x, { alpha, scale, inputScale }) => scale * (x > 0 ? x : alpha * Math.expm1(inputScale * x)),
  slope: (x, { alpha, scale, inputScale }) => scale * (x > 0 ? 1 : alpha * inputScale * Math.exp(inputScale * x)),
  around: [-20, -3, -1, -0.3, -1e-3, 1e-3, 0.5, 7],
  settings: { selu: { alpha: 1.6732632, scale: 1.050701 }, celu: { alpha: 0.5, inputScale: 2 } },
});

const rootHalf = Math.sqrt(0.5);
const density = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
/** Where the normal density is 0 even in double precision. */
const farTail = 40;
const tanhFactor = 2 * Math.sqrt(2 / Math.PI);
const cubic = 0.044715;
/** 0.5 (1 + tanh(u)) = sigmoid(2u): without the cancellation of 1 + tanh. */
const tanhCdf = (x: number): number => sigmoidOf(tanhFactor * (x + cubic * x * x * x));

const gelu = pointwise({
  name: 'gelu',
  // x times the normal distribution function, or its approximation by tanh.
  attrs: { approximate: attr.oneOf(['none', 'tanh'], 'none') },
  y(x, { approximate }) {
    const limited = Math.max(x, -farTail);
    return limited * (approximate === 'none' ? 0.5 * erfc(-rootHalf * limited) : tanhCdf(limited));
  },
  slope(given, { approximate }) {
    const x = clamp(given, -farTail, farTail);
    if (approximate === 'none') return 0.5 * erfc(-rootHalf * x) + x * density(x);
    const s = tanhCdf(x);
    return s + x * s * (1 - s) * tanhFactor * (1 + 3 * cubic * x * x);
  },
  around: [-13, -9, -5, -2, -0.75, -0.1, -1e-6, 1e-6, 0.1, 0.9, 3, 8],
  settings: { 'tanh approximation': { approximate: 'tanh' } },
});

const silu = pointwise({
  name: 'silu',
  attrs: {},
  y(x) {
    const limited = Math.max(x, -farOut);
    return limited * sigmoidOf(limited);
  },
  slope(given) {
    const x = clamp(given, -farOut, farOut);
    const s = sigmoidOf(x);
    return s * (1 + x * (1 - s));
  },
  around: [-90, -20, -3, -1.278, -0.1, 0.1, 2, 30],
});

/** From here on tanh(softplus(x)) is 1 even in double precision. */
const mishEnd = 20;

const mish = pointwise({
  name: 'mish',
  attrs: {},
  // x tanh(ln(1 + e)) with e = exp(x) is x n / (n + 2), n = e (e + 2).
  y(x) {
    const e = Math.exp(Math.min(x, mishEnd));
    const n = e * (e + 2);
    return (Math.max(x, -farOut) * n) / (n + 2);
  },
  slope(given) {
    const x = clamp(given, -farOut, mishEnd);
    const e = Math.exp(x);
    const n = e * (e + 2);
    return n / (n + 2) + (4 * x * e * (1 + e)) / ((n + 2) * (n + 2));
  },
  around: [-90, -20, -3, -1.19, -0.1, 0.1, 2, 19, 30],
});

const softplus = pointwise({
  name: 'softplus',
  attrs: {},
  y: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  slope: sigmoidOf,
  around: [-90, -20, -3, -0.1, 0.1, 2, 30],
});

const softsign = pointwise({
  name: 'softsign',
  attrs: {},
  y(x) {
    const limited = clamp(x, -3e38, 3e38);
    return limited / (1 + Math.abs(limited));
  },
  slope(x) {
    const inverse = 1 / (1 + Math.abs(x));
    return inverse * inverse;
  },
  around: [-90, -3, -0.1, 0.1, 2, 30],
});

const hardSigmoidOf = (x: number): number => clamp(x + 3, 0, 6) / 6;
const pieces = [-100, -3.1, -2.9, -1, 0.1, 2.9, 3.1, 100];

const hardSigmoid = pointwise({
  name: 'hardSigmoid',
  attrs: {},
  y: hardSigmoidOf,
  slope: (x) => (x > -3 && x < 3 ? 1 / 6 : 0),
  around: pieces,
});

const hardSwish = pointwise({
  name: 'hardSwish',
  attrs: {},
  y: (x) => Math.max(x, -3) * hardSigmoidOf(x),
  slope: (x) => (x >= 3 ? 1 : x > -3 ? x / 3 + 0.5 : 0),
  around: pieces,
});

const hardTanh = pointwise({
  name: 'hardTanh',
  attrs: { minValue: attr.float(-1), maxValue: attr.float(1) },
  y: (x, { minValue, maxValue }) => clamp(x, minValue, maxValue),
  slope: (x, { minValue, maxValue }) => (x >= minValue && x <= maxValue ? 1 : 0),
  around: [-100, -1.1, -0.9, -0.1, 0.1, 0.9, 1.1, 100],
  settings: { 'other ends': { minValue: -0.5, maxValue: 2 } },
});

const rectify = pointwise({
  name: 'rectify',
  // Keras's relu with all its options.
  attrs: { threshold: attr.float(0), maxValue: attr.float(Number.POSITIVE_INFINITY), negativeSlope: attr.float(0) },
  y(x, { threshold, maxValue, negativeSlope }) {
    if (x <= threshold) return negativeSlope === 0 ? 0 : negativeSlope * (x - threshold);
    return Math.min(x, maxValue);
  },
  slope(x, { threshold, maxValue, negativeSlope }) {
    if (x > threshold) return x < maxValue ? 1 : 0;
    return x < threshold ? negativeSlope : 0;
  },
  around: [-100, -1, -0.5, 0.5, 1.4, 1.6, 2.9, 3.1, 100],
  settings: {
    'all options': { threshold: 1.5, maxValue: 3, negativeSlope: 0.25 },
    'a ceiling': { maxValue: 3 },
    'a threshold': { threshold: 1.5 },
    'a ceiling below the threshold': { threshold: 1.5, maxValue: 1, negativeSlope: 0.5 },
  },
});

const threshold = pointwise({
  name: 'threshold',
  attrs: { threshold: attr.float(0), value: attr.float(0) },
  y: (x, attrs) => (x <= attrs.threshold ? attrs.value : x),
  slope: (x, attrs) => (x > attrs.threshold ? 1 : 0),
  around: [-100, -1, -0.1, 0.1, 0.4, 0.6, 100],
  settings: { 'another value': { threshold: 0.5, value: -7 } },
});

export const pointwiseOps = [
  elu,
  gelu,
  silu,
  mish,
  softplus,
  softsign,
  hardSigmoid,
  hardSwish,
  hardTanh,
  rectify,
  threshold,
].flat();
