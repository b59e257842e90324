// Reading a model back: network, weights, compile options, the state of the optimizer.

import { selectBackend } from '../backend/select.js';
import { checkOptions } from '../core/errors.js';
import { readSafetensors } from '../io/safetensors.js';
import { networkFromConfig } from '../nn/config.js';
import type { AnyLayerFactory } from '../nn/layer.js';
import { Session } from '../train/session.js';
import { surveyNetwork } from '../train/weights.js';
import { applyCompiled, type CompileOptions, resolveCompile } from './compile.js';
import { readDescription, tensorOf } from './file.js';
import { Model } from './model.js';
import { takeProgress } from './restore.js';
import type { Tensor } from './tensor.js';

export interface LoadOptions extends Pick<CompileOptions, 'backend' | 'threads' | 'isa' | 'winograd' | 'algorithm'> {
  /** Layers of one's own that the model is made of: the factories that `defineLayer` returned. */
  layers?: readonly AnyLayerFactory[] | Readonly<Record<string, AnyLayerFactory>>;
  /** Takes the place of the saved one: needed where that was a function. */
  loss?: CompileOptions['loss'];
  /** Takes the place of the saved ones; those that were functions are not in the file. */
  metrics?: CompileOptions['metrics'];
  weightedMetrics?: CompileOptions['weightedMetrics'];
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
 */
export async function load<Prediction extends Tensor | Tensor[] = Tensor>(
  file: string,
  options: LoadOptions = {},
): Promise<Model<Prediction>> {
  checkOptions('load', options, [
    'layers',
    'loss',
    'metrics',
    'weightedMetrics',
    'backend',
    'threads',
    'isa',
    'winograd',
    'algorithm',
  ]);
  const { layers = [], loss, metrics, weightedMetrics, ...choice } = options;
  const { tensors, metadata } = await readSafetensors(file);
  const { name, seed, architecture, training } = readDescription(file, metadata);
  const customLayers = Object.values(layers);
  const network = networkFromConfig(architecture, { customLayers, name });
  const compiled =
    training &&
    resolveCompile(network, {
      ...choice,
      optimizer: training.optimizer,
      loss: loss ?? training.loss,
      lossWeights: training.lossWeights,
      metrics: metrics ?? training.metrics,
      weightedMetrics: weightedMetrics ?? training.weightedMetrics,
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
  return new Model<Prediction>(network, seed, session, compiled);
}
