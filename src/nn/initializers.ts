// First values of weights. Variance scaling after Glorot & Bengio (2010), He et al. (2015) and LeCun et al. (1998), with
// Keras's fans and truncation; orthogonal after Saxe et al. (2014). Every weight draws from a stream of its own.

import { hashName, Random } from '../core/random.js';
import { shapeText, sizeOf } from '../core/shape.js';
import { completeOptions, lookUp, type Named, OptionReader, optionError, quoted, splitName } from './options.js';

/** Makes the first values of a weight. */
export interface Initializer {
  /** Name and options; null for a function, which cannot be written to JSON. */
  readonly config: Readonly<Record<string, unknown>> | null;
  create(shape: readonly number[], random: Random): Float32Array;
  toJSON(): unknown;
}

export type InitializerFunction = (shape: readonly number[], random: Random) => Float32Array;

export type InitializerName = keyof typeof initializers;

/** A name, a name with options, an initializer from `initializers`, or a function. */
export type InitializerOption = InitializerName | Named<typeof initializers> | Initializer | InitializerFunction;

/**
 * Inputs and outputs of a unit, from the weight's shape: the last axis counts outputs, the one before inputs, all others
 * are the receptive field. Transposed kernels are read the same way, as Keras does.
 */
export function fansOf(shape: readonly number[]): { fanIn: number; fanOut: number } {
  if (shape.length < 2) return { fanIn: shape[0] ?? 1, fanOut: shape[0] ?? 1 };
  const field = sizeOf(shape.slice(0, -2));
  return { fanIn: field * shape[shape.length - 2], fanOut: field * shape[shape.length - 1] };
}

/** Standard deviation of a normal that is cut at two deviations, relative to the uncut one's. */
const truncatedDeviation = 0.8796256610342398;

type Settings = Readonly<Record<string, number>>;
type Fill = (shape: readonly number[], random: Random, settings: Settings) => Float32Array;

/** Makes a factory of initializers: options are numbers, checked and kept for JSON. */
function initializer<const D extends Record<string, number>>(name: string, defaults: D, fill: Fill) {
  return (options: Partial<{ -readonly [K in keyof D]: number }> = {}): Initializer => {
    const where = `initializer '${name}'`;
    const reader = new OptionReader(where, completeOptions(where, options, defaults));
    const settings: Record<string, number> = {};
    for (const option of Object.keys(defaults)) {
      settings[option] = reader.number(option, option === 'stddev' ? { min: 0 } : {});
    }
    const config = { name, ...settings };
    return { config, create: (shape, random) => fill(shape, random, settings), toJSON: () => config };
  };
}

function draw(shape: readonly number[], next: () => number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = next();
  return values;
}

const fanModes = ['fanIn', 'fanOut', 'fanAvg'] as const;
const distributions = ['truncatedNormal', 'untruncatedNormal', 'uniform'] as const;
type FanMode = (typeof fanModes)[number];
type Distribution = (typeof distributions)[number];

function drawScaled(
  shape: readonly number[],
  random: Random,
  scale: number,
  mode: FanMode,
  distribution: Distribution,
): Float32Array {
  const { fanIn, fanOut } = fansOf(shape);
  const variance = scale / Math.max(1, { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[mode]);
  const deviation = Math.sqrt(variance);
  if (distribution === 'uniform') {
    return draw(shape, () => (2 * random.uniform() - 1) * Math.sqrt(3) * deviation);
  }
  if (distribution === 'untruncatedNormal') return draw(shape, () => random.normal() * deviation);
  return draw(shape, () => (random.truncatedNormal() * deviation) / truncatedDeviation);
}

const varianceScaling = (name: string, scale: number, mode: FanMode, distribution: Distribution) =>
  initializer(name, {}, (shape, random) => drawScaled(shape, random, scale, mode, distribution));

function scaledVariance(options: { scale?: number; mode?: FanMode; distribution?: Distribution } = {}): Initializer {
  const where = "initializer 'varianceScaling'";
  const defaults = { scale: 1, mode: 'fanIn', distribution: 'truncatedNormal' };
  const reader = new OptionReader(where, completeOptions(where, options, defaults));
  const scale = reader.number('scale', { above: 0 });
  const mode = reader.oneOf<FanMode>('mode', fanModes);
  const distribution = reader.oneOf<Distribution>('distribution', distributions);
  const config = { name: 'varianceScaling', scale, mode, distribution };
  const create = (shape: readonly number[], random: Random) => drawScaled(shape, random, scale, mode, distribution);
  return { config, create, toJSON: () => config };
}

function identity(shape: readonly number[], gain: number): Float32Array {
  if (shape.length < 2) throw optionError("initializer 'identity'", 'a weight with two axes or more', shapeText(shape));
  const [rows, columns] = shape.slice(-2);
  const field = shape.slice(0, -2);
  const middle = field.reduce((index, size) => index * size + (size >> 1), 0);
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < Math.min(rows, columns); i++) values[(middle * rows + i) * columns + i] = gain;
  return values;
}

