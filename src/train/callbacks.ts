// The callbacks that come with Ocellus, under Keras's names and options.

import { appendFile, writeFile } from 'node:fs/promises';
import { check, checkOptions, nearest, OcellusError } from '../core/errors.js';
import type { Callback, Logs } from './events.js';

export interface MonitorOptions {
  /** The value to watch: `loss`, `accuracy`, `valLoss`, `valAccuracy` (`val_loss` is understood too). */
  monitor?: string;
  /** Whether less or more is better; 'auto' tells by the name. */
  mode?: 'auto' | 'min' | 'max';
}

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement that are borne before training stops. */
  patience?: number;
  /** Smallest change that counts as improvement. */
  minDelta?: number;
  /** Put the weights of the best epoch back when training ends. */
  restoreBestWeights?: boolean;
}

/**
 * Stops when the watched value no longer improves.
 *
 * @example
 * callbacks.earlyStopping({ monitor: 'valLoss', patience: 3, restoreBestWeights: true });
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const where = 'earlyStopping';
  checkOptions(where, options, ['monitor', 'mode', 'patience', 'minDelta', 'restoreBestWeights']);
  const { patience = 0, minDelta = 0, restoreBestWeights = false } = options;
  checkNumber(
    `${where}, option 'patience'`,
    patience,
    Number.isInteger(patience) && patience >= 0,
    'a whole number >= 0',
  );
  checkNumber(`${where}, option 'minDelta'`, minDelta, minDelta >= 0, 'a number >= 0');
  const best = new Best(where, options, minDelta);
  let waited = 0;
  let weights: Record<string, Float32Array> | undefined;
  return {
    onTrainBegin() {
      best.reset();
      waited = 0;
      weights = undefined;
    },
    onEpochEnd({ logs }, context) {
      if (best.improves(logs)) {
        waited = 0;
        if (restoreBestWeights) weights = context.model.getWeights();
      } else if (++waited >= patience) context.stop();
    },
    onTrainEnd(_event, context) {
      if (weights) context.model.setWeights(weights);
    },
  };
}

export interface ModelCheckpointOptions extends MonitorOptions {
  /** Where to write; `{epoch}` becomes the number of the epoch, from 1. */
  file: string;
  /** Write only when the watched value is better than ever before. */
  saveBestOnly?: boolean;
}

/**
 * Saves the model after every epoch, or after every epoch that is the best so far. Each file is written atomically.
 *
 * @example
 * callbacks.modelCheckpoint({ file: 'best.safetensors', monitor: 'valAccuracy', saveBestOnly: true });
 */
export function modelCheckpoint(options: ModelCheckpointOptions): Callback {
  const where = 'modelCheckpoint';
  checkOptions(where, options, ['monitor', 'mode', 'file', 'saveBestOnly']);
  const { file, saveBestOnly = false } = options;
  checkFile(where, file);
  const best = new Best(where, options, 0);
  return {
    onTrainBegin: () => best.reset(),
    async onEpochEnd({ epoch, logs }, context) {
      if (saveBestOnly && !best.improves(logs)) return;
      await context.model.save(file.replaceAll('{epoch}', String(epoch + 1)));
    },
  };
}

/** Stops after the first batch whose loss is not a finite number. */
export function terminateOnNaN(): Callback {
  return {
    onBatchEnd({ loss }, context) {
      if (!Number.isFinite(loss)) context.stop();
    },
  };
}

/** Writes one line per epoch to a CSV file: the epoch (from 0), then every value under its name. */
export function csvLogger(options: { file: string; append?: boolean }): Callback {
  const where = 'csvLogger';
  checkOptions(where, options, ['file', 'append']);
  const { file, append = false } = options;
  checkFile(where, file);
  let columns: string[] | undefined;
  return {
    onTrainBegin() {
      columns = undefined;
    },
    async onEpochEnd({ epoch, logs }) {
      if (!columns) {
        columns = Object.keys(logs);
        if (!append) await writeFile(file, `${['epoch', ...columns].join(',')}\n`);
      }
      await appendFile(file, `${[epoch, ...columns.map((name) => logs[name])].join(',')}\n`);
    },
  };
}

/** The best value of a monitored quantity so far. */
class Best {
  private value: number | undefined;
  private readonly monitor: string;

  constructor(
    private readonly where: string,
    private readonly options: MonitorOptions,
    private readonly minDelta: number,
  ) {
    const { monitor = 'valLoss', mode = 'auto' } = options;
    this.monitor = monitor.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    check(mode === 'auto' || mode === 'min' || mode === 'max', 'ERR_OCELLUS_OPTION', () => ({
      where: `${where}, option 'mode'`,
      expected: 'one of auto, min, max',
      got: mode,
    }));
  }

  reset(): void {
    this.value = undefined;
  }

  /** Compares with the best value so far and keeps the better one. A value that is not a number is never better. */
  improves(logs: Logs): boolean {
    const value = this.read(logs);
    const { mode = 'auto' } = this.options;
    const sign = mode === 'max' || (mode === 'auto' && !/loss|error|divergence/i.test(this.monitor)) ? 1 : -1;
    if (Number.isNaN(value)) return false;
    if (this.value !== undefined && sign * (value - this.value) <= this.minDelta) return false;
    this.value = value;
    return true;
  }

  private read(logs: Logs): number {
    if (Object.hasOwn(logs, this.monitor)) return logs[this.monitor];
    const known = Object.keys(logs);
    const suggestion = nearest(this.monitor, known);
    const validation = this.monitor.startsWith('val') && !known.some((name) => name.startsWith('val'));
    throw new OcellusError('ERR_OCELLUS_OPTION', {
      where: `${this.where}, option 'monitor'`,
      expected: `one of ${known.join(', ')}`,
      got: `'${this.monitor}'`,
      help: validation ? 'give fit validationData or validationSplit' : suggestion && `did you mean '${suggestion}'?`,
    });
  }
}

function checkNumber(where: string, value: unknown, holds: boolean, expected: string): void {
  check(holds, 'ERR_OCELLUS_OPTION', () => ({ where, expected, got: value }));
}

function checkFile(where: string, file: unknown): void {
  checkNumber(`${where}, option 'file'`, file, typeof file === 'string' && file.length > 0, 'a path');
}
