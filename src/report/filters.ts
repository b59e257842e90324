// The first convolution's filters while a training goes on: kept in a file, and shown as pictures.

import { stat } from 'node:fs/promises';
import type { DType } from '../core/dtype.js';
import { Filters } from '../explain/filters.js';
import { filterReport, filters as filtersOf } from '../explain/index.js';
import { readSafetensors, type TensorTable, writeSafetensors } from '../io/safetensors.js';
import type { Model } from '../model/model.js';
import { batchOf } from './batch.js';
import type { FiltersPanel } from './data.js';
import type { Kept } from './gallery.js';
import { uriOf } from './pictures.js';

/** Filters that are shown, their pixels on the page, and pairs that are named of one layer. */
const mostFilters = 64;
const scale = 6;
const mostPairs = 20;

/** Epochs whose filters are kept: before the first, and after each quarter. */
export const snapshotEpochs = (epochs: number): number[] => [
  ...new Set([0, 0.25, 0.5, 0.75, 1].map((share) => Math.round(share * epochs))),
];

/** Adds the filters as they are to the file, in the place of those of the same epoch. */
export async function keepFilters(file: string, model: Model, epoch: number): Promise<void> {
  const { layer, data, shape } = filtersOf(model);
  const earlier = (await readSnapshots(file)).filter((one) => one.epoch !== epoch);
  const table: Record<string, { data: Float32Array; shape: readonly number[]; dtype: DType }> = {};
  for (const one of [...earlier, { epoch, filters: { data, shape } }]) {
    table[`epoch ${one.epoch}`] = { data: one.filters.data, shape: one.filters.shape, dtype: 'float32' };
  }
  await writeSafetensors(file, table as TensorTable, { layer });
}

export interface Snapshot {
  readonly epoch: number;
  readonly filters: Filters;
}

/** What `keepFilters` wrote, by epoch; none where there is no such file. */
export async function readSnapshots(file: string): Promise<Snapshot[]> {
  const isThere = await stat(file).catch(() => undefined);
  if (!isThere) return [];
  const { tensors, metadata } = await readSafetensors(file);
  return [...tensors]
    .map(([name, { data, shape }]) => ({
      epoch: Number(name.replace('epoch ', '')),
      filters: new Filters(metadata.layer, data as Float32Array, shape),
    }))
    .sort((a, b) => a.epoch - b.epoch);
}

/** Pictures of all snapshots in the same colours, and what is odd about filters on the images that were kept. */
export async function filtersPanel(
  model: Model,
  snapshots: readonly Snapshot[],
  kept: readonly Kept[],
): Promise<FiltersPanel> {
  const { layer, range: own } = filtersOf(model);
  const most = Math.max(own[1], ...snapshots.map(({ filters }) => filters.range[1]));
  const range = [-most, most] as const;
  const pictured = snapshots.map(async ({ epoch, filters }) => {
    const pictures = await filters.pictures({ range, scale });
    return { epoch, filters: pictures.slice(0, mostFilters).map((png) => uriOf('png', png)) };
  });
  const verdicts = kept.length > 0 ? await filterReport(model, batchOf(kept)) : [];
  return {
    layer,
    range,
    snapshots: await Promise.all(pictured),
    verdicts: verdicts.map((verdict) => ({ ...verdict, duplicates: verdict.duplicates.slice(0, mostPairs) })),
  };
}
