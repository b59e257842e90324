// 2D convolution (cross-correlation, as deep learning calls it), its two gradients and its transpose. Four names for
// three products: conv2dTranspose is conv2dGradInput with bias and activation. Layout NHWC, weights HWIO.

import type { TensorSpec } from '../core/dtype.js';
import { sameShape, shapeText } from '../core/shape.js';
import { activateInPlace, fusedActivations, throughActivation } from './activation.js';
import { conv2dCases, conv2dGradInputCases, conv2dGradWeightCases, conv2dTransposeCases } from './conv-cases.js';
import {
  addForward,
  addGradInput,
  addGradWeight,
  convolutionFlops,
  forwardScratch,
  gradInputScratch,
  gradWeightScratch,
} from './convolution.js';
import { startWithBias } from './matmul.js';
import { attr, defineOp, floats, type InferContext, type Value } from './op.js';
import { type Geometry, geometryOf, type WindowAttrs } from './patches.js';
import { sumPerChannel } from './reduce.js';
import { atLeast, float32, floatInput, optionalOfShape, positiveSizes } from './rules.js';
import { outputSizes } from './windows.js';

const windowAttrs = {
  strides: attr.ints(2, [1, 1]),
  padding: attr.ints(4, [0, 0, 0, 0]),
  dilation: attr.ints(2, [1, 1]),
  groups: attr.int(1),
} as const;

/** Only the part of the attributes that gradients pass on. */
function windowAttrsOf({ strides, padding, dilation, groups }: WindowAttrs): WindowAttrs {
  return { strides, padding, dilation, groups };
}

function checkWindowAttrs(context: InferContext<WindowAttrs>): void {
  atLeast(context, 'strides', context.attrs.strides, 1);
  atLeast(context, 'padding', context.attrs.padding, 0);
  atLeast(context, 'dilation', context.attrs.dilation, 1);
  atLeast(context, 'groups', context.attrs.groups, 1);
}

function checkDivides(context: InferContext<WindowAttrs>, what: string, count: number): void {
  const { groups } = context.attrs;
  if (count % groups !== 0) context.fail(`${what} that groups (${groups}) divide`, count);
}

/** The windows' number along both axes, at least one each. */
function windowsOf(
  context: InferContext<WindowAttrs>,
  inputSize: readonly number[],
  kernelSize: readonly number[],
): number[] {
  const { strides, padding, dilation } = context.attrs;
  const sizes = outputSizes({ inputSize, kernelSize, strides, dilation }, padding);
  if (sizes.every((size) => size >= 1)) return sizes;
  const [top, bottom, left, right] = padding;
  const padded = `${inputSize[0] + top + bottom}x${inputSize[1] + left + right}`;
  const dilated = dilation.every((d) => d === 1) ? '' : `, dilation ${dilation.join(',')}`;
  const help = "a smaller kernel or dilation, padding: 'same', or fewer poolings and strides before";
  return context.fail(
    `a kernel that fits into the padded input of ${padded}`,
    `${shapeText(kernelSize)}${dilated}`,
    help,
  );
}

/** Checks that a convolution of an image of `inputSize` has the size of `output` (called `name`). */
function checkWindows(
  context: InferContext<WindowAttrs>,
  inputSize: readonly number[],
  kernelSize: readonly number[],
  name: string,
  output: readonly number[],
): void {
  const windows = windowsOf(context, inputSize, kernelSize);
  const size = output.slice(1, 3);
  if (sameShape(windows, size)) return;
  const help = `a kernel of ${shapeText(kernelSize)} over ${shapeText(inputSize)} has ${shapeText(windows)} windows`;
  context.fail(`'${name}' of ${shapeText(windows)} pixels`, shapeText(size), help);
}

/** Checks the weight [kh, kw, image channels / groups, filters] against the tensor on the side of the filters. */
function checkFilters(
  context: InferContext<WindowAttrs>,
  name: string,
  output: readonly number[],
  weight: TensorSpec,
): void {
  checkDivides(context, 'a number of filters', weight.shape[3]);
  if (output[3] === weight.shape[3]) return;
  context.fail(
    `'${name}' with ${weight.shape[3]} channels (the weight is ${shapeText(weight.shape)})`,
    shapeText(output),
  );
}

function weightInput(context: InferContext<WindowAttrs>): TensorSpec {
  const weight = floatInput(context, 1, 'weight', 4);
  if (weight.shape.includes(0)) context.fail("'weight' with sizes of at least 1", shapeText(weight.shape));
  return weight;
}

const shapeOf = (spec: TensorSpec | null) => spec?.shape ?? [];

/** Geometry when the image is input 0 and the weight input 1. */
const forwardGeometry = (inputs: readonly (TensorSpec | null)[], output: TensorSpec, attrs: WindowAttrs): Geometry =>
  geometryOf(shapeOf(inputs[0]), output.shape, shapeOf(inputs[1]), attrs);
/** Geometry when the image is the output. */
const backwardGeometry = (inputs: readonly (TensorSpec | null)[], image: TensorSpec, attrs: WindowAttrs): Geometry =>
  geometryOf(image.shape, shapeOf(inputs[0]), shapeOf(inputs[1]), attrs);
