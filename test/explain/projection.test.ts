// Deconvnets computed by hand, and the patches that filters answer to.

import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { createModel, explain, layers, Random, sequential } from '../../src/index.js';
import { backends, distance, onBackend } from './models.js';

describe.each(backends)('%s', (backend) => {
  test('a convolution, ReLU and max pooling, by hand', async () => {
    const net = sequential([
      layers.conv2d({ name: 'conv', filters: 2, kernelSize: 2, inputShape: [5, 5, 1] }),
      layers.relu(),
      layers.maxPooling2d({ name: 'pool', poolSize: 2 }),
    ]);
    onBackend(net, backend);
    // Filter 0: [[1, 2], [-1, 0]]; filter 1: the opposite of it.
    net.setWeights({ 'conv/kernel': [1, -1, 2, -2, -1, 1, 0, 0], 'conv/bias': [0, 0] });
    const x = new Float32Array(25);
    x[1 * 5 + 2] = 3;
    x[1 * 5 + 3] = 5;
    // Filter 0 at (1, 2): 1 * 3 + 2 * 5 = 13, the maximum of its window (0, 1); its switch points to (1, 2).
    const [strongest] = await explain.deconvnet(net, x, { layer: 'pool' });
    expect(strongest).toMatchObject({ layer: 'pool', filter: 0, position: [0, 1], activation: 13, shape: [5, 5, 1] });
    const expected = new Float32Array(25);
    expected[1 * 5 + 2] = 13;
    expected[1 * 5 + 3] = 26;
    expected[2 * 5 + 2] = -13;
    expect(distance(strongest.data, expected)).toBeLessThan(1e-6);
    // All places of filter 0: at (1, 1) there is 2 * 3 = 6, the maximum of window (0, 0).
    const [all] = await explain.deconvnet(net, x, { layer: 'pool', filter: 0, places: 'all' });
    expected[1 * 5 + 1] += 6;
    expected[1 * 5 + 2] += 12;
    expected[2 * 5 + 1] -= 6;
    expect(distance(all.data, expected)).toBeLessThan(1e-6);
    // Filter 1 answers where row 1 lies under the second row of the kernel: (0, 3), with 5.
    const [other] = await explain.deconvnet(net, x, { layer: 'pool', filter: 1 });
    expect(other).toMatchObject({ filter: 1, position: [0, 1], activation: 5 });
    expect(other.data[0 * 5 + 3]).toBe(-5);
    expect(other.data[1 * 5 + 3]).toBe(5);
  });

  test('the signal going down is rectified, whatever the forward pass did', async () => {
    const net = sequential([
      layers.conv2d({ name: 'first', filters: 2, kernelSize: 1, activation: 'relu', inputShape: [1, 1, 1] }),
      layers.conv2d({ name: 'second', filters: 1, kernelSize: 1, activation: 'relu' }),
    ]);
    onBackend(net, backend);
    // The first unit is on and pulled down from above; the second is off and pulled up.
    net.setWeights({
      'first/kernel': [1, -1],
      'first/bias': [0, 0],
      'second/kernel': [-1, 3],
      'second/bias': [10],
    });
    const x = { data: Float32Array.of(2), shape: [1, 1, 1] };
    await expect(explain.deconvnet(net, x, { layer: 'second' })).rejects.toThrow(/height and width/);
    const wide = sequential([
      layers.zeroPadding2d({
        padding: [
          [0, 0],
          [0, 1],
        ],
        inputShape: [1, 1, 1],
      }),
      ...['first', 'second'].map((name, i) =>
        layers.conv2d({ name, filters: 2 - i, kernelSize: 1, activation: 'relu' }),
      ),
    ]);
    onBackend(wide, backend);
    wide.setWeights(net.getWeights());
    const at = async (rule: 'deconvnet' | 'gradient' | 'guided') =>
      (await explain.deconvnet(wide, x, { layer: 'second', rule, filter: 0, places: 'all' }))[0].data[0];
    // The activation is 10 - 2 = 8: by the deconvnet 8 * 3 * -1 through the second unit alone.
    expect(await at('deconvnet')).toBe(-24);
    expect(await at('gradient')).toBe(-8);
    expect((await at('guided')) + 0).toBe(0);
  });

  test.each([
    ['in the middle', 5, 6],
    ['at the upper left corner', 0, 0],
    ['at the lower right corner', 9, 9],
  ])('the patch of a planted pattern %s', async (_, top, left) => {
    const net = sequential([
      layers.conv2d({
        name: 'conv',
        filters: 1,
        kernelSize: 3,
        padding: 'same',
        activation: 'relu',
        inputShape: [12, 12, 1],
      }),
    ]);
    onBackend(net, backend);
    const pattern = [1, 0, 1, 0, 1, 0, 1, 1, 0];
    net.setWeights({ 'conv/kernel': pattern.map((one) => 2 * one - 1), 'conv/bias': [-4] });
    const data = new Float32Array(3 * 144);
    pattern.forEach((one, i) => {
      data[144 + (top + Math.floor(i / 3)) * 12 + left + (i % 3)] = one;
    });
    const [{ patches }] = await explain.maximalPatches(net, { data, shape: [3, 12, 12, 1] }, { batchSize: 2 });
    expect(patches).toHaveLength(1);
    expect(patches[0]).toMatchObject({ image: 1, activation: 1, position: [top + 1, left + 1] });
    expect(patches[0].box).toEqual({ top, left, height: 3, width: 3 });
    expect([...patches[0].data]).toEqual(pattern);
  });

  test('fields behind strides and padding: the pixels beyond the border are 0', async () => {
    const net = sequential([
      layers.conv2d({ filters: 1, kernelSize: 3, strides: 2, padding: 1, activation: 'relu', inputShape: [15, 15, 1] }),
      layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
    ]);
    onBackend(net, backend);
    net.setWeights({ 'conv2d/kernel': new Array(9).fill(1), 'conv2d/bias': [0] });
    const data = new Float32Array(225).fill(0.01);
    data[0] = 5;
    const [{ patches }] = await explain.maximalPatches(net, data, { layer: 'maxPooling2d' });
    // 8 places of stride 2; pooling pads (3 - 1) to 4 places: 0 before, 1 after; or 1 before, as 'same' has it.
    const { box, position } = patches[0];
    expect(position).toEqual([0, 0]);
    expect(box.height).toBe(7);
    expect(box.top).toBeLessThan(0);
    const inside = (y: number, x: number) => y + box.top >= 0 && x + box.left >= 0;
    patches[0].data.forEach((pixel, i) => {
      if (!inside(Math.floor(i / 7), i % 7)) expect(pixel).toBe(0);
    });
    expect(patches[0].data[-box.top * 7 - box.left]).toBe(5);
    expect(patches[0].data[(-box.top + 1) * 7 - box.left]).toBeCloseTo(0.01, 6);
  });

  test('the strongest images come first, no more than asked for', async () => {
    const net = sequential([layers.conv2d({ filters: 2, kernelSize: 1, inputShape: [2, 2, 1] })]);
    onBackend(net, backend);
    net.setWeights({ 'conv2d/kernel': [1, -1], 'conv2d/bias': [0, 0] });
    const data = new Float32Array(48);
    for (let image = 0; image < 12; image++) data[image * 4 + (image % 4)] = ((image * 5) % 12) + 1;
    const [first, second] = await explain.maximalPatches(net, { data, shape: [12, 2, 2, 1] });
    expect(first.patches.map(({ activation }) => activation)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4]);
    expect(new Set(first.patches.map(({ image }) => image)).size).toBe(9);
    for (const { data: patch, activation } of first.patches) expect([...patch]).toEqual([activation]);
    expect(second.patches).toEqual([]);
    await expect(second.png()).rejects.toThrow(/answers to no image/);
    expect((await sharp(await first.png({ scale: 1 })).metadata()).width).toBe(7);
    const chosen = await explain.maximalPatches(net, { data, shape: [12, 2, 2, 1] }, { filters: [1, 0], count: 2 });
    expect(chosen.map(({ filter, patches }) => [filter, patches.length])).toEqual([
      [1, 0],
      [0, 2],
    ]);
  });
});

