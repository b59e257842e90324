import { check, checkOptions } from '../core/errors.js';
import { type Dataset, isDataset, type ModelData } from '../data/dataset.js';
import { writeFileAtomic } from '../io/atomic.js';
import { useAverages, withAverages } from '../train/averages.js';
import type { History, TrainEvent, TrainedModel, TrainingPlace } from '../train/events.js';
import { evaluate, train } from '../train/fit.js';
import type { EvaluateOptions, FitOptions } from '../train/options.js';
import { checkEvaluateOptions, checkFitOptions, evaluationSource, prepareFit } from '../train/options.js';
import { checkRateOptions, type FindLearningRateOptions, findRates, type LearningRates } from '../train/rate-finder.js';
import { evaluationReporter, progressReporter } from '../train/reporter.js';
import { Session } from '../train/session.js';
import { BuiltModel } from './built.js';
import { applyCompiled, type CompileOptions, createMeter, resolveCompile } from './compile.js';
import { encodeModel } from './file.js';
import { compareGradients, type GradientCheck, type GradientCheckOptions } from './inspect.js';
import { type PredictOptions, predict, predictSync } from './predict.js';
import { type PredictImageOptions, rankImages } from './predict-image.js';
import type { ImagePrediction } from './preprocessing.js';
import { restoreSession } from './restore.js';
import type { Tensor } from './tensor.js';
import { Trainer } from './trainer.js';

/**
 * A network with weights. Made by `sequential`, `model` or `load`.
 *
 * @typeParam Prediction `Tensor` for one output, `Tensor[]` for several.
 */
export class Model<Prediction extends Tensor | Tensor[] = Tensor> extends BuiltModel implements TrainedModel {
  private training = false;

  /**
   * Sets what is trained and how. Weights stay; the state of an earlier optimizer is forgotten.
   *
   * @throws ERR_OCELLUS_OPTION for names and values that are not known
   * @example
   * model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
   */
  compile(options: CompileOptions): this {
    this.session?.requireIdle('compile');
    const compiled = resolveCompile(this.network, options);
    if (this.session || this.network.inputs.every((input) => input.shape)) {
      this.session ??= new Session(this.network, compiled.backend, this.seed);
      applyCompiled(this.session, compiled);
    }
    this.compiled = compiled;
    return this;
  }

  /**
   * Trains. Give samples and targets, or a dataset that yields batches.
   *
   * `sampleWeight` and `classWeight` make samples count more or less, as in Keras: the loss of a batch is the sum of
   * weighted losses over its number of samples, metrics count all samples alike, `weightedMetrics` by their weights.
   * A class without a weight is an error (Keras takes 1), and so are negative weights.
   *
   * @returns loss and metrics of every epoch
   * @throws signal.reason when aborted, within one batch; the model stays usable
   * @example
   * const { history } = await model.fit(images, labels, { epochs: 5, validationSplit: 0.1 });
   * await model.fit(images, labels, { classWeight: [1, 5, 1, 1, 1, 1, 1, 1, 1, 2] });
   * const sampleWeight = Float32Array.from(labels, (label) => (label === 1 ? 5 : 1));
   * await model.fit(images, labels, { sampleWeight, validationData: [images, labels, sampleWeight] });
   */
  fit(x: ModelData, y: ModelData, options?: FitOptions): Promise<History>;
  fit(dataset: Dataset, options?: FitOptions): Promise<History>;
  async fit(x: ModelData | Dataset, second?: ModelData | FitOptions, third?: FitOptions): Promise<History> {
    const { y, options } = split<FitOptions>(x, second, third);
    const events = this.events(x, y, options, 'auto');
    for (;;) {
      const { done, value } = await events.next();
      if (done) return value;
    }
  }

  /**
   * Trains as `fit` does and tells what happens. Leaving the loop ends the training.
   *
   * @example
   * for await (const event of model.train(images, labels, { epochs: 5 })) {
   *   if (event.type === 'epochEnd') console.log(event.epoch, event.logs.loss);
   * }
   */
  train(x: ModelData, y: ModelData, options?: FitOptions): AsyncGenerator<TrainEvent, History, undefined>;
  train(dataset: Dataset, options?: FitOptions): AsyncGenerator<TrainEvent, History, undefined>;
  train(
    x: ModelData | Dataset,
    second?: ModelData | FitOptions,
    third?: FitOptions,
  ): AsyncGenerator<TrainEvent, History, undefined> {
    const { y, options } = split<FitOptions>(x, second, third);
    return this.events(x, y, options, 0);
  }

