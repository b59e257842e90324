// Losses: from target and output to one number per sample, in ops. Cross-entropies are formed from logits whenever the
// network ends in the matching activation, which is exact where log(softmax(x)) is not; otherwise from probabilities,
// clipped as Keras does.

import type { TensorSpec } from '../core/dtype.js';
import { OcellusError } from '../core/errors.js';
import { shapeText, sizeOf } from '../core/shape.js';
import type { GraphValue } from '../graph/graph.js';
import type { Emitter, Value } from '../ops/op.js';
import { completeOptions, lookUp, OptionReader, optionError, splitName } from './options.js';

/** What a network is trained to make small. */
export interface Loss {
  readonly name: string;
  /** Name and options, as JSON. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Loss per sample, [N]: the mean over all other axes. */
  build(emitter: Emitter, target: Value, output: Value): Value;
  /** Shape and type of the targets of a batch, from those of the output (both with the batch axis). */
  targetSpec(output: TensorSpec): TensorSpec;
}

/** 'auto': when the output is made by the matching activation, its operand is used; otherwise outputs are probabilities. */
export type FromLogits = boolean | 'auto';

export interface CrossentropyOptions {
  /** true: outputs are logits. false: outputs are probabilities. Default 'auto'. */
  fromLogits?: FromLogits;
  /** Mixes this share of the uniform distribution into the targets; in [0, 1). Default 0. */
  labelSmoothing?: number;
  /** Axis of the classes in the output, with the batch as axis 0. Default -1. */
  axis?: number;
}

export interface SparseCrossentropyOptions extends Pick<CrossentropyOptions, 'fromLogits' | 'axis'> {}
export interface BinaryCrossentropyOptions extends Pick<CrossentropyOptions, 'fromLogits' | 'labelSmoothing'> {}

/** Names that `compile({ loss })` takes. */
export type LossName = keyof typeof losses | keyof typeof aliases;

/** A name, a name with options, a loss from `losses`, or a function that emits the loss per sample. */
export type LossOption =
  | LossName
  | { readonly name: LossName; readonly [option: string]: unknown }
  | Loss
  | LossFunction;

/** Emits a loss per sample ([N], or more axes, which are averaged). Targets have the output's shape. */
export type LossFunction = (emitter: Emitter, target: Value, output: Value) => Value;

/** Probabilities are kept this far from 0 and 1. */
const epsilon = 1e-7;

const sameAsOutput = (output: TensorSpec): TensorSpec => ({ shape: output.shape, dtype: 'float32' });