/** Geometry when the output is the weight. */
const weightGeometry = (inputs: readonly (TensorSpec | null)[], weight: TensorSpec, attrs: WindowAttrs): Geometry =>
  geometryOf(shapeOf(inputs[0]), shapeOf(inputs[1]), weight.shape, attrs);

const conv2d = defineOp({
  name: 'conv2d',
  inputs: ['x', 'weight', 'bias?'],
  outputs: ['y'],
  attrs: { ...windowAttrs, activation: attr.oneOf(fusedActivations, 'linear') },
  infer(context) {
    checkWindowAttrs(context);
    const x = floatInput(context, 0, 'x', 4);
    const weight = weightInput(context);
    positiveSizes(context, 'x', x);
    const [batch, height, width, channels] = x.shape;
    const [kernelHeight, kernelWidth, weightChannels, filters] = weight.shape;
    checkDivides(context, 'a number of input channels', channels);
    checkDivides(context, 'a number of filters', filters);
    const { groups } = context.attrs;
    if (weightChannels * groups !== channels) {
      const perGroup = groups === 1 ? '' : ` per group (${channels} / ${groups})`;
      const help = 'x is [batch, height, width, channels], the weight [height, width, channels / groups, filters]';
      context.fail(
        `'weight' for ${channels / groups} input channels${perGroup}`,
        `${weightChannels} (${shapeText(weight.shape)})`,
        help,
      );
    }
    optionalOfShape(context, 2, 'bias', [filters], 'one per filter');
    return [float32([batch, ...windowsOf(context, [height, width], [kernelHeight, kernelWidth]), filters])];
  },
  run({ inputs, outputs, attrs, scratch }) {
    const [x, weight, y] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    startWithBias(y, inputs[2] ? floats(inputs[2]) : undefined);
    addForward(forwardGeometry(inputs, outputs[0], attrs), x, weight, y, scratch);
    activateInPlace(y, attrs.activation);
  },
  gradient(context) {
    const [x, weight, bias] = context.inputs as readonly Value[];
    const { needs, attrs } = context;
    const dy = throughActivation(context, context.outputs[0], context.dOutputs[0] as Value, attrs.activation);
    const windows = windowAttrsOf(attrs as WindowAttrs);
    const inputSize = x.shape.slice(1, 3);
    const kernelSize = weight.shape.slice(0, 2);
    // The weight's first: x is free then, and its place may serve for dx.
    const dbias = bias && needs[2] ? sumPerChannel(context, dy) : null;
    const dWeight = needs[1] ? context.emit('conv2dGradWeight', [x, dy], { kernelSize, ...windows })[0] : null;
    const dx = needs[0] ? context.emit('conv2dGradInput', [dy, weight], { inputSize, ...windows })[0] : null;
    return [dx, dWeight, dbias];
  },
  flops: (inputs, outputs, attrs) => convolutionFlops(forwardGeometry(inputs, outputs[0], attrs)),
  scratch: (inputs, outputs, attrs) => forwardScratch(forwardGeometry(inputs, outputs[0], attrs)),
  cases: conv2dCases,
});

/** Shape of the image of which `output`, the first input, is the convolution with the second. */
function inferImage(
  context: InferContext<WindowAttrs>,
  name: string,
  imageSize: readonly number[],
  sizeName: string,
): TensorSpec {
  checkWindowAttrs(context);
  const output = floatInput(context, 0, name, 4);
  const weight = weightInput(context);
  positiveSizes(context, name, output);
  atLeast(context, sizeName, imageSize, 1);
  checkFilters(context, name, output.shape, weight);
  checkWindows(context, imageSize, weight.shape.slice(0, 2), name, output.shape);
  return float32([output.shape[0], ...imageSize, weight.shape[2] * context.attrs.groups]);
}

const conv2dGradInput = defineOp({
  name: 'conv2dGradInput',
  inputs: ['dy', 'weight'],
  outputs: ['dx'],
  attrs: { inputSize: attr.ints(2), ...windowAttrs },
  infer: (context) => [inferImage(context, 'dy', context.attrs.inputSize, 'inputSize')],
  run({ inputs, outputs, attrs, scratch }) {
    const [dy, weight, dx] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    dx.fill(0);
    addGradInput(backwardGeometry(inputs, outputs[0], attrs), dy, weight, dx, scratch);
  },
  gradient(context) {
    const [dy, weight] = context.inputs as readonly Value[];
    const image = context.dOutputs[0] as Value;
    const windows = windowAttrsOf(context.attrs as WindowAttrs);
    const kernelSize = weight.shape.slice(0, 2);
    return [
      context.needs[0] ? context.emit('conv2d', [image, weight, null], { ...windows, activation: 'linear' })[0] : null,
      context.needs[1] ? context.emit('conv2dGradWeight', [image, dy], { kernelSize, ...windows })[0] : null,
    ];
  },
  flops: (inputs, outputs, attrs) => convolutionFlops(backwardGeometry(inputs, outputs[0], attrs)),
  scratch: (inputs, outputs, attrs) => gradInputScratch(backwardGeometry(inputs, outputs[0], attrs)),
  cases: conv2dGradInputCases,
});

