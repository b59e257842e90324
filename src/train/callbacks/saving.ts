// Callbacks that keep models.

import { rm } from 'node:fs/promises';
import { checkOptions } from '../../core/errors.js';
import type { Callback } from '../events.js';
import { Best, checkFile, checkNumber, type MonitorOptions } from './monitor.js';

export interface ModelCheckpointOptions extends MonitorOptions {
  /** Where to write; `{epoch}` becomes the number of the epoch, from 1. */
  file: string;
  /** Write only when the watched value is better than ever before. */
  saveBestOnly?: boolean;
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
  checkOptions(where, options, ['monitor', 'mode', 'file', 'saveBestOnly', 'keepLast']);
  const { file, saveBestOnly = false, keepLast = Number.POSITIVE_INFINITY } = options;
  checkFile(where, file);
  const counts = keepLast === Number.POSITIVE_INFINITY || (Number.isInteger(keepLast) && keepLast >= 1);
  checkNumber(`${where}, option 'keepLast'`, keepLast, counts, 'a whole number >= 1');
  const written: string[] = [];
  const best = new Best(where, options, 0);
  return {
    onTrainBegin: () => best.reset(),
    async onEpochEnd({ epoch, logs }, context) {
      if (saveBestOnly && !best.improves(logs)) return;
      const name = file.replaceAll('{epoch}', String(epoch + 1));
      await context.model.save(name);
      if (written.at(-1) !== name) written.push(name);
      // The new file is whole before an old one goes.
      while (written.length > keepLast) await rm(written.shift() as string, { force: true });
    },
  };
}
