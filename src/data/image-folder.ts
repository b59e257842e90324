// A folder of class folders as data to train with: parts, classes, and what may be wrong with it.

import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { check, type OcellusError } from '../core/errors.js';
import { hashName, Random } from '../core/random.js';
import { checkDecodeOptions, type DecodeImageOptions, decodeOptionNames, loadSharp } from './image.js';
import { ImageSet, type ImageSetOptions, type SkippedImage } from './image-set.js';
import { wholeNumber } from './run.js';
import { byCodeUnits, findImages, type ImageFile, type SplitName } from './scan.js';

export interface ImageFolderOptions extends DecodeImageOptions {
  /** Height and width of all images; one number: both. Default 224. */
  readonly size?: number | readonly [height: number, width: number];
  /** Images in a batch. Default 32. */
  readonly batchSize?: number;
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
  /** What to do with files that cannot be decoded. Default 'skip', and tell. */
  readonly onError?: 'skip' | 'throw';
  /** Hears of every file that is skipped. Default: a warning of the process for each of the first five. */
  readonly onSkip?: (skipped: SkippedImage) => void;
  /** Images decoded at the same time. Default: as many as there are processors. */
  readonly numParallelCalls?: number;
  /** Batches made ahead. Default 2. */
  readonly prefetch?: number;
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

const optionNames = [
  ...decodeOptionNames,
  'batchSize',
  'dropRemainder',
  'shuffle',
  'seed',
  'validationSplit',
  'classNames',
  'onError',
  'onSkip',
  'numParallelCalls',
  'prefetch',
];

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
  const { validationSplit = 0.2, seed = 0, classNames: wanted } = options;
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
  const skipped = new Map<string, SkippedImage>();
  const shared = setOptions(options, classNames, skipped);
  const make = (files: readonly ImageFile[] | undefined): ImageSet | undefined =>
    files && files.length > 0 ? new ImageSet(files, { ...shared, shuffle: false, dropRemainder: false }) : undefined;
  const sets = {
    train: new ImageSet(train, shared),
    val: make(val),
    test: make(splits.test && ofClasses(splits.test)),
  };
  return {
    classNames,
    ...sets,
    get skipped() {
      return [...skipped.values()];
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

function setOptions(
  options: ImageFolderOptions,
  classNames: readonly string[],
  skipped: Map<string, SkippedImage>,
): ImageSetOptions {
  const decode = Object.fromEntries(Object.entries(options).filter(([name]) => decodeOptionNames.includes(name)));
  const { size = 224, batchSize = 32, dropRemainder = false, shuffle = true, seed = 0, prefetch = 2 } = options;
  const { onError = 'skip', onSkip, numParallelCalls = Math.max(2, availableParallelism()) } = options;
  const tell = onSkip ?? (({ reason }) => skipped.size <= toldByDefault && process.emitWarning(`skipped ${reason}`));
  const skip = (image: ImageFile, error: OcellusError) => {
    if (onError === 'throw') throw error;
    if (skipped.has(image.file)) return;
    const entry = { file: image.name, reason: error.message };
    skipped.set(image.file, entry);
    tell(entry);
  };
  const isSkipped = ({ file }: ImageFile) => skipped.has(file);
  const reading = { batchSize, dropRemainder, shuffle, seed, numParallelCalls, prefetch, skip, isSkipped };
  return { decode: { ...decode, size }, classNames, ...reading };
}

const toldByDefault = 5;

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
  const {
    batchSize = 1,
    seed = 0,
    numParallelCalls = 1,
    prefetch = 0,
    validationSplit = 0,
    onError = 'skip',
  } = options;
  const { classNames = ['any'] } = options;
  for (const [name, value, least] of [
    ['batchSize', batchSize, 1],
    ['seed', seed, 0],
    ['numParallelCalls', numParallelCalls, 1],
    ['prefetch', prefetch, 0],
  ] as const) {
    wholeNumber(`${where}, option '${name}'`, value, least);
  }
  const rule = (name: string, holds: boolean, expected: string, got: unknown) =>
    check(holds, 'ERR_OCELLUS_OPTION', () => ({ where: `${where}, option '${name}'`, expected, got }));
  rule(
    'validationSplit',
    validationSplit >= 0 && validationSplit < 1,
    'a number from 0 up to, not including, 1',
    validationSplit,
  );
  rule('onError', onError === 'skip' || onError === 'throw', "'skip' or 'throw'", onError);
  const areNames = Array.isArray(classNames) && classNames.length > 0 && new Set(classNames).size === classNames.length;
  rule('classNames', areNames, 'a list of different names', classNames);
}
