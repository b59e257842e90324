// `evaluate`: how often a model is right about a folder of pictures.

import { type Command, Option } from 'commander';
import { OcellusError } from '../../core/errors.js';
import { imageFolder } from '../../data/image-folder.js';
import { load } from '../../model/load.js';
import { formatConfusion } from '../confusion.js';
import { evaluateImages } from '../evaluation.js';
import { wholeNumber } from '../parse.js';
import type { Register } from '../program.js';
import { backendChoice, type ComputeOptions, computeOptions } from './shared.js';

interface EvaluateOptions extends ComputeOptions {
  split: 'train' | 'val' | 'test' | 'all';
  batchSize: number;
}

export function addEvaluate(program: Command, register: Register): void {
  const command = program
    .command('evaluate <model> <folder>')
    .description('asks a model about pictures whose classes are known')
    .addOption(
      new Option('--split <name>', 'which part of the folder; all: where there are no parts')
        .choices(['train', 'val', 'test', 'all'])
        .default('val'),
    )
    .option('--batch-size <n>', 'images in a step', wholeNumber(1), 32);
  computeOptions(command).action((file: string, folder: string, options: EvaluateOptions) =>
    register(options.json ?? false, async (io) => {
      const model = await load(file, { ...backendChoice(options), compile: false });
      const { classNames, fit, interpolation } = model.preprocessing ?? {};
      const [height, width] = model.network.inputs[0]?.shape ?? [];
      if (!classNames || !height || !width) {
        throw new OcellusError('ERR_OCELLUS_STATE', {
          where: file,
          expected: 'a model that knows its classes and how pictures become its input',
          got: 'one without preprocessing',
          help: '`ocellus train` writes such files; model.setPreprocessing says it of others',
        });
      }
      const found = await imageFolder(folder, {
        size: [height, width],
        batchSize: options.batchSize,
        shuffle: false,
        classNames,
        ...(options.split === 'all' && { validationSplit: 0 }),
        ...(fit && { fit }),
        ...(interpolation && { interpolation }),
        onSkip: ({ file: name, reason }) => io.warn(`skipped ${name}: ${reason}`),
      });
      const part = options.split === 'all' ? found.train : found[options.split];
      if (!part) {
        throw new OcellusError('ERR_OCELLUS_DATA', {
          where: folder,
          expected: `a folder '${options.split}'`,
          got: 'none',
          help: '--split names another part, or all',
        });
      }
      const { samples, accuracy, confusion } = await evaluateImages(model, part, classNames.length);
      io.say(formatConfusion(confusion, classNames));
      io.say(`\n${(100 * accuracy).toFixed(1)} % of ${samples} images are named rightly.`);
      io.emit('result', { samples, accuracy, confusion, classNames });
      return undefined;
    }),
  );
}