const conv2dGradWeight = defineOp({
  name: 'conv2dGradWeight',
  inputs: ['x', 'dy'],
  outputs: ['dw'],
  attrs: { kernelSize: attr.ints(2), ...windowAttrs },
  infer(context) {
    checkWindowAttrs(context);
    const x = floatInput(context, 0, 'x', 4);
    const dy = floatInput(context, 1, 'dy', 4);
    const { kernelSize, groups } = context.attrs;
    positiveSizes(context, 'x', x);
    positiveSizes(context, 'dy', dy);
    atLeast(context, 'kernelSize', kernelSize, 1);
    if (x.shape[0] !== dy.shape[0]) context.fail(`'dy' with the batch of 'x' (${x.shape[0]})`, dy.shape[0]);
    checkDivides(context, 'a number of input channels', x.shape[3]);
    checkDivides(context, 'a number of filters', dy.shape[3]);
    checkWindows(context, x.shape.slice(1, 3), kernelSize, 'dy', dy.shape);
    return [float32([...kernelSize, x.shape[3] / groups, dy.shape[3]])];
  },
  run({ inputs, outputs, attrs, scratch }) {
    const [x, dy, dw] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    dw.fill(0);
    addGradWeight(weightGeometry(inputs, outputs[0], attrs), x, dy, dw, scratch);
  },
  gradient(context) {
    const [x, dy] = context.inputs as readonly Value[];
    const weight = context.dOutputs[0] as Value;
    const windows = windowAttrsOf(context.attrs as WindowAttrs);
    const inputSize = x.shape.slice(1, 3);
    return [
      context.needs[0] ? context.emit('conv2dGradInput', [dy, weight], { inputSize, ...windows })[0] : null,
      context.needs[1] ? context.emit('conv2d', [x, weight, null], { ...windows, activation: 'linear' })[0] : null,
    ];
  },
  flops: (inputs, outputs, attrs) => convolutionFlops(weightGeometry(inputs, outputs[0], attrs)),
  scratch: (inputs, outputs, attrs) => gradWeightScratch(weightGeometry(inputs, outputs[0], attrs)),
  cases: conv2dGradWeightCases,
});

const conv2dTranspose = defineOp({
  name: 'conv2dTranspose',
  inputs: ['x', 'weight', 'bias?'],
  outputs: ['y'],
  attrs: { outputSize: attr.ints(2), ...windowAttrs, activation: attr.oneOf(fusedActivations, 'linear') },
  infer(context) {
    const y = inferImage(context, 'x', context.attrs.outputSize, 'outputSize');
    optionalOfShape(context, 2, 'bias', [y.shape[3]], 'one per output channel');
    return [y];
  },
  run({ inputs, outputs, attrs, scratch }) {
    const [x, weight, y] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
    startWithBias(y, inputs[2] ? floats(inputs[2]) : undefined);
    addGradInput(backwardGeometry(inputs, outputs[0], attrs), x, weight, y, scratch);
    activateInPlace(y, attrs.activation);
  },
  gradient(context) {
    const [x, weight, bias] = context.inputs as readonly Value[];
    const { needs, attrs } = context;
    const dy = throughActivation(context, context.outputs[0], context.dOutputs[0] as Value, attrs.activation);
    const windows = windowAttrsOf(attrs as WindowAttrs);
    const kernelSize = weight.shape.slice(0, 2);
    const dbias = bias && needs[2] ? sumPerChannel(context, dy) : null;
    const dWeight = needs[1] ? context.emit('conv2dGradWeight', [dy, x], { kernelSize, ...windows })[0] : null;
    const toInput = { ...windows, activation: 'linear' };
    const dx = needs[0] ? context.emit('conv2d', [dy, weight, null], toInput)[0] : null;
    return [dx, dWeight, dbias];
  },
  flops: (inputs, outputs, attrs) => convolutionFlops(backwardGeometry(inputs, outputs[0], attrs)),
  scratch: (inputs, outputs, attrs) => gradInputScratch(backwardGeometry(inputs, outputs[0], attrs)),
  cases: conv2dTransposeCases,
});

export const convOps = [conv2d, conv2dGradInput, conv2dGradWeight, conv2dTranspose];

/** Kernel size, channels and filters of conv2d and its gradients; null for other ops. */
export function conv2dSizes(node: {
  readonly op: { readonly name: string };
  readonly inputs: readonly (TensorSpec | null)[];
  readonly outputs: readonly TensorSpec[];
}): { kernelSize: readonly number[]; channels: number; filters: number; pixels: readonly number[] } | null {
  const weights: Record<string, TensorSpec | null> = {
    conv2d: node.inputs[1],
    conv2dGradInput: node.inputs[1],
    conv2dGradWeight: node.outputs[0],
  };
  const weight = weights[node.op.name];
  if (!weight) return null;
  const [height, width, channels, filters] = weight.shape;
  const output = node.op.name === 'conv2dGradWeight' ? node.inputs[1] : node.outputs[0];
  return { kernelSize: [height, width], channels, filters, pixels: output?.shape.slice(1, 3) ?? [] };
}
