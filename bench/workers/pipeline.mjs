// Trains a small network on pictures of a folder for some epochs; milliseconds an image and resident memory of each.

import { openData } from '../../dist/cli/training/images.js';
import { createModel, imageFolder } from '../../dist/index.js';
import { answer } from '../process.mjs';

/** What `fit` takes: the pictures of all samples in one array, and their classes; or batches as they are made. */
async function trainingData({ way, folder, size, batchSize }, set) {
  if (way === 'memory') {
    const samples = await set.samples.toArray();
    const [{ x }] = samples;
    const pixels = new Uint8Array(samples.length * x.data.length);
    samples.forEach((sample, i) => pixels.set(sample.x.data, i * x.data.length));
    return [{ data: pixels, shape: [samples.length, ...x.shape] }, Int32Array.from(samples, ({ y }) => y)];
  }
  if (way === 'decoded') return [set.samples.shuffle({ seed: 1 }).batch(batchSize).prefetch(2)];
  const data = await openData(folder, { seed: 1 });
  const augment = way === 'augmented' ? 'warp' : 'none';
  return [(await data.batches({ imageSize: size, batchSize, seed: 1, augment, flip: way === 'augmented' })).train];
}

await answer(async ({ folder, way, size, batchSize, epochs, threads, isa }) => {
  const found = await imageFolder(folder, { size, shuffle: false, seed: 1 });
  const images = found.train.files.length;
  const model = createModel('small', { inputShape: [size, size, 3], classes: found.classNames.length }).compile({
    optimizer: 'adam',
    loss: 'sparseCategoricalCrossentropy',
    threads,
    isa,
  });
  const perImage = [];
  const rssMiB = [];
  let started = 0;
  const samples = await trainingData({ way, folder, size, batchSize }, found.train);
  await model.fit(...samples, {
    ...(way === 'memory' && { batchSize }),
    // The first epoch warms up.
    epochs: epochs + 1,
    verbose: 0,
    callbacks: [
      {
        onEpochBegin: () => {
          started = performance.now();
        },
        onEpochEnd: () => {
          perImage.push((performance.now() - started) / images);
          rssMiB.push(process.memoryUsage().rss / 2 ** 20);
        },
      },
    ],
  });
  return { images, perImage: perImage.slice(1), rssMiB };
});
