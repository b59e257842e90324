// Short plans, timed in slices between measurements of the machine's peak; several of them in turns.

import { allocateMemory, viewBuffer } from '../../dist/backend/backend.js';
import { compile } from '../../dist/graph/compile.js';
import { Graph } from '../../dist/graph/graph.js';
import { Variables } from '../../dist/graph/variables.js';
import { bestAndMedian, sample } from '../measure.mjs';
import { quietGate } from '../quiet.mjs';

/** A plan of what `emit(graph)` returns, bound to memory of its own with harmless numbers in its inputs. */
export function loadPlan(backend, target, emit) {
  const graph = new Graph();
  const y = emit(graph);
  const plan = compile(graph, { outputs: { y }, variables: new Variables(), target });
  const memory = allocateMemory(plan, backend);
  for (const buffer of Object.values(plan.inputs)) {
    const values = viewBuffer(memory, buffer);
    for (let i = 0; i < values.length; i++) values[i] = ((i * 7919) % 97) / 97 - 0.5;
  }
  return { node: graph.nodes[0], plan, executable: backend.load(plan, memory) };
}

/** Seconds of one slice, and how often a slice that was disturbed is taken again. */
const slice = 0.08;
const tries = 3;

/** Times executables in turns for `seconds` each; { ms, medianMs, quiet } of each and the best peak seen. */
export async function timeInTurns(executables, { isa, threads, seconds }) {
  const gate = quietGate(isa, threads, 0.01);
  const attempts = executables.map(() => []);
  for (const executable of executables) executable.runSync();
  for (let turn = 0; turn < Math.max(3, seconds / slice); turn++) {
    for (const [i, executable] of executables.entries()) {
      const body = () => sample(() => executable.runSync(), { seconds: slice, least: 1, warmups: 1 });
      attempts[i].push(...(await gate.attempt(body, tries)));
    }
  }
  const results = attempts.map((list) => {
    const { values, quiet } = gate.settle(list);
    return { ...bestAndMedian(values.flat()), quiet };
  });
  return { results, peakGflops: gate.best };
}
