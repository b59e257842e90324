// `predict`: what a model sees in pictures.

import type { Command } from 'commander';
import { load } from '../../model/load.js';
import type { ImagePrediction } from '../../model/preprocessing.js';
import { exitCodes } from '../io.js';
import { wholeNumber } from '../parse.js';
import type { Register } from '../program.js';
import { backendChoice, type ComputeOptions, computeOptions, examples } from './shared.js';

interface PredictCommandOptions extends ComputeOptions {
  top: number;
}

export function addPredict(program: Command, register: Register): void {
  const command = program
    .command('predict <model> <images...>')
    .description('names what is in pictures, the most probable class first')
    .option('--top <n>', 'classes to tell of each picture', wholeNumber(1), 3);
  examples(command, [
    ['ocellus predict runs/train/model.safetensors cat.jpg dog.png', ''],
    ['ocellus predict runs/train/model.safetensors photos/*.jpg --top 1 --json', 'a line for each picture'],
  ]);
  computeOptions(command).action((file: string, images: string[], options: PredictCommandOptions) =>
    register(options.json ?? false, async (io) => {
      const model = await load(file, { ...backendChoice(options), compile: false });
      let failures = 0;
      for (const image of images) {
        try {
          const found = await model.predictImage(image, { top: options.top });
          io.say(`${image}: ${found.map(classText).join(', ')}`);
          io.emit('prediction', { image, classes: found });
        } catch (error) {
          // One bad picture does not keep the others from their answer.
          failures++;
          io.fail(error);
          io.emit('error', { image, message: error instanceof Error ? error.message : String(error) });
        }
      }
      return failures > 0 ? exitCodes.failure : exitCodes.ok;
    }),
  );
}

const classText = ({ label, probability }: ImagePrediction): string => `${label} ${(100 * probability).toFixed(1)} %`;
