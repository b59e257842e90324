// `summary` and `profile`: what a saved model is made of, and where its time goes.

import type { Command } from 'commander';
import { load } from '../../model/load.js';
import { formatProfile } from '../../model/profile.js';
import { wholeNumber } from '../parse.js';
import type { Register } from '../program.js';
import { backendChoice, type ComputeOptions, computeOptions, examples } from './shared.js';

interface InspectOptions extends ComputeOptions {
  batchSize: number;
}

export function addSummary(program: Command, register: Register): void {
  const command = program
    .command('summary <model>')
    .description('prints the layers of a model file with shapes, parameters, work and memory')
    .option('--batch-size <n>', 'samples that memory is told for', wholeNumber(1), 32);
  examples(command, [['ocellus summary runs/train/model.safetensors --batch-size 1', 'memory for one sample']]);
  computeOptions(command).action((file: string, options: InspectOptions) =>
    register(options.json ?? false, async (io) => {
      const model = await load(file, backendChoice(options));
      model.summary({ batchSize: options.batchSize, print: (text) => io.say(text) });
      const layers = model.layers.map(({ name, layer }) => ({ name, type: layer.type }));
      const memory = model.memory(options.batchSize);
      io.emit('summary', { name: model.name, parameters: model.countParams(), layers, memory });
      return undefined;
    }),
  );
}

export function addProfile(program: Command, register: Register): void {
  const command = program
    .command('profile <model>')
    .description('runs a prediction on random data and prints the time of every step')
    .option('--batch-size <n>', 'samples in the step', wholeNumber(1), 1);
  examples(command, [
    ['ocellus profile runs/train/model.safetensors', 'for one sample'],
    ['ocellus profile runs/train/model.safetensors --batch-size 32 --threads 1', ''],
  ]);
  computeOptions(command).action((file: string, options: InspectOptions) =>
    register(options.json ?? false, async (io) => {
      const model = await load(file, { ...backendChoice(options), compile: false });
      const steps = await model.profile('predict', { batchSize: options.batchSize });
      io.say(formatProfile(steps));
      for (const step of steps) io.emit('step', step);
      return undefined;
    }),
  );
}
