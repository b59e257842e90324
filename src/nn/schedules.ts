// Learning rates that change as training goes on, under Keras's names and with Keras's formulas (step and one-cycle with
// PyTorch's, which Keras lacks). A schedule is a function of the step, or of the epoch, and survives as JSON.

import { completeOptions, lookUp, type Named, OptionReader, optionError, quoted, splitName } from './options.js';

/** A rate for each step (0, 1, 2 …). */
export interface Schedule {
  (step: number, epoch?: number): number;
  /** Name and options as JSON. */
  readonly config: Readonly<Record<string, unknown>>;
}

export interface ScheduleOptions {
  /** What is counted: steps of training, or epochs (numbers of steps in other options are then epochs). Default 'step'. */
  per?: 'step' | 'epoch';
}

export interface ConstantOptions extends ScheduleOptions {
  learningRate: number;
}

export interface StepOptions extends ScheduleOptions {
  initialLearningRate: number;
  /** Steps between two drops. */
  stepSize: number;
  /** Factor of each drop. Default 0.1. */
  gamma?: number;
}

export interface PiecewiseConstantOptions extends ScheduleOptions {
  /** The last step of each value but the last, ascending. */
  boundaries: readonly number[];
  /** One more than boundaries. */
  values: readonly number[];
}

export interface DecayOptions extends ScheduleOptions {
  initialLearningRate: number;
  /** Steps in which the rate falls once by `decayRate`. */
  decaySteps: number;
  decayRate: number;
  /** Whole falls only. Default false. */
  staircase?: boolean;
}

export interface PolynomialDecayOptions extends ScheduleOptions {
  initialLearningRate: number;
  /** Steps to `endLearningRate`. */
  decaySteps: number;
  /** Default 0.0001. */
  endLearningRate?: number;
  /** Default 1: a straight line. */
  power?: number;
  /** Begin again, with a longer way each time, instead of staying at the end. Default false. */
  cycle?: boolean;
}

export interface CosineDecayOptions extends ScheduleOptions {
  initialLearningRate: number;
  /** Steps of the decay, behind those of the warm-up. */
  decaySteps: number;
  /** Share of the rate that is left in the end. Default 0. */
  alpha?: number;
  /** Rate at the end of the warm-up. Default: no warm-up. */
  warmupTarget?: number | null;
  /** Default 0. */
  warmupSteps?: number;
}

export interface CosineDecayRestartsOptions extends ScheduleOptions {
  initialLearningRate: number;
  /** Steps of the first period. */
  firstDecaySteps: number;
  /** How many times as long each period is as the one before. Default 2. */
  tMul?: number;
  /** Factor of the rate from period to period. Default 1. */
  mMul?: number;
  /** Smallest share of the rate. Default 0. */
  alpha?: number;
}

export interface OneCycleOptions extends ScheduleOptions {
  maxLearningRate: number;
  totalSteps: number;
  /** Share of the steps in which the rate rises; in (0, 1). Default 0.3. */
  pctStart?: number;
  /** Default 'cos'. */
  annealStrategy?: 'cos' | 'linear';
  /** The first rate is maxLearningRate / divFactor. Default 25. */
  divFactor?: number;
  /** The last rate is the first / finalDivFactor. Default 10000. */
  finalDivFactor?: number;
  /** Down to the first rate as fast as it rose, and only then to the last. Default false. */
  threePhase?: boolean;
}

export interface LinearWarmupOptions extends ScheduleOptions {
  /** Steps (or epochs) until `then` begins. */
  warmupSteps: number;
  /** Rate of step 0. Default 0. */
  initialLearningRate?: number;
  /** What follows: a rate or a schedule, which counts from the end of the warm-up. */
  schedule: number | ScheduleOption;
}

export type ScheduleName = keyof typeof schedules;
/** What a schedule is in JSON. */
export type ScheduleConfig = Named<typeof schedules>;
export type ScheduleOption = Schedule | ScheduleConfig;

const positive = { above: 0 };
const atLeast0 = { min: 0 };

