// The optimizers by name: options, slots and the op of each, with Keras's names, defaults and formulas.

import { updateAdafactor } from './adafactor.js';
import { elementwise, makeOptimizer, type Optimizer, type OptimizerParts } from './optimizer.js';
import { type OptimizerOptions, optimizerReader } from './optimizer-options.js';
import { lookUp, type Named, type OptionReader, splitName } from './options.js';

export type { Optimizer } from './optimizer.js';
export type { LearningRate, OptimizerOptions, ParameterGroup } from './optimizer-options.js';

export interface SgdOptions extends OptimizerOptions {
  /** Share of the last update that is kept; in [0, 1]. Default 0. */
  momentum?: number;
  /** Looks ahead along the momentum. Default false. */
  nesterov?: boolean;
}

export interface RmspropOptions extends OptimizerOptions {
  /** Decay of the mean of squared gradients; in [0, 1). Default 0.9. */
  rho?: number;
  /** Share of the last update that is kept; in [0, 1]. Default 0. */
  momentum?: number;
  /** Added to the mean square, under the root. Default 1e-7. */
  epsilon?: number;
  /** Divide by the deviation of gradients instead of their mean square. Default false. */
  centered?: boolean;
}

export interface AdagradOptions extends OptimizerOptions {
  /** What the sum of squares starts from. Default 0.1. */
  initialAccumulatorValue?: number;
  /** Added to the sum of squares, under the root. Default 1e-7. */
  epsilon?: number;
}

export interface AdadeltaOptions extends OptimizerOptions {
  /** Decay of both means of squares; in [0, 1). Default 0.95. */
  rho?: number;
  /** Added to both, under the root. Default 1e-7. */
  epsilon?: number;
}

export interface MomentOptions extends OptimizerOptions {
  /** Decay of the mean of gradients; in [0, 1). Default 0.9. */
  beta1?: number;
  /** Decay of the mean of squared gradients (adamax: of their largest); in [0, 1). Default 0.999. */
  beta2?: number;
  /** Added to the divisor. Default 1e-7. */
  epsilon?: number;
}

export interface AdamOptions extends MomentOptions {
  /** Divide by the largest mean square so far. Default false. */
  amsgrad?: boolean;
}

export interface LionOptions extends OptimizerOptions {
  /** Share of the mean in the direction; in [0, 1]. Default 0.9. */
  beta1?: number;
  /** Decay of the mean; in [0, 1]. Default 0.99. */
  beta2?: number;
}

export interface AdafactorOptions extends OptimizerOptions {
  /** The mean of squares forgets by 1 - t^beta2Decay. At most 0. Default -0.8. */
  beta2Decay?: number;
  /** Added to squared gradients. Default 1e-30. */
  epsilon1?: number;
  /** Smallest size of a parameter that steps are in proportion to. Default 1e-3. */
  epsilon2?: number;
  /** Updates of a larger root mean square are scaled down to it. Default 1. */
  clipThreshold?: number;
  /** Known to Keras, where it changes nothing: in either case the rate is at most 1 / √t. Default true. */
  relativeStep?: boolean;
}

export type OptimizerName = keyof typeof optimizers | keyof typeof aliases;
export type OptimizerOption = OptimizerName | Named<typeof optimizers> | Optimizer;

