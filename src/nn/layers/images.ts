// What the layers on images share: their shape, their windows, their padding.

import type { Value } from '../../ops/op.js';
import type { Padding, WindowSizes } from '../../ops/windows.js';
import type { LayerContext } from '../layer.js';
import type { OptionReader } from '../options.js';
import * as spatial from './spatial.js';

/** One number for both axes, or [vertical, horizontal]. */
export type Pair = spatial.PerAxis<2>;

/**
 * 'valid': none. 'same': ceil(input / stride) outputs, the odd cell at the end. Numbers: all sides, [vertical, horizontal],
 * [[top, bottom], [left, right]] or [top, bottom, left, right].
 */
export type { Padding } from '../../ops/windows.js';

/** [batch, height, width, channels] of an image batch. */
export function imageShape(context: LayerContext, x: Value): [number, number, number, number] {
  spatial.spatialSize(context, x, 2);
  return x.shape as [number, number, number, number];
}

/** Checks a `padding` option while the sizes are unknown. */
export const readPadding = (options: OptionReader): Padding => spatial.readPadding(options, 2);

/** [top, bottom, left, right] for this image; fails when not a single window fits. */
export const fitWindows = (context: LayerContext, padding: Padding, sizes: WindowSizes): number[] =>
  spatial.fitSpatialWindows(context, padding, sizes);