/** All losses by name. */
export const losses = {
  /**
   * -sum(target * log(output)) over the classes. Targets: one-hot or probabilities, shaped like the output.
   *
   * @example model.compile({ optimizer: 'adam', loss: losses.categoricalCrossentropy({ labelSmoothing: 0.1 }) })
   */
  categoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
    const name = 'categoricalCrossentropy';
    const { fromLogits, labelSmoothing, axis } = crossentropyOptions(name, options);
    return {
      name,
      config: { name, fromLogits, labelSmoothing, axis },
      targetSpec: sameAsOutput,
      build(emitter, target, output) {
        const { value, isLogits } = chooseOperand(name, output, fromLogits, 'softmax', axis);
        const rows = toRows(emitter, value, classAxis(name, value, axis));
        const classes = rows.shape[1];
        const labels = smooth(emitter, toRows(emitter, target, classAxis(name, value, axis)), labelSmoothing, classes);
        if (isLogits) return perSample(emitter, emitter.emit('softmaxCrossEntropy', [rows, labels])[0], value.shape[0]);
        const total = emitter.emit('reduceSum', [rows], { axes: [1], keepDims: 1 })[0];
        const log = emitter.emit('log', [clip(emitter, emitter.emit('divide', [rows, total])[0])])[0];
        const product = emitter.emit('multiply', [labels, log])[0];
        const sum = emitter.emit('reduceSum', [product], { axes: [1], keepDims: 0 })[0];
        return perSample(emitter, emitter.emit('negate', [sum])[0], value.shape[0]);
      },
    };
  },

  /** -log(output[target]). Targets: int32 class numbers, shaped like the output without its class axis. */
  sparseCategoricalCrossentropy(options: SparseCrossentropyOptions = {}): Loss {
    const name = 'sparseCategoricalCrossentropy';
    const { fromLogits, axis } = crossentropyOptions(name, options, ['labelSmoothing']);
    return {
      name,
      config: { name, fromLogits, axis },
      targetSpec(output) {
        const classes = classAxis(name, output, axis);
        return { shape: output.shape.filter((_, i) => i !== classes), dtype: 'int32' };
      },
      build(emitter, target, output) {
        const { value, isLogits } = chooseOperand(name, output, fromLogits, 'softmax', axis);
        const rows = toRows(emitter, value, classAxis(name, value, axis));
        const labels = emitter.emit('reshape', [target], { shape: [rows.shape[0]] })[0];
        // Logits of given probabilities are their logarithms: the same op serves both.
        const logits = isLogits ? rows : emitter.emit('log', [clip(emitter, rows)])[0];
        return perSample(emitter, emitter.emit('sparseSoftmaxCrossEntropy', [logits, labels])[0], value.shape[0]);
      },
    };
  },

  /** -(target * log(output) + (1 - target) * log(1 - output)), mean over a sample. Targets: 0 … 1, shaped like the output. */
  binaryCrossentropy(options: BinaryCrossentropyOptions = {}): Loss {
    const name = 'binaryCrossentropy';
    const { fromLogits, labelSmoothing } = crossentropyOptions(name, options, ['axis']);
    return {
      name,
      config: { name, fromLogits, labelSmoothing },
      targetSpec: sameAsOutput,
      build(emitter, target, output) {
        const { value, isLogits } = chooseOperand(name, output, fromLogits, 'sigmoid', -1);
        const labels = smooth(emitter, target, labelSmoothing, 2);
        if (isLogits) return meanOfSample(emitter, emitter.emit('sigmoidCrossEntropy', [value, labels])[0]);
        const probability = clip(emitter, value);
        const yes = emitter.emit('multiply', [labels, emitter.emit('log', [probability])[0]])[0];
        const rest = emitter.emit('log', [oneMinus(emitter, probability)])[0];
        const no = emitter.emit('multiply', [oneMinus(emitter, labels), rest])[0];
        const sum = emitter.emit('add', [yes, no])[0];
        return meanOfSample(emitter, emitter.emit('negate', [sum])[0]);
      },
    };
  },

  /** (target - output)², mean over a sample. */
  meanSquaredError: (options: object = {}): Loss => differenceLoss('meanSquaredError', 'square', options),

  /** |target - output|, mean over a sample. */
  meanAbsoluteError: (options: object = {}): Loss => differenceLoss('meanAbsoluteError', 'abs', options),
};

const aliases = {
  categoricalCrossEntropy: 'categoricalCrossentropy',
  sparseCategoricalCrossEntropy: 'sparseCategoricalCrossentropy',
  binaryCrossEntropy: 'binaryCrossentropy',
  mse: 'meanSquaredError',
  mae: 'meanAbsoluteError',
} as const;

/** Turns the value of `compile({ loss })` into a loss. */
export function resolveLoss(option: unknown): Loss {
  if (typeof option === 'function') return lossFromFunction(option as LossFunction);
  const known = option as Loss | null | undefined;
  if (typeof known?.build === 'function' && typeof known.targetSpec === 'function') return known;
  const { name, rest } = splitName('loss', option);
  return lookUp<(options?: object) => Loss>('loss', name, losses, aliases)(rest);
}

function lossFromFunction(emit: LossFunction): Loss {
  const name = emit.name || 'loss';
  const build = (emitter: Emitter, target: Value, output: Value): Value => {
    const value = emit(emitter, target, output);
    if (value?.shape?.[0] === output.shape[0]) return meanOfSample(emitter, value);
    throw optionError(`loss '${name}'`, `a value whose first axis is the batch (${output.shape[0]})`, value?.shape);
  };
  return { name, config: { name }, targetSpec: sameAsOutput, build };
}

function differenceLoss(name: string, op: string, options: object): Loss {
  completeOptions(`loss '${name}'`, options, {});
  return {
    name,
    config: { name },
    targetSpec: sameAsOutput,
    build(emitter, target, output) {
      const difference = emitter.emit('subtract', [output, target])[0];
      return meanOfSample(emitter, emitter.emit(op, [difference])[0]);
    },
  };
}