/** All optimizers by name. */
export const optimizers = {
  /**
   * Stochastic gradient descent: v = momentum * v - rate * g; w += v (nesterov: momentum * v - rate * g).
   *
   * @example model.compile({ optimizer: optimizers.sgd({ learningRate: 0.1, momentum: 0.9 }), loss: 'meanSquaredError' })
   */
  sgd(options: SgdOptions = {}): Optimizer {
    const reader = optimizerReader('sgd', options, { learningRate: 0.01, momentum: 0, nesterov: false });
    const momentum = reader.number('momentum', { min: 0, max: 1 });
    const nesterov = reader.boolean('nesterov');
    if (nesterov && momentum === 0) {
      throw reader.error('nesterov', 'false when momentum is 0', true, 'set momentum, 0.9 say');
    }
    const config = { momentum, nesterov };
    if (momentum === 0) return simple(reader, 'sgd', [], config, {});
    return simple(reader, 'sgdMomentum', ['momentum'], config, { momentum, nesterov: nesterov ? 1 : 0 });
  },

  /**
   * Steps divided by the root of a running mean of squared gradients.
   *
   * @example model.compile({ optimizer: optimizers.rmsprop({ learningRate: 0.001, momentum: 0.9 }), loss: 'meanSquaredError' })
   */
  rmsprop(options: RmspropOptions = {}): Optimizer {
    const defaults = { learningRate: 0.001, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false };
    const reader = optimizerReader('rmsprop', options, defaults);
    const rho = reader.number('rho', share);
    const momentum = reader.number('momentum', { min: 0, max: 1 });
    const epsilon = reader.number('epsilon', atLeast0);
    const centered = reader.boolean('centered');
    const op = `rmsprop${centered ? 'Centered' : ''}${momentum > 0 ? 'Momentum' : ''}`;
    const slots = ['velocity', ...(centered ? ['averageGradient'] : []), ...(momentum > 0 ? ['momentum'] : [])];
    const attrs = { rho, epsilon, ...(momentum > 0 ? { momentum } : {}) };
    return simple(reader, op, slots, { rho, momentum, epsilon, centered }, attrs);
  },

  /**
   * Steps divided by the root of the sum of all squared gradients.
   *
   * @example model.compile({ optimizer: optimizers.adagrad({ learningRate: 0.01 }), loss: 'meanSquaredError' })
   */
  adagrad(options: AdagradOptions = {}): Optimizer {
    const defaults = { learningRate: 0.001, initialAccumulatorValue: 0.1, epsilon: 1e-7 };
    const reader = optimizerReader('adagrad', options, defaults);
    const initialAccumulatorValue = reader.number('initialAccumulatorValue', atLeast0);
    const epsilon = reader.number('epsilon', atLeast0);
    const initialValue = () => initialAccumulatorValue;
    return simple(
      reader,
      'adagrad',
      ['accumulator'],
      { initialAccumulatorValue, epsilon },
      { epsilon },
      { initialValue },
    );
  },

  /**
   * Steps in the proportion of running means of squared steps and squared gradients; `learningRate: 1` is the paper's.
   *
   * @example model.compile({ optimizer: optimizers.adadelta({ learningRate: 1 }), loss: 'meanSquaredError' })
   */
  adadelta(options: AdadeltaOptions = {}): Optimizer {
    const reader = optimizerReader('adadelta', options, { learningRate: 0.001, rho: 0.95, epsilon: 1e-7 });
    const config = { rho: reader.number('rho', share), epsilon: reader.number('epsilon', atLeast0) };
    return simple(reader, 'adadelta', ['accumulatedGradient', 'accumulatedDelta'], config, config);
  },

  /**
   * Adam: steps scaled by running means of the gradient and its square, both corrected for their start at 0. As in
   * Keras, epsilon is added before the correction of the square; PyTorch adds it behind.
   *
   * @example model.compile({ optimizer: optimizers.adam({ learningRate: 3e-4, globalClipNorm: 1 }), loss: 'meanSquaredError' })
   */
  adam: (options: AdamOptions = {}): Optimizer => adamOptimizer('adam', options, 0),

  /**
   * Adam with a weight decay of 0.004 by default.
   *
   * @example model.compile({ optimizer: optimizers.adamW({ learningRate: 1e-3, weightDecay: 0.05 }), loss: 'meanSquaredError' })
   */
  adamW: (options: AdamOptions = {}): Optimizer => adamOptimizer('adamW', options, 0.004),

  /**
   * Adam with the largest recent gradient in the place of the root mean square.
   *
   * @example model.compile({ optimizer: optimizers.adamax({ learningRate: 2e-3 }), loss: 'meanSquaredError' })
   */
  adamax(options: MomentOptions = {}): Optimizer {
    const { reader, moments } = readMoments('adamax', options);
    const scalars = (t: number) => ({ correction: [1 - moments.beta1 ** t] });
    return simple(reader, 'adamax', ['m', 'u'], moments, moments, { scalars }, ['correction']);
  },

  /**
   * Adam with Nesterov's look ahead.
   *
   * @example model.compile({ optimizer: optimizers.nadam({ learningRate: 1e-3 }), loss: 'meanSquaredError' })
   */
  nadam(options: MomentOptions = {}): Optimizer {
    const { reader, moments } = readMoments('nadam', options);
    const mixture = nadamMixture(moments.beta1, moments.beta2);
    return simple(reader, 'nadam', ['m', 'v'], moments, moments, { scalars: (t) => ({ mixture: mixture(t) }) }, [
      'mixture',
    ]);
  },

  /**
   * Steps of one size along the sign of a mean of gradients: wants a rate some ten times smaller than Adam's.
   *
   * @example model.compile({ optimizer: optimizers.lion({ learningRate: 1e-4, weightDecay: 0.1 }), loss: 'meanSquaredError' })
   */
  lion(options: LionOptions = {}): Optimizer {
    const reader = optimizerReader('lion', options, { learningRate: 0.001, beta1: 0.9, beta2: 0.99 });
    const [beta1, beta2] = ['beta1', 'beta2'].map((name) => reader.number(name, { min: 0, max: 1 }));
    return simple(reader, 'lion', ['m'], { beta1, beta2 }, { beta1, beta2 });
  },

  /**
   * Adam whose step is, for each parameter, in proportion to the parameter's norm.
   *
   * @example model.compile({ optimizer: optimizers.lamb({ learningRate: 2e-3 }), loss: 'meanSquaredError' })
   */
  lamb(options: MomentOptions = {}): Optimizer {
    const { reader, moments } = readMoments('lamb', options, { above: 0 });
    return makeOptimizer(reader, {
      config: moments,
      slots: ['m', 'v'],
      layerwise: true,
      scalars: corrections(moments.beta1, moments.beta2),
      update(emitter, { parameter, gradient, slots, segments, factors }, { attrs, scalars, scale }) {
        const { m, v } = slots;
        const operands = [parameter, gradient, m, v, scalars.correction, segments, factors, scale];
        const [direction] = emitter.emit('lambDirection', operands, { ...attrs, ...moments }, { into: [null, m, v] });
        const squares = [parameter, direction].map((x) => emitter.emit('segmentSquares', [x, segments])[0]);
        const weightDecay = attrs.decoupled ? attrs.weightDecay : 0;
        const [ratio] = emitter.emit('trustRatio', [...squares, scalars.learningRate, factors], { weightDecay });
        const step = [parameter, direction, scalars.learningRate, segments, factors, ratio];
        emitter.emit('sgd', step, { weightDecay }, { into: [parameter] });
      },
    });
  },

  /**
   * Adam with the mean squares of a matrix kept as their sums over rows and columns: hardly any memory of its own.
   *
   * @example model.compile({ optimizer: optimizers.adafactor({ learningRate: 1e-2 }), loss: 'meanSquaredError' })
   */
  adafactor(options: AdafactorOptions = {}): Optimizer {
    const reader = optimizerReader('adafactor', options, {
      learningRate: 0.001,
      beta2Decay: -0.8,
      epsilon1: 1e-30,
      epsilon2: 1e-3,
      clipThreshold: 1,
      relativeStep: true,
    });
    const beta2Decay = reader.number('beta2Decay', { max: 0 });
    const epsilon1 = reader.number('epsilon1', atLeast0);
    const epsilon2 = reader.number('epsilon2', atLeast0);
    const clipThreshold = reader.number('clipThreshold', { above: 0 });
    const relativeStep = reader.boolean('relativeStep');
    return makeOptimizer(reader, {
      config: { beta2Decay, epsilon1, epsilon2, clipThreshold, relativeStep },
      slots: ['rows', 'columns', 'velocity'],
      slotShape(slot, shape) {
        if (slot === 'velocity') return shape.length < 2 ? shape : null;
        if (shape.length < 2) return null;
        return slot === 'rows' ? shape.slice(0, -1) : [...shape.slice(0, -2), shape[shape.length - 1]];
      },
      layerwise: true,
      scalars: (t) => ({ kept: [1 - t ** beta2Decay], rest: [t ** beta2Decay], limit: [1 / Math.sqrt(t)] }),
      update: updateAdafactor({ epsilon1, epsilon2, clipThreshold }),
    });
  },
};

