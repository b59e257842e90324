// A folder of class folders as data to train with: parts, classes, and what may be wrong with it.

import { createHash } from 'node:crypto';
import { check } from '../core/errors.js';
import { hashName, Random } from '../core/random.js';
import {
  checkReadOptions,
  ImageReader,
  type ReadImagesOptions,
  readOptionNames,
  type SkippedImage,
} from './decoding.js';
import { checkDecodeOptions } from './image.js';
import { ImageSet } from './image-set.js';
import { wholeNumber } from './run.js';
import { byCodeUnits, findImages, type ImageFile, type SplitName } from './scan.js';
import { loadSharp } from './sharp.js';

export interface ImageFolderOptions extends ReadImagesOptions {
  /** Leave out a last batch that is not full, in training. Default false. */
  readonly dropRemainder?: boolean;
  /** Train in a seeded order, another one each epoch. Default true; the other parts go by name. */
  readonly shuffle?: boolean;
  /** Decides the order and, where there is no folder val, which images are held back. Default 0. */
  readonly seed?: number;
  /** Share of each class that is held back for `val` where there is no such folder; 0: none. Default 0.2. */
  readonly validationSplit?: number;
  /** Classes in the order of their numbers; others are left out. Default: all, by name. */
  readonly classNames?: readonly string[];
}

/** What `imageFolder` finds. */
export interface ImageFolder {
  /** The names of the classes; the number of a class is its place. */
  readonly classNames: readonly string[];
  readonly train: ImageSet;
  /** Undefined where there is none: no folder val, and nothing held back. */
  readonly val: ImageSet | undefined;
  /** Undefined where there is no folder test. */
  readonly test: ImageSet | undefined;
  /** Files that could not be decoded up to now. */
  readonly skipped: readonly SkippedImage[];
  /** What may be a mistake, in words: empty folders, one class only, a class that val does not have. */
  readonly warnings: readonly string[];
  /** SHA-256 of the names and sizes of all files. */
  readonly fingerprint: string;
}

const optionNames = [...readOptionNames, ...['dropRemainder', 'shuffle', 'seed', 'validationSplit', 'classNames']];

/**
 * Pictures in class folders: `cat/1.jpg`, `dog/2.jpg`, …, or such folders in `train`, `val` and `test`. Without `val` a
 * part of each class is held back, chosen by the seed. Only names are read here: pictures are decoded when a batch is
 * asked for, a few at a time, and never kept (`train.samples.cache()` keeps them). Needs the package `sharp`.
 *
 * Files that turn out to be corrupt are passed over and told, or fatal (`onError: 'throw'`); `size` of the parts still
 * counts them.
 *
 * @throws OcellusError ERR_OCELLUS_DATA (no folder, no images in class folders, sharp is absent) | ERR_OCELLUS_OPTION |
 * ERR_OCELLUS_FORMAT (while reading, with `onError: 'throw'`)
 *
 * @example
 * const { classNames, train, val } = await imageFolder('photos', { size: 32, batchSize: 8 });
 * classNames; // ["cat", "dog"]
 * train.counts; // { "cat": 8, "dog": 8 }
 * for await (const { x, y } of train) console.log(x.shape, y.data); // [8, 32, 32, 3] bytes, 8 class numbers
 */
