// Composition: names, sharing, nesting, data formats, types of data, frozen layers, custom layers, JSON.

import { describe, expect, it } from 'vitest';
import { network, sequential } from '../../src/nn/compose.js';
import { networkFromConfig } from '../../src/nn/config.js';
import { defineLayer, type LayerOptions } from '../../src/nn/layer.js';
import { layers } from '../../src/nn/layers/index.js';
import { dryBuild, type Network } from '../../src/nn/network.js';
import { input } from '../../src/nn/symbolic.js';
import { build, checkGradients, checkLayer, errorOf, noise, run } from './harness.js';

const revive = (net: Network): Network => networkFromConfig(JSON.parse(JSON.stringify(net.config)));
const names = (net: Network) => net.layers.map((item) => item.name);

describe('sequential', () => {
  const lenet = () =>
    sequential([
      layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu', inputShape: [12, 12, 1] }),
      layers.maxPooling2d(),
      layers.conv2d({ filters: 6, kernelSize: 3, activation: 'relu' }),
      layers.flatten(),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ]);

  it('names layers and weights', () => {
    const net = lenet();
    expect(names(net)).toEqual(['conv2d', 'maxPooling2d', 'conv2d_1', 'flatten', 'dropout', 'dense']);
    const { plan, source } = build(net, [{ shape: [2, 12, 12, 1], dtype: 'float32' }]);
    expect([...source.declared.keys()]).toEqual([
      'conv2d/kernel',
      'conv2d/bias',
      'conv2d_1/kernel',
      'conv2d_1/bias',
      'dense/kernel',
      'dense/bias',
    ]);
    expect(plan.steps.map((step) => step.name)).toEqual([
      'conv2d/conv2d',
      'maxPooling2d/maxPool2d',
      'conv2d_1/conv2d',
      'dense/dense',
      'dense/softmax',
    ]);
    expect(net.outputNames).toEqual(['dense']);
    expect(lenet().layers.map((item) => item.name)).toEqual(names(net));
  });

  it('keeps given names and counts around them', () => {
    const net = sequential([
      layers.relu({ name: 'relu_1' }),
      layers.relu(),
      layers.relu(),
      layers.relu({ name: 'relu' }),
    ]);
    expect(names(net)).toEqual(['relu_1', 'relu_2', 'relu_3', 'relu']);
    expect(errorOf(() => sequential([layers.relu({ name: 'a' }), layers.relu({ name: 'a' })])).message).toContain(
      "got 'a'",
    );
  });

  it('comes back from JSON', () => {
    const net = lenet();
    expect(revive(net).config).toEqual(net.config);
    const x = { shape: [1, 12, 12, 1], data: noise(144) };
    expect(run(revive(net), [x])).toEqual(run(net, [x]));
  });

  it('takes its input shape from the options, from input(), or from the data', () => {
    const dense = () => layers.dense({ units: 2 });
    expect(sequential([dense()], { inputShape: [3] }).inputs[0].shape).toEqual([3]);
    expect(sequential([input({ shape: [4], name: 'x' }), dense()]).inputs[0]).toMatchObject({ name: 'x', shape: [4] });
    const twice = errorOf(() => sequential([input({ shape: [4] }), dense()], { inputShape: [4] }));
    expect(twice.message).toContain("option 'inputShape': expected to stand in the input() that comes first");
    const open = sequential([dense()]);
    expect(open.inputs[0].shape).toBeNull();
    open.resolveInputs([[5]]);
    expect(open.inputs[0].shape).toEqual([5]);
    expect(errorOf(() => open.resolveInputs([[6]])).message).toBe("input 'input': expected samples of shape 5, got 6");
  });

  it('uses one layer twice with one set of weights', () => {
    const shared = layers.dense({ units: 3 });
    const net = sequential([shared, layers.tanh(), shared]);
    expect(names(net)).toEqual(['dense', 'tanh']);
    const x = { shape: [2, 3], data: noise(6) };
    expect(Object.keys(run(net, [x]).state)).toEqual(['dense/kernel', 'dense/bias']);
    expect(run(revive(net), [x])).toEqual(run(net, [x]));
    checkGradients(net, [x], true);
    const error = errorOf(() => run(sequential([shared, layers.dense({ units: 4 }), shared]), [x]));
    expect(error.message).toContain("dense 'dense': expected inputs for which 'kernel' has the shape 3x3");
  });
});

