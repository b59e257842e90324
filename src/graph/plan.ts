// The waist of the hourglass: a program with all memory decided, as plain data. It can be printed, sliced, compared,
// stepped; executors (TypeScript, native) need nothing else but the memory it names.

import { dtypes, type TensorSpec } from '../core/dtype.js';
import { shapeText } from '../core/shape.js';
import { type AnyAttrs, type AnyOp, encodeAttrs } from '../ops/op.js';
import { type Region, regions } from './variables.js';

/** A tensor at a fixed place. */
export interface PlanBuffer extends TensorSpec {
  readonly name: string;
  readonly region: Region;
  /** Bytes from the start of the region. */
  readonly offset: number;
}

export interface PlanStep {
  /** The path of the op in the network: `stem/conv`, `gradient/stem/conv/conv2dGradWeight`. */
  readonly name: string;
  readonly op: AnyOp;
  readonly attrs: AnyAttrs;
  readonly inputs: readonly (PlanBuffer | null)[];
  readonly outputs: readonly PlanBuffer[];
  readonly scratchOffset: number;
  readonly scratchBytes: number;
  readonly flops: number;
}

export interface Plan {
  readonly steps: readonly PlanStep[];
  /**
   * So many first steps need to run again only when weights changed, or something else ran on this arena; 0 in a
   * training plan.
   */
  readonly prologue: number;
  /** What the caller writes before a run, by name. */
  readonly inputs: Readonly<Record<string, PlanBuffer>>;
  /** What the caller may read after a run, by name. */
  readonly outputs: Readonly<Record<string, PlanBuffer>>;
  /** Size of each region in bytes. */
  readonly bytes: Readonly<Record<Region, number>>;
}

/** The plan as a program, one line a step: the first thing in a bug report. */
export function planToText(plan: Plan): string {
  const width = String(plan.steps.length).length + 1;
  const lines = plan.steps.map((step, index) => {
    const results = step.outputs
      .map((buffer) => `${buffer.name}[${shapeText(buffer.shape)}]${place(buffer)}`)
      .join(', ');
    const operands = step.inputs.filter((buffer) => buffer !== null).map((buffer) => `${buffer.name}${place(buffer)}`);
    const attrs = Object.entries(step.attrs).map(([name, value]) => `${name}:${value}`);
    const tail = attrs.length > 0 ? ` {${attrs.join(' ')}}` : '';
    const inplace = step.outputs.some((output) => step.inputs.some((input) => input && samePlace(input, output)));
    return `${String(index).padStart(width)}  ${results} = ${step.op.name}(${operands.join(', ')})${tail}${inplace ? '  in place' : ''}`;
  });
  if (plan.prologue > 0) lines.splice(plan.prologue, 0, `${'-'.repeat(width)}  above: only when weights changed`);
  const sizes = regions.map((region) => `${region} ${plan.bytes[region]} B`).join(', ');
  return [...lines, `${plan.steps.length} steps; ${sizes}`].join('\n');
}

const place = (buffer: PlanBuffer): string => `@${buffer.region}+${buffer.offset}`;

export const samePlace = (a: PlanBuffer, b: PlanBuffer): boolean => a.region === b.region && a.offset === b.offset;

/** First word of an encoded plan; changes with the layout of the words (native/runtime/plan.cc). */
export const planMagic = 0x0ce11; // 52753

/**
 * The plan as numbers for the native executor, and the op names the numbers refer to. Every number is a double that
 * holds an integer (offsets may pass 2^32) or a float attribute. Layout:
 * magic, bytes per region (3), steps, then per step: op, scratchOffset, scratchBytes, #inputs, inputs, #outputs,
 * outputs, #attributes, attributes; a buffer is: present, region, offset, dtype, rank, dims.
 */
export function encodePlan(plan: Plan): { words: Float64Array; ops: string[] } {
  const ops = [...new Set(plan.steps.map((step) => step.op.name))];
  const words: number[] = [planMagic, ...regions.map((region) => plan.bytes[region]), plan.steps.length];
  for (const step of plan.steps) words.push(...encodeStep(step, ops.indexOf(step.op.name)));
  return { words: Float64Array.from(words), ops };
}

/** One step as words; `op` is its number in the list of names. */
export function encodeStep(step: PlanStep, op: number): number[] {
  const attrs = encodeAttrs(step.op, step.attrs);
  return [
    op,
    step.scratchOffset,
    step.scratchBytes,
    step.inputs.length,
    ...step.inputs.flatMap(encodeBuffer),
    step.outputs.length,
    ...step.outputs.flatMap(encodeBuffer),
    attrs.length,
    ...attrs,
  ];
}

function encodeBuffer(buffer: PlanBuffer | null): number[] {
  if (!buffer) return [0];
  return [
    1,
    regions.indexOf(buffer.region),
    buffer.offset,
    dtypes.indexOf(buffer.dtype),
    buffer.shape.length,
    ...buffer.shape,
  ];
}