  /**
   * Loss and metrics, averaged over all samples, without training.
   *
   * @example
   * const { loss, accuracy } = await model.evaluate(testImages, testLabels);
   */
  evaluate(x: ModelData, y: ModelData, options?: EvaluateOptions): Promise<Record<string, number>>;
  evaluate(dataset: Dataset, options?: EvaluateOptions): Promise<Record<string, number>>;
  async evaluate(
    x: ModelData | Dataset,
    second?: ModelData | EvaluateOptions,
    third?: EvaluateOptions,
  ): Promise<Record<string, number>> {
    const { y, options } = split<EvaluateOptions>(x, second, third);
    checkEvaluateOptions('evaluate', options);
    const { session, compiled, context } = this.ready('evaluate', x);
    const source = evaluationSource(context, 'evaluate', x, y, options);
    const meter = createMeter(compiled, this.network, session.outputs);
    const progress = evaluationReporter(options.verbose ?? 0, options.stream);
    try {
      return (await evaluate(session, source, meter, { signal: options.signal, progress })).logs();
    } finally {
      progress.close();
    }
  }

  /**
   * The outputs for some samples, [samples, …], or for all of a dataset of batches (`{ x }`, or x alone).
   *
   * @example
   * const scores = await model.predict(images);
   * scores.argMax(); // a class for each image
   */
  async predict(
    x: ModelData | Dataset | AsyncIterable<ModelData | { readonly x: ModelData }>,
    options: PredictOptions = {},
  ): Promise<Prediction> {
    // Targets are not looked at.
    const samples = x as ModelData | Dataset;
    return this.unwrap(await predict(this.built('predict', samples), samples, options));
  }

  /** As `predict`, on the calling thread's time: the event loop waits. */
  predictSync(x: ModelData, options: Omit<PredictOptions, 'signal'> = {}): Prediction {
    return this.unwrap(predictSync(this.built('predictSync', x), x, options));
  }

  /**
   * Trains some steps with growing learning rates and tells how the loss went; the model is afterwards as before. Take a
   * rate somewhat below the one at which the loss begins to rise.
   *
   * @example
   * const { suggestion } = await model.findLearningRate(images, labels, { steps: 20 });
   * if (suggestion) model.learningRate = suggestion;
   */
  findLearningRate(x: ModelData, y: ModelData, options?: FindLearningRateOptions): Promise<LearningRates>;
  findLearningRate(dataset: Dataset, options?: FindLearningRateOptions): Promise<LearningRates>;
  async findLearningRate(
    x: ModelData | Dataset,
    second?: ModelData | FindLearningRateOptions,
    third?: FindLearningRateOptions,
  ): Promise<LearningRates> {
    const { y, options } = split<FindLearningRateOptions>(x, second, third);
    checkRateOptions('findLearningRate', options);
    const { session, compiled, context } = this.ready('findLearningRate', x);
    const { batchSize, signal, sampleWeight, classWeight } = options;
    const { source } = prepareFit(context, x, y, { batchSize, signal, sampleWeight, classWeight }, this.seed);
    const meter = createMeter(compiled, this.network, session.outputs);
    const { optimizer } = compiled;
    const { learningRate } = optimizer;
    session.requireIdle('findLearningRate');
    const restore = session.snapshot();
    try {
      return await findRates(session, source, meter, optimizer, options);
    } finally {
      optimizer.learningRate = learningRate;
      restore();
    }
  }

  /**
   * Runs `job` with the moving averages that an optimizer with `useEma` keeps in the place of the weights: what is
   * predicted, evaluated, saved there is theirs. Afterwards the weights are as before, for training to go on; inside,
   * training is an error. Before the first step the averages are the weights. `fit` ends with the averages for good, and
   * so does `useAverages`.
   *
   * @throws ERR_OCELLUS_STATE without averages, and for steps of training inside
   * @example
   * model.compile({ optimizer: { name: 'adam', useEma: true }, loss: 'sparseCategoricalCrossentropy' });
   * await model.trainer().step(images, labels);
   * const { loss } = await model.withAverages(() => model.evaluate(testImages, testLabels));
   */
  async withAverages<T>(job: () => Promise<T>): Promise<T> {
    return withAverages(this.ready('withAverages').session, job);
  }

  /** Puts the averages that an optimizer with `useEma` keeps in the place of the weights, as `fit` does at its end. */
  async useAverages(): Promise<void> {
    await useAverages(this.ready('useAverages').session);
  }

  /** The open loop: single steps, gradients in hand. */
  trainer(): Trainer {
    const { session, compiled, context } = this.ready('trainer');
    return new Trainer(session, context, createMeter(compiled, this.network, session.outputs));
  }

  /**
   * Compares the gradient of every trained weight, along a random direction, with differences of the loss: a check of
   * layers, losses and ops of one's own. The model is afterwards as before. Steps across a kink (ReLU, max pooling) give
   * errors of some percent.
   *
   * @example
   * const checks = await model.checkGradients(images, labels);
   * console.table(checks.filter(({ error }) => error > 0.05));
   */
  async checkGradients(x: ModelData, y: ModelData, options: GradientCheckOptions = {}): Promise<GradientCheck[]> {
    const { session } = this.ready('checkGradients', x);
    const trainer = this.trainer();
    return compareGradients(session, () => trainer.gradients(x, y), options);
  }

