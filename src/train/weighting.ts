// How much each sample counts: weights that people give per sample or position, and weights of classes, which become
// such weights by way of the targets. Both as in Keras, which also knows no mixture of the two.

import type { TensorView } from '../core/dtype.js';
import { check, checkOptions, OcellusError } from '../core/errors.js';
import { sameShape, shapeText, sizeOf } from '../core/shape.js';
import { type TensorInput, toTensor } from '../data/array.js';
import type { SampleWeight } from '../data/dataset.js';
import { type ClassLayout, positionsOf, truthOf } from '../nn/metrics/metric.js';
import type { Network } from '../nn/network.js';
import type { TargetSpec } from './adapter.js';

/** The weight of each class: a list from class 0 on, or by class number. */
export type ClassWeight = readonly number[] | Readonly<Record<number, number>>;

export interface WeightingOptions {
  /**
   * How much each sample counts in the loss and in `weightedMetrics`: one number of at least 0 per sample, or one per
   * position of its targets ([samples, …positions]). With several outputs one list is for all of them; a list or an
   * object with one for each says more, null where an output has none. Default 1.
   */
  sampleWeight?: SampleWeight | undefined;
  /**
   * How much samples of each class count: `{ 0: 1, 1: 5 }` or `[1, 5]`. One-hot targets stand for the class of their
   * largest value, those of a yes or no for 0 and 1. With several outputs a list or an object with one for each.
   */
  classWeight?:
    | ClassWeight
    | readonly (ClassWeight | null)[]
    | Readonly<Record<string, ClassWeight | null>>
    | undefined;
}

/** One per output, [samples, …]; null: all count the same. Empty when no output has weights. */
export type Weights = readonly (TensorView | null)[];

/** Reads both options for targets that are checked already. `where` is the call: `fit`. */
export function weightsOf(
  network: Network,
  specs: readonly TargetSpec[],
  where: string,
  targets: readonly TensorView[],
  { sampleWeight, classWeight }: WeightingOptions,
): Weights {
  check(sampleWeight == null || classWeight == null, 'ERR_OCELLUS_OPTION', () => ({
    where: `${where}, option 'classWeight'`,
    expected: 'none beside weights of samples',
    got: 'both',
    help: 'multiply the weights of the classes into sampleWeight',
  }));
  const names = network.outputNames;
  if (sampleWeight != null) {
    const place = `${where}: sampleWeight`;
    const several = names.length > 1;
    return perOutput(place, sampleWeight, names, isTensor, several).map((input, i) =>
      input === null
        ? null
        : readSampleWeight(
            several ? `${place} (output '${names[i]}')` : place,
            input as TensorInput,
            targets[i],
            specs[i],
          ),
    );
  }
  if (classWeight == null) return [];
  const place = `${where}, option 'classWeight'`;
  return perOutput(place, classWeight, names, isClassWeight, false).map((weights, i) =>
    weights === null ? null : readClassWeight(place, weights as ClassWeight, targets[i], specs[i]),
  );
}

/** One value per output, of a list or an object with the outputs' names; a single value is for the only output, or for all. */
function perOutput(
  where: string,
  value: object,
  names: readonly string[],
  isSingle: (value: unknown) => boolean,
  shared: boolean,
): (object | null)[] {
  if (Array.isArray(value) && value.length === names.length && value.every((item) => item === null || isSingle(item))) {
    if (names.length > 1) return [...value];
  }
  const isTable = typeof value === 'object' && names.some((name) => Object.hasOwn(value, name));
  if (isTable) {
    checkOptions(where, value, names);
    return names.map((name) => (value as Readonly<Record<string, object | null>>)[name] ?? null);
  }
  if (isSingle(value) && (names.length === 1 || shared)) return names.map(() => value);
  throw new OcellusError(names.length > 1 ? 'ERR_OCELLUS_OPTION' : 'ERR_OCELLUS_DATA', {
    where,
    expected:
      names.length > 1
        ? `a list of ${names.length}, or an object with ${names.join(', ')}`
        : 'numbers: an array, a typed array or an object',
    got: value,
  });
}

const isTensor = (value: unknown): boolean =>
  Array.isArray(value) || ArrayBuffer.isView(value) || (typeof value === 'object' && value !== null && 'data' in value);

