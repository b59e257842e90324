// Convolution (cross-correlation, as deep learning calls it) of images and volumes, its two gradients and its transpose.
// Four names for three products: the transpose is the gradient of the input with bias and activation. One set of rows
// serves two and three spatial axes. Layout NHWC or NDHWC, weights HWIO or DHWIO.

import type { FloatArray, TensorSpec } from '../core/dtype.js';
import { sameShape, shapeText } from '../core/shape.js';
import { activateInPlace, fusedActivations, throughActivation } from './activation.js';
import { type ConvolutionCases, casesOf, imageProblems, residuals, volumeProblems } from './conv-cases.js';
import * as images from './convolution.js';
import { startWithBias } from './dense.js';
import { type AnyOp, attr, defineOp, floats, type InferContext, type Value } from './op.js';
import { geometryOf, type WindowAttrs } from './patches.js';
import { sumPerChannel } from './reduce.js';
import { atLeast, float32, floatInput, optionalOfShape, positiveSizes } from './rules.js';
import * as volumes from './volume.js';
import { outputSizes } from './windows.js';

/** The products of one number of spatial axes; all add to their result. */
interface Products<G> {
  /** From the image, the output and the kernel's sizes. */
  geometryOf(image: readonly number[], output: readonly number[], kernelSize: readonly number[], attrs: WindowAttrs): G;
  convolutionFlops(g: G): number;
  forwardScratch(g: G): number;
  gradInputScratch(g: G): number;
  gradWeightScratch(g: G): number;
  addForward(g: G, x: FloatArray, weight: FloatArray, y: FloatArray, scratch: FloatArray): void;
  addGradInput(g: G, dy: FloatArray, weight: FloatArray, dx: FloatArray, scratch: FloatArray): void;
  addGradWeight(g: G, x: FloatArray, dy: FloatArray, dw: FloatArray, scratch: FloatArray): void;
}

/** Sizes between the batch and the channels; those of a kernel are its first ones. */
const spatialOf = (shape: readonly number[]) => shape.slice(1, -1);
const kernelOf = (weight: readonly number[]) => weight.slice(0, -2);
const channelsOf = (shape: readonly number[]) => shape[shape.length - 1];

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

/** The windows' number along each axis, at least one. */
function windowsOf(
  context: InferContext<WindowAttrs>,
  inputSize: readonly number[],
  kernelSize: readonly number[],
): number[] {
  const { strides, padding, dilation } = context.attrs;
  const sizes = outputSizes({ inputSize, kernelSize, strides, dilation }, padding);
  if (sizes.every((size) => size >= 1)) return sizes;
  const padded = shapeText(inputSize.map((size, axis) => size + padding[2 * axis] + padding[2 * axis + 1]));
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
  const size = spatialOf(output);
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
  const filters = channelsOf(weight.shape);
  checkDivides(context, 'a number of filters', filters);
  if (channelsOf(output) === filters) return;
  context.fail(`'${name}' with ${filters} channels (the weight is ${shapeText(weight.shape)})`, shapeText(output));
}

function weightInput(context: InferContext<WindowAttrs>, axes: number): TensorSpec {
  const weight = floatInput(context, 1, 'weight', axes + 2);
  if (weight.shape.includes(0)) context.fail("'weight' with sizes of at least 1", shapeText(weight.shape));
  return weight;
}

const shapeOf = (spec: TensorSpec | null) => spec?.shape ?? [];

/** Shape of the image of which `output`, the first input, is the convolution with the second. */
function inferImage(
  context: InferContext<WindowAttrs>,
  name: string,
  imageSize: readonly number[],
  sizeName: string,
): TensorSpec {
  const axes = imageSize.length;
  checkWindowAttrs(context);
  const output = floatInput(context, 0, name, axes + 2);
  const weight = weightInput(context, axes);
  positiveSizes(context, name, output);
  atLeast(context, sizeName, imageSize, 1);
  checkFilters(context, name, output.shape, weight);
  checkWindows(context, imageSize, kernelOf(weight.shape), name, output.shape);
  return float32([output.shape[0], ...imageSize, weight.shape[axes] * context.attrs.groups]);
}

function addTo(y: FloatArray, other: FloatArray): void {
  for (let i = 0; i < y.length; i++) y[i] += other[i];
}