/** All schedules by name. */
export const schedules = {
  /**
   * The same rate for ever.
   *
   * @example optimizers.sgd({ learningRate: schedules.constant({ learningRate: 0.01 }) })
   */
  constant: (options: ConstantOptions): Schedule =>
    make('constant', options, { learningRate: undefined }, (reader) => {
      const rate = reader.number('learningRate', atLeast0);
      return () => rate;
    }),

  /**
   * PyTorch's StepLR: `gamma` times the rate after every `stepSize` steps.
   *
   * @example optimizers.sgd({ learningRate: schedules.step({ initialLearningRate: 0.1, stepSize: 1000, gamma: 0.5 }) })
   */
  step: (options: StepOptions): Schedule =>
    make('step', options, { initialLearningRate: undefined, stepSize: undefined, gamma: 0.1 }, (reader) => {
      const [rate, size] = [reader.number('initialLearningRate', atLeast0), reader.number('stepSize', positive)];
      const gamma = reader.number('gamma', atLeast0);
      return (step) => rate * gamma ** Math.floor(step / size);
    }),

  /**
   * values[0] up to and with step boundaries[0], values[1] up to boundaries[1], and so on.
   *
   * @example schedules.piecewiseConstant({ boundaries: [1000, 2000], values: [0.1, 0.01, 0.001] })
   */
  piecewiseConstant: (options: PiecewiseConstantOptions): Schedule =>
    make('piecewiseConstant', options, { boundaries: undefined, values: undefined }, (reader) => {
      const boundaries = numberList(reader, 'boundaries');
      const values = numberList(reader, 'values');
      if (boundaries.some((bound, i) => i > 0 && bound <= boundaries[i - 1])) {
        throw reader.error('boundaries', 'ascending numbers', boundaries);
      }
      if (values.length !== boundaries.length + 1) {
        throw reader.error('values', `${boundaries.length + 1} numbers, one more than boundaries`, values);
      }
      return (step) => values[boundaries.filter((bound) => step > bound).length];
    }),

  /**
   * rate * decayRate ^ (step / decaySteps).
   *
   * @example
   * const learningRate = schedules.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 1000, decayRate: 0.96 });
   */
  exponentialDecay: (options: DecayOptions): Schedule =>
    make('exponentialDecay', options, decayDefaults, (reader) => {
      const { rate, decayRate, fallsAt } = readDecay(reader);
      return (step) => rate * decayRate ** fallsAt(step);
    }),

  /**
   * rate / (1 + decayRate * step / decaySteps).
   *
   * @example optimizers.sgd({ learningRate: schedules.inverseTimeDecay({ initialLearningRate: 0.1, decaySteps: 1000, decayRate: 0.5 }) })
   */
  inverseTimeDecay: (options: DecayOptions): Schedule =>
    make('inverseTimeDecay', options, decayDefaults, (reader) => {
      const { rate, decayRate, fallsAt } = readDecay(reader);
      return (step) => rate / (1 + decayRate * fallsAt(step));
    }),

  /**
   * From the initial to the end rate along (1 - step / decaySteps) ^ power.
   *
   * @example optimizers.sgd({ learningRate: schedules.polynomialDecay({ initialLearningRate: 0.1, decaySteps: 1000, power: 2 }) })
   */
  polynomialDecay: (options: PolynomialDecayOptions): Schedule => {
    const defaults = { ...rateAndSteps, endLearningRate: 0.0001, power: 1, cycle: false };
    return make('polynomialDecay', options, defaults, (reader) => {
      const [rate, steps] = [reader.number('initialLearningRate', atLeast0), reader.number('decaySteps', positive)];
      const [end, power] = [reader.number('endLearningRate', atLeast0), reader.number('power', atLeast0)];
      const cycle = reader.boolean('cycle');
      return (step) => {
        const length = cycle ? steps * Math.max(1, Math.ceil(step / steps)) : steps;
        return (rate - end) * (1 - Math.min(step, length) / length) ** power + end;
      };
    });
  },

  /**
   * Half a cosine from the initial rate to `alpha` times it (Loshchilov & Hutter 2017). With `warmupTarget`, first a line
   * from the initial rate to the target in `warmupSteps`, and the cosine from there.
   *
   * @example optimizers.sgd({ learningRate: schedules.cosineDecay({ initialLearningRate: 0.1, decaySteps: 1000 }) })
   */
  cosineDecay: (options: CosineDecayOptions): Schedule => {
    const defaults = { ...rateAndSteps, alpha: 0, warmupTarget: null, warmupSteps: 0 };
    return make('cosineDecay', options, defaults, (reader) => {
      const [rate, steps] = [reader.number('initialLearningRate', atLeast0), reader.number('decaySteps', positive)];
      const [alpha, warmupSteps] = [reader.number('alpha', atLeast0), reader.number('warmupSteps', atLeast0)];
      const top = reader.has('warmupTarget') ? reader.number('warmupTarget', atLeast0) : null;
      if (top === null && warmupSteps > 0) {
        throw reader.error('warmupSteps', '0 without warmupTarget', warmupSteps, 'set warmupTarget: the rate to reach');
      }
      return (step) => {
        if (top !== null && step < warmupSteps) return (top - rate) * (step / warmupSteps) + rate;
        const done = Math.min(step - warmupSteps, steps) / steps;
        return (top ?? rate) * ((1 - alpha) * halfCosine(done) + alpha);
      };
    });
  },

  /**
   * Half cosines one after the other, each `tMul` times as long and from `mMul` times the rate (SGDR).
   *
   * @example optimizers.sgd({ learningRate: schedules.cosineDecayRestarts({ initialLearningRate: 0.1, firstDecaySteps: 500 }) })
   */
  cosineDecayRestarts: (options: CosineDecayRestartsOptions): Schedule => {
    const defaults = { initialLearningRate: undefined, firstDecaySteps: undefined, tMul: 2, mMul: 1, alpha: 0 };
    return make('cosineDecayRestarts', options, defaults, (reader) => {
      const [rate, first] = [
        reader.number('initialLearningRate', atLeast0),
        reader.number('firstDecaySteps', positive),
      ];
      const [tMul, mMul] = [reader.number('tMul', { min: 1 }), reader.number('mMul', atLeast0)];
      const alpha = reader.number('alpha', atLeast0);
      return (step) => {
        // Period by period: a logarithm would miss restarts by a rounding.
        let [period, begin, length] = [tMul === 1 ? Math.floor(step / first) : 0, 0, first];
        if (tMul === 1) begin = period * first;
        for (; step >= begin + length; period++, length *= tMul) begin += length;
        return rate * ((1 - alpha) * mMul ** period * halfCosine((step - begin) / length) + alpha);
      };
    });
  },

  /**
   * PyTorch's OneCycleLR (Smith & Topin 2018): up to `maxLearningRate`, then far down. Momentum stays as it is.
   *
   * @example optimizers.sgd({ learningRate: schedules.oneCycle({ maxLearningRate: 0.1, totalSteps: 1000 }) })
   */
  oneCycle: (options: OneCycleOptions): Schedule => {
    const defaults = {
      maxLearningRate: undefined,
      totalSteps: undefined,
      pctStart: 0.3,
      annealStrategy: 'cos',
      divFactor: 25,
      finalDivFactor: 1e4,
      threePhase: false,
    };
    return make('oneCycle', options, defaults, (reader) => {
      const [top, total] = [reader.number('maxLearningRate', atLeast0), reader.integer('totalSteps', { min: 1 })];
      const share = reader.number('pctStart', { above: 0, below: 1 });
      const anneal = anneals[reader.oneOf('annealStrategy', ['cos', 'linear'])];
      const first = top / reader.number('divFactor', positive);
      const last = first / reader.number('finalDivFactor', positive);
      const rise = share * total - 1;
      const ends = reader.boolean('threePhase') ? [rise, 2 * share * total - 2, total - 1] : [rise, total - 1];
      const rates = ends.length === 3 ? [first, top, first, last] : [first, top, last];
      return (step) => {
        if (step >= total - 1) return last;
        const phase = ends.findIndex((end) => step <= end);
        const begin = phase === 0 ? 0 : ends[phase - 1];
        const done = step > begin ? (step - begin) / (ends[phase] - begin) : 0;
        return anneal(rates[phase], rates[phase + 1], done);
      };
    });
  },

  /**
   * A line from the initial rate to the first one of any other schedule, which begins where the line ends.
   *
   * @example
   * const schedule = schedules.cosineDecay({ initialLearningRate: 0.1, decaySteps: 1000 });
   * optimizers.sgd({ learningRate: schedules.linearWarmup({ warmupSteps: 100, schedule }) });
   */
  linearWarmup: (options: LinearWarmupOptions): Schedule => {
    const defaults = { warmupSteps: undefined, initialLearningRate: 0, schedule: undefined };
    return make('linearWarmup', options, defaults, (reader) => {
      const [steps, first] = [reader.number('warmupSteps', atLeast0), reader.number('initialLearningRate', atLeast0)];
      const following = reader.raw('schedule');
      const next =
        typeof following === 'number'
          ? schedules.constant({ learningRate: reader.number('schedule', atLeast0) })
          : resolveSchedule(`${reader.where}, option 'schedule'`, following);
      const perEpoch = reader.raw('per') === 'epoch';
      return (count, step, epoch) => {
        if (count < steps) return first + (next(0, 0) - first) * (count / steps);
        return next(step - (perEpoch ? 0 : steps), epoch - (perEpoch ? steps : 0));
      };
    });
  },
};

