// Callbacks that keep models.

import { rm } from 'node:fs/promises';
import { checkOptions } from '../../core/errors.js';
import type { Callback, TrainedModel } from '../events.js';
import { Best, checkFile, checkNumber, type MonitorOptions } from './monitor.js';
import { resumeFrom } from './resume.js';

export interface ModelCheckpointOptions extends MonitorOptions {
  /** Where to write; `{epoch}` becomes the number of the epoch, from 1. */
  file: string;
  /** Write only when the watched value is better than ever before. */
  saveBestOnly?: boolean;
  /** With `saveBestOnly`: what the first epoch must be better than, of a training that goes on say. Default: nothing. */
  initialValueThreshold?: number;
  /** With `{epoch}` in the name: keep only this many files, the latest. Default: all. */
  keepLast?: number;
}

/**
 * Saves the model after every epoch, or after every epoch that is the best so far. Each file is written atomically.
 *
 * @example
 * callbacks.modelCheckpoint({ file: 'best.safetensors', monitor: 'valAccuracy', saveBestOnly: true });
 */
export function modelCheckpoint(options: ModelCheckpointOptions): Callback {
  const where = 'modelCheckpoint';
  checkOptions(where, options, ['monitor', 'mode', 'file', 'saveBestOnly', 'initialValueThreshold', 'keepLast']);
  const { file, saveBestOnly = false, keepLast = Number.POSITIVE_INFINITY } = options;
  checkFile(where, file);
  const counts = keepLast === Number.POSITIVE_INFINITY || (Number.isInteger(keepLast) && keepLast >= 1);
  checkNumber(`${where}, option 'keepLast'`, keepLast, counts, 'a whole number >= 1');
  const written: string[] = [];
  const { initialValueThreshold: threshold } = options;
  const isNumber = threshold === undefined || Number.isFinite(threshold);
  checkNumber(`${where}, option 'initialValueThreshold'`, threshold, isNumber, 'a number');
  const best = new Best(where, options, 0, threshold);
  // The model is copied at once and written while the next epoch trains.
  let writing: Promise<void> = Promise.resolve();
  const write = async (model: TrainedModel, name: string): Promise<void> => {
    await model.save(name);
    if (written.at(-1) !== name) written.push(name);
    // The new file is whole before an old one goes.
    while (written.length > keepLast) await rm(written.shift() as string, { force: true });
  };
  return {
    onTrainBegin: () => best.reset(),
    async onEpochEnd({ epoch, logs }, { model }) {
      if (saveBestOnly && !best.improves(logs)) return;
      await writing;
      writing = write(model, file.replaceAll('{epoch}', String(epoch + 1)));
      // An error is told at the next epoch, or at the end.
      writing.catch(() => undefined);
    },
    onTrainEnd: () => writing,
  };
}

export interface BackupAndRestoreOptions {
  /** Where the training is kept. */
  file: string;
  /** 'epoch', or a number: every so many batches, too. Default 'epoch'. */
  saveFreq?: 'epoch' | number;
  /** Remove the file when the training has ended. Default true. */
  deleteCheckpoint?: boolean;
}

/**
 * Keeps a training in a file, so that a fit that was killed goes on where the file was written last when it is called
 * again: with the same weights, optimizer, order of samples and dropout, bit for bit. Callbacks that remember earlier
 * epochs begin anew.
 *
 * @example
 * callbacks.backupAndRestore({ file: 'training.safetensors', saveFreq: 100 });
 */
export function backupAndRestore(options: BackupAndRestoreOptions): Callback {
  const where = 'backupAndRestore';
  checkOptions(where, options, ['file', 'saveFreq', 'deleteCheckpoint']);
  const { file, saveFreq = 'epoch', deleteCheckpoint = true } = options;
  checkFile(where, file);
  const counts = saveFreq === 'epoch' || (Number.isInteger(saveFreq) && saveFreq >= 1);
  checkNumber(`${where}, option 'saveFreq'`, saveFreq, counts, "'epoch' or a whole number >= 1");
  return {
    onTrainBegin: resumeFrom(file),
    async onBatchEnd({ epoch, batch }, { model }) {
      if (saveFreq === 'epoch' || (batch + 1) % saveFreq !== 0) return;
      await model.save(file, { epoch, batch: batch + 1 });
    },
    async onEpochEnd({ epoch }, { model }) {
      await model.save(file, { epoch: epoch + 1, batch: 0 });
    },
    async onTrainEnd() {
      if (deleteCheckpoint) await rm(file, { force: true });
    },
  };
}
