// The model as people use it: Keras's verbs over a network and the session that runs it.

import type { StepTime } from '../backend/profile.js';
import { selectBackend } from '../backend/select.js';
import { check, checkName, checkOptions, OcellusError } from '../core/errors.js';
import { type Dataset, isDataset, type ModelData } from '../data/dataset.js';
import { type Plan, planToText } from '../graph/plan.js';
import { writeFileAtomic } from '../io/atomic.js';
import type { Layer } from '../nn/layer.js';
import type { NamedLayer, Network } from '../nn/network.js';
import { type LayerPattern, selectLayers } from '../nn/select.js';
import type { SymbolicTensor } from '../nn/symbolic.js';
import { sampleShapes } from '../train/adapter.js';
import type { History, TrainEvent, TrainedModel } from '../train/events.js';
import { evaluate, train } from '../train/fit.js';
import type { EvaluateOptions, FitOptions } from '../train/options.js';
import {
  checkEvaluateOptions,
  checkFitOptions,
  type DataContext,
  evaluationSource,
  prepareFit,
} from '../train/options.js';
import { type Mode, modes, type ProgramRequest } from '../train/program.js';
import { checkRateOptions, type FindLearningRateOptions, findRates, type LearningRates } from '../train/rate-finder.js';
import { evaluationReporter, progressReporter } from '../train/reporter.js';
import { Session } from '../train/session.js';
import { surveyNetwork } from '../train/weights.js';
import {
  applyCompiled,
  type Compiled,
  type CompileOptions,
  createMeter,
  resolveCompile,
  targetSpecs,
} from './compile.js';
import { encodeModel } from './file.js';
import {
  compareGradients,
  type GradientCheck,
  type GradientCheckOptions,
  type MemoryNeed,
  memoryNeed,
} from './inspect.js';
import { type PredictOptions, predict, predictSync } from './predict.js';
import { randomStep } from './profile.js';
import { type SummaryOptions, summaryText } from './summary.js';
import type { Tensor } from './tensor.js';
import { Trainer } from './trainer.js';

/** A weight or running statistic. */
export interface ModelWeight {
  /** `conv2d_1/kernel` */
  readonly path: string;
  readonly shape: readonly number[];
  /** The values themselves, not a copy. */
  readonly data: Float32Array;
  readonly trainable: boolean;
}

export interface PlanOptions {
  /** Default 32. */
  batchSize?: number;
}

/**
 * A network with weights. Made by `sequential`, `model` or `load`.
 *
 * @typeParam Prediction `Tensor` for one output, `Tensor[]` for several.
 */
export class Model<Prediction extends Tensor | Tensor[] = Tensor> implements TrainedModel {
  private training = false;

  /** Use `sequential`, `model` or `load` instead. */
  constructor(
    readonly network: Network,
    /** Of first weights, order of samples and dropout. */
    readonly seed: number,
    private session: Session | null = null,
    private compiled: Compiled | null = null,
  ) {}

  get name(): string {
    return this.network.name ?? 'model';
  }

  /** The layers in the order in which they run, with their names. */
  get layers(): readonly NamedLayer[] {
    return this.network.layers;
  }

  /**
   * The layer of this name; `block/conv2d` lies in the layer `block`.
   *
   * @throws ERR_OCELLUS_OPTION for a name that no layer has
   */
  layer(path: string): Layer {
    return this.network.layer(path);
  }

  /**
   * Applies the model to the output of other layers, as a layer of a larger model. The larger model starts with this
   * model's weights as they are when it makes its own; from then on each has its own.
   *
   * @example
   * const backbone = sequential([layers.conv2d({ filters: 8, kernelSize: 3, inputShape: [32, 32, 3] })]);
   * const photo = input({ shape: [32, 32, 3] });
   * const features = layers.flatten().apply(backbone.apply(photo));
   * const scores = layers.dense({ units: 5 }).apply(features);
   */
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor {
    this.network.weightsFrom = () => this.getWeights();
    return this.network.apply(inputs);
  }

  /**
   * Freezes the weights of layers, by default of all; batch normalization then works with its running statistics. A
   * compiled model is compiled anew: its optimizer starts afresh.
   *
   * @param patterns paths, in which * stands for anything, or regular expressions
   * @throws ERR_OCELLUS_OPTION for a pattern that fits no layer
   * @example
   * model.freeze().unfreeze('dense*');
   */
  freeze(patterns: LayerPattern | readonly LayerPattern[] = '*'): this {
    return this.setTrainable('freeze', patterns, false);
  }