const isClassWeight = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.values(value).every((item) => typeof item === 'number');

function readSampleWeight(where: string, input: TensorInput, target: TensorView, spec: TargetSpec): TensorView {
  const { data, shape } = toTensor(where, input, { dtype: 'float32' });
  const samples = target.shape[0];
  const positions = positionShape(spec);
  const given = shape.slice(1);
  const fits = (inner: readonly number[]) => sameShape(inner, positions.slice(0, inner.length));
  const inner = fits(given) ? given : sameShape(given, [...positions, 1]) ? [...positions] : null;
  check(shape[0] === samples && inner, 'ERR_OCELLUS_SHAPE', () => ({
    where,
    expected:
      positions.length === 0
        ? `${samples} numbers, one per sample`
        : `${samples} numbers, one per sample, or shape ${shapeText([samples, ...positions])}`,
    got: shape.length === 1 ? shape[0] : `shape ${shapeText(shape)}`,
  }));
  const wrong = data.findIndex((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY));
  check(wrong < 0, 'ERR_OCELLUS_DATA', () => ({
    where: `${where}[${wrong}]`,
    expected: 'a number of at least 0',
    got: data[wrong],
  }));
  return { data, shape: [samples, ...inner], dtype: 'float32' };
}

/** Places within a sample that have a loss of their own: the targets' shape without the axis of classes. */
function positionShape({ shape, classes, axis }: TargetSpec): readonly number[] {
  if (classes > 0 || shape.length === 0) return shape;
  return shape.filter((_, i) => i !== sampleAxis(axis, shape.length));
}

/** An axis of a batch as one of a sample. */
const sampleAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis - 1);

/** How classes lie in targets. */
function layoutOf({ shape, classes, axis, ignoreIndex }: TargetSpec): ClassLayout {
  const sparse = classes > 0;
  if (sparse || shape.length === 0) return { classes: 1, inner: 1, outer: sizeOf(shape), sparse, ignoreIndex };
  const at = sampleAxis(axis, shape.length);
  const [outer, inner] = [shape.slice(0, at), shape.slice(at + 1)].map(sizeOf);
  return { classes: shape[at], inner, outer, sparse, ignoreIndex };
}

function readClassWeight(where: string, weights: ClassWeight, target: TensorView, spec: TargetSpec): TensorView {
  const layout = layoutOf(spec);
  const { classes, sparse } = layout;
  const table = classTable(where, weights, sparse ? spec.classes : Math.max(2, classes));
  const data = new Float32Array(target.shape[0] * positionsOf(layout));
  for (let i = 0; i < data.length; i++) {
    const label = sparse || classes > 1 ? truthOf(target.data, layout, i) : Math.round(target.data[i]);
    if (label === spec.ignoreIndex) continue;
    const weight = table[label];
    check(weight !== undefined, 'ERR_OCELLUS_DATA', () => ({
      where,
      expected: `a weight for class ${label}, which is among the targets`,
      got: `weights of ${Object.keys(weights).join(', ')}`,
      help: '1 leaves a class as it is',
    }));
    data[i] = weight;
  }
  return { data, shape: [target.shape[0], ...positionShape(spec)], dtype: 'float32' };
}

function classTable(where: string, weights: ClassWeight, classes: number): (number | undefined)[] {
  check(!Array.isArray(weights) || weights.length === classes, 'ERR_OCELLUS_OPTION', () => ({
    where,
    expected: `${classes} numbers, one per class`,
    got: (weights as readonly number[]).length,
  }));
  const table = new Array<number | undefined>(classes);
  for (const [key, weight] of Object.entries(weights)) {
    const label = Number(key);
    check(Number.isInteger(label) && label >= 0 && label < classes, 'ERR_OCELLUS_OPTION', () => ({
      where,
      expected: `class numbers from 0 to ${classes - 1}`,
      got: `'${key}'`,
    }));
    check(Number.isFinite(weight) && weight >= 0, 'ERR_OCELLUS_OPTION', () => ({
      where: `${where}, class ${label}`,
      expected: 'a number of at least 0',
      got: weight,
    }));
    table[label] = weight;
  }
  return table;
}
