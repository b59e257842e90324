// Tensors that outlive a step: weights and running statistics (`state`), gradients, optimizer slots and per-step
// scalars (`training`). Variables declared one after the other lie one after the other, so that a run of parameters
// (and the run of their gradients, which mirrors it) can be updated as one flat tensor.

import { bytesPerElement, type DType, type TensorSpec } from '../core/dtype.js';
import { OcellusError } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';

/** Where a buffer lives. `arena` holds activations, gradients of activations, inputs and scratch of one plan. */
export type Region = 'state' | 'training' | 'arena';

/** Position in this list is the number that C++ knows the region by. */
export const regions: readonly Region[] = ['state', 'training', 'arena'];

/** Every buffer starts at a multiple of this many bytes. */
export const alignment = 64;

export const alignUp = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

export interface Variable extends TensorSpec {
  readonly name: string;
  readonly region: 'state' | 'training';
  /** Bytes from the start of the region. */
  readonly offset: number;
}

/** Bytes of a dense tensor. */
export const bytesOf = (spec: TensorSpec): number => sizeOf(spec.shape) * bytesPerElement[spec.dtype];

export class Variables {
  private readonly byName = new Map<string, Variable>();
  private readonly sizes = { state: 0, training: 0 };

  /** Adds a variable behind the last one of its region. Names are unique over both regions. */
  declare(name: string, shape: readonly number[], dtype: DType, region: 'state' | 'training'): Variable {
    if (this.byName.has(name)) {
      throw new OcellusError('ERR_OCELLUS_STATE', {
        where: 'variables',
        expected: 'a new name',
        got: `'${name}' again`,
      });
    }
    const variable: Variable = { name, shape: [...shape], dtype, region, offset: this.sizes[region] };
    this.byName.set(name, variable);
    this.sizes[region] += alignUp(Math.max(bytesOf(variable), 1));
    return variable;
  }

  get(name: string): Variable | undefined {
    return this.byName.get(name);
  }

  list(region?: Region): Variable[] {
    return [...this.byName.values()].filter((variable) => !region || variable.region === region);
  }

  /** Bytes of a region so far. */
  bytes(region: 'state' | 'training'): number {
    return this.sizes[region];
  }

  /** Forgets every variable of `training` (another optimizer is compiled). */
  clearTraining(): void {
    for (const variable of this.list('training')) this.byName.delete(variable.name);
    this.sizes.training = 0;
  }
}

/** Whether two variables share bytes, as flat ones do with those they run over. */
export function overlap(a: Variable, b: Variable): boolean {
  return a.region === b.region && a.offset < b.offset + bytesOf(b) && b.offset < a.offset + bytesOf(a);
}

/** Splits variables, given in order, into maximal runs without a gap between neighbours. */
export function contiguousRuns(variables: readonly Variable[]): Variable[][] {
  const runs: Variable[][] = [];
  for (const variable of variables) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run && last && last.region === variable.region && last.offset + alignUp(bytesOf(last)) === variable.offset) {
      run.push(variable);
    } else runs.push([variable]);
  }
  return runs;
}

/** One flat float32 variable over a run; the padding between neighbours belongs to it (it stays zero). */
export function flatten(run: readonly Variable[], name: string): Variable {
  const first = run[0];
  const last = run[run.length - 1];
  const bytes = last.offset + alignUp(bytesOf(last)) - first.offset;
  return { name, shape: [bytes / 4], dtype: 'float32', region: first.region, offset: first.offset };
}
