// Gradients of ReLU and ReLU6 fused with their neighbours: fewer steps, the same numbers, nothing moved past a write.

import { describe, expect, it } from 'vitest';
import { allocateMemory, type Backend, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { Random } from '../../src/core/random.js';
import { gradients } from '../../src/graph/autodiff.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import type { Plan } from '../../src/graph/plan.js';
import { Variables } from '../../src/graph/variables.js';
import type { Value } from '../../src/ops/op.js';

const { addon } = loadAddon();
const backends: [string, Backend][] = [['typescript', typescriptBackend]];
if (addon) backends.push(['native', selectBackend({ backend: 'native', threads: 2 })]);

/** A graph with weights in `state` and gradients of them in `training`. */
class Network {
  readonly graph = new Graph();
  readonly variables = new Variables();
  readonly outputs: Record<string, Value> = {};
  private readonly weights: GraphValue[] = [];

  weight(name: string, shape: number[]): GraphValue {
    const weight = this.graph.variable(this.variables.declare(name, shape, 'float32', 'state'));
    this.weights.push(weight);
    return weight;
  }

  emit(op: string, inputs: (Value | null)[], attrs = {}): Value {
    return this.graph.emit(op, inputs, attrs)[0];
  }

  block(name: string, x: Value, useBias = false): Value {
    const [, , , channels] = x.shape;
    const bias = useBias ? this.weight(`${name}/bias`, [channels]) : null;
    const weight = this.weight(`${name}/weight`, [3, 3, channels, channels]);
    return this.emit('conv2d', [x, weight, bias], { padding: [1, 1, 1, 1] });
  }

  normal(name: string, x: Value, useBeta = true): Value {
    const channels = x.shape.slice(3);
    const beta = useBeta ? this.weight(`${name}/beta`, channels) : null;
    return this.emit('batchNorm', [x, this.weight(`${name}/gamma`, channels), beta]);
  }

  differentiate(y: Value): this {
    gradients(this.graph, y, this.weights).forEach((gradient, i) => {
      const { name, shape } = this.weights[i];
      const target = this.variables.declare(`gradient:${name}`, shape, 'float32', 'training');
      this.graph.bind(gradient as GraphValue, target);
    });
    this.outputs.y = y;
    return this;
  }

  compile(fuse: boolean, target: Backend): Plan {
    return compile(this.graph, { outputs: this.outputs, variables: this.variables, fuse, target });
  }
}

const opsOf = (plan: Plan): string[] => plan.steps.map(({ op }) => op.name);
const countOf = (plan: Plan, name: string): number => opsOf(plan).filter((op) => op === name).length;

/** Outputs and gradients, for weights of the given size. */
function run(plan: Plan, backend: Backend, scale: number): number[] {
  const memory = allocateMemory(plan, backend);
  memory.arena.fill(0x7f);
  const random = new Random(3);
  for (const input of Object.values(plan.inputs))
    viewBuffer(memory, input).forEach((_, i, all) => (all[i] = random.normal()));
  const floats = (bytes: Uint8Array) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  floats(memory.state).forEach((_, i, all) => (all[i] = scale * random.normal()));
  backend.load(plan, memory).runSync();
  return [...viewBuffer(memory, plan.outputs.y), ...floats(memory.training)];
}

function expectSame(network: Network, backend: Backend): { fused: Plan; plain: Plan } {
  const [fused, plain] = [network.compile(true, backend), network.compile(false, backend)];
  // Large enough for values beyond 6, where there is such an end.
  const scale = network.graph.nodes.some(({ op }) => op.name === 'relu6') ? 2 : 0.3;
  const [got, expected] = [run(fused, backend, scale), run(plain, backend, scale)];
  const largest = Math.max(...expected.map(Math.abs));
  got.forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThan(1e-5 * largest));
  return { fused, plain };
}

const kinds = backends.flatMap(([name, backend]) =>
  ['relu', 'relu6'].map((activation): [string, string, Backend] => [activation, name, backend]),
);