/** The four rows of one number of spatial axes. `sizes` names them in messages. */
function rowsOf<G>(name: string, sizes: string, products: Products<G>, cases: ConvolutionCases): AnyOp[] {
  const axes = sizes.split(', ').length;
  const [gradInputName, gradWeightName] = [`${name}GradInput`, `${name}GradWeight`];
  const windowAttrs = {
    strides: attr.ints(axes, new Array<number>(axes).fill(1)),
    padding: attr.ints(2 * axes, new Array<number>(2 * axes).fill(0)),
    dilation: attr.ints(axes, new Array<number>(axes).fill(1)),
    groups: attr.int(1),
  } as const;
  /** Geometry when the image is input 0 and the weight input 1. */
  const forwardGeometry = (inputs: readonly (TensorSpec | null)[], output: TensorSpec, attrs: WindowAttrs) =>
    products.geometryOf(shapeOf(inputs[0]), output.shape, kernelOf(shapeOf(inputs[1])), attrs);
  /** Geometry when the image is the output. */
  const backwardGeometry = (inputs: readonly (TensorSpec | null)[], image: TensorSpec, attrs: WindowAttrs) =>
    products.geometryOf(image.shape, shapeOf(inputs[0]), kernelOf(shapeOf(inputs[1])), attrs);
  /** Geometry when the output is the weight. */
  const weightGeometry = (inputs: readonly (TensorSpec | null)[], weight: TensorSpec, attrs: WindowAttrs) =>
    products.geometryOf(shapeOf(inputs[0]), shapeOf(inputs[1]), kernelOf(weight.shape), attrs);

  // y = activation(convolution of x + bias + residual)
  const forward = defineOp({
    name,
    inputs: ['x', 'weight', 'bias?', 'residual?'],
    outputs: ['y'],
    attrs: { ...windowAttrs, activation: attr.oneOf(fusedActivations, 'linear') },
    infer(context) {
      checkWindowAttrs(context);
      const x = floatInput(context, 0, 'x', axes + 2);
      const weight = weightInput(context, axes);
      positiveSizes(context, 'x', x);
      const [channels, weightChannels, filters] = [channelsOf(x.shape), weight.shape[axes], channelsOf(weight.shape)];
      checkDivides(context, 'a number of input channels', channels);
      checkDivides(context, 'a number of filters', filters);
      const { groups } = context.attrs;
      if (weightChannels * groups !== channels) {
        const perGroup = groups === 1 ? '' : ` per group (${channels} / ${groups})`;
        const help = `x is [batch, ${sizes}, channels], the weight [${sizes}, channels / groups, filters]`;
        context.fail(
          `'weight' for ${channels / groups} input channels${perGroup}`,
          `${weightChannels} (${shapeText(weight.shape)})`,
          help,
        );
      }
      optionalOfShape(context, 2, 'bias', [filters], 'one per filter');
      const y = [x.shape[0], ...windowsOf(context, spatialOf(x.shape), kernelOf(weight.shape)), filters];
      optionalOfShape(context, 3, 'residual', y, 'the shape of the output');
      if (context.inputs[3] && groups !== 1) context.fail("no 'residual' beside groups", `groups ${groups}`);
      return [float32(y)];
    },
    run({ inputs, outputs, attrs, scratch }) {
      const [x, weight, y] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
      startWithBias(y, inputs[2] ? floats(inputs[2]) : undefined);
      products.addForward(forwardGeometry(inputs, outputs[0], attrs), x, weight, y, scratch);
      if (inputs[3]) addTo(y, floats(inputs[3]));
      activateInPlace(y, attrs.activation);
    },
    gradient(context) {
      const [x, weight, bias] = context.inputs as readonly Value[];
      const { needs, attrs } = context;
      const dy = throughActivation(context, context.outputs[0], context.dOutputs[0] as Value, attrs.activation);
      const windows = windowAttrsOf(attrs as WindowAttrs);
      const inputSize = spatialOf(x.shape);
      const kernelSize = kernelOf(weight.shape);
      // The weight's first: x is free then, and its place may serve for dx.
      const dbias = bias && needs[2] ? sumPerChannel(context, dy) : null;
      const dWeight = needs[1] ? context.emit(gradWeightName, [x, dy], { kernelSize, ...windows })[0] : null;
      const dx = needs[0] ? context.emit(gradInputName, [dy, weight], { inputSize, ...windows })[0] : null;
      return [dx, dWeight, dbias, context.inputs[3] ? dy : null];
    },
    flops: (inputs, outputs, attrs) => products.convolutionFlops(forwardGeometry(inputs, outputs[0], attrs)),
    scratch: (inputs, outputs, attrs) => products.forwardScratch(forwardGeometry(inputs, outputs[0], attrs)),
    cases: cases.forward,
  });

  const gradInput = defineOp({
    name: gradInputName,
    inputs: ['dy', 'weight'],
    outputs: ['dx'],
    attrs: { inputSize: attr.ints(axes), ...windowAttrs },
    infer: (context) => [inferImage(context, 'dy', context.attrs.inputSize, 'inputSize')],
    run({ inputs, outputs, attrs, scratch }) {
      const [dy, weight, dx] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
      dx.fill(0);
      products.addGradInput(backwardGeometry(inputs, outputs[0], attrs), dy, weight, dx, scratch);
    },
    gradient(context) {
      const [dy, weight] = context.inputs as readonly Value[];
      const image = context.dOutputs[0] as Value;
      const windows = windowAttrsOf(context.attrs as WindowAttrs);
      const kernelSize = kernelOf(weight.shape);
      return [
        context.needs[0] ? context.emit(name, [image, weight, null], { ...windows, activation: 'linear' })[0] : null,
        context.needs[1] ? context.emit(gradWeightName, [image, dy], { kernelSize, ...windows })[0] : null,
      ];
    },
    flops: (inputs, outputs, attrs) => products.convolutionFlops(backwardGeometry(inputs, outputs[0], attrs)),
    scratch: (inputs, outputs, attrs) => products.gradInputScratch(backwardGeometry(inputs, outputs[0], attrs)),
    cases: cases.gradInput,
  });

  const gradWeight = defineOp({
    name: gradWeightName,
    inputs: ['x', 'dy'],
    outputs: ['dw'],
    attrs: { kernelSize: attr.ints(axes), ...windowAttrs },
    infer(context) {
      checkWindowAttrs(context);
      const x = floatInput(context, 0, 'x', axes + 2);
      const dy = floatInput(context, 1, 'dy', axes + 2);
      const { kernelSize, groups } = context.attrs;
      positiveSizes(context, 'x', x);
      positiveSizes(context, 'dy', dy);
      atLeast(context, 'kernelSize', kernelSize, 1);
      if (x.shape[0] !== dy.shape[0]) context.fail(`'dy' with the batch of 'x' (${x.shape[0]})`, dy.shape[0]);
      checkDivides(context, 'a number of input channels', channelsOf(x.shape));
      checkDivides(context, 'a number of filters', channelsOf(dy.shape));
      checkWindows(context, spatialOf(x.shape), kernelSize, 'dy', dy.shape);
      return [float32([...kernelSize, channelsOf(x.shape) / groups, channelsOf(dy.shape)])];
    },
    run({ inputs, outputs, attrs, scratch }) {
      const [x, dy, dw] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
      dw.fill(0);
      products.addGradWeight(weightGeometry(inputs, outputs[0], attrs), x, dy, dw, scratch);
    },
    gradient(context) {
      const [x, dy] = context.inputs as readonly Value[];
      const weight = context.dOutputs[0] as Value;
      const windows = windowAttrsOf(context.attrs as WindowAttrs);
      const inputSize = spatialOf(x.shape);
      return [
        context.needs[0] ? context.emit(gradInputName, [dy, weight], { inputSize, ...windows })[0] : null,
        context.needs[1] ? context.emit(name, [x, weight, null], { ...windows, activation: 'linear' })[0] : null,
      ];
    },
    flops: (inputs, outputs, attrs) => products.convolutionFlops(weightGeometry(inputs, outputs[0], attrs)),
    scratch: (inputs, outputs, attrs) => products.gradWeightScratch(weightGeometry(inputs, outputs[0], attrs)),
    cases: cases.gradWeight,
  });

  const transposed = defineOp({
    name: `${name}Transpose`,
    inputs: ['x', 'weight', 'bias?'],
    outputs: ['y'],
    attrs: { outputSize: attr.ints(axes), ...windowAttrs, activation: attr.oneOf(fusedActivations, 'linear') },
    infer(context) {
      const y = inferImage(context, 'x', context.attrs.outputSize, 'outputSize');
      optionalOfShape(context, 2, 'bias', [channelsOf(y.shape)], 'one per output channel');
      return [y];
    },
    run({ inputs, outputs, attrs, scratch }) {
      const [x, weight, y] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
      startWithBias(y, inputs[2] ? floats(inputs[2]) : undefined);
      products.addGradInput(backwardGeometry(inputs, outputs[0], attrs), x, weight, y, scratch);
      activateInPlace(y, attrs.activation);
    },
    gradient(context) {
      const [x, weight, bias] = context.inputs as readonly Value[];
      const { needs, attrs } = context;
      const dy = throughActivation(context, context.outputs[0], context.dOutputs[0] as Value, attrs.activation);
      const windows = windowAttrsOf(attrs as WindowAttrs);
      const kernelSize = kernelOf(weight.shape);
      const dbias = bias && needs[2] ? sumPerChannel(context, dy) : null;
      const dWeight = needs[1] ? context.emit(gradWeightName, [dy, x], { kernelSize, ...windows })[0] : null;
      const toInput = { ...windows, activation: 'linear' };
      const dx = needs[0] ? context.emit(name, [dy, weight, null], toInput)[0] : null;
      return [dx, dWeight, dbias];
    },
    flops: (inputs, outputs, attrs) => products.convolutionFlops(backwardGeometry(inputs, outputs[0], attrs)),
    scratch: (inputs, outputs, attrs) => products.gradInputScratch(backwardGeometry(inputs, outputs[0], attrs)),
    cases: cases.transposed,
  });

  return [forward, gradInput, gradWeight, transposed];
}

export const convOps = [
  ...rowsOf('conv2d', 'height, width', { ...images, geometryOf }, casesOf(imageProblems, residuals.images)),
  ...rowsOf('conv3d', 'depth, height, width', volumes, casesOf(volumeProblems, residuals.volumes)),
];

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
