// A training from the folder of pictures to the folder of the run: look at the data, choose, train, tell.

import path from 'node:path';
import type { BackendChoice } from '../../backend/select.js';
import { OcellusError } from '../../core/errors.js';
import { formatBytes } from '../../core/table.js';
import { exitCodes, type Io } from '../io.js';
import { countsOf, openData, type TrainingData } from './images.js';
import { findRate } from './learning-rate.js';
import { fittingBatch, trainingBytes } from './memory.js';
import { measure } from './plan-time.js';
import { isFinished } from './resume.js';
import { RunFolder } from './run-folder.js';
import { chooseSettings, type GivenSettings, type Settings } from './settings.js';
import { train } from './train.js';

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
  live?: boolean;
  port?: number;
}

/** What is kept of a call, so that the run can be gone on with. */
export interface Arguments {
  readonly folder: string;
  readonly validationSplit: number | undefined;
  readonly settings: Settings;
  readonly compute: BackendChoice;
}

/**
 * @param available bytes of memory that are free, of the machine or of what the process may have
 * @returns the exit code
 */
export async function trainFolder(
  io: Io,
  call: TrainCall,
  available: number = process.availableMemory(),
): Promise<number> {
  if (call.resume) return resumeRun(io, call, new RunFolder(call.resume));
  const { folder: given, validationSplit, compute } = call;
  if (!given) {
    throw new OcellusError('ERR_OCELLUS_ARGUMENT', {
      where: 'ocellus train',
      expected: 'a folder of class folders',
      got: 'none',
      help: 'ocellus train ./photos, or ocellus train --resume runs/train',
    });
  }
  const folder = path.resolve(given);
  const data = await open(io, folder, validationSplit, call.seed ?? 0);
  const settings = await choose(io, data, call, available);
  if (call.findRate) settings.learningRate = await findRate(io, data, settings, compute);
  if (call.dryRun || call.time) await plan(io, data, settings, call);
  if (call.dryRun) return exitCodes.ok;
  const run = await RunFolder.create(call.runs, 'train');
  const noted: Arguments = { folder, validationSplit, settings, compute };
  await run.writeJson('args.json', noted);
  return train(io, run, data, noted, call);
}

async function resumeRun(io: Io, call: TrainCall, run: RunFolder): Promise<number> {
  const kept = (await run.readJson('args.json')) as Arguments;
  const { folder, validationSplit, settings: before } = kept;
  const settings = { ...before, epochs: call.epochs ?? before.epochs };
  if (await isFinished(run, settings.epochs)) {
    io.say(`${run.folder} is finished: ${before.epochs} epochs are trained. --epochs with a larger number goes on.`);
    io.emit('finished', { run: run.folder, epochs: before.epochs });
    return exitCodes.ok;
  }
  await run.sweep();
  const data = await open(io, folder, validationSplit, settings.seed);
  announce(io, data, settings);
  const noted: Arguments = { ...kept, settings };
  if (settings.epochs !== before.epochs) {
    io.say(`  epochs ${settings.epochs}: instead of ${before.epochs}; the learning rate follows the new number`);
    await run.writeJson('args.json', noted);
  }
  return train(io, run, data, noted, call);
}

async function open(io: Io, folder: string, validationSplit: number | undefined, seed: number): Promise<TrainingData> {
  const data = await openData(folder, { ...(validationSplit !== undefined && { validationSplit }), seed });
  io.say(
    `${folder}: ${data.train.length} images to train with, ${data.val.length} to check, ${data.classNames.length} classes`,
  );
  for (const warning of data.warnings) io.warn(`warning: ${warning}`);
  return data;
}

/** Settings from the call and the data, with the batch that fits into memory. */
async function choose(io: Io, data: TrainingData, call: TrainCall, available: number): Promise<Settings> {
  const { settings, reasons } = chooseSettings(call, { ...(await data.facts()), counts: countsOf(data) });
  for (const reason of reasons) io.say(`  ${reason}`);
  const { batchSize, reason } = fittingBatch(
    settings.batchSize,
    trainingBytes(data, settings, call.compute),
    available,
  );
  if (reason) io.warn(`batchSize ${batchSize}: ${reason}`);
  const fitting = { ...settings, batchSize };
  announce(io, data, fitting);
  return fitting;
}

const announce = (io: Io, data: TrainingData, settings: Settings): void =>
  io.emit('settings', {
    ...settings,
    classNames: data.classNames,
    images: data.train.length,
    validation: data.val.length,
  });

/** Times some batches, and with --time sets the epochs. */
async function plan(io: Io, data: TrainingData, settings: Settings, { compute, time, dryRun }: TrainCall) {
  const timed = await measure(data, settings, compute);
  io.say(`An epoch takes about ${timed.epochSeconds.toFixed(1)} s, training ${formatBytes(timed.bytes)} of memory.`);
  io.emit('plan', timed);
  if (time) {
    settings.epochs = Math.max(1, Math.floor((0.95 * time) / timed.epochSeconds));
    io.say(`epochs ${settings.epochs}: what fits into ${time} s`);
  }
  if (dryRun)
    io.say(`${settings.epochs} epochs would take about ${(settings.epochs * timed.epochSeconds).toFixed(0)} s.`);
}
