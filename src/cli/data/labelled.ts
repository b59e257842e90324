// Pictures whose classes are known, as a model wants to see them, from one part of a data set.

import { OcellusError } from '../../core/errors.js';
import type { DecodeImageOptions } from '../../data/image.js';
import { imageFolder } from '../../data/image-folder.js';
import type { Model } from '../../model/model.js';
import { splitArrays } from '../training/array-data.js';
import type { OnSkip, OpenOptions, TrainingBatches } from '../training/images.js';
import { type ArrayFiles, readArrayFiles } from './array-files.js';
import { type Frames, frameArrays, inBatches } from './frames.js';

export type SplitChoice = 'train' | 'val' | 'test' | 'all';

export interface LabelledOptions extends OpenOptions {
  readonly split: SplitChoice;
  readonly batchSize: number;
  readonly onSkip: OnSkip;
}

/** What a model says about pictures: the names of its classes, and how they become its input. */
export interface ModelInput extends Pick<DecodeImageOptions, 'fit' | 'interpolation'> {
  readonly classNames: readonly string[];
  readonly shape: Frames['shape'];
}

/** @throws OcellusError ERR_OCELLUS_STATE when the model does not say it */
export function inputOf(model: Model, where: string): ModelInput {
  const { classNames, fit, interpolation } = model.preprocessing ?? {};
  const [height, width, channels] = model.network.inputs[0]?.shape ?? [];
  if (!classNames || !height || !width || !channels) {
    throw new OcellusError('ERR_OCELLUS_STATE', {
      where,
      expected: 'a model that knows its classes and how pictures become its input',
      got: 'one without preprocessing',
      help: '`ocellus train` writes such files; model.setPreprocessing says it of others',
    });
  }
  return { classNames, shape: [height, width, channels], ...(fit && { fit }), ...(interpolation && { interpolation }) };
}

/** @throws OcellusError ERR_OCELLUS_DATA (no such part, a class that the model does not have) */
export async function openLabelled(
  place: string,
  input: ModelInput,
  options: LabelledOptions,
): Promise<NonNullable<TrainingBatches['val']>> {
  const arrays = await readArrayFiles(place);
  const found = arrays ? await arrayPart(place, arrays, input, options) : await folderPart(place, input, options);
  if (found) return found;
  throw new OcellusError('ERR_OCELLUS_DATA', {
    where: place,
    expected: `a part '${options.split}'`,
    got: 'none',
    help: '--split names another part, or all',
  });
}

async function folderPart(folder: string, { shape, ...input }: ModelInput, options: LabelledOptions) {
  const { split, onSkip, batchSize, seed } = options;
  const validationSplit = split === 'all' ? 0 : options.validationSplit;
  const found = await imageFolder(folder, {
    ...input,
    size: [shape[0], shape[1]],
    channels: shape[2] as 1 | 3 | 4,
    batchSize,
    seed,
    shuffle: false,
    ...(validationSplit !== undefined && { validationSplit }),
    onSkip: ({ file, reason }) => onSkip(file, reason),
  });
  return split === 'all' ? found.train : found[split];
}

async function arrayPart(
  place: string,
  arrays: ArrayFiles,
  { classNames, shape }: ModelInput,
  options: LabelledOptions,
) {
  const { split, batchSize } = options;
  const part = split === 'all' ? arrays.train : splitArrays(arrays, options)[split];
  if (!part) return undefined;
  const numbers = arrays.classNames.map((name) => classNames.indexOf(name));
  const labels = part.labels.data.map((label) => {
    if (numbers[label] >= 0) return numbers[label];
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: place,
      expected: `the classes of the model: ${classNames.join(', ')}`,
      got: `'${arrays.classNames[label]}'`,
    });
  });
  const frames = await frameArrays({ ...part, labels: { ...part.labels, data: labels } }, split, shape);
  return inBatches(frames, batchSize);
}
