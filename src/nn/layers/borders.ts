// Layers that add cells around signals, images and volumes (zeros, or the input's own values) and that cut them off.

import { shapeText } from '../../core/shape.js';
import type { Value } from '../../ops/op.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import { type Rank, readSides, type Sides, spatialSize } from './spatial.js';

export interface BorderOptions extends LayerOptions {
  /**
   * Cells on each side: one number for all, one per axis, one pair [before, after] per axis, or all sides in one row (of
   * an image [top, bottom, left, right]; a signal takes [before, after]). Default 1.
   */
  padding?: Sides;
}

type Mode = 'constant' | 'reflect' | 'replicate' | 'circular';

const split = (sides: readonly number[], from: number): number[] => sides.filter((_, i) => i % 2 === from);

/** A border may show at most what there is to show. */
function checkRoom(context: LayerContext, mode: Mode, x: Value, sides: readonly number[], rank: Rank): void {
  const size = spatialSize(context, x, rank);
  const most = size.map((length) => (mode === 'reflect' ? length - 1 : mode === 'circular' ? length : Infinity));
  if (sides.every((side, i) => side <= most[i >> 1])) return;
  const help = mode === 'reflect' ? 'a mirror shows all cells but the one at the border' : undefined;
  context.fail(`a padding of at most ${most.join('x')} for ${mode} borders of ${shapeText(size)}`, sides, help);
}

const bordered = (type: string, rank: Rank, mode: Mode) =>
  defineLayer<BorderOptions, number[]>({
    type,
    options: { padding: 1 },
    parse: (options) => readSides(options, 'padding', rank),
    call(context, [x], sides) {
      checkRoom(context, mode, x, sides, rank);
      const attrs = { before: [0, ...split(sides, 0), 0], after: [0, ...split(sides, 1), 0] };
      if (sides.every((side) => side === 0)) return x;
      if (mode === 'constant') return context.op('pad', [x], attrs);
      return context.op('pad', [x], { ...attrs, mode });
    },
  });

/**
 * Zeros around a signal: [batch, length, channels] → [batch, before + length + after, channels].
 *
 * @example layers.zeroPadding1d({ padding: [2, 0] })
 */
export const zeroPadding1d = bordered('zeroPadding1d', 1, 'constant');
/**
 * Zeros around an image: [batch, height, width, channels] → [batch, height + top + bottom, width + left + right, channels].
 *
 * @example layers.zeroPadding2d({ padding: [[0, 1], [0, 1]] })
 */
export const zeroPadding2d = bordered('zeroPadding2d', 2, 'constant');
/**
 * Zeros around a volume: [batch, depth, height, width, channels], each spatial axis longer by both its sides.
 *
 * @example layers.zeroPadding3d({ padding: [1, 2, 2] })
 */
export const zeroPadding3d = bordered('zeroPadding3d', 3, 'constant');

/**
 * A signal mirrored at its ends, without the last cell itself: 1 2 3 → 3 2 1 2 3 2 1 for a padding of 2.
 *
 * @example layers.reflectionPadding1d({ padding: 2 })
 */
export const reflectionPadding1d = bordered('reflectionPadding1d', 1, 'reflect');
/**
 * An image mirrored at its borders, without the border itself: shapes as for zeroPadding2d.
 *
 * @example layers.reflectionPadding2d({ padding: 3 })
 */
export const reflectionPadding2d = bordered('reflectionPadding2d', 2, 'reflect');
/**
 * A volume mirrored at its borders, without the border itself.
 *
 * @example layers.reflectionPadding3d({ padding: 1 })
 */
export const reflectionPadding3d = bordered('reflectionPadding3d', 3, 'reflect');

/**
 * A signal whose ends go on as they are: 1 2 3 → 1 1 1 2 3 3 3 for a padding of 2.
 *
 * @example layers.replicationPadding1d({ padding: [0, 4] })
 */
export const replicationPadding1d = bordered('replicationPadding1d', 1, 'replicate');
/**
 * An image whose border cells are repeated outwards: shapes as for zeroPadding2d.
 *
 * @example layers.replicationPadding2d({ padding: 1 })
 */
export const replicationPadding2d = bordered('replicationPadding2d', 2, 'replicate');
/**
 * A volume whose border cells are repeated outwards.
 *
 * @example layers.replicationPadding3d({ padding: 1 })
 */
export const replicationPadding3d = bordered('replicationPadding3d', 3, 'replicate');

/**
 * A periodic signal: 1 2 3 → 2 3 1 2 3 1 2 for a padding of 2.
 *
 * @example layers.circularPadding1d({ padding: 2 })
 */
export const circularPadding1d = bordered('circularPadding1d', 1, 'circular');
/**
 * An image continued from its opposite side: shapes as for zeroPadding2d.
 *
 * @example layers.circularPadding2d({ padding: [0, 1] })
 */
export const circularPadding2d = bordered('circularPadding2d', 2, 'circular');
/**
 * A volume continued from its opposite side.
 *
 * @example layers.circularPadding3d({ padding: 1 })
 */
export const circularPadding3d = bordered('circularPadding3d', 3, 'circular');

export interface CroppingOptions extends LayerOptions {
  /** Cells to cut off on each side, in the forms that `padding` of zeroPadding2d has. Default 1. */
  cropping?: Sides;
}

const cropping = (type: string, rank: Rank) =>
  defineLayer<CroppingOptions, number[]>({
    type,
    options: { cropping: 1 },
    parse: (options) => readSides(options, 'cropping', rank),
    call(context, [x], sides) {
      const size = spatialSize(context, x, rank);
      const left = size.map((length, axis) => length - sides[2 * axis] - sides[2 * axis + 1]);
      if (left.some((length) => length < 1)) {
        context.fail(`a cropping that leaves something of ${shapeText(size)}`, sides);
      }
      const attrs = { begin: [0, ...split(sides, 0), 0], size: [x.shape[0], ...left, x.shape[rank + 1]] };
      return context.op('slice', [x], attrs);
    },
  });

/**
 * Cuts off the ends of a signal: [batch, length, channels] → [batch, length - before - after, channels].
 *
 * @example layers.cropping1d({ cropping: [1, 2] })
 */
export const cropping1d = cropping('cropping1d', 1);
/**
 * Cuts off the borders of an image: [batch, height, width, channels], each spatial axis shorter by both its sides.
 *
 * @example layers.cropping2d({ cropping: [[2, 2], [4, 4]] })
 */
export const cropping2d = cropping('cropping2d', 2);
/**
 * Cuts off the borders of a volume.
 *
 * @example layers.cropping3d({ cropping: [1, 2, 2] })
 */
export const cropping3d = cropping('cropping3d', 3);
