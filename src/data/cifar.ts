// The binary files of CIFAR-10 and CIFAR-100 (A. Krizhevsky): records of one or two label bytes and 32x32 pixels, all red
// ones first, then green, then blue.

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { check, checkName, checkOptions, OcellusError } from '../core/errors.js';
import { readBytes, unpacked } from './file.js';
import type { LabelledImages } from './idx.js';

export interface Cifar100Options {
  /** The 100 classes or the 20 groups of them. Default 'fine'. */
  readonly labels?: 'fine' | 'coarse';
}

/** What a folder of CIFAR-10 holds. */
export interface Cifar10 {
  readonly train: LabelledImages;
  /** Undefined where there is no test_batch. */
  readonly test: LabelledImages | undefined;
  readonly classNames: readonly string[];
}

const side = 32;
const plane = side * side;
const labelBytes = { fine: 1, coarse: 0 };
const classes10 = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/**
 * Decodes records of CIFAR-10 in memory. `where` opens the error messages.
 *
 * @returns images [n, 32, 32, 3] as uint8 and labels [n] as int32
 * @throws OcellusError ERR_OCELLUS_FORMAT when it is not a whole number of records, or a label is none
 *
 * @example
 * const { images, labels } = decodeCifar10(new Uint8Array(2 * 3073));
 * images.shape; // [2, 32, 32, 3]
 */
export function decodeCifar10(bytes: Uint8Array, where = 'decodeCifar10'): LabelledImages {
  return decodeRecords(bytes, where, { labels: 1, labelAt: 0, classes: 10 });
}

/**
 * Decodes records of CIFAR-100 in memory, as `decodeCifar10`.
 *
 * @example
 * decodeCifar100(new Uint8Array(3074), { labels: 'coarse' }).labels.data.length; // 1
 */
export function decodeCifar100(
  bytes: Uint8Array,
  options: Cifar100Options = {},
  where = 'decodeCifar100',
): LabelledImages {
  checkOptions('decodeCifar100', options, ['labels']);
  const { labels = 'fine' } = options;
  const labelAt = checkName("decodeCifar100, option 'labels'", labels, labelBytes);
  return decodeRecords(bytes, where, { labels: 2, labelAt, classes: labels === 'fine' ? 100 : 20 });
}

/**
 * Reads a file of CIFAR-10, or several as one, gzipped or not.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT | ERR_OCELLUS_DATA (cannot be read)
 *
 * @example
 * const { images } = await readCifar10('cifar10/data_batch_1.bin.gz');
 * images.shape; // [10000, 32, 32, 3]
 */
export function readCifar10(files: string | readonly string[]): Promise<LabelledImages> {
  return readRecords([files].flat(), decodeCifar10);
}

/**
 * Reads a file of CIFAR-100 (train.bin, test.bin), gzipped or not.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT | ERR_OCELLUS_DATA (cannot be read)
 *
 * @example
 * const { writeFile } = await import('node:fs/promises');
 * await writeFile('train.bin', new Uint8Array(5 * 3074));
 * const { images } = await readCifar100('train.bin', { labels: 'coarse' });
 * images.shape; // [5, 32, 32, 3]
 */
export function readCifar100(file: string, options: Cifar100Options = {}): Promise<LabelledImages> {
  return readRecords([file], (bytes, where) => decodeCifar100(bytes, options, where));
}

/**
 * Reads the files `data_batch_1.bin` … and `test_batch.bin` that a folder has, gzipped or not.
 *
 * @throws OcellusError ERR_OCELLUS_DATA (there is no data_batch) | ERR_OCELLUS_FORMAT
 *
 * @example
 * const { train, classNames } = await loadCifar10('cifar10');
 * classNames[9]; // 'truck'
 */
export async function loadCifar10(folder: string): Promise<Cifar10> {
  const names = await readdir(folder).catch((cause) => {
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: `loadCifar10: ${folder}`,
      expected: 'a folder with the files of CIFAR-10',
      got: cause.message,
      cause,
    });
  });
  const find = (pattern: RegExp) => names.filter((name) => pattern.test(name)).sort();
  const batches = find(/^data_batch_\d+\.bin(\.gz)?$/);
  check(batches.length > 0, 'ERR_OCELLUS_DATA', () => ({
    where: `loadCifar10: ${folder}`,
    expected: 'files data_batch_1.bin, with or without .gz',
    got: names.slice(0, 12).join(', ') || 'an empty folder',
  }));
  const [test] = find(/^test_batch\.bin(\.gz)?$/);
  return {
    train: await readCifar10(batches.map((name) => path.join(folder, name))),
    test: test ? await readCifar10(path.join(folder, test)) : undefined,
    classNames: classes10,
  };
}

interface RecordLayout {
  /** Label bytes of a record, and the one that counts. */
  readonly labels: number;
  readonly labelAt: number;
  readonly classes: number;
}

function decodeRecords(bytes: Uint8Array, where: string, { labels, labelAt, classes }: RecordLayout): LabelledImages {
  const record = labels + 3 * plane;
  check(bytes.byteLength > 0 && bytes.byteLength % record === 0, 'ERR_OCELLUS_FORMAT', () => ({
    where,
    expected: `a multiple of ${record} bytes, records of an image each`,
    got: `${bytes.byteLength} bytes`,
    help: labels === 1 ? 'CIFAR-100 has records of 3074 bytes: decodeCifar100' : undefined,
  }));
  const count = bytes.byteLength / record;
  const pixels = new Uint8Array(count * 3 * plane);
  const numbers = new Int32Array(count);
  for (let image = 0; image < count; image++) {
    const start = image * record;
    const label = bytes[start + labelAt];
    check(label < classes, 'ERR_OCELLUS_FORMAT', () => ({
      where: `${where}: image ${image}`,
      expected: `a label from 0 to ${classes - 1}`,
      got: label,
    }));
    numbers[image] = label;
    const from = start + labels;
    const to = image * 3 * plane;
    for (let i = 0; i < plane; i++) {
      pixels[to + 3 * i] = bytes[from + i];
      pixels[to + 3 * i + 1] = bytes[from + plane + i];
      pixels[to + 3 * i + 2] = bytes[from + 2 * plane + i];
    }
  }
  return {
    images: { data: pixels, shape: [count, side, side, 3], dtype: 'uint8' },
    labels: { data: numbers, shape: [count], dtype: 'int32' },
  };
}

async function readRecords(
  files: readonly string[],
  decode: (bytes: Uint8Array, where: string) => LabelledImages,
): Promise<LabelledImages> {
  check(files.length > 0, 'ERR_OCELLUS_ARGUMENT', () => ({ where: 'readCifar10', expected: 'files', got: 'none' }));
  const parts: LabelledImages[] = [];
  for (const file of files) parts.push(decode(await unpacked(await readBytes(file, 'a CIFAR file'), file), file));
  if (parts.length === 1) return parts[0];
  const count = parts.reduce((sum, { labels }) => sum + labels.data.length, 0);
  const pixels = new Uint8Array(count * 3 * plane);
  const numbers = new Int32Array(count);
  let at = 0;
  for (const { images, labels } of parts) {
    pixels.set(images.data, at * 3 * plane);
    numbers.set(labels.data, at);
    at += labels.data.length;
  }
  return {
    images: { data: pixels, shape: [count, side, side, 3], dtype: 'uint8' },
    labels: { data: numbers, shape: [count], dtype: 'int32' },
  };
}
