// Residuals added by convolutions in inference plans: which sums go into which convolution, and that not a bit changes,
// on any algorithm.

import { describe, expect, it, test } from 'vitest';
import type { AlgorithmName } from '../../src/backend/algorithms.js';
import { allocateMemory, type Backend, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { Random } from '../../src/core/random.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import { type Plan, planToText, samePlace } from '../../src/graph/plan.js';
import { Variables } from '../../src/graph/variables.js';
import { input, layers, model } from '../../src/index.js';
import type { AnyAttrs, Value } from '../../src/ops/op.js';

const isas = loadAddon().addon?.isas() ?? [];
const native = (isa: string, threads: number, algorithm: AlgorithmName): [string, Backend] => [
  `${isa}, ${threads} threads, ${algorithm}`,
  selectBackend({ backend: 'native', isa, threads, algorithm }),
];
const backends: [string, Backend][] = [
  ['typescript', typescriptBackend],
  ...isas.flatMap((isa) =>
    [1, 2].flatMap((threads) => [native(isa, threads, 'direct'), native(isa, threads, 'winograd')]),
  ),
];

class Network {
  readonly graph = new Graph();
  readonly variables = new Variables();
  readonly x = this.graph.input('x', [2, 9, 7, 20]);
  outputs: Record<string, Value> = {};

  variable(name: string, shape: readonly number[]): GraphValue {
    return this.graph.variable(this.variables.declare(name, shape, 'float32', 'state'));
  }

  emit(op: string, inputs: (Value | null)[], attrs: AnyAttrs = {}): Value {
    return this.graph.emit(op, inputs, attrs)[0];
  }

  /** A convolution with a bias. */
  conv(name: string, x: Value, filters: number, attrs: AnyAttrs = {}, kernelSize = 3): Value {
    const padding = kernelSize === 3 ? [1, 1, 1, 1] : [0, 0, 0, 0];
    const shape = [kernelSize, kernelSize, x.shape[3] / (attrs.groups ?? 1), filters];
    const weights = [this.variable(`${name}/weight`, shape), this.variable(`${name}/bias`, [filters])];
    return this.graph.emit('conv2d', [x, ...weights], { padding, ...attrs }, { name })[0];
  }

  plan(target: Backend, prologue: boolean): Plan {
    return compile(this.graph, { outputs: this.outputs, variables: this.variables, target, prologue });
  }
}

const namesOf = (plan: Plan): string[] => plan.steps.slice(plan.prologue).map(({ op }) => op.name);

function run(plan: Plan, backend: Backend): Uint8Array[] {
  const memory = allocateMemory(plan, backend);
  memory.arena.fill(0x7f);
  const random = new Random(7);
  const { buffer, byteOffset } = memory.state;
  new Float32Array(buffer, byteOffset, plan.bytes.state >> 2).forEach((_, i, all) => (all[i] = 0.3 * random.normal()));
  for (const place of Object.values(plan.inputs))
    viewBuffer(memory, place).forEach((_, i, all) => (all[i] = random.normal()));
  backend.load(plan, memory).runSync();
  return Object.values(plan.outputs).map((place) => {
    const values = viewBuffer(memory, place);
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
  });
}

/** The plan with residuals, after a look at its results. */
function expectSame(network: Network, backend: Backend): Plan {
  const [fused, plain] = [network.plan(backend, true), network.plan(backend, false)];
  expect(run(fused, backend)).toEqual(run(plain, backend));
  return fused;
}

/** Adds up two values, and what follows. */
type Build = (network: Network) => [Value, Value];
const sums: Record<string, Build> = {
  '3x3': (net) => [net.conv('conv', net.x, 20), net.x],
  'the residual on the left': (net) => [net.x, net.conv('conv', net.x, 20)],
  '1x1 after 3x3': (net) => [net.conv('narrow', net.emit('relu', [net.conv('wide', net.x, 401)]), 20, {}, 1), net.x],
  'a projection': (net) => [
    net.conv('conv', net.emit('relu', [net.conv('first', net.x, 17, { strides: [2, 2] })]), 33),
    net.conv('shortcut', net.x, 33, { strides: [2, 2] }, 1),
  ],
  'a dilated kernel': (net) => [net.conv('conv', net.x, 20, { dilation: [2, 2], padding: [2, 2, 2, 2] }), net.x],
  volumes: (net) => {
    const x = net.emit('reshape', [net.x], { shape: [2, 3, 3, 7, 20] });
    const weight = net.variable('weight', [3, 3, 3, 20, 20]);
    return [net.emit('conv3d', [x, weight, net.variable('bias', [20])], { padding: [1, 1, 1, 1, 1, 1] }), x];
  },
  'a shortcut that is made later': (net) => {
    const conv = net.conv('conv', net.x, 20);
    return [conv, net.emit('maxPool2d', [net.x], { poolSize: [3, 3], strides: [1, 1], padding: [1, 1, 1, 1] })];
  },
};

describe.each(backends)('residuals, %s', (_, backend) => {
  for (const [name, build] of Object.entries(sums)) {
    it.each(['linear', 'relu', 'relu6'])(`change no bit: ${name}, %s`, (activation) => {
      const network = new Network();
      const sum = network.emit('add', build(network));
      network.outputs = { y: activation === 'linear' ? sum : network.emit(activation, [sum]) };
      const fused = expectSame(network, backend);
      const last = fused.steps.at(-1)!;
      expect(namesOf(fused)).not.toContain('add');
      expect(last.op.name).toMatch(/onv[23]d$/);
      expect([last.inputs[3] !== null, last.attrs.activation]).toEqual([true, activation]);
    });
  }

  it('serve a chain of blocks, and a sum of three', () => {
    const network = new Network();
    let y: Value = network.x;
    for (const name of ['one', 'two', 'three']) {
      const inner = network.emit('relu', [network.conv(`${name}/inner`, y, 20)]);
      y = network.emit('relu', [network.emit('add', [network.conv(name, inner, 20), y])]);
    }
    const sum = network.emit('add', [network.conv('a', y, 20), y]);
    network.outputs = { y: network.emit('add', [sum, network.conv('b', y, 20)]) };
    const fused = expectSame(network, backend);
    expect(fused.steps.filter(({ inputs }) => inputs[3])).toHaveLength(5);
    for (const { op, inputs, outputs } of fused.steps) {
      const [y, residual] = [outputs[0], inputs[3]];
      if (op.name === 'conv2d' && residual) expect(samePlace(y, residual), planToText(fused)).toBe(false);
    }
  });
});

describe('a sum stays a step of its own', () => {
  const stays: Record<string, (network: Network) => void> = {
    'where the convolution is depthwise': (net) => {
      net.outputs = { y: net.emit('add', [net.conv('conv', net.x, 20, { groups: 20 }), net.x]) };
    },
    'where somebody else reads the convolution': (net) => {
      const conv = net.conv('conv', net.x, 20);
      net.outputs = { y: net.emit('add', [conv, net.x]), z: net.emit('square', [conv]) };
    },
    'where the convolution is an output': (net) => {
      const conv = net.conv('conv', net.x, 20);
      net.outputs = { y: net.emit('add', [conv, net.x]), conv };
    },
    'of a value with itself': (net) => {
      const conv = net.conv('conv', net.x, 20);
      net.outputs = { y: net.emit('add', [conv, conv]) };
    },
    'behind an activation': (net) => {
      net.outputs = { y: net.emit('add', [net.emit('relu', [net.conv('conv', net.x, 20)]), net.x]) };
    },
    'of different shapes': (net) => {
      const means = net.emit('reduceMean', [net.x], { axes: [1, 2], keepDims: 1 });
      net.outputs = { y: net.emit('add', [net.conv('conv', net.x, 20), means]) };
    },
    'where the weight is written in between': (net) => {
      const conv = net.conv('conv', net.x, 20);
      const weight = net.graph.variable(net.variables.get('conv/weight')!);
      net.graph.emit('rescale', [weight], { scale: 2, offset: 1 }, { into: [weight] });
      net.outputs = { y: net.emit('add', [conv, net.x]) };
    },
  };
  test.each(Object.entries(stays))('%s', (_, build) => {
    const network = new Network();
    build(network);
    expect(namesOf(expectSame(network, typescriptBackend))).toContain('add');
  });

  test('while training', () => {
    const network = new Network();
    network.outputs = { y: network.emit('add', [network.conv('conv', network.x, 20), network.x]) };
    expect(namesOf(network.plan(typescriptBackend, false))).toEqual(['conv2d', 'add']);
  });
});

describe('blocks of networks', () => {
  const convNorm = (x: ReturnType<typeof input>, filters: number, kernelSize: number, groups = 1) => {
    const conv = layers.conv2d({ filters, kernelSize, groups, padding: 'same', useBias: false }).apply(x);
    return layers.batchNormalization().apply(conv);
  };
  const relu6 = (x: ReturnType<typeof input>) => layers.relu6().apply(x);

  test('an inverted residual is three convolutions', () => {
    const image = input({ shape: [8, 8, 4] });
    const wide = relu6(convNorm(relu6(convNorm(image, 24, 1)), 24, 3, 24));
    const y = layers.add().apply([image, convNorm(wide, 4, 1)]);
    const net = model({ inputs: image, outputs: y }).compile({
      optimizer: 'sgd',
      loss: 'meanSquaredError',
      backend: 'typescript',
    });
    expect(namesOf(net.plan('predict'))).toEqual(['conv2d', 'conv2d', 'conv2d']);
    const training = namesOf(net.plan('train')).filter((name) => /^relu/.test(name));
    expect(training).toEqual([]);
  });
});
