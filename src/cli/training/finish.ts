// The end of a training: the best model is asked once more about the images held back, and the run says what it was.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { formatConfusion } from '../../report/confusion.js';
import type { ReportData } from '../../report/data.js';
import type { Io } from '../io.js';
import { version } from '../version.js';
import type { TrainingBatches, TrainingData } from './images.js';
import { drawConfusion } from './pictures.js';
import { type ReportedRun, writeReport } from './report.js';

export interface Finished {
  readonly reported: ReportedRun;
  readonly data: TrainingData;
  readonly batches: TrainingBatches;
  /** That the training took. */
  readonly seconds: number;
}

/** Most classes whose confusion is printed; the picture has them all. */
const printed = 20;

/** @returns what the report shows */
export async function finishRun(io: Io, { reported, data, batches, seconds }: Finished): Promise<ReportData> {
  const { run, settings, backend, dataset } = reported;
  const { classNames } = data;
  const file = run.file('model.safetensors');
  const report = await writeReport(reported, batches.val);
  const result: Record<string, unknown> = {
    run: run.folder,
    model: file,
    report: report.file,
    seconds: round(seconds, 2),
  };
  if (report.evaluated) {
    const { accuracy, confusion } = report.evaluated.found;
    await drawConfusion(confusion, classNames, run.file('confusion_matrix.png'));
    if (classNames.length <= printed) io.say(`\n${formatConfusion(confusion, classNames)}`);
    result.valAccuracy = accuracy;
    io.say(`\nBest model: ${(100 * accuracy).toFixed(1)} % of ${data.val.length} images held back are named rightly.`);
  }
  await run.writeJson('manifest.json', {
    ocellus: version(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    backend: { backend: backend.backend, isa: backend.isa, threads: backend.threads },
    seed: settings.seed,
    epochs: settings.epochs,
    data: {
      folder: data.folder,
      fingerprint: data.fingerprint,
      train: data.train.length,
      val: data.val.length,
      classNames,
      trainCounts: dataset.trainCounts,
      valCounts: dataset.valCounts,
    },
    ...result,
    sha256: Object.fromEntries(
      await Promise.all(modelFiles.map(async (name) => [name, await digestOf(run.file(name))])),
    ),
  });
  const example = data.val[0]?.file ?? data.train[0]?.file ?? 'picture.png';
  io.say(`Trained in ${seconds.toFixed(0)} s; everything is in ${run.folder}. What to look at: ${report.file}`);
  io.say('\nTry next:');
  io.say(`  npx ocellus predict ${file} ${JSON.stringify(example)}`);
  io.say(`  npx ocellus evaluate ${file} ${JSON.stringify(data.folder)}`);
  io.emit('result', result);
  return report.data;
}

/** The best, and the last. */
const modelFiles = ['model.safetensors', 'last.safetensors'];

const digestOf = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
