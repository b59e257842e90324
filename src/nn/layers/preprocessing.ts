// Layers that bring raw data into the range networks like. They run inside the plan, and are saved with the model.

import { setImmediate } from 'node:timers/promises';
import { check, OcellusError } from '../../core/errors.js';
import { sameShape, shapeText, sizeOf } from '../../core/shape.js';
import { type TensorInput, toTensor } from '../../data/array.js';
import { type Dataset, isDataset } from '../../data/dataset.js';
import type { Value } from '../../ops/op.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import type { OptionReader } from '../options.js';
import { type Axes, axesOf, fromFront, readAxes } from './axes.js';
import { Moments } from './moments.js';

export interface RescalingOptions extends LayerOptions {
  scale: number;
  /** Default 0. */
  offset?: number;
}

/**
 * x * scale + offset, for data of any type: bytes become float32 here. Any shape.
 *
 * @example layers.rescaling({ scale: 1 / 255, inputShape: [28, 28, 1] })
 */
export const rescaling = defineLayer<RescalingOptions, { scale: number; offset: number }>({
  type: 'rescaling',
  options: { scale: undefined, offset: 0 },
  anyDtype: true,
  parse: (options) => ({ scale: options.number('scale'), offset: options.number('offset') }),
  call: (context, [x], attrs) => context.op('rescale', [x], attrs),
});

export interface NormalizationOptions extends LayerOptions {
  /** Axes that have a mean and a variance per index, the batch being axis 0; null: one for all. Default -1. */
  axis?: Axes | null;
  /** One number, or one per index along `axis`; goes with `variance`. Default: what `adapt` finds. */
  mean?: number | readonly number[] | null;
  variance?: number | readonly number[] | null;
  /** true: back from normalized to raw values, x * deviation + mean. Default false. */
  invert?: boolean;
}

/** What layers by `normalization` have besides. */
export interface Adapting {
  /**
   * Takes mean and variance from samples (all that `fit` takes for one input), or from the `x` of a dataset, over all
   * axes but `axis`. Call it before the model has weights: before `compile` and `predict`.
   *
   * @throws ERR_OCELLUS_STATE when a model has taken the values already, or they are options
   */
  adapt(data: TensorInput | Dataset): Promise<void>;
}

type Values = number | readonly number[];

/** Mean and variance as they are known so far. */
interface Normalization {
  readonly where: string;
  readonly axes: readonly number[] | null;
  readonly invert: boolean;
  readonly isGiven: boolean;
  /** Shape of a sample for data in one row. */
  readonly sample: readonly number[] | undefined;
  mean: Values;
  variance: Values;
  /** A model has taken the values: later ones would not reach it. */
  isTaken: boolean;
}

/** As Keras: what a deviation is at least. */
const leastDeviation = 1e-7;

/** Elements looked at between two turns of the event loop. */
const elementsAtOnce = 1 << 18;

function parseNormalization(options: OptionReader): Normalization {
  const [mean, variance] = ['mean', 'variance'].map((name) => {
    if (!options.has(name)) return undefined;
    const value = options.raw(name);
    const least = name === 'variance' ? 0 : Number.NEGATIVE_INFINITY;
    const valid = (item: unknown) => typeof item === 'number' && Number.isFinite(item) && item >= least;
    if (Array.isArray(value) ? value.length > 0 && value.every(valid) : valid(value)) return value as Values;
    throw options.error(name, `a number or a list of numbers${least === 0 ? ' at least 0' : ''}`, value);
  });
  if ((mean === undefined) !== (variance === undefined)) {
    const missing = mean === undefined ? 'mean' : 'variance';
    throw options.error(missing, 'both mean and variance, or neither', options.raw(missing));
  }
  return {
    where: options.where,
    axes: options.has('axis') ? readAxes(options, 'axis') : null,
    invert: options.boolean('invert'),
    isGiven: mean !== undefined,
    sample: options.has('inputShape') ? options.integers('inputShape') : undefined,
    mean: mean ?? 0,
    variance: variance ?? 1,
    isTaken: false,
  };
}

