// `evaluate`: how often a model is right about pictures whose classes are known.

import { type Command, Option } from 'commander';
import { load } from '../../model/load.js';
import { formatConfusion } from '../../report/confusion.js';
import { interpret } from '../../report/interpret.js';
import { inputOf, openLabelled, type SplitChoice } from '../data/labelled.js';
import { share, wholeNumber } from '../parse.js';
import type { Register } from '../program.js';
import { backendChoice, type ComputeOptions, computeOptions, examples } from './shared.js';

interface EvaluateOptions extends ComputeOptions {
  split: SplitChoice;
  batchSize: number;
  seed: number;
  validationSplit?: number;
}

export function addEvaluate(program: Command, register: Register): void {
  const command = program
    .command('evaluate <model> <data>')
    .description('asks a model about pictures whose classes are known: a folder, or files that train takes')
    .addOption(
      new Option('--split <name>', 'which part of the data; all: where there are no parts')
        .choices(['train', 'val', 'test', 'all'])
        .default('val'),
    )
    .option('--validation-split <x>', 'share that the training held back, where the data have no val', share)
    .option('--seed <n>', 'of the training, which decides what was held back', wholeNumber(0), 0)
    .option('--batch-size <n>', 'images in a step', wholeNumber(1), 32);
  examples(command, [
    ['ocellus evaluate runs/train/model.safetensors ./photos', 'the images that were held back'],
    ['ocellus evaluate runs/train/model.safetensors ./others --split all', 'all of a folder'],
    ['ocellus evaluate runs/train/model.safetensors ./mnist --split test --json', ''],
  ]);
  computeOptions(command).action((file: string, place: string, options: EvaluateOptions) =>
    register(options.json ?? false, async (io) => {
      const model = await load(file, { ...backendChoice(options), compile: false });
      const input = inputOf(model, file);
      const onSkip = (name: string, reason: string) => io.warn(`skipped ${name}: ${reason}`);
      const part = await openLabelled(place, input, { ...options, onSkip });
      const { classNames } = input;
      const { accuracy, confusion, answers } = await interpret(model, part);
      const samples = answers.length;
      io.say(formatConfusion(confusion, classNames));
      io.say(`\n${(100 * accuracy).toFixed(1)} % of ${samples} images are named rightly.`);
      io.emit('result', { samples, accuracy, confusion, classNames });
      return undefined;
    }),
  );
}
