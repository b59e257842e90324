// The way back from max pooling: values return to where they stood, everything else is zero (SegNet, Badrinarayanan,
// Kendall & Cipolla 2015).

import { sameShape, shapeText } from '../../core/shape.js';
import { defineLayer, type LayerOptions } from '../layer.js';
import { asVolumes, fromVolumes, type PerAxis, type Rank, spatialSize, volumeAxes } from './spatial.js';

export interface MaxUnpoolingOptions<R extends Rank> extends LayerOptions {
  /** Size of the windows that were pooled. Default 2. */
  poolSize?: PerAxis<R>;
  /** Their distance. Default: poolSize. */
  strides?: PerAxis<R>;
  /** Cells that were added on every side. Default 0. */
  padding?: PerAxis<R>;
  /** Size of the output. Default: (size - 1) * stride - 2 * padding + pool, the smallest input that has these windows. */
  outputSize?: PerAxis<R>;
}

interface Settings {
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly number[];
  readonly outputSize: readonly number[] | null;
}

const maxUnpooling = <R extends Rank>(type: string, rank: R) =>
  defineLayer<MaxUnpoolingOptions<R>, Settings>({
    type,
    options: { poolSize: 2, strides: undefined, padding: 0, outputSize: undefined },
    arity: 2,
    anyDtype: true,
    parse(options) {
      const poolSize = options.perAxis('poolSize', rank, { min: 1 });
      return {
        poolSize,
        strides: options.has('strides') ? options.perAxis('strides', rank, { min: 1 }) : poolSize,
        padding: options.perAxis('padding', rank, { min: 0 }),
        outputSize: options.has('outputSize') ? options.perAxis('outputSize', rank, { min: 1 }) : null,
      };
    },
    call(context, [x, indices], { poolSize, strides, padding, outputSize }) {
      const size = spatialSize(context, x, rank);
      if (x.dtype !== 'float32') context.fail('values of type float32 as the first input', x.dtype);
      if (indices.dtype !== 'int32' || !sameShape(indices.shape, x.shape)) {
        const help = `the second input comes from maxPoolingIndices${rank}d`;
        context.fail(
          `int32 indices ${shapeText(x.shape.slice(1))}`,
          `${indices.dtype} ${shapeText(indices.shape.slice(1))}`,
          help,
        );
      }
      const grown = outputSize ?? size.map((n, axis) => (n - 1) * strides[axis] - 2 * padding[axis] + poolSize[axis]);
      if (grown.some((n) => n < 1)) context.fail('padding that leaves an output', padding);
      const volumes = [asVolumes(context, x), asVolumes(context, indices)];
      const y = context.op('maxUnpool', volumes, { outputSize: volumeAxes(grown, 1), accumulate: 0 });
      return fromVolumes(context, y, rank);
    },
  });

/**
 * Puts pooled values back: inputs [batch, length, channels] and the indices of maxPoolingIndices1d → [batch, length',
 * channels], zero wherever no maximum stood.
 *
 * @example layers.maxUnpooling1d({ poolSize: 2 })
 */
export const maxUnpooling1d = maxUnpooling('maxUnpooling1d', 1);
/**
 * Puts pooled values back: inputs [batch, height, width, channels] and the indices of maxPoolingIndices2d → [batch,
 * height', width', channels], zero wherever no maximum stood. Where windows overlap, the last of equal indices counts.
 *
 * @example layers.maxUnpooling2d({ poolSize: 2, outputSize: [9, 9] })
 */
export const maxUnpooling2d = maxUnpooling('maxUnpooling2d', 2);
/**
 * Puts pooled values back: inputs [batch, depth, height, width, channels] and the indices of maxPoolingIndices3d.
 *
 * @example layers.maxUnpooling3d({ poolSize: 2 })
 */
export const maxUnpooling3d = maxUnpooling('maxUnpooling3d', 3);
