// Loss and metrics of an epoch, averaged over samples, from the outputs of the steps that were run anyway.

import type { Metric } from '../nn/metrics.js';
import type { BoundProgram, StepUser } from './session.js';
import type { Feed } from './source.js';

export interface MeterOutput {
  /** Empty for the only output of a network, else its name: what the names of its values start with. */
  readonly prefix: string;
  readonly metrics: readonly Metric[];
  /** Metrics that count samples by their weights. Where a name is taken, `weighted` comes before it. */
  readonly weightedMetrics: readonly Metric[];
}

/** Writes batches into steps and adds up what comes out. One object serves a whole epoch. */
export class Meter implements StepUser<number> {
  private feed: Feed | null = null;
  private samples = 0;
  private lossSum = 0;
  private readonly lossSums: number[];

  constructor(private readonly outputs: readonly MeterOutput[]) {
    this.lossSums = outputs.map(() => 0);
    this.reset();
  }

  reset(): void {
    this.samples = 0;
    this.lossSum = 0;
    this.lossSums.fill(0);
    for (const { metrics, weightedMetrics } of this.outputs) {
      for (const metric of [...metrics, ...weightedMetrics]) metric.reset();
    }
  }

  /** Sets the batch of the next step. */
  take(feed: Feed): this {
    this.feed = feed;
    return this;
  }

  write(bound: BoundProgram): void {
    (this.feed as Feed).write(bound);
  }

  /** Returns the loss of the batch. */
  read(bound: BoundProgram): number {
    const { size } = this.feed as Feed;
    const loss = bound.loss[0];
    this.samples += size;
    this.lossSum += size * loss;
    this.outputs.forEach(({ metrics, weightedMetrics }, i) => {
      this.lossSums[i] += size * bound.losses[i][0];
      const [target, output, weights] = [bound.targets[i], bound.outputs[i], bound.weights[i] ?? undefined];
      for (const metric of metrics) metric.update(target, output, size);
      for (const metric of weightedMetrics) metric.update(target, output, size, weights);
    });
    return loss;
  }

  /** Means since the last reset: `loss`, `accuracy`; with `prefix` 'val': `valLoss`, `valAccuracy`. */
  logs(prefix = ''): Record<string, number> {
    const logs: Record<string, number> = { [joined(prefix, 'loss')]: this.lossSum / this.samples };
    this.outputs.forEach((output, i) => {
      const name = (value: string) => joined(prefix, joined(output.prefix, value));
      if (output.prefix !== '') logs[name('loss')] = this.lossSums[i] / this.samples;
      for (const [key, value] of output.metrics.flatMap(valuesOf)) logs[name(key)] = value;
      for (const [key, value] of output.weightedMetrics.flatMap(valuesOf)) {
        logs[name(name(key) in logs ? joined('weighted', key) : key)] = value;
      }
    });
    return logs;
  }
}

const valuesOf = (metric: Metric): [string, number][] =>
  Object.entries(metric.results?.() ?? { [metric.name]: metric.result() });

const joined = (prefix: string, name: string): string =>
  prefix === '' ? name : `${prefix}${name[0].toUpperCase()}${name.slice(1)}`;
