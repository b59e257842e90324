// conv2d in two ops, which `lower` (graph) puts in its place where a weight serves for many runs: bring the weight into
// the order in which matrix products read it, and convolve with that. The sums are conv2d's, term by term.

import type { FloatArray, TensorSpec, TensorView } from '../core/dtype.js';
import { sizeOf } from '../core/shape.js';
import { fusedActivations } from './activation.js';
import { convOps } from './conv.js';
import { type AnyAttrs, type AttrsOf, attr, defineOp, floats, type OpCase } from './op.js';
import { atLeast, float32, floatInput, floatOfShape } from './rules.js';

const [conv2d] = convOps;

/** Filters stand in panels of this many columns: [panels, kernel height * width * channels, 32]. */
const panel = 32;

function packedShape([height, width, channels, filters]: readonly number[]): number[] {
  return [Math.ceil(filters / panel), height * width * channels, panel];
}

const packFilter = defineOp({
  name: 'packFilter',
  inputs: ['weight'],
  outputs: ['packed'],
  attrs: {},
  infer(context) {
    const { shape } = floatInput(context, 0, 'weight', 4);
    if (shape.includes(0)) context.fail("'weight' with sizes of at least 1", shape.join('x'));
    return [float32(packedShape(shape))];
  },
  run({ inputs, outputs: [packed] }) {
    const [weight, filters] = [floats(inputs[0]), inputs[0]!.shape[3]];
    packed.data.fill(0);
    forPlaces(packed.shape[1], filters, (place, from) => {
      packed.data[place] = weight[from];
    });
  },
  cases: [
    { name: 'one panel', inputs: [{ shape: [3, 3, 5, 7] }] },
    { name: 'whole panels', inputs: [{ shape: [2, 1, 3, 64] }] },
    { name: 'a rest', inputs: [{ shape: [1, 3, 37, 77] }] },
  ],
});

/** Calls `body` with the place of every element in the packed weight and in the weight [length, filters]. */
function forPlaces(length: number, filters: number, body: (packed: number, weight: number) => void): void {
  for (let k = 0; k < length; k++) {
    for (let f = 0; f < filters; f++) body((Math.floor(f / panel) * length + k) * panel + (f % panel), k * filters + f);
  }
}

const packedAttrs = {
  kernelSize: attr.ints(2),
  filters: attr.int(),
  strides: attr.ints(2, [1, 1]),
  padding: attr.ints(4, [0, 0, 0, 0]),
  dilation: attr.ints(2, [1, 1]),
  activation: attr.oneOf(fusedActivations, 'linear'),
} as const;

/** What conv2d would get: the weight's shape and its attributes. */
function unpacked(
  x: TensorSpec | null,
  { kernelSize, filters, ...attrs }: AttrsOf<typeof packedAttrs>,
): { weight: TensorSpec; attrs: AnyAttrs } {
  const weight = float32([...kernelSize, x?.shape[3] ?? 0, filters]);
  return { weight, attrs: { ...attrs, groups: 1 } };
}

const packedConv2d = defineOp({
  name: 'packedConv2d',
  inputs: ['x', 'packed', 'bias?', 'residual?'],
  outputs: ['y'],
  attrs: packedAttrs,
  infer(context) {
    const x = floatInput(context, 0, 'x', 4);
    atLeast(context, 'kernelSize', context.attrs.kernelSize, 1);
    atLeast(context, 'filters', context.attrs.filters, 1);
    const { weight, attrs } = unpacked(x, context.attrs);
    floatOfShape(context, 1, 'packed', packedShape(weight.shape), 'the packed weight');
    return conv2d.infer({ ...context, inputs: [x, weight, ...context.inputs.slice(2)], attrs });
  },
  run({ inputs: [x, packed, ...addends], outputs, attrs: given, scratch }) {
    const { weight, attrs } = unpacked(x, given);
    const size = sizeOf(weight.shape);
    const from = floats(packed);
    const stored: TensorView & { data: FloatArray } = { ...weight, data: scratch.subarray(0, size) };
    forPlaces(size / given.filters, given.filters, (place, to) => {
      stored.data[to] = from[place];
    });
    conv2d.run({ inputs: [x, stored, ...addends], outputs, attrs, scratch: scratch.subarray(size) });
  },
  flops([x, , ...addends], outputs, given) {
    const { weight, attrs } = unpacked(x, given);
    return conv2d.flops?.([x, weight, ...addends], outputs, attrs) ?? 0;
  },
  scratch([x, , ...addends], outputs, given) {
    const { weight, attrs } = unpacked(x, given);
    return sizeOf(weight.shape) + (conv2d.scratch?.([x, weight, ...addends], outputs, attrs) ?? 0);
  },
  cases: [
    ...conv2d.cases.filter(({ attrs }) => attrs?.groups === 1).map(packedCase),
    ...[
      { name: '1x1, many pixels', image: [2, 13, 11, 20], filters: 70 },
      { name: '1x1, several runs', image: [1, 3, 5, 800], filters: 41 },
    ].map(({ name, image, filters }) => ({
      name,
      inputs: [{ shape: image }, { shape: packedShape([1, 1, image[3], filters]) }, { shape: [filters] }],
      attrs: { kernelSize: [1, 1], filters },
    })),
  ],
});

/** A case of conv2d with a packed weight; what stands behind the last filter must not matter. */
function packedCase({ name, inputs: [x, weight, ...addends], attrs = {} }: OpCase): OpCase {
  const { shape } = weight!;
  const { groups, ...others } = attrs;
  return {
    name,
    inputs: [x, { shape: packedShape(shape) }, ...addends],
    attrs: { kernelSize: shape.slice(0, 2), filters: shape[3], ...others },
  };
}

export const packedOps = [packFilter, packedConv2d];
