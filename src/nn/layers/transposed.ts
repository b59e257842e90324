// Transposed convolutions, the gradients of convolutions with respect to their input, used to enlarge signals, images and
// volumes. Kernels are [...window, filters / groups, channels]: the two channel axes the other way round, as in Keras.

import { type Padding, resolveTransposed } from '../../ops/windows.js';
import { defineLayer } from '../layer.js';
import { readWeight, type WeightOptions, weightDefaults } from '../weight-options.js';
import { aliases, biasOf, checkGroups, convolve, type KernelOptions, kernelDefaults, parseKernel } from './convolve.js';
import { type PerAxis, type Rank, readPadding, spatialSize } from './spatial.js';

/** Options of conv1dTranspose, conv2dTranspose and conv3dTranspose; R is the number of spatial axes. kernelInitializer is 'glorotUniform' by default. */
export interface ConvTransposeOptions<R extends Rank> extends KernelOptions<R>, WeightOptions<'kernel'> {
  /** Number of output channels. */
  filters: number;
  /** Of the convolution this is the transpose of: what is cut off here. Default 'valid'. */
  padding?: Padding;
  /** Cells added at the end of each axis of the output; smaller than the stride. Default: what the padding asks for. */
  outputPadding?: PerAxis<R>;
  /** Splits channels and filters into this many parts that do not see each other. Default 1. */
  groups?: number;
}

const transposed = <R extends Rank>(type: string, rank: R) =>
  defineLayer<ConvTransposeOptions<R>, ReturnType<typeof parse>, 'dilationRate'>({
    type,
    options: {
      filters: undefined,
      ...kernelDefaults,
      outputPadding: undefined,
      groups: 1,
      ...weightDefaults('kernel', 'glorotUniform'),
    },
    aliases,
    parse: (options) => parse(options, rank),
    call(context, [x], settings) {
      const { filters, kernelSize, strides, dilation, groups } = settings;
      const inputSize = spatialSize(context, x, rank);
      const channels = x.shape[rank + 1];
      checkGroups(context, channels, groups);
      const sizes = { inputSize, kernelSize, strides, dilation };
      const { outputSize, padding } = resolveTransposed(settings.padding, sizes, settings.outputPadding, context.where);
      if (outputSize.some((size) => size < 1)) {
        context.fail('padding that leaves an output', `one of ${outputSize.join('x')}`);
      }
      const kernel = context.weight('kernel', [...kernelSize, filters / groups, channels], settings.kernel);
      const operands = [x, kernel, biasOf(context, filters, settings)] as const;
      return convolve(context, operands, { outputSize, strides, padding, dilation, groups }, settings.activation);
    },
  });

function parse(options: Parameters<typeof parseKernel>[0], rank: Rank) {
  const settings = parseKernel(options, rank);
  const filters = options.integer('filters', { min: 1 });
  const groups = options.integer('groups', { min: 1 });
  if (filters % groups !== 0) throw options.error('groups', `a divisor of filters (${filters})`, groups);
  const outputPadding = options.has('outputPadding') ? options.perAxis('outputPadding', rank, { min: 0 }) : undefined;
  if (outputPadding?.some((extra, axis) => extra >= settings.strides[axis])) {
    throw options.error('outputPadding', `smaller than the strides (${settings.strides})`, outputPadding);
  }
  return {
    ...settings,
    padding: readPadding(options, rank),
    filters,
    groups,
    outputPadding,
    kernel: readWeight(options, 'kernel'),
  };
}

/**
 * Transposed 1D convolution: [batch, length, channels] → [batch, length', filters]. padding 'same':
 * length' = length * stride; 'valid': length * stride + max(kernel - stride, 0); numbers: (length - 1) * stride + dilated
 * kernel - padding + outputPadding. Weights: kernel [k, filters / groups, channels], bias [filters]. As Keras's
 * Conv1DTranspose, with groups and padding in numbers beside.
 *
 * @example layers.conv1dTranspose({ filters: 8, kernelSize: 4, strides: 2, padding: 'same' })
 */
export const conv1dTranspose = transposed('conv1dTranspose', 1);

/**
 * Transposed 2D convolution: [batch, height, width, channels] → [batch, height', width', filters]. padding 'same':
 * height' = height * stride; 'valid': height * stride + max(kernel - stride, 0); numbers: (height - 1) * stride + dilated
 * kernel - padding + outputPadding. Weights: kernel [kh, kw, filters / groups, channels], bias [filters]. As Keras's
 * Conv2DTranspose, with groups and padding in numbers beside.
 *
 * @example layers.conv2dTranspose({ filters: 16, kernelSize: 3, strides: 2, padding: 'same' })
 */
export const conv2dTranspose = transposed('conv2dTranspose', 2);

/**
 * Transposed 3D convolution: [batch, depth, height, width, channels] → [batch, depth', height', width', filters].
 * padding 'same': depth' = depth * stride; 'valid': depth * stride + max(kernel - stride, 0); numbers: (depth - 1) *
 * stride + dilated kernel - padding + outputPadding. Weights: kernel [kd, kh, kw, filters / groups, channels], bias
 * [filters]. As Keras's Conv3DTranspose, with groups and padding in numbers beside.
 *
 * @example layers.conv3dTranspose({ filters: 4, kernelSize: 2, strides: 2 })
 */
export const conv3dTranspose = transposed('conv3dTranspose', 3);
