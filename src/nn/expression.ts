// Arithmetic on values of the graph, written as chains of calls: what losses are made of, built-in ones and a user's own.
// Every call emits an op, so that an expression is native and differentiable at once.

import type { DType, TensorSpec } from '../core/dtype.js';
import { sizeOf } from '../core/shape.js';
import type { Emitter, Value } from '../ops/op.js';
import { optionError } from './options.js';

/** A number stands for a tensor of that value everywhere. */
export type Operand = Expression | number;

/**
 * A tensor of the graph with its arithmetic. Operands broadcast as in NumPy; axes count from the end when negative, and
 * default to all.
 *
 * @example
 * const logCosh = (yTrue: Expression, yPred: Expression) => {
 *   const error = yPred.sub(yTrue).abs();
 *   return error.add(error.mul(-2).exp().add(1).log()).sub(Math.LN2);
 * };
 * model.compile({ optimizer: 'adam', loss: logCosh });
 */
export class Expression implements TensorSpec {
  constructor(
    readonly emitter: Emitter,
    readonly value: Value,
  ) {}

  get shape(): readonly number[] {
    return this.value.shape;
  }

  get dtype(): DType {
    return this.value.dtype;
  }

  add(other: Operand): Expression {
    return typeof other === 'number' ? this.rescale(1, other) : this.emit('add', other);
  }

  sub(other: Operand): Expression {
    return typeof other === 'number' ? this.rescale(1, -other) : this.emit('subtract', other);
  }

  mul(other: Operand): Expression {
    return typeof other === 'number' ? this.rescale(other, 0) : this.emit('multiply', other);
  }

  div(other: Operand): Expression {
    return typeof other === 'number' ? this.rescale(1 / other, 0) : this.emit('divide', other);
  }

  /** scale * x + offset, of integers too: the result is float32 */
  rescale(scale: number, offset: number): Expression {
    const isSame = scale === 1 && offset === 0 && this.value.dtype === 'float32';
    return isSame ? this : this.emitWith('rescale', { scale, offset });
  }

  maximum(other: Operand): Expression {
    return this.emit('maximum', this.operand(other));
  }

  minimum(other: Operand): Expression {
    return this.emit('minimum', this.operand(other));
  }

  clip(low: number, high: number): Expression {
    return this.minimum(high).maximum(low);
  }

  neg(): Expression {
    return this.emit('negate');
  }

  abs(): Expression {
    return this.emit('abs');
  }

  /** -1, 0 or 1; nothing flows back through it. */
  sign(): Expression {
    return this.emit('sign');
  }

  square(): Expression {
    return this.emit('square');
  }

  sqrt(): Expression {
    return this.emit('sqrt');
  }

  exp(): Expression {
    return this.emit('exp');
  }

  log(): Expression {
    return this.emit('log');
  }

  sigmoid(): Expression {
    return this.emit('sigmoid');
  }

  tanh(): Expression {
    return this.emit('tanh');
  }

  /** Over the last axis. */
  softmax(): Expression {
    return this.emit('softmax');
  }

  /** Over the last axis. */
  logSoftmax(): Expression {
    return this.emit('logSoftmax');
  }

  /** x to a constant power; unless the power is a small whole number, x must not be negative. */
  pow(power: number): Expression {
    if (Number.isInteger(power) && power >= 0 && power <= 16) return this.wholePower(power);
    return this.maximum(smallest).log().mul(power).exp();
  }

  sum(axes?: number | readonly number[], keepDims = false): Expression {
    return this.reduce('reduceSum', axes, keepDims);
  }

  mean(axes?: number | readonly number[], keepDims = false): Expression {
    return this.reduce('reduceMean', axes, keepDims);
  }

  /** The largest of the last axis, which is gone afterwards. */
  largest(): Expression {
    const length = this.shape[this.shape.length - 1];
    const rows = this.reshape([sizeOf(this.shape) / length, 1, length, 1]);
    const attrs = { poolSize: [1, length], strides: [1, length], padding: [0, 0, 0, 0] };
    return rows.emitWith('maxPool2d', attrs).reshape(this.shape.slice(0, -1));
  }

  reshape(shape: readonly number[]): Expression {
    return this.emitWith('reshape', { shape: [...shape] });
  }

  broadcastTo(shape: readonly number[]): Expression {
    return this.emitWith('broadcastTo', { shape: [...shape] });
  }

  /** A tensor of one value. */
  constant(value: number, shape: readonly number[] = [1]): Expression {
    return new Expression(this.emitter, this.emitter.emit('fill', [], { value, shape: [...shape] })[0]);
  }

  /** [values.length] */
  vector(values: readonly number[]): Expression {
    const parts = values.map((value) => this.constant(value).value);
    return new Expression(this.emitter, this.emitter.emit('concat', parts, { axis: 0 })[0]);
  }

  /** Another value of the same graph. */
  with(value: Value): Expression {
    return new Expression(this.emitter, value);
  }

  private wholePower(power: number): Expression {
    if (power === 0) return this.constant(1, this.shape);
    if (power === 1) return this;
    const half = this.wholePower(Math.floor(power / 2)).square();
    return power % 2 === 0 ? half : half.mul(this);
  }

  private reduce(op: string, given: number | readonly number[] | undefined, keepDims: boolean): Expression {
    const rank = this.shape.length;
    const list = given === undefined ? this.shape.map((_, axis) => axis) : [given].flat();
    const axes = list.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
    return axes.length === 0 ? this : this.emitWith(op, { axes, keepDims: keepDims ? 1 : 0 });
  }

  private operand(other: Operand): Expression {
    return typeof other === 'number' ? this.constant(other) : other;
  }

  private emit(op: string, other?: Expression): Expression {
    const inputs = other ? [this.value, other.value] : [this.value];
    return new Expression(this.emitter, this.emitter.emit(op, inputs)[0]);
  }

  private emitWith(op: string, attrs: Record<string, unknown>): Expression {
    return new Expression(this.emitter, this.emitter.emit(op, [this.value], attrs)[0]);
  }
}

/** Where the logarithm of a power begins; its own logarithm is finite in float32. */
const smallest = 1e-37;

/** The value behind what a user's function returned. */
export function valueFrom(where: string, result: unknown): Value {
  if (result instanceof Expression) return result.value;
  const value = result as Value | null | undefined;
  if (Array.isArray(value?.shape) && typeof value.id === 'number') return value;
  throw optionError(where, 'a value made of its arguments', result);
}
