// Settings that `train` chooses from the data.

import { expect, test } from 'vitest';
import { augmentationOf, chooseSettings, type DataFacts } from '../../src/cli/training/settings.js';

const facts = (given: Partial<DataFacts>): DataFacts => ({
  images: 1000,
  classes: 3,
  channels: 3,
  sizes: [[480, 640]],
  ...given,
});
const chosen = (given: Partial<DataFacts>) => chooseSettings({}, facts(given)).settings;

test('photographs are brought to 64 pixels, turned and zoomed', () => {
  const { settings, reasons } = chooseSettings({}, facts({}));
  expect(settings).toMatchObject({ imageSize: 64, augment: 'warp', flip: true });
  expect(reasons.join('\n')).toMatch(/imageSize 64: the images' shorter side is 480 pixels[\s\S]*augment warp: /);
});

test('small images of one size keep it, and are only moved', () => {
  const all: DataFacts['sizes'] = [
    [28, 28],
    [28, 28],
  ];
  expect(chosen({ sizes: all })).toMatchObject({ imageSize: 28, augment: 'crop' });
  expect(chosen({ sizes: [...all, [28, 30]] }).imageSize).toBe(32);
  expect(chosen({ sizes: [[12, 12]] }).imageSize).toBe(32);
  expect(chosen({ sizes: [[100, 100]] }).imageSize).toBe(64);
  expect(chosen({ sizes: [] }).imageSize).toBe(32);
});

test('grey images are not mirrored; what is given counts', () => {
  expect(chosen({ channels: 1 }).flip).toBe(false);
  const { settings, reasons } = chooseSettings({ flip: true, epochs: 3, model: 'mobile' }, facts({ channels: 1 }));
  expect(settings).toMatchObject({ flip: true, epochs: 3, model: 'mobile' });
  expect(reasons.filter((line) => /^(flip|epochs|model)/.test(line))).toEqual([]);
});

test('more images are looked at less often', () => {
  const epochs = [100, 5000, 20_000, 10 ** 6].map((images) => chosen({ images }).epochs);
  expect(epochs).toEqual([...epochs].sort((a, b) => b - a));
  expect(epochs[3]).toBeGreaterThan(0);
});

test.each(['warp', 'crop', 'none'] as const)('augment %s keeps the size', (augment) => {
  const x = { data: new Uint8Array(2 * 20 * 20 * 3).fill(9), shape: [2, 20, 20, 3] };
  const change = augmentationOf({ augment, flip: true, imageSize: 20 });
  if (augment === 'none') expect(change).toBeUndefined();
  else expect(change?.applyBatch({ x }, { seed: 1 }).x.shape).toEqual(x.shape);
});
