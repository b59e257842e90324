// The table of a report that tells what a network is made of, and where the time of a prediction goes.

import type { Model } from '../model/model.js';
import type { LayerRow } from './data.js';

/** Images of the prediction that is timed. */
export const timedBatch = 1;

/** One row a layer; steps that were fused into another have their time there. */
export async function layerRows(model: Model): Promise<LayerRow[]> {
  const steps = (await model.profile('predict', { batchSize: timedBatch })).filter(({ prologue }) => !prologue);
  return model.layerSummaries({ batchSize: timedBatch }).map(({ receptiveField, algorithm: _, ...layer }) => {
    const own = steps.filter(({ name }) => name === layer.name || name.startsWith(`${layer.name}/`));
    const algorithm = [...new Set(own.map((step) => step.algorithm))].filter(Boolean).join(', ');
    const field = Math.max(...receptiveField);
    return {
      ...layer,
      ...(Number.isFinite(field) && { receptiveField: field }),
      ...(own.length > 0 && { milliseconds: own.reduce((sum, { milliseconds }) => sum + milliseconds, 0) }),
      ...(algorithm && { algorithm }),
    };
  });
}
