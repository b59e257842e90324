// The backbones: their sizes, images of any size, one step of training, what they refuse.

import { describe, expect, test } from 'vitest';
import { type BackboneName, backboneNames, createModel } from '../../src/index.js';

// With the running statistics of the normalizations. ResNet-20: 272,474 that train and 2 * 784.
const parameters: Record<BackboneName, number> = {
  tiny: 305_530,
  small: 1_231_850,
  resnet20: 274_042,
  mobile: 179_514,
};

describe.each(backboneNames)('%s', (name) => {
  test('has the parameters that its description tells', () => {
    const net = createModel(name, { inputShape: [32, 32, 3], classes: 10 });
    const count = Object.values(net.getWeights()).reduce((sum, weight) => sum + weight.length, 0);
    expect(count).toBe(parameters[name]);
  });

  test.each([
    [[8, 8, 1], 2],
    [[31, 37, 3], 3],
    [[64, 48, 4], 5],
  ])('trains on images of %j', async (inputShape, classes) => {
    const net = createModel(name, { inputShape, classes, seed: 1 });
    net.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads: 1 });
    const count = 4;
    const size = inputShape.reduce((a, b) => a * b, 1);
    const x = {
      data: Uint8Array.from({ length: count * size }, (_, i) => (i * 31) % 256),
      shape: [count, ...inputShape],
    };
    const { history } = await net.fit(x, Int32Array.from([0, 1, 0, 1]), { epochs: 2, batchSize: 4, verbose: 0 });
    expect(history.loss.every(Number.isFinite)).toBe(true);
    const { data, shape } = await net.predict(x);
    expect(shape).toEqual([count, classes]);
    expect(data.slice(0, classes).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
  });
});

test('what cannot be is refused in one sentence', () => {
  const options = { inputShape: [32, 32, 3], classes: 3 };
  expect(() => createModel('tinny' as BackboneName, options)).toThrow(/'tinny'.*did you mean 'tiny'/s);
  expect(() => createModel('tiny', { ...options, classes: 1 })).toThrow(
    /'classes': expected an integer of at least 2, got 1/,
  );
  expect(() => createModel('tiny', { ...options, inputShape: [4, 32, 3] })).toThrow(/at least 8 pixels/);
  expect(() => createModel('tiny', { ...options, inputShape: [32, 32] })).toThrow(/\[height, width, channels\]/);
  expect(() => createModel('tiny', { ...options, clases: 3 } as never)).toThrow(/classes/);
});
