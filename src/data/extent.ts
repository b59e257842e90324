// How many elements and samples a pipeline has, as far as that is known before reading it.

export interface Extent {
  /** Elements in an epoch. */
  readonly cardinality?: number | undefined;
  /** Samples in an epoch. */
  readonly size?: number | undefined;
}

export const extents = {
  /** Of elements that are samples. */
  of: (count: number | undefined): Extent => ({ cardinality: count, size: count }),

  batch(before: Extent, batchSize: number, dropRemainder: boolean): Extent {
    const { cardinality, size } = before;
    if (cardinality === undefined) return { size: dropRemainder ? undefined : size };
    if (!dropRemainder) return { cardinality: Math.ceil(cardinality / batchSize), size };
    const batches = Math.floor(cardinality / batchSize);
    return { cardinality: batches, size: hasSamples(before) ? batches * batchSize : undefined };
  },

  /** Every `step`-th element from `from` on, `count` at most. */
  slice(before: Extent, from: number, count: number, step: number): Extent {
    const { cardinality } = before;
    if (cardinality === undefined) return {};
    const left = Math.min(Math.ceil(Math.max(0, cardinality - from) / step), count);
    if (left === cardinality) return before;
    // Which of the batches are full is not known.
    return { cardinality: left, size: left === Number.POSITIVE_INFINITY || !hasSamples(before) ? undefined : left };
  },

  repeat({ cardinality, size }: Extent, count: number): Extent {
    if (cardinality === 0) return { cardinality: 0, size: 0 };
    if (count === Number.POSITIVE_INFINITY) return { cardinality: Number.POSITIVE_INFINITY };
    const times = (number: number | undefined) => (number === undefined ? undefined : number * count);
    return { cardinality: times(cardinality), size: times(size) };
  },

  zip(parts: readonly Extent[]): Extent {
    const counts = parts.map(({ cardinality }) => cardinality);
    if (counts.includes(undefined)) return {};
    const cardinality = Math.min(...(counts as number[]));
    const shortest = parts.find((part) => part.cardinality === cardinality);
    return { cardinality, size: shortest?.size };
  },
};

/** Endless pipelines know no size, yet their elements may be samples: a slice of them is not counted, then. */
const hasSamples = ({ cardinality, size }: Extent): boolean => cardinality === size;
