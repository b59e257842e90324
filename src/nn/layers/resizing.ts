// Layers that change the resolution: upsampling by whole factors, resizing to any size, and moving space into channels
// and back. Pixels have their centres at half, as in Keras and in PyTorch's default.

import { shapeText } from '../../core/shape.js';
import type { Value } from '../../ops/op.js';
import { defineLayer, type LayerContext, type LayerOptions } from '../layer.js';
import type { OptionReader } from '../options.js';
import { type PerAxis, type Rank, reshaped, spatialSize } from './spatial.js';

/**
 * nearest: the cell whose centre is nearest. linear (of images bilinear, of volumes trilinear): between the two cells
 * around. cubic (bicubic): Keys's cubic between four cells, with a = -1/2 as Keras and TensorFlow have it (PyTorch: -3/4).
 */
export type Interpolation = 'nearest' | 'linear' | 'bilinear' | 'trilinear' | 'cubic' | 'bicubic';

type Mode = 'nearest' | 'linear' | 'cubic';

/** Each name with its meaning along one axis; 'bilinear' and 'bicubic' are taken for any rank. */
const interpolations = {
  nearest: 'nearest',
  linear: 'linear',
  bilinear: 'linear',
  trilinear: 'linear',
  cubic: 'cubic',
  bicubic: 'cubic',
} as const satisfies Record<Interpolation, Mode>;

const readMode = (options: OptionReader): Mode =>
  interpolations[options.oneOf('interpolation', Object.keys(interpolations) as Interpolation[])];

interface Kernel {
  readonly mode: Mode;
  readonly alignCorners: boolean;
  readonly antialias: boolean;
}

/** Axis by axis, those that shrink first. */
function resized(context: LayerContext, x: Value, target: readonly number[], kernel: Kernel): Value {
  const { mode, alignCorners, antialias } = kernel;
  const growth = (axis: number) => target[axis] / x.shape[axis + 1];
  const axes = target.map((_, axis) => axis).sort((a, b) => growth(a) - growth(b) || a - b);
  return axes.reduce((value, axis) => {
    if (target[axis] === x.shape[axis + 1]) return value;
    const flags = { alignCorners: alignCorners ? 1 : 0, antialias: antialias ? 1 : 0 };
    return context.op('resize', [value], { axis: axis + 1, size: target[axis], mode, ...flags });
  }, x);
}

export interface UpSamplingOptions<R extends Rank> extends LayerOptions {
  /** How many times larger: one number for all axes, or one per axis. Default 2. */
  size?: PerAxis<R>;
  /** The same as size. */
  scaleFactor?: PerAxis<R>;
  /** Default 'nearest'. */
  interpolation?: Interpolation;
  /** true: the centres of the outermost cells stay where they are. Default false. Without effect on 'nearest'. */
  alignCorners?: boolean;
}

const upSampling = <R extends Rank>(type: string, rank: R) =>
  defineLayer<UpSamplingOptions<R>, { size: number[]; mode: Mode; alignCorners: boolean }, 'scaleFactor'>({
    type,
    options: { size: 2, interpolation: 'nearest', alignCorners: false },
    aliases: { scaleFactor: 'size' },
    parse: (options) => ({
      size: options.perAxis('size', rank, { min: 1 }),
      mode: readMode(options),
      alignCorners: options.boolean('alignCorners'),
    }),
    call(context, [x], { size, mode, alignCorners }) {
      const target = spatialSize(context, x, rank).map((length, axis) => length * size[axis]);
      return resized(context, x, target, { mode, alignCorners, antialias: false });
    },
  });

/**
 * A longer signal: [batch, length, channels] → [batch, length * size, channels].
 *
 * @example layers.upSampling1d({ size: 3, interpolation: 'linear' })
 */
export const upSampling1d = upSampling('upSampling1d', 1);
/**
 * A larger image: [batch, height, width, channels] → [batch, height * size, width * size, channels].
 *
 * @example layers.upSampling2d({ size: 2, interpolation: 'bilinear' })
 */
export const upSampling2d = upSampling('upSampling2d', 2);
/**
 * A larger volume: [batch, depth, height, width, channels], each spatial axis times its factor.
 *
 * @example layers.upSampling3d({ size: [1, 2, 2] })
 */
export const upSampling3d = upSampling('upSampling3d', 3);

export interface ResizingOptions extends LayerOptions {
  /** Rows of the output. */
  height: number;
  /** Columns of the output. */
  width: number;
  /** Default 'bilinear'. */
  interpolation?: Interpolation;
  /** true: the centres of the corner cells stay where they are. Default false. Without effect on 'nearest'. */
  alignCorners?: boolean;
  /**
   * true: along an axis that shrinks, every cell is looked at, by a kernel as much wider as the axis becomes shorter. Not
   * with alignCorners; without effect on 'nearest'. Default false.
   */
  antialias?: boolean;
}

type ResizingSettings = Kernel & { readonly target: readonly number[] };

/**
 * Images of another size: [batch, height', width', channels] → [batch, height, width, channels]. Without antialiasing,
 * as Keras's default: when an image shrinks by more than two, some cells are not looked at.
 *
 * @example layers.resizing({ height: 32, width: 32, interpolation: 'bicubic' })
 */
