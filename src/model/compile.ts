// What `compile` sets: optimizer, losses, metrics and backend, resolved from names and checked against the network.

import type { Backend } from '../backend/backend.js';
import { type BackendChoice, selectBackend } from '../backend/select.js';
import type { TensorSpec } from '../core/dtype.js';
import { check, checkOptions, OcellusError } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';
import { type Loss, type LossOption, resolveLoss } from '../nn/losses.js';
import { type MetricOption, resolveMetric } from '../nn/metrics.js';
import type { Network } from '../nn/network.js';
import { type Optimizer, type OptimizerOption, resolveOptimizer } from '../nn/optimizers.js';
import type { TargetSpec } from '../train/adapter.js';
import { Meter } from '../train/meter.js';
import type { Session } from '../train/session.js';

export interface CompileOptions extends BackendChoice {
  /** A name ('sgd', 'adam', 'adamW' …), { name, … } with options, or one from `optimizers`. */
  optimizer: OptimizerOption;
  /** One for all outputs, or a list or an object with one for each. */
  loss: LossOption | readonly LossOption[] | Readonly<Record<string, LossOption>>;
  /** Factor of each output's loss in the sum. Default 1. */
  lossWeights?: readonly number[];
  /** For every output, or an object with a list for each. Default none. */
  metrics?: readonly MetricOption[] | Readonly<Record<string, readonly MetricOption[]>>;
  /** As `metrics`, of samples that count by `sampleWeight` or `classWeight`. Default none. */
  weightedMetrics?: CompileOptions['metrics'];
}

/** Resolved. Lists have one entry per output. */
export interface Compiled {
  readonly optimizer: Optimizer;
  readonly losses: readonly Loss[];
  readonly lossWeights: readonly number[];
  readonly metrics: readonly (readonly MetricOption[])[];
  readonly weightedMetrics: readonly (readonly MetricOption[])[];
  readonly backend: Backend;
}

const names = [
  'optimizer',
  'loss',
  'lossWeights',
  'metrics',
  'weightedMetrics',
  'backend',
  'threads',
  'isa',
  'winograd',
  'algorithm',
];

export function resolveCompile(network: Network, options: CompileOptions): Compiled {
  check(typeof options === 'object' && options !== null, 'ERR_OCELLUS_OPTION', () => ({
    where: 'compile',
    expected: "options, { optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' } say",
    got: options,
  }));
  checkOptions('compile', options, names);
  const { optimizer, loss, lossWeights, metrics, weightedMetrics, ...choice } = options;
  const outputs = network.outputNames;
  const weights = lossWeights ?? outputs.map(() => 1);
  check(
    Array.isArray(weights) && weights.length === outputs.length && weights.every(Number.isFinite),
    'ERR_OCELLUS_OPTION',
    () => ({
      where: "compile, option 'lossWeights'",
      expected: `a list of ${outputs.length} numbers, one per output`,
      got: weights,
    }),
  );
  return {
    optimizer: resolveOptimizer(optimizer),
    losses: resolveLosses(loss, outputs),
    lossWeights: [...weights],
    metrics: metricLists("compile, option 'metrics'", metrics, outputs),
    weightedMetrics: metricLists("compile, option 'weightedMetrics'", weightedMetrics, outputs),
    backend: selectBackend(choice),
  };
}

function resolveLosses(loss: CompileOptions['loss'], outputs: readonly string[]): Loss[] {
  const where = "compile, option 'loss'";
  if (!Array.isArray(loss)) {
    const single = (value: unknown) => typeof value !== 'object' || value === null || 'name' in value;
    return perName<LossOption>(where, loss as LossOption, outputs, single).map(resolveLoss);
  }
  if (loss.length === outputs.length) return loss.map(resolveLoss);
  throw new OcellusError('ERR_OCELLUS_OPTION', {
    where,
    expected: `${outputs.length} losses, one per output (${outputs.join(', ')})`,
    got: loss.length,
  });
}

function metricLists(
  where: string,
  metrics: CompileOptions['metrics'] = [],
  outputs: readonly string[],
): (readonly MetricOption[])[] {
  const rule = (holds: boolean) =>
    check(holds, 'ERR_OCELLUS_OPTION', () => ({ where, expected: "a list: ['accuracy']", got: metrics }));
  rule(typeof metrics === 'object' && metrics !== null);
  const lists = perName<readonly MetricOption[]>(where, metrics, outputs, () => Array.isArray(metrics));
  rule(lists.every(Array.isArray));
  return lists;
}

/** One value per output: the same for all, or those of an object with the outputs' names. */
function perName<T>(
  where: string,
  value: unknown,
  outputs: readonly string[],
  isShared: (value: unknown) => boolean,
): T[] {
  if (isShared(value)) return outputs.map(() => value as T);
  const table = value as Readonly<Record<string, T>>;
  checkOptions(where, table, outputs);
  return outputs.map((name) => {
    check(Object.hasOwn(table, name), 'ERR_OCELLUS_OPTION', () => ({
      where,
      expected: `an entry for each output (${outputs.join(', ')})`,
      got: Object.keys(table).join(', '),
    }));
    return table[name];
  });
}

/** What each output is compared with, from the outputs of a batch of one. */
export function targetSpecs({ losses }: Compiled, outputs: readonly TensorSpec[]): TargetSpec[] {
  return outputs.map((output, i) => {
    const { shape, dtype } = losses[i].targetSpec(output);
    const classes = dtype === 'int32' ? sizeOf(output.shape) / sizeOf(shape) : 0;
    const { ignoreIndex, axis } = losses[i].config;
    return {
      shape: shape.slice(1),
      dtype,
      classes,
      ignoreIndex: typeof ignoreIndex === 'number' ? ignoreIndex : undefined,
      axis: typeof axis === 'number' ? axis : -1,
    };
  });
}

/** A meter with metrics of its own. */
export function createMeter(compiled: Compiled, network: Network, outputs: readonly TensorSpec[]): Meter {
  return new Meter(
    outputs.map((output, i) => {
      const context = { loss: compiled.losses[i], output };
      return {
        prefix: outputs.length === 1 ? '' : network.outputNames[i],
        metrics: compiled.metrics[i].map((metric) => resolveMetric(metric, context)),
        weightedMetrics: compiled.weightedMetrics[i].map((metric) => resolveMetric(metric, context, true)),
      };
    }),
  );
}

/** Hands optimizer, losses and backend to a session; metrics are tried out, so that a wrong one is told at once. */
export function applyCompiled(session: Session, compiled: Compiled): void {
  const targets = targetSpecs(compiled, session.outputs);
  createMeter(compiled, session.network, session.outputs);
  session.setObjective(compiled, targets, compiled.backend);
}