describe.each(kinds)('gradients of %s, %s', (activation, _, backend) => {
  const [grad, gradBias] = [`${activation}Grad`, `${activation}GradBias`];

  it.each([true, false])('join that of the normalization before it (beta: %s)', (useBeta) => {
    const network = new Network();
    const x = network.graph.input('x', [2, 5, 5, 4]);
    const hidden = network.emit(activation, [network.normal('one', network.block('one', x), useBeta)]);
    network.differentiate(network.normal('two', network.block('two', hidden)));
    const { fused } = expectSame(network, backend);
    expect(countOf(fused, grad) + countOf(fused, gradBias) + countOf(fused, activation)).toBe(0);
    expect(fused.steps.filter(({ attrs }) => attrs.activation === activation).map(({ op }) => op.name)).toEqual([
      'batchNorm',
      'batchNormGrad',
    ]);
  });

  it('read both parts of the gradient of a residual connection', () => {
    const network = new Network();
    let y: Value = network.graph.input('x', [2, 5, 5, 4]);
    for (const name of ['one', 'two', 'three']) {
      y = network.emit(activation, [network.emit('add', [network.normal(name, network.block(name, y)), y])]);
    }
    const { fused, plain } = expectSame(network.differentiate(y), backend);
    expect(countOf(plain, 'add') - countOf(fused, 'add')).toBe(2);
    expect(countOf(fused, activation)).toBe(0);
    expect(fused.steps.filter(({ op, inputs }) => op.name === grad && inputs[2])).toHaveLength(2);
  });

  it.each([
    { poolSize: [2, 2], strides: [2, 2], padding: [0, 0, 0, 0] },
    { poolSize: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1] },
    { poolSize: [3, 2], strides: [1, 1], padding: [0, 1, 0, 0] },
  ])('are formed behind a max pooling, windows $poolSize by $strides', (windows) => {
    const network = new Network();
    let y: Value = network.graph.input('x', [2, 9, 9, 4]);
    for (const name of ['one', 'two']) {
      y = network.emit(activation, [network.block(name, y, true)]);
      [y] = network.graph.emit('maxPool2d', [y], windows);
    }
    const { fused } = expectSame(network.differentiate(y), backend);
    const small = fused.steps.filter(({ op }) => op.name === gradBias).map(({ inputs }) => inputs[0]?.name);
    expect(small).toEqual(['maxPool2d_1/y', 'maxPool2d/y']);
    expect(countOf(fused, grad) + countOf(fused, 'reduceSum')).toBe(0);
    for (const { op, inputs } of fused.steps.filter(({ op }) => op.name.endsWith('Grad'))) {
      expect(
        inputs.some((input) => input?.name.startsWith(activation)),
        op.name,
      ).toBe(false);
    }
  });

  it('sum up the gradient of the bias', () => {
    const network = new Network();
    let y: Value = network.graph.input('x', [2, 5, 5, 4]);
    for (const name of ['one', 'two']) y = network.emit(activation, [network.block(name, y, true)]);
    const { fused } = expectSame(network.differentiate(y), backend);
    expect(countOf(fused, gradBias)).toBe(2);
    expect(countOf(fused, 'reduceSum') + countOf(fused, grad)).toBe(0);
  });

  it('stay alone where somebody else reads them, or the bias moves in between', () => {
    const network = new Network();
    const x = network.graph.input('x', [2, 5, 5, 4]);
    const normal = network.normal('one', network.block('one', x));
    const beta = network.graph.variable(network.variables.get('one/beta')!);
    const y = network.emit(activation, [normal]);
    network.graph.emit('rescale', [beta], { scale: 2, offset: 1 }, { into: [beta] });
    expectSame(network.differentiate(y), backend);
    expect(countOf(network.compile(true, backend), grad)).toBe(1);

    const watched = new Network();
    const before = watched.normal('one', watched.block('one', watched.graph.input('x', [2, 5, 5, 4])));
    watched.differentiate(watched.emit(activation, [before]));
    const [through] = watched.graph.nodes.filter(({ op }) => op.name === grad);
    watched.outputs.through = through.outputs[0];
    expectSame(watched, backend);
    expect(countOf(watched.compile(true, backend), grad)).toBe(1);
  });
});
