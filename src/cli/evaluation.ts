// A classifier against pictures whose classes are known.

import type { Batch, Dataset } from '../data/dataset.js';
import type { Model } from '../model/model.js';
import { type ConfusionMatrix, confusionMatrix } from './confusion.js';

export interface ImageEvaluation {
  readonly samples: number;
  readonly accuracy: number;
  readonly confusion: ConfusionMatrix;
}

/** Batches {x, y} with class numbers as y. */
export async function evaluateImages(model: Model, batches: Dataset, classes: number): Promise<ImageEvaluation> {
  const labels: number[] = [];
  const predicted: number[] = [];
  for await (const { x, y } of batches as AsyncIterable<Batch>) {
    const { data } = y as { data: ArrayLike<number> };
    labels.push(...Array.from(data));
    predicted.push(...(await model.predict(x)).argMax());
  }
  const confusion = confusionMatrix(labels, predicted, classes);
  const right = confusion.reduce((sum, row, i) => sum + row[i], 0);
  return { samples: labels.length, accuracy: right / labels.length, confusion };
}
