// Augmentation: pictures that could have been taken as well. Overfitting, which it is for, and the three sets that tell.
import assert from 'node:assert/strict';
import { augment, data, layers, Random, sequential } from 'ocellus';
import { photograph, save } from './lib/pictures.mjs';

// ---- what can be done to a picture ----------------------------------------------------------------------------------
const photo = await photograph(96);
const steps = {
  scaling: augment.randomZoom({ heightFactor: [-0.4, -0.3] }),
  rotation: augment.randomRotation({ factor: [0.08, 0.1] }),
  flipping: augment.randomFlip({ mode: 'horizontal' }),
  shifting: augment.randomTranslation({ heightFactor: 0.2, widthFactor: 0.2 }),
  'random-crop': augment.randomCrop({ height: 64, width: 64 }),
  'color-casting': augment.randomColorJitter({ brightnessFactor: 0.2, saturationFactor: [0.2, 0.5], hueFactor: 0.1 }),
  'geometric-distortion': augment.randomPerspective({ scale: 0.6 }),
  'elastic-distortion': augment.randomElasticTransform({ scale: [0.6, 0.8] }),
  noise: augment.randomNoise({ factor: [0.1, 0.15] }),
};
await save('15-before', photo);
for (const [name, step] of Object.entries(steps)) {
  const changed = step.apply(photo, { seed: 1, index: 2 });
  await save(`15-${name}`, changed);
  // The same seed, epoch and number give the same picture, whoever asks.
  assert.deepEqual(step.apply(photo, { seed: 1, index: 2 }).data, changed.data);
}

// ---- train, validation and test sets --------------------------------------------------------------------------------
// Bars that lie or stand, anywhere in noise. A dense network has to learn every place anew, and there are 40 pictures.
const size = 12;
const random = new Random(7);
const bars = (count) => {
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const pixels = Float32Array.from({ length: count * size * size }, () => 0.35 * random.normal());
  for (let i = 0; i < count; i++) {
    const [across, along] = [random.integer(size), random.integer(size - 5)];
    for (let k = 0; k < 6; k++) {
      const [y, x] = labels[i] === 0 ? [across, along + k] : [along + k, across];
      pixels[i * size * size + y * size + x] += 1;
    }
  }
  return { images: { data: pixels, shape: [count, size, size, 1] }, labels };
};
const train = bars(40); // the weights are made for these
const validation = bars(400); // choices are made by these: here, with or without augmentation
const test = bars(400); // looked at once, at the end

const network = () => {
  const net = sequential(
    [
      layers.flatten({ inputShape: [size, size, 1] }),
      layers.dense({ units: 64, activation: 'relu' }),
      layers.dense({ units: 2, activation: 'softmax' }),
    ],
    { seed: 3 },
  );
  net.compile({
    optimizer: { name: 'adam', learningRate: 3e-3 },
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
  return net;
};
const accuracyOf = async (net, { images, labels }) => (await net.evaluate(images, labels)).accuracy;
const percent = (share) => `${(100 * share).toFixed(0)} %`;

const plain = network();
await plain.fit(train.images, train.labels, { epochs: 150, batchSize: 20, verbose: 0 });

const shift = augment.randomTranslation({
  heightFactor: 0.5,
  widthFactor: 0.5,
  fillMode: 'wrap',
  interpolation: 'nearest',
});
const shifted = data
  .tensorSlices({ x: train.images, y: train.labels })
  .map(({ x, y }, place) => ({ x: shift.apply(x, { seed: 5, ...place }), y }))
  .shuffle({ bufferSize: 40, seed: 1 })
  .batch(20);
const augmented = network();
await augmented.fit(shifted, { epochs: 150, verbose: 0 });

const scores = {};
for (const [name, net] of Object.entries({ plain, augmented })) {
  scores[name] = { train: await accuracyOf(net, train), validation: await accuracyOf(net, validation) };
  console.log(
    `${name}: ${percent(scores[name].train)} of the pictures it has seen, ${percent(scores[name].validation)} of others`,
  );
}
// Overfitting: everything seen is known by heart, and what is new is not.
assert.ok(scores.plain.train > 0.97);
assert.ok(scores.plain.train - scores.plain.validation > 0.1);
assert.ok(scores.augmented.validation > scores.plain.validation + 0.05);
// The better one by validation is the one whose number is told; the test set had no part in the choice.
const better = scores.augmented.validation > scores.plain.validation ? augmented : plain;
console.log(`the better one knows ${percent(await accuracyOf(better, test))} of the test set`);
