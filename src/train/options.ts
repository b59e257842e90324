// The options of fit and evaluate: their types, their checks, and the sources of batches they describe.

import { check, checkOptions } from '../core/errors.js';
import {
  ArrayDataset,
  type Batch,
  type Dataset,
  isDataset,
  type ModelData,
  type SampleWeight,
  splitDataset,
} from '../data/dataset.js';
import type { Network } from '../nn/network.js';
import { type TargetSpec, toDataset, toInputs, toTargets } from './adapter.js';
import type { Callback } from './events.js';
import type { ProgressStream, Verbosity } from './progress.js';
import { arraySource, datasetSource, type Feed, type Source, tensorFeed } from './source.js';
import { type WeightingOptions, weightsOf } from './weighting.js';

/** Samples, targets and, if need be, weights of the samples: a list, an object, or a dataset. */
export type ValidationData = readonly [x: ModelData, y: ModelData, sampleWeight?: SampleWeight] | Batch | Dataset;

export interface EvaluateOptions extends Pick<WeightingOptions, 'sampleWeight'> {
  /** Samples per step; a dataset has its own. Default 32. */
  batchSize?: number;
  /** Stops within one batch; the call rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** 'auto': a bar on a terminal, one line per epoch elsewhere; 0: nothing. Default 'auto' for fit, else 0. */
  verbose?: Verbosity;
  /** Where progress is shown. Default process.stdout. */
  stream?: ProgressStream;
}

export interface FitOptions extends EvaluateOptions, WeightingOptions {
  /** Train until this many epochs are done. Default 1. */
  epochs?: number;
  /** Number of the first epoch, counted from 0. Default 0. */
  initialEpoch?: number;
  /** Evaluated after every epoch. */
  validationData?: ValidationData;
  /** Share of the samples, taken from the end before shuffling, to validate with. Default 0. */
  validationSplit?: number;
  /** Another order of samples in every epoch; a dataset has its own. Default true. */
  shuffle?: boolean;
  /** Seed of the order and of dropout. Default: the model's. */
  seed?: number;
  callbacks?: readonly Callback[];
}

const evaluateNames = ['batchSize', 'signal', 'verbose', 'stream', 'sampleWeight'];
const fitNames = [
  'epochs',
  ...evaluateNames,
  'initialEpoch',
  'validationData',
  'validationSplit',
  'shuffle',
  'seed',
  'callbacks',
  'classWeight',
];

/** What data are checked against. */
export interface DataContext {
  readonly network: Network;
  readonly targets: readonly TargetSpec[];
}

export interface FitSetup {
  readonly source: Source;
  readonly validation: Source | undefined;
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly callbacks: readonly Callback[];
  readonly signal: AbortSignal | undefined;
  readonly seed: number;
}

/** Checks the options of fit by name and value; data come later. */
export function checkFitOptions(options: FitOptions): void {
  checkOptions('fit', options, fitNames);
  checkShared('fit', options);
  const { epochs = 1, initialEpoch = 0, validationSplit = 0, shuffle = true, seed = 0, callbacks = [] } = options;
  const rule = (name: string, holds: boolean, expected: string, got: unknown) =>
    checkOption('fit', name, holds, expected, got);
  rule('epochs', isCount(epochs, 1), 'a whole number of at least 1', epochs);
  rule('initialEpoch', isCount(initialEpoch, 0), 'a whole number of at least 0', initialEpoch);
  rule('seed', isCount(seed, 0), 'a whole number of at least 0', seed);
  rule('shuffle', typeof shuffle === 'boolean', 'true or false', shuffle);
  rule(
    'validationSplit',
    validationSplit >= 0 && validationSplit < 1,
    'a number from 0 up to, not including, 1',
    validationSplit,
  );
  rule('callbacks', Array.isArray(callbacks), 'a list of callbacks', callbacks);
  callbacks.forEach((callback, index) => {
    rule(
      `callbacks[${index}]`,
      typeof callback === 'object' && callback !== null,
      'an object with functions like onEpochEnd',
      callback,
    );
  });
}

export function checkEvaluateOptions(where: string, options: EvaluateOptions): void {
  checkOptions(where, options, evaluateNames);
  checkShared(where, options);
}