const aliases = {
  adamw: 'adamW',
  SGD: 'sgd',
  Adam: 'adam',
  AdamW: 'adamW',
  RMSprop: 'rmsprop',
  RMSProp: 'rmsprop',
  rmsProp: 'rmsprop',
  Adagrad: 'adagrad',
  Adadelta: 'adadelta',
  Adamax: 'adamax',
  Nadam: 'nadam',
  NAdam: 'nadam',
  Lion: 'lion',
  Lamb: 'lamb',
  Adafactor: 'adafactor',
} as const;

/** Turns the value of `compile({ optimizer })` into an optimizer. */
export function resolveOptimizer(option: unknown): Optimizer {
  const known = option as Optimizer | null | undefined;
  if (typeof known?.emit === 'function' && typeof known.scalars === 'function') return known;
  const { name, rest } = splitName('optimizer', option);
  return lookUp<(options?: object) => Optimizer>('optimizer', name, optimizers, aliases)(rest);
}

const share = { min: 0, below: 1 };
const atLeast0 = { min: 0 };

/** An optimizer that is one op. */
function simple(
  reader: OptionReader,
  op: string,
  slots: readonly string[],
  config: OptimizerParts['config'],
  attrs: Readonly<Record<string, number>>,
  rest: Pick<OptimizerParts, 'initialValue' | 'scalars'> = {},
  scalars: readonly string[] = [],
): Optimizer {
  return makeOptimizer(reader, { config, slots, ...rest, update: elementwise(op, slots, scalars, attrs) });
}

