// The native executor: hands a whole plan to C++ and runs it in one call, on the calling thread or off the event loop.
// An op without a C++ row runs its TypeScript loop on the same memory, between two native stretches.

import { OcellusError } from '../core/errors.js';
import type { GraphNode } from '../graph/graph.js';
import type { Algorithm } from '../graph/lower.js';
import { encodePlan, encodeStep, type Plan, type PlanStep } from '../graph/plan.js';
import { builtinOps } from '../ops/index.js';
import { type AlgorithmName, chooseAlgorithm, type WinogradMode } from './algorithms.js';
import { allocateRegion, type Backend, checkMemory, type Executable, type Memory, viewBuffer } from './backend.js';
import { corePeak, corePeakSync, type StepTime, stepTimes } from './profile.js';
import { type BoundStep, bindStep, scratchView, timed } from './typescript.js';

/** Smaller regions hold no more than one huge page of 2 MiB for sure. */
const leastBytesForHugePages = 4 * 2 ** 20;

/** Opaque: a decoded plan in C++. */
export type PlanHandle = object & { readonly __plan: unique symbol };

/** What the addon exports (native/binding/addon.cc). */
export interface NativeAddon {
  /** Instruction sets that run here, best first. */
  isas(): string[];
  /** Signatures of the kernels of an instruction set. */
  kernels(isa: string): string[];
  alignOffset(bytes: Uint8Array): number;
  /** Asks the system for huge pages where `bytes` lies; before the first write. */
  adviseHugePages(bytes: Uint8Array): void;
  defaultThreads(): number;
  /** Measured peak of this many threads, GFLOP/s. Blocks for `seconds`. */
  fmaPeak(isa: string, threads: number, seconds: number): number;
  createPlan(
    words: Float64Array,
    ops: string[],
    state: Uint8Array,
    training: Uint8Array,
    arena: Uint8Array,
    isa: string,
    threads: number,
  ): PlanHandle;
  /** Of one step in words: bytes of scratch, and the name of the kernel's algorithm. */
  planWorkspace(isa: string, op: string, words: Float64Array): number;
  planAlgorithm(isa: string, op: string, words: Float64Array): string;
  runPlanSync(handle: PlanHandle, from: number, to: number): void;
  runPlan(handle: PlanHandle, from: number, to: number): Promise<void>;
  profilePlanSync(handle: PlanHandle): Float64Array;
  profilePlan(handle: PlanHandle): Promise<Float64Array>;
}

/** A backend over the addon for one instruction set and thread count. */
export class NativeBackend implements Backend {
  readonly name = 'native';
  private readonly kernels: ReadonlySet<string>;

  constructor(
    readonly addon: NativeAddon,
    readonly isa: string,
    readonly threads: number,
    readonly winograd: WinogradMode = 'auto',
    readonly preferred: AlgorithmName = 'auto',
  ) {
    this.kernels = new Set(addon.kernels(isa).map((signature) => signature.slice(0, signature.indexOf('('))));
  }

  supports({ op }: PlanStep): boolean {
    // An op of somebody else's may have the name of one of ours.
    return this.kernels.has(op.name) && builtinOps.get(op.name) === op;
  }

  workspace(step: PlanStep): number {
    if (!this.supports(step)) return 0;
    return this.ask(step, (op, words) => this.addon.planWorkspace(this.isa, op, words));
  }

  algorithmOf(step: PlanStep): string {
    if (!this.supports(step)) return 'typescript';
    return this.ask(step, (op, words) => this.addon.planAlgorithm(this.isa, op, words));
  }

  private ask<T>(step: PlanStep, question: (op: string, words: Float64Array) => T): T {
    try {
      return question(step.op.name, Float64Array.from(encodeStep(step, 0)));
    } catch (cause) {
      throw planError(`${step.op.name} '${step.name}'`, cause);
    }
  }

  algorithm(node: GraphNode, weightIsFixed: boolean): Algorithm {
    return chooseAlgorithm(node, {
      algorithm: this.preferred,
      winograd: this.winograd,
      isa: this.isa,
      weightIsFixed,
    });
  }

  load(plan: Plan, memory: Memory): Executable {
    checkMemory(plan, memory);
    return new NativeExecutable(this, plan, memory);
  }

  allocate(bytes: number): Uint8Array {
    const region = allocateRegion(bytes, this.addon.alignOffset);
    if (bytes >= leastBytesForHugePages) this.addon.adviseHugePages(region);
    return region;
  }
}

