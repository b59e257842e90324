// Augmentation in pipelines of data: the same pictures whatever the number of calls at a time and the order of what
// follows, others in each epoch, and training straight from them.

import { expect, test } from 'vitest';
import { augment, data, layers, type Pipeline, sequential } from '../../../src/index.js';

const count = 12;
const photos = Array.from({ length: count }, (_, label) => ({
  x: { data: Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => (i * 31 + label * 57) % 256), shape: [8, 8, 3] },
  y: label % 3,
  label,
}));
const steps = augment.compose([
  augment.randomFlip({ mode: 'horizontal' }),
  augment.randomCrop({ height: 8, width: 8, padding: 2 }),
  augment.randomColorJitter({ brightnessFactor: 0.2, contrastFactor: 0.3, hueFactor: 0.2 }),
  augment.randAugment(),
]);
const augmented = (numParallelCalls: number) =>
  data.array(photos).map(
    async ({ x, y, label }, place) => {
      // The later ones are ready first.
      if (numParallelCalls > 1) await new Promise((resolve) => setTimeout(resolve, (count - label) / 4));
      return { x: steps.apply(x, { seed: 9, ...place }), y, label };
    },
    { numParallelCalls },
  );

/** Pixels of an epoch by the number of the sample. */
async function pictures(pipeline: Pipeline<{ x: augment.ImageSample; label: number }>, epoch: number) {
  const found: string[] = new Array(count);
  for await (const { x, label } of pipeline.iterate(epoch)) found[label] = x.data.join();
  return found;
}

test('pictures do not depend on workers or on the order of what follows, but on the epoch', async () => {
  const first = await pictures(augmented(1), 0);
  expect(await pictures(augmented(5), 0)).toEqual(first);
  expect(await pictures(augmented(3).shuffle({ seed: 4 }), 0)).toEqual(first);
  const second = await pictures(augmented(1), 1);
  expect(second.filter((picture, i) => picture === first[i]).length).toBeLessThan(3);
});

test('a model trains on augmented and mixed batches, and repeats', async () => {
  const mix = augment.mixUp({ classes: 3 });
  const train = async () => {
    const batches = augmented(2)
      .batch(4)
      .map(({ x, y }, place) => mix.applyBatch({ x, y }, { seed: 9, ...place }));
    const model = sequential([
      layers.rescaling({ scale: 1 / 255, inputShape: [8, 8, 3] }),
      layers.flatten(),
      layers.dense({ units: 3, activation: 'softmax' }),
    ]);
    model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', backend: 'typescript' });
    const { history } = await model.fit(batches, { epochs: 3, verbose: 0, seed: 1 });
    return history.loss;
  };
  const losses = await train();
  expect(losses).toHaveLength(3);
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(await train()).toEqual(losses);
});
