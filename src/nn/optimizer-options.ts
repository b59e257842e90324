// Options that all optimizers take: the learning rate, weight decay with exceptions, groups of parameters, clipping,
// averages of weights, accumulation of gradients.

import { completeOptions, OptionReader, optionError } from './options.js';
import { resolveSchedule, type ScheduleConfig } from './schedules.js';

/** A rate, a schedule, or a function of the step (0, 1, 2 …) and the epoch. */
export type LearningRate = number | ((step: number, epoch: number) => number);

/** Parameters with a learning rate or a weight decay of their own. */
export interface ParameterGroup {
  /** A regular expression (or its text) that is looked for in the paths of parameters: 'dense' finds 'dense_1/kernel'. */
  match: string | RegExp;
  /** Factor of the learning rate. Default 1. */
  learningRateMultiplier?: number;
  /** Default: that of the optimizer. */
  weightDecay?: number;
}

/** Options of every optimizer. */
export interface OptimizerOptions {
  /** A rate, a schedule or its config, or a function of step and epoch. */
  learningRate?: LearningRate | ScheduleConfig;
  /** This times the rate is taken from a weight in every step, as Keras does. Default 0; adamW 0.004. */
  weightDecay?: number | null;
  /** false: weight decay times the weight is added to the gradient (L2), as PyTorch's SGD and Adam do. Default true. */
  decoupledWeightDecay?: boolean;
  /** Weights without decay: regular expressions (or texts), each looked for in the path: ['bias', 'gamma', 'beta']. */
  excludeFromWeightDecay?: readonly (string | RegExp)[];
  /** The first that matches a parameter counts. */
  parameterGroups?: readonly ParameterGroup[];
  /** Gradients are cut to [-clipValue, clipValue]. Only one of the three clippings can be set. */
  clipValue?: number | null;
  /** The gradient of each parameter is scaled down to this norm. */
  clipNorm?: number | null;
  /** All gradients together are scaled down to this norm. */
  globalClipNorm?: number | null;
  /** Keep a moving average of the weights, which takes their place at the end of fit. Default false. */
  useEma?: boolean;
  /** Share of the average that stays in each step. Default 0.99. */
  emaMomentum?: number;
  /** Weights are replaced by their average every so many steps, too. Default: only at the end. */
  emaOverwriteFrequency?: number | null;
  /** Weights move once in so many steps, along the mean of their gradients. At least 2. Default: in every step. */
  gradientAccumulationSteps?: number | null;
}

const sharedDefaults = {
  weightDecay: 0,
  decoupledWeightDecay: true,
  excludeFromWeightDecay: [],
  parameterGroups: [],
  clipValue: null,
  clipNorm: null,
  globalClipNorm: null,
  useEma: false,
  emaMomentum: 0.99,
  emaOverwriteFrequency: null,
  gradientAccumulationSteps: null,
};

/** Names from Keras's Python, tfjs and PyTorch. */
const aliases: Readonly<Record<string, string>> = {
  lr: 'learningRate',
  eps: 'epsilon',
  clipnorm: 'clipNorm',
  clipvalue: 'clipValue',
  globalClipnorm: 'globalClipNorm',
};

/** The options of one optimizer, over its own defaults and the shared ones. */
export function optimizerReader(name: string, options: object, defaults: Record<string, unknown>): OptionReader {
  const where = `optimizer '${name}'`;
  const own = (key: string): string => {
    const camel = key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    return Object.hasOwn(aliases, camel) ? aliases[camel] : camel;
  };
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options);
  const given = isObject
    ? Object.fromEntries(Object.entries(options).map(([key, value]) => [own(key), value]))
    : options;
  return new OptionReader(where, { ...completeOptions(where, given, { ...sharedDefaults, ...defaults }), name });
}

interface Group {
  readonly match: RegExp;
  readonly learningRateMultiplier: number;
  readonly weightDecay: number | undefined;
}

