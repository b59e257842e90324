// Losses and metrics of one's own in files: what is noted of them, and how they are found again among the objects that
// `load` is given, by name, as layers of one's own are.

import { check, OcellusError } from '../core/errors.js';
import type { AnyLayerFactory } from '../nn/layer.js';
import { isBuiltin, type Loss, type LossExpression, type LossFunction, type LossOption } from '../nn/losses.js';
import {
  type Metric,
  type MetricContext,
  type MetricFunction,
  type MetricMaker,
  type MetricOption,
  resolveMetric,
} from '../nn/metrics.js';

/** Makes a loss again from the options in its `config`. */
// biome-ignore lint/suspicious/noExplicitAny: makers of all options stand in one table
export type LossMaker = (options: any) => Loss;

/** A layer's factory, a loss or what makes it, a metric or what makes it. */
export type CustomObject =
  | AnyLayerFactory
  | Loss
  | LossMaker
  | LossFunction
  | LossExpression
  | Metric
  | MetricMaker
  | MetricFunction;

/** By the name of the type of layers, of the function or of its `name`. */
export type CustomObjects = Readonly<Record<string, CustomObject>>;

interface Noted {
  readonly name: string;
  /** What it was: a function, or an object with a name. Absent: one of ours. */
  readonly custom?: 'function' | 'object';
  readonly [option: string]: unknown;
}

export const savedLoss = (loss: Loss): Noted => {
  const { name, config } = loss;
  return isBuiltin(loss) ? { ...config, name } : { custom: 'object', ...config, name };
};

/** Metrics of ours with their options; of others the name. */
export function savedMetric(option: MetricOption, context: MetricContext): string | Noted {
  if (typeof option === 'string') return option;
  const { config } = option as MetricMaker;
  if (config) return config as Noted;
  if (typeof option !== 'function' && !('update' in option)) return option;
  const custom = typeof option === 'function' ? 'function' : 'object';
  return { name: resolveMetric(option, context).name, custom };
}

export function revivedLoss(noted: unknown, objects: CustomObjects): LossOption {
  const given = found('loss', noted, objects);
  if (given === null) return noted as LossOption;
  const { custom, ...config } = noted as Noted;
  if (typeof given === 'function' && custom === 'object') return (given as LossMaker)(config);
  return given as LossOption;
}

export function revivedMetrics(noted: unknown, objects: CustomObjects): readonly MetricOption[] {
  check(Array.isArray(noted), 'ERR_OCELLUS_FORMAT', () => ({
    where: 'load',
    expected: 'lists of metrics',
    got: noted,
  }));
  return noted.map((one) => {
    const given = found('metric', one, objects);
    if (given === null) return one as MetricOption;
    const makes = typeof given === 'function' && given.length === 0;
    return (makes ? (given as () => Metric)() : given) as MetricOption;
  });
}

/** The object under the noted name; null for one of ours that nobody takes the place of. */
function found(kind: string, noted: unknown, objects: CustomObjects): CustomObject | null {
  const { name, custom } = (typeof noted === 'string' ? { name: noted } : (noted ?? {})) as Partial<Noted>;
  if (typeof name === 'string' && Object.hasOwn(objects, name)) return objects[name];
  if (custom === undefined) return null;
  throw new OcellusError('ERR_OCELLUS_OPTION', {
    where: `load, ${kind} '${name}'`,
    expected: `this ${kind} of your own among customObjects`,
    got: Object.keys(objects).length === 0 ? 'none' : Object.keys(objects).join(', '),
    help: `load(file, { customObjects: { ${name} } }); to predict only, compile: false`,
  });
}
