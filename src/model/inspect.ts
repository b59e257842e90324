// Looking into a model: memory it needs, and whether its gradients are those of its loss.

import { checkOptions } from '../core/errors.js';
import { Random } from '../core/random.js';
import { bytesOf } from '../graph/variables.js';
import type { Mode } from '../train/program.js';
import type { Session } from '../train/session.js';
import type { Gradients } from './trainer.js';

/** Bytes a model needs for batches of one size. */
export interface MemoryNeed {
  /** Weights and running statistics. */
  readonly weights: number;
  /** Gradients, and what the optimizer keeps; 0 before compile. */
  readonly training: number;
  /** Activations and scratch of a prediction. */
  readonly predict: number;
  /** Activations, gradients and scratch of a training step; 0 before compile. */
  readonly train: number;
}

export function memoryNeed(session: Session, compiled: boolean, batch: number): MemoryNeed {
  const dtypes = session.network.inputs.map((input) => input.dtype);
  const bytes = (mode: Mode) => session.plan({ mode, batch, dtypes }).bytes;
  return {
    weights: session.weights.reduce((sum, { variable }) => sum + bytesOf(variable), 0),
    training: compiled ? bytes('train').training : 0,
    predict: bytes('predict').arena,
    train: compiled ? bytes('train').arena : 0,
  };
}

/** How well the gradient of one weight agrees with differences of the loss. */
export interface GradientCheck {
  readonly path: string;
  /** Derivative of the loss along a random direction, by the gradient. */
  readonly analytic: number;
  /** The same from two losses. */
  readonly numeric: number;
  /** |analytic - numeric| over the larger of both, at least `floor`. */
  readonly error: number;
}

export interface GradientCheckOptions {
  /** Length of the step along a direction. Default 1e-2: float32 losses do not bear a shorter one. */
  epsilon?: number;
  /** Of the directions. Default 0. */
  seed?: number;
}

/** Differences smaller than this share of the largest derivative are rounding errors of the loss. */
const noiseShare = 1e-2;

/**
 * Compares gradients with differences of the loss along one random direction per weight. `take` runs the batch with the
 * weights as they are.
 */
export async function compareGradients(
  session: Session,
  take: () => Promise<Gradients>,
  options: GradientCheckOptions,
): Promise<GradientCheck[]> {
  checkOptions('checkGradients', options, ['epsilon', 'seed']);
  const { epsilon = 1e-2, seed = 0 } = options;
  const saved = session.weights.map(({ variable }) => session.view(variable).slice());
  const random = new Random(seed);
  const found: Omit<GradientCheck, 'error'>[] = [];
  try {
    const { values } = await take();
    for (const [index, { path, variable, trainable, size }] of session.weights.entries()) {
      if (!trainable) continue;
      const direction = unitVector(random, size);
      const data = session.view(variable);
      const lossAt = async (step: number): Promise<number> => {
        for (let i = 0; i < size; i++) data[i] = saved[index][i] + step * direction[i];
        return (await take()).logs.loss;
      };
      const numeric = ((await lossAt(epsilon)) - (await lossAt(-epsilon))) / (2 * epsilon);
      data.set(saved[index]);
      const analytic = values[path].data.reduce((sum, value, i) => sum + value * direction[i], 0);
      found.push({ path, analytic, numeric });
    }
  } finally {
    session.weightsChanged();
    session.weights.forEach(({ variable }, index) => void session.view(variable).set(saved[index]));
  }
  const largest = Math.max(...found.map(({ analytic }) => Math.abs(analytic)), Number.MIN_VALUE);
  return found.map((item) => {
    const scale = Math.max(Math.abs(item.analytic), Math.abs(item.numeric), noiseShare * largest);
    return { ...item, error: Math.abs(item.analytic - item.numeric) / scale };
  });
}

function unitVector(random: Random, size: number): Float64Array {
  const vector = Float64Array.from({ length: size }, () => random.normal());
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0)) || 1;
  return vector.map((value) => value / length);
}
