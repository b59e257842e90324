// The memory planner, by property: on random programs the shared plan computes what the unshared one does, and no two
// storages that live together overlap.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateMemory, viewBuffer } from '../../src/backend/backend.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import { assignOffsets, mostAlive, type Storage } from '../../src/graph/memory.js';
import type { Plan, PlanBuffer } from '../../src/graph/plan.js';
import { bytesOf, Variables } from '../../src/graph/variables.js';
import { layers, sequential } from '../../src/index.js';
import type { OpDefinition } from '../../src/ops/op.js';
import { apart, join, shrink, split, step, view } from './toy-ops.js';

type Move = { op: number; a: number; b: number; keep: boolean };

const moves = fc.array(fc.record({ op: fc.nat(6), a: fc.nat(1000), b: fc.nat(1000), keep: fc.boolean() }), {
  minLength: 1,
  maxLength: 40,
});

/** A program from random moves: each picks earlier values as operands. */
function program(list: Move[]): { graph: Graph; outputs: Record<string, GraphValue>; variables: Variables } {
  const graph = new Graph();
  const variables = new Variables();
  const weight = graph.variable(variables.declare('weight', [64], 'float32', 'state'));
  const values: GraphValue[] = [graph.input('x', [64]), graph.input('z', [8]), weight];
  const outputs: Record<string, GraphValue> = {};
  for (const { op, a, b, keep } of list) {
    const left = values[a % values.length];
    const fitting = values.filter(
      (value) => value.shape[0] === left.shape[0] && value.shape.length === left.shape.length,
    );
    const right = fitting[b % fitting.length];
    const emit = (row: OpDefinition, inputs: GraphValue[], attrs = {}) =>
      graph.emit(row, inputs, attrs) as GraphValue[];
    const made = [
      () => emit(step, [left]),
      () => emit(apart, [left]),
      () => emit(join, [left, right]),
      () => emit(split, [left]),
      () =>
        emit(view as OpDefinition, [left], { shape: [left.shape.reduce((x, y) => x * y, 1), 1].slice(0, 1 + (b % 2)) }),
      () => (left.shape.length === 1 ? emit(shrink, [left]) : emit(step, [left])),
      () => (right.shape.length === 1 ? emit(join, [right, right]) : emit(apart, [right])),
    ][op]();
    values.push(...made);
    if (keep) outputs[made[0].name] = made[0];
  }
  outputs.last = values[values.length - 1];
  return { graph, outputs, variables };
}

function results(plan: Plan): Record<string, number[]> {
  const memory = allocateMemory(plan, typescriptBackend);
  memory.arena.fill(0x7f);
  const fill = (buffer: Plan['inputs'][string]) =>
    viewBuffer(memory, buffer).forEach((_, i, all) => (all[i] = i + buffer.name.length));
  for (const input of Object.values(plan.inputs)) fill(input);
  viewBuffer(memory, { name: 'w', region: 'state', offset: 0, shape: [64], dtype: 'float32' }).fill(0.25);
  const executable = typescriptBackend.load(plan, memory);
  executable.runSync();
  // What a prologue made must have survived the body.
  if (plan.prologue > 0) executable.runSync(plan.prologue);
  return Object.fromEntries(
    Object.entries(plan.outputs).map(([name, buffer]) => [name, [...viewBuffer(memory, buffer)]]),
  );
}

/** The most bytes of the arena that are in use at one step; inputs count throughout. */
function mostLive(plan: Plan): number {
  const spans = new Map<string, { start: number; end: number; from: number; to: number }>();
  const use = (buffer: PlanBuffer, step: number, reads: boolean): void => {
    if (buffer.region !== 'arena') return;
    // What no step wrote under this name is a reshape of what was last written there.
    const shown = reads ? [...spans.values()].reverse().find(({ from }) => from === buffer.offset) : undefined;
    const span = spans.get(buffer.name) ?? shown;
    if (span) span.end = step;
    else spans.set(buffer.name, { start: step, end: step, from: buffer.offset, to: buffer.offset + bytesOf(buffer) });
  };
  for (const step of [0, plan.steps.length]) for (const input of Object.values(plan.inputs)) use(input, step, false);
  plan.steps.forEach((step, index) => {
    for (const buffer of step.inputs) if (buffer) use(buffer, index, true);
    for (const buffer of step.outputs) use(buffer, index, false);
    const scratch = { name: `scratch ${index}`, region: 'arena', offset: step.scratchOffset, dtype: 'uint8' } as const;
    use({ ...scratch, shape: [step.scratchBytes] }, index, false);
  });
  return Math.max(
    ...plan.steps.map((_, index) => {
      let [bytes, end] = [0, 0];
      const alive = [...spans.values()].filter((span) => span.start <= index && index <= span.end);
      for (const { from, to } of alive.sort((a, b) => a.from - b.from)) {
        bytes += Math.max(0, to - Math.max(from, end));
        end = Math.max(end, to);
      }
      return bytes;
    }),
  );
}

