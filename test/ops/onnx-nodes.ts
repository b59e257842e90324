// ONNX's operators in terms of our ops and layers, by name.

import type { AnyAttrs, Value } from '../../src/ops/op.js';
import {
  fromEnd,
  integers,
  NotApplicable,
  number,
  reasons,
  reshaped,
  type Site,
  type Translation,
  transposed,
} from './onnx-site.js';
import * as windows from './onnx-windows.js';

/** An op of x alone. */
const plain =
  (op: string, attrs: (site: Site) => AnyAttrs = () => ({})): Translation =>
  (site) => [site.context.op(op, [site.value(0)], attrs(site))];

/** A sum, product, … of any number of operands, whose shapes NumPy would broadcast. */
const folded =
  (op: string): Translation =>
  (site) => [site.node.inputs.map((_, i) => site.value(i)).reduce((left, right) => site.context.op(op, [left, right]))];

const softmax: Translation = (site) => {
  const x = site.value(0);
  const rank = x.shape.length;
  const axis = fromEnd(number(site, 'axis', site.opset < 13 ? 1 : -1), rank);
  const permutation = [...x.shape.keys()].filter((other) => other !== axis).concat(axis);
  const y = site.context.op('softmax', [transposed(site, x, permutation)]);
  return [
    transposed(
      site,
      y,
      permutation.map((_, place) => permutation.indexOf(place)),
    ),
  ];
};

const clip: Translation = (site) => {
  const [least, most] = [1, 2].map((i) => (site.node.inputs[i] ? site.value(i) : null));
  const above = least ? site.context.op('maximum', [site.value(0), least]) : site.value(0);
  const y = most ? site.context.op('minimum', [above, most]) : above;
  return [y === site.value(0) ? site.context.op('copy', [y]) : y];
};

const gemm: Translation = (site) => {
  const attrs = { transposeA: number(site, 'transA', 0), transposeB: number(site, 'transB', 0) };
  const product = site.context.op('matmul', [site.value(0), site.value(1)], attrs);
  const scaled = (value: Value, scale: number) => site.context.op('rescale', [value], { scale, offset: 0 });
  const alpha = scaled(product, number(site, 'alpha', 1));
  if (!site.node.inputs[2]) return [alpha];
  return [site.context.op('add', [alpha, scaled(site.value(2), number(site, 'beta', 1))])];
};

const matmul: Translation = (site) => {
  const [a, b] = [site.value(0), site.value(1)];
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  const rank = Math.max(left.length, right.length);
  const full = (shape: readonly number[]) => [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const batch = full(left)
    .slice(0, -2)
    .map((size, i) => Math.max(size, full(right)[i]));
  const count = batch.reduce((product, size) => product * size, 1);
  const matrices = (value: Value, shape: readonly number[]) => {
    const matrix = shape.slice(-2);
    const wide = site.context.op('broadcastTo', [reshaped(site, value, full(shape))], { shape: [...batch, ...matrix] });
    return reshaped(site, wide, [count, ...matrix]);
  };
  const y = site.context.op('batchMatmul', [matrices(a, left), matrices(b, right)]);
  const rows = a.shape.length === 1 ? [] : left.slice(-2, -1);
  const columns = b.shape.length === 1 ? [] : right.slice(-1);
  return [reshaped(site, y, [...batch, ...rows, ...columns])];
};

/** Axes from an input (new) or an attribute (old). */
const axesOf = (site: Site, index: number): number[] =>
  site.constant(index)?.data.slice() ?? integers(site, 'axes', []);

const reduce =
  (op: string): Translation =>
  (site) => {
    const x = site.value(0);
    const given = axesOf(site, 1).map((axis) => fromEnd(axis, x.shape.length));
    if (given.length === 0 && number(site, 'noop_with_empty_axes', 0) === 1) return [site.context.op('copy', [x])];
    const axes = given.length > 0 ? given : [...x.shape.keys()];
    return [site.context.op(op, [x], { axes, keepDims: number(site, 'keepdims', 1) })];
  };

const flatten: Translation = (site) => {
  const x = site.value(0);
  const axis = fromEnd(number(site, 'axis', 1), x.shape.length);
  const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
  return [reshaped(site, x, [size(x.shape.slice(0, axis)), size(x.shape.slice(axis))])];
};

const reshape: Translation = (site) => {
  const x = site.value(0);
  const wanted = site.constant(1)?.data ?? [];
  const keepsZero = number(site, 'allowzero', 0) === 1;
  const shape = wanted.map((size, i) => (size === 0 && !keepsZero ? x.shape[i] : size));
  const known = shape.filter((size) => size !== -1).reduce((product, size) => product * size, 1);
  const total = x.shape.reduce((product, size) => product * size, 1);
  return [
    reshaped(
      site,
      x,
      shape.map((size) => (size === -1 ? total / known : size)),
    ),
  ];
};

const squeeze: Translation = (site) => {
  const x = site.value(0);
  const axes = axesOf(site, 1).map((axis) => fromEnd(axis, x.shape.length));
  const kept = x.shape.filter((size, axis) => (axes.length > 0 ? !axes.includes(axis) : size !== 1));
  return [reshaped(site, x, kept)];
};

const unsqueeze: Translation = (site) => {
  const x = site.value(0);
  const given = axesOf(site, 1);
  const rank = x.shape.length + given.length;
  const axes = given.map((axis) => fromEnd(axis, rank));
  const rest = [...x.shape];
  return [
    reshaped(
      site,
      x,
      Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : (rest.shift() as number))),
    ),
  ];
};

