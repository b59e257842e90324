// What a model is apart from its verbs: a network, its session, what `compile` set; its layers and weights, its plans,
// and how one looks into it.

import type { StepTime } from '../backend/profile.js';
import { selectBackend } from '../backend/select.js';
import { check, checkName, checkOptions, OcellusError } from '../core/errors.js';
import { type Dataset, isDataset, type ModelData } from '../data/dataset.js';
import { type Plan, planToText } from '../graph/plan.js';
import type { Layer, NamedLayer } from '../nn/layer.js';
import type { LayerCall, Network } from '../nn/network.js';
import { type LayerPattern, selectLayers } from '../nn/select.js';
import type { SymbolicTensor } from '../nn/symbolic.js';
import { sampleShapes } from '../train/adapter.js';
import type { DataContext } from '../train/options.js';
import { type Mode, modes, type ProgramRequest } from '../train/program.js';
import { Session } from '../train/session.js';
import { applyCompiled, type Compiled, targetSpecs } from './compile.js';
import { type MemoryNeed, memoryNeed } from './inspect.js';
import { type PredictOptions, predictArrays } from './predict.js';
import { Preprocessing, type PreprocessingOptions } from './preprocessing.js';
import { type ProbeOptions, type ProbeResult, probe } from './probe.js';
import { randomStep } from './profile.js';
import { type LayerSummary, layerSummaries, type SummaryOptions, summaryText } from './summary.js';
import type { Tensor } from './tensor.js';

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

/** The part of `Model` that does not train. */
export abstract class BuiltModel {
  /** Use `sequential`, `model` or `load` instead. */
  constructor(
    readonly network: Network,
    /** Of first weights, order of samples and dropout. */
    readonly seed: number,
    protected session: Session | null = null,
    protected compiled: Compiled | null = null,
  ) {}

  protected imageInput: Preprocessing | null = null;

  /** What `predictImage` does to pictures, and the names of the classes; null before `setPreprocessing`. */
  get preprocessing(): PreprocessingOptions | null {
    return this.imageInput?.options ?? null;
  }

  /**
   * Says how pictures become this model's input: they are brought to its height, width and channels. It is saved with
   * the model.
   *
   * @throws ERR_OCELLUS_OPTION when the model does not take one picture, or for values that cannot be
   * @example
   * model.setPreprocessing({ fit: 'pad', classNames: ['zero', 'one', 'two'] });
   */
  setPreprocessing(options: PreprocessingOptions): this {
    this.imageInput = new Preprocessing('setPreprocessing', this.network, options);
    return this;
  }

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
   * model's weights as they are when it makes its own (new ones where this model's shapes are still open); from then on
   * each has its own.
   *
   * @example
   * const backbone = sequential([layers.conv2d({ filters: 8, kernelSize: 3, inputShape: [32, 32, 3] })]);
   * const photo = input({ shape: [32, 32, 3] });
   * const features = layers.flatten().apply(backbone.apply(photo));
   * const scores = layers.dense({ units: 5 }).apply(features);
   */
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor {
    const isOpen = () => this.network.inputs.some(({ shape }) => !shape);
    this.network.weightsFrom = () => (isOpen() ? {} : this.getWeights());
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
    const { step = 0, epoch = 0 } = this.session ?? {};
    return this.requireCompiled('learningRate').optimizer.rateAt(step, Math.max(0, epoch - 1));
  }

  set learningRate(rate: number) {
    this.requireCompiled('learningRate').optimizer.learningRate = rate;
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
    const calls = Object.fromEntries(session.calls.map((call) => [call.path, call]));
    const wanted = [paths].flat().map((path) => checkName('activations', path, calls));
    const tensors = await predictArrays(session, x, options, wanted);
    return Object.fromEntries(wanted.map(({ path }, i) => [path, tensors[i]]));
  }

  /**
   * What happens inside, and how it bears on a result: outputs of layers, and gradients of scores (or of a layer's
   * output), weighted by `seed`, by layers and inputs. The model works as in predictions: batch normalization by its
   * running statistics, nothing is dropped. Scores are what the last softmax or sigmoid makes probabilities of.
   *
   * @throws ERR_OCELLUS_OPTION for a path that no layer has | ERR_OCELLUS_GRADIENT when something on the way back has no
   * gradient
   * @example
   * const seed = new Float32Array(24 * 10).fill(1); // all classes of 24 images
   * const { inputs } = await model.probe(images, { seed, byInputs: true });
   * inputs[0].shape; // [24, 28, 28, 1]
   */
  async probe(x: ModelData, options: ProbeOptions): Promise<ProbeResult> {
    return probe(this.built('probe', x), x, options);
  }

  /**
   * Every application of a layer, those inside other layers too, in the order in which they run, for one sample.
   *
   * @example
   * model.layerCalls().map(({ path, output }) => `${path}: ${output.shape}`)[0]; // "conv2d: 1,8,8,2"
   */
  layerCalls(): readonly LayerCall[] {
    return this.built('layerCalls').calls;
  }

  /** Bytes that weights, training and the steps on batches of one size take. */
  memory(batchSize = 32): MemoryNeed {
    const { batch } = this.request('memory', 'predict', { batchSize });
    return memoryNeed(this.built('memory'), this.compiled !== null, batch);
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
   * What `summary` prints of each layer, as data.
   *
   * @example
   * const [first] = model.layerSummaries();
   * console.log(first.name, first.outputShape, first.macs);
   */
  layerSummaries(options: PlanOptions = {}): LayerSummary[] {
    const { batch } = this.request('layerSummaries', 'predict', options);
    return layerSummaries(this.built('layerSummaries'), this.compiled !== null, batch);
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

  /** The session of a compiled model. */
  protected ready(
    where: string,
    x?: ModelData | Dataset,
  ): { session: Session; compiled: Compiled; context: DataContext } {
    const compiled = this.requireCompiled(where);
    const session = this.built(where, x);
    return { session, compiled, context: { network: this.network, targets: targetSpecs(compiled, session.outputs) } };
  }

  /** The session; where the shape of inputs is still open, the data tell. */
  protected built(where: string, x?: ModelData | Dataset): Session {
    if (this.session) return this.session;
    if (x !== undefined && !isDataset(x)) this.network.resolveInputs(sampleShapes(this.network, `${where}: x`, x));
    const session = new Session(this.network, this.compiled?.backend ?? selectBackend(), this.seed);
    if (this.compiled) applyCompiled(session, this.compiled);
    this.session = session;
    return session;
  }

  protected requireCompiled(where: string): Compiled {
    if (this.compiled) return this.compiled;
    throw new OcellusError('ERR_OCELLUS_STATE', {
      where,
      expected: 'a compiled model',
      got: 'one without optimizer and loss',
      help: "call model.compile({ optimizer: 'adam', loss: … }) first",
    });
  }

  protected request(where: string, mode: Mode, { batchSize = 32 }: PlanOptions): ProgramRequest {
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
}
