// The bench harness: its command line, its networks, its judgement of a quiet machine, and one very short measurement.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const hasDist = existsSync(path.join(root, 'dist/index.js'));
const hasAddon = existsSync(path.join(root, 'build/Release/ocellus.node'));
if (!hasDist) console.warn('skipped: the bench runs on dist/, which is not built (npm run build)');
else if (!hasAddon) console.warn('skipped: measurements of the bench, for there is no native addon (npm run build)');

function bench(...args: string[]) {
  const env = { ...process.env, OCELLUS_PYTHON: '' };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bench/run.mjs', ...args], {
    cwd: root,
    encoding: 'utf8',
    env,
  });
  return { status, stdout, stderr };
}

function linesOf(...args: string[]) {
  const { status, stdout, stderr } = bench(...args, '--json');
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** A module of the bench; it has no types. */
const load = (file: string) => import(path.join(root, 'bench', file));

describe.skipIf(!hasDist)('command line', () => {
  it.each([
    [['gem'], /bench: expected one of gemm, conv, .*, got 'gem'\n {2}help: did you mean 'gemm'\?/],
    [[], /bench: expected one of gemm, .*got 'nothing'/],
    [['train', '--nets', 'lenet'], /option 'nets': expected one of lenet5, .*\n {2}help: did you mean 'lenet5'\?/],
    [['train', '--sizes', '3'], /bench train: expected one of the options nets, .*, got 'sizes'/],
    [['train', '--thread', '3'], /help: did you mean 'threads'\?/],
    [['train', '--threads', '0'], /option 'threads': expected whole numbers from 1, got 0/],
    [['train', '--threads'], /option 'threads': expected one or several numbers, got nothing/],
    [['train', '--seconds', '-1'], /option 'seconds': expected a positive number, got -1/],
    [['compare', '--peers', 'torhc'], /help: did you mean 'torch'\?/],
    [['compare', '--mode', 'fit'], /option 'mode': expected one of train, infer, got 'fit'/],
  ])('%j is refused', (args, message) => {
    const { status, stdout, stderr } = bench(...args);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  it('--help lists every bench', () => {
    const { status, stdout } = bench('--help');
    expect(status).toBe(0);
    for (const name of ['gemm', 'conv', 'train', 'infer', 'fallback', 'memory', 'parameters', 'compare']) {
      expect(stdout).toContain(`\n  ${name} `);
    }
  });

  it('reads lists and numbers', async () => {
    const { parseOptions } = await load('options.mjs');
    const options = parseOptions(['train', '--nets', 'lenet5,vgg16', '--threads', '1,2', '--seconds', '0.5', '--json']);
    expect(options).toEqual({
      bench: 'train',
      json: true,
      against: undefined,
      nets: ['lenet5', 'vgg16'],
      threads: [1, 2],
      seconds: 0.5,
    });
  });

  it('reports a peer that is not there, and measures nothing for it', () => {
    const [line, ...others] = linesOf('compare', '--peers', 'torch', '--nets', 'lenet5', '--mode', 'train');
    expect(line).toMatchObject({ bench: 'compare', peer: 'torch', absent: expect.stringContaining('--python') });
    expect(others).toEqual([]);
  });
});

describe.skipIf(!hasDist)('networks', () => {
  it('have as many parameters as the originals', () => {
    const counts = Object.fromEntries(linesOf('parameters').map(({ net, parameters }) => [net, parameters]));
    expect(counts).toEqual({
      lenet5: 61_706,
      mnistcnn: 34_826,
      cifarcnn: 1_250_858,
      resnet20: 272_474,
      alexnet: 61_100_840,
      vgg11: 132_863_336,
      vgg16: 138_357_544,
      resnet18: 11_689_512,
      resnet50: 25_557_032,
      mobilenetv2: 3_504_872,
      alexnet2012: 60_965_224,
      alexnet2012ungrouped: 62_378_344,
      resnet20identity: 269_722,
      resnet34: 21_797_672,
      squeezenet: 1_235_496,
      densenet121: 7_978_856,
      unet: 31_030_658,
    });
  });
});

describe.skipIf(!hasDist)('quiet machine', () => {
  const quiet = { peak: 100, others: 0, value: 'quiet' };

  it('counts a sample only when the peak was near the best one and others left the processors alone', async () => {
    const { QuietGate } = await load('quiet.mjs');
    const gate = new QuietGate(() => 100);
    const slow = { ...quiet, peak: 85, value: 'slow' };
    const crowded = { ...quiet, others: 1, value: 'crowded' };
    expect(gate.settle([slow, quiet, crowded])).toEqual({ values: ['quiet'], quiet: true });
    // A peak that was always disturbed looks like the best one: the second sign has to tell.
    expect(gate.settle([crowded, crowded])).toEqual({ values: ['crowded', 'crowded'], quiet: false });
  });

  it('tries again a bounded number of times', async () => {
    const { QuietGate } = await load('quiet.mjs');
    const peaks = [100, 100, 100, 100];
    const gate = new QuietGate(() => peaks.shift() ?? 50);
    const attempts = await gate.attempt(async () => ({}), 3);
    expect(attempts).toHaveLength(3);
    expect(gate.settle(attempts).quiet).toBe(false);
  });
});

describe.skipIf(!hasDist)('report', () => {
  it('sets a line beside the one of an earlier run about the same', async () => {
    const { Report } = await load('report.mjs');
    const folder = mkdtempSync(path.join(tmpdir(), 'ocellus-bench-'));
    try {
      const file = path.join(folder, 'old.json');
      const about = { bench: 'train', net: 'lenet5', batch: 64, threads: 1 };
      const old = [
        { ...about, isa: 'avx2', ms: 8 },
        { ...about, isa: 'avx512', ms: 4 },
      ];
      writeFileSync(file, old.map((line) => JSON.stringify(line)).join('\n'));
      const written: string[] = [];
      const report = (json: boolean) => new Report({ json, against: file }, (text: string) => written.push(text));
      report(true).print({ ...about, isa: 'avx512', ms: 3 });
      report(false).print({ ...about, isa: 'neon', ms: 2 });
      report(true).print({ ...about, net: 'vgg16', ms: 2 });
      expect(JSON.parse(written[0]).was).toEqual({ ms: 4 });
      expect(written[1]).toContain('ms 2 (was 8, -75 %)');
      expect(JSON.parse(written[2])).not.toHaveProperty('was');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe.skipIf(!hasDist || !hasAddon)('measurement', () => {
  it('of a training step has every field', () => {
    const lines = linesOf('train', '--nets', 'lenet5', '--threads', '1', '--seconds', '0.2', '--rounds', '1');
    expect(lines).toHaveLength(1);
    const [line] = lines;
    expect(line).toMatchObject({ bench: 'train', net: 'lenet5', batch: 64, threads: 1, isa: expect.any(String) });
    for (const name of ['ms', 'medianMs', 'imagesPerSecond', 'peakRssMiB']) expect(line[name]).toBeGreaterThan(0);
    expect(line.medianMs).toBeGreaterThanOrEqual(line.ms);
    expect(typeof line.quiet).toBe('boolean');
  });
});
