// What a training would take, from some batches of every phase on a model of its own.

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { BackendChoice } from '../../backend/select.js';
import type { Dataset, ModelData } from '../../data/dataset.js';
import type { Model } from '../../model/model.js';
import { buildModel } from './classifier.js';
import { countsOf, type TrainingData } from './images.js';
import { classWeightOf, type Settings } from './settings.js';

export interface TimePlan {
  readonly epochSeconds: number;
  readonly stepMilliseconds: number;
  /** Of weights, training and one step. */
  readonly bytes: number;
}

/** Batches that are timed, after one that is not. */
const timed = 5;

export async function measure(data: TrainingData, settings: Settings, compute: BackendChoice): Promise<TimePlan> {
  const model = buildModel(data, settings, compute);
  const { train, val } = await data.batches(settings);
  const trainer = model.trainer();
  const classWeight = classWeightOf(settings, countsOf(data));
  const trainMs = await median(train, (x, y) => trainer.step(x, y, { classWeight }));
  const valMs = val ? await median(val, (x) => model.predict(x)) : 0;
  const { weights, training, train: step } = model.memory(settings.batchSize);
  const batches = (count: number) => Math.ceil(count / settings.batchSize);
  const savingMs = await savingTime(model);
  return {
    epochSeconds: (batches(data.train.length) * trainMs + batches(data.val.length) * valMs + savingMs) / 1000,
    stepMilliseconds: trainMs,
    bytes: weights + training + step,
  };
}

/** Milliseconds for what an epoch keeps: a checkpoint, and the best model. */
async function savingTime(model: Model): Promise<number> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'ocellus-'));
  try {
    const started = performance.now();
    for (const name of ['last', 'best']) await model.save(path.join(folder, name));
    return performance.now() - started;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Milliseconds from batch to batch, reading them included; the last batches of a short epoch are begun again. */
async function median(batches: Dataset, use: (x: ModelData, y: ModelData) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  let last = performance.now();
  while (times.length <= timed) {
    for await (const { x, y } of batches) {
      await use(x, y);
      const now = performance.now();
      times.push(now - last);
      last = now;
      if (times.length > timed) break;
    }
  }
  const sorted = times.slice(1).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