/**
 * All initializers by name. Options go to the factory or beside the name.
 *
 * @example
 * layers.dense({ units: 10, kernelInitializer: 'heNormal' });
 * layers.dense({ units: 10, kernelInitializer: { name: 'randomNormal', stddev: 0.01 } });
 * layers.dense({ units: 10, kernelInitializer: initializers.randomNormal({ stddev: 0.01 }) });
 */
export const initializers = {
  /**
   * All 0.
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.zeros() })
   */
  zeros: initializer('zeros', {}, (shape) => new Float32Array(sizeOf(shape))),
  /**
   * All 1.
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.ones() })
   */
  ones: initializer('ones', {}, (shape) => new Float32Array(sizeOf(shape)).fill(1)),
  /**
   * All `value` (default 0).
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.constant({ value: 0.1 }) })
   */
  constant: initializer('constant', { value: 0 }, (shape, _, { value }) => new Float32Array(sizeOf(shape)).fill(value)),
  /**
   * Uniform in ±sqrt(6 / (fanIn + fanOut)): the default of kernels.
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.glorotUniform() })
   */
  glorotUniform: varianceScaling('glorotUniform', 1, 'fanAvg', 'uniform'),
  /**
   * Truncated normal of variance 2 / (fanIn + fanOut).
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.glorotNormal() })
   */
  glorotNormal: varianceScaling('glorotNormal', 1, 'fanAvg', 'truncatedNormal'),
  /**
   * Uniform in ±sqrt(6 / fanIn): for networks of relu.
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.heUniform() })
   */
  heUniform: varianceScaling('heUniform', 2, 'fanIn', 'uniform'),
  /**
   * Truncated normal of variance 2 / fanIn: for networks of relu.
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.heNormal() })
   */
  heNormal: varianceScaling('heNormal', 2, 'fanIn', 'truncatedNormal'),
  /**
   * Uniform in ±sqrt(3 / fanIn).
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.lecunUniform() })
   */
  lecunUniform: varianceScaling('lecunUniform', 1, 'fanIn', 'uniform'),
  /**
   * Truncated normal of variance 1 / fanIn.
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.lecunNormal() })
   */
  lecunNormal: varianceScaling('lecunNormal', 1, 'fanIn', 'truncatedNormal'),
  /**
   * Normal (mean 0, stddev 0.05).
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.randomNormal({ stddev: 0.01 }) })
   */
  randomNormal: initializer('randomNormal', { mean: 0, stddev: 0.05 }, (shape, random, { mean, stddev }) =>
    draw(shape, () => mean + stddev * random.normal()),
  ),
  /**
   * Uniform in [minval, maxval) (±0.05).
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.randomUniform({ minval: -0.1, maxval: 0.1 }) })
   */
  randomUniform: initializer('randomUniform', { minval: -0.05, maxval: 0.05 }, (shape, random, { minval, maxval }) =>
    draw(shape, () => minval + (maxval - minval) * random.uniform()),
  ),
  /**
   * Normal redrawn outside two deviations (mean 0, stddev 0.05).
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.truncatedNormal({ stddev: 0.02 }) })
   */
  truncatedNormal: initializer('truncatedNormal', { mean: 0, stddev: 0.05 }, (shape, random, { mean, stddev }) =>
    draw(shape, () => mean + stddev * random.truncatedNormal()),
  ),
  /**
   * Variance `scale` / n, n counted by `mode`: 'fanIn' (default), 'fanOut' or 'fanAvg', from `distribution`:
   * 'truncatedNormal' (default), 'untruncatedNormal' or 'uniform'.
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.varianceScaling({ scale: 2, mode: 'fanOut' }) })
   */
  varianceScaling: scaledVariance,
  /**
   * The identity matrix times `gain` (1); for kernels of convolutions, in the middle of the window.
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.identity({ gain: 0.5 }) })
   */
  identity: initializer('identity', { gain: 1 }, (shape, _, { gain }) => identity(shape, gain)),
  /**
   * Orthonormal rows or columns (whichever are fewer) of the weight seen as a matrix [others, last axis], times `gain`.
   *
   * @example layers.dense({ units: 10, kernelInitializer: initializers.orthogonal({ gain: 1.4 }) })
   */
  orthogonal: initializer('orthogonal', { gain: 1 }, (shape, random, { gain }) => orthogonal(shape, random, gain)),
};

