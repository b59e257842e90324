// Optimizers: one op per run of parameters, its state in slots, everything that changes per step in scalars. SGD with
// momentum after Sutskever et al. (2013); Adam after Kingma & Ba (2015), decoupled decay after Loshchilov & Hutter (2019).

import type { AnyAttrs, Emitter, Value } from '../ops/op.js';
import { completeOptions, lookUp, OptionReader, optionError, quoted, splitName } from './options.js';

/** A rate, or a rate for each step (0, 1, 2 …). */
export type LearningRate = number | ((step: number) => number);

/** How gradients change weights. */
export interface Optimizer {
  readonly name: string;
  /** Name and options as JSON. A schedule is kept as the rate it starts with. */
  readonly config: Readonly<Record<string, unknown>>;
  /** May be changed between steps. */
  learningRate: LearningRate;
  /** Names of the state that each parameter has: float32, shaped like it, 0 at first. */
  readonly slots: readonly string[];
  /** The rate of a step, counted from 0. */
  rateAt(step: number): number;
  /** What to write before a step, counted from 0: name → values (float32). The lengths never change. */
  scalars(step: number): Record<string, number[]>;
  /** Emits the update of one parameter (or of a run of them seen as one); writes to parameter and slots. */
  emit(
    emitter: Emitter,
    parameter: Value,
    gradient: Value,
    slots: readonly Value[],
    scalars: Readonly<Record<string, Value>>,
  ): void;
}

export interface SgdOptions {
  /** Default 0.01. */
  learningRate?: LearningRate;
  /** Share of the last update that is kept; in [0, 1). Default 0. */
  momentum?: number;
  /** Looks ahead along the momentum. Default false. */
  nesterov?: boolean;
  /** L2: this times the weight is added to its gradient. Default 0. */
  weightDecay?: number;
}

export interface AdamOptions {
  /** Default 0.001. */
  learningRate?: LearningRate;
  /** Decay of the mean of gradients; in [0, 1). Default 0.9. */
  beta1?: number;
  /** Decay of the mean of squared gradients; in [0, 1). Default 0.999. */
  beta2?: number;
  /** Added to the root of the (corrected) mean square. Default 1e-7. */
  epsilon?: number;
  /** adam: L2, part of the gradient. adamW: taken from the weight directly, times the rate. Default 0; adamW 0.004. */
  weightDecay?: number;
}

export type OptimizerName = keyof typeof optimizers | 'adamw' | 'SGD' | 'Adam' | 'AdamW';
export type OptimizerOption =
  | OptimizerName
  | { readonly name: OptimizerName; readonly [option: string]: unknown }
  | Optimizer;

/** All optimizers by name. */
export const optimizers = {
  /**
   * Stochastic gradient descent: v = momentum * v + g; w -= rate * v (nesterov: rate * (g + momentum * v)).
   *
   * @example model.compile({ optimizer: optimizers.sgd({ learningRate: 0.1, momentum: 0.9 }), loss: 'meanSquaredError' })
   */
  sgd(options: SgdOptions = {}): Optimizer {
    const defaults = { learningRate: 0.01, momentum: 0, nesterov: false, weightDecay: 0 };
    const reader = readerFor('sgd', options, defaults);
    const momentum = reader.number('momentum', { min: 0, below: 1 });
    const nesterov = reader.boolean('nesterov');
    const weightDecay = reader.number('weightDecay', { min: 0 });
    if (nesterov && momentum === 0) {
      throw reader.error('nesterov', 'false when momentum is 0', true, 'set momentum, 0.9 say');
    }
    const plain = momentum === 0;
    return makeOptimizer(reader, {
      config: { momentum, nesterov, weightDecay },
      op: plain ? 'sgd' : 'sgdMomentum',
      attrs: plain ? { weightDecay } : { momentum, nesterov: nesterov ? 1 : 0, weightDecay },
      slots: plain ? [] : ['velocity'],
      scalars: () => ({}),
    });
  },

  /** Adam: steps scaled by running means of the gradient and its square, both corrected for their start at 0. */
  adam: (options: AdamOptions = {}): Optimizer => adamOptimizer('adam', options, 0),

  /** Adam with weight decay apart from the gradient. */
  adamW: (options: AdamOptions = {}): Optimizer => adamOptimizer('adamW', options, 0.004),
};

const aliases = { adamw: 'adamW', SGD: 'sgd', Adam: 'adam', AdamW: 'adamW' } as const;

/** Turns the value of `compile({ optimizer })` into an optimizer. */
export function resolveOptimizer(option: unknown): Optimizer {
  const known = option as Optimizer | null | undefined;
  if (typeof known?.emit === 'function' && typeof known.scalars === 'function') return known;
  const { name, rest } = splitName('optimizer', option);
  return lookUp<(options?: object) => Optimizer>('optimizer', name, optimizers, aliases)(rest);
}

function adamOptimizer(name: 'adam' | 'adamW', options: AdamOptions, decay: number): Optimizer {
  const defaults = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, weightDecay: decay };
  const reader = readerFor(name, options, defaults);
  const beta1 = reader.number('beta1', { min: 0, below: 1 });
  const beta2 = reader.number('beta2', { min: 0, below: 1 });
  const epsilon = reader.number('epsilon', { min: 0 });
  const weightDecay = reader.number('weightDecay', { min: 0 });
  return makeOptimizer(reader, {
    config: { beta1, beta2, epsilon, weightDecay },
    op: 'adam',
    attrs: { beta1, beta2, epsilon, weightDecay, decoupled: name === 'adamW' ? 1 : 0 },
    slots: ['m', 'v'],
    scalars: (step) => ({ correction: [1 - beta1 ** (step + 1), 1 - beta2 ** (step + 1)] }),
  });
}

interface OptimizerParts {
  config: Readonly<Record<string, unknown>>;
  op: string;
  attrs: AnyAttrs;
  slots: readonly string[];
  /** Scalars besides the learning rate, in the order in which the op takes them. */
  scalars(step: number): Record<string, number[]>;
}

function readerFor(name: string, options: object, defaults: Record<string, unknown>): OptionReader {
  const where = `optimizer '${name}'`;
  const reader = new OptionReader(where, { ...completeOptions(where, options, defaults), name });
  if (typeof reader.raw('learningRate') !== 'function') reader.number('learningRate', { min: 0 });
  return reader;
}

function makeOptimizer(reader: OptionReader, parts: OptimizerParts): Optimizer {
  const name = reader.raw('name') as string;
  const optimizer: Optimizer = {
    name,
    learningRate: reader.raw('learningRate') as LearningRate,
    slots: parts.slots,
    get config() {
      const { learningRate } = optimizer;
      return {
        name,
        learningRate: typeof learningRate === 'number' ? learningRate : optimizer.rateAt(0),
        ...parts.config,
      };
    },
    rateAt(step) {
      const { learningRate } = optimizer;
      const rate: unknown = typeof learningRate === 'function' ? learningRate(step) : learningRate;
      if (typeof rate === 'number' && Number.isFinite(rate) && rate >= 0) return rate;
      throw optionError(`optimizer '${name}', learning rate of step ${step}`, 'a number at least 0', quoted(rate));
    },
    scalars: (step) => ({ learningRate: [optimizer.rateAt(step)], ...parts.scalars(step) }),
    emit(emitter, parameter, gradient, slots, scalars) {
      const extra = Object.keys(parts.scalars(0)).map((scalar) => scalars[scalar]);
      const operands = [parameter, gradient, ...slots, scalars.learningRate, ...extra];
      emitter.emit(parts.op, operands, parts.attrs, { into: [parameter, ...slots] });
    },
  };
  return optimizer;
}
