// The parts of a data set in files of arrays.

import type { LabelledImages } from '../../data/idx.js';
import type { ArrayFiles } from './array-files.js';
import { type HoldBackOptions, heldBack } from './hold-back.js';

export interface ArraySplit {
  readonly train: LabelledImages;
  readonly val: LabelledImages | undefined;
  readonly test: LabelledImages | undefined;
  readonly warnings: readonly string[];
}

/**
 * The parts that training has. Without one to check with this is the test set, or where a share is given (or there is no
 * test set) that share of each class.
 */
export function splitArrays({ train, val, test, classNames }: ArrayFiles, options: HoldBackOptions): ArraySplit {
  const { seed, validationSplit } = options;
  const own = val ?? (validationSplit === undefined ? test : undefined);
  if (own) return { train, val: own, test, warnings: [] };
  const held = heldBack(train.labels.data, classNames.length, validationSplit, seed);
  if (held.size === 0) {
    return { train, val: undefined, test, warnings: ['no images are held back: there is nothing to validate with'] };
  }
  const all = Uint32Array.from(train.labels.data, (_, index) => index);
  const part = (isHeld: boolean) =>
    chosen(
      train,
      all.filter((index) => held.has(index) === isHeld),
    );
  return { train: part(false), val: part(true), test, warnings: [] };
}

function chosen({ images, labels }: LabelledImages, indices: Uint32Array): LabelledImages {
  const [, ...shape] = images.shape;
  const size = shape.reduce((product, dim) => product * dim, 1);
  const data = new Uint8Array(indices.length * size);
  indices.forEach((index, i) => void data.set(images.data.subarray(index * size, (index + 1) * size), i * size));
  return {
    images: { data, shape: [indices.length, ...shape], dtype: 'uint8' },
    labels: {
      data: Int32Array.from(indices, (index) => labels.data[index]),
      shape: [indices.length],
      dtype: 'int32',
    },
  };
}
