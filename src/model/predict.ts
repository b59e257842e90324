// Prediction: samples in batches through the network, outputs collected into tensors.

import { type NumericArray, type TensorSpec, viewOf } from '../core/dtype.js';
import { check, checkOptions } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';
import { type Dataset, isDataset, type ModelData } from '../data/dataset.js';
import { toInputs } from '../train/adapter.js';
import type { ProgramRequest } from '../train/program.js';
import type { BoundProgram, Session, StepUser } from '../train/session.js';
import { Tensor } from './tensor.js';

export interface PredictOptions {
  /** Samples per step; the result does not depend on it. Default 32. */
  batchSize?: number;
  /** Stops within one batch; the call rejects with `signal.reason`. */
  signal?: AbortSignal;
}

/** The outputs for samples in memory, or for those of a dataset, batch by batch as it yields them. */
export async function predict(session: Session, x: ModelData | Dataset, options: PredictOptions): Promise<Tensor[]> {
  if (!isDataset(x)) return predictArrays(session, x, options);
  const parts: Tensor[][] = [];
  for await (const batch of x.iterate?.(0) ?? x) {
    options.signal?.throwIfAborted();
    parts.push(await predictArrays(session, samplesOf(batch), options));
  }
  check(parts.length > 0, 'ERR_OCELLUS_DATA', () => ({
    where: 'predict',
    expected: 'a dataset with at least one batch',
    got: 'none',
  }));
  return parts[0].map((_, output) => joinRows(parts.map((part) => part[output])));
}

/** The x of a batch `{ x, … }`, or what is x itself. */
function samplesOf(batch: unknown): ModelData {
  const isBatch = typeof batch === 'object' && batch !== null && !ArrayBuffer.isView(batch) && 'x' in batch;
  return (isBatch ? batch.x : batch) as ModelData;
}

/** Tensors one behind the other along their first axis. */
function joinRows(parts: readonly Tensor[]): Tensor {
  const [{ shape, data }] = parts;
  const whole = new (data.constructor as Float32ArrayConstructor)(
    parts.reduce((sum, part) => sum + part.data.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    whole.set(part.data, at);
    at += part.data.length;
  }
  return new Tensor(whole, [parts.reduce((sum, part) => sum + part.shape[0], 0), ...shape.slice(1)]);
}

/** `layers`: paths of layers whose outputs are wanted instead of the network's own. */
export async function predictArrays(
  session: Session,
  x: ModelData,
  options: PredictOptions,
  layers?: readonly PlacedOutput[],
): Promise<Tensor[]> {
  const { signal } = options;
  const job = new Prediction(session, layers ? 'activations' : 'predict', x, options, layers);
  for (const request of job.requests()) {
    signal?.throwIfAborted();
    await session.run(request, job);
  }
  signal?.throwIfAborted();
  return job.results;
}

export function predictSync(session: Session, x: ModelData, options: PredictOptions): Tensor[] {
  const job = new Prediction(session, 'predictSync', x, options);
  for (const request of job.requests()) session.runSync(request, job);
  return job.results;
}

/** The output of a layer for a batch of one. */
export interface PlacedOutput {
  readonly path: string;
  readonly output: TensorSpec;
}

class Prediction implements StepUser<void> {
  readonly results: Tensor[];
  private readonly inputs: readonly { data: NumericArray; size: number }[];
  private readonly dtypes: ProgramRequest['dtypes'];
  private readonly samples: number;
  private readonly batchSize: number;
  private start = 0;
  private end = 0;

  constructor(
    session: Session,
    where: string,
    x: ModelData,
    options: PredictOptions,
    private readonly layers?: readonly PlacedOutput[],
  ) {
    checkOptions(where, options, ['batchSize', 'signal']);
    const { batchSize = 32, signal } = options;
    check(Number.isSafeInteger(batchSize) && batchSize >= 1, 'ERR_OCELLUS_OPTION', () => ({
      where: `${where}, option 'batchSize'`,
      expected: 'a whole number of at least 1',
      got: batchSize,
    }));
    check(signal === undefined || signal instanceof AbortSignal, 'ERR_OCELLUS_OPTION', () => ({
      where: `${where}, option 'signal'`,
      expected: 'an AbortSignal',
      got: signal,
    }));
    const tensors = toInputs(session.network, `${where}: x`, x);
    this.batchSize = batchSize;
    this.samples = tensors[0].shape[0];
    this.dtypes = tensors.map((tensor) => tensor.dtype);
    this.inputs = tensors.map(({ data, shape }) => ({ data, size: sizeOf(shape) / shape[0] }));
    const outputs = layers ? layers.map(({ output }) => output) : session.outputs;
    this.results = outputs.map(({ shape, dtype }) => {
      const whole = [this.samples, ...shape.slice(1)];
      const data = viewOf(new ArrayBuffer(sizeOf(whole) * (dtype === 'uint8' ? 1 : 4)), dtype, 0, sizeOf(whole));
      return new Tensor(data as Float32Array, whole);
    });
  }

  *requests(): Generator<ProgramRequest> {
    for (this.start = 0; this.start < this.samples; this.start = this.end) {
      this.end = Math.min(this.start + this.batchSize, this.samples);
      const request = { mode: 'predict', batch: this.end - this.start, dtypes: this.dtypes } as const;
      yield this.layers ? { ...request, layers: this.layers.map(({ path }) => path) } : request;
    }
  }

  write({ inputs }: BoundProgram): void {
    this.inputs.forEach(({ data, size }, i) => inputs[i].set(data.subarray(this.start * size, this.end * size)));
  }

  read({ outputs }: BoundProgram): void {
    outputs.forEach((output, i) =>
      this.results[i].data.set(output, (output.length / (this.end - this.start)) * this.start),
    );
  }
}
