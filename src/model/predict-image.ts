// Pictures in, names out: decoded in batches, so that a long list takes the memory of one batch.

import { check } from '../core/errors.js';
import type { Session } from '../train/session.js';
import { type PredictOptions, predict } from './predict.js';
import type { ImagePrediction, Preprocessing } from './preprocessing.js';

export interface PredictImageOptions extends PredictOptions {
  /** How many classes to tell of each picture. Default 5. */
  top?: number;
}

export async function rankImages(
  session: Session,
  preprocessing: Preprocessing | null,
  images: readonly (string | Uint8Array)[],
  { top = 5, batchSize = 32, signal }: PredictImageOptions,
): Promise<ImagePrediction[][]> {
  const where = 'predictImage';
  check(preprocessing, 'ERR_OCELLUS_STATE', () => ({
    where,
    expected: 'a model that knows how pictures become its input',
    got: 'one without preprocessing',
    help: 'model.setPreprocessing({ classNames }) says it; it is saved with the model',
  }));
  for (const [name, value] of Object.entries({ top, batchSize })) {
    check(Number.isSafeInteger(value) && value > 0, 'ERR_OCELLUS_OPTION', () => ({
      where: `${where}, option '${name}'`,
      expected: 'an integer of at least 1',
      got: value,
    }));
  }
  const outputs = session.outputs.map(({ shape }) => shape);
  check(outputs.length === 1 && outputs[0].length === 2, 'ERR_OCELLUS_STATE', () => ({
    where,
    expected: 'one output [batch, classes]',
    got: outputs.map((shape) => `[${['batch', ...shape.slice(1)].join(', ')}]`).join(' and '),
  }));
  const { classNames } = preprocessing.options;
  check(!classNames || classNames.length === outputs[0][1], 'ERR_OCELLUS_STATE', () => ({
    where,
    expected: `${outputs[0][1]} class names, one per output`,
    got: classNames?.length,
  }));
  const ranked: ImagePrediction[][] = [];
  for (let at = 0; at < images.length; at += batchSize) {
    const part = images.slice(at, at + batchSize);
    const [{ data, shape }] = await predict(session, await preprocessing.read(part), {
      batchSize,
      ...(signal && { signal }),
    });
    part.forEach((_, n) => {
      ranked.push(preprocessing.rank(data.subarray(n * shape[1], (n + 1) * shape[1]), top));
    });
  }
  return ranked;
}
