// The options of fit and evaluate: their types, their checks, and the sources of batches they describe.

import { check, checkOptions } from '../core/errors.js';
import { type Dataset, isDataset, type ModelData, splitDataset } from '../data/dataset.js';
import type { Network } from '../nn/network.js';
import { type TargetSpec, toDataset, toInputs, toTargets } from './adapter.js';
import type { Callback } from './events.js';
import type { ProgressStream, Verbosity } from './progress.js';
import { arraySource, datasetSource, type Source } from './source.js';

/** Samples and targets: a pair, an object, or a dataset. */
export type ValidationData =
  | readonly [ModelData, ModelData]
  | { readonly x: ModelData; readonly y: ModelData }
  | Dataset;

export interface EvaluateOptions {
  /** Samples per step; a dataset has its own. Default 32. */
  batchSize?: number;
  /** Stops within one batch; the call rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** 'auto': a bar on a terminal, one line per epoch elsewhere; 0: nothing. Default 'auto' for fit, else 0. */
  verbose?: Verbosity;
  /** Where progress is shown. Default process.stdout. */
  stream?: ProgressStream;
}

export interface FitOptions extends EvaluateOptions {
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

const evaluateNames = ['batchSize', 'signal', 'verbose', 'stream'];
const fitNames = [
  'epochs',
  ...evaluateNames,
  'initialEpoch',
  'validationData',
  'validationSplit',
  'shuffle',
  'seed',
  'callbacks',
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
  const { validationData, validationSplit = 0, callbacks = [], signal } = options;
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
    return { source: streamSource(context, 'fit', x), validation, ...shared };
  }
  const whole = toDataset(context.network, context.targets, 'fit', x, requireTargets('fit', y));
  if (validationSplit === 0) return { source: arraySource(whole, order), validation, ...shared };
  const parts = splitDataset(whole.x, whole.y, validationSplit);
  validation = arraySource(parts.validation, fixed);
  return { source: arraySource(parts.train, order), validation, ...shared };
}

/** Batches of arrays or of a dataset in their own order. */
export function evaluationSource(
  context: DataContext,
  where: string,
  x: ModelData | Dataset,
  y: ModelData | undefined,
  batchSize = 32,
): Source {
  if (isDataset(x)) return streamSource(context, where, x);
  const dataset = toDataset(context.network, context.targets, where, x, requireTargets(where, y));
  return arraySource(dataset, { batchSize, shuffle: false, seed: 0 });
}

function validationSource(context: DataContext, data: ValidationData, batchSize: number): Source {
  const where = 'fit, validationData';
  if (isDataset(data)) return streamSource(context, where, data);
  const pair = Array.isArray(data) ? { x: data[0], y: data[1] } : (data as { x: ModelData; y: ModelData });
  check(pair?.x !== undefined && pair.y !== undefined, 'ERR_OCELLUS_DATA', () => ({
    where,
    expected: '[x, y], { x, y } or a dataset',
    got: data,
  }));
  return evaluationSource(context, where, pair.x, pair.y, batchSize);
}

function streamSource({ network, targets }: DataContext, where: string, dataset: Dataset): Source {
  return datasetSource(where, dataset, (batch) => {
    const x = toInputs(network, `${where}: x`, batch.x);
    const y = toTargets(network, targets, `${where}: y`, batch.y);
    for (const tensor of y) {
      check(tensor.shape[0] === x[0].shape[0], 'ERR_OCELLUS_SHAPE', () => ({
        where,
        expected: `${x[0].shape[0]} targets, as many as samples`,
        got: tensor.shape[0],
      }));
    }
    return { x, y };
  });
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