test('boxes hold all that an activation depends on, in a residual network', async () => {
  const net = createModel('tiny', { inputShape: [40, 40, 3], classes: 3 });
  const random = new Random(3);
  const image = Float32Array.from({ length: 4800 }, () => random.uniform() * 255);
  const [{ patches }] = await explain.maximalPatches(net, image, { layer: 'relu_2', filters: [3] });
  const { box, position } = patches[0];
  const seed = new Float32Array(20 * 20 * 32);
  seed[(position[0] * 20 + position[1]) * 32 + 3] = 1;
  const { inputs } = await net.probe({ data: image, shape: [1, 40, 40, 3] }, { of: 'relu_2', seed, byInputs: true });
  const gradient = inputs[0].data;
  // Winograd's algorithm leaves rounding errors beside what is felt.
  const least = 1e-5 * gradient.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  const felt = [...gradient.keys()].filter((i) => Math.abs(gradient[i]) > least).map((i) => Math.floor(i / 3));
  const rows = felt.map((place) => Math.floor(place / 40));
  const columns = felt.map((place) => place % 40);
  expect(Math.min(...rows)).toBe(Math.max(0, box.top));
  expect(Math.max(...rows)).toBe(Math.min(39, box.top + box.height - 1));
  expect(Math.min(...columns)).toBe(Math.max(0, box.left));
  expect(Math.max(...columns)).toBe(Math.min(39, box.left + box.width - 1));
});

test('pictures of projections and wrong options', async () => {
  const net = createModel('tiny', { inputShape: [16, 16, 3], classes: 3 });
  const image = new Float32Array(768).fill(100);
  const projections = await explain.deconvnet(net, image, { layer: 'conv2d_1' });
  expect((await sharp(await projections[0].png({ scale: 2 })).metadata()).width).toBe(32);
  await expect(explain.deconvnet(net, image, { filter: 1000 })).rejects.toThrow(/a filter from 0 to 127/);
  await expect(explain.deconvnet(net, image, { places: 'some' as never })).rejects.toThrow(/one of strongest, all/);
  await expect(explain.deconvnet(net, image, { layer: 'classes' })).rejects.toThrow(/height and width/);
  await expect(explain.maximalPatches(net, image, { filters: [-1] })).rejects.toThrow(/a filter from 0/);
  await expect(explain.maximalPatches(net, image, { count: 0 })).rejects.toThrow(/at least 1/);
  await expect(explain.maximalPatches(net, image, { batchSize: 0 })).rejects.toThrow(/at least 1/);
});
