// Reading a model back: network, weights, compile options, the state of the optimizer.

import { selectBackend } from '../backend/select.js';
import { check, checkOptions } from '../core/errors.js';
import { readSafetensors } from '../io/safetensors.js';
import { networkFromConfig } from '../nn/config.js';
import type { AnyLayerFactory } from '../nn/layer.js';
import type { LossOption } from '../nn/losses.js';
import { Session } from '../train/session.js';
import { surveyNetwork } from '../train/weights.js';
import { applyCompiled, type CompileOptions, resolveCompile } from './compile.js';
import { type CustomObjects, revivedLoss, revivedMetrics } from './custom.js';
import { readDescription, tensorOf } from './file.js';
import { Model } from './model.js';
import { takeProgress } from './restore.js';
import type { Tensor } from './tensor.js';

export interface LoadOptions extends Pick<CompileOptions, 'backend' | 'threads' | 'isa' | 'winograd' | 'algorithm'> {
  /** Layers of one's own that the model is made of: the factories that `defineLayer` returned. */
  layers?: readonly AnyLayerFactory[] | Readonly<Record<string, AnyLayerFactory>>;
  /**
   * Layers, losses and metrics of one's own by name: factories, the functions that were compiled with, or functions that
   * make a loss again from its options or a metric from nothing.
   */
  customObjects?: CustomObjects;
  /** Takes the place of the saved one. */
  loss?: CompileOptions['loss'];
  /** Takes the place of the saved ones. */
  metrics?: CompileOptions['metrics'];
  weightedMetrics?: CompileOptions['weightedMetrics'];
  /** false: leave optimizer, loss and metrics out; the model predicts, until it is compiled. Default true. */
  compile?: boolean;
}

/**
 * Reads a model that `save` wrote: it predicts, and trains on exactly where it stopped. A learning rate that was a
 * function and no schedule goes on as its first value until `model.optimizer.learningRate` is set again.
 *
 * @throws ERR_OCELLUS_FORMAT (damaged, of another kind, or written by a newer version) | ERR_OCELLUS_DATA (cannot be
 * read) | ERR_OCELLUS_OPTION (a layer or loss that is not known)
 *
 * @example
 * const model = await load('digits.safetensors');
 * const scores = await model.predict(images);
 *
 * @example
 * const distance = (yTrue: Expression, yPred: Expression) => yTrue.sub(yPred).abs();
 * const line = sequential([layers.dense({ units: 1, inputShape: [3] })]).compile({ optimizer: 'sgd', loss: distance });
 * await line.save('line.safetensors');
 * const again = await load('line.safetensors', { customObjects: { distance } });
 */
export async function load<Prediction extends Tensor | Tensor[] = Tensor>(
  file: string,
  options: LoadOptions = {},
): Promise<Model<Prediction>> {
  checkOptions('load', options, [
    'layers',
    'customObjects',
    'loss',
    'metrics',
    'weightedMetrics',
    'compile',
    'backend',
    'threads',
    'isa',
    'winograd',
    'algorithm',
  ]);
  const { layers = [], customObjects = {}, loss, metrics, weightedMetrics, compile = true, ...choice } = options;
  const { tensors, metadata } = await readSafetensors(file);
  const { name, seed, architecture, training: saved, preprocessing } = readDescription(file, metadata);
  const training = compile ? saved : null;
  const customLayers = [...Object.values(layers), ...Object.values(customObjects).filter(isFactory)];
  const network = networkFromConfig(architecture, { customLayers, name });
  const compiled =
    training &&
    resolveCompile(network, {
      ...choice,
      optimizer: training.optimizer,
      loss: loss ?? losses(training.loss, customObjects),
      lossWeights: training.lossWeights,
      metrics: metrics ?? metricLists(training.metrics, customObjects),
      weightedMetrics: weightedMetrics ?? metricLists(training.weightedMetrics, customObjects),
    });
  // Every weight is looked up before memory is asked for: the sizes are the file's own.
  const survey = surveyNetwork(network);
  const values = new Map(survey.weights.map(({ path, shape }) => [path, tensorOf(file, tensors, path, shape)]));
  const backend = compiled?.backend ?? selectBackend(choice);
  const session = new Session(network, backend, seed, survey, ({ path }) => values.get(path) as Float32Array);
  if (training && compiled) {
    applyCompiled(session, compiled);
    takeProgress(file, tensors, session, training);
  }
  const model = new Model<Prediction>(network, seed, session, compiled);
  return preprocessing ? model.setPreprocessing(preprocessing) : model;
}

const isFactory = (value: object): value is AnyLayerFactory => typeof value === 'function' && 'type' in value;

/** One per output. */
function losses(noted: unknown, objects: CustomObjects): readonly LossOption[] {
  check(Array.isArray(noted), 'ERR_OCELLUS_FORMAT', () => ({
    where: 'load',
    expected: 'a list of losses',
    got: noted,
  }));
  return noted.map((one) => revivedLoss(one, objects));
}

/** Lists by output; undefined in files of earlier versions. */
function metricLists(noted: unknown, objects: CustomObjects): CompileOptions['metrics'] {
  if (noted === undefined) return undefined;
  check(typeof noted === 'object' && noted !== null, 'ERR_OCELLUS_FORMAT', () => ({
    where: 'load',
    expected: 'metrics by output',
    got: noted,
  }));
  return Object.fromEntries(Object.entries(noted).map(([output, list]) => [output, revivedMetrics(list, objects)]));
}
