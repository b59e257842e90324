// The operator tests of ONNX that fall on our ops, through graph and compiler on both backends.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { allocateMemory, type Backend, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import { rootContext } from '../../src/nn/build.js';
import type { Value } from '../../src/ops/op.js';
import { TestSource } from '../nn/harness.js';
import { type OnnxNode, type OnnxTensor, type OnnxTest, readOnnxTests } from './onnx-file.js';
import { translations } from './onnx-nodes.js';
import { NotApplicable, reasons } from './onnx-site.js';

const archive = fileURLToPath(new URL('../../../shared/data/onnx-node/onnx-node.tar.gz', import.meta.url));
const tests = existsSync(archive) ? readOnnxTests(archive) : [];
if (tests.length === 0) console.warn('ONNX operator tests skipped: no ../shared/data/onnx-node');
const { addon } = loadAddon();
if (!addon) console.warn('ONNX operator tests of the native backend skipped: no addon');

/** Ops that move or compare numbers, so that integers (all below 2^24 here) come through float32 unchanged. */
const movers = ['Clip', 'Concat', 'Identity', 'MaxPool', 'Pad', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze'];
const notApplicable = new Map<string, string>();

function checkTypes({ op }: OnnxNode, used: readonly (OnnxTensor | null)[]): void {
  const isFloat = used.every((tensor) => tensor && ['float', 'bool'].includes(tensor.dtype));
  if (!isFloat && !movers.includes(op)) throw new NotApplicable(reasons.integers);
}

/** What a model computes on a backend, by the names of its outputs; outputs that have no counterpart are missing. */
function run({ nodes, inputs, outputs, opset }: OnnxTest, backend: Backend): Record<string, ArrayLike<number>> {
  const graph = new Graph();
  const source = new TestSource();
  const context = rootContext({ graph, training: true, variables: source }, 'onnx');
  const known = new Map<string, Value>();
  for (const node of nodes) {
    const site = {
      node,
      context,
      opset,
      constant: (index: number) => inputs[node.inputs[index] ?? ''] ?? null,
      value(index: number): Value {
        const name = node.inputs[index];
        const tensor = inputs[name];
        if (!known.has(name) && tensor) known.set(name, graph.input(name, tensor.shape));
        return known.get(name) as Value;
      },
    };
    const translation = translations[node.op];
    if (Object.values({ ...inputs, ...outputs }).some((tensor) => tensor?.dtype === undefined)) {
      throw new NotApplicable(reasons.noTensor);
    }
    checkTypes(node, [inputs[node.inputs[0]] ?? { shape: [], dtype: 'float', data: [] }]);
    translation(site).forEach((value, i) => {
      known.set(node.outputs[i], value);
    });
  }
  const named = Object.keys(outputs).flatMap((name) =>
    known.has(name) ? [[name, known.get(name) as GraphValue]] : [],
  );
  const plan = compile(graph, { outputs: Object.fromEntries(named), variables: source.variables, target: backend });
  const memory = allocateMemory(plan, backend);
  for (const [name, buffer] of Object.entries(plan.inputs)) viewBuffer(memory, buffer).set(inputs[name]?.data ?? []);
  backend.load(plan, memory).runSync();
  for (const [name, buffer] of Object.entries(plan.outputs)) expect(buffer.shape).toEqual(outputs[name]?.shape);
  return Object.fromEntries(
    Object.entries(plan.outputs).map(([name, buffer]) => [name, [...viewBuffer(memory, buffer)]]),
  );
}

/** Written with four decimals, so that only ONNX's own tolerance fits. */
const rounded = ['node/test_averagepool_2d_ceil_last_window_starts_on_pad'];

function compare(found: ArrayLike<number>, expected: OnnxTensor, relative: number): void {
  expect(found.length).toBe(expected.data.length);
  expected.data.forEach((value, i) => {
    if (found[i] === value || (Number.isNaN(found[i]) && Number.isNaN(value))) return;
    expect(Math.abs(found[i] - value), `[${i}]`).toBeLessThanOrEqual(1e-6 + relative * Math.abs(value));
  });
}

const backends: [string, Backend][] = [['typescript', typescriptBackend]];
if (addon) backends.push(['native', selectBackend({ backend: 'native', threads: 2 })]);

describe.runIf(tests.length > 0).each(backends)('%s', (_, backend) => {
  test.each(tests.map((item) => [item.name, item] as const))('%s', (name, item) => {
    try {
      const found = run(item, backend);
      const relative = rounded.includes(name) ? 1e-3 : 1e-5;
      for (const [output, data] of Object.entries(found)) compare(data, item.outputs[output] as OnnxTensor, relative);
    } catch (error) {
      if (!(error instanceof NotApplicable)) throw error;
      notApplicable.set(name, error.message);
    }
  });
});

test.runIf(tests.length > 0)('all but these fall on ops of ours', () => {
  const counts: Record<string, number> = {};
  for (const reason of notApplicable.values()) counts[reason] = (counts[reason] ?? 0) + 1;
  expect(tests.length).toBe(285);
  expect(counts).toEqual({
    [reasons.integers]: 25,
    [reasons.noTensor]: 2,
    [reasons.noStep]: 12,
    [reasons.random]: 4,
    [reasons.columns]: 1,
  });
});
