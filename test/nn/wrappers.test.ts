// Layers around other layers: against Keras in double precision (scripts/goldens/wrappers.py), the trip through JSON and
// files, freezing, and what is refused.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, test } from 'vitest';
import { allocateMemory, type Backend, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import type { NumericArray } from '../../src/core/dtype.js';
import { sizeOf } from '../../src/core/shape.js';
import { gradients } from '../../src/graph/autodiff.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import { load, sequential as model } from '../../src/index.js';
import { readSafetensors } from '../../src/io/safetensors.js';
import { sequential } from '../../src/nn/compose.js';
import { networkFromConfig } from '../../src/nn/config.js';
import { defineLayer, type LayerOptions } from '../../src/nn/layer.js';
import { layers } from '../../src/nn/layers/index.js';
import { buildNetwork } from '../../src/nn/network.js';
import { input } from '../../src/nn/symbolic.js';
import { checkLayer, errorOf, noise, run, TestSource } from './harness.js';

const { addon } = loadAddon();
if (!addon) console.warn('golden values of wrapped layers on the native backend skipped: no addon');
const backends: [string, Backend][] = [['typescript', typescriptBackend]];
for (const isa of addon?.isas() ?? []) {
  backends.push([`native, ${isa}`, selectBackend({ backend: 'native', isa, threads: 2 })]);
}

/** Where numbers begin among the inputs, and their shape. */
type Place = readonly [at: number, ...shape: number[]];

interface Case {
  layer: string;
  options: object;
  x: Place;
  coefficients: Place;
  weights: Record<string, Place>;
}

const file = fileURLToPath(new URL('wrappers.safetensors', import.meta.url));
const { tensors, metadata } = await readSafetensors(file);
const cases = JSON.parse(metadata.cases) as Case[];
const inputs = tensors.get('inputs')!.data as Float32Array;
const at = ([from, ...shape]: Place): Float32Array => inputs.subarray(from, from + sizeOf(shape));

describe.each(backends)('%s', (_, backend) => {
  test('agrees with Keras', () => {
    let results = tensors.get('results')!.data as NumericArray;
    const expectNext = (got: NumericArray, what: string) => {
      const expected = results.subarray(0, got.length);
      results = results.subarray(got.length);
      const scale = Math.max(...expected.map(Math.abs));
      got.forEach((value, i) => {
        expect(Math.abs(value - expected[i]), `${what}[${i}]`).toBeLessThanOrEqual(1e-5 * scale);
      });
    };
    for (const { layer, options, x, coefficients, weights } of cases) {
      const config = {
        inputs: [{ name: 'x', shape: x.slice(2), dtype: 'float32', dataFormat: 'channelsLast' }],
        layers: [{ name: 'it', type: layer, config: options, trainable: true }],
        calls: [{ layer: 'it', inputs: [0] }],
        outputs: [1],
      };
      const [graph, source] = [new Graph(), new TestSource()];
      const value = graph.input('x', x.slice(1));
      const build = { graph, inputs: [value], training: true, variables: source };
      const [y] = buildNetwork(networkFromConfig(config), build) as GraphValue[];
      const [product] = graph.emit('multiply', [y, graph.input('coefficients', y.shape)]);
      const [loss] = graph.emit('reduceSum', [product], { axes: [...y.shape.keys()] });
      expect([...source.declared.keys()].sort()).toEqual(Object.keys(weights).sort());
      const variables = Object.keys(weights).map((name) => source.declared.get(name)!.variable);
      const found = gradients(graph, loss, [value, ...variables.map((variable) => graph.variable(variable))]);
      const outputs = Object.fromEntries([y, ...found].map((item, i) => [`${i}`, item as GraphValue]));
      const plan = compile(graph, { outputs, variables: source.variables, target: backend });
      const memory = allocateMemory(plan, backend);
      if (plan.inputs.x) viewBuffer(memory, plan.inputs.x).set(at(x));
      viewBuffer(memory, plan.inputs.coefficients).set(at(coefficients));
      variables.forEach((variable, i) => {
        viewBuffer(memory, variable).set(at(Object.values(weights)[i]));
      });
      backend.load(plan, memory).runSync();
      for (const [i, buffer] of Object.values(plan.outputs).entries()) {
        expectNext(viewBuffer(memory, buffer), `${JSON.stringify(options)} ${i}`);
      }
    }
    expect(results.length).toBe(0);
  });
});

describe('timeDistributed', () => {
  it.each([
    ['dense', layers.dense({ units: 3 }), [4, 5], [4, 3]],
    ['a convolution', layers.conv2d({ filters: 2, kernelSize: 2, name: 'eye' }), [3, 4, 5, 1], [3, 3, 4, 2]],
    ['batch normalization', layers.batchNormalization(), [3, 2], [3, 2]],
    ['itself', layers.timeDistributed({ layer: layers.dense({ units: 2 }) }), [2, 3, 4], [2, 3, 2]],
    ['a network', sequential([layers.dense({ units: 3 }), layers.relu()], { inputShape: [2] }), [3, 2], [3, 3]],
    ['values alone', layers.flatten(), [2, 3, 2], [2, 6]],
  ] as const)('of %s', (_, layer, shape, expected) => {
    expect(checkLayer(layers.timeDistributed({ layer }), [shape])).toEqual(expected);
  });

  it('takes integers on to a layer that wants them', () => {
    const words = layers.timeDistributed({ layer: layers.embedding({ inputDim: 5, outputDim: 2 }), name: 'it' });
    const weights = { 'it/embedding/embeddings': noise(10) };
    const x = { shape: [1, 2, 2], data: [0, 1, 4, 4], dtype: 'int32' } as const;
    const net = sequential([words], { dtype: 'int32' });
    const rows = [0, 1, 4, 4].flatMap((row) => [...weights['it/embedding/embeddings'].subarray(2 * row, 2 * row + 2)]);
    expect(run(net, [x], { weights }).outputs[0].data).toEqual(rows);
  });

  it('is found, frozen, saved and loaded with what lies in it, own layers too', async () => {
    const twice = defineLayer<LayerOptions, null>({
      type: 'twice',
      options: {},
      parse: () => null,
      call: (context, [x]) =>
        context.op('add', [
          x,
          context.weight('bias', x.shape.slice(1), {
            config: null,
            create: () => new Float32Array(3).fill(2),
            toJSON: () => null,
          }),
        ]),
    });
    const inner = sequential([layers.dense({ units: 3 }), twice()], { inputShape: [2] });
    const net = model([layers.timeDistributed({ layer: inner, inputShape: [4, 2] })]);
    expect(net.layer('timeDistributed/network/dense').type).toBe('dense');
    net.freeze('*dense');
    const folder = mkdtempSync(path.join(tmpdir(), 'ocellus-wrappers-'));
    afterAll(() => rmSync(folder, { recursive: true }));
    const name = path.join(folder, 'model.safetensors');
    await net.save(name);
    const loaded = await load(name, { layers: [twice] });
    const x = { shape: [1, 4, 2], data: noise(8) };
    expect((await loaded.predict(x)).data).toEqual((await net.predict(x)).data);
    expect(loaded.layer('timeDistributed/network/dense').trainable).toBe(false);
    expect(Object.keys(loaded.getWeights())).toEqual(Object.keys(net.getWeights()));
  });

  it.each([
    [{}, "timeDistributed, option 'layer': expected a layer, made by a factory of `layers`, got undefined"],
    [{ layer: 'dense' }, "got 'dense'"],
    [{ layer: layers.dense }, 'got a function'],
    [{ layer: layers.dot({ axes: 1 }) }, 'expected a layer with one input, got dot, which takes 2'],
    [{ layers: [] }, "did you mean 'layer'?"],
  ])('refuses %j', (options, message) => {
    const error = errorOf(() => layers.timeDistributed(options as never));
    expect(error.code).toBe('ERR_OCELLUS_OPTION');
    expect(`${error.message} ${error.help}`).toContain(message);
  });

  it('refuses samples without steps, and damaged files', () => {
    const layer = layers.timeDistributed({ layer: layers.dense({ units: 1 }) });
    expect(errorOf(() => layer.apply(input({ shape: [3] }))).message).toContain('expected samples [time, …], got 3');
    const config = JSON.parse(JSON.stringify(sequential([layer], { inputShape: [2, 3] }).config));
    delete config.layers[0].config.layer;
    const error = errorOf(() => networkFromConfig(config));
    expect(error.code).toBe('ERR_OCELLUS_FORMAT');
    expect(error.message).toContain('layer 0, layer: expected a JSON object, got undefined');
  });
});
