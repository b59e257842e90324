// A classifier's answers to data whose classes are known, and what they say: what is taken for what, how sure it is, where
// it is most wrong (fastai's ClassificationInterpretation).

import type { NumericArray, TensorView } from '../core/dtype.js';
import { check, checkOptions } from '../core/errors.js';
import { type TensorInput, toTensor } from '../data/array.js';
import type { Batch, Dataset } from '../data/dataset.js';
import { probabilities } from '../explain/subject.js';
import type { Model } from '../model/model.js';
import { Tensor } from '../model/tensor.js';
import { type ConfusionMatrix, confusionMatrix } from './confusion.js';

/** What a model says about one sample. */
export interface Answer {
  /** Number of the sample in its data. */
  readonly index: number;
  /** Where the data name their files; else empty. */
  readonly file: string;
  readonly trueClass: number;
  readonly predictedClass: number;
  /** Of the predicted class. */
  readonly probability: number;
  readonly trueProbability: number;
  /** Negative logarithm of the true class's probability. */
  readonly loss: number;
}

/** The values of one sample as they went into the model; they are another sample's after the call. */
export interface SeenSample {
  readonly data: NumericArray;
  readonly shape: readonly number[];
}

export interface InterpretOptions {
  /** Hears of every answer as it is given, with what it is about: pictures need not be kept to show some of them. */
  readonly onAnswer?: (answer: Answer, sample: SeenSample) => void;
  /** Stops within one batch; the call rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
}

export interface ClassScores {
  /** Share of right answers among those that name the class; NaN where none does. */
  readonly precision: number;
  /** Share of the class's samples that are found; NaN where there are none. */
  readonly recall: number;
  /** Harmonic mean of both; 0 where a class that is there is never found. */
  readonly f1: number;
  /** Samples of the class. */
  readonly support: number;
}

export interface Reliability {
  /** Ten, of equal width from 0 to 1; means are NaN where a bin is empty. */
  readonly bins: readonly { readonly confidence: number; readonly accuracy: number; readonly count: number }[];
  /** Mean distance of confidence and accuracy, weighted by count. */
  readonly expectedCalibrationError: number;
}

export interface Confusion {
  readonly trueClass: number;
  readonly predictedClass: number;
  readonly count: number;
  /** Of the true class's samples. */
  readonly rate: number;
}

const binCount = 10;
/** Of the true class's probability, as in the loss. */
const least = 1e-7;

/**
 * Answers and what they say; made by `interpret`.
 *
 * @example
 * const { val } = await imageFolder('photos', { size: 32 });
 * const classifier = createModel('tiny', { inputShape: [32, 32, 3], classes: 2 });
 * if (val) {
 *   const found = await interpret(classifier, val);
 *   for (const { trueClass, predictedClass, count } of found.mostConfused(2)) console.log(trueClass, predictedClass, count);
 *   console.log(found.reliability().expectedCalibrationError);
 * }
 */
export class Interpretation {
  /** counts[true][predicted] */
  readonly confusion: ConfusionMatrix;

  constructor(
    /** In the order of the data. */
    readonly answers: readonly Answer[],
    readonly classes: number,
  ) {
    const [labels, predicted] = (['trueClass', 'predictedClass'] as const).map((key) => answers.map((one) => one[key]));
    this.confusion = confusionMatrix(labels, predicted, classes);
  }

  /** Share of right answers. */
  get accuracy(): number {
    return mean(this.answers, ({ trueClass, predictedClass }) => Number(trueClass === predictedClass));
  }

  /** Mean cross-entropy, without smoothing or weights of classes. */
  get loss(): number {
    return mean(this.answers, ({ loss }) => loss);
  }

  /** Precision, recall and F1 of each class. */
  perClass(): ClassScores[] {
    return this.confusion.map((row, index) => {
      const named = sum(this.confusion.map((other) => other[index]));
      const support = sum(row);
      return {
        precision: row[index] / named,
        recall: row[index] / support,
        f1: (2 * row[index]) / (named + support),
        support,
      };
    });
  }

  /** Whether answers are as often right as the model is sure of them. */
  reliability(): Reliability {
    const bins = Array.from({ length: binCount }, (_, bin) => {
      const inside = this.answers.filter(({ probability }) => binOf(probability) === bin);
      return {
        confidence: mean(inside, ({ probability }) => probability),
        accuracy: mean(inside, ({ trueClass, predictedClass }) => Number(trueClass === predictedClass)),
        count: inside.length,
      };
    });
    const gaps = bins.map(({ confidence, accuracy, count }) =>
      count > 0 ? count * Math.abs(confidence - accuracy) : 0,
    );
    return { bins, expectedCalibrationError: sum(gaps) / this.answers.length };
  }

