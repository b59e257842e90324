// Elastic distortion (Simard et al., "Best practices for convolutional neural networks", 2003): every pixel comes from a
// place near by, and the displacements are smoothed noise. Noise on a grid under a cubic B-spline is smooth like noise
// under a Gaussian of 0.577 grid steps, and costs a sum of sixteen per pixel whatever the Gaussian's size.

import type { Random } from '../../core/random.js';
import { resample } from '../../core/sampler.js';
import { between, fromZero, readFactors, readRate } from './factors.js';
import type { FillOptions } from './geometry.js';
import { fillDefaults, readFilling } from './geometry.js';
import { defineStep } from './step.js';

export interface RandomElasticOptions extends FillOptions {
  /** Share of the pictures that change. Default 1. */
  factor?: number;
  /**
   * How far and how smoothly: f for [0, f], or both ends, from 0 to 1. At 1 displacements have a deviation of 0.028 of the
   * longer side and are smooth over a twentieth of the shorter one. Default 1.
   */
  scale?: number | readonly [number, number];
}

/** Deviation of the B-spline's sums of standard normal numbers: the integral of its square, 151 / 315, per axis. */
const splineDeviation = 151 / 315;
const gridStepsPerSigma = Math.sqrt(3);

/**
 * Displaces pixels smoothly and at random, like ink on rubber: for handwriting and tissue. Any size.
 *
 * @example
 * const step = augment.randomElasticTransform({ scale: 0.5 });
 */
export const randomElasticTransform = defineStep<RandomElasticOptions>(
  'randomElasticTransform',
  { factor: 1, scale: 1, ...fillDefaults },
  (options) => {
    const rate = readRate(options, 'factor');
    const scales = readFactors(options, 'scale', [0, 1], fromZero);
    const { border, interpolation } = readFilling(options);
    return ({ random, height, width }) => {
      if (random.uniform() >= rate) return [];
      const scale = between(random, scales);
      if (scale === 0) return [];
      const spacing = Math.max(1, 0.05 * scale * Math.min(height, width) * gridStepsPerSigma);
      const amplitude = 0.0282 * scale * Math.max(height, width);
      const down = new Displacements(random, height, width, spacing, amplitude);
      const right = new Displacements(random, height, width, spacing, amplitude);
      const coordinates = (row: number, xs: Float64Array, ys: Float64Array) => {
        right.writeRow(row, xs);
        down.writeRow(row, ys);
        for (let i = 0; i < xs.length; i++) {
          xs[i] += i;
          ys[i] += row;
        }
      };
      return [
        {
          paint: (picture) =>
            picture.redraw(height, width, (target) => resample(picture, target, coordinates, interpolation, border)),
        },
      ];
    };
  },
);

/** A smooth random surface over the pixels. */
class Displacements {
  private readonly columns: number;
  private readonly noise: Float64Array;
  private readonly line: Float64Array;
  /** First grid point of each column, and the weights of four. */
  private readonly starts: Uint32Array;
  private readonly weights: Float64Array;

  constructor(
    random: Random,
    height: number,
    width: number,
    private readonly spacing: number,
    amplitude: number,
  ) {
    const rows = Math.floor((height - 1) / spacing) + 4;
    this.columns = Math.floor((width - 1) / spacing) + 4;
    this.noise = Float64Array.from(
      { length: rows * this.columns },
      () => (random.normal() * amplitude) / splineDeviation,
    );
    this.line = new Float64Array(this.columns);
    this.starts = new Uint32Array(width);
    this.weights = new Float64Array(4 * width);
    for (let x = 0; x < width; x++) {
      this.starts[x] = Math.floor(x / spacing);
      this.weights.set(spline(x / spacing - this.starts[x]), 4 * x);
    }
  }

  writeRow(row: number, into: Float64Array): void {
    const { columns, line, noise, starts, weights } = this;
    const place = row / this.spacing;
    const first = Math.floor(place) * columns;
    const [a, b, c, d] = spline(place - Math.floor(place));
    for (let i = 0; i < columns; i++) {
      const at = first + i;
      line[i] = a * noise[at] + b * noise[at + columns] + c * noise[at + 2 * columns] + d * noise[at + 3 * columns];
    }
    for (let x = 0; x < into.length; x++) {
      const [at, w] = [starts[x], 4 * x];
      into[x] =
        weights[w] * line[at] +
        weights[w + 1] * line[at + 1] +
        weights[w + 2] * line[at + 2] +
        weights[w + 3] * line[at + 3];
    }
  }
}

/** Weights of four grid points for a place t behind the second. */
function spline(t: number): [number, number, number, number] {
  const u = 1 - t;
  return [(u * u * u) / 6, (3 * t * t * t - 6 * t * t + 4) / 6, (3 * u * u * u - 6 * u * u + 4) / 6, (t * t * t) / 6];
}
