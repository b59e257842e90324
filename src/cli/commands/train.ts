// `train`: a folder of pictures becomes a model, with settings chosen from the data where none are given.

import { type Command, Option } from 'commander';
import { type BackboneName, backboneNames } from '../../zoo/backbones.js';
import { duration, positive, share, wholeNumber } from '../parse.js';
import type { Register } from '../program.js';
import { type TrainCall, trainFolder } from '../training/train-folder.js';
import { type ComputeOptions, computeOptions } from './shared.js';

type Options = ComputeOptions & Omit<TrainCall, 'folder' | 'compute'>;

export function addTrain(program: Command, register: Register): void {
  const command = program
    .command('train [folder]')
    .description('trains a classifier on a folder of class folders, or on train/ and val/ of such folders')
    .addOption(new Option('--model <name>', 'backbone').choices(backboneNames as BackboneName[]))
    .option('--image-size <n>', 'side that images are brought to, in pixels', wholeNumber(8))
    .option('--epochs <n>', 'times that every image is looked at', wholeNumber(1))
    .option('--batch-size <n>', 'images in a step', wholeNumber(1))
    .option('--learning-rate <x>', 'the highest of the schedule', positive)
    .option('--weight-decay <x>', 'share of a weight that is taken away, times the rate', Number)
    .option('--label-smoothing <x>', 'share of the target that the other classes have', share)
    .addOption(new Option('--augment <kind>', 'random changes of training images').choices(['default', 'none']))
    .option('--flip', 'mirror training images at random')
    .option('--no-flip', 'do not, as for letters and digits')
    .option('--validation-split <x>', 'share held back where there is no val folder', share)
    .option('--seed <n>', 'of everything random', wholeNumber(0))
    .option('--time <t>', 'plan the epochs into this time: 90s, 10m, 1h', duration)
    .option('--runs <folder>', 'where runs are kept', 'runs')
    .option('--resume <run>', 'go on with an interrupted run: runs/train')
    .option('--dry-run', 'some batches of every phase, then what the whole would take');
  computeOptions(command).action((folder: string | undefined, options: Options) => {
    const { json = false, threads, backend, ...settings } = options;
    const compute = { ...(threads && { threads }), ...(backend && { backend }) };
    register(json, (io) => trainFolder(io, { folder, compute, ...settings }));
  });
}