/** The shared options, checked; `config` has those that are not as usual, as JSON. */
export function readShared(reader: OptionReader) {
  const optional = (name: string) => (reader.has(name) ? reader.number(name, { above: 0 }) : null);
  const count = (name: string, min: number) => (reader.has(name) ? reader.integer(name, { min }) : 0);
  const weightDecay = reader.has('weightDecay') ? reader.number('weightDecay', { min: 0 }) : 0;
  const [clipValue, clipNorm, globalClipNorm] = ['clipValue', 'clipNorm', 'globalClipNorm'].map(optional);
  if ([clipValue, clipNorm, globalClipNorm].filter((limit) => limit !== null).length > 1) {
    const given = ['clipValue', 'clipNorm', 'globalClipNorm'].filter((name) => reader.has(name));
    throw optionError(reader.where, 'one of clipValue, clipNorm, globalClipNorm', given.join(' and '));
  }
  const raw = reader.raw('learningRate');
  const learningRate = typeof raw === 'function' ? (raw as LearningRate) : readRate(reader, raw);
  const exclusions = listOf(reader, 'excludeFromWeightDecay').map((item, i) =>
    pattern(reader, `excludeFromWeightDecay[${i}]`, item),
  );
  const groups = listOf(reader, 'parameterGroups').map((item, i) => readGroup(reader, `parameterGroups[${i}]`, item));
  const values = {
    weightDecay,
    decoupledWeightDecay: reader.boolean('decoupledWeightDecay'),
    excludeFromWeightDecay: exclusions.map(({ source }) => source),
    parameterGroups: groups.map(({ match, ...rest }) => JSON.parse(JSON.stringify({ match: match.source, ...rest }))),
    clipValue,
    clipNorm,
    globalClipNorm,
    useEma: reader.boolean('useEma'),
    emaMomentum: reader.number('emaMomentum', { min: 0, max: 1 }),
    emaOverwriteFrequency: count('emaOverwriteFrequency', 1) || null,
    gradientAccumulationSteps: count('gradientAccumulationSteps', 2) || null,
  };
  const isDefault = ([name, value]: [string, unknown]): boolean =>
    JSON.stringify(value) === JSON.stringify(sharedDefaults[name as keyof typeof sharedDefaults]);
  return {
    learningRate,
    weightDecay,
    decoupled: values.decoupledWeightDecay,
    exclusions,
    groups,
    clipValue,
    clipNorm,
    globalClipNorm,
    useEma: values.useEma,
    emaMomentum: values.emaMomentum,
    emaFrequency: values.emaOverwriteFrequency ?? 0,
    accumulation: values.gradientAccumulationSteps ?? 1,
    config: {
      weightDecay,
      ...Object.fromEntries(Object.entries(values).filter((entry) => !isDefault(entry))),
    },
  };
}

function readRate(reader: OptionReader, raw: unknown): LearningRate {
  const isConfig = typeof raw === 'object' && raw !== null && !Array.isArray(raw);
  if (isConfig) return resolveSchedule(`${reader.where}, option 'learningRate'`, raw);
  return reader.number('learningRate', { min: 0 });
}

function listOf(reader: OptionReader, name: string): unknown[] {
  const value = reader.raw(name);
  if (Array.isArray(value)) return value;
  throw reader.error(name, 'a list', value);
}

function pattern(reader: OptionReader, place: string, value: unknown): RegExp {
  if (value instanceof RegExp && value.flags === '') return value;
  if (typeof value === 'string' && value !== '') {
    try {
      return new RegExp(value);
    } catch {
      // Said below.
    }
  }
  throw reader.error(
    place,
    'a regular expression without flags, or its text',
    value instanceof RegExp ? String(value) : value,
  );
}

function readGroup(reader: OptionReader, place: string, value: unknown): Group {
  const where = `${reader.where}, option '${place}'`;
  const defaults = { match: undefined, learningRateMultiplier: 1, weightDecay: null };
  if (typeof value !== 'object' || value === null) throw reader.error(place, 'an object with match', value);
  const group = new OptionReader(where, completeOptions(where, value, defaults));
  return {
    match: pattern(reader, `${place}.match`, group.raw('match')),
    learningRateMultiplier: group.number('learningRateMultiplier', { min: 0 }),
    weightDecay: group.has('weightDecay') ? group.number('weightDecay', { min: 0 }) : undefined,
  };
}
