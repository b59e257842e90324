// Poolings that are told the size of their output: adaptive windows as even as whole cells allow (PyTorch, Keras), and
// fractional max pooling (Graham, "Fractional max-pooling", 2014), whose windows shift from step to step.

import type { Value } from '../../ops/op.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import type { OptionReader } from '../options.js';
import { asVolumes, fromVolumes, type PerAxis, type Rank, spatialSize, volumeAxes } from './spatial.js';
import { poolAxes } from './windows.js';

export interface AdaptivePoolingOptions<R extends Rank> extends LayerOptions {
  /** Number of windows: one number for all axes, or one per axis; null keeps an axis as it is. */
  outputSize: PerAxis<R> | null | readonly (number | null)[];
}

/** One number per axis, null where the input's size is kept. */
function readOutputSize(options: OptionReader, rank: Rank): (number | null)[] {
  const value = options.raw('outputSize');
  const list = Array.isArray(value) ? value : new Array<unknown>(rank).fill(value);
  const valid = (item: unknown) => item === null || (Number.isSafeInteger(item) && (item as number) >= 1);
  if (value !== undefined && list.length === rank && list.every(valid)) return list as (number | null)[];
  const several = rank === 1 ? '' : `, or ${rank} of them`;
  throw options.error('outputSize', `an integer at least 1 or null${several}`, value);
}

type Op = 'max' | 'average';

function adaptivePool(context: LayerContext, op: Op, x: Value, rank: Rank, wanted: readonly (number | null)[]): Value {
  const size = spatialSize(context, x, rank);
  const outputSize = wanted.map((count, axis) => count ?? size[axis]);
  // Windows of one size that do not overlap: the poolings that are used most are the fastest.
  if (outputSize.every((count, axis) => size[axis] % count === 0)) {
    const poolSize = size.map((length, axis) => length / outputSize[axis]);
    return poolAxes(context, `${op}Pool2d`, x, { poolSize, strides: poolSize, padding: size.flatMap(() => [0, 0]) });
  }
  const attrs = { outputSize: volumeAxes(outputSize, 1) };
  const name = op === 'max' ? 'adaptiveMaxPool3d' : 'adaptiveAveragePool3d';
  return fromVolumes(context, context.op(name, [asVolumes(context, x)], attrs), rank);
}

const adaptivePooling = <R extends Rank>(type: string, rank: R, op: Op) =>
  defineLayer<AdaptivePoolingOptions<R>, (number | null)[]>({
    type,
    options: { outputSize: undefined },
    parse: (options) => readOutputSize(options, rank),
    call: (context, [x], outputSize) => adaptivePool(context, op, x, rank, outputSize),
  });

/**
 * Largest values of `outputSize` windows: [batch, length, channels] → [batch, outputSize, channels]. Window i goes from
 * floor(i * length / outputSize) to ceil((i + 1) * length / outputSize).
 *
 * @example layers.adaptiveMaxPooling1d({ outputSize: 4 })
 */
export const adaptiveMaxPooling1d = adaptivePooling('adaptiveMaxPooling1d', 1, 'max');
/**
 * Largest values of `outputSize` windows: [batch, height, width, channels] → [batch, ...outputSize, channels].
 *
 * @example layers.adaptiveMaxPooling2d({ outputSize: [7, 7] })
 */
export const adaptiveMaxPooling2d = adaptivePooling('adaptiveMaxPooling2d', 2, 'max');
/**
 * Largest values of `outputSize` windows: [batch, depth, height, width, channels] → [batch, ...outputSize, channels].
 *
 * @example layers.adaptiveMaxPooling3d({ outputSize: [null, 3, 3] })
 */
export const adaptiveMaxPooling3d = adaptivePooling('adaptiveMaxPooling3d', 3, 'max');
/**
 * Means of `outputSize` windows: [batch, length, channels] → [batch, outputSize, channels].
 *
 * @example layers.adaptiveAveragePooling1d({ outputSize: 1 })
 */
export const adaptiveAveragePooling1d = adaptivePooling('adaptiveAveragePooling1d', 1, 'average');
/**
 * Means of `outputSize` windows: [batch, height, width, channels] → [batch, ...outputSize, channels]. Makes a network
 * with dense layers take images of any size.
 *
 * @example layers.adaptiveAveragePooling2d({ outputSize: 6 })
 */
