// Where batches come from: arrays in memory, gathered straight into the memory of the plan, or a dataset that yields
// batches of its own.

import type { DType, NumericArray, TensorView } from '../core/dtype.js';
import { check, OcellusError } from '../core/errors.js';
import type { ArrayDataset, Batch, Dataset } from '../data/dataset.js';
import type { Mode, ProgramRequest } from './program.js';
import type { Weights } from './weighting.js';

/** One batch, ready to be written. */
export interface Feed {
  readonly size: number;
  /** Element types of the inputs. */
  readonly dtypes: readonly DType[];
  /** Shape of one sample's weights per output; null, or no entry: the output has none. */
  readonly weights: readonly (readonly number[] | null)[];
  write(into: FeedTarget): void;
}

/** The memory of a step that a batch is written to. */
export interface FeedTarget {
  readonly inputs: readonly NumericArray[];
  readonly targets: readonly NumericArray[];
  readonly weights: readonly (NumericArray | null)[];
}

/** The program that takes this batch. */
export const requestFor = (mode: Mode, { size, dtypes, weights }: Feed): ProgramRequest => ({
  mode,
  batch: size,
  dtypes,
  weights,
});

const shapesOf = (weights: Weights) => weights.map((tensor) => tensor?.shape.slice(1) ?? null);

export interface Source {
  /** Samples and batches of an epoch, where known. */
  readonly samples: number | undefined;
  readonly steps: number | undefined;
  batches(epoch: number): Iterable<Feed> | AsyncIterable<Feed>;
}

export interface OrderOptions {
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly seed: number;
}

/** Batches of arrays in memory. */
export function arraySource(dataset: ArrayDataset, { batchSize, shuffle, seed }: OrderOptions): Source {
  const dtypes = dataset.xSpecs.map((spec) => spec.dtype);
  const weights = shapesOf(dataset.weights);
  return {
    samples: dataset.size,
    steps: dataset.batchCount(batchSize),
    *batches(epoch) {
      for (const indices of dataset.batches(batchSize, { shuffle, seed, epoch })) {
        const write = (into: FeedTarget) => dataset.gather(indices, into.inputs, into.targets, into.weights);
        yield { size: indices.length, dtypes, weights, write };
      }
    },
  };
}

/** Batches as a dataset yields them; `convert` checks each one. */
export function datasetSource(where: string, dataset: Dataset, convert: (batch: Batch) => Feed): Source {
  return {
    samples: dataset.size,
    steps: undefined,
    async *batches(epoch) {
      let count = 0;
      for await (const batch of dataset.iterate?.(epoch) ?? dataset) {
        check(batch && typeof batch === 'object' && 'x' in batch && 'y' in batch, 'ERR_OCELLUS_DATA', () => ({
          where,
          expected: 'a dataset that yields { x, y }',
          got: batch,
        }));
        check(typeof batch.y !== 'number', 'ERR_OCELLUS_DATA', () => ({
          where,
          expected: 'a dataset that yields batches',
          got: 'single samples',
          help: 'end the pipeline with batch(32)',
        }));
        const feed = convert(batch);
        count++;
        yield feed;
      }
      if (count > 0) return;
      throw new OcellusError('ERR_OCELLUS_DATA', { where, expected: 'a dataset with at least one batch', got: 'none' });
    },
  };
}

/** Whole tensors as one batch. */
export function tensorFeed(x: readonly TensorView[], y: readonly TensorView[], w: Weights): Feed {
  return {
    size: x[0].shape[0],
    dtypes: x.map((tensor) => tensor.dtype),
    weights: shapesOf(w),
    write({ inputs, targets, weights }) {
      x.forEach((tensor, i) => inputs[i].set(tensor.data));
      y.forEach((tensor, i) => targets[i].set(tensor.data));
      w.forEach((tensor, i) => {
        if (tensor) weights[i]?.set(tensor.data);
      });
    },
  };
}
