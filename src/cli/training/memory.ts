// How many images a step may have on this machine.

import type { BackendChoice } from '../../backend/select.js';
import { formatBytes } from '../../core/table.js';
import { buildModel } from './classifier.js';
import type { TrainingData } from './images.js';
import type { Settings } from './settings.js';

/** Of the free memory that a training may take; the rest is for pictures and the machine. */
const usable = 0.8;

/** The batch, halved until a step fits; `reason` where it was. */
export function fittingBatch(
  batchSize: number,
  bytesOf: (batch: number) => number,
  available: number,
): { batchSize: number; reason?: string } {
  let batch = batchSize;
  while (batch > 1 && bytesOf(batch) > usable * available) batch >>= 1;
  if (batch === batchSize) return { batchSize };
  const wanted = `training with ${batchSize} takes ${formatBytes(bytesOf(batchSize))}`;
  return { batchSize: batch, reason: `${wanted}, ${formatBytes(available)} of memory are free` };
}

/** Bytes that weights, training and a step of so many images take. */
export function trainingBytes(
  data: TrainingData,
  settings: Settings,
  compute: BackendChoice,
): (batch: number) => number {
  const model = buildModel(data, settings, compute);
  return (batch) => {
    const { weights, training, train } = model.memory(batch);
    return weights + training + train;
  };
}