function readMoments(name: string, options: object, epsilonRule: object = atLeast0, own: Record<string, unknown> = {}) {
  const defaults = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, ...own };
  const reader = optimizerReader(name, options, defaults);
  const [beta1, beta2] = ['beta1', 'beta2'].map((beta) => reader.number(beta, share));
  return { reader, moments: { beta1, beta2, epsilon: reader.number('epsilon', epsilonRule) } };
}

const corrections = (beta1: number, beta2: number) => (t: number) => ({ correction: [1 - beta1 ** t, 1 - beta2 ** t] });

function adamOptimizer(name: 'adam' | 'adamW', options: AdamOptions, weightDecay: number): Optimizer {
  const { reader, moments } = readMoments(name, options, atLeast0, { weightDecay, amsgrad: false });
  const amsgrad = reader.boolean('amsgrad');
  const slots = ['m', 'v', ...(amsgrad ? ['vMax'] : [])];
  const config = { ...moments, ...(amsgrad ? { amsgrad } : {}) };
  const scalars = corrections(moments.beta1, moments.beta2);
  return simple(reader, amsgrad ? 'adamAmsgrad' : 'adam', slots, config, moments, { scalars }, ['correction']);
}

/** Shares of mean and gradient in Nadam's t-th step, and the correction of the mean square. */
function nadamMixture(beta1: number, beta2: number): (t: number) => number[] {
  const momentum = (t: number): number => beta1 * (1 - 0.5 * 0.96 ** t);
  let [product, upTo] = [1, 0];
  return (t) => {
    if (t < upTo) [product, upTo] = [1, 0];
    while (upTo < t) product *= momentum(++upTo);
    const next = momentum(t + 1);
    return [next / (1 - product * next), (1 - momentum(t)) / (1 - product), 1 - beta2 ** t];
  };
}
