// Cats and dogs: pictures in class folders become a classifier, as `npx ocellus train photos` does it. The "animals" are
// drawn here, pointed ears for cats and hanging ones for dogs, so that the example needs no download.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { augment, createModel, imageFolder, optimizers, Random, schedules } from 'ocellus';
import sharp from 'sharp';

const photos = await mkdtemp(path.join(os.tmpdir(), 'photos-'));
const random = new Random(5);
const ears = {
  cat: '<path d="M-20 -12 L-16 -36 L-2 -19 Z M20 -12 L16 -36 L2 -19 Z"/>',
  dog: '<ellipse cx="-24" cy="4" rx="7" ry="19"/><ellipse cx="24" cy="4" rx="7" ry="19"/>',
};

async function draw(animal, file) {
  const colour = (light) => `hsl(${random.integer(360)}, 40%, ${light + random.integer(25)}%)`;
  const place = `translate(${60 + random.integer(20)} ${50 + random.integer(20)}) scale(${0.8 + 0.5 * random.uniform()})`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="140" height="120">
    <rect width="100%" height="100%" fill="${colour(15)}"/>
    <g transform="${place}" fill="${colour(60)}">${ears[animal]}<circle r="22"/>
      <g fill="#111"><circle cx="-8" cy="-4" r="3"/><circle cx="8" cy="-4" r="3"/><circle cy="7" r="3"/></g></g></svg>`;
  await sharp(Buffer.from(svg)).jpeg().toFile(file);
}

try {
  for (const animal of ['cat', 'dog']) {
    await mkdir(path.join(photos, animal));
    for (let i = 0; i < 100; i++) await draw(animal, path.join(photos, animal, `${i}.jpg`));
  }

  // A fifth of each class is held back: images that training never sees tell what was learned.
  const size = 32;
  const { classNames, train, val } = await imageFolder(photos, { size, batchSize: 16, seed: 1 });
  const change = augment.compose([
    augment.randomFlip({ mode: 'horizontal' }),
    augment.randomTranslation({ heightFactor: 0.1, widthFactor: 0.1 }),
  ]);
  const changed = train.samples
    .cache()
    .map(({ x, y }, place) => ({ x: change.apply(x, place), y }))
    .batch(16);

  const model = createModel('tiny', { inputShape: [size, size, 3], classes: classNames.length, seed: 1 });
  model.setPreprocessing({ classNames });
  const epochs = 15;
  const totalSteps = epochs * Math.ceil(train.size / 16);
  model.compile({
    optimizer: optimizers.adam({ learningRate: schedules.oneCycle({ maxLearningRate: 0.004, totalSteps }) }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
  await model.fit(changed, { epochs, verbose: 0 });
  const { accuracy } = await model.evaluate(val);
  console.log(`${(100 * accuracy).toFixed(0)} % of ${val.size} pictures held back are named rightly`);
  assert.ok(accuracy > 0.8);

  await draw('dog', path.join(photos, 'new.png'));
  const [best] = await model.predictImage(path.join(photos, 'new.png'));
  console.log(`a new picture: ${best.label} (${(100 * best.probability).toFixed(0)} %)`);
  assert.ok(classNames.includes(best.label));
} finally {
  await rm(photos, { recursive: true, force: true });
}
