// The end of a training: the best model is asked once more about the images held back, and the run says what it was.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { BackendInfo } from '../../backend/select.js';
import { load } from '../../model/load.js';
import { formatConfusion } from '../confusion.js';
import { evaluateImages } from '../evaluation.js';
import type { Io } from '../io.js';
import { version } from '../version.js';
import type { TrainingBatches, TrainingData } from './images.js';
import { drawConfusion } from './pictures.js';
import type { RunFolder } from './run-folder.js';
import type { Settings } from './settings.js';

export interface Finished {
  readonly data: TrainingData;
  readonly batches: TrainingBatches;
  readonly settings: Settings;
  /** That the training took. */
  readonly seconds: number;
  /** File of the best model. */
  readonly model: string;
  readonly backend: BackendInfo;
}

/** Most classes whose confusion is printed; the picture has them all. */
const printed = 20;

export async function finishRun(io: Io, run: RunFolder, finished: Finished): Promise<void> {
  const { data, batches, settings, seconds, model: file, backend } = finished;
  const { classNames } = data;
  const result: Record<string, unknown> = { run: run.folder, model: file, seconds: round(seconds, 2) };
  if (batches.val) {
    const model = await load(file, { backend: backend.backend, threads: backend.threads });
    const { accuracy, confusion } = await evaluateImages(model, batches.val, classNames.length);
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
    data: {
      folder: data.folder,
      fingerprint: data.fingerprint,
      train: data.train.length,
      val: data.val.length,
      classNames,
    },
    ...result,
    sha256: {
      [path.basename(file)]: createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    },
  });
  const example = data.val[0]?.file ?? data.train[0]?.file ?? 'picture.png';
  io.say(`Trained in ${seconds.toFixed(0)} s; everything is in ${run.folder}.\n\nTry next:`);
  io.say(`  npx ocellus predict ${file} ${JSON.stringify(example)}`);
  io.say(`  npx ocellus evaluate ${file} ${JSON.stringify(data.folder)}`);
  io.emit('result', result);
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
