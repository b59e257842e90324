// Callbacks that tell what happens: to files, to functions.

import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { checkOptions, OcellusError } from '../../core/errors.js';
import type { Callback } from '../events.js';
import { checkFile } from './monitor.js';

export interface LoggerOptions {
  /** Where to write. */
  file: string;
  /** Go on in the file if it is there, with the columns that it has. Default: begin it anew. */
  append?: boolean;
}

/**
 * Writes one line per epoch to a CSV file: the epoch (from 0), then every value under its name.
 *
 * @example await model.fit(x, y, { epochs: 2, callbacks: [callbacks.csvLogger({ file: 'history.csv' })] });
 */
export function csvLogger(options: LoggerOptions): Callback {
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
        const known = append ? await readFile(file, 'utf8').catch(() => '') : '';
        // A line that was cut off must not run into the next one.
        if (known !== '' && !known.endsWith('\n')) await appendFile(file, '\n');
        columns = known === '' ? Object.keys(logs) : known.split('\n', 1)[0].split(',').slice(1);
        if (known === '') await writeFile(file, `${['epoch', ...columns].join(',')}\n`);
      }
      await appendFile(file, `${[epoch, ...columns.map((name) => logs[name] ?? '')].join(',')}\n`);
    },
  };
}

/**
 * Writes one JSON object per epoch, each on its line: `{"epoch":0,"seconds":1.5,"loss":0.3}`. Values that are no numbers
 * become null.
 *
 * @example await model.fit(x, y, { epochs: 2, callbacks: [callbacks.jsonLogger({ file: 'history.jsonl', append: true })] });
 */
export function jsonLogger(options: LoggerOptions): Callback {
  const where = 'jsonLogger';
  checkOptions(where, options, ['file', 'append']);
  const { file, append = false } = options;
  checkFile(where, file);
  return {
    async onTrainBegin() {
      if (!append) await writeFile(file, '');
    },
    async onEpochEnd({ epoch, seconds, logs }) {
      await appendFile(file, `${JSON.stringify({ epoch, seconds, ...logs })}\n`);
    },
  };
}

const handlers = ['onTrainBegin', 'onEpochBegin', 'onBatchEnd', 'onEpochEnd', 'onTrainEnd'];

/**
 * A callback from functions; their names are checked.
 *
 * @example
 * callbacks.lambda({ onEpochEnd: ({ epoch, logs }) => console.log(epoch, logs.loss) });
 */
export function lambda(functions: Callback): Callback {
  checkOptions('lambda', functions, handlers);
  for (const [name, value] of Object.entries(functions)) {
    if (typeof value === 'function' || value === undefined) continue;
    throw new OcellusError('ERR_OCELLUS_OPTION', { where: `lambda, '${name}'`, expected: 'a function', got: value });
  }
  return functions;
}
