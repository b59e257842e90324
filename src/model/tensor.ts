// What `predict` returns: values with their shape. A plain holder, no operations.

import type { DType, TensorView } from '../core/dtype.js';
import { OcellusError } from '../core/errors.js';
import { sizeOf, stridesOf } from '../core/shape.js';

/** Numbers, nested as deep as the shape is long. */
export type NestedArray = number | NestedArray[];

/**
 * Values with their shape; row-major, dense.
 *
 * @example
 * const scores = await model.predict(images); // shape [images, classes]
 * scores.argMax()[0]; // class of the first image
 */
export class Tensor<D extends Float32Array | Int32Array | Uint8Array = Float32Array> implements TensorView {
  readonly dtype: DType;

  constructor(
    readonly data: D,
    readonly shape: readonly number[],
  ) {
    this.dtype = data instanceof Float32Array ? 'float32' : data instanceof Int32Array ? 'int32' : 'uint8';
  }

  /** The `index`-th slice along the first axis, as a view of the same memory. */
  row(index: number): Tensor<D> {
    const rows = this.shape[0] ?? 0;
    if (!Number.isInteger(index) || index < 0 || index >= rows) {
      throw new OcellusError('ERR_OCELLUS_ARGUMENT', { where: 'row', expected: `0 to ${rows - 1}`, got: index });
    }
    const shape = this.shape.slice(1);
    const size = sizeOf(shape);
    return new Tensor(this.data.subarray(index * size, (index + 1) * size) as D, shape);
  }

  /** Position of the largest value along the last axis, one number for every row of it. */
  argMax(): Int32Array {
    const width = this.shape.at(-1) ?? 1;
    const best = new Int32Array(width > 0 ? this.data.length / width : 0);
    for (let row = 0; row < best.length; row++) {
      const start = row * width;
      for (let i = 1; i < width; i++) if (this.data[start + i] > this.data[start + best[row]]) best[row] = i;
    }
    return best;
  }

  /** Nested plain arrays; a number for the empty shape. */
  toArray(): NestedArray {
    const strides = stridesOf(this.shape);
    const build = (axis: number, offset: number): NestedArray =>
      axis === this.shape.length
        ? this.data[offset]
        : Array.from({ length: this.shape[axis] }, (_, i) => build(axis + 1, offset + i * strides[axis]));
    return build(0, 0);
  }
}
