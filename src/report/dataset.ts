// The panel of a report that tells what a training has to learn from.

import type { Batch, Dataset } from '../data/dataset.js';
import type { DatasetPanel } from './data.js';
import { pictureUri } from './pictures.js';

/** Pictures of each kind, and their side in pixels. */
const shown = 24;
const side = 96;

/** What a data set says of itself before it is read. */
export interface DatasetFacts {
  readonly folder: string;
  readonly fingerprint: string;
  readonly classNames: readonly string[];
  readonly warnings: readonly string[];
  readonly train: readonly { readonly className: string }[];
  readonly val: readonly { readonly className: string }[];
}

/** The first pictures of `plain` and `augmented`, which are the same ones. */
export async function datasetPanel(facts: DatasetFacts, plain: Dataset, augmented: Dataset): Promise<DatasetPanel> {
  return {
    ...datasetCounts(facts),
    samples: await firstPictures(plain),
    augmented: await firstPictures(augmented),
  };
}

/** The same without pictures. */
export function datasetCounts({ train, val, ...facts }: DatasetFacts): DatasetPanel {
  const { folder, fingerprint, classNames, warnings } = facts;
  const counts = (images: DatasetFacts['train']): number[] => {
    const byName = new Map(classNames.map((name) => [name, 0]));
    for (const { className } of images) byName.set(className, (byName.get(className) ?? 0) + 1);
    return classNames.map((name) => byName.get(name) ?? 0);
  };
  const [trainCounts, valCounts] = [counts(train), counts(val)];
  return { folder, fingerprint, classNames, warnings, trainCounts, valCounts, samples: [], augmented: [] };
}

interface Pictures {
  readonly data: Uint8Array | Float32Array;
  readonly shape: readonly number[];
}

async function firstPictures(batches: Dataset): Promise<DatasetPanel['samples']> {
  const pictures: { picture: string; trueClass: number }[] = [];
  for await (const batch of (batches.iterate?.(0) ?? batches) as AsyncIterable<Batch>) {
    const x = batch.x as Pictures;
    const y = batch.y as { readonly data: Int32Array };
    const [count, ...shape] = x.shape;
    const size = x.data.length / count;
    for (let i = 0; i < count && pictures.length < shown; i++) {
      const data = x.data.subarray(i * size, (i + 1) * size);
      pictures.push({ picture: await pictureUri({ data, shape }, side), trueClass: y.data[i] });
    }
    if (pictures.length >= shown) break;
  }
  return pictures;
}
