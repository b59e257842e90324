// Runs probes: samples in batches forward and back, results collected into tensors.

import type { NumericArray, TensorSpec } from '../core/dtype.js';
import { check, checkName, checkOptions } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';
import { type TensorInput, toTensor } from '../data/array.js';
import type { ModelData } from '../data/dataset.js';
import { toInputs } from '../train/adapter.js';
import { type BackwardRule, backwardRules, type ProbeRequest } from '../train/probe.js';
import type { BoundProgram, Session, StepUser } from '../train/session.js';
import { Tensor } from './tensor.js';

export interface ProbeOptions {
  /** Path of the layer whose output is differentiated. Default: the scores behind the model's probabilities. */
  of?: string;
  /** What each element of the differentiated value counts: [samples, …], in its shape. */
  seed: TensorInput;
  /** Paths of layers whose outputs it is differentiated by. Default none. */
  by?: string | readonly string[];
  /** By the model's inputs, too. Default false. */
  byInputs?: boolean;
  /** Paths of layers whose outputs are wanted as well. Default none. */
  layers?: string | readonly string[];
  /** What goes back through rectifiers: the gradient, or the signal that deconvnets and guided backpropagation take. */
  rule?: BackwardRule;
  /** Samples per step; but for rounding, the result does not depend on it. Default 32. */
  batchSize?: number;
  /** Stops within one batch; the call rejects with `signal.reason`. */
  signal?: AbortSignal;
}

/** All [samples, …], images inside with their channels last. */
export interface ProbeResult {
  /** The value that was differentiated: scores, or the output of a layer. */
  readonly value: Tensor;
  /** Gradients of its weighted sum by the outputs of layers. */
  readonly gradients: Readonly<Record<string, Tensor>>;
  /** The same by the inputs, in the shape of each; empty unless they were asked for. */
  readonly inputs: readonly Tensor[];
  /** Outputs of layers. */
  readonly layers: Readonly<Record<string, Tensor>>;
}

const optionNames = ['of', 'seed', 'by', 'byInputs', 'layers', 'rule', 'batchSize', 'signal'];

export async function probe(session: Session, x: ModelData, options: ProbeOptions): Promise<ProbeResult> {
  checkOptions('probe', options, optionNames);
  const { of, byInputs = false, rule = 'gradient', batchSize = 32, signal } = options;
  check(backwardRules.includes(rule), 'ERR_OCELLUS_OPTION', () => ({
    where: "probe, option 'rule'",
    expected: `one of ${backwardRules.join(', ')}`,
    got: rule,
  }));
  check(Number.isSafeInteger(batchSize) && batchSize >= 1, 'ERR_OCELLUS_OPTION', () => ({
    where: "probe, option 'batchSize'",
    expected: 'a whole number of at least 1',
    got: batchSize,
  }));
  const calls = Object.fromEntries(session.calls.map((call) => [call.path, call]));
  const placed = (paths: string | readonly string[] = []) =>
    [paths].flat().map((path) => checkName('probe', path, calls));
  const [layers, by] = [placed(options.layers), placed(options.by)];
  const value = of === undefined ? session.outputs[0] : placed(of)[0].output;
  const names = { layers: layers.map(({ path }) => path), by: by.map(({ path }) => path) };
  const request: ProbeRequest = { of: of ?? null, by: names.by, byInputs, rule };
  const inputs = byInputs ? session.network.inputs.map(({ shape }) => ({ shape: [1, ...(shape as number[])] })) : [];
  const shapes = [...layers.map(({ output }) => output), value, ...by.map(({ output }) => output), ...inputs];
  const job = new Probe(session, x, options.seed, value, shapes);
  for (let start = 0; start < job.samples; start += batchSize) {
    signal?.throwIfAborted();
    const batch = job.select(start, Math.min(start + batchSize, job.samples));
    await session.run({ mode: 'predict', batch, dtypes: job.dtypes, layers: names.layers, probe: request }, job);
  }
  signal?.throwIfAborted();
  const [first, second] = [layers.length, layers.length + 1 + by.length];
  const named = (paths: readonly string[], tensors: readonly Tensor[]) =>
    Object.fromEntries(paths.map((path, i) => [path, tensors[i]]));
  return {
    value: job.results[first],
    gradients: named(names.by, job.results.slice(first + 1, second)),
    inputs: job.results.slice(second),
    layers: named(names.layers, job.results),
  };
}

class Probe implements StepUser<void> {
  readonly samples: number;
  readonly results: readonly Tensor[];
  readonly dtypes: readonly TensorSpec['dtype'][];
  private readonly data: readonly NumericArray[];
  private readonly seed: NumericArray;
  private start = 0;
  private end = 0;

  /** `value` is for a batch of one, and so are the shapes of all results. */
  constructor(
    session: Session,
    x: ModelData,
    seed: TensorInput,
    value: TensorSpec,
    shapes: readonly { readonly shape: readonly number[] }[],
  ) {
    // Nothing is differentiated by bytes.
    const floats = session.network.inputs.map(({ dtype }) => dtype === 'float32');
    const tensors = toInputs(session.network, 'probe: x', x);
    this.data = tensors.map(({ data }, i) =>
      floats[i] && !(data instanceof Float32Array) ? Float32Array.from(data) : data,
    );
    this.dtypes = tensors.map(({ dtype }, i) => (floats[i] ? 'float32' : dtype));
    this.samples = tensors[0].shape[0];
    const wanted = this.samples * sizeOf(value.shape);
    this.seed = toTensor('probe: seed', seed, { dtype: 'float32' }).data;
    check(this.seed.length === wanted, 'ERR_OCELLUS_SHAPE', () => ({
      where: 'probe: seed',
      expected: `${wanted} numbers, for ${this.samples} samples of shape [${value.shape.slice(1)}]`,
      got: this.seed.length,
    }));
    this.results = shapes.map(({ shape }) => {
      const whole = [this.samples, ...shape.slice(1)];
      return new Tensor(new Float32Array(sizeOf(whole)), whole);
    });
  }

  /** Which samples come next; tells how many they are. */
  select(start: number, end: number): number {
    this.start = start;
    this.end = end;
    return end - start;
  }

  write({ inputs, targets }: BoundProgram): void {
    const part = (whole: NumericArray): NumericArray => {
      const size = whole.length / this.samples;
      return whole.subarray(this.start * size, this.end * size);
    };
    inputs.forEach((input, i) => input.set(part(this.data[i])));
    targets[0].set(part(this.seed));
  }

  read({ outputs }: BoundProgram): void {
    outputs.forEach((output, i) =>
      this.results[i].data.set(output, (output.length / (this.end - this.start)) * this.start),
    );
  }
}