  /** Pairs of classes of which one is taken for the other at least `minCount` times, most often first. */
  mostConfused(minCount = 1): Confusion[] {
    const pairs = this.confusion.flatMap((row, trueClass) =>
      row.map((count, predictedClass) => ({ trueClass, predictedClass, count, rate: count / sum(row) })),
    );
    return pairs
      .filter(({ trueClass, predictedClass, count }) => trueClass !== predictedClass && count >= minCount && count > 0)
      .sort((a, b) => b.count - a.count || b.rate - a.rate);
  }

  /** The answers of the highest loss, which are the worst mistakes or wrong labels. */
  topLosses(count = 9): Answer[] {
    return [...this.answers].sort((a, b) => b.loss - a.loss || a.index - b.index).slice(0, count);
  }
}

/**
 * Asks a classifier about data whose classes are known and tells what its answers say. One pass over the batches; only
 * some numbers of each sample are kept. Probabilities are those of a softmax or sigmoid at the model's end, else the
 * softmax of its scores; one output stands for the second of two classes.
 *
 * @param dataset batches { x, y } of a set; y: class numbers [batch] or one-hot [batch, classes]; where there is a `file`
 * with names, answers have them
 * @throws OcellusError ERR_OCELLUS_SHAPE when the model's output is not [batch, classes] |
 * ERR_OCELLUS_DATA for no samples, or labels that are no classes
 * @example
 * const { train } = await imageFolder('photos', { size: 32 });
 * const classifier = createModel('tiny', { inputShape: [32, 32, 3], classes: 2 });
 * const found = await interpret(classifier, train);
 * console.log(found.accuracy, found.confusion, found.perClass()[0].recall);
 * for (const { file, loss } of found.topLosses(3)) console.log(file, loss);
 */
export async function interpret(
  model: Model<Tensor>,
  dataset: Dataset,
  options: InterpretOptions = {},
): Promise<Interpretation> {
  checkOptions('interpret', options, ['onAnswer', 'signal']);
  const answers: Answer[] = [];
  let classes = 0;
  for await (const batch of dataset.iterate?.(0) ?? dataset) {
    const { x, y, file } = batch as Batch & { file?: readonly string[] };
    const samples = toTensor('interpret: x', x as TensorInput);
    const rows = await probabilities('interpret', model, samples, options.signal ? { signal: options.signal } : {});
    classes = rows[0].length;
    labelsOf(y, rows.length, classes).forEach((label, i) => {
      const answer = answerOf(rows[i], label, answers.length, file?.[i] ?? '');
      answers.push(answer);
      options.onAnswer?.(answer, sampleOf(samples, i));
    });
  }
  check(answers.length > 0, 'ERR_OCELLUS_DATA', () => ({
    where: 'interpret',
    expected: 'a dataset with at least one batch',
    got: 'none',
  }));
  return new Interpretation(answers, classes);
}

function answerOf(row: Float32Array, trueClass: number, index: number, file: string): Answer {
  const predictedClass = row.reduce((best, value, i) => (value > row[best] ? i : best), 0);
  const trueProbability = row[trueClass];
  const loss = -Math.log(Math.max(least, trueProbability));
  return { index, file, trueClass, predictedClass, probability: row[predictedClass], trueProbability, loss };
}

/** Class numbers; of one-hot targets the place of the largest. */
function labelsOf(y: Batch['y'], samples: number, classes: number): number[] {
  const { data, shape } = toTensor('interpret: y', y as TensorInput);
  const isOneHot = shape.length === 2 && shape[1] === classes;
  const labels = Array.from(isOneHot ? new Tensor(data as Float32Array, shape).argMax() : data);
  check(
    labels.length === samples && labels.every((label) => Number.isInteger(label) && label >= 0 && label < classes),
    'ERR_OCELLUS_DATA',
    () => ({
      where: 'interpret: y',
      expected: `${samples} class numbers from 0 to ${classes - 1}, or one-hot rows of ${classes}`,
      got: labels.find((label) => !(label >= 0 && label < classes)) ?? `shape [${shape.join(', ')}]`,
    }),
  );
  return labels;
}

function sampleOf({ data, shape }: TensorView, index: number): SeenSample {
  const size = data.length / shape[0];
  return { data: data.subarray(index * size, (index + 1) * size), shape: shape.slice(1) };
}

const binOf = (probability: number): number => Math.min(binCount - 1, Math.floor(probability * binCount));

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const mean = <T>(items: readonly T[], value: (item: T) => number): number => sum(items.map(value)) / items.length;
