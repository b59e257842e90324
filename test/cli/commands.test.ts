// `lr-find`, `export`, `bench`, `demo` and the help of every command.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { plotRates } from '../../src/cli/training/learning-rate.js';
import { encodeNpz } from '../../src/data/npz.js';
import { createModel, layers, load, readNpz, sequential } from '../../src/index.js';
import { temporaryFolder } from '../data/images.js';
import { call } from './harness.js';

const folder = temporaryFolder();
const model = path.join(folder, 'model.safetensors');
const data = path.join(folder, 'two.npz');
beforeAll(async () => {
  const two = createModel('tiny', { inputShape: [16, 16, 3], classes: 2, seed: 1 });
  two.setPreprocessing({ classNames: ['cat', "dog's"] });
  two.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads: 1 });
  const x = {
    data: Uint8Array.from({ length: 24 * 768 }, (_, i) => (Math.floor(i / 768) % 2) * 150 + (i % 50)),
    shape: [24, 16, 16, 3],
  };
  const y = Int32Array.from({ length: 24 }, (_, i) => i % 2);
  await two.fit(x, y, { epochs: 1, verbose: 0 });
  await two.save(model);
  writeFileSync(data, encodeNpz({ x, y }));
});

const quick = ['--model', 'tiny', '--batch-size', '8', '--threads', '1'];

describe('lr-find', () => {
  test('tells every rate and a suggestion', async () => {
    const { code, lines } = await call(
      'lr-find',
      data,
      ...quick,
      '--steps',
      '12',
      '--from',
      '1e-5',
      '--to',
      '1',
      '--json',
    );
    expect(code).toBe(0);
    const rates = lines().filter(({ event }) => event === 'rate');
    expect(rates[0]).toMatchObject({ rate: 1e-5, loss: expect.any(Number) });
    expect(lines().at(-1)).toMatchObject({ event: 'result', suggestion: expect.any(Number) });
  });

  test('draws, and says how to train with it', async () => {
    const { out } = await call('lr-find', data, ...quick, '--steps', '12', '--from', '1e-5', '--to', '1');
    expect(out).toMatch(/●/);
    expect(out).toMatch(/npx ocellus train ".*two\.npz" --learning-rate \d/);
    expect((await call('lr-find', data, '--from', '-1')).code).toBe(2);
    expect((await call('lr-find', data, '--from', '1', '--to', '0.1')).err).toMatch(/a rate above 1/);
  });

  test('train --learning-rate auto takes it', async () => {
    const { code, lines } = await call(
      'train',
      data,
      ...quick,
      '--runs',
      path.join(folder, 'runs'),
      '--epochs',
      '1',
      '--learning-rate',
      'auto',
      '--json',
    );
    expect(code).toBe(0);
    const found = lines().find(({ event }) => event === 'learning-rate');
    const args = JSON.parse(readFileSync(path.join(folder, 'runs', 'train', 'args.json'), 'utf8'));
    expect(args.settings.learningRate).toBe(found.learningRate);
  });

  test('plots any curve', () => {
    const plot = plotRates({ rates: [1e-4, 1e-2, 1], losses: [2, 1, 9], suggestion: 1e-2 });
    expect(plot.split('\n')).toHaveLength(14);
    expect(plot.split('\n')[0]).toMatch(/^ +2\.000 │●.*┊.*●$/);
    expect(plotRates({ rates: [1], losses: [1], suggestion: null })).toMatch(/●/);
  });
});