/** Gram–Schmidt, twice for accuracy, on rows drawn from a normal. */
function orthogonal(shape: readonly number[], random: Random, gain: number): Float32Array {
  const columns = shape.at(-1) ?? 1;
  const rows = sizeOf(shape) / columns;
  const [count, length] = rows < columns ? [rows, columns] : [columns, rows];
  const basis: Float64Array[] = [];
  while (basis.length < count) {
    const vector = Float64Array.from({ length }, () => random.normal());
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) {
        const overlap = vector.reduce((sum, value, i) => sum + value * other[i], 0);
        for (let i = 0; i < length; i++) vector[i] -= overlap * other[i];
      }
    }
    const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    if (norm < 1e-6) continue;
    basis.push(vector.map((value) => value / norm));
  }
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      values[row * columns + column] = gain * (rows < columns ? basis[row][column] : basis[column][row]);
    }
  }
  return values;
}

/** Turns the value of an option into an initializer. */
export function resolveInitializer(where: string, option: unknown): Initializer {
  if (typeof option === 'function') {
    const create = (shape: readonly number[], random: Random): Float32Array =>
      checkValues(where, shape, (option as InitializerFunction)(shape, random));
    return { config: null, create, toJSON: () => undefined };
  }
  if (typeof (option as Initializer | null)?.create === 'function') return option as Initializer;
  if (typeof option !== 'string' && typeof option !== 'object') {
    throw optionError(where, 'an initializer: a name, { name, … } or a function', quoted(option));
  }
  const { name, rest } = splitName(where, option);
  return lookUp<(options?: object) => Initializer>(where, name, initializers)(rest);
}

/** First value of a statistic: one number for all, a list, an initializer, or a function. */
export type StatisticStart = number | readonly number[] | Initializer | InitializerFunction;

/** An initializer of what a layer says a statistic starts as. */
export function resolveStart(where: string, start: StatisticStart): Initializer {
  if (typeof start === 'number') return initializers.constant({ value: start });
  return resolveInitializer(where, Array.isArray(start) ? () => Float32Array.from(start) : start);
}

function checkValues(where: string, shape: readonly number[], values: unknown): Float32Array {
  if (values instanceof Float32Array && values.length === sizeOf(shape)) return values;
  throw optionError(
    where,
    `a function that returns a Float32Array of ${sizeOf(shape)} values (${shapeText(shape)})`,
    values,
  );
}

/**
 * First values of the weight at `path` of a model seeded with `seed`: the same on every machine and backend, and
 * independent of the other weights.
 */
export function initialValues(
  initializer: Initializer,
  shape: readonly number[],
  seed: number,
  path: string,
): Float32Array {
  return initializer.create(shape, new Random(seed, hashName(path)));
}
