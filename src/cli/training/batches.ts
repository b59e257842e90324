// Batches to train and to check with: in memory where all pictures fit, changed anew in every epoch.

import type { TensorView } from '../../core/dtype.js';
import { hashName, Random } from '../../core/random.js';
import type { ImageSample } from '../../data/decoding.js';
import type { Pipeline } from '../../data/pipeline.js';
import { type Frames, inBatches } from '../data/frames.js';
import type { BatchSettings, TrainingBatches } from './images.js';
import { drawSheet } from './pictures.js';
import { augmentationOf } from './settings.js';

/** Pictures on the sheet of the first batch. */
const shown = 32;

/** Of pictures in memory: an order of its own for each epoch, whole batches changed at once. */
export function frameBatches(train: Frames, val: Frames | undefined, settings: BatchSettings): TrainingBatches {
  const { batchSize, seed } = settings;
  const augmentation = augmentationOf(settings);
  const orderOf = (epoch: number) =>
    new Random(seed, (hashName('train') + epoch) >>> 0).shuffle(Uint32Array.from(train.labels, (_, i) => i));
  const ordered = inBatches(train, batchSize, orderOf);
  const changed = augmentation
    ? ordered.map(({ x, y, file, indices }, { epoch }) => ({
        ...augmentation.applyBatch({ x }, { seed, epoch, indices }),
        y,
        file,
      }))
    : ordered;
  return withDrawing(changed.prefetch(2), val && inBatches(val, batchSize).prefetch(1));
}

/** Of pictures that are decoded when they are asked for. */
export function streamedBatches(
  train: Pipeline<ImageSample>,
  val: Pipeline<ImageSample> | undefined,
  settings: BatchSettings,
): TrainingBatches {
  const { batchSize, seed } = settings;
  const augmentation = augmentationOf(settings);
  const changed = train.map(({ x, y, file }, place) => ({
    x: augmentation ? augmentation.apply(x, { seed, ...place }) : x,
    y,
    file,
  }));
  return withDrawing(changed.batch(batchSize).prefetch(2), val?.batch(batchSize).prefetch(1));
}

type Values = Omit<TensorView, 'dtype'>;

interface Pictures {
  readonly x: Values;
  readonly y: Values;
}

function withDrawing(train: Pipeline<Pictures>, val: TrainingBatches['val']): TrainingBatches {
  return {
    train,
    val,
    async drawFirst(file) {
      for await (const { x } of train.iterate(0)) {
        const [count, ...shape] = x.shape;
        const size = x.data.length / count;
        const pixels = x.data as Uint8Array;
        const picture = (i: number) => ({ data: pixels.subarray(i * size, (i + 1) * size), shape });
        await drawSheet(
          Array.from({ length: Math.min(count, shown) }, (_, i) => picture(i)),
          file,
        );
        return;
      }
    },
  };
}