const pad: Translation = (site) => {
  const x = site.value(0);
  const pads = site.constant(1)?.data ?? integers(site, 'pads', []);
  const axes = (site.constant(3)?.data ?? [...x.shape.keys()]).map((axis) => fromEnd(axis, x.shape.length));
  const side = (from: number) => [...x.shape.keys()].map((axis) => pads[axes.indexOf(axis) + from] ?? 0);
  const at = (from: number) => side(from).map((cells, axis) => (axes.includes(axis) ? cells : 0));
  const modes = { constant: 'constant', edge: 'replicate', reflect: 'reflect', wrap: 'circular' } as const;
  const mode = modes[(site.node.attributes.mode as keyof typeof modes | undefined) ?? 'constant'];
  const value = site.constant(2)?.data[0] ?? number(site, 'value', 0);
  return [site.context.op('pad', [x], { before: at(0), after: at(axes.length), mode, value })];
};

const transpose: Translation = (site) => {
  const x = site.value(0);
  return [transposed(site, x, integers(site, 'perm', [...x.shape.keys()].reverse()))];
};

const concat: Translation = (site) => {
  const parts = site.node.inputs.map((_, i) => site.value(i));
  return [site.context.op('concat', parts, { axis: fromEnd(number(site, 'axis', 0), parts[0].shape.length) })];
};

const dropout: Translation = (site) => {
  const trains = site.constant(2)?.data[0] === 1;
  const rate = site.constant(1)?.data[0] ?? number(site, 'ratio', 0.5);
  if (trains && rate > 0) throw new NotApplicable(reasons.random);
  const x = site.value(0);
  return [
    trains ? site.context.op('dropout', [x, site.context.seed()], { rate, salt: 1 }) : site.context.op('copy', [x]),
  ];
};

const noStep: Translation = () => {
  throw new NotApplicable(reasons.noStep);
};

export const translations: Readonly<Record<string, Translation>> = {
  Add: folded('add'),
  AveragePool: windows.averagePool,
  BatchNormalization: windows.batchNormalization,
  Clip: clip,
  Concat: concat,
  Constant: noStep,
  Conv: windows.conv,
  Div: folded('divide'),
  Dropout: dropout,
  Elu: plain('elu', (site) => ({ alpha: number(site, 'alpha', 1), scale: 1, inputScale: 1 })),
  Exp: plain('exp'),
  Flatten: flatten,
  Gemm: gemm,
  GlobalAveragePool: windows.globalPool('Average'),
  GlobalMaxPool: windows.globalPool('Max'),
  Identity: plain('copy'),
  LRN: windows.localResponse,
  LeakyRelu: plain('leakyRelu', (site) => ({ alpha: number(site, 'alpha', 0.01) })),
  Log: plain('log'),
  MatMul: matmul,
  MaxPool: windows.maxPool,
  Mul: folded('multiply'),
  PRelu: folded('prelu'),
  Pad: pad,
  ReduceMean: reduce('reduceMean'),
  ReduceSum: reduce('reduceSum'),
  Relu: plain('relu'),
  Reshape: reshape,
  Shape: noStep,
  Sigmoid: plain('sigmoid'),
  Softmax: softmax,
  Softplus: plain('softplus'),
  Sqrt: plain('sqrt'),
  Squeeze: squeeze,
  Sub: folded('subtract'),
  Sum: (site) => (site.node.inputs.length > 1 ? folded('add')(site) : plain('copy')(site)),
  Tanh: plain('tanh'),
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
