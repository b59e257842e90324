// The update of Adafactor (Shazeer & Stern 2018), parameter by parameter, in ops that exist anyway.

import type { Emitter, Value } from '../ops/op.js';
import type { OptimizerParts, ParameterMember, UpdateContext } from './optimizer.js';

interface Constants {
  readonly epsilon1: number;
  readonly epsilon2: number;
  readonly clipThreshold: number;
}

export const updateAdafactor =
  ({ epsilon1, epsilon2, clipThreshold }: Constants): OptimizerParts['update'] =>
  (emitter, run, step) => {
    const { learningRate, limit } = step.scalars;
    const squares = (x: Value): Value => emitter.emit('segmentSquares', [x])[0];
    run.members.forEach((member, index) => {
      const { parameter } = member;
      const factors = run.factors && emitter.emit('slice', [run.factors], { begin: [index, 0], size: [1, 2] })[0];
      const gradient = gradientOf(emitter, member, index, factors, step);
      const direction = directionOf(emitter, member, gradient, epsilon1, step);
      const size = parameter.shape.reduce((product, length) => product * length, 1);
      const weightDecay = step.attrs.decoupled ? step.attrs.weightDecay : 0;
      const operands = [squares(parameter), squares(direction), learningRate, limit, factors];
      const attrs = { size, epsilon: epsilon2, clipThreshold, weightDecay };
      const [scale] = emitter.emit('adafactorScale', operands, attrs);
      const rest = [parameter, direction, learningRate, null, factors, scale];
      emitter.emit('sgd', rest, { weightDecay }, { into: [parameter] });
    });
  };

/** The gradient behind clipping and L2. */
function gradientOf(
  emitter: Emitter,
  { parameter, gradient }: ParameterMember,
  index: number,
  factors: Value | null,
  { attrs, scale }: UpdateContext,
): Value {
  const emit = (op: string, a: Value, b: Value): Value => emitter.emit(op, [a, b])[0];
  const number = (value: number): Value => emitter.emit('fill', [], { value, shape: [1] })[0];
  let result = gradient;
  if (scale) {
    const own = scale.shape[0] > 1 ? emitter.emit('slice', [scale], { begin: [index], size: [1] })[0] : scale;
    result = emit('multiply', result, own);
  }
  if (Number.isFinite(attrs.clipValue)) {
    result = emit('maximum', emit('minimum', result, number(attrs.clipValue)), number(-attrs.clipValue));
  }
  if (attrs.decoupled || !factors) return result;
  const decay = emitter.emit('slice', [factors], { begin: [0, 1], size: [1, 1] })[0];
  const [flat] = emitter.emit('reshape', [decay], { shape: [1] });
  return emit('add', result, emit('multiply', parameter, flat));
}

/** The gradient over the root of its mean square, which for matrices is a product of rows and columns. */
function directionOf(
  emitter: Emitter,
  { slots }: ParameterMember,
  gradient: Value,
  epsilon: number,
  { scalars: { kept, rest } }: UpdateContext,
): Value {
  const emit = (op: string, a: Value, b: Value): Value => emitter.emit(op, [a, b])[0];
  const mean = (x: Value, axis: number, keepDims = 0): Value =>
    emitter.emit('reduceMean', [x], { axes: [axis], keepDims })[0];
  const reshape = (x: Value, shape: number[]): Value => emitter.emit('reshape', [x], { shape })[0];
  const blend = (slot: Value, value: Value): Value => {
    const parts = [emit('multiply', slot, kept), emit('multiply', value, rest)];
    return emitter.emit('add', parts, {}, { into: [slot] })[0];
  };
  const [square] = emitter.emit('square', [gradient]);
  const [raised] = emitter.emit('rescale', [square], { scale: 1, offset: epsilon });
  const { rows, columns, velocity } = slots;
  let meanSquare: Value;
  if (rows && columns) {
    const rank = gradient.shape.length;
    const row = blend(rows, mean(raised, rank - 1));
    const column = blend(columns, mean(raised, rank - 2));
    const share = emit('divide', row, mean(row, rank - 2, 1));
    const across = [...columns.shape.slice(0, -1), 1, columns.shape[columns.shape.length - 1]];
    meanSquare = emit('multiply', reshape(share, [...share.shape, 1]), reshape(column, across));
  } else meanSquare = blend(velocity as Value, raised);
  return emit('divide', gradient, emitter.emit('sqrt', [meanSquare])[0]);
}