function crossentropyOptions(
  name: string,
  options: object,
  absent: readonly string[] = [],
): Required<CrossentropyOptions> {
  const where = `loss '${name}'`;
  const all = { fromLogits: 'auto', labelSmoothing: 0, axis: -1 };
  const known = Object.fromEntries(Object.entries(all).filter(([option]) => !absent.includes(option)));
  const reader = new OptionReader(where, { ...all, ...completeOptions(where, options, known) });
  const fromLogits = reader.raw('fromLogits');
  if (fromLogits !== true && fromLogits !== false && fromLogits !== 'auto') {
    throw reader.error('fromLogits', "true, false or 'auto'", fromLogits);
  }
  return {
    fromLogits,
    labelSmoothing: reader.number('labelSmoothing', { min: 0, below: 1 }),
    axis: reader.integer('axis'),
  };
}

/** The logits behind the activation that made `output`, or `output` itself. */
function chooseOperand(
  name: string,
  output: Value,
  fromLogits: FromLogits,
  activation: 'softmax' | 'sigmoid',
  axis: number,
): { value: Value; isLogits: boolean } {
  const node = (output as GraphValue).node;
  const last = axis === -1 || axis === output.shape.length - 1;
  const ends = node?.op.name === activation && last;
  if (fromLogits === true && ends) {
    throw optionError(
      `loss '${name}', option 'fromLogits'`,
      `a network that ends in logits when it is true`,
      activation,
      `leave fromLogits out, or the ${activation} at the end`,
    );
  }
  const operand = node?.inputs[0];
  if (fromLogits !== 'auto' || !ends || !operand) return { value: output, isLogits: fromLogits === true };
  return { value: operand, isLogits: true };
}

/** The class axis as a number from 0. */
function classAxis(name: string, output: TensorSpec, axis: number): number {
  const rank = output.shape.length;
  const index = axis < 0 ? axis + rank : axis;
  const where = `loss '${name}'`;
  if (rank < 2 || index < 1 || index >= rank) {
    const expected = `an output [batch, …] with a class axis ${axis}`;
    throw new OcellusError('ERR_OCELLUS_SHAPE', { where, expected, got: shapeText(output.shape) });
  }
  if (output.shape[index] >= 2) return index;
  throw new OcellusError('ERR_OCELLUS_SHAPE', {
    where,
    expected: 'an output with at least two classes',
    got: shapeText(output.shape),
    help: "with one output (yes or no) the loss is 'binaryCrossentropy'",
  });
}

/** [rows, classes]: classes last, all other axes in one. */
function toRows(emitter: Emitter, value: Value, axis: number): Value {
  const { shape } = value;
  const others = shape.map((_, i) => i).filter((i) => i !== axis);
  const last = axis === shape.length - 1;
  const turned = last ? value : emitter.emit('transpose', [value], { permutation: [...others, axis] })[0];
  if (shape.length === 2) return turned;
  return emitter.emit('reshape', [turned], { shape: [sizeOf(others.map((i) => shape[i])), shape[axis]] })[0];
}

/** [rows] → [samples]. */
function perSample(emitter: Emitter, rows: Value, samples: number): Value {
  if (rows.shape[0] === samples) return rows;
  const shape = [samples, rows.shape[0] / samples];
  return meanOfSample(emitter, emitter.emit('reshape', [rows], { shape })[0]);
}

function meanOfSample(emitter: Emitter, value: Value): Value {
  if (value.shape.length === 1) return value;
  const axes = value.shape.map((_, axis) => axis).slice(1);
  return emitter.emit('reduceMean', [value], { axes, keepDims: 0 })[0];
}

function smooth(emitter: Emitter, labels: Value, share: number, classes: number): Value {
  if (share === 0) return labels;
  return emitter.emit('rescale', [labels], { scale: 1 - share, offset: share / classes })[0];
}

function clip(emitter: Emitter, value: Value): Value {
  const low = emitter.emit('fill', [], { value: epsilon, shape: [1] })[0];
  const high = emitter.emit('fill', [], { value: 1 - epsilon, shape: [1] })[0];
  return emitter.emit('maximum', [emitter.emit('minimum', [value, high])[0], low])[0];
}

const oneMinus = (emitter: Emitter, value: Value): Value =>
  emitter.emit('rescale', [value], { scale: -1, offset: 1 })[0];