/** The statistic `name`, in a shape that broadcasts against x. */
function known(context: LayerContext, x: Value, state: Normalization, name: 'mean' | 'variance'): Value {
  const axes = axesOf(context, x, state.axes ?? []);
  const sizes = axes.map((axis) => x.shape[axis]);
  const shape = sizes.length > 0 ? sizes : [1];
  const values = state[name];
  if (typeof values !== 'number' && values.length !== 1 && values.length !== sizeOf(sizes)) {
    context.fail(`samples with ${values.length} indices along axis ${state.axes}`, shapeText(x.shape.slice(1)));
  }
  const statistic = context.statistic(name, shape, () => {
    state.isTaken = true;
    const all = new Float32Array(sizeOf(shape));
    const now = state[name];
    return typeof now === 'number' || now.length === 1 ? all.fill(Number(now)) : Float32Array.from(now);
  });
  const wide = x.shape.map((size, axis) => (axes.includes(axis) ? size : 1));
  return context.op('reshape', [statistic], { shape: wide });
}

async function adapt(state: Normalization, data: TensorInput | Dataset): Promise<void> {
  const where = `${state.where}: adapt`;
  const refuse = (expected: string, got: string): never => {
    throw new OcellusError('ERR_OCELLUS_STATE', { where, expected, got });
  };
  if (state.isGiven) refuse('a layer without the options mean and variance', 'both');
  let moments: Moments | null = null;
  let sample: readonly number[] = [];
  for await (const item of isDataset(data) ? data : [{ x: data }]) {
    const tensor = toTensor(where, item.x as TensorInput, { itemShape: state.sample });
    const own = tensor.shape.slice(1);
    const fits = tensor.shape[0] > 0 && (moments === null || sameShape(own, sample));
    check(fits, 'ERR_OCELLUS_SHAPE', () => ({
      where,
      expected: moments ? `samples of shape ${shapeText(sample)}` : 'at least one sample',
      got: shapeText(tensor.shape),
    }));
    sample = own;
    moments ??= new Moments(sample, sampleAxes(where, state.axes ?? [], sample));
    const step = Math.max(1, Math.floor(elementsAtOnce / Math.max(1, sizeOf(sample))));
    for (let first = 0; first < tensor.shape[0]; first += step) {
      moments.add(tensor, first, Math.min(first + step, tensor.shape[0]));
      await setImmediate();
    }
  }
  if (state.isTaken) refuse('to be called, and awaited, before a model has weights', 'a model that has taken them');
  check(moments, 'ERR_OCELLUS_DATA', () => ({ where, expected: 'at least one batch', got: 'none' }));
  state.mean = [...moments.mean];
  state.variance = [...moments.variance];
}

/** Axes counted from the front and ascending. */
function sampleAxes(where: string, given: readonly number[], sample: readonly number[]): number[] {
  const axes = fromFront(given, sample.length + 1);
  check(axes, 'ERR_OCELLUS_SHAPE', () => ({
    where,
    expected: `samples with the axes ${given.join(', ')}, each once`,
    got: shapeText(sample),
  }));
  return axes;
}

/**
 * (x - mean) / deviation, along axes of one's choice; deviations below 1e-7 count as 1e-7. Any shape. Mean and variance
 * are options, or come from data by `adapt`, and are saved with the model; until then they are 0 and 1.
 * Statistics: mean, variance, of the sizes along `axis`.
 *
 * @example
 * const scaled = layers.normalization({ inputShape: [2] });
 * await scaled.adapt([[1, 10], [3, 30]]);
 * const net = sequential([scaled, layers.dense({ units: 1 })]);
 */
export const normalization = defineLayer<NormalizationOptions, Normalization, never, Adapting>({
  type: 'normalization',
  options: { axis: -1, mean: null, variance: null, invert: false },
  parse: parseNormalization,
  members: (state) => ({ adapt: (data) => adapt(state, data) }),
  call(context, [x], state) {
    const mean = known(context, x, state, 'mean');
    const least = context.op('fill', [], { value: leastDeviation, shape: [1] });
    const deviation = context.op('maximum', [context.op('sqrt', [known(context, x, state, 'variance')]), least]);
    if (state.invert) return context.op('add', [context.op('multiply', [x, deviation]), mean]);
    return context.op('divide', [context.op('subtract', [x, mean]), deviation]);
  },
});