describe('functional', () => {
  it('composes branches, several inputs and several outputs', () => {
    const image = input({ shape: [4, 4, 2], name: 'image' });
    const extra = input({ shape: [3], name: 'extra' });
    const left = layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same' }).apply(image);
    const sum = layers.add().apply([left, image]);
    const flat = layers.flatten().apply(sum);
    const joined = layers.concatenate().apply([flat, extra]);
    const score = layers.dense({ units: 2, name: 'score' }).apply(joined);
    const net = network({ inputs: [image, extra], outputs: [score, sum] });
    expect(joined.shape).toEqual([35]);
    expect(net.inputs.map((spec) => spec.name)).toEqual(['image', 'extra']);
    expect(net.outputNames).toEqual(['score', 'add']);
    const data = [
      { shape: [2, 4, 4, 2], data: noise(64) },
      { shape: [2, 3], data: noise(6) },
    ];
    const result = run(net, data);
    expect(result.outputs.map((output) => output.shape)).toEqual([
      [2, 2],
      [2, 4, 4, 2],
    ]);
    expect(run(revive(net), data)).toEqual(result);
    checkGradients(net, data, true);
  });

  it('says what is wrong on the line that is wrong', () => {
    const image = input({ shape: [4, 4, 2] });
    const conv = layers.conv2d({ filters: 2, kernelSize: 5, name: 'big' });
    expect(errorOf(() => conv.apply(image)).message).toContain("conv2d 'big': expected an image");
    expect(errorOf(() => layers.add().apply([image, input({ shape: [3] })])).message).toContain('got 4x4x2 and 3');
    expect(errorOf(() => layers.relu().apply('x' as never)).message).toContain(
      'relu, apply: expected a symbolic tensor',
    );
    expect(errorOf(() => layers.subtract().apply([image])).message).toContain('expected 2 inputs, got 1');
    expect(errorOf(() => layers.relu().apply([image, image])).message).toContain('expected one input, got 2');
  });

  it('wants inputs and outputs to fit', () => {
    const a = input({ shape: [2], name: 'a' });
    const b = input({ shape: [2], name: 'b' });
    const sum = layers.add().apply([a, b]);
    expect(errorOf(() => network({ inputs: a, outputs: sum })).message).toContain("'b' missing");
    expect(errorOf(() => network({ inputs: [a, b], outputs: a })).message).toContain("got input 'b'");
    expect(errorOf(() => network({ inputs: sum, outputs: sum })).code).toBe('ERR_OCELLUS_OPTION');
    expect(errorOf(() => network({ inputs: [a, a], outputs: sum })).code).toBe('ERR_OCELLUS_OPTION');
  });
});

describe('networks in networks', () => {
  it('are layers: weights lie under their name', () => {
    const block = sequential([layers.conv2d({ filters: 2, kernelSize: 1 }), layers.batchNormalization()], {
      name: 'block',
    });
    const net = sequential([block, layers.relu()], { inputShape: [3, 3, 2] });
    const x = { shape: [2, 3, 3, 2], data: noise(36) };
    const result = run(net, [x], { training: true });
    expect(Object.keys(result.state)).toEqual([
      'block/conv2d/kernel',
      'block/conv2d/bias',
      'block/batchNormalization/gamma',
      'block/batchNormalization/beta',
      'block/batchNormalization/movingMean',
      'block/batchNormalization/movingVariance',
    ]);
    expect(run(revive(net), [x], { training: true })).toEqual(result);
    expect(net.layer('block/conv2d').type).toBe('conv2d');
    expect(errorOf(() => net.layer('blok')).message).toContain('block, relu');
    expect(checkLayer(block, [[3, 3, 2]])).toEqual([3, 3, 2]);
  });

  it('freeze as a whole', () => {
    const block = sequential([layers.dense({ units: 2 }), layers.batchNormalization()], { name: 'block' });
    block.trainable = false;
    const net = sequential([block, layers.dense({ units: 1 })]);
    const { source } = build(net, [{ shape: [2, 3], dtype: 'float32' }], true);
    expect(source.trainable.map((item) => item.variable.name)).toEqual(['dense/kernel', 'dense/bias']);
    expect(revive(net).layer('block').trainable).toBe(false);
    net.trainable = false;
    expect(build(net, [{ shape: [2, 3], dtype: 'float32' }], true).source.trainable).toEqual([]);
  });
});

