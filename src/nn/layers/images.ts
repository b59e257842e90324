// What the layers on images share: their shape, their windows, their padding.

import { shapeText } from '../../core/shape.js';
import type { Value } from '../../ops/op.js';
import { outputSizes, type Padding, resolvePadding, type WindowSizes } from '../../ops/windows.js';
import type { LayerContext } from '../layer.js';
import type { OptionReader } from '../options.js';

/** One number for both axes, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];

/**
 * 'valid': none. 'same': ceil(input / stride) outputs, the odd cell at the end. Numbers: all sides, [vertical, horizontal],
 * [[top, bottom], [left, right]] or [top, bottom, left, right].
 */
export type { Padding } from '../../ops/windows.js';

/** [batch, height, width, channels] of an image batch. */
export function imageShape(context: LayerContext, x: Value): [number, number, number, number] {
  const { shape } = x;
  if (shape.length !== 4) {
    context.fail('samples [height, width, channels]', shapeText(shape.slice(1)), imageHelp(shape));
  }
  return shape as [number, number, number, number];
}

function imageHelp(shape: readonly number[]): string {
  if (shape.length === 3) return 'grey images need a channel axis of size 1: [height, width, 1]';
  return 'put a reshape({ targetShape: [height, width, channels] }) in front';
}

/** Checks a `padding` option while the sizes are unknown. */
export function readPadding(options: OptionReader): Padding {
  const value = options.raw('padding') as Padding;
  resolvePadding(
    value,
    { inputSize: [1, 1], kernelSize: [1, 1], strides: [1, 1] },
    `${options.where}, option 'padding'`,
  );
  return value;
}

/** [top, bottom, left, right] for this image; fails when not a single window fits. */
export function fitWindows(context: LayerContext, padding: Padding, sizes: WindowSizes): number[] {
  const sides = resolvePadding(padding, sizes, context.where);
  if (outputSizes(sizes, sides).every((size) => size >= 1)) return sides;
  const { kernelSize, dilation = [1, 1], inputSize } = sizes;
  const spread = dilation.every((step) => step === 1) ? '' : ` with dilation ${shapeText(dilation)}`;
  return context.fail(
    `an image, padding included, at least as large as the ${shapeText(kernelSize)} window${spread}`,
    `${shapeText(inputSize)} (height x width) with padding ${JSON.stringify(padding)}`,
    "use padding 'same', a smaller window, or fewer layers that shrink the image before this one",
  );
}
