// Pictures whose classes are known, as a model wants to see them, from one part of a data set.

import { OcellusError } from '../../core/errors.js';
import type { Dataset } from '../../data/dataset.js';
import type { DecodeImageOptions } from '../../data/image.js';
import { imageFolder } from '../../data/image-folder.js';
import type { Model } from '../../model/model.js';
import { type ArrayFiles, readArrayFiles } from './array-files.js';
import { splitArrays } from './array-split.js';
import { type Frames, frameArrays, inBatches } from './frames.js';
import type { HoldBackOptions } from './hold-back.js';
import { openParquet, type ParquetSets } from './parquet-files.js';

export type SplitChoice = 'train' | 'val' | 'test' | 'all';

export interface LabelledOptions extends HoldBackOptions {
  readonly split: SplitChoice;
  readonly batchSize: number;
  readonly onSkip: (file: string, reason: string) => void;
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
export async function openLabelled(place: string, input: ModelInput, options: LabelledOptions): Promise<Dataset> {
  const arrays = await readArrayFiles(place);
  const all = options.split === 'all' ? { ...options, validationSplit: 0 } : options;
  const tables = arrays ? undefined : await openParquet(place, all);
  const found = arrays
    ? await arrayPart(place, arrays, input, options)
    : tables
      ? await tablePart(place, tables, input, options)
      : await folderPart(place, input, all);
  if (found) return found;
  throw new OcellusError('ERR_OCELLUS_DATA', {
    where: place,
    expected: `a part '${options.split}'`,
    got: 'none',
    help: '--split names another part, or all',
  });
}

async function folderPart(folder: string, { shape, ...input }: ModelInput, options: LabelledOptions) {
  const { split, onSkip, batchSize, seed, validationSplit } = options;
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
  const numberOf = numbering(place, arrays.classNames, classNames);
  const labels = { ...part.labels, data: part.labels.data.map(numberOf) };
  return inBatches(await frameArrays({ ...part, labels }, split, shape), batchSize);
}

async function tablePart(
  place: string,
  tables: ParquetSets,
  { classNames, shape, ...input }: ModelInput,
  { split, batchSize, onSkip }: LabelledOptions,
) {
  const part = split === 'all' ? tables.train : tables[split];
  if (!part) return undefined;
  const numberOf = numbering(place, tables.classNames, classNames);
  const samples = await part.samples({
    ...input,
    size: [shape[0], shape[1]],
    channels: shape[2] as 1 | 3 | 4,
    onSkip: ({ file, reason }) => onSkip(file, reason),
  });
  return samples.map(({ x, y, file }) => ({ x, y: numberOf(y), file })).batch(batchSize);
}

/** A class's number in the data → its number in the model. */
function numbering(place: string, own: readonly string[], wanted: readonly string[]): (label: number) => number {
  const numbers = own.map((name) => wanted.indexOf(name));
  return (label) => {
    if (numbers[label] >= 0) return numbers[label];
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: place,
      expected: `the classes of the model: ${wanted.join(', ')}`,
      got: `'${own[label]}'`,
    });
  };
}
