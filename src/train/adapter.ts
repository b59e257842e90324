// Between what people hand in and what a network takes: picks the data of each input and output, settles types and
// shapes, checks labels. Everything is checked here, before anything runs.

import type { NumericArray, TensorSpec, TensorView } from '../core/dtype.js';
import { check, checkOptions, OcellusError } from '../core/errors.js';
import { sameShape, shapeText, sizeOf } from '../core/shape.js';
import { type TensorInput, toTensor } from '../data/array.js';
import { ArrayDataset, type ModelData } from '../data/dataset.js';
import type { Network } from '../nn/network.js';
import { type WeightingOptions, weightsOf } from './weighting.js';

/** What one output of the network is compared with. */
export interface TargetSpec extends TensorSpec {
  /** Number of classes when targets are class numbers, else 0. */
  readonly classes: number;
  /** A class number that stands for "does not count", where the loss knows one. */
  readonly ignoreIndex?: number | undefined;
  /** Where one-hot targets have their classes: an axis of a batch, or from the end. */
  readonly axis: number;
}

/** Samples, targets and weights in memory, checked. `where` is the call in messages: `fit`. */
export function toDataset(
  network: Network,
  targets: readonly TargetSpec[],
  where: string,
  x: ModelData,
  y: ModelData,
  weighting: WeightingOptions = {},
): ArrayDataset {
  const dataset = new ArrayDataset(
    toInputs(network, `${where}: x`, x),
    toTargets(network, targets, `${where}: y`, y),
    where,
  );
  const weights = weightsOf(network, targets, where, dataset.y, weighting);
  return weights.length === 0 ? dataset : new ArrayDataset(dataset.x, dataset.y, where, weights);
}

/** The network's inputs, each [samples, …]. Bytes and integers keep their type: the network converts them. */
export function toInputs(network: Network, where: string, x: ModelData): TensorView[] {
  const names = network.inputs.map((input) => input.name);
  const tensors = pick(where, x, names).map((data, index) => {
    const { name, dtype } = network.inputs[index];
    const shape = network.inputs[index].shape as readonly number[];
    const place = names.length > 1 ? `${where} (input '${name}')` : where;
    const tensor = toTensor(place, data, { itemShape: shape, dtype: dtype === 'float32' ? undefined : dtype });
    return fit(place, tensor, shape, () => {
      const alone = sameShape(tensor.shape, shape) || sameShape(tensor.shape, withoutOnes(shape));
      const help = alone ? `one sample still has a batch axis: shape [1, ${shape.join(', ')}]` : undefined;
      const first = network.calls.find((call) => call.inputs.includes(index))?.name;
      return {
        expected: `samples of shape ${shapeText(shape)} for ${first ? `layer '${first}'` : `input '${name}'`}`,
        help,
      };
    });
  });
  const count = tensors[0].shape[0];
  check(
    tensors.every(({ shape }) => shape[0] === count),
    'ERR_OCELLUS_SHAPE',
    () => ({
      where,
      expected: 'as many samples for each input',
      got: tensors.map(({ shape }) => shape[0]).join(', '),
    }),
  );
  return tensors;
}

/** The targets of each output, [samples, …]. */
export function toTargets(network: Network, targets: readonly TargetSpec[], where: string, y: ModelData): TensorView[] {
  const names = network.outputNames;
  return pick(where, y, names).map((data, index) => {
    const { shape, dtype, classes, ignoreIndex } = targets[index];
    const place = names.length > 1 ? `${where} (output '${names[index]}')` : where;
    const tensor = toTensor(place, data, { dtype: dtype === 'float32' ? undefined : dtype });
    const fitting = fit(place, tensor, shape, () => ({
      expected: `targets of shape ${shapeText(shape)} for output '${names[index]}'`,
      help: lossHelp(tensor.shape.slice(1), shape, classes),
    }));
    if (classes > 0) checkLabels(place, fitting, classes, ignoreIndex);
    return fitting;
  });
}

/** Shapes of samples in data for a network whose input shape is still open. */
export function sampleShapes(network: Network, where: string, x: ModelData): (readonly number[])[] {
  const names = network.inputs.map((input) => input.name);
  return pick(where, x, names).map((data, index) => {
    const known = network.inputs[index].shape;
    if (known) return known;
    const { shape } = toTensor(where, data);
    check(shape.length > 1, 'ERR_OCELLUS_SHAPE', () => ({
      where,
      expected: 'samples with a shape: nested arrays, or { data, shape: [samples, …] }',
      got: shapeText(shape),
      help: 'or give the first layer an inputShape',
    }));
    return shape.slice(1);
  });
}

function pick(where: string, data: ModelData, names: readonly string[]): TensorInput[] {
  const isPlain = typeof data === 'object' && data !== null && !Array.isArray(data) && !ArrayBuffer.isView(data);
  if (isPlain && !('data' in data && 'shape' in data) && names.some((name) => Object.hasOwn(data, name))) {
    checkOptions(where, data, names);
    return names.map((name) => {
      const value = (data as Readonly<Record<string, TensorInput>>)[name];
      check(value !== undefined, 'ERR_OCELLUS_DATA', () => ({ where, expected: `data for '${name}'`, got: 'none' }));
      return value;
    });
  }
  if (names.length === 1) return [data as TensorInput];
  check(Array.isArray(data) && data.length === names.length, 'ERR_OCELLUS_DATA', () => ({
    where,
    expected: `a list of ${names.length}, or an object with ${names.join(', ')}`,
    got: Array.isArray(data) ? `a list of ${data.length}` : data,
  }));
  return [...(data as readonly TensorInput[])];
}

/** Sees `tensor` as samples of `shape` when both differ in axes of length 1 only. */
function fit(
  where: string,
  tensor: TensorView,
  shape: readonly number[],
  explain: () => { expected: string; help: string | undefined },
): TensorView {
  const given = tensor.shape.slice(1);
  if (tensor.shape.length > 0 && sameShape(given, shape)) return tensor;
  if (tensor.shape.length > 0 && sameShape(withoutOnes(given), withoutOnes(shape))) {
    return { ...tensor, shape: [tensor.shape[0], ...shape] };
  }
  const got = `${shapeText(given)} (data of shape ${shapeText(tensor.shape)})`;
  throw new OcellusError('ERR_OCELLUS_SHAPE', { where, ...explain(), got });
}

const withoutOnes = (shape: readonly number[]): number[] => shape.filter((dim) => dim !== 1);

function lossHelp(given: readonly number[], wanted: readonly number[], classes: number): string | undefined {
  if (classes > 0 && sizeOf(given) === sizeOf(wanted) * classes) {
    return "for one-hot targets take the loss 'categoricalCrossentropy'";
  }
  if (classes === 0 && sizeOf(given) * (wanted.at(-1) ?? 1) === sizeOf(wanted)) {
    return "for class numbers take the loss 'sparseCategoricalCrossentropy'";
  }
  return undefined;
}

function checkLabels(
  where: string,
  { data }: { data: NumericArray },
  classes: number,
  ignoreIndex: number | undefined,
): void {
  for (let i = 0; i < data.length; i++) {
    if ((data[i] >= 0 && data[i] < classes) || data[i] === ignoreIndex) continue;
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: `${where}[${i}]`,
      expected: `a class number from 0 to ${classes - 1}`,
      got: data[i],
    });
  }
}