  /**
   * What the model sees in a picture: a file, or its bytes (JPEG, PNG, WebP, AVIF, GIF, TIFF). Decodes, resizes and
   * normalizes as `setPreprocessing` says, or a loaded file. Needs the package `sharp`.
   *
   * @returns the most probable classes, the first one first; for a list of pictures a list each
   * @throws ERR_OCELLUS_FORMAT (no picture, corrupt) | ERR_OCELLUS_DATA (cannot be read, sharp is absent) |
   * ERR_OCELLUS_STATE (no preprocessing is set)
   * @example
   * const [best] = await classifier.predictImage('photos/cat/1.jpg', { top: 1 });
   * console.log(`${best.label}: ${(100 * best.probability).toFixed(1)} %`);
   */
  predictImage(image: string | Uint8Array, options?: PredictImageOptions): Promise<ImagePrediction[]>;
  predictImage(images: readonly (string | Uint8Array)[], options?: PredictImageOptions): Promise<ImagePrediction[][]>;
  async predictImage(
    images: string | Uint8Array | readonly (string | Uint8Array)[],
    options: PredictImageOptions = {},
  ): Promise<ImagePrediction[] | ImagePrediction[][]> {
    checkOptions('predictImage', options, ['top', 'batchSize', 'signal']);
    const list = typeof images === 'string' || images instanceof Uint8Array ? [images] : images;
    const ranked = await rankImages(this.built('predictImage'), this.imageInput, list, options);
    return list === images ? ranked : ranked[0];
  }

  /**
   * Writes everything to one safetensors file, atomically: weights, architecture, optimizer, progress. `load` reads it.
   *
   * @param place where in a training the file is written: callbacks say so, for `restore`
   * @throws ERR_OCELLUS_DATA when the file cannot be written
   */
  async save(file: string, place: TrainingPlace | null = null): Promise<void> {
    const session = this.built('save');
    const learningRate = this.compiled?.optimizer.learningRate;
    const noted = place && (typeof learningRate === 'number' ? { ...place, learningRate } : place);
    const bytes = await session.exclusive(async () => encodeModel(this, session, this.compiled, file, noted));
    await writeFileAtomic(file, bytes);
  }

  /**
   * Takes weights, the state of the optimizer and counters from a file that `save` wrote, into this model of the same
   * network; `load` makes a model of its own.
   *
   * @returns the place in the training that is noted in the file
   * @throws ERR_OCELLUS_FORMAT when the file is damaged or of another network; the model then is as before
   */
  async restore(file: string): Promise<TrainingPlace | null> {
    const place = await restoreSession(file, this.built('restore'));
    const optimizer = this.compiled?.optimizer;
    const isFixed = typeof optimizer?.learningRate === 'number';
    if (optimizer && isFixed && place?.learningRate !== undefined) optimizer.learningRate = place.learningRate;
    return place;
  }

  /** Gives plans and their memory back early. Not needed; the model stays usable. */
  [Symbol.dispose](): void {
    this.session?.release();
  }

  private async *events(
    x: ModelData | Dataset,
    y: ModelData | undefined,
    options: FitOptions,
    verbose: FitOptions['verbose'],
  ): AsyncGenerator<TrainEvent, History, undefined> {
    checkFitOptions(options);
    const { session, compiled, context } = this.ready('fit', x);
    const setup = prepareFit(context, x, y, options, this.seed);
    check(!this.training, 'ERR_OCELLUS_BUSY', () => ({
      where: 'fit',
      expected: 'one training at a time',
      got: 'a second one',
      help: 'await the first one, or abort it with a signal',
    }));
    const reporter = progressReporter(options.verbose ?? verbose ?? 0, options.stream);
    const meters = [0, 1].map(() => createMeter(compiled, this.network, session.outputs));
    this.training = true;
    session.seed = setup.seed;
    try {
      const callbacks = [...setup.callbacks, reporter];
      return yield* train(session, { ...setup, model: this, callbacks, meter: meters[0], validationMeter: meters[1] });
    } finally {
      this.training = false;
      reporter.close();
    }
  }

  private unwrap(outputs: Tensor[]): Prediction {
    return (outputs.length === 1 ? outputs[0] : outputs) as Prediction;
  }
}

/** (x, y, options) or (dataset, options). */
function split<O extends object>(
  x: unknown,
  second: unknown,
  third: O | undefined,
): { y: ModelData | undefined; options: O } {
  if (!isDataset(x)) return { y: second as ModelData | undefined, options: third ?? ({} as O) };
  check(third === undefined, 'ERR_OCELLUS_ARGUMENT', () => ({
    where: 'dataset',
    expected: 'no separate targets: it yields { x, y }',
    got: 'a second argument that is not the options',
  }));
  return { y: undefined, options: (second as O | undefined) ?? ({} as O) };
}
