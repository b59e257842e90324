// Every case of every op, native against the TypeScript reference loop, on every instruction set of this machine, with
// one and two threads. Needs dist/ and an addon, no test runner: it also runs where no process can be forked (qemu).
// Ends with `N passed, N failed`. Option: --best ISA (what the machine must choose by itself).
import { allocateMemory, viewBuffer } from '../dist/backend/backend.js';
import { loadAddon, nativeMissing } from '../dist/backend/load.js';
import { selectBackend } from '../dist/backend/select.js';
import { compile } from '../dist/graph/compile.js';
import { Graph } from '../dist/graph/graph.js';
import { Variables } from '../dist/graph/variables.js';
import { caseInputs } from '../dist/ops/cases.js';
import { runOp } from '../dist/ops/eager.js';
import { builtinOps } from '../dist/ops/index.js';

const { addon } = loadAddon();
if (!addon) throw nativeMissing();

/** Outputs of one op run as a plan on a backend, in memory full of NaN. Null when there is nothing to run. */
function runPlan(backend, op, inputs, attrs) {
  const graph = new Graph();
  const values = inputs.map((input, i) => input && graph.input(`x${i}`, input.shape, input.dtype));
  const outputs = graph.emit(op.name, values, attrs);
  const plan = compile(graph, {
    outputs: Object.fromEntries(outputs.map((output, i) => [`y${i}`, output])),
    variables: new Variables(),
    target: { workspace: (step) => backend.workspace(step), algorithm: () => ({ name: 'direct' }) },
  });
  if (plan.steps.length === 0) return null;
  const memory = allocateMemory(plan, backend);
  memory.arena.fill(0xff);
  inputs.forEach((input, i) => {
    if (input) viewBuffer(memory, plan.inputs[`x${i}`]).set(input.data);
  });
  backend.load(plan, memory).runSync();
  return outputs.map((_, i) => viewBuffer(memory, plan.outputs[`y${i}`]));
}

/** The first element where two outputs part, as text, or null. */
function difference(expected, actual, tolerance) {
  const largest = expected.reduce((top, x) => (Number.isFinite(x) ? Math.max(top, Math.abs(x)) : top), 0);
  const limit = expected instanceof Float32Array ? tolerance * largest : 0;
  const wrong = expected.findIndex((x, i) => !Object.is(x, actual[i]) && !(Math.abs(x - actual[i]) <= limit));
  return wrong < 0 ? null : `element ${wrong}: expected ${expected[wrong]}, got ${actual[wrong]}`;
}

function checkCase(backend, op, opCase, expected) {
  const actual = runPlan(backend, op, caseInputs(op, opCase), opCase.attrs);
  if (!actual) return null;
  const problems = expected.map((output, i) => difference(output.data, actual[i], opCase.tolerance ?? 1e-5));
  return problems.find((problem) => problem !== null) ?? null;
}

let passed = 0;
let failed = 0;
const best = process.argv.includes('--best') ? process.argv.at(-1) : addon.isas()[0];
if (addon.isas()[0] !== best) {
  failed++;
  console.log(`FAILED expected ${best} as the best instruction set, got ${addon.isas().join(', ')}`);
}
const backends = addon
  .isas()
  .flatMap((isa) => [1, 2].map((threads) => selectBackend({ backend: 'native', isa, threads })));
for (const op of builtinOps.values()) {
  for (const opCase of op.cases) {
    const expected = runOp(op, caseInputs(op, opCase), opCase.attrs);
    for (const backend of backends) {
      const problem = checkCase(backend, op, opCase, expected);
      if (problem === null) passed++;
      else failed++;
      if (problem)
        console.log(`FAILED ${op.name}, ${opCase.name}, ${backend.isa}, ${backend.threads} threads: ${problem}`);
    }
  }
}
console.log(`${process.arch}: ${addon.isas().join(', ')}; ${builtinOps.size} ops`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
