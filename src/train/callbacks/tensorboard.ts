// The callback that writes event files for TensorBoard.

import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { checkOptions } from '../../core/errors.js';
import { encodeEvent, encodeVersion, type SummaryValue } from '../event-file.js';
import type { Callback } from '../events.js';
import { checkFile, checkNumber } from './monitor.js';

export interface TensorBoardOptions {
  /** Folder of the event files; training goes to `train` in it, validation to `validation`. Default 'logs'. */
  logDir?: string;
  /** Histograms of all weights every so many epochs; 0: none. Default 0. */
  histogramFreq?: number;
  /** 'epoch', or a number: the training loss every so many batches, too. Default 'epoch'. */
  updateFreq?: 'epoch' | number;
}

/**
 * Writes loss, metrics and learning rate of every epoch for TensorBoard: `tensorboard --logdir logs`.
 *
 * @example
 * callbacks.tensorBoard({ logDir: 'runs/first', histogramFreq: 1 });
 */
export function tensorBoard(options: TensorBoardOptions = {}): Callback {
  const where = 'tensorBoard';
  checkOptions(where, options, ['logDir', 'histogramFreq', 'updateFreq']);
  const { logDir = 'logs', histogramFreq = 0, updateFreq = 'epoch' } = options;
  checkFile(where, logDir, 'logDir');
  const counts = (value: unknown, least: number) => Number.isInteger(value) && (value as number) >= least;
  checkNumber(`${where}, option 'histogramFreq'`, histogramFreq, counts(histogramFreq, 0), 'a whole number >= 0');
  const frequent = updateFreq === 'epoch' || counts(updateFreq, 1);
  checkNumber(`${where}, option 'updateFreq'`, updateFreq, frequent, "'epoch' or a whole number >= 1");
  let folders: Record<string, EventFile> = {};
  let batches = 0;
  const write = (folder: string, step: number, values: Record<string, SummaryValue>): Promise<void> => {
    folders[folder] ??= new EventFile(join(logDir, folder));
    return folders[folder].write(step, values);
  };
  return {
    onTrainBegin() {
      folders = {};
      batches = 0;
    },
    async onBatchEnd({ loss }) {
      batches++;
      if (updateFreq === 'epoch' || batches % updateFreq !== 0) return;
      await write('train', batches, { batchLoss: { scalar: loss } });
    },
    async onEpochEnd({ epoch, logs }, { model }) {
      const isValidation = (name: string) => /^val[A-Z]/.test(name);
      const bare = (name: string) => (isValidation(name) ? name[3].toLowerCase() + name.slice(4) : name);
      const scalars = (chosen: (name: string) => boolean) =>
        Object.fromEntries(
          Object.entries(logs)
            .filter(([name]) => chosen(name))
            .map(([name, scalar]) => [`epoch/${bare(name)}`, { scalar }]),
        );
      const trained = scalars((name) => !isValidation(name));
      await write('train', epoch, { ...trained, 'epoch/learningRate': { scalar: model.learningRate } });
      const validated = scalars(isValidation);
      if (Object.keys(validated).length > 0) await write('validation', epoch, validated);
      if (histogramFreq === 0 || epoch % histogramFreq !== 0) return;
      const histograms = Object.entries(model.getWeights()).map(([path, histogram]) => [path, { histogram }]);
      await write('train', epoch, Object.fromEntries(histograms));
    },
  };
}

/** One event file, begun with its first event. */
class EventFile {
  private file: string | undefined;

  constructor(private readonly folder: string) {}

  async write(step: number, values: Readonly<Record<string, SummaryValue>>): Promise<void> {
    const now = Date.now() / 1000;
    if (this.file === undefined) {
      await mkdir(this.folder, { recursive: true });
      const name = `events.out.tfevents.${Math.floor(now)}.${hostname()}.${process.pid}`;
      this.file = join(this.folder, name);
      await writeFile(this.file, encodeVersion(now));
    }
    await appendFile(this.file, encodeEvent(now, step, values));
  }
}