describe('export', () => {
  test('safetensors: smaller, and predicts the same', async () => {
    const { code, lines } = await call('export', model, '--json');
    const [{ files, code: text }] = lines();
    expect(code).toBe(0);
    expect(files).toEqual([path.join(folder, 'model-export.safetensors')]);
    expect(statSync(files[0]).size).toBeLessThan(0.5 * statSync(model).size);
    expect((await load(files[0])).getWeights()).toEqual((await load(model)).getWeights());
    expect(text).toMatch(/await load\(".*model-export\.safetensors"\)[\s\S]*16x16[\s\S]*cat, dog's/);
  });

  test('npz and json hold every weight', async () => {
    const weights = (await load(model)).getWeights();
    const npz = path.join(folder, 'w.npz');
    await call('export', model, '--format', 'npz', '--output', npz);
    const arrays = await readNpz(npz);
    for (const [name, values] of Object.entries(weights)) expect(arrays[name].data, name).toEqual(values);
    const json = path.join(folder, 'web.json');
    expect((await call('export', model, '--format', 'json', '--output', json)).code).toBe(0);
    const manifest = JSON.parse(readFileSync(json, 'utf8'));
    const bytes = readFileSync(path.join(folder, manifest.weightsFile));
    expect(manifest.preprocessing.classNames).toEqual(['cat', "dog's"]);
    for (const { name, shape, byteOffset, byteLength } of manifest.weights) {
      const values = new Float32Array(
        bytes.buffer.slice(bytes.byteOffset + byteOffset, bytes.byteOffset + byteOffset + byteLength),
      );
      expect(values).toEqual(weights[name]);
      expect(shape.reduce((a: number, b: number) => a * b, 1)).toBe(values.length);
    }
  });

  test('the code that is printed runs', async () => {
    const plain = path.join(folder, 'plain.safetensors');
    const line = sequential([layers.dense({ units: 1, inputShape: [3] })]).compile({ optimizer: 'sgd', loss: 'mse' });
    await line.save(plain);
    const { out } = await call('export', plain);
    expect(out).toMatch(/new Float32Array\(3\), shape: \[1, 3\]/);
    const code = out.slice(out.indexOf('const model'));
    const body = `${code.replace('console.log(', 'return (')}`;
    const AsyncFunction = (async () => undefined).constructor as new (
      ...args: string[]
    ) => (f: typeof load) => Promise<unknown>;
    expect(await new AsyncFunction('load', body)(load)).toEqual([[expect.any(Number)]]);
  });

  test('does not write over the model, nor what it does not know', async () => {
    expect((await call('export', model, '--output', model)).err).toMatch(/another file than the model itself/);
    expect((await call('export', model, '--format', 'onnx')).err).toMatch(/safetensors, json, npz/);
  });
});

describe('bench', () => {
  test('a backbone on every backend', async () => {
    const { code, lines } = await call(
      'bench',
      'tiny',
      '--image-size',
      '8',
      '--batch-size',
      '2',
      '--seconds',
      '0.02',
      '--threads',
      '1',
      '--json',
    );
    expect(code).toBe(0);
    const speeds = lines().filter(({ event }) => event === 'bench');
    expect(speeds.at(-1)).toMatchObject({ backend: 'typescript', batchSize: 2, trainMs: expect.any(Number) });
  });

  test('a model file, and none', async () => {
    const { out } = await call('bench', model, '--batch-size', '2', '--seconds', '0.02', '--backend', 'typescript');
    expect(out).toMatch(/typescript │ +[\d.]+ │/);
    const { code, err } = await call('bench', 'tinny');
    expect([code, err]).toEqual([1, expect.stringMatching(/did you mean 'tiny'/)]);
  });
});

const main = path.join(process.cwd(), 'dist/cli/main.js');
if (!existsSync(main)) console.warn('demo skipped: dist/ is not built (npm run build)');

test.skipIf(!existsSync(main))('demo', async () => {
  const idx = (shape: number[], values: Uint8Array) => {
    const header = Buffer.alloc(4 + 4 * shape.length);
    header.set([0, 0, 8, shape.length]);
    shape.forEach((size, axis) => void header.writeUInt32BE(size, 4 + 4 * axis));
    return Buffer.concat([header, values]);
  };
  const digits = path.join(folder, 'digits');
  mkdirSync(digits);
  for (const part of ['train', 't10k']) {
    writeFileSync(path.join(digits, `${part}-images-idx3-ubyte`), idx([12, 28, 28], new Uint8Array(12 * 784).fill(9)));
    writeFileSync(
      path.join(digits, `${part}-labels-idx1-ubyte`),
      idx(
        [12],
        Uint8Array.from({ length: 12 }, (_, i) => i % 10),
      ),
    );
  }
  const options = ['--data', digits, '--epochs', '1', '--threads', '1', '--model', 'lenet5'];
  const printed = execFileSync(process.execPath, [main, 'demo', ...options, '--json'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const events = printed
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events).toMatchObject([{ event: 'epoch' }, { event: 'result', testAccuracy: expect.any(Number) }]);
});

test('every command has examples', async () => {
  const { out } = await call('--help');
  const names = [...out.slice(out.indexOf('Commands:'), out.indexOf('Examples:')).matchAll(/^ {2}([a-z-]+)/gm)].map(
    ([, name]) => name,
  );
  expect(names).toEqual(expect.arrayContaining(['train', 'lr-find', 'check', 'export', 'bench', 'demo']));
  for (const name of names.filter((one) => one !== 'help')) {
    const help = await call(name, '--help');
    expect(help.code, name).toBe(0);
    expect(help.out, name).toMatch(new RegExp(`Examples:\\n  .*ocellus ${name}`));
    expect(help.out, name).toMatch(/--json/);
  }
});
