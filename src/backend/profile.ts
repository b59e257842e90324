// What a profile tells of each step: how long it took, by which algorithm it was computed, and how near to the most
// that the machine can do.

import type { Plan, PlanStep } from '../graph/plan.js';

export interface StepTime {
  /** The path of the op in the network, as in the plan. */
  readonly name: string;
  readonly op: string;
  /**
   * What the kernel chose for these shapes: `direct`, `winograd F(4,3)`. `typescript`: an op of a native plan that has no
   * native kernel. Empty where there is no choice, and on the TypeScript backend.
   */
  readonly algorithm: string;
  /** Whether it belongs to the prologue of its plan, which runs only when weights changed. */
  readonly prologue: boolean;
  readonly milliseconds: number;
  /** Of the work that the op's definition asks for. Winograd's algorithm gets it done with fewer operations. */
  readonly gflops: number;
  /**
   * `gflops` over threads times the measured multiply-add peak of one core; Winograd's algorithm may exceed 1. null on
   * the TypeScript backend. The peak is measured once in a process, in 40 ms of the first profile.
   */
  readonly fractionOfPeak: number | null;
}

/** Puts the time of every step together with what is known about it; `peak` in GFLOP/s of all threads. */
export function stepTimes(
  { steps, prologue }: Plan,
  milliseconds: ArrayLike<number>,
  algorithmOf: (step: PlanStep) => string,
  peak: number | null,
): StepTime[] {
  return steps.map((step, index) => {
    const time = milliseconds[index];
    const gflops = time > 0 ? step.flops / time / 1e6 : 0;
    return {
      name: step.name,
      op: step.op.name,
      algorithm: algorithmOf(step),
      prologue: index < prologue,
      milliseconds: time,
      gflops,
      fractionOfPeak: peak && gflops / peak,
    };
  });
}

/** The part of the addon that measures. */
export interface PeakMeter {
  fmaPeak(isa: string, threads: number, seconds: number): number;
}

/** Short enough to keep no event loop waiting. */
const burstSeconds = 1e-3;
const bursts = 40;

interface CorePeak {
  gflops: number;
  burstsLeft: number;
}

const peaks = new Map<string, CorePeak>();

function peakOf(isa: string): CorePeak {
  const known = peaks.get(isa) ?? { gflops: 0, burstsLeft: bursts };
  peaks.set(isa, known);
  return known;
}

function measureBurst(meter: PeakMeter, isa: string, peak: CorePeak): void {
  peak.gflops = Math.max(peak.gflops, meter.fmaPeak(isa, 1, burstSeconds));
  peak.burstsLeft--;
}

/** Most GFLOP/s of one core with an instruction set: the best of many bursts. Measured once, blocks meanwhile. */
export function corePeakSync(meter: PeakMeter, isa: string): number {
  const peak = peakOf(isa);
  while (peak.burstsLeft > 0) measureBurst(meter, isa, peak);
  return peak.gflops;
}

/** As `corePeakSync`; the event loop turns between bursts. */
export async function corePeak(meter: PeakMeter, isa: string): Promise<number> {
  const peak = peakOf(isa);
  while (peak.burstsLeft > 0) {
    measureBurst(meter, isa, peak);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return peak.gflops;
}
