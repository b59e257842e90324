// `report`: the page of a run, made again from what its folder holds.

import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { backendInfo } from '../../backend/select.js';
import { OcellusError } from '../../core/errors.js';
import type { DatasetPanel } from '../../report/data.js';
import type { Io } from '../io.js';
import type { Register } from '../program.js';
import { openData, type TrainingBatches } from '../training/images.js';
import { describeData, writeReport } from '../training/report.js';
import { RunFolder } from '../training/run-folder.js';
import type { Arguments } from '../training/train-folder.js';
import { backendChoice, type ComputeOptions, computeOptions, examples } from './shared.js';

export function addReport(program: Command, register: Register): void {
  const command = program
    .command('report <run>')
    .description('writes report.html of a run anew: curves, confusion with its pictures, layers, data');
  examples(command, [
    ['ocellus report runs/train', ''],
    ['ocellus report runs/train --json', 'where the file is'],
  ]);
  computeOptions(command).action((folder: string, options: ComputeOptions) =>
    register(options.json ?? false, async (io) => {
      const run = new RunFolder(folder);
      const { settings, validationSplit, compute, folder: place } = (await run.readJson('args.json')) as Arguments;
      const known = await knownData(run, place);
      const found = await readData(io, { folder: place, settings, validationSplit }, known);
      const { file, data } = await writeReport(
        {
          run,
          settings,
          validationSplit,
          backend: backendInfo({ ...compute, ...backendChoice(options) }),
          folder: place,
          ...found,
        },
        found.val,
      );
      io.say(`${file} is written.`);
      io.emit('result', { run: run.folder, report: file, valAccuracy: data.evaluation?.accuracy });
      return undefined;
    }),
  );
}

/** What the run remembers of its data; nothing of classes where it has not ended. */
async function knownData(run: RunFolder, folder: string): Promise<DatasetPanel> {
  const text = await readFile(run.file('manifest.json'), 'utf8').catch(() => '{}');
  const { fingerprint = '', classNames = [], trainCounts = [], valCounts = [] } = JSON.parse(text).data ?? {};
  return { folder, fingerprint, classNames, trainCounts, valCounts, warnings: [], samples: [], augmented: [] };
}

interface FoundData {
  readonly dataset: DatasetPanel;
  readonly validates: boolean;
  readonly val: TrainingBatches['val'];
}

/** The data where they are still there; else a word on what the report will not have. */
async function readData(
  io: Io,
  { folder, settings, validationSplit }: Pick<Arguments, 'folder' | 'settings' | 'validationSplit'>,
  known: DatasetPanel,
): Promise<FoundData> {
  try {
    const data = await openData(folder, {
      seed: settings.seed,
      ...(validationSplit !== undefined && { validationSplit }),
    });
    const isOther = known.fingerprint !== '' && known.fingerprint !== data.fingerprint;
    const warnings = isOther ? ['the data are no longer those of the training: files came, went or changed'] : [];
    for (const warning of warnings) io.warn(`warning: ${warning}`);
    const batches = await data.batches(settings, (file, reason) => io.warn(`skipped ${file}: ${reason}`));
    const dataset = await describeData(data, settings, batches);
    return {
      dataset: { ...dataset, warnings: [...dataset.warnings, ...warnings] },
      validates: batches.val !== undefined,
      val: batches.val,
    };
  } catch (error) {
    if (!(error instanceof OcellusError)) throw error;
    const warning = `the data cannot be read (${error.message.split('\n')[0]}): no confusion matrix and no pictures`;
    io.warn(`warning: ${warning}`);
    const validates = known.valCounts.some((count) => count > 0);
    return { dataset: { ...known, warnings: [warning] }, validates, val: undefined };
  }
}
