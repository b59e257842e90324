// Seeing what was learned: first-layer kernels, feature maps, what filters answer to most, projections back to the pixels
// (Zeiler & Fergus), class activation maps.
import assert from 'node:assert/strict';
import { explain, layers, Random, sequential } from 'ocellus';
import { save } from './lib/pictures.mjs';

// Squares, discs and crosses in three colors, anywhere in a dim picture.
const size = 24;
const random = new Random(5);
const inside = [
  (y, x) => Math.max(Math.abs(y), Math.abs(x)) <= 4,
  (y, x) => y * y + x * x <= 22,
  (y, x) => Math.min(Math.abs(y), Math.abs(x)) <= 1 && Math.max(Math.abs(y), Math.abs(x)) <= 5,
];
const shapes = (count) => {
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  const data = Uint8Array.from({ length: count * size * size * 3 }, () => random.integer(60));
  const centers = Array.from(labels, (label, i) => {
    const [top, left] = [6 + random.integer(size - 12), 6 + random.integer(size - 12)];
    const color = [0, 1, 2].map(() => 120 + random.integer(136));
    for (let y = -5; y <= 5; y++) {
      for (let x = -5; x <= 5; x++) {
        if (inside[label](y, x)) data.set(color, ((i * size + top + y) * size + left + x) * 3);
      }
    }
    return [top, left];
  });
  return { images: { data, shape: [count, size, size, 3] }, labels, centers };
};
const train = shapes(600);
const test = shapes(60);
const net = sequential(
  [
    layers.rescaling({ scale: 1 / 127.5, offset: -1, inputShape: [size, size, 3] }),
    layers.conv2d({ name: 'first', filters: 12, kernelSize: 5, padding: 'same', activation: 'relu' }),
    layers.maxPooling2d(),
    layers.conv2d({ name: 'second', filters: 24, kernelSize: 3, padding: 'same', activation: 'relu' }),
    layers.maxPooling2d(),
    layers.conv2d({ name: 'third', filters: 32, kernelSize: 3, padding: 'same', activation: 'relu' }),
    layers.globalMaxPooling2d(),
    layers.dense({ units: 3, activation: 'softmax' }),
  ],
  { seed: 1 },
);
net.compile({
  optimizer: { name: 'adam', learningRate: 3e-3 },
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
});
await net.fit(train.images, train.labels, { epochs: 8, batchSize: 32, verbose: 0 });
const { accuracy } = await net.evaluate(test.images, test.labels);
console.log(`${(100 * accuracy).toFixed(0)} % of new pictures are told right`);
assert.ok(accuracy > 0.8);

// The kernels of the first layer look at colors, and so can be shown in colors.
const filters = explain.filters(net);
assert.deepEqual(filters.shape, [5, 5, 3, 12]);
await save('18-kernels', await filters.png({ scale: 8, columns: 6 }));

// A feature map for each filter: low-level features first, then what is made of them, coarser and fewer places.
const image = { data: test.images.data.slice(0, size * size * 3), shape: [size, size, 3] };
await save('18-image', image);
const [maps] = await explain.featureMaps(net, image);
for (const layer of maps) {
  console.log(layer.layer, layer.shape.join('x'), `from ${layer.range[0].toFixed(2)} to ${layer.range[1].toFixed(2)}`);
  await save(`18-maps-${layer.layer}`, await layer.png());
}
assert.deepEqual(
  maps.map(({ shape }) => shape[0]),
  [24, 12, 6],
);

// What filters of the second layer answer to most, and what in these patches it was.
const patches = await explain.maximalPatches(net, test.images, { layer: 'second' });
const strongest = patches.filter(({ patches: found }) => found.length === 9).slice(0, 4);
for (const one of strongest) await save(`18-patches-${one.filter}`, await one.png({ columns: 3 }));
const [projection] = await explain.deconvnet(net, image, { layer: 'second' });
await save('18-projection', await projection.png());
console.log(
  `filter ${projection.filter} of 'second' answers ${projection.activation.toFixed(2)} at ${projection.position}`,
);

// Where the class is seen: the shape, not the ground. Nothing lights up far away from it.
const cams = await explain.gradCam(net, test.images, { classIndex: [...test.labels] });
const onShape = cams.map(({ data }, i) => {
  const [top, left] = test.centers[i];
  let [near, all] = [0, 1e-12];
  data.forEach((value, place) => {
    const distance = Math.max(Math.abs(Math.floor(place / size) - top), Math.abs((place % size) - left));
    all += value;
    if (distance <= 8) near += value;
  });
  return near / all;
});
const mean = onShape.reduce((sum, one) => sum + one, 0) / onShape.length;
console.log(`${(100 * mean).toFixed(0)} % of the class activation lies on the shape or beside it`);
assert.ok(mean > 0.8);
await save('18-activation', await cams[0].overlay({ scale: 8 }));
const { score } = await explain.deletionScore(net, image, cams[0]);
console.log(`with what it points at taken away, ${(100 * score).toFixed(0)} % of the probability is left on average`);

// Filters that do nothing, and filters that do the same.
for (const { layer, filters: count, dead, duplicates } of await explain.filterReport(net, test.images)) {
  console.log(`${layer}: ${count} filters, ${dead.length} dead, ${duplicates.length} pairs alike`);
}
