// What all optimizers have in common: the learning rate, weight decay with exceptions, clipping, accumulation of
// gradients, averages of weights. The rule of each is in `optimizers.ts`.

import type { AnyAttrs, Emitter, Value } from '../ops/op.js';
import { type LearningRate, readShared } from './optimizer-options.js';
import { type OptionReader, optionError, quoted } from './options.js';
import { isSchedule } from './schedules.js';

/** How gradients change weights. */
export interface Optimizer {
  readonly name: string;
  /** Name and options as JSON. A learning rate that is a function, and no schedule, is kept as the rate it starts with. */
  readonly config: Readonly<Record<string, unknown>>;
  /** May be changed between steps. */
  learningRate: LearningRate;
  /** Names of the state that each parameter has: float32, shaped like it, 0 at first, unless the next two say otherwise. */
  readonly slots: readonly string[];
  /** The shape of a slot of a parameter; null: there is none. */
  slotShape?(slot: string, shape: readonly number[]): readonly number[] | null;
  /** What all numbers of a slot are at first. */
  initialValue?(slot: string): number;
  /** Factor of the learning rate, and weight decay, of one parameter. Given: `emit` gets them as segments and factors. */
  factors?(path: string): readonly [rate: number, decay: number];
  /** The slot that takes the place of the weights when training ends. */
  readonly averageSlot?: string;
  /** Whether a step only adds its gradients to those before. */
  accumulates?(step: number): boolean;
  /** The rate of a step, counted from 0. */
  rateAt(step: number, epoch?: number): number;
  /** What to write before a step, counted from 0: name → values (float32). The lengths never change. */
  scalars(step: number, epoch?: number): Record<string, number[]>;
  /** Emits the update of all parameters; writes to parameters and slots. */
  emit(emitter: Emitter, update: OptimizerUpdate): void;
}

export interface OptimizerUpdate {
  readonly runs: readonly ParameterRun[];
  readonly scalars: Readonly<Record<string, Value>>;
  /** Weights stay as they are: gradients are only added up. */
  readonly accumulate: boolean;
}

/** Parameters that lie side by side, seen as one long vector, with their gradients and slots. */
export interface ParameterRun {
  readonly parameter: Value;
  readonly gradient: Value;
  /** Those of the parameters' own shape. */
  readonly slots: Readonly<Record<string, Value>>;
  /** Where each parameter ends [S], and its factors [S, 2]: inputs of the ops in `ops/update.ts`. */
  readonly segments: Value | null;
  readonly factors: Value | null;
  /** The same, one by one and in their own shapes. */
  readonly members: readonly ParameterMember[];
}

export interface ParameterMember {
  readonly path: string;
  readonly parameter: Value;
  readonly gradient: Value;
  readonly slots: Readonly<Record<string, Value | null>>;
}

/** What is special about one optimizer. */
export interface OptimizerParts {
  /** Its own options, as JSON. */
  config: Readonly<Record<string, unknown>>;
  slots: readonly string[];
  slotShape?: Optimizer['slotShape'];
  initialValue?: Optimizer['initialValue'];
  /** Norms of single parameters are wanted. */
  layerwise?: boolean;
  /** Scalars besides the learning rate for the t-th update, from 1. */
  scalars?(t: number): Record<string, number[]>;
  /** Emits the update of a run; `attrs` are those that the ops of all optimizers share. */
  update(emitter: Emitter, run: ParameterRun, step: UpdateContext): void;
}

export interface UpdateContext {
  readonly attrs: { readonly weightDecay: number; readonly decoupled: number; readonly clipValue: number };
  readonly scalars: Readonly<Record<string, Value>>;
  /** Factor of the gradient: one number, or one for each member; null: 1. */
  readonly scale: Value | null;
}

/** The update by one op of `ops/optimizer.ts`. */
export const elementwise =
  (op: string, slots: readonly string[], scalars: readonly string[], attrs: AnyAttrs): OptimizerParts['update'] =>
  (emitter, run, step) => {
    const state = slots.map((slot) => run.slots[slot]);
    const numbers = ['learningRate', ...scalars].map((name) => step.scalars[name]);
    const operands = [run.parameter, run.gradient, ...state, ...numbers, run.segments, run.factors, step.scale];
    emitter.emit(op, operands, { ...step.attrs, ...attrs }, { into: [run.parameter, ...state] });
  };

const accumulator = 'gradientAccumulator';
const average = 'average';

