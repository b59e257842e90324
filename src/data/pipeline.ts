// Datasets as lazy sequences of elements, in the words of tf.data: a stage holds no more than it says (a shuffle its
// buffer, a batch its samples, a prefetch its depth), and nothing is read before somebody asks.

import { check, checkOptions } from '../core/errors.js';
import { inOrder } from './concurrent.js';
import { type Extent, extents } from './extent.js';
import { closable, type Open, type Place, wholeNumber } from './run.js';
import { type BatchStageOptions, type Stacked, stackStage } from './stack.js';
import * as stages from './stages.js';

export interface MapOptions {
  /** Calls that run at the same time; the order of the elements stays. Default 1. */
  readonly numParallelCalls?: number;
}

export interface ShuffleOptions {
  /**
   * Elements held ready to draw from. Default: all of them, which are then read before the first one comes out; shuffle
   * names of files rather than pictures.
   */
  readonly bufferSize?: number;
  /** The order depends on it and on the number of the epoch alone. Default 0. */
  readonly seed?: number;
  /** Another order each epoch. Default true. */
  readonly reshuffleEachIteration?: boolean;
}

/**
 * A sequence of elements that can be read again and again: every `for await` over it is the next epoch. Made by the
 * functions of `data`; every method makes a new pipeline and reads nothing. One of batches `{ x, y }` goes straight into
 * `fit`, `evaluate` and `predict`.
 *
 * Errors of a source or of a function given come out where the elements are read, in their place in the order. Leaving
 * a loop early closes the sources.
 *
 * @example
 * const batches = data
 *   .array([0, 1, 2, 3, 4])
 *   .map((i) => ({ x: [i, i * i], y: i % 2 }))
 *   .shuffle({ seed: 1 })
 *   .batch(2)
 *   .prefetch(2);
 * for await (const { x, y } of batches) console.log(x.shape, y.data); // [2, 2], [2, 2], [1, 2]
 */
export class Pipeline<T> implements AsyncIterable<T> {
  /** Elements in an epoch, where known; Infinity for an endless one. After `batch` these are batches. */
  readonly cardinality: number | undefined;
  /** Samples in an epoch, where known: the same, but `batch` does not change it. */
  readonly size: number | undefined;
  private epochs = 0;

  constructor(
    /** Begins an epoch for the stage behind, which closes what it opens. */
    readonly open: Open<T>,
    extent: Extent = {},
  ) {
    this.cardinality = extent.cardinality;
    this.size = extent.size;
  }

  /** The elements of the next epoch. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return this.iterate(this.epochs++);
  }

  /** The elements of one epoch, counted from 0: the same ones in the same order whenever it is asked for. */
  iterate(epoch: number): AsyncGenerator<T, void, undefined> {
    wholeNumber('iterate: epoch', epoch, 0);
    return this.open({ epoch, signal: closable().signal });
  }

  /**
   * `transform` of each element. Its second argument tells the epoch and the element's number in it, which is what random
   * changes should depend on.
   */
  map<U>(transform: (element: T, place: Place) => U | Promise<U>, options: MapOptions = {}): Pipeline<U> {
    checkOptions('map', options, ['numParallelCalls']);
    checkFunction('map', transform);
    const { numParallelCalls = 1 } = options;
    wholeNumber('map: numParallelCalls', numParallelCalls, 1);
    return new Pipeline(inOrder(this.open, transform, numParallelCalls), this);
  }

  /** The elements for which `keep` holds. */
  filter(keep: (element: T, place: Place) => boolean | Promise<boolean>): Pipeline<T> {
    checkFunction('filter', keep);
    return new Pipeline(stages.filter(this.open, keep));
  }

  /** The elements in a seeded order, another one each epoch, the same in every run. */
  shuffle(options: ShuffleOptions = {}): Pipeline<T> {
    checkOptions('shuffle', options, ['bufferSize', 'seed', 'reshuffleEachIteration']);
    const { bufferSize, seed = 0, reshuffleEachIteration = true } = options;
    if (bufferSize !== undefined) wholeNumber('shuffle: bufferSize', bufferSize, 1);
    wholeNumber('shuffle: seed', seed, 0);
    return new Pipeline(stages.shuffle(this.open, { bufferSize, seed, reshuffleEachIteration }), this);
  }

  /**
   * `batchSize` elements at a time, stacked along a new first axis: of `{ x, y }` each entry by itself, numbers and
   * (nested) arrays of numbers into one typed array. Bytes stay bytes; numbers become int32 if all are whole (those of an
   * `x` float32); everything that is no number comes as a list.
   *
   * @throws OcellusError ERR_OCELLUS_SHAPE (while reading) for elements of different shapes
   */
  batch(batchSize: number, options: BatchStageOptions = {}): Pipeline<Stacked<T>> {
    checkOptions('batch', options, ['dropRemainder']);
    const { dropRemainder = false } = options;
    wholeNumber('batch: batchSize', batchSize, 1);
    return new Pipeline(stackStage(this.open, batchSize, dropRemainder), extents.batch(this, batchSize, dropRemainder));
  }

  /** All elements `count` times over, without end by default; each time counts as an epoch for what comes before. */
  repeat(count = Number.POSITIVE_INFINITY): Pipeline<T> {
    if (count !== Number.POSITIVE_INFINITY) wholeNumber('repeat: count', count, 0);
    return new Pipeline(stages.repeat(this.open, count), extents.repeat(this, count));
  }

  /** The first `count` elements. */
  take(count: number): Pipeline<T> {
    wholeNumber('take: count', count, 0);
    return new Pipeline(stages.take(this.open, count), extents.slice(this, 0, count, 1));
  }

  /** What follows the first `count` elements. */
  skip(count: number): Pipeline<T> {
    wholeNumber('skip: count', count, 0);
    return new Pipeline(stages.skip(this.open, count), extents.slice(this, count, Number.POSITIVE_INFINITY, 1));
  }

  /** Every `numShards`-th element from `index` on: the part of one of several processes. */
  shard(numShards: number, index: number): Pipeline<T> {
    wholeNumber('shard: numShards', numShards, 1);
    check(Number.isSafeInteger(index) && index >= 0 && index < numShards, 'ERR_OCELLUS_ARGUMENT', () => ({
      where: 'shard: index',
      expected: `a whole number from 0 to ${numShards - 1}`,
      got: index,
    }));
    return new Pipeline(
      stages.shard(this.open, numShards, index),
      extents.slice(this, index, Number.POSITIVE_INFINITY, numShards),
    );
  }

  /**
   * Keeps all elements in memory once they have been read to the end; later epochs take them from there. Stands before
   * `shuffle` and whatever else should differ between epochs.
   */
  cache(): Pipeline<T> {
    return new Pipeline(stages.cache(this.open), this);
  }

  /** Reads up to `bufferSize` elements ahead while earlier ones are in use. */
  prefetch(bufferSize = 2): Pipeline<T> {
    wholeNumber('prefetch: bufferSize', bufferSize, 0);
    if (bufferSize === 0) return this;
    return new Pipeline(
      inOrder(this.open, (element) => element, bufferSize + 1),
      this,
    );
  }

  /** All elements of the next epoch in memory. */
  async toArray(): Promise<T[]> {
    const elements: T[] = [];
    for await (const element of this) elements.push(element);
    return elements;
  }
}

function checkFunction(where: string, value: unknown): void {
  check(typeof value === 'function', 'ERR_OCELLUS_ARGUMENT', () => ({ where, expected: 'a function', got: value }));
}
