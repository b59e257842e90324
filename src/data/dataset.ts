// Samples and labels for training: arrays in memory with a seeded order per epoch, and the interface that everything
// else which yields batches implements.

import type { DType, NumericArray, TensorSpec, TensorView } from '../core/dtype.js';
import { check, checkOptions } from '../core/errors.js';
import { hashName, Random } from '../core/random.js';
import { shapeText, sizeOf } from '../core/shape.js';
import type { TensorInput } from './array.js';

/** Data for one input, or for each of several: in a list in the order of the inputs, or under their names. */
export type ModelData = TensorInput | readonly TensorInput[] | Readonly<Record<string, TensorInput>>;

/** Weights of samples, [samples] or [samples, …positions]; for several outputs in a list or under their names. */
export type SampleWeight = TensorInput | readonly (TensorInput | null)[] | Readonly<Record<string, TensorInput | null>>;

/** One batch: the first axis of `x` and `y` counts samples and may be shorter in the last batch of an epoch. */
export interface Batch {
  readonly x: ModelData;
  readonly y: ModelData;
  /** How much each sample counts, as in `fit`. Default: all the same. */
  readonly sampleWeight?: SampleWeight | undefined;
}

/**
 * A source of batches. Every `for await` over it is one epoch; shuffling and batch size are its own affair. With `size`
 * (samples per epoch) known, progress shows how far an epoch is.
 *
 * @example
 * const dataset: Dataset = {
 *   size: 64,
 *   async *[Symbol.asyncIterator]() {
 *     for (let i = 0; i < 2; i++) yield { x: await readImages(i), y: Int32Array.from({ length: 32 }, () => i) };
 *   },
 * };
 */
export interface Dataset extends AsyncIterable<Batch> {
  readonly size?: number | undefined;
  /** The batches of one epoch, counted from 0. Without it every `for await` is the next epoch. */
  iterate?(epoch: number): AsyncIterable<Batch>;
}