export const resizing = defineLayer<ResizingOptions, ResizingSettings>({
  type: 'resizing',
  options: { height: undefined, width: undefined, interpolation: 'bilinear', alignCorners: false, antialias: false },
  parse(options) {
    const [alignCorners, antialias] = [options.boolean('alignCorners'), options.boolean('antialias')];
    if (alignCorners && antialias) throw options.error('antialias', 'false where alignCorners is true', true);
    const target = [options.integer('height', { min: 1 }), options.integer('width', { min: 1 })];
    return { target, mode: readMode(options), alignCorners, antialias };
  },
  call(context, [x], { target, ...kernel }) {
    spatialSize(context, x, 2);
    return resized(context, x, target, kernel);
  },
});

export interface BlockOptions extends LayerOptions {
  /** Side of a block. Default 2. */
  blockSize?: number;
  /** Order of the new channels: 'blockFirst' (row, column, channel; TensorFlow) or 'channelFirst' (PyTorch's
   * pixelShuffle). Default 'blockFirst'. */
  order?: 'blockFirst' | 'channelFirst';
}

interface BlockSettings {
  readonly block: number;
  readonly channelFirst: boolean;
}

const parseBlock = (options: OptionReader): BlockSettings => ({
  block: options.integer('blockSize', { min: 1 }),
  channelFirst: options.oneOf('order', ['blockFirst', 'channelFirst']) === 'channelFirst',
});

/** Axes [rows, row in block, columns, column in block, channels] of an image in blocks, as one axis of channels. */
function toDepth(context: LayerContext, x: Value, { block, channelFirst }: BlockSettings): Value {
  const [height, width] = spatialSize(context, x, 2);
  if (height % block !== 0 || width % block !== 0) {
    context.fail(`a height and width that blocks of ${block} divide`, shapeText([height, width]));
  }
  const [batch, , , channels] = x.shape;
  const [rows, columns] = [height / block, width / block];
  const blocks = reshaped(context, x, [batch, rows, block, columns, block, channels]);
  const permutation = channelFirst ? [0, 1, 3, 5, 2, 4] : [0, 1, 3, 2, 4, 5];
  return reshaped(context, context.op('transpose', [blocks], { permutation }), [
    batch,
    rows,
    columns,
    block * block * channels,
  ]);
}

function toSpace(context: LayerContext, x: Value, { block, channelFirst }: BlockSettings): Value {
  const [rows, columns] = spatialSize(context, x, 2);
  const [batch, , , depth] = x.shape;
  const channels = depth / (block * block);
  if (!Number.isInteger(channels)) context.fail(`channels that ${block * block} divides`, depth);
  const inside = channelFirst ? [channels, block, block] : [block, block, channels];
  const blocks = reshaped(context, x, [batch, rows, columns, ...inside]);
  const permutation = channelFirst ? [0, 1, 4, 2, 5, 3] : [0, 1, 3, 2, 4, 5];
  const y = context.op('transpose', [blocks], { permutation });
  return reshaped(context, y, [batch, rows * block, columns * block, channels]);
}

/**
 * Blocks of an image become channels: [batch, height, width, channels] → [batch, height / b, width / b, b * b * channels].
 *
 * @example layers.spaceToDepth({ blockSize: 2 })
 */
export const spaceToDepth = defineLayer<BlockOptions, BlockSettings>({
  type: 'spaceToDepth',
  options: { blockSize: 2, order: 'blockFirst' },
  parse: parseBlock,
  call: (context, [x], settings) => toDepth(context, x, settings),
});

/**
 * Channels become blocks of an image: [batch, height, width, b * b * channels] → [batch, height * b, width * b, channels].
 *
 * @example layers.depthToSpace({ blockSize: 2 })
 */
export const depthToSpace = defineLayer<BlockOptions, BlockSettings>({
  type: 'depthToSpace',
  options: { blockSize: 2, order: 'blockFirst' },
  parse: parseBlock,
  call: (context, [x], settings) => toSpace(context, x, settings),
});

export interface PixelShuffleOptions extends LayerOptions {
  /** How many times larger. */
  upscaleFactor: number;
}

/**
 * Sub-pixel upsampling (Shi et al. 2016) with PyTorch's order of channels: depthToSpace with order 'channelFirst'.
 *
 * @example layers.pixelShuffle({ upscaleFactor: 2 })
 */
export const pixelShuffle = defineLayer<PixelShuffleOptions, number>({
  type: 'pixelShuffle',
  options: { upscaleFactor: undefined },
  parse: (options) => options.integer('upscaleFactor', { min: 1 }),
  call: (context, [x], block) => toSpace(context, x, { block, channelFirst: true }),
});

export interface PixelUnshuffleOptions extends LayerOptions {
  /** How many times smaller. */
  downscaleFactor: number;
}

/**
 * The way back from pixelShuffle: spaceToDepth with order 'channelFirst'.
 *
 * @example layers.pixelUnshuffle({ downscaleFactor: 2 })
 */
export const pixelUnshuffle = defineLayer<PixelUnshuffleOptions, number>({
  type: 'pixelUnshuffle',
  options: { downscaleFactor: undefined },
  parse: (options) => options.integer('downscaleFactor', { min: 1 }),
  call: (context, [x], block) => toDepth(context, x, { block, channelFirst: true }),
});
