// ONNX's convolutions, poolings and normalizations: channels first becomes channels last and back at every node.

import { convolve } from '../../src/nn/layers/convolve.js';
import { layers } from '../../src/nn/layers/index.js';
import type { AnyAttrs, Value } from '../../src/ops/op.js';
import { kernelSpan } from '../../src/ops/windows.js';
import {
  integers,
  NotApplicable,
  number,
  reasons,
  type Site,
  spatial,
  type Translation,
  transposed,
} from './onnx-site.js';

/** Applies `body` to x [batch, …, channels]. */
function channelsLast(site: Site, x: Value, body: (x: Value) => Value): Value {
  const rank = x.shape.length;
  const y = body(transposed(site, x, [0, ...spatial(rank), 1]));
  return transposed(site, y, [0, rank - 1, ...spatial(rank).map((axis) => axis - 1)]);
}

/** [before, after] per axis, from ONNX's pads [before…, after…] or from auto_pad. */
function padding(site: Site, size: readonly number[], kernel: readonly number[]): number[] {
  const strides = integers(
    site,
    'strides',
    size.map(() => 1),
  );
  const dilation = integers(
    site,
    'dilations',
    size.map(() => 1),
  );
  const pads = integers(
    site,
    'pads',
    [...size, ...size].map(() => 0),
  );
  const auto = site.node.attributes.auto_pad ?? 'NOTSET';
  return size.flatMap((length, axis) => {
    if (auto === 'NOTSET' || auto === 'VALID') return [pads[axis], pads[axis + size.length]];
    const wanted = (Math.ceil(length / strides[axis]) - 1) * strides[axis];
    const total = Math.max(0, wanted + kernelSpan(kernel[axis], dilation[axis]) - length);
    const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
    return auto === 'SAME_LOWER' ? [more, less] : [less, more];
  });
}

export const conv: Translation = (site) => {
  const [x, weight] = [site.value(0), site.value(1)];
  const bias = site.node.inputs[2] ? site.value(2) : null;
  const rank = x.shape.length;
  const size = x.shape.slice(2);
  const attrs = {
    strides: integers(
      site,
      'strides',
      size.map(() => 1),
    ),
    dilation: integers(
      site,
      'dilations',
      size.map(() => 1),
    ),
    padding: padding(site, size, weight.shape.slice(2)),
    groups: number(site, 'group', 1),
  };
  const kernel = transposed(site, weight, [...spatial(rank), 1, 0]);
  return [channelsLast(site, x, (image) => convolve(site.context, [image, kernel, bias], attrs, 'linear'))];
};

/** Options of a pooling layer. */
function windows(site: Site, x: Value): { options: AnyAttrs; rank: 1 | 2 | 3 } {
  const size = x.shape.slice(2);
  const poolSize = integers(site, 'kernel_shape', []);
  const options = {
    poolSize,
    strides: integers(
      site,
      'strides',
      size.map(() => 1),
    ),
    dilation: integers(
      site,
      'dilations',
      size.map(() => 1),
    ),
    padding: padding(site, size, poolSize),
    ceilMode: number(site, 'ceil_mode', 0) === 1,
  };
  return { options, rank: size.length as 1 | 2 | 3 };
}

export const maxPool: Translation = (site) => {
  const x = site.value(0);
  const { options, rank } = windows(site, x);
  const apply = (kind: 'maxPooling' | 'maxPoolingIndices') =>
    channelsLast(site, x, (image) => {
      const layer = layers[`${kind}${rank}d` as 'maxPooling2d'](options);
      return site.context.layer(layer, [image], kind);
    });
  if (!site.node.outputs[1]) return [apply('maxPooling')];
  if (number(site, 'storage_order', 0) === 1) throw new NotApplicable(reasons.columns);
  return [apply('maxPooling'), apply('maxPoolingIndices')];
};

export const averagePool: Translation = (site) => {
  const x = site.value(0);
  const { options, rank } = windows(site, x);
  const countIncludePad = number(site, 'count_include_pad', 0) === 1;
  const layer = layers[`averagePooling${rank}d` as 'averagePooling2d']({ ...options, countIncludePad });
  return [channelsLast(site, x, (image) => site.context.layer(layer, [image], 'pool'))];
};

export const globalPool =
  (kind: 'Max' | 'Average'): Translation =>
  (site) => {
    const layer = layers[`global${kind}Pooling2d`]({ keepDims: true });
    return [channelsLast(site, site.value(0), (image) => site.context.layer(layer, [image], 'pool'))];
  };

export const batchNormalization: Translation = (site) => {
  const [x, gamma, beta, mean, variance] = [0, 1, 2, 3, 4].map((i) => site.value(i));
  const epsilon = number(site, 'epsilon', 1e-5);
  if (number(site, 'training_mode', 0) === 0) {
    const normalize = (image: Value) =>
      site.context.op('batchNormInference', [image, gamma, beta, mean, variance], { epsilon });
    return [channelsLast(site, x, normalize)];
  }
  const statistics: Value[] = [];
  const y = channelsLast(site, x, (image) => {
    const [result, ...own] = site.context.emit('batchNorm', [image, gamma, beta], { epsilon });
    statistics.push(...own);
    return result;
  });
  const attrs = { momentum: number(site, 'momentum', 0.9), correction: 1 };
  const averages = [mean, variance].map((average, i) =>
    site.context.op('updateAverage', [average, statistics[i]], attrs),
  );
  return [y, ...averages];
};

export const localResponse: Translation = (site) => {
  const size = number(site, 'size', 1);
  const attrs = {
    depthRadius: (size - 1) / 2,
    bias: number(site, 'bias', 1),
    alpha: number(site, 'alpha', 1e-4) / size,
    beta: number(site, 'beta', 0.75),
  };
  return [channelsLast(site, site.value(0), (image) => site.context.op('localResponseNorm', [image], attrs))];
};