describe('data', () => {
  it('comes in and goes out channels first, once', () => {
    const conv = () => layers.conv2d({ filters: 3, kernelSize: 2, name: 'c' });
    const first = sequential([conv()], { inputShape: [2, 3, 4], dataFormat: 'channelsFirst' });
    const last = sequential([conv()], { inputShape: [3, 4, 2] });
    const image = noise(24);
    const turned = image.map((_, i) => image[(i % 2) * 12 + Math.floor(i / 2)]);
    const a = run(first, [{ shape: [1, 2, 3, 4], data: image }]).outputs[0];
    const b = run(last, [{ shape: [1, 3, 4, 2], data: turned }]).outputs[0];
    expect(a.shape).toEqual([1, 3, 2, 3]);
    expect(b.shape).toEqual([1, 2, 3, 3]);
    expect(a.data).toEqual(a.data.map((_, i) => b.data[(i % 6) * 3 + Math.floor(i / 6)]));
    expect(run(revive(first), [{ shape: [1, 2, 3, 4], data: image }]).outputs[0]).toEqual(a);
    const symbol = input({ shape: [2, 3, 4], dataFormat: 'channelsFirst' });
    expect(conv().apply(symbol).shape).toEqual([2, 3, 3]);
  });

  it('may be bytes, converted once for all who read them', () => {
    const image = input({ shape: [2] });
    const net = network({
      inputs: image,
      outputs: layers.add().apply([layers.relu().apply(image), layers.linear().apply(image)]),
    });
    const { plan } = build(net, [{ shape: [1, 2], dtype: 'uint8' }]);
    expect(plan.steps.filter((step) => step.op.name === 'rescale').length).toBe(1);
    expect(run(net, [{ shape: [1, 2], data: [3, 255], dtype: 'uint8' }]).outputs[0].data).toEqual([6, 510]);
    const rescaled = sequential([layers.rescaling({ scale: 2 })]);
    expect(build(rescaled, [{ shape: [1, 2], dtype: 'uint8' }]).plan.steps.length).toBe(1);
  });

  it('must have the shape the network was made for', () => {
    const net = sequential([layers.dense({ units: 2, inputShape: [3] })]);
    expect(errorOf(() => run(net, [{ shape: [2, 4], data: noise(8) }])).message).toBe(
      "input 'input': expected samples of shape 3, got 4",
    );
    expect(errorOf(() => run(net, [])).message).toContain('1 inputs (input), got 0');
  });
});

describe('custom layers', () => {
  const scaleBy = defineLayer<{ by: number } & LayerOptions, number>({
    type: 'scaleBy',
    options: { by: undefined },
    parse: (options) => options.number('by'),
    call: (context, [x], by) => context.op('rescale', [x], { scale: by, offset: 0 }),
  });
  const residual = defineLayer<
    { filters: number } & LayerOptions,
    { filters: number; inner: ReturnType<typeof layers.conv2d> }
  >({
    type: 'residual',
    options: { filters: undefined },
    parse(options) {
      const filters = options.integer('filters', { min: 1 });
      return { filters, inner: layers.conv2d({ filters, kernelSize: 3, padding: 'same' }) };
    },
    call(context, [x], { filters, inner }) {
      if (x.shape.at(-1) !== filters) context.fail(`${filters} channels`, x.shape.at(-1));
      return context.op('add', [x, context.layer(inner, [x], 'conv')]);
    },
  });

  it('work like built-in ones', () => {
    expect(checkLayer(scaleBy({ by: -2 }), [[3]], { customLayers: [scaleBy] })).toEqual([3]);
    expect(checkLayer(residual({ filters: 2 }), [[4, 4, 2]], { customLayers: [residual] })).toEqual([4, 4, 2]);
    const net = sequential([residual({ filters: 2, name: 'r' })], { inputShape: [4, 4, 2] });
    expect(Object.keys(run(net, [{ shape: [1, 4, 4, 2], data: noise(32) }]).state)).toEqual([
      'r/conv/kernel',
      'r/conv/bias',
    ]);
    expect(errorOf(() => residual({ filters: 2, name: 'r' }).apply(input({ shape: [4, 4, 3] }))).message).toBe(
      "residual 'r': expected 2 channels, got 3",
    );
  });

  it('have to be named when a network is made from JSON', () => {
    const config = sequential([scaleBy({ by: 2 })]).config;
    const error = errorOf(() => networkFromConfig(config));
    expect(error.message).toContain("layer 0: expected the type of a known layer, got 'scaleBy'");
    expect(error.help).toContain('customLayers');
    expect(networkFromConfig(config, { customLayers: [scaleBy] }).layers[0].layer.type).toBe('scaleBy');
  });

  it('may not lose the batch', () => {
    const sum = defineLayer<LayerOptions, null>({
      type: 'sum',
      options: {},
      parse: () => null,
      call: (context, [x]) => context.op('reduceSum', [x], { axes: [0], keepDims: 0 }),
    });
    expect(errorOf(() => run(sequential([sum()]), [{ shape: [2, 3], data: noise(6) }])).message).toContain(
      'first axis is the batch (2)',
    );
  });
});

