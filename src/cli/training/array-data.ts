// Files of arrays as data to train with.

import { createHash } from 'node:crypto';
import path from 'node:path';
import type { LabelledImages } from '../../data/idx.js';
import type { ArrayFiles } from '../data/array-files.js';
import { splitArrays } from '../data/array-split.js';
import { type Frames, frameArrays } from '../data/frames.js';
import type { HoldBackOptions } from '../data/hold-back.js';
import { frameBatches } from './batches.js';
import type { ListedImage, TrainingData } from './images.js';

export function openArrays(place: string, files: ArrayFiles, options: HoldBackOptions): TrainingData {
  const { classNames } = files;
  const { train, val, warnings } = splitArrays(files, options);
  const [, height, width, planes] = train.images.shape;
  const channels = planes === 1 ? 1 : 3;
  const stem = path.basename(place);
  const kept = new Map<number, Promise<[Frames, Frames | undefined]>>();
  const framesOf = async (imageSize: number): Promise<[Frames, Frames | undefined]> => {
    const shape = [imageSize, imageSize, channels] as const;
    const trainFrames = await frameArrays(train, `${stem} train`, shape);
    return [trainFrames, val && (await frameArrays(val, `${stem} val`, shape))];
  };
  return {
    folder: place,
    classNames,
    warnings,
    fingerprint: fingerprintOf(train, val),
    channels,
    train: listed(train, `${stem} train`, classNames),
    val: val ? listed(val, `${stem} val`, classNames) : [],
    facts: async () => ({
      images: train.labels.data.length,
      classes: classNames.length,
      channels,
      sizes: [[height, width]],
    }),
    async batches(settings) {
      const reading = kept.get(settings.imageSize) ?? framesOf(settings.imageSize);
      kept.set(settings.imageSize, reading);
      return frameBatches(...(await reading), settings);
    },
  };
}

const listed = ({ labels }: LabelledImages, name: string, classNames: readonly string[]): ListedImage[] =>
  Array.from(labels.data, (label, i) => ({ name: `${name} ${i}`, className: classNames[label] }));

/** SHA-256 of all pixels and labels. */
function fingerprintOf(...parts: readonly (LabelledImages | undefined)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    if (part)
      hash
        .update(part.images.data)
        .update(new Uint8Array(part.labels.data.buffer, part.labels.data.byteOffset, part.labels.data.byteLength));
  }
  return hash.digest('hex');
}
