// `train`: pictures become a model, with settings chosen from the data where none are given.

import { type Command, Option } from 'commander';
import { duration, portNumber } from '../parse.js';
import type { Register } from '../program.js';
import { classWeights } from '../training/settings.js';
import { type TrainCall, trainFolder } from '../training/train-folder.js';
import { rateOrAuto, settingOptions } from './setting-options.js';
import { type ComputeOptions, computeOptions, examples } from './shared.js';

type Options = ComputeOptions &
  Omit<TrainCall, 'folder' | 'compute' | 'learningRate' | 'findRate'> & { learningRate?: number | 'auto' };

export function addTrain(program: Command, register: Register): void {
  const command = program
    .command('train [data]')
    .description(
      'trains a classifier on a folder of class folders (or train/ and val/ of such), or on files of CIFAR, MNIST, npz or Parquet',
    );
  settingOptions(command)
    .option('--learning-rate <x>', 'the highest of the schedule; auto: found by a test', rateOrAuto)
    .option('--time <t>', 'plan the epochs into this time: 90s, 10m, 1h', duration)
    .addOption(
      new Option(
        '--class-weight <kind>',
        'balanced: images of rare classes count more; default: by the counts',
      ).choices(classWeights),
    )
    .option('--live', 'serve the report on this machine while training runs')
    .option('--port <n>', 'port of --live; default: any that is free', portNumber)
    .option('--runs <folder>', 'where runs are kept', 'runs')
    .option('--resume <run>', 'go on with a run: runs/train; with --epochs also one that has ended')
    .option('--dry-run', 'some batches of every phase, then what the whole would take');
  examples(command, [
    ['ocellus train ./photos', 'photos/cat/1.jpg, photos/dog/2.jpg, …'],
    ['ocellus train ./photos --time 10m', 'as many epochs as fit'],
    ['ocellus train ./cifar10', 'a folder with data_batch_1.bin, …'],
    ['ocellus train ./mnist --model tiny --epochs 5', 'train-images-idx3-ubyte.gz, …'],
    ['ocellus train digits.npz', 'x_train, y_train and perhaps x_test, y_test'],
    ['ocellus train ./photos --live', 'curves in the browser while it trains'],
    ['ocellus train --resume runs/train', 'after Ctrl-C'],
  ]);
  computeOptions(command).action((folder: string | undefined, options: Options) => {
    const { json = false, threads, backend, learningRate, ...settings } = options;
    const compute = { ...(threads && { threads }), ...(backend && { backend }) };
    const rate = learningRate === 'auto' ? { findRate: true } : learningRate && { learningRate };
    register(json, (io) => trainFolder(io, { folder, compute, ...settings, ...rate }));
  });
}
