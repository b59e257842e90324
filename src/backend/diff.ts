// Runs a plan step by step on two backends and names the first place where they part.

import type { NumericArray } from '../core/dtype.js';
import type { Plan, PlanBuffer } from '../graph/plan.js';
import { regions } from '../graph/variables.js';
import { allocateMemory, type Backend, type Memory, viewBuffer } from './backend.js';

export interface Difference {
  /** Index of the step in the plan, its name and op. */
  step: number;
  name: string;
  op: string;
  /** The output that differs, the first differing element and both values. */
  buffer: string;
  element: number;
  values: [number, number];
}

export interface DiffOptions {
  /** Allowed difference, relative to the largest magnitude in the output (default 1e-4). */
  tolerance?: number;
  /** Fills the memory before the run: inputs, weights. Default: everything is zero. */
  fill?: (memory: Memory) => void;
}

/**
 * Compares two backends on one plan. After each step the second backend's memory is set to the first's, so that one
 * difference does not hide another.
 *
 * @returns the first difference, or null when they agree within the tolerance.
 */
export function diffBackends(
  plan: Plan,
  first: Backend,
  second: Backend,
  options: DiffOptions = {},
): Difference | null {
  const memories = [allocateMemory(plan, first), allocateMemory(plan, second)] as const;
  options.fill?.(memories[0]);
  const copyAll = () => {
    for (const region of regions) memories[1][region].set(memories[0][region]);
  };
  const executables = [first.load(plan, memories[0]), second.load(plan, memories[1])] as const;
  for (let index = 0; index < plan.steps.length; index++) {
    copyAll();
    for (const executable of executables) executable.runSync(index, index + 1);
    const step = plan.steps[index];
    for (const buffer of step.outputs) {
      const found = firstDifference(memories, buffer, options.tolerance ?? 1e-4);
      if (found) return { step: index, name: step.name, op: step.op.name, buffer: buffer.name, ...found };
    }
  }
  return null;
}

function firstDifference(
  memories: readonly [Memory, Memory],
  buffer: PlanBuffer,
  tolerance: number,
): { element: number; values: [number, number] } | null {
  const [a, b] = [viewBuffer(memories[0], buffer), viewBuffer(memories[1], buffer)];
  const limit = buffer.dtype === 'float32' ? tolerance * largest(a) : 0;
  for (let element = 0; element < a.length; element++) {
    const same = Object.is(a[element], b[element]) || Math.abs(a[element] - b[element]) <= limit;
    if (!same) return { element, values: [a[element], b[element]] };
  }
  return null;
}

function largest(values: NumericArray): number {
  let top = 0;
  for (const value of values) if (Math.abs(value) > top && Number.isFinite(value)) top = Math.abs(value);
  return top;
}