// biome-ignore lint/suspicious/noExplicitAny: a parsed config, to be damaged at any depth
type Json = any;

describe('damaged JSON', () => {
  const good = JSON.stringify(sequential([layers.dense({ units: 2, inputShape: [3] }), layers.relu()]).config);
  it.each([
    ['not an object', () => []],
    ['nothing', () => ({})],
    ['no layers', (config: Json) => ({ ...config, layers: 'x' })],
    ['a reference ahead', (config: Json) => ({ ...config, calls: [{ layer: 'dense', inputs: [1] }, config.calls[1]] })],
    ['a negative reference', (config: Json) => ({ ...config, outputs: [-1] })],
    ['no outputs', (config: Json) => ({ ...config, outputs: [] })],
    ['an unknown layer', (config: Json) => ({ ...config, calls: [{ layer: 'constructor', inputs: [0] }] })],
    ['a layer twice', (config: Json) => ({ ...config, layers: [config.layers[0], config.layers[0]] })],
    ['a type of the prototype', (config: Json) => ({ ...config, layers: [{ ...config.layers[0], type: 'toString' }] })],
    ['a wrong option', (config: Json) => ({ ...config, layers: [{ ...config.layers[0], config: { units: -1 } }] })],
    [
      'an unknown option',
      (config: Json) => ({ ...config, layers: [{ ...config.layers[0], config: { units: 1, unit: 2 } }] }),
    ],
    ['a shape of words', (config: Json) => ({ ...config, inputs: [{ ...config.inputs[0], shape: ['a'] }] })],
    ['a name with a slash', (config: Json) => ({ ...config, layers: [{ ...config.layers[0], name: 'a/b' }] })],
  ])('is refused: %s', (_, damage) => {
    const error = errorOf(() => networkFromConfig((damage as (config: unknown) => unknown)(JSON.parse(good))));
    expect(['ERR_OCELLUS_FORMAT', 'ERR_OCELLUS_OPTION']).toContain(error.code);
  });

  it('is refused when it goes too deep', () => {
    let config = JSON.parse(good);
    for (let depth = 0; depth < 40; depth++) {
      const layer = { name: 'n', type: 'network', config, trainable: true };
      config = { inputs: config.inputs, layers: [layer], calls: [{ layer: 'n', inputs: [0] }], outputs: [1] };
    }
    expect(errorOf(() => networkFromConfig(config)).code).toBe('ERR_OCELLUS_FORMAT');
  });
});

it('a sequential network of known shape is checked when it is made', () => {
  const error = errorOf(() =>
    sequential([layers.conv2d({ filters: 1, kernelSize: 3, name: 'stem' })], { inputShape: [28, 28] }),
  );
  expect(error.message).toContain("conv2d 'stem': expected samples [height, width, channels], got 28x28");
  expect(error.help).toContain('[height, width, 1]');
  expect(dryBuild(sequential([layers.flatten()], { inputShape: [2, 3] }))[0].shape).toEqual([1, 6]);
});
