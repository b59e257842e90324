// The native executor validates plans: whatever numbers it is handed, it throws or runs inside its bounds.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateMemory } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { OcellusError } from '../../src/core/errors.js';
import { compile } from '../../src/graph/compile.js';
import { Graph } from '../../src/graph/graph.js';
import { encodePlan, type Plan, planToText } from '../../src/graph/plan.js';
import { Variables } from '../../src/graph/variables.js';
import { builtinOps } from '../../src/ops/index.js';
import { planOfCase } from '../ops/one-step.js';

const { addon } = loadAddon();
if (!addon) console.warn('native plan tests skipped: no addon');

const isa = addon?.isas()[0] ?? '';

function smallPlan(): Plan {
  const graph = new Graph();
  const x = graph.input('x', [4, 8]);
  const [y] = graph.emit('relu', [x]);
  const [z] = graph.emit('add', [y, x]);
  return compile(graph, { outputs: { z }, variables: new Variables() });
}

describe.skipIf(!addon)('native plans', () => {
  const backend = addon ? selectBackend({ backend: 'native', threads: 2 }) : typescriptBackend;
  const create = (words: ArrayLike<number>, ops: string[], bytes: { state: number; training: number; arena: number }) =>
    addon!.createPlan(
      Float64Array.from(words),
      ops,
      backend.allocate(bytes.state),
      backend.allocate(bytes.training),
      backend.allocate(bytes.arena),
      isa,
      2,
    );

  it('runs what it accepts', () => {
    const plan = smallPlan();
    const memory = allocateMemory(plan, backend);
    new Float32Array(memory.arena.buffer, memory.arena.byteOffset + plan.inputs.x.offset, 32).fill(3);
    backend.load(plan, memory).runSync();
    expect(new Float32Array(memory.arena.buffer, memory.arena.byteOffset + plan.outputs.z.offset, 32)[31]).toBe(6);
  });

  it('refuses memory that is smaller than the plan', () => {
    const plan = smallPlan();
    const memory = { ...allocateMemory(plan, backend), arena: backend.allocate(16) };
    expect(() => backend.load(plan, memory)).toThrow(OcellusError);
  });

  it('refuses offsets out of bounds and says which step', () => {
    const plan = smallPlan();
    const output = { ...plan.steps[1].outputs[0], offset: plan.bytes.arena - 4 };
    const wrong = { ...plan, steps: [plan.steps[0], { ...plan.steps[1], outputs: [output] }] };
    expect(() => backend.load(wrong, allocateMemory(plan, backend))).toThrow(/step 1 \(add\).*does not fit/);
  });

  it('refuses every word replaced by every kind of nonsense', () => {
    const plan = smallPlan();
    const { words, ops } = encodePlan(plan);
    const nonsense = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e300, 2 ** 53, 2 ** 31, 255, 9, 0, 1, 2];
    for (let position = 0; position < words.length; position++) {
      for (const value of nonsense) {
        const changed = words.slice();
        changed[position] = value;
        tryToRun(changed, ops);
      }
      expect(() => create(words.subarray(0, position), ops, plan.bytes)).toThrow();
    }
  });

  /** Either refused with an Error, or accepted and then harmless to run. */
  function tryToRun(words: Float64Array, ops: string[]): void {
    let handle: ReturnType<typeof create>;
    try {
      handle = create(words, ops, { state: 256, training: 256, arena: 1024 });
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
      return;
    }
    addon!.runPlanSync(handle, 0, 1);
  }

  it('survives random changes to the words of every op', () => {
    for (const op of builtinOps.values()) {
      if (op.alias) continue;
      for (const opCase of op.cases.slice(0, 3)) {
        const { plan } = planOfCase(op, opCase, backend);
        const { words, ops } = encodePlan(plan);
        fc.assert(
          fc.property(
            fc.nat(words.length - 1),
            fc.oneof(fc.integer({ min: -3, max: 40 }), fc.constantFrom(1e9, 2 ** 31 - 1, 65535)),
            (position, value) => {
              const changed = words.slice();
              changed[position] = value;
              let handle: ReturnType<typeof create>;
              try {
                handle = create(changed, ops, plan.bytes);
              } catch (error) {
                return error instanceof Error;
              }
              addon!.runPlanSync(handle, 0, 1);
              return true;
            },
          ),
          { numRuns: 60 },
        );
      }
    }
  });

  it('refuses names, instruction sets and ranges that do not exist', () => {
    const plan = smallPlan();
    const { words } = encodePlan(plan);
    expect(() => create(words, ['relu', 'noSuchOp'], plan.bytes)).toThrow(/noSuchOp/);
    expect(() => addon!.kernels('mmx')).toThrow(/not available/);
    const executable = backend.load(plan, allocateMemory(plan, backend));
    expect(() => executable.runSync(1, 5)).toThrow(/range within 0..2/);
    expect(() => executable.runSync(-1, 1)).toThrow(OcellusError);
  });

  it('prints like a program', () => {
    const text = planToText(smallPlan());
    expect(text).toMatch(/0 {2}relu\/y\[4x8\]@arena\+\d+ = relu\(x@arena\+\d+\)/);
    expect(text).toMatch(/add\/y\[4x8\].*in place/);
  });
});
