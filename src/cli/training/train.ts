// A training in its run folder: what is written while it goes on, whether it ends or is interrupted.

import { backendInfo } from '../../backend/select.js';
import type { Model } from '../../model/model.js';
import type { ReportData } from '../../report/data.js';
import { filtersPanel, keepFilters, readSnapshots, snapshotEpochs } from '../../report/filters.js';
import { layerRows, timedBatch } from '../../report/layers.js';
import { LiveReport } from '../../report/live.js';
import { csvLogger } from '../../train/callbacks/logging.js';
import { modelCheckpoint } from '../../train/callbacks/saving.js';
import { tensorBoard } from '../../train/callbacks/tensorboard.js';
import type { Callback } from '../../train/events.js';
import { exitCodes, type Io } from '../io.js';
import { checkpoint } from './checkpoint.js';
import { buildModel } from './classifier.js';
import { withThroughput } from './epoch-log.js';
import { finishRun } from './finish.js';
import { countsOf, type TrainingData } from './images.js';
import { describeData, monitorOf, type ReportedRun, snapshotFile, trainingReport } from './report.js';
import { bestSoFar } from './resume.js';
import type { RunFolder } from './run-folder.js';
import { classWeightOf } from './settings.js';
import type { Arguments, TrainCall } from './train-folder.js';

/** @returns the exit code */
export async function train(
  io: Io,
  run: RunFolder,
  data: TrainingData,
  { folder, validationSplit, settings, compute }: Arguments,
  call: Pick<TrainCall, 'live' | 'port'>,
): Promise<number> {
  const started = performance.now();
  const batches = await data.batches(settings, (file, reason) => io.warn(`skipped ${file}: ${reason}`));
  const model = buildModel(data, settings, compute);
  await batches.drawFirst(run.file('train_batch.png'));
  const dataset = await describeData(data, settings, batches);
  const backend = backendInfo(compute);
  const reported = { run, settings, validationSplit, backend, folder, dataset, validates: batches.val !== undefined };
  const resume = checkpoint(run.file('last.safetensors'), () =>
    io.warn('\ninterrupted: the batch is finished and a checkpoint written; once more ends at once'),
  );
  const live = await watch(io, call, reported, model);
  let last: ReportData | undefined;
  try {
    const callbacks = [...(await recorders(io, reported, model)), ...(live ? [live.callback] : [])];
    await model.fit(batches.train, {
      epochs: settings.epochs,
      seed: settings.seed,
      classWeight: classWeightOf(settings, countsOf(data)),
      ...(batches.val && { validationData: batches.val }),
      verbose: io.json ? 0 : 'auto',
      // The checkpoint last: a process that is killed before it does the epoch again, and none is missing in the records.
      callbacks: [...callbacks.map((callback) => unless(() => resume.interrupted, callback)), resume.callback],
    });
    if (resume.interrupted) {
      io.say(`Interrupted. To go on:\n  npx ocellus train --resume ${run.folder}`);
      io.emit('interrupted', { run: run.folder });
      return exitCodes.interrupted;
    }
    const seconds = (performance.now() - started) / 1000;
    last = await finishRun(io, { reported, data, batches, seconds });
    return exitCodes.ok;
  } finally {
    resume.close();
    await live?.report.close(last);
  }
}

/** What writes into the run after every epoch. */
async function recorders(io: Io, { run, validates, settings }: ReportedRun, model: Model): Promise<Callback[]> {
  const monitor = monitorOf(validates);
  const threshold = await bestSoFar(run, monitor);
  return [
    withThroughput(csvLogger({ file: run.file('results.csv'), append: true })),
    tensorBoard({ logDir: run.file('tensorboard') }),
    modelCheckpoint({
      file: run.file('model.safetensors'),
      saveBestOnly: true,
      monitor,
      ...(threshold !== undefined && { initialValueThreshold: threshold }),
    }),
    filterSnapshots(run, model, settings.epochs),
    jsonLines(io),
  ];
}

/** Keeps the first layer's filters at some epochs; a run that goes on keeps those it has. */
function filterSnapshots(run: RunFolder, model: Model, epochs: number): Callback {
  const chosen = snapshotEpochs(epochs);
  const file = run.file(snapshotFile);
  return {
    async onEpochBegin({ epoch }) {
      if (epoch === 0 && (await readSnapshots(file)).length === 0) await keepFilters(file, model, 0);
    },
    async onEpochEnd({ epoch }) {
      if (chosen.includes(epoch + 1)) await keepFilters(file, model, epoch + 1);
    },
  };
}

/** With --live, or --port: the page of the report, told of every epoch. */
async function watch(
  io: Io,
  { live, port }: Pick<TrainCall, 'live' | 'port'>,
  reported: ReportedRun,
  model: Model,
): Promise<{ report: LiveReport; callback: Callback } | undefined> {
  if (!live && port === undefined) return undefined;
  const layers = await layerRows(model);
  const current = async (): Promise<ReportData> => ({
    ...(await trainingReport(reported)),
    layers,
    timedBatch,
    filters: await filtersPanel(model, await readSnapshots(reported.run.file(snapshotFile)), []),
  });
  const report = await LiveReport.start(await current(), port);
  io.say(`The report, while it trains: ${report.url}`);
  io.emit('live', { url: report.url });
  return { report, callback: { onEpochEnd: async () => report.update(await current()) } };
}

/** A callback that hears nothing of the epoch that was interrupted: it is told when it is whole. */
const unless = (interrupted: () => boolean, callback: Callback): Callback => ({
  ...callback,
  onEpochEnd: async (event, context) => {
    if (!interrupted()) await callback.onEpochEnd?.(event, context);
  },
});

const jsonLines = (io: Io): Callback => ({
  onEpochEnd: ({ epoch, logs, seconds }) => io.emit('epoch', { epoch: epoch + 1, seconds, ...logs }),
});
