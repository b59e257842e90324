// Mean and variance of data along axes, over any number of batches: each batch in two passes, batches merged by the
// formula of Chan, Golub & LeVeque (1979), all sums in double precision.

import type { TensorView } from '../../core/dtype.js';
import { sizeOf } from '../../core/shape.js';

export class Moments {
  readonly mean: Float64Array;
  private readonly squares: Float64Array;
  /** Of each element of a sample the number of the mean it counts for. */
  private readonly slots: Int32Array;
  private count = 0;

  /** `axes` of samples, the batch being axis 0, each with a mean per index; all others are averaged over. */
  constructor(sample: readonly number[], axes: readonly number[]) {
    const sizes = axes.map((axis) => sample[axis - 1]);
    this.mean = new Float64Array(sizeOf(sizes));
    this.squares = new Float64Array(this.mean.length);
    this.slots = Int32Array.from({ length: sizeOf(sample) }, (_, element) => {
      const indices = new Array<number>(sample.length);
      for (let axis = sample.length - 1, rest = element; axis >= 0; axis--) {
        indices[axis] = rest % sample[axis];
        rest = Math.floor(rest / sample[axis]);
      }
      return axes.reduce((slot, axis, i) => slot * sizes[i] + indices[axis - 1], 0);
    });
  }

  /** Mean squared distance from the mean. */
  get variance(): Float64Array {
    return this.squares.map((sum) => sum / this.count);
  }

  /** Takes the samples from `first` on, up to `last`. */
  add({ data }: TensorView, first: number, last: number): void {
    const { mean, squares, slots } = this;
    const [from, to] = [first * slots.length, last * slots.length];
    const added = (to - from) / mean.length;
    const own = new Float64Array(mean.length);
    for (let i = from, s = 0; i < to; i++, s = s + 1 === slots.length ? 0 : s + 1) own[slots[s]] += data[i];
    for (let slot = 0; slot < own.length; slot++) own[slot] /= added;
    for (let i = from, s = 0; i < to; i++, s = s + 1 === slots.length ? 0 : s + 1) {
      const distance = data[i] - own[slots[s]];
      squares[slots[s]] += distance * distance;
    }
    const total = this.count + added;
    for (let slot = 0; slot < own.length; slot++) {
      const distance = own[slot] - mean[slot];
      mean[slot] += (distance * added) / total;
      squares[slot] += (distance * distance * this.count * added) / total;
    }
    this.count = total;
  }
}
