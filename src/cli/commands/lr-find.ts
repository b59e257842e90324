// `lr-find`: which learning rate a training might take.

import path from 'node:path';
import type { Command } from 'commander';
import { positive, wholeNumber } from '../parse.js';
import type { Register } from '../program.js';
import { openData } from '../training/images.js';
import { plotRates, type RateTest, testRates } from '../training/learning-rate.js';
import { chooseSettings, type GivenSettings } from '../training/settings.js';
import { settingOptions } from './setting-options.js';
import { backendChoice, type ComputeOptions, computeOptions, examples } from './shared.js';

interface RateOptions extends ComputeOptions, GivenSettings, RateTest {
  validationSplit?: number;
}

export function addRateFinder(program: Command, register: Register): void {
  const command = program
    .command('lr-find <data>')
    .description('trains some steps with growing learning rates and tells at which the loss falls fastest');
  settingOptions(command)
    .option('--from <x>', 'first rate; default 1e-6', positive)
    .option('--to <x>', 'last rate; default 10', positive)
    .option('--steps <n>', 'from the first to the last; default 100', wholeNumber(2));
  examples(command, [
    ['ocellus lr-find ./photos', 'a plot, and a rate'],
    ['ocellus lr-find ./cifar10 --model tiny --steps 60', ''],
    ['ocellus lr-find ./photos --json', 'every rate and its loss'],
    ['ocellus train ./photos --learning-rate auto', 'finds it and trains with it'],
  ]);
  computeOptions(command).action((place: string, options: RateOptions) =>
    register(options.json ?? false, async (io) => {
      const { from, to, steps, validationSplit } = options;
      const data = await openData(path.resolve(place), {
        seed: options.seed ?? 0,
        ...(validationSplit !== undefined && { validationSplit }),
      });
      const { settings, reasons } = chooseSettings(options, await data.facts());
      io.say(`${place}: ${data.train.length} images, ${data.classNames.length} classes`);
      for (const reason of reasons.filter((line) => !/^(epochs|learningRate) /.test(line))) io.say(`  ${reason}`);
      const test = { ...(from && { from }), ...(to && { to }), ...(steps && { steps }) };
      const found = await testRates(data, settings, backendChoice(options), test);
      if (found.rates.length > 0) io.say(`\n${plotRates(found)}\n`);
      if (found.suggestion === null) io.say('The loss fell at none of these rates.');
      else {
        io.say(`The loss falls fastest at ${found.suggestion.toPrecision(2)}. To train with it:`);
        io.say(`  npx ocellus train ${JSON.stringify(place)} --learning-rate ${found.suggestion.toPrecision(2)}`);
      }
      found.rates.forEach((rate, i) => void io.emit('rate', { rate, loss: found.losses[i] }));
      io.emit('result', { suggestion: found.suggestion });
      return undefined;
    }),
  );
}
