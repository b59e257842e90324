// `bench`: how fast this machine trains and predicts, natively and by the TypeScript fallback.

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { backendInfo } from '../../backend/select.js';
import { checkName } from '../../core/errors.js';
import { formatTable } from '../../core/table.js';
import { load } from '../../model/load.js';
import type { Model } from '../../model/model.js';
import { type BackboneName, backboneNames, createModel } from '../../zoo/backbones.js';
import { positive, wholeNumber } from '../parse.js';
import type { Register } from '../program.js';
import { type ComputeOptions, computeOptions, examples } from './shared.js';

interface BenchOptions extends ComputeOptions {
  imageSize: number;
  batchSize: number;
  seconds: number;
}

type BackendName = NonNullable<ComputeOptions['backend']>;

interface Speed {
  readonly backend: BackendName;
  /** Milliseconds for one sample, for a batch, and for a step of training; null where the model is no classifier. */
  readonly predictOneMs: number;
  readonly predictMs: number;
  readonly trainMs: number | null;
}

export function addBench(program: Command, register: Register): void {
  const command = program
    .command('bench [model]')
    .description('times prediction and training of a model file or a backbone, natively and in TypeScript')
    .option('--image-size <n>', 'of a backbone, in pixels', wholeNumber(8), 32)
    .option('--batch-size <n>', 'samples in a step', wholeNumber(1), 8)
    .option('--seconds <x>', 'for each measurement; one call at least', positive, 1);
  examples(command, [
    ['ocellus bench', 'the backbone tiny'],
    ['ocellus bench resnet20 --batch-size 32 --backend native', ''],
    ['ocellus bench runs/train/model.safetensors --json', ''],
  ]);
  computeOptions(command).action((name = 'tiny', options: BenchOptions) =>
    register(options.json ?? false, async (io) => {
      const { batchSize, threads } = options;
      const info = backendInfo(threads ? { threads } : {});
      const all: BackendName[] = info.backend === 'native' ? ['native', 'typescript'] : ['typescript'];
      const speeds: Speed[] = [];
      io.say(`${name}, ${batchSize} samples a step, native on ${info.threads} threads (${info.isa})\n`);
      for (const backend of options.backend ? [options.backend] : all) {
        const speed = await measureSpeed(name, backend, options);
        speeds.push(speed);
        io.emit('bench', { model: name, batchSize, threads: backend === 'native' ? info.threads : 1, ...speed });
      }
      io.say(speedTable(speeds, batchSize));
      const [fast, slow] = speeds;
      if (slow) {
        const factors = {
          predicts: slow.predictMs / fast.predictMs,
          trains: (slow.trainMs ?? 0) / (fast.trainMs ?? 1),
        };
        const told = Object.entries(factors).filter(([, factor]) => factor > 0);
        io.say(`\n${told.map(([verb, factor]) => `native ${verb} ${factor.toFixed(1)} times as fast`).join(', ')}`);
        io.emit('result', factors);
      }
      return undefined;
    }),
  );
}

async function measureSpeed(name: string, backend: BackendName, options: BenchOptions): Promise<Speed> {
  const { imageSize, batchSize, seconds, threads } = options;
  const compute = { backend, ...(threads && { threads }) };
  const model: Model = existsSync(name)
    ? await load(name, { ...compute, compile: false })
    : createModel(checkName('ocellus bench', name, backbones), { inputShape: [imageSize, imageSize, 3], classes: 10 });
  const shape = model.network.inputs[0].shape ?? [];
  const size = shape.reduce((product, dim) => product * dim, 1);
  const samples = (count: number) => ({
    data: Uint8Array.from({ length: count * size }, (_, i) => (i * 7919) % 251),
    shape: [count, ...shape],
  });
  const [one, batch] = [samples(1), samples(batchSize)];
  const outputs = (await model.predict(one)).shape;
  const isClassifier = outputs.length === 2 && outputs[1] > 1;
  if (isClassifier) model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', ...compute });
  const labels = Int32Array.from({ length: batchSize }, (_, i) => i % (outputs[1] ?? 1));
  const trainer = isClassifier ? model.trainer() : undefined;
  return {
    backend,
    predictOneMs: await bestOf(seconds, () => model.predict(one)),
    predictMs: await bestOf(seconds, () => model.predict(batch, { batchSize })),
    trainMs: trainer ? await bestOf(seconds, () => trainer.step(batch, labels)) : null,
  };
}

const backbones = Object.fromEntries(backboneNames.map((name) => [name, name])) as Record<string, BackboneName>;

/** Milliseconds of the fastest call; the first makes the plan and counts only where it takes all the time there is. */
async function bestOf(seconds: number, call: () => Promise<unknown>): Promise<number> {
  const end = performance.now() + 1000 * seconds;
  let first = 0;
  let best = Number.POSITIVE_INFINITY;
  for (let count = 0; count === 0 || performance.now() < end; count++) {
    const begun = performance.now();
    await call();
    const ms = performance.now() - begun;
    if (count === 0) first = ms;
    else best = Math.min(best, ms);
  }
  return Number.isFinite(best) ? best : first;
}

function speedTable(speeds: readonly Speed[], batchSize: number): string {
  const rate = (ms: number | null) => (ms === null ? '-' : ((1000 * batchSize) / ms).toFixed(0));
  const time = (ms: number | null) => (ms === null ? '-' : ms.toFixed(2));
  return formatTable({
    columns: [
      { title: 'backend' },
      ...['predict 1, ms', 'predict, ms', 'images/s', 'train step, ms', 'images/s'].map((title) => ({
        title,
        align: 'right' as const,
      })),
    ],
    rows: speeds.map(({ backend, predictOneMs, predictMs, trainMs }) => [
      backend,
      ...[time(predictOneMs), time(predictMs), rate(predictMs), time(trainMs), rate(trainMs)],
    ]),
    rules: false,
  });
}