  /** Takes `freeze` back. A layer trains again once every layer it lies in does. */
  unfreeze(patterns: LayerPattern | readonly LayerPattern[] = '*'): this {
    return this.setTrainable('unfreeze', patterns, true);
  }

  private setTrainable(where: string, patterns: LayerPattern | readonly LayerPattern[], trainable: boolean): this {
    this.session?.requireIdle(where);
    for (const { layer } of selectLayers(this.network, where, patterns)) layer.trainable = trainable;
    if (this.session && this.compiled) applyCompiled(this.session, this.compiled);
    return this;
  }

  /** The optimizer of `compile`; its `learningRate` may be set between steps. */
  get optimizer(): Compiled['optimizer'] {
    return this.requireCompiled('optimizer').optimizer;
  }

  /** The rate of the next training step. Setting it puts a number in the place of a schedule. */
  get learningRate(): number {
    return this.requireCompiled('learningRate').optimizer.rateAt(this.session?.step ?? 0);
  }

  set learningRate(rate: number) {
    this.requireCompiled('learningRate').optimizer.learningRate = rate;
  }

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
   * @returns loss and metrics of every epoch
   * @throws signal.reason when aborted, within one batch; the model stays usable
   * @example
   * const { history } = await model.fit(images, labels, { epochs: 5, validationSplit: 0.1 });
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
    const source = evaluationSource(context, 'evaluate', x, y, options.batchSize);
    const meter = createMeter(compiled, this.network, session.outputs);
    const progress = evaluationReporter(options.verbose ?? 0, options.stream);
    try {
      return (await evaluate(session, source, meter, { signal: options.signal, progress })).logs();
    } finally {
      progress.close();
    }
  }

  /**
   * The outputs for some samples, [samples, …].
   *
   * @example
   * const scores = await model.predict(images);
   * scores.argMax(); // a class for each image
   */
  async predict(x: ModelData, options: PredictOptions = {}): Promise<Prediction> {
    return this.unwrap(await predict(this.built('predict', x), x, options));
  }

  /** As `predict`, on the calling thread's time: the event loop waits. */
  predictSync(x: ModelData, options: Omit<PredictOptions, 'signal'> = {}): Prediction {
    return this.unwrap(predictSync(this.built('predictSync', x), x, options));
  }

  /**
   * What layers put out for some samples, by their paths: [samples, …], images with their channels last. A layer that is
   * applied several times gives its last output.
   *
   * @throws ERR_OCELLUS_OPTION for a path that no layer has
   * @example
   * const { conv2d } = await model.activations(images, 'conv2d');
   */
  async activations(
    x: ModelData,
    paths: string | readonly string[],
    options: PredictOptions = {},
  ): Promise<Record<string, Tensor>> {
    const session = this.built('activations', x);
    const calls = Object.fromEntries(surveyNetwork(this.network).calls.map((call) => [call.path, call]));
    const wanted = [paths].flat().map((path) => checkName('activations', path, calls));
    const tensors = await predict(session, x, options, wanted);
    return Object.fromEntries(wanted.map(({ path }, i) => [path, tensors[i]]));
  }

  /** Bytes that weights, training and the steps on batches of one size take. */
  memory(batchSize = 32): MemoryNeed {
    const { batch } = this.request('memory', 'predict', { batchSize });
    return memoryNeed(this.built('memory'), this.compiled !== null, batch);
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
   * Prints the layers with their output shapes, parameters, multiply-adds and memory; once the model is compiled for the
   * native backend, also by which algorithm each convolution is computed.
   */
  summary(options: SummaryOptions = {}): void {
    checkOptions('summary', options, ['batchSize', 'print', 'lineLength']);
    const { batchSize = 32, lineLength = process.stdout.columns } = options;
    const { print = (text: string) => process.stdout.write(`${text}\n`) } = options;
    print(summaryText(this.built('summary'), this.name, this.compiled !== null, batchSize, lineLength));
  }

  /**
   * All weights and running statistics, in the order of the layers. Take them anew after `compile` with another backend:
   * it may have moved them. Since they may be written at any time, every later prediction prepares weights anew;
   * `getWeights` and `setWeights` cost nothing of the kind.
   */
  get weights(): ModelWeight[] {
    const session = this.built('weights');
    return session.weights.map(({ path, shape, trainable, variable }) => {
      return { path, shape, trainable, data: session.expose(variable) as Float32Array };
    });
  }

  /** Number of values in all weights and running statistics. */
  countParams(): number {
    return this.built('countParams').weights.reduce((sum, weight) => sum + weight.size, 0);
  }

  /** Copies of all weights by path. */
  getWeights(): Record<string, Float32Array> {
    const session = this.built('getWeights');
    return Object.fromEntries(
      session.weights.map(({ path, variable }) => [path, Float32Array.from(session.view(variable))]),
    );
  }

  /** Sets weights by path; those that are not named stay. */
  setWeights(weights: Readonly<Record<string, ArrayLike<number>>>): void {
    const session = this.built('setWeights');
    session.requireIdle('setWeights');
    const own = Object.fromEntries(session.weights.map(({ path, variable }) => [path, session.view(variable)]));
    for (const [path, values] of Object.entries(weights)) {
      const { length } = checkName('setWeights', path, own);
      check(values?.length === length, 'ERR_OCELLUS_SHAPE', () => ({
        where: `setWeights: '${path}'`,
        expected: `${length} numbers`,
        got: values?.length ?? 'none',
      }));
    }
    session.weightsChanged();
    for (const [path, values] of Object.entries(weights)) own[path].set(values);
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
    const { batchSize, signal } = options;
    const { source } = prepareFit(context, x, y, { batchSize, signal }, this.seed);
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

  /** The open loop: single steps, gradients in hand. */
  trainer(): Trainer {
    const { session, compiled, context } = this.ready('trainer');
    return new Trainer(session, context, createMeter(compiled, this.network, session.outputs));
  }

  /** The program that runs for a purpose; `planText` for people. */
  plan(mode: Mode = 'predict', options: PlanOptions = {}): Plan {
    return this.built('plan').plan(this.request('plan', mode, options));
  }

  planText(mode: Mode = 'predict', options: PlanOptions = {}): string {
    return planToText(this.built('planText').plan(this.request('planText', mode, options)));
  }

  /**
   * Every step of a program with its algorithm, its time and its share of the machine's peak. The program is run twice
   * on random data; the model is afterwards as before. `formatProfile` makes a table of it.
   *
   * @example
   * console.log(formatProfile(await model.profile('train', { batchSize: 8 })));
   */
  async profile(mode: Mode = 'predict', options: PlanOptions = {}): Promise<StepTime[]> {
    return this.built('profile').profile(this.request('profile', mode, options), randomStep(this.seed));
  }

  /** As `profile`, on the calling thread's time: the event loop waits. */
  profileSync(mode: Mode = 'predict', options: PlanOptions = {}): StepTime[] {
    return this.built('profileSync').profileSync(this.request('profileSync', mode, options), randomStep(this.seed));
  }

  /**
   * Writes everything to one safetensors file, atomically: weights, architecture, optimizer, progress. `load` reads it.
   *
   * @throws ERR_OCELLUS_DATA when the file cannot be written
   */
  async save(file: string): Promise<void> {
    const session = this.built('save');
    const bytes = await session.exclusive(async () => encodeModel(this, session, this.compiled, file));
    await writeFileAtomic(file, bytes);
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

  /** The session of a compiled model. */
  private ready(
    where: string,
    x?: ModelData | Dataset,
  ): { session: Session; compiled: Compiled; context: DataContext } {
    const compiled = this.requireCompiled(where);
    const session = this.built(where, x);
    return { session, compiled, context: { network: this.network, targets: targetSpecs(compiled, session.outputs) } };
  }

  /** The session; where the shape of inputs is still open, the data tell. */
  private built(where: string, x?: ModelData | Dataset): Session {
    if (this.session) return this.session;
    if (x !== undefined && !isDataset(x)) this.network.resolveInputs(sampleShapes(this.network, `${where}: x`, x));
    const session = new Session(this.network, this.compiled?.backend ?? selectBackend(), this.seed);
    if (this.compiled) applyCompiled(session, this.compiled);
    this.session = session;
    return session;
  }

  private requireCompiled(where: string): Compiled {
    if (this.compiled) return this.compiled;
    throw new OcellusError('ERR_OCELLUS_STATE', {
      where,
      expected: 'a compiled model',
      got: 'one without optimizer and loss',
      help: "call model.compile({ optimizer: 'adam', loss: … }) first",
    });
  }

  private request(where: string, mode: Mode, { batchSize = 32 }: PlanOptions): ProgramRequest {
    check(modes.includes(mode), 'ERR_OCELLUS_OPTION', () => ({
      where,
      expected: `one of ${modes.join(', ')}`,
      got: mode,
    }));
    check(Number.isSafeInteger(batchSize) && batchSize >= 1, 'ERR_OCELLUS_OPTION', () => ({
      where: `${where}, option 'batchSize'`,
      expected: 'a whole number of at least 1',
      got: batchSize,
    }));
    return { mode, batch: batchSize, dtypes: this.network.inputs.map((input) => input.dtype) };
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