describe('memory planner', () => {
  it('computes the same with shared memory as without, on random programs', () => {
    fc.assert(
      fc.property(moves, (list) => {
        const { graph, outputs, variables } = program(list);
        const shared = compile(graph, { outputs, variables });
        const unshared = compile(graph, { outputs, variables, planMemory: false });
        expect(results(shared)).toEqual(results(unshared));
        expect(results(compile(graph, { outputs, variables, prologue: true }))).toEqual(results(unshared));
        expect(shared.bytes.arena).toBeLessThanOrEqual(unshared.bytes.arena);
      }),
      { numRuns: 300 },
    );
  });

  it('never overlaps storages that live at the same time', () => {
    const storage = fc.record({
      bytes: fc.integer({ min: 1, max: 500 }),
      start: fc.integer({ min: -1, max: 30 }),
      length: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(storage, { minLength: 1, maxLength: 60 }), (list) => {
        const all: Storage[] = list.map(({ bytes, start, length }) => ({
          bytes,
          start,
          end: start + length,
          offset: -1,
        }));
        const total = assignOffsets(all);
        expect(total).toBeGreaterThanOrEqual(mostAlive(all));
        for (const a of all) {
          expect(a.offset).toBeGreaterThanOrEqual(0);
          expect(a.offset + a.bytes).toBeLessThanOrEqual(total);
          for (const b of all) {
            const together = a !== b && a.start <= b.end && b.start <= a.end;
            if (together) expect(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('comes near the lower bound where placing the largest first does not', () => {
    const list = [
      [3, 0, 2],
      [6, 2, 2],
      [5, 1, 1],
      [3, 1, 1],
    ];
    const all: Storage[] = list.map(([bytes, start, end]) => ({ bytes: 1000 * bytes, start, end, offset: 0 }));
    expect(mostAlive(all)).toBe(11_000);
    expect(assignOffsets(all)).toBe(11_000);
  });

  it('wastes less than 5 % on the training plans of deep plain networks', () => {
    for (const filters of [
      [8, 8, 16, 16],
      [24, 16, 16],
      [4, 8, 12, 16, 20, 24],
    ]) {
      const stack = filters.flatMap((count, i) => [
        layers.conv2d({
          filters: count,
          kernelSize: 3,
          padding: 'same',
          activation: 'relu',
          ...(i === 0 ? { inputShape: [32, 32, 3] } : {}),
        }),
        ...(i % 2 ? [layers.maxPooling2d({ poolSize: 2 })] : []),
      ]);
      const model = sequential([...stack, layers.flatten(), layers.dense({ units: 10 })]);
      model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', backend: 'typescript' });
      const plan = model.plan('train', { batchSize: 16 });
      expect(plan.bytes.arena).toBeLessThan(1.05 * mostLive(plan));
    }
  });

  it('reuses memory in a chain: a hundred steps need the input and one more buffer', () => {
    const graph = new Graph();
    let value = graph.input('x', [1024]);
    for (let i = 0; i < 100; i++) value = graph.emit(apart as OpDefinition, [value])[0] as GraphValue;
    const plan = compile(graph, { outputs: { y: value }, variables: new Variables() });
    expect(plan.bytes.arena).toBe(3 * 4096);
    expect(plan.steps).toHaveLength(100);
  });

  it('works in place where the op allows it and the operand dies', () => {
    const graph = new Graph();
    const x = graph.input('x', [16]);
    const [a] = graph.emit(step as OpDefinition, [x]);
    const [b] = graph.emit(step as OpDefinition, [a]);
    const plan = compile(graph, { outputs: { b }, variables: new Variables() });
    expect(plan.steps[0].outputs[0].offset).not.toBe(plan.inputs.x.offset);
    expect(plan.steps[1].outputs[0].offset).toBe(plan.steps[0].outputs[0].offset);
  });
});
