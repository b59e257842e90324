// The TypeScript executor: runs the reference loops of the op rows on the memory of a plan.

import { bytesPerElement, type FloatArray, type TensorView } from '../core/dtype.js';
import { sizeOf } from '../core/shape.js';
import type { Plan, PlanBuffer, PlanStep } from '../graph/plan.js';
import type { Region } from '../graph/variables.js';
import { allocateRegion, type Backend, checkMemory, type Executable, type Memory, viewBuffer } from './backend.js';
import { type StepTime, stepTimes } from './profile.js';

/** Time after which `run` lets the event loop turn, between two steps. */
const yieldAfterMs = 4;

export const typescriptBackend: Backend = {
  name: 'typescript',
  isa: 'typescript',
  threads: 1,
  workspace: () => 0,
  algorithm: () => ({ name: 'direct' }),
  algorithmOf: () => '',
  allocate: (bytes) => allocateRegion(bytes),
  load(plan: Plan, memory: Memory): Executable {
    checkMemory(plan, memory);
    const view = (buffer: PlanBuffer): TensorView => ({
      shape: buffer.shape,
      dtype: buffer.dtype,
      data: viewBuffer(memory, buffer),
    });
    return new TypescriptExecutable(plan, (step) => bindStep(step, view, scratchView(step, memory)));
  },
};

/** One step with its arguments looked up, ready to be called. */
export type BoundStep = () => void;

export function bindStep(step: PlanStep, view: (buffer: PlanBuffer) => TensorView, scratch: FloatArray): BoundStep {
  const context = {
    inputs: step.inputs.map((buffer) => buffer && view(buffer)),
    outputs: step.outputs.map(view),
    attrs: step.attrs,
    scratch,
  };
  return () => step.op.run(context);
}

/** Milliseconds that a step takes. */
export function timed(step: BoundStep): number {
  const start = performance.now();
  step();
  return performance.now() - start;
}

export function scratchView(step: PlanStep, memory: Memory): FloatArray {
  return new Float32Array(
    memory.arena.buffer,
    memory.arena.byteOffset + step.scratchOffset,
    Math.floor(step.scratchBytes / 4),
  );
}

/**
 * The plan in double precision, for gradient checks: float32 buffers become Float64Array, every offset doubles.
 * Inputs and outputs are read and written through `view`.
 */
export function loadDouble(plan: Plan): Executable & { view(buffer: PlanBuffer): TensorView } {
  const memory = Object.fromEntries(
    Object.entries(plan.bytes).map(([region, bytes]) => [region, new ArrayBuffer(2 * bytes)]),
  ) as Record<Region, ArrayBuffer>;
  const view = (buffer: PlanBuffer): TensorView => {
    const length = sizeOf(buffer.shape);
    const start = 2 * buffer.offset;
    const source = memory[buffer.region];
    const data =
      buffer.dtype === 'float32'
        ? new Float64Array(source, start, length)
        : buffer.dtype === 'int32'
          ? new Int32Array(source, start, length)
          : new Uint8Array(source, start, length * bytesPerElement.uint8);
    return { shape: buffer.shape, dtype: buffer.dtype, data };
  };
  const scratch = (step: PlanStep): FloatArray =>
    new Float64Array(memory.arena, 2 * step.scratchOffset, Math.floor(step.scratchBytes / 4));
  const executable = new TypescriptExecutable(plan, (step) => bindStep(step, view, scratch(step)));
  return Object.assign(executable, { view });
}

class TypescriptExecutable implements Executable {
  private readonly steps: BoundStep[];

  constructor(
    readonly plan: Plan,
    bind: (step: PlanStep) => BoundStep,
  ) {
    this.steps = plan.steps.map(bind);
  }

  runSync(from = 0, to = this.steps.length): void {
    for (let index = from; index < to; index++) this.steps[index]();
  }

  async run(from = 0, to = this.steps.length): Promise<void> {
    await inTurns(this.steps.slice(from, to));
  }

  profileSync(): StepTime[] {
    return this.describe(this.steps.map(timed));
  }

  async profile(): Promise<StepTime[]> {
    return this.describe(await inTurns(this.steps.map((step) => () => timed(step))));
  }

  private describe(milliseconds: readonly number[]): StepTime[] {
    return stepTimes(this.plan, milliseconds, typescriptBackend.algorithmOf, null);
  }
}

/** Calls one after the other and lets the event loop turn in time. */
async function inTurns<T>(calls: readonly (() => T)[]): Promise<T[]> {
  const results: T[] = [];
  let last = performance.now();
  for (const call of calls) {
    results.push(call());
    if (performance.now() - last < yieldAfterMs) continue;
    await new Promise((resolve) => setImmediate(resolve));
    last = performance.now();
  }
  return results;
}
