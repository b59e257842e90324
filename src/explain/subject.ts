// What is explained: images as one batch, the layers that can be looked at, the classes and their probabilities.

import { check, checkName, OcellusError } from '../core/errors.js';
import { sameShape, shapeText } from '../core/shape.js';
import { type TensorInput, toTensor } from '../data/array.js';
import type { ModelData } from '../data/dataset.js';
import type { GraphValue } from '../graph/graph.js';
import type { Model } from '../model/model.js';
import type { Tensor } from '../model/tensor.js';
import type { LayerCall, NetworkInput } from '../nn/network.js';
import { toInputs } from '../train/adapter.js';
import type { Pixels, Range } from './picture.js';

/** Any model of one image. */
export type ImageModel = Model<Tensor> | Model<Tensor[]> | Model<Tensor | Tensor[]>;

export interface BatchOptions {
  /** Images per step; but for rounding, results do not depend on it. Default 32. */
  batchSize?: number;
  /** Stops within one batch; the call rejects with `signal.reason`. */
  signal?: AbortSignal;
}

export interface ClassOptions extends BatchOptions {
  /** The class to explain; a list: one for each image. Default: the most probable one of each image. */
  classIndex?: number | readonly number[];
}

/** Images as the model takes them. */
export interface Subject {
  readonly data: Float32Array;
  /** [images, …] in the model's data format. */
  readonly shape: readonly number[];
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly channelsFirst: boolean;
  /** What black and white are, as far as the numbers tell. */
  readonly range: Range;
}

const withoutOnes = (shape: readonly number[]): number[] => shape.filter((size) => size !== 1);

/** One image, or several, checked; a single one gets its batch axis. */
export async function subjectOf(where: string, model: ImageModel, images: ModelData): Promise<Subject> {
  const { inputs } = model.network;
  check(inputs.length === 1, 'ERR_OCELLUS_ARGUMENT', () => ({
    where,
    expected: 'a model of one image',
    got: `one of ${inputs.length} inputs`,
  }));
  // Settles a shape that was left open.
  if (!inputs[0].shape) await model.predict(images);
  const [{ dataFormat, dtype, shape: sample }] = model.network.inputs as readonly (NetworkInput & {
    shape: number[];
  })[];
  check(sample.length === 3 && dtype === 'float32', 'ERR_OCELLUS_SHAPE', () => ({
    where,
    expected: 'a model of images [height, width, channels]',
    got: `samples of shape ${shapeText(sample)}, ${dtype}`,
  }));
  const given = toTensor(where, images as TensorInput, { itemShape: sample });
  const isOne =
    sameShape(given.shape, sample) ||
    (given.shape.length < 3 && sameShape(withoutOnes(given.shape), withoutOnes(sample)));
  const batch = isOne ? { ...given, shape: [1, ...sample] } : given;
  const [{ data, shape }] = toInputs(model.network, where, batch);
  const channelsFirst = dataFormat === 'channelsFirst';
  const [height, width, channels] = channelsFirst ? [sample[1], sample[2], sample[0]] : sample;
  const range = dataRange(data);
  return { data: Float32Array.from(data), shape, count: shape[0], height, width, channels, channelsFirst, range };
}

function dataRange(data: ArrayLike<number> & { constructor: unknown }): Range {
  if (data instanceof Uint8Array) return [0, 255];
  let [low, high] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    low = Math.min(low, data[i]);
    high = Math.max(high, data[i]);
  }
  if (low === 0 && high <= 1) return [0, 1];
  return low === 0 && high <= 255 ? [0, 255] : [low, high];
}

/** Values in the shape of the images, those of one of them, channels last. */
export function imageOf(
  subject: Subject,
  values: Float32Array,
  index: number,
): Pixels & { readonly data: Float32Array } {
  const { height, width, channels, channelsFirst } = subject;
  const size = height * width * channels;
  const own = values.slice(index * size, (index + 1) * size);
  const shape = [height, width, channels];
  if (!channelsFirst) return { data: own, shape };
  const plane = height * width;
  return { data: own.map((_, i) => own[(i % channels) * plane + Math.floor(i / channels)]), shape };
}

/** Some images of a subject as data for a model. */
export const batchOf = (subject: Subject, data = subject.data): { data: Float32Array; shape: number[] } => ({
  data,
  shape: [(data.length * subject.count) / subject.data.length, ...subject.shape.slice(1)],
});

// ---- layers --------------------------------------------------------------------------------------------------------

const convolutions = new Set(['conv2d', 'depthwiseConv2d', 'separableConv2d', 'conv2dTranspose']);

export const isConvolution = ({ layer }: LayerCall): boolean => convolutions.has(layer.type);

/** Is the output an image of more than one pixel? */
export const isSpatial = ({ output: { shape } }: LayerCall): boolean => shape.length === 4 && shape[1] * shape[2] > 1;

/** The last call of the layer with this path. */
export function callOf(where: string, model: ImageModel, path: string): LayerCall {
  return checkName(where, path, Object.fromEntries(model.layerCalls().map((call) => [call.path, call])));
}

export function spatialCall(where: string, model: ImageModel, path: string): LayerCall {
  const call = callOf(where, model, path);
  if (isSpatial(call)) return call;
  throw new OcellusError('ERR_OCELLUS_OPTION', {
    where,
    expected: 'a layer whose output has height and width',
    got: `'${path}' with ${shapeText(call.output.shape.slice(1))}`,
    help: `such layers are ${model
      .layerCalls()
      .filter(isSpatial)
      .map((one) => one.path)
      .slice(-8)
      .join(', ')}`,
  });
}

