// Files of arrays as data to train with.

import { createHash } from 'node:crypto';
import path from 'node:path';
import type { LabelledImages } from '../../data/idx.js';
import type { ArrayFiles } from '../data/array-files.js';
import { type Frames, frameArrays } from '../data/frames.js';
import { frameBatches } from './batches.js';
import { heldBack } from './hold-back.js';
import type { ListedImage, OpenOptions, TrainingData } from './images.js';

export function openArrays(place: string, files: ArrayFiles, options: OpenOptions): TrainingData {
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

export interface ArraySplit {
  readonly train: LabelledImages;
  readonly val: LabelledImages | undefined;
  readonly test: LabelledImages | undefined;
  readonly warnings: readonly string[];
}

/**
 * The parts that training has. Without one to check with this is the test set, or where a share is given (or there is no
 * test set) that share of each class.
 */
export function splitArrays({ train, val, test, classNames }: ArrayFiles, options: OpenOptions): ArraySplit {
  const { seed, validationSplit } = options;
  const own = val ?? (validationSplit === undefined ? test : undefined);
  if (own) return { train, val: own, test, warnings: [] };
  const held = heldBack(train.labels.data, classNames.length, validationSplit, seed);
  if (held.size === 0) {
    return { train, val: undefined, test, warnings: ['no images are held back: there is nothing to validate with'] };
  }
  const all = Uint32Array.from(train.labels.data, (_, index) => index);
  const part = (isHeld: boolean) =>
    chosen(
      train,
      all.filter((index) => held.has(index) === isHeld),
    );
  return { train: part(false), val: part(true), test, warnings: [] };
}

function chosen({ images, labels }: LabelledImages, indices: Uint32Array): LabelledImages {
  const [, ...shape] = images.shape;
  const size = shape.reduce((product, dim) => product * dim, 1);
  const data = new Uint8Array(indices.length * size);
  indices.forEach((index, i) => void data.set(images.data.subarray(index * size, (index + 1) * size), i * size));
  return {
    images: { data, shape: [indices.length, ...shape], dtype: 'uint8' },
    labels: {
      data: Int32Array.from(indices, (index) => labels.data[index]),
      shape: [indices.length],
      dtype: 'int32',
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