export async function imageFolder(path: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  checkFolderOptions(path, options);
  const { validationSplit = 0.2, seed = 0, shuffle = true, dropRemainder = false, classNames: wanted } = options;
  await loadSharp();
  const { splits, warnings: found } = await findImages(path);
  const all = Object.values(splits).flat();
  const present = [...new Set(all.map(({ className }) => className))].sort(byCodeUnits);
  const classNames = wanted ?? present;
  for (const name of classNames) {
    check(present.includes(name), 'ERR_OCELLUS_DATA', () => ({
      where: `${path}: classNames`,
      expected: `names of class folders with images: ${present.join(', ')}`,
      got: `'${name}'`,
    }));
  }
  const known = new Set(classNames);
  const ofClasses = (files: readonly ImageFile[]) => files.filter(({ className }) => known.has(className));
  let train = ofClasses(splits.train ?? []);
  let val = splits.val && ofClasses(splits.val);
  if (!val && validationSplit > 0) [train, val] = holdBack(train, validationSplit, seed);

  check(train.length > 0, 'ERR_OCELLUS_DATA', () => ({ where: path, expected: 'images to train with', got: 'none' }));
  const reader = new ImageReader('imageFolder', options);
  const fixed = { classNames, dropRemainder: false, shuffleSeed: undefined, reader };
  const make = (files: readonly ImageFile[] | undefined): ImageSet | undefined =>
    files && files.length > 0 ? new ImageSet(files, fixed) : undefined;
  const sets = {
    train: new ImageSet(train, { ...fixed, dropRemainder, shuffleSeed: shuffle ? seed : undefined }),
    val: make(val),
    test: make(splits.test && ofClasses(splits.test)),
  };
  return {
    classNames,
    ...sets,
    get skipped() {
      return reader.skipped;
    },
    warnings: [...found, ...doubts(sets, classNames)],
    fingerprint: fingerprintOf(all),
  };
}

/** Some of each class, at least one where there are two. */
function holdBack(files: readonly ImageFile[], share: number, seed: number): [ImageFile[], ImageFile[]] {
  const held = new Set<ImageFile>();
  const classes = new Map<string, ImageFile[]>();
  for (const file of files) {
    const own = classes.get(file.className);
    if (own) own.push(file);
    else classes.set(file.className, [file]);
  }
  for (const [name, own] of classes) {
    const count = Math.min(Math.max(Math.round(own.length * share), 1), own.length - 1);
    const order = new Random(seed, hashName(`imageFolder/${name}`)).shuffle(own.map((_, index) => index));
    for (const index of order.slice(0, count)) held.add(own[index]);
  }
  return [files.filter((file) => !held.has(file)), files.filter((file) => held.has(file))];
}

function doubts(sets: Partial<Record<SplitName, ImageSet | undefined>>, classNames: readonly string[]): string[] {
  const lines = classNames.length === 1 ? [`there is one class only, '${classNames[0]}': nothing to tell apart`] : [];
  if (!sets.val) lines.push('no images are held back: there is nothing to validate with');
  for (const [split, set] of Object.entries(sets)) {
    const missing = set ? classNames.filter((name) => set.counts[name] === 0) : [];
    if (missing.length > 0) lines.push(`${split} has no images of ${missing.map((name) => `'${name}'`).join(', ')}`);
  }
  return lines;
}

function fingerprintOf(files: readonly ImageFile[]): string {
  const hash = createHash('sha256');
  for (const { name, bytes } of [...files].sort((a, b) => byCodeUnits(a.name, b.name)))
    hash.update(`${name}\0${bytes}\n`);
  return hash.digest('hex');
}

function checkFolderOptions(path: string, options: ImageFolderOptions): void {
  const where = 'imageFolder';
  check(typeof path === 'string' && path !== '', 'ERR_OCELLUS_ARGUMENT', () => ({
    where,
    expected: 'the path of a folder',
    got: path,
  }));
  checkDecodeOptions(where, options, optionNames);
  checkReadOptions(where, options);
  const { seed = 0, validationSplit = 0, classNames = ['any'] } = options;
  wholeNumber(`${where}, option 'seed'`, seed, 0);
  const rule = (name: string, holds: boolean, expected: string, got: unknown) =>
    check(holds, 'ERR_OCELLUS_OPTION', () => ({ where: `${where}, option '${name}'`, expected, got }));
  rule(
    'validationSplit',
    validationSplit >= 0 && validationSplit < 1,
    'a number from 0 up to, not including, 1',
    validationSplit,
  );
  const areNames = Array.isArray(classNames) && classNames.length > 0 && new Set(classNames).size === classNames.length;
  rule('classNames', areNames, 'a list of different names', classNames);
}
