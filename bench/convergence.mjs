// Does Winograd's rounding change what a network learns? ResNet-20 on CIFAR-10, trained with and without it, several
// seeds each: the two groups should differ no more than the seeds among themselves.

import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { OcellusError } from '../dist/core/errors.js';
import { input, model, optimizers } from '../dist/index.js';
import { round } from './measure.mjs';
import { resnet20 } from './nets/residual.mjs';

const heldBack = 1000;
const pixels = 3 * 32 * 32;

/** Records of a label and 3072 bytes, plane after plane. */
async function readCifar(file) {
  const bytes = await readFile(file).catch((cause) => {
    const got = cause.message;
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: file,
      expected: 'a CIFAR-10 batch (data_batch_1.bin.gz)',
      got,
      cause,
    });
  });
  const records = gunzipSync(bytes);
  const count = records.length / (pixels + 1);
  const labels = Int32Array.from({ length: count }, (_, i) => records[i * (pixels + 1)]);
  const images = Float32Array.from({ length: count * pixels }, (_, i) => {
    const [image, plane, pixel] = [Math.floor(i / pixels), i % 3, Math.floor((i % pixels) / 3)];
    return (records[image * (pixels + 1) + 1 + plane * 1024 + pixel] - 120) / 64;
  });
  const part = (from, to) => ({
    x: { data: images.subarray(from * pixels, to * pixels), shape: [to - from, 32, 32, 3] },
    y: labels.subarray(from, to),
  });
  return { train: part(0, count - heldBack), test: part(count - heldBack, count) };
}

async function trainOnce({ train, test }, winograd, seed, epochs, threads) {
  const image = input({ shape: [32, 32, 3] });
  const net = model({ inputs: image, outputs: resnet20(image), seed });
  const steps = Math.ceil(train.y.length / 64) * epochs;
  net.compile({
    optimizer: optimizers.sgd({
      learningRate: (step) => 0.1 * 0.5 * (1 + Math.cos((Math.PI * step) / steps)),
      momentum: 0.9,
      weightDecay: 5e-4,
    }),
    loss: { name: 'sparseCategoricalCrossentropy', fromLogits: true },
    metrics: ['accuracy'],
    winograd,
    threads,
  });
  const { history } = await net.fit(train.x, train.y, { epochs, batchSize: 64, verbose: 0 });
  const { accuracy } = await net.evaluate(test.x, test.y, { batchSize: 250 });
  return { trainLoss: history.loss.at(-1), testAccuracy: accuracy };
}

export async function run(options, print) {
  const data = await readCifar(options.data ?? '../shared/data/cifar10/data_batch_1.bin.gz');
  const epochs = options.epochs ?? 6;
  const means = {};
  for (const winograd of ['off', 'auto']) {
    const accuracies = [];
    for (let seed = 1; seed <= (options.rounds ?? 3); seed++) {
      const { trainLoss, testAccuracy } = await trainOnce(data, winograd, seed, epochs, options.threads?.[0]);
      accuracies.push(testAccuracy);
      print({
        bench: 'convergence',
        net: 'resnet20',
        winograd,
        seed,
        epochs,
        trainLoss: round(trainLoss, 4),
        testAccuracy: round(testAccuracy, 4),
      });
    }
    const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length;
    means[winograd] = { mean, spread: Math.max(...accuracies) - Math.min(...accuracies) };
  }
  print({
    bench: 'convergence',
    net: 'resnet20',
    difference: round(means.auto.mean - means.off.mean, 4),
    spreadOff: round(means.off.spread, 4),
    spreadAuto: round(means.auto.spread, 4),
  });
}