/** Reads the data; `y` is undefined for a dataset. */
export function prepareFit(
  context: DataContext,
  x: ModelData | Dataset,
  y: ModelData | undefined,
  options: FitOptions,
  modelSeed: number,
): FitSetup {
  const { batchSize = 32, epochs = 1, initialEpoch = 0, shuffle = true, seed = modelSeed } = options;
  const { validationData, validationSplit = 0, callbacks = [], signal, sampleWeight, classWeight } = options;
  const order = { batchSize, shuffle, seed };
  const fixed = { batchSize, shuffle: false, seed };
  const shared = { epochs, initialEpoch, callbacks, signal, seed };
  checkOption(
    'fit',
    'validationSplit',
    !(validationData && validationSplit > 0),
    'none beside validationData',
    validationSplit,
  );
  let validation = validationData && validationSource(context, validationData, batchSize);
  if (isDataset(x)) {
    checkOption('fit', 'validationSplit', validationSplit === 0, 'none for a dataset', validationSplit);
    return { source: streamSource(context, 'fit', x, options), validation, ...shared };
  }
  const { network, targets } = context;
  let part = toDataset(network, targets, 'fit', x, requireTargets('fit', y), { sampleWeight });
  if (validationSplit > 0) {
    const parts = splitDataset(part.x, part.y, validationSplit, part.weights);
    validation = arraySource(parts.validation, fixed);
    part = parts.train;
  }
  if (classWeight != null) {
    // Classes are weighed where training is, not in validation, as in Keras.
    const weights = weightsOf(network, targets, 'fit', part.y, { sampleWeight, classWeight });
    part = new ArrayDataset(part.x, part.y, 'fit', weights);
  }
  return { source: arraySource(part, order), validation, ...shared };
}

/** Batches of arrays or of a dataset in their own order. */
export function evaluationSource(
  context: DataContext,
  where: string,
  x: ModelData | Dataset,
  y: ModelData | undefined,
  { batchSize = 32, sampleWeight }: Pick<EvaluateOptions, 'batchSize' | 'sampleWeight'> = {},
): Source {
  if (isDataset(x)) return streamSource(context, where, x, { sampleWeight });
  const { network, targets } = context;
  const dataset = toDataset(network, targets, where, x, requireTargets(where, y), { sampleWeight });
  return arraySource(dataset, { batchSize, shuffle: false, seed: 0 });
}

function validationSource(context: DataContext, data: ValidationData, batchSize: number): Source {
  const where = 'fit, validationData';
  if (isDataset(data)) return streamSource(context, where, data);
  const parts = Array.isArray(data) ? { x: data[0], y: data[1], sampleWeight: data[2] } : (data as Batch);
  check(parts?.x !== undefined && parts.y !== undefined, 'ERR_OCELLUS_DATA', () => ({
    where,
    expected: '[x, y], [x, y, sampleWeight], an object with these, or a dataset',
    got: data,
  }));
  checkOptions(where, parts, ['x', 'y', 'sampleWeight']);
  return evaluationSource(context, where, parts.x, parts.y, { batchSize, sampleWeight: parts.sampleWeight });
}

function streamSource(context: DataContext, where: string, dataset: Dataset, options: WeightingOptions = {}): Source {
  const { sampleWeight, classWeight } = options;
  checkOption(
    where,
    'sampleWeight',
    sampleWeight == null,
    'none for a dataset: it yields { x, y, sampleWeight }',
    sampleWeight,
  );
  return datasetSource(where, dataset, (batch) => batchFeed(context, where, batch, classWeight));
}

/** One batch, checked. */
export function batchFeed(
  { network, targets }: DataContext,
  where: string,
  batch: Batch,
  classWeight?: WeightingOptions['classWeight'],
): Feed {
  const x = toInputs(network, `${where}: x`, batch.x);
  const y = toTargets(network, targets, `${where}: y`, batch.y);
  const [size] = x[0].shape;
  for (const tensor of y) {
    check(tensor.shape[0] === size, 'ERR_OCELLUS_SHAPE', () => ({
      where,
      expected: `${size} targets, as many as samples`,
      got: tensor.shape[0],
    }));
  }
  const { sampleWeight } = batch;
  return tensorFeed(x, y, weightsOf(network, targets, where, y, { sampleWeight, classWeight }));
}

function requireTargets(where: string, y: ModelData | undefined): ModelData {
  check(y !== undefined, 'ERR_OCELLUS_DATA', () => ({
    where: `${where}: y`,
    expected: 'the targets of the samples',
    got: y,
  }));
  return y;
}

function checkShared(where: string, { batchSize = 32, signal }: EvaluateOptions): void {
  checkOption(where, 'batchSize', isCount(batchSize, 1), 'a whole number of at least 1', batchSize);
  checkOption(where, 'signal', signal === undefined || signal instanceof AbortSignal, 'an AbortSignal', signal);
}

const isCount = (value: unknown, least: number): boolean => Number.isSafeInteger(value) && (value as number) >= least;

function checkOption(where: string, name: string, holds: boolean, expected: string, got: unknown): void {
  check(holds, 'ERR_OCELLUS_OPTION', () => ({ where: `${where}, option '${name}'`, expected, got }));
}
