// A training from the folder of pictures to the folder of the run: look at the data, choose, train, tell.

import path from 'node:path';
import { type BackendChoice, backendInfo } from '../../backend/select.js';
import { OcellusError } from '../../core/errors.js';
import { formatBytes } from '../../core/table.js';
import { csvLogger } from '../../train/callbacks/logging.js';
import { modelCheckpoint } from '../../train/callbacks/saving.js';
import { tensorBoard } from '../../train/callbacks/tensorboard.js';
import type { Callback } from '../../train/events.js';
import { exitCodes, type Io } from '../io.js';
import { checkpoint } from './checkpoint.js';
import { buildModel } from './classifier.js';
import { withThroughput } from './epoch-log.js';
import { finishRun } from './finish.js';
import { openData, type TrainingData } from './images.js';
import { findRate } from './learning-rate.js';
import { measure } from './plan-time.js';
import { describeData, monitorOf } from './report.js';
import { bestOf, RunFolder } from './run-folder.js';
import { chooseSettings, type GivenSettings, type Settings } from './settings.js';

export interface TrainCall extends GivenSettings {
  folder: string | undefined;
  compute: BackendChoice;
  validationSplit?: number;
  /** Choose the learning rate by a test. */
  findRate?: boolean;
  /** Seconds that the training may take. */
  time?: number;
  runs: string;
  resume?: string;
  dryRun?: boolean;
}

/** What is kept of a call, so that the run can be gone on with. */
export interface Arguments {
  readonly folder: string;
  readonly validationSplit: number | undefined;
  readonly settings: Settings;
  readonly compute: BackendChoice;
}

/** @returns the exit code */
export async function trainFolder(io: Io, call: TrainCall): Promise<number> {
  const kept = call.resume ? ((await new RunFolder(call.resume).readJson('args.json')) as Arguments) : undefined;
  const folder = kept?.folder ?? (call.folder && path.resolve(call.folder));
  if (!folder) {
    throw new OcellusError('ERR_OCELLUS_ARGUMENT', {
      where: 'ocellus train',
      expected: 'a folder of class folders',
      got: 'none',
      help: 'ocellus train ./photos, or ocellus train --resume runs/train',
    });
  }
  const validationSplit = kept?.validationSplit ?? call.validationSplit;
  const compute = kept?.compute ?? call.compute;
  const { data, settings } = await prepare(io, folder, kept?.settings, call, validationSplit);
  if (call.findRate && !kept) settings.learningRate = await findRate(io, data, settings, compute);
  if (call.dryRun || call.time) {
    const plan = await measure(data, settings, compute);
    io.say(`An epoch takes about ${plan.epochSeconds.toFixed(1)} s, training ${formatBytes(plan.bytes)} of memory.`);
    io.emit('plan', plan);
    if (call.time) {
      settings.epochs = Math.max(1, Math.floor((0.95 * call.time) / plan.epochSeconds));
      io.say(`epochs ${settings.epochs}: what fits into ${call.time} s`);
    }
    if (call.dryRun) {
      io.say(`${settings.epochs} epochs would take about ${(settings.epochs * plan.epochSeconds).toFixed(0)} s.`);
      return exitCodes.ok;
    }
  }
  const run = call.resume ? new RunFolder(call.resume) : await RunFolder.create(call.runs, 'train');
  const noted: Arguments = { folder, validationSplit, settings, compute };
  if (!kept) await run.writeJson('args.json', noted);
  return train(io, run, data, noted);
}

async function prepare(
  io: Io,
  folder: string,
  kept: Settings | undefined,
  call: TrainCall,
  validationSplit: number | undefined,
): Promise<{ data: TrainingData; settings: Settings }> {
  const data = await openData(folder, {
    ...(validationSplit !== undefined && { validationSplit }),
    seed: kept?.seed ?? call.seed ?? 0,
  });
  const { classNames, warnings } = data;
  io.say(
    `${folder}: ${data.train.length} images to train with, ${data.val.length} to check, ${classNames.length} classes`,
  );
  for (const warning of warnings) io.warn(`warning: ${warning}`);
  const { settings, reasons } = kept
    ? { settings: { ...kept }, reasons: [] }
    : chooseSettings(call, await data.facts());
  for (const reason of reasons) io.say(`  ${reason}`);
  io.emit('settings', { ...settings, classNames, images: data.train.length, validation: data.val.length });
  return { data, settings };
}

async function train(
  io: Io,
  run: RunFolder,
  data: TrainingData,
  { folder, validationSplit, settings, compute }: Arguments,
): Promise<number> {
  const { epochs, seed } = settings;
  const started = performance.now();
  const batches = await data.batches(settings, (file, reason) => io.warn(`skipped ${file}: ${reason}`));
  const model = buildModel(data, settings, compute);
  await batches.drawFirst(run.file('train_batch.png'));
  const best = run.file('model.safetensors');
  const dataset = await describeData(data, settings, batches);
  const backend = backendInfo(compute);
  const reported = { run, settings, validationSplit, backend, folder, dataset, validates: batches.val !== undefined };
  const monitor = monitorOf(reported.validates);
  const bestSoFar = await bestOf(run, monitor);
  const resume = checkpoint(run.file('last.safetensors'), () =>
    io.warn('\ninterrupted: the batch is finished and a checkpoint written; once more ends at once'),
  );
  try {
    await model.fit(batches.train, {
      epochs,
      seed,
      ...(batches.val && { validationData: batches.val }),
      verbose: io.json ? 0 : 'auto',
      callbacks: [
        resume.callback,
        ...[
          withThroughput(csvLogger({ file: run.file('results.csv'), append: true })),
          tensorBoard({ logDir: run.file('tensorboard') }),
          modelCheckpoint({
            file: best,
            saveBestOnly: true,
            monitor,
            ...(bestSoFar !== undefined && { initialValueThreshold: bestSoFar }),
          }),
          jsonLines(io),
        ].map((callback) => unless(() => resume.interrupted, callback)),
      ],
    });
  } finally {
    resume.close();
  }
  if (resume.interrupted) {
    io.say(`Interrupted. To go on:\n  npx ocellus train --resume ${run.folder}`);
    io.emit('interrupted', { run: run.folder });
    return exitCodes.interrupted;
  }
  const seconds = (performance.now() - started) / 1000;
  await finishRun(io, { reported, data, batches, seconds });
  return exitCodes.ok;
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