/** Neighbouring steps that run on the same side of the border. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly handle: PlanHandle | null;
  readonly steps: readonly BoundStep[];
}

class NativeExecutable implements Executable {
  private readonly stretches: Stretch[] = [];
  private busy = false;

  constructor(
    private readonly backend: NativeBackend,
    readonly plan: Plan,
    memory: Memory,
  ) {
    const { steps } = plan;
    for (let from = 0; from < steps.length; ) {
      const native = backend.supports(steps[from]);
      let to = from + 1;
      while (to < steps.length && backend.supports(steps[to]) === native) to++;
      const slice = steps.slice(from, to);
      const handle = native ? this.decode({ ...plan, steps: slice }, memory) : null;
      const view = (buffer: Parameters<typeof viewBuffer>[1]) => ({ ...buffer, data: viewBuffer(memory, buffer) });
      const bound = native ? [] : slice.map((step) => bindStep(step, view, scratchView(step, memory)));
      this.stretches.push({ from, to, handle, steps: bound });
      from = to;
    }
  }

  runSync(from = 0, to = this.plan.steps.length): void {
    this.exclusive();
    try {
      for (const { stretch, first, last } of this.parts(from, to)) {
        if (stretch.handle) this.backend.addon.runPlanSync(stretch.handle, first, last);
        else for (let index = first; index < last; index++) stretch.steps[index]();
      }
    } finally {
      this.busy = false;
    }
  }

  async run(from = 0, to = this.plan.steps.length): Promise<void> {
    this.exclusive();
    try {
      for (const { stretch, first, last } of this.parts(from, to)) {
        if (stretch.handle) await this.backend.addon.runPlan(stretch.handle, first, last);
        else for (let index = first; index < last; index++) stretch.steps[index]();
      }
    } finally {
      this.busy = false;
    }
  }

  profileSync(): StepTime[] {
    const { addon, isa } = this.backend;
    this.exclusive();
    const times: number[] = [];
    try {
      for (const { handle, steps } of this.stretches)
        times.push(...(handle ? addon.profilePlanSync(handle) : steps.map(timed)));
    } finally {
      this.busy = false;
    }
    return this.describe(times, corePeakSync(addon, isa));
  }

  async profile(): Promise<StepTime[]> {
    const { addon, isa } = this.backend;
    this.exclusive();
    const times: number[] = [];
    try {
      for (const { handle, steps } of this.stretches)
        times.push(...(handle ? await addon.profilePlan(handle) : steps.map(timed)));
    } finally {
      this.busy = false;
    }
    return this.describe(times, await corePeak(addon, isa));
  }

  private describe(milliseconds: readonly number[], corePeak: number): StepTime[] {
    const { backend } = this;
    return stepTimes(this.plan, milliseconds, (step) => backend.algorithmOf(step), backend.threads * corePeak);
  }

  private decode(plan: Plan, memory: Memory): PlanHandle {
    const { words, ops } = encodePlan(plan);
    const { addon, isa, threads } = this.backend;
    try {
      return addon.createPlan(words, ops, memory.state, memory.training, memory.arena, isa, threads);
    } catch (cause) {
      throw planError('load plan', cause);
    }
  }

  /** The stretches that [from, to) touches, with the steps counted from the start of each. */
  private *parts(from: number, to: number): Iterable<{ stretch: Stretch; first: number; last: number }> {
    if (!(from >= 0 && from <= to && to <= this.plan.steps.length)) {
      throw new OcellusError('ERR_OCELLUS_ARGUMENT', {
        where: 'run plan',
        expected: `a range within 0..${this.plan.steps.length}`,
        got: `${from}..${to}`,
      });
    }
    for (const stretch of this.stretches) {
      const first = Math.max(from, stretch.from) - stretch.from;
      const last = Math.min(to, stretch.to) - stretch.from;
      if (first < last) yield { stretch, first, last };
    }
  }

  private exclusive(): void {
    if (this.busy) {
      throw new OcellusError('ERR_OCELLUS_BUSY', {
        where: 'run plan',
        expected: 'one run at a time',
        got: 'a second run of the same plan',
        help: 'await the first one, or load the plan again into memory of its own',
      });
    }
    this.busy = true;
  }
}

function planError(where: string, cause: unknown): OcellusError {
  const got = cause instanceof Error ? cause.message : String(cause);
  return new OcellusError('ERR_OCELLUS_PLAN', {
    where,
    expected: 'a plan that the native executor accepts',
    got,
    cause,
  });
}