export const adaptiveAveragePooling2d = adaptivePooling('adaptiveAveragePooling2d', 2, 'average');
/**
 * Means of `outputSize` windows: [batch, depth, height, width, channels] → [batch, ...outputSize, channels].
 *
 * @example layers.adaptiveAveragePooling3d({ outputSize: 2 })
 */
export const adaptiveAveragePooling3d = adaptivePooling('adaptiveAveragePooling3d', 3, 'average');

export interface FractionalMaxPoolingOptions<R extends Rank> extends LayerOptions {
  /** Size of the windows, which overlap by what the output's size leaves over. Default 2. */
  poolSize?: PerAxis<R>;
  /** Number of windows. Either this or `outputRatio`. */
  outputSize?: PerAxis<R>;
  /** Number of windows as a share of the input's size, in (0, 1). */
  outputRatio?: number;
  /** One number in [0, 1) per axis that fixes the windows. Default: drawn anew for every training step, 0.5 otherwise. */
  samples?: readonly number[];
}

interface FractionalSettings {
  readonly poolSize: readonly number[];
  readonly outputSize: readonly number[] | null;
  readonly outputRatio: number;
  readonly samples: readonly number[] | null;
}

function parseFractional(options: OptionReader, rank: Rank): FractionalSettings {
  const byRatio = options.has('outputRatio');
  if (byRatio === options.has('outputSize')) {
    throw options.error('outputSize', 'either outputSize or outputRatio', byRatio ? 'both' : 'neither');
  }
  const samples = options.raw('samples');
  const inRange = (sample: unknown) => typeof sample === 'number' && sample >= 0 && sample < 1;
  if (options.has('samples') && !(Array.isArray(samples) && samples.length === rank && samples.every(inRange))) {
    throw options.error('samples', `${rank} numbers in [0, 1)`, samples);
  }
  return {
    poolSize: options.perAxis('poolSize', rank, { min: 1 }),
    outputSize: byRatio ? null : options.perAxis('outputSize', rank, { min: 1 }),
    outputRatio: byRatio ? options.number('outputRatio', { above: 0, below: 1 }) : 1,
    samples: options.has('samples') ? (samples as number[]) : null,
  };
}

const fractionalMaxPooling = <R extends Rank>(type: string, rank: R) =>
  defineLayer<FractionalMaxPoolingOptions<R>, FractionalSettings>({
    type,
    options: { poolSize: 2, outputSize: undefined, outputRatio: undefined, samples: undefined },
    parse: (options) => parseFractional(options, rank),
    call(context, [x], { poolSize, outputSize, outputRatio, samples }) {
      const size = spatialSize(context, x, rank);
      const counts = outputSize ?? size.map((length) => Math.max(1, Math.floor(length * outputRatio)));
      const room = size.map((length, axis) => length - poolSize[axis] + 1);
      if (counts.some((count, axis) => count > room[axis])) {
        context.fail(`at most ${room.join('x')} windows of ${poolSize.join('x')}`, counts.join('x'));
      }
      const isDrawn = context.training && !samples;
      const y = context.op('fractionalMaxPool3d', [asVolumes(context, x), isDrawn ? context.seed() : null], {
        poolSize: volumeAxes(poolSize, 1),
        outputSize: volumeAxes(counts, 1),
        samples: volumeAxes(samples ?? new Array<number>(rank).fill(0.5), 0.5),
        salt: isDrawn ? context.salt : 0,
      });
      return fromVolumes(context, y, rank);
    },
  });

/**
 * Fractional max pooling: largest values of windows whose distances vary between two sizes, so that images shrink by
 * less than two. [batch, height, width, channels] → [batch, ...outputSize, channels]. In training the windows are drawn
 * from the model's seed in every step, the same for a whole batch; predictions use samples of 0.5.
 *
 * @example layers.fractionalMaxPooling2d({ poolSize: 2, outputRatio: 0.7 })
 */
export const fractionalMaxPooling2d = fractionalMaxPooling('fractionalMaxPooling2d', 2);
/**
 * Fractional max pooling of volumes: [batch, depth, height, width, channels] → [batch, ...outputSize, channels].
 *
 * @example layers.fractionalMaxPooling3d({ outputSize: 5 })
 */
export const fractionalMaxPooling3d = fractionalMaxPooling('fractionalMaxPooling3d', 3);
