// What an executor must offer. Layers never see it; it never sees layers: they meet in the Plan.

import { type NumericArray, viewOf } from '../core/dtype.js';
import { OcellusError } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';
import type { CompileTarget } from '../graph/compile.js';
import type { Plan, PlanBuffer, PlanStep } from '../graph/plan.js';
import { alignment, type Region, regions } from '../graph/variables.js';
import type { StepTime } from './profile.js';

/** The three regions of a plan. Shared buffers: they cannot be detached while native code runs on them. */
export type Memory = Readonly<Record<Region, Uint8Array>>;

/** A plan bound to its memory. One run at a time. */
export interface Executable {
  readonly plan: Plan;
  /** Runs steps [from, to) on the calling thread's time. Blocks. */
  runSync(from?: number, to?: number): void;
  /** Runs steps [from, to) without blocking the event loop. */
  run(from?: number, to?: number): Promise<void>;
  /** Runs once and times every step. Blocks. */
  profileSync(): StepTime[];
  /** As `profileSync`, without blocking the event loop. */
  profile(): Promise<StepTime[]>;
}

export interface Backend extends CompileTarget {
  readonly name: 'native' | 'typescript';
  readonly isa: string;
  readonly threads: number;
  /** A zeroed region that starts where this backend likes it. */
  allocate(bytes: number): Uint8Array;
  /** How a step is computed, as `StepTime.algorithm` tells it. */
  algorithmOf(step: PlanStep): string;
  /** Validates the plan against the memory and binds both. */
  load(plan: Plan, memory: Memory): Executable;
}

/** A zeroed region of `bytes` that starts at a multiple of 64 bytes where the platform can tell addresses. */
export function allocateRegion(bytes: number, alignOffset: (whole: Uint8Array) => number = () => 0): Uint8Array {
  const whole = new Uint8Array(new SharedArrayBuffer(bytes + alignment));
  const start = alignOffset(whole);
  return whole.subarray(start, start + bytes);
}

/** Fresh memory for a plan. */
export function allocateMemory(plan: Plan, backend: Pick<Backend, 'allocate'>): Memory {
  const pairs = regions.map((region) => [region, backend.allocate(plan.bytes[region])] as const);
  return Object.fromEntries(pairs) as Record<Region, Uint8Array>;
}

/** The elements of a buffer in memory. */
export function viewBuffer(memory: Memory, buffer: PlanBuffer): NumericArray {
  const region = memory[buffer.region];
  return viewOf(region.buffer, buffer.dtype, region.byteOffset + buffer.offset, sizeOf(buffer.shape));
}

/** Checks that memory is as large as the plan says. */
export function checkMemory(plan: Plan, memory: Memory): void {
  for (const region of regions) {
    if (memory[region].byteLength >= plan.bytes[region]) continue;
    throw new OcellusError('ERR_OCELLUS_PLAN', {
      where: `load plan, region '${region}'`,
      expected: `at least ${plan.bytes[region]} bytes`,
      got: `${memory[region].byteLength} bytes`,
    });
  }
}
