// A model as one safetensors file: every weight under its path, the optimizer's state as `optimizer:<slot>/<path>`, and
// in the metadata, as JSON, the architecture and the options and progress of training.

import type { TensorView } from '../core/dtype.js';
import { check, OcellusError } from '../core/errors.js';
import { sameShape, shapeText } from '../core/shape.js';
import { encodeSafetensors, type SafetensorsFile } from '../io/safetensors.js';
import type { Network } from '../nn/network.js';
import type { TrainingPlace } from '../train/events.js';
import type { Session } from '../train/session.js';
import type { Compiled, CompileOptions } from './compile.js';
import { savedLoss, savedMetric } from './custom.js';
import type { PreprocessingOptions } from './preprocessing.js';

/** Files of later versions are refused, those of earlier ones are read. */
export const formatVersion = 1;

const formatName = 'ocellus';

/** What a file says besides the weights. */
export interface Description {
  readonly name: string | undefined;
  readonly seed: number;
  readonly architecture: unknown;
  readonly training: Training | null;
  /** Null in files of models that know nothing of pictures. */
  readonly preprocessing: PreprocessingOptions | null;
}

export interface Training {
  readonly optimizer: CompileOptions['optimizer'];
  /** One per output: name and options, or the name of a function. */
  readonly loss: unknown;
  readonly lossWeights: readonly number[];
  /** Lists of names, options or names of functions by output. */
  readonly metrics: unknown;
  readonly weightedMetrics?: unknown;
  readonly step: number;
  readonly epoch: number;
  /** Where in a training the file was written; null outside of one. */
  readonly place?: TrainingPlace | null;
}

/** The bytes of a model's file. */
export function encodeModel(
  model: { readonly network: Network; readonly seed: number; readonly preprocessing: PreprocessingOptions | null },
  session: Session,
  compiled: Compiled | null,
  where: string,
  place: TrainingPlace | null = null,
): Uint8Array {
  const tensors = new Map<string, TensorView>();
  const add = (name: string, shape: readonly number[], data: TensorView['data']): void => {
    check(!tensors.has(name), 'ERR_OCELLUS_FORMAT', () => ({
      where,
      expected: 'every tensor name once',
      got: `'${name}' twice`,
    }));
    tensors.set(name, { shape, dtype: 'float32', data });
  };
  for (const { path, shape, variable } of session.weights) add(path, shape, session.view(variable));
  for (const [slot, byPath] of Object.entries(session.slots())) {
    for (const [path, { shape, data }] of Object.entries(byPath)) add(slotName(slot, path), shape, data);
  }
  const training: Training | null = compiled && {
    optimizer: compiled.optimizer.config as Training['optimizer'],
    loss: compiled.losses.map(savedLoss),
    lossWeights: compiled.lossWeights,
    metrics: savedMetrics(model.network, session, compiled, compiled.metrics),
    weightedMetrics: savedMetrics(model.network, session, compiled, compiled.weightedMetrics),
    step: session.step,
    epoch: session.epoch,
    place,
  };
  return encodeSafetensors(
    tensors,
    {
      format: formatName,
      formatVersion: String(formatVersion),
      name: JSON.stringify(model.network.name ?? null),
      seed: JSON.stringify(model.seed),
      architecture: JSON.stringify(model.network.config),
      training: JSON.stringify(training),
      ...(model.preprocessing && { preprocessing: JSON.stringify(model.preprocessing) }),
    },
    where,
  );
}

/** The description in a file's metadata, checked as far as it is used here. */
export function readDescription(file: string, metadata: Readonly<Record<string, string>>): Description {
  check(metadata.format === formatName, 'ERR_OCELLUS_FORMAT', () => ({
    where: file,
    expected: 'a model saved by Ocellus',
    got: 'a safetensors file of another kind',
    help: 'build the network and hand its weights to setWeights',
  }));
  const version = Number(metadata.formatVersion);
  check(Number.isInteger(version) && version >= 1, 'ERR_OCELLUS_FORMAT', () => ({
    where: `${file}, formatVersion`,
    expected: 'a number from 1',
    got: String(metadata.formatVersion),
  }));
  check(version <= formatVersion, 'ERR_OCELLUS_FORMAT', () => ({
    where: `${file}, formatVersion`,
    expected: `at most ${formatVersion}`,
    got: version,
    help: 'a newer Ocellus wrote this file: update to read it',
  }));
  const name = parse(file, metadata, 'name');
  const seed = parse(file, metadata, 'seed');
  const training = parse(file, metadata, 'training') as Training | null;
  const fail = (key: string, expected: string, got: unknown) =>
    new OcellusError('ERR_OCELLUS_FORMAT', { where: `${file}, ${key}`, expected, got });
  if (name !== null && typeof name !== 'string') throw fail('name', 'a text or null', name);
  if (!isCount(seed)) throw fail('seed', 'a whole number', seed);
  if (training !== null && !(typeof training === 'object' && isCount(training.step) && isCount(training.epoch))) {
    throw fail('training', 'null, or an object with step and epoch', training);
  }
  const preprocessing = metadata.preprocessing === undefined ? null : parse(file, metadata, 'preprocessing');
  if (preprocessing !== null && typeof preprocessing !== 'object') {
    throw fail('preprocessing', 'an object', preprocessing);
  }
  return {
    name: name ?? undefined,
    seed,
    architecture: parse(file, metadata, 'architecture'),
    training,
    preprocessing: preprocessing as PreprocessingOptions | null,
  };
}

/** The values of a tensor that must be there. */
export function tensorOf(
  file: string,
  tensors: SafetensorsFile['tensors'],
  name: string,
  shape: readonly number[],
): Float32Array {
  const tensor = tensors.get(name);
  const data = tensor?.data;
  if (tensor && data instanceof Float32Array && sameShape(tensor.shape, shape)) return data;
  throw new OcellusError('ERR_OCELLUS_FORMAT', {
    where: `${file}, tensor '${name}'`,
    expected: `float32 of shape ${shapeText(shape)}`,
    got: tensor ? `${tensor.storedAs} of shape ${shapeText(tensor.shape)}` : 'none',
  });
}

export const slotName = (slot: string, path: string): string => `optimizer:${slot}/${path}`;

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function parse(file: string, metadata: Readonly<Record<string, string>>, key: string): unknown {
  try {
    return JSON.parse(metadata[key] ?? '');
  } catch (cause) {
    throw new OcellusError('ERR_OCELLUS_FORMAT', {
      where: `${file}, metadata '${key}'`,
      expected: 'JSON',
      got: metadata[key] === undefined ? 'nothing' : 'something else',
      cause,
    });
  }
}

function savedMetrics(
  network: Network,
  { outputs }: Session,
  { losses }: Compiled,
  metrics: Compiled['metrics'],
): Readonly<Record<string, unknown>> {
  const lists = metrics.map((list, i) =>
    list.map((metric) => savedMetric(metric, { loss: losses[i], output: outputs[i] })),
  );
  return Object.fromEntries(network.outputNames.map((output, i) => [output, lists[i]]));
}