const aliases = {
  piecewiseConstantDecay: 'piecewiseConstant',
  stepDecay: 'step',
  stepLR: 'step',
  oneCycleLR: 'oneCycle',
} as const;

/** A schedule from itself or from its config. */
export function resolveSchedule(where: string, option: unknown): Schedule {
  if (isSchedule(option)) return option;
  if (typeof option === 'function') throw optionError(where, 'a schedule from schedules', 'a function');
  const { name, rest } = splitName(where, option);
  const camel = name.charAt(0).toLowerCase() + name.slice(1);
  return lookUp<(options: never) => Schedule>(where, camel, schedules, aliases)(rest as never);
}

export const isSchedule = (value: unknown): value is Schedule =>
  typeof value === 'function' && typeof (value as { config?: unknown }).config === 'object';

type Course = (count: number, step: number, epoch: number) => number;

function make(
  name: string,
  options: object,
  defaults: Record<string, unknown>,
  read: (reader: OptionReader) => Course,
) {
  const where = `schedule '${name}'`;
  const values = completeOptions(where, options, { ...defaults, per: 'step' });
  const reader = new OptionReader(where, values);
  const perEpoch = reader.oneOf('per', ['step', 'epoch']) === 'epoch';
  const course = read(reader);
  const kept = Object.entries(values).filter(([key, value]) => !(key === 'per' && value === 'step') && value !== null);
  const config = Object.fromEntries(kept.map(([key, value]) => [key, isSchedule(value) ? value.config : value]));
  const schedule = (step: number, epoch = 0): number => course(perEpoch ? epoch : step, step, epoch);
  return Object.assign(schedule, { config: Object.freeze({ name, ...config }) }) satisfies Schedule;
}

const rateAndSteps = { initialLearningRate: undefined, decaySteps: undefined };
const decayDefaults = { ...rateAndSteps, decayRate: undefined, staircase: false };

function readDecay(reader: OptionReader) {
  const steps = reader.number('decaySteps', positive);
  const staircase = reader.boolean('staircase');
  return {
    rate: reader.number('initialLearningRate', atLeast0),
    decayRate: reader.number('decayRate', atLeast0),
    fallsAt: (step: number) => (staircase ? Math.floor(step / steps) : step / steps),
  };
}

function numberList(reader: OptionReader, name: string): number[] {
  const value = reader.raw(name);
  if (Array.isArray(value) && value.every((item) => Number.isFinite(item) && item >= 0)) return [...value];
  throw reader.error(name, 'a list of numbers at least 0', quoted(value));
}

const halfCosine = (done: number): number => 0.5 * (1 + Math.cos(Math.PI * done));

const anneals = {
  cos: (from: number, to: number, done: number) => to + (from - to) * halfCosine(done),
  linear: (from: number, to: number, done: number) => from + (to - from) * done,
};