export function convolutionCalls(where: string, model: ImageModel): LayerCall[] {
  const found = model.layerCalls().filter((call) => isConvolution(call));
  check(found.length > 0, 'ERR_OCELLUS_STATE', () => ({
    where,
    expected: 'a model with a 2D convolution',
    got: 'none',
  }));
  return found;
}

/** What stands last at the size of the last convolution: itself, or normalization, sum, activation behind it. */
export function lastFeatures(where: string, model: ImageModel): LayerCall {
  const calls = model.layerCalls();
  const last = calls.findLast((call) => isConvolution(call) && isSpatial(call));
  if (!last) {
    throw new OcellusError('ERR_OCELLUS_STATE', {
      where,
      expected: 'a model with a 2D convolution whose output has height and width',
      got: 'none',
      help: "name a layer with the option 'layer'",
    });
  }
  const behind = calls.slice(calls.indexOf(last));
  return behind.findLast(({ output }) => sameShape(output.shape, last.output.shape)) as LayerCall;
}

// ---- classes -------------------------------------------------------------------------------------------------------

/** What is explained of an image. */
export interface Explained {
  readonly classIndex: number;
  /** Of that class: what softmax or sigmoid at the model's end give; of bare scores their softmax, of a single one its sigmoid. */
  readonly probability: number;
  /** Of that class, in front of softmax or sigmoid. Of two classes behind one output, the first has the score with its sign turned. */
  readonly score: number;
}

/** The kind of the model's first output: how probabilities are read from it. */
function outputKind(where: string, model: ImageModel): { classes: number; width: number; op: string } {
  const name = model.network.outputNames[0];
  const call = model.layerCalls().findLast(({ path }) => path === name) as LayerCall;
  const { shape } = call.output;
  check(shape.length === 2, 'ERR_OCELLUS_SHAPE', () => ({
    where,
    expected: 'a classifier: outputs [images, classes]',
    got: `outputs [images, ${shape.slice(1).join(', ')}]`,
  }));
  const op = (call.output as GraphValue).node?.op.name ?? '';
  return { classes: Math.max(2, shape[1]), width: shape[1], op };
}

function probabilitiesOf(row: Float32Array, op: string): Float32Array {
  const squashed = op === 'softmax' || op === 'sigmoid' ? row : op === 'logSoftmax' ? row.map(Math.exp) : null;
  if (row.length === 1) {
    const positive = squashed ? squashed[0] : 1 / (1 + Math.exp(-row[0]));
    return Float32Array.of(1 - positive, positive);
  }
  if (squashed) return squashed;
  const largest = Math.max(...row);
  const powers = row.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Probabilities of all classes, one row per image. */
export async function probabilities(
  where: string,
  model: ImageModel,
  data: ModelData,
  options: BatchOptions,
): Promise<Float32Array[]> {
  const { op } = outputKind(where, model);
  const output = [await model.predict(data, batching(options))].flat()[0] as Tensor;
  return Array.from({ length: output.shape[0] }, (_, i) => probabilitiesOf(output.row(i).data, op));
}

export interface Chosen {
  /** One per image. */
  readonly classes: readonly number[];
  readonly probabilities: readonly number[];
  /** For `probe`: picks the score of each image's class. */
  readonly seed: { readonly data: Float32Array; readonly shape: readonly number[] };
}

/** The classes to be explained, with their probabilities. */
export async function chooseClasses(
  where: string,
  model: ImageModel,
  subject: Subject,
  options: ClassOptions,
): Promise<Chosen> {
  const { classes: count } = outputKind(where, model);
  const { classIndex } = options;
  const given = typeof classIndex === 'number' ? new Array<number>(subject.count).fill(classIndex) : classIndex;
  check(given === undefined || (Array.isArray(given) && given.length === subject.count), 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'classIndex'`,
    expected: `one number, or ${subject.count}, one for each image`,
    got: classIndex,
  }));
  const wrong = given?.find((index) => !Number.isSafeInteger(index) || index < 0 || index >= count);
  check(wrong === undefined, 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'classIndex'`,
    expected: `a class from 0 to ${count - 1}`,
    got: wrong,
  }));
  const rows = await probabilities(where, model, batchOf(subject), options);
  const classes = given ? [...given] : rows.map((row) => row.indexOf(Math.max(...row)));
  return { classes, probabilities: classes.map((index, i) => rows[i][index]), seed: seedFor(where, model, classes) };
}

/** For `probe`: picks the score of one class for each image. */
export function seedFor(where: string, model: ImageModel, classes: readonly number[]): Chosen['seed'] {
  const { width } = outputKind(where, model);
  const data = new Float32Array(classes.length * width);
  classes.forEach((index, i) => {
    if (width === 1) data[i] = index === 1 ? 1 : -1;
    else data[i * width + index] = 1;
  });
  return { data, shape: [classes.length, width] };
}

/** The score of each image's class: `value` of a probe, weighted by its seed. */
export function scoresIn(value: Tensor, { data }: Chosen['seed']): number[] {
  const width = value.shape[1];
  return Array.from({ length: value.shape[0] }, (_, i) => {
    let sum = 0;
    for (let c = 0; c < width; c++) sum += value.data[i * width + c] * data[i * width + c];
    return sum;
  });
}

/** Options of a probe or prediction, without those that were not given. */
export const batching = ({ batchSize, signal }: BatchOptions): BatchOptions => ({
  ...(batchSize !== undefined && { batchSize }),
  ...(signal && { signal }),
});