export function isDataset(value: unknown): value is Dataset {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

export interface BatchOrder {
  /** Seeded order, another one each epoch; default false: the order of the arrays. */
  readonly shuffle?: boolean;
  /** Default 0. */
  readonly seed?: number;
  /** Counted from 0; default 0. The order depends on seed and epoch alone. */
  readonly epoch?: number;
  /** Leave out a last batch that is not full; default false. */
  readonly dropRemainder?: boolean;
}

/**
 * Samples (x) and targets (y) in memory, one tensor per input and output of the model, first axis = samples. The data
 * is read in place, never copied as a whole.
 *
 * @throws OcellusError ERR_OCELLUS_SHAPE when the tensors do not count the same number of samples
 *
 * @example
 * const dataset = new ArrayDataset([x], [y]);
 * for (const indices of dataset.batches(32, { shuffle: true, seed: 1, epoch: 0 })) {
 *   dataset.gather(indices, [xBatch], [yBatch]);
 * }
 */
export class ArrayDataset {
  /** Number of samples. */
  readonly size: number;
  /** Shape (without the axis of samples) and element type of each x. */
  readonly xSpecs: readonly TensorSpec[];
  readonly ySpecs: readonly TensorSpec[];

  constructor(
    readonly x: readonly TensorView[],
    readonly y: readonly TensorView[],
    where = 'dataset',
    /** Weights of the samples, one tensor per y, null where all count the same. None by default. */
    readonly weights: readonly (TensorView | null)[] = [],
  ) {
    const all = [...x, ...y, ...weights.filter((tensor) => tensor !== null)];
    check(all.length > 0 && all.every(({ shape }) => shape.length > 0), 'ERR_OCELLUS_SHAPE', () => ({
      where,
      expected: 'tensors whose first axis counts samples',
      got: all.length === 0 ? 'none' : 'a scalar',
    }));
    this.size = all[0].shape[0];
    check(this.size > 0, 'ERR_OCELLUS_DATA', () => ({ where, expected: 'at least one sample', got: 'none' }));
    check(
      all.every(({ shape }) => shape[0] === this.size),
      'ERR_OCELLUS_SHAPE',
      () => ({
        where,
        expected: 'x and y with the same number of samples',
        got: `x ${x.map(({ shape }) => shapeText(shape)).join(', ')}; y ${y.map(({ shape }) => shapeText(shape)).join(', ')}`,
      }),
    );
    this.xSpecs = x.map(sampleSpec);
    this.ySpecs = y.map(sampleSpec);
  }

  /** Number of batches in an epoch. */
  batchCount(batchSize: number, dropRemainder = false): number {
    return dropRemainder ? Math.floor(this.size / batchSize) : Math.ceil(this.size / batchSize);
  }

  /** The sample numbers of each batch of one epoch. The yielded arrays are windows on one order: read, do not keep. */
  *batches(batchSize: number, order: BatchOrder = {}): Generator<Uint32Array, void, undefined> {
    const { shuffle = false, seed = 0, epoch = 0, dropRemainder = false } = order;
    checkOptions('batches', order, ['shuffle', 'seed', 'epoch', 'dropRemainder']);
    checkCount('batches: batchSize', batchSize, 1);
    checkCount('batches: seed', seed, 0);
    checkCount('batches: epoch', epoch, 0);
    const indices = new Uint32Array(this.size);
    for (let i = 0; i < indices.length; i++) indices[i] = i;
    if (shuffle) new Random(seed, (hashName('shuffle') + epoch) >>> 0).shuffle(indices);
    const end = dropRemainder ? this.size - (this.size % batchSize) : this.size;
    for (let at = 0; at < end; at += batchSize) yield indices.subarray(at, Math.min(at + batchSize, end));
  }

  /**
   * Copies the samples `indices` into the caller's arrays, one per x and y, each at least as long as the batch and
   * converting where the array has another type (uint8 samples into a Float32Array). Allocates nothing.
   */
  gather(
    indices: Uint32Array,
    intoX: readonly NumericArray[],
    intoY: readonly NumericArray[],
    intoWeights: readonly (NumericArray | null)[] = [],
  ): void {
    for (let i = 0; i < this.x.length; i++) gatherRows(this.x[i], indices, intoX[i]);
    for (let i = 0; i < this.y.length; i++) gatherRows(this.y[i], indices, intoY[i]);
    for (let i = 0; i < intoWeights.length; i++) {
      const [tensor, into] = [this.weights[i], intoWeights[i]];
      if (tensor && into) gatherRows(tensor, indices, into);
    }
  }

  /** The samples [begin, end), sharing this dataset's memory. */
  slice(begin: number, end: number): ArrayDataset {
    const cut = (tensor: TensorView) => sliceRows(tensor, begin, end);
    const weights = this.weights.map((tensor) => tensor && cut(tensor));
    return new ArrayDataset(this.x.map(cut), this.y.map(cut), 'dataset', weights);
  }
}

/**
 * Sets the last `fraction` of the samples apart, as Keras's validationSplit: before any shuffling, sharing memory.
 *
 * @param fraction in (0, 1)
 * @throws OcellusError ERR_OCELLUS_ARGUMENT for another fraction, or when a part would be empty
 *
 * @example
 * const { train, validation } = splitDataset([x], [y], 0.1);
 */
export function splitDataset(
  x: readonly TensorView[],
  y: readonly TensorView[],
  fraction: number,
  weights: readonly (TensorView | null)[] = [],
): { train: ArrayDataset; validation: ArrayDataset } {
  check(fraction > 0 && fraction < 1, 'ERR_OCELLUS_ARGUMENT', () => ({
    where: 'validationSplit',
    expected: 'a number between 0 and 1',
    got: fraction,
  }));
  const whole = new ArrayDataset(x, y, 'dataset', weights);
  const at = Math.floor(whole.size * (1 - fraction));
  check(at > 0 && at < whole.size, 'ERR_OCELLUS_ARGUMENT', () => ({
    where: 'validationSplit',
    expected: `a fraction that leaves samples in both parts of ${whole.size}`,
    got: fraction,
  }));
  return { train: whole.slice(0, at), validation: whole.slice(at, whole.size) };
}

function sampleSpec({ shape, dtype }: TensorView): TensorSpec {
  return { shape: shape.slice(1), dtype };
}

function checkCount(where: string, value: number, least: number): void {
  check(Number.isSafeInteger(value) && value >= least, 'ERR_OCELLUS_ARGUMENT', () => ({
    where,
    expected: `a whole number of at least ${least}`,
    got: value,
  }));
}

function gatherRows(tensor: TensorView, indices: Uint32Array, into: NumericArray): void {
  const { data, shape, dtype } = tensor;
  const rowSize = sizeOf(shape) / shape[0];
  check(into && into.length >= indices.length * rowSize && holds(into, dtype), 'ERR_OCELLUS_ARGUMENT', () => ({
    where: 'gather',
    expected: `an array for ${indices.length * rowSize} numbers of type ${dtype}`,
    got: into,
  }));
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i] * rowSize;
    const to = i * rowSize;
    // The length is read anew each time: it falls to 0 when somebody transfers the array away.
    check(from + rowSize <= data.length, 'ERR_OCELLUS_DATA', () => ({
      where: 'gather',
      expected: `a sample number below ${data.length / rowSize}`,
      got: indices[i],
      help: data.length === 0 ? 'the array was transferred while the dataset used it' : undefined,
    }));
    for (let j = 0; j < rowSize; j++) into[to + j] = data[from + j];
  }
}

/** Whether every value of `dtype` keeps its meaning in an element of `array`. */
function holds(array: NumericArray, dtype: DType): boolean {
  if (array instanceof Uint8Array) return dtype === 'uint8';
  return array instanceof Int32Array ? dtype !== 'float32' : true;
}

function sliceRows(tensor: TensorView, begin: number, end: number): TensorView {
  const { data, shape, dtype } = tensor;
  const rowSize = sizeOf(shape) / shape[0];
  return { data: data.subarray(begin * rowSize, end * rowSize), shape: [end - begin, ...shape.slice(1)], dtype };
}
