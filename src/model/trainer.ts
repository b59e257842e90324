// The open loop: single steps, gradients in hand, gradients put back. For training that `fit` does not know:
// accumulation, averaging over processes, losses that change on the way.

import { check, checkName, checkOptions } from '../core/errors.js';
import type { ModelData } from '../data/dataset.js';
import type { Meter } from '../train/meter.js';
import { batchFeed, type DataContext } from '../train/options.js';
import type { Session } from '../train/session.js';
import { requestFor } from '../train/source.js';
import type { WeightingOptions } from '../train/weighting.js';
import { Tensor } from './tensor.js';

/** Loss and metrics of one batch by name. */
export type StepLogs = Readonly<Record<string, number>> & { readonly loss: number };

export interface Gradients {
  /** Loss and metrics of the batch. */
  readonly logs: StepLogs;
  /** Gradient of the mean loss by the path of its weight. Copies: yours to keep and to change. */
  readonly values: Readonly<Record<string, Tensor>>;
}

/**
 * Made by `model.trainer()`.
 *
 * @example
 * const trainer = model.trainer();
 * for (const { x, y } of batches) {
 *   const { logs, values } = await trainer.gradients(x, y);
 *   await trainer.apply(values);
 * }
 */
export class Trainer {
  constructor(
    private readonly session: Session,
    private readonly context: DataContext,
    private readonly meter: Meter,
  ) {}

  /** One whole step of training on one batch; with weights of samples or classes as in `fit`. */
  async step(x: ModelData, y: ModelData, options: WeightingOptions = {}): Promise<StepLogs> {
    return (await this.run('train', 'step', x, y, options, () => undefined)).logs;
  }

  /** The gradients of one batch. Weights stay as they are; running statistics move on. */
  async gradients(x: ModelData, y: ModelData, options: WeightingOptions = {}): Promise<Gradients> {
    const { logs, result } = await this.run('gradients', 'gradients', x, y, options, () => this.copyGradients());
    return { logs, values: result };
  }

  /** One step of the optimizer with these gradients, for all trained weights. */
  async apply(gradients: Readonly<Record<string, { readonly data: ArrayLike<number> }>>): Promise<void> {
    const targets = Object.fromEntries(this.session.gradients().map(({ variable, data }) => [variable.name, data]));
    for (const path of Object.keys(gradients)) checkName('apply: gradients', path, targets);
    for (const [path, { length }] of Object.entries(targets)) {
      const given = gradients[path]?.data;
      check(given?.length === length, 'ERR_OCELLUS_SHAPE', () => ({
        where: 'apply: gradients',
        expected: `${length} numbers for '${path}'`,
        got: given === undefined ? 'none' : given.length,
      }));
    }
    await this.session.run(
      { mode: 'apply', batch: 0, dtypes: [] },
      {
        write: () => {
          for (const { variable, data } of this.session.gradients()) data.set(gradients[variable.name].data);
        },
        read: () => undefined,
      },
    );
  }

  private async run<T>(
    mode: 'train' | 'gradients',
    where: string,
    x: ModelData,
    y: ModelData,
    options: WeightingOptions,
    read: () => T,
  ) {
    checkOptions(where, options, ['sampleWeight', 'classWeight']);
    const { sampleWeight, classWeight } = options;
    const feed = batchFeed(this.context, where, { x, y, sampleWeight }, classWeight);
    return this.session.run(requestFor(mode, feed), {
      write: (bound) => feed.write(bound),
      read: (bound) => {
        this.meter.reset();
        this.meter.take(feed).read(bound);
        return { logs: this.meter.logs() as StepLogs, result: read() };
      },
    });
  }

  private copyGradients(): Record<string, Tensor> {
    return Object.fromEntries(
      this.session
        .gradients()
        .map(({ variable, data }) => [variable.name, new Tensor(Float32Array.from(data), variable.shape)]),
    );
  }
}