export function makeOptimizer(reader: OptionReader, parts: OptimizerParts): Optimizer {
  const name = reader.raw('name') as string;
  const shared = readShared(reader);
  const { weightDecay, exclusions, groups, clipNorm, globalClipNorm, useEma, accumulation } = shared;
  const perParameter = groups.length > 0 || (exclusions.length > 0 && weightDecay > 0);
  const segmented = perParameter || clipNorm !== null || (parts.layerwise ?? false);
  const attrs = {
    // With segments, the factors hold each parameter's own decay.
    weightDecay: segmented ? 1 : weightDecay,
    decoupled: shared.decoupled ? 1 : 0,
    clipValue: shared.clipValue ?? Number.POSITIVE_INFINITY,
  };
  const optimizer: Optimizer = {
    name,
    learningRate: shared.learningRate,
    slots: [...parts.slots, ...(accumulation > 1 ? [accumulator] : []), ...(useEma ? [average] : [])],
    slotShape: parts.slotShape && ((slot, shape) => ownShape(slot, shape, parts)),
    initialValue: (slot) => (parts.slots.includes(slot) && parts.initialValue?.(slot)) || 0,
    factors: segmented
      ? (path) => {
          const group = groups.find(({ match }) => match.test(path));
          const decays = !exclusions.some((pattern) => pattern.test(path));
          return [group?.learningRateMultiplier ?? 1, decays ? (group?.weightDecay ?? weightDecay) : 0];
        }
      : undefined,
    averageSlot: useEma ? average : undefined,
    accumulates: (step) => (step + 1) % accumulation !== 0,
    get config() {
      const { learningRate } = optimizer;
      const rate = isSchedule(learningRate)
        ? learningRate.config
        : typeof learningRate === 'number'
          ? learningRate
          : optimizer.rateAt(0);
      return { name, learningRate: rate, ...parts.config, ...shared.config };
    },
    rateAt(step, epoch = 0) {
      const { learningRate } = optimizer;
      const rate: unknown = typeof learningRate === 'function' ? learningRate(step, epoch) : learningRate;
      if (typeof rate === 'number' && Number.isFinite(rate) && rate >= 0) return rate;
      throw optionError(`optimizer '${name}', learning rate of step ${step}`, 'a number at least 0', quoted(rate));
    },
    scalars(step, epoch = 0) {
      const update = Math.floor(step / accumulation);
      // The first average is the weights themselves.
      const momentum = update === 0 ? 0 : shared.emaMomentum;
      const overwrite = shared.emaFrequency > 0 && (update + 1) % shared.emaFrequency === 0 ? 1 : 0;
      return {
        learningRate: [optimizer.rateAt(step, epoch)],
        ...parts.scalars?.(update + 1),
        ...(useEma ? { ema: [momentum, 1 - momentum, overwrite] } : {}),
      };
    },
    emit(emitter, { runs, scalars, accumulate }) {
      if (accumulation > 1) for (const run of runs) emitAccumulation(emitter, run, accumulate ? 0 : accumulation);
      if (!accumulate) {
        const squares = () => runs.map((run) => emitter.emit('segmentSquares', [run.gradient, run.segments])[0]);
        const together =
          globalClipNorm === null
            ? null
            : emitter.emit('clipScale', squares(), { limit: globalClipNorm, together: 1 })[0];
        const each =
          clipNorm === null ? null : squares().map((sums) => emitter.emit('clipScale', [sums], { limit: clipNorm })[0]);
        runs.forEach((run, i) => parts.update(emitter, run, { attrs, scalars, scale: together ?? each?.[i] ?? null }));
      }
      if (!useEma) return;
      for (const { parameter, slots } of runs) {
        emitter.emit(
          'averageWeights',
          [parameter, slots[average], scalars.ema],
          {},
          { into: [parameter, slots[average]] },
        );
      }
    },
  };
  return optimizer;
}

const ownShape = (slot: string, shape: readonly number[], parts: OptimizerParts): readonly number[] | null =>
  parts.slots.includes(slot) && parts.slotShape ? parts.slotShape(slot, shape) : shape;

/** Adds the gradients to those before; at the end of `steps`, their mean takes the gradients' place. */
function emitAccumulation(emitter: Emitter, { gradient, slots }: ParameterRun, steps: number): void {
  const sums = slots[accumulator];
  if (steps === 0) {
    emitter.emit('add', [sums, gradient], {}, { into: [sums] });
    return;
  }
  const [total] = emitter.emit('add', [sums, gradient]);
  emitter.emit('rescale', [total], { scale: 1 / steps, offset: 0 }, { into: [gradient] });
  emitter.emit('fill', [], { value: 0, shape: [...sums.shape] }, { into: [sums] });
}
