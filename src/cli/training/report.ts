// The report of a run, from what is in its folder and, where they are still there, its data.

import path from 'node:path';
import type { BackendInfo } from '../../backend/select.js';
import { writeFileAtomic } from '../../io/atomic.js';
import { load } from '../../model/load.js';
import type { DatasetPanel, ReportData } from '../../report/data.js';
import { datasetPanel } from '../../report/dataset.js';
import { describeEnvironment } from '../../report/environment.js';
import { type Evaluated, evaluationPanel } from '../../report/evaluation.js';
import { filtersPanel, readSnapshots } from '../../report/filters.js';
import { renderReport } from '../../report/html.js';
import { layerRows, timedBatch } from '../../report/layers.js';
import { activationPanels, featurePanels, telling } from '../../report/maps.js';
import { version } from '../version.js';
import type { TrainingBatches, TrainingData } from './images.js';
import { type RunFolder, readCurves } from './run-folder.js';
import type { Settings } from './settings.js';

export interface ReportedRun {
  readonly run: RunFolder;
  readonly settings: Settings;
  readonly validationSplit: number | undefined;
  readonly backend: BackendInfo;
  /** Of the folder or file of the data, and what its panel shows. */
  readonly folder: string;
  readonly dataset: DatasetPanel;
  /** Whether images are held back. */
  readonly validates: boolean;
}

/** The panel of the data, with the same pictures as they are and as training sees them. */
export async function describeData(
  data: TrainingData,
  settings: Settings,
  batches: Pick<TrainingBatches, 'train'>,
): Promise<DatasetPanel> {
  const plain = await data.batches({ ...settings, augment: 'none' });
  return datasetPanel(data, plain.train, batches.train);
}

/** What can be told while a training runs. */
export async function trainingReport(reported: ReportedRun): Promise<ReportData> {
  const { run, settings, validationSplit, backend, dataset } = reported;
  return {
    version: 1,
    title: path.basename(run.folder),
    created: new Date().toISOString(),
    live: true,
    environment: describeEnvironment({
      ocellus: version(),
      backend,
      seed: settings.seed,
      reproduce: [trainCall(reported)],
    }),
    settings: { ...settings, ...(validationSplit !== undefined && { validationSplit }) },
    dataset,
    curves: await readCurves(run, monitorOf(reported.validates), settings.epochs),
    layers: [],
    featureMaps: [],
    activationMaps: [],
  };
}

export interface WrittenReport {
  readonly file: string;
  readonly data: ReportData;
  /** Undefined where there are no images to ask about. */
  readonly evaluated: Evaluated | undefined;
}

/** Asks the best model about the images held back and writes `report.html` into the run. */
export async function writeReport(reported: ReportedRun, val: TrainingBatches['val']): Promise<WrittenReport> {
  const { run, backend, dataset } = reported;
  const model = await load(run.file('model.safetensors'), { backend: backend.backend, threads: backend.threads });
  const evaluated = val && (await evaluationPanel(model, val));
  const kept = evaluated?.kept ?? [];
  const data: ReportData = {
    ...(await trainingReport(reported)),
    live: false,
    ...(evaluated && { evaluation: evaluated.panel }),
    layers: await layerRows(model),
    timedBatch,
    filters: await filtersPanel(model, await readSnapshots(run.file(snapshotFile)), kept.slice(0, judged)),
    featureMaps: await featurePanels(model, telling(kept, lookedInto), dataset.classNames),
    activationMaps: await activationPanels(model, telling(kept, explained), dataset.classNames),
  };
  const file = run.file('report.html');
  await writeFileAtomic(file, Buffer.from(await renderReport(data)));
  return { file, data, evaluated };
}

/** Where the first layer's filters are kept while a run goes on. */
export const snapshotFile = 'filters.safetensors';

/** Pictures that filters are judged by, whose maps are shown, and whose answers are explained. */
const judged = 64;
const lookedInto = 3;
const explained = 6;

/** What tells which epoch is the best. */
export const monitorOf = (validates: boolean): string => (validates ? 'valAccuracy' : 'loss');

/** The call that makes the run again, whatever the defaults of another version are. */
function trainCall({ settings, validationSplit, folder }: ReportedRun): string {
  const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const options = Object.entries({ ...settings, ...(validationSplit !== undefined && { validationSplit }) }).map(
    ([name, value]) => (typeof value === 'boolean' ? `--${value ? '' : 'no-'}${name}` : `--${kebab(name)} ${value}`),
  );
  return `npx ocellus train ${JSON.stringify(folder)} ${options.join(' ')}`;
}
