// Data sets that are kept in files of arrays: CIFAR-10 and -100, the MNIST family, NumPy's npz.

import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { TensorView } from '../../core/dtype.js';
import { check, OcellusError } from '../../core/errors.js';
import { loadCifar10, readCifar100 } from '../../data/cifar.js';
import { type LabelledImages, readIdxPair } from '../../data/idx.js';
import { readNpz } from '../../data/npz.js';

export interface ArrayFiles {
  readonly train: LabelledImages;
  readonly val: LabelledImages | undefined;
  readonly test: LabelledImages | undefined;
  readonly classNames: readonly string[];
}

type Parts = Omit<ArrayFiles, 'classNames'>;

/** Files that name the classes, a line each, beside the data. */
const nameFiles = ['batches.meta.txt', 'fine_label_names.txt', 'classes.txt', 'labels.txt'];

/**
 * Reads such a data set whole; undefined where `place` is none, but perhaps a folder of pictures.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT | ERR_OCELLUS_DATA (a part is missing)
 */
export async function readArrayFiles(place: string): Promise<ArrayFiles | undefined> {
  const isNpz = /\.npz$/i.test(place);
  const folder = isNpz ? path.dirname(place) : place;
  const names = await readdir(folder).catch(() => [] as string[]);
  const find = (pattern: RegExp): string | undefined => {
    const name = names.find((one) => pattern.test(one));
    return name && path.join(folder, name);
  };
  const parts = isNpz
    ? npzParts(await readNpz(place), place)
    : ((await readCifarFolder(folder, find)) ?? (await readIdxFolder(find)));
  if (!parts) return undefined;
  return { ...parts, classNames: await classNamesOf(folder, names, parts) };
}

type Find = (pattern: RegExp) => string | undefined;

async function readCifarFolder(folder: string, find: Find): Promise<Parts | undefined> {
  if (find(/^data_batch_\d+\.bin(\.gz)?$/)) {
    const { train, test } = await loadCifar10(folder);
    return { train, val: undefined, test };
  }
  const [train, test] = [find(/^train\.bin(\.gz)?$/), find(/^test\.bin(\.gz)?$/)];
  if (!train) return undefined;
  return { train: await readCifar100(train), val: undefined, test: test ? await readCifar100(test) : undefined };
}

async function readIdxFolder(find: Find): Promise<Parts | undefined> {
  const pair = async (part: string): Promise<LabelledImages | undefined> => {
    const images = find(new RegExp(`^${part}-images[.-]idx3-ubyte(\\.gz)?$`));
    if (!images) return undefined;
    const labels = find(new RegExp(`^${part}-labels[.-]idx1-ubyte(\\.gz)?$`));
    if (labels) return readIdxPair(images, labels);
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: images,
      expected: `a file ${part}-labels-idx1-ubyte beside it`,
      got: 'none',
    });
  };
  const train = await pair('train');
  return train && { train, val: undefined, test: await pair('t10k') };
}

/** Names that arrays of a part have in npz files. */
const arrayNames = (part: string, alone: boolean) => ({
  images: [`x_${part}`, `${part}_images`, ...(alone ? ['x', 'images'] : [])],
  labels: [`y_${part}`, `${part}_labels`, ...(alone ? ['y', 'labels'] : [])],
});

function npzParts(arrays: Readonly<Record<string, TensorView>>, file: string): Parts {
  const part = (name: string, alone = false): LabelledImages | undefined => {
    const known = arrayNames(name, alone);
    const [images, labels] = [known.images, known.labels].map((list) => list.find((one) => Object.hasOwn(arrays, one)));
    if (!images || !labels) return undefined;
    return labelled(arrays[images], arrays[labels], `${file}: ${images}`, `${file}: ${labels}`);
  };
  const train = part('train', true);
  check(train, 'ERR_OCELLUS_DATA', () => ({
    where: file,
    expected: 'arrays x_train and y_train (and x_test, y_test), train_images and train_labels, or x and y',
    got: Object.keys(arrays).join(', '),
  }));
  return { train, val: part('val'), test: part('test') };
}

function labelled(x: TensorView, y: TensorView, xName: string, yName: string): LabelledImages {
  const [count, ...rest] = x.shape;
  const shape = rest.length === 2 ? [...rest, 1] : rest;
  check(count > 0 && shape.length === 3 && (shape[2] === 1 || shape[2] === 3), 'ERR_OCELLUS_DATA', () => ({
    where: xName,
    expected: 'pictures [n, height, width] or [n, height, width, 1 or 3]',
    got: `[${x.shape.join(', ')}]`,
  }));
  check(y.data.length === count && y.shape[0] === count, 'ERR_OCELLUS_DATA', () => ({
    where: yName,
    expected: `${count} class numbers, one for each picture`,
    got: `[${y.shape.join(', ')}]`,
  }));
  const wrong = y.data.findIndex((label) => !Number.isSafeInteger(label) || label < 0);
  check(wrong < 0, 'ERR_OCELLUS_DATA', () => ({
    where: `${yName}: element ${wrong}`,
    expected: 'a class number from 0',
    got: y.data[wrong],
  }));
  return {
    images: { data: toBytes(x.data, xName), shape: [count, ...shape], dtype: 'uint8' },
    labels: { data: Int32Array.from(y.data), shape: [count], dtype: 'int32' },
  };
}

/** Pixels from 0 to 255, or from 0 to 1, as bytes. */
function toBytes(values: TensorView['data'], where: string): Uint8Array {
  if (values instanceof Uint8Array) return values;
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    check(value >= 0 && value <= 255, 'ERR_OCELLUS_DATA', () => ({
      where: `${where}: element ${i}`,
      expected: 'a pixel from 0 to 255, or from 0 to 1',
      got: value,
    }));
    if (value > most) most = value;
  }
  const scale = most <= 1 && values instanceof Float32Array ? 255 : 1;
  return Uint8Array.from(values, (value) => value * scale + 0.5);
}

async function classNamesOf(folder: string, names: readonly string[], parts: Parts): Promise<readonly string[]> {
  let most = 0;
  for (const part of [parts.train, parts.val, parts.test]) {
    for (const label of part?.labels.data ?? []) if (label > most) most = label;
  }
  check(most < mostClasses, 'ERR_OCELLUS_DATA', () => ({
    where: folder,
    expected: `class numbers below ${mostClasses}`,
    got: most,
  }));
  const file = nameFiles.find((name) => names.includes(name));
  if (!file) return Array.from({ length: most + 1 }, (_, label) => String(label));
  const where = path.join(folder, file);
  check((await stat(where)).size <= 2 ** 20, 'ERR_OCELLUS_DATA', () => ({
    where,
    expected: 'names of classes, a line each, in at most a megabyte',
    got: 'more',
  }));
  const lines = (await readFile(where, 'utf8')).split('\n').map((line) => line.trim());
  const told = lines.filter((line) => line !== '');
  check(told.length > most && new Set(told).size === told.length, 'ERR_OCELLUS_DATA', () => ({
    where,
    expected: `${most + 1} different names or more, one for each class, a line each`,
    got: told.length,
  }));
  return told;
}

const mostClasses = 10_000;
