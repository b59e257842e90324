// A plan of one step, laid out by hand with guard zones between the buffers, to run a case of an op on any backend.

import { allocateRegion, type Backend, type Memory, viewBuffer } from '../../src/backend/backend.js';
import { bytesPerElement, type NumericArray, type TensorSpec } from '../../src/core/dtype.js';
import { sizeOf } from '../../src/core/shape.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import type { Plan, PlanBuffer, PlanStep } from '../../src/graph/plan.js';
import { alignUp } from '../../src/graph/variables.js';
import { caseInputs } from '../../src/ops/cases.js';
import type { AnyOp, OpCase } from '../../src/ops/op.js';

/** Bytes before, between and behind the buffers; their content must survive a run. */
const guardBytes = 128;
const guardByte = 0xa5;

export interface CaseResult {
  outputs: NumericArray[];
  /** What was written outside the outputs, if anything. */
  damage: string | null;
}

export interface LayOut {
  /** Bytes that buffers stand away from a 64-byte boundary (a multiple of 4). */
  shift?: number;
  /** [input, output] that share memory. */
  inplace?: readonly [number, number];
}

/** Runs one case; outputs are NaN (or 0xa5) before, so that an element nobody writes shows. */
export function runCase(op: AnyOp, opCase: OpCase, backend: Backend, layOut: LayOut = {}): CaseResult {
  const { plan, step } = planOfCase(op, opCase, backend, layOut);
  const memory: Memory = {
    state: allocateRegion(0),
    training: allocateRegion(0),
    arena: backend.allocate(plan.bytes.arena),
  };
  memory.arena.fill(guardByte);
  for (const output of step.outputs) if (output.dtype === 'float32') viewBuffer(memory, output).fill(Number.NaN);
  const data = caseInputs(op, opCase);
  step.inputs.forEach((input, i) => {
    if (input) viewBuffer(memory, input).set(data[i]!.data as Float32Array);
  });
  const before = memory.arena.slice();
  backend.load(plan, memory).runSync();
  const outputs = step.outputs.map((output) => viewBuffer(memory, output).slice());
  return { outputs, damage: findDamage(before, memory.arena, step) };
}

export function planOfCase(
  op: AnyOp,
  opCase: OpCase,
  backend: Backend,
  layOut: LayOut = {},
): { plan: Plan; step: PlanStep } {
  const graph = new Graph();
  const values = opCase.inputs.map(
    (input, i) => input && graph.input(`input${i}`, input.shape, input.dtype ?? 'float32'),
  );
  const results = graph.emit(op, values, opCase.attrs ?? {}) as GraphValue[];
  const node = graph.nodes[0];
  let offset = guardBytes;
  const reserve = (bytes: number): number => {
    const at = offset + (layOut.shift ?? 0);
    offset = alignUp(at + bytes) + guardBytes;
    return at;
  };
  const place = (name: string, { shape, dtype }: TensorSpec): PlanBuffer => ({
    name,
    shape,
    dtype,
    region: 'arena',
    offset: reserve(sizeOf(shape) * bytesPerElement[dtype]),
  });
  const inputs = values.map((value, i) => value && place(`input${i}`, value));
  while (inputs.length < op.inputs.length && op.inputs[inputs.length].endsWith('?')) inputs.push(null);
  const outputs = results.map((value, i) => {
    if (layOut.inplace?.[1] !== i) return place(op.outputs[i], value);
    return { ...inputs[layOut.inplace[0]]!, name: op.outputs[i], shape: value.shape };
  });
  const draft: PlanStep = {
    name: opCase.name,
    op,
    attrs: node.attrs,
    inputs,
    outputs,
    scratchOffset: 0,
    scratchBytes: 0,
    flops: 0,
  };
  const scratchBytes = Math.max(4 * (op.scratch?.(inputs, outputs, node.attrs) ?? 0), backend.workspace(draft));
  const step = { ...draft, scratchBytes, scratchOffset: alignUp(reserve(scratchBytes + 64)) };
  const plan = { steps: [step], prologue: 0, inputs: {}, outputs: {}, bytes: { state: 0, training: 0, arena: offset } };
  return { plan, step };
}

function findDamage(before: Uint8Array, after: Uint8Array, step: PlanStep): string | null {
  const free = new Uint8Array(after.length);
  for (const { shape, dtype, offset } of step.outputs)
    free.fill(1, offset, offset + sizeOf(shape) * bytesPerElement[dtype]);
  free.fill(1, step.scratchOffset, step.scratchOffset + step.scratchBytes);
  for (let i = 0; i < after.length; i++) {
    if (before[i] !== after[i] && !free[i])
      return `byte ${i} changed; outputs at ${step.outputs.map((o) => o.offset).join(', ')}`;
  }
  return null;
}

/** Where the bits of two lists of outputs part first, or null. */
export function firstDifference(a: readonly NumericArray[], b: readonly NumericArray[]): string | null {
  for (const [i, left] of a.entries()) {
    const right = b[i];
    if (bytesOf(left).equals(bytesOf(right))) continue;
    const place = left.findIndex((x, j) => !Object.is(x, right[j]));
    return `output ${i}, element ${place}: ${left[place]} and ${right[place]}`;
  }
  return a.length === b.length ? null : `${a.length} and ${b.length} outputs`;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** Largest difference of two outputs relative to the largest magnitude; 0 when all are equal, NaN counts as equal to NaN. */
export function relativeDifference(a: NumericArray, b: NumericArray): number {
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i]) || a[i] === b[i]) {
      if (Number.isFinite(a[i])) scale = Math.max(scale, Math.abs(a[i]));
      continue;
    }
    if (!Number.isFinite(a[i]) || !Number.isFinite(b[i])) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
    scale = Math.max(scale, Math.abs(a[i]), Math.abs(b[i]));
  }
  return difference === 0 ? 0 : difference / scale;
}
