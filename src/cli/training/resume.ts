// Where a run stands, and going on with it.

import { copyFile, rename, stat } from 'node:fs/promises';
import { readSafetensors } from '../../io/safetensors.js';
import { readDescription } from '../../model/file.js';
import { type RunFolder, readCurves } from './run-folder.js';

/** Epochs that are done by the model of a file, and batches of the next one; null where there is no such file. */
async function progressOf(file: string): Promise<{ epoch: number; batch: number } | null> {
  const isThere = await stat(file).catch(() => undefined);
  if (!isThere) return null;
  const { training } = readDescription(file, (await readSafetensors(file)).metadata);
  return training?.place ?? { epoch: training?.epoch ?? 0, batch: 0 };
}

/** Whether all these epochs are trained and told of. */
export async function isFinished(run: RunFolder, epochs: number): Promise<boolean> {
  const done = await progressOf(run.file('last.safetensors'));
  if (!done || done.epoch < epochs) return false;
  const manifest = (await run.readJson('manifest.json').catch(() => ({}))) as { epochs?: number };
  return (manifest.epochs ?? 0) >= epochs;
}

/**
 * What the next epoch must be better than: the value of the model that is kept as the best. Where a process was killed
 * after the best epoch was noted and before its model was written, the checkpoint of that epoch takes its place.
 */
export async function bestSoFar(run: RunFolder, monitor: string): Promise<number | undefined> {
  const { bestEpoch, points } = await readCurves(run, monitor);
  const [best, last] = [run.file('model.safetensors'), run.file('last.safetensors')];
  const valueAt = (epoch: number | undefined) => points.find((point) => point.epoch === epoch)?.metrics[monitor];
  const kept = (await progressOf(best))?.epoch;
  if (kept === bestEpoch || bestEpoch === undefined) return valueAt(kept);
  const left = await progressOf(last);
  if (left?.epoch !== bestEpoch || left.batch > 0) return valueAt(kept);
  const copy = `${best}.new`;
  await copyFile(last, copy);
  await rename(copy, best);
  return valueAt(bestEpoch);
}
