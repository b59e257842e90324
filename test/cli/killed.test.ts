// What a run is worth after the worst: a process that is killed at any moment, a disk that is full.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.js';
import { load } from '../../src/index.js';
import { writeFileAtomic } from '../../src/io/atomic.js';
import { picture, temporaryFolder } from '../data/images.js';
import { root } from '../snippets.js';
import { call } from './harness.js';

const folder = temporaryFolder();
const photos = path.join(folder, 'photos');
const quick = ['--model', 'tiny', '--image-size', '16', '--batch-size', '4', '--threads', '1', '--json'];
const program = path.join(root, 'dist', 'cli', 'main.js');

beforeAll(async () => {
  for (const name of ['a', 'b']) {
    mkdirSync(path.join(photos, name), { recursive: true });
    for (let i = 0; i < 8; i++) await picture(16, 16, 30 * i).toFile(path.join(photos, name, `${i}.png`));
  }
});

const start = (...args: string[]): ChildProcess =>
  spawn(process.execPath, [program, 'train', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });

/** Kills the process some milliseconds after so many epochs; true when it came to that. */
function killedAfter(child: ChildProcess, epochs: number, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    let seen = 0;
    child.stdout?.on('data', (chunk: Buffer) => {
      const before = seen;
      seen += chunk.toString().split('"event":"epoch"').length - 1;
      if (before < epochs && seen >= epochs) setTimeout(() => child.kill('SIGKILL'), milliseconds);
    });
    child.on('close', (_, signal) => resolve(signal === 'SIGKILL'));
  });
}

const epochsOf = (run: string) =>
  readFileSync(path.join(run, 'results.csv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => Number(line.split(',')[0]));

const weightsOf = async (run: string, name: string) => (await load(path.join(run, name))).getWeights();

describe('a training that is killed again and again', () => {
  it('has whole models at every moment, and ends as one that was never killed', async () => {
    const epochs = ['--epochs', '60'];
    const run = path.join(folder, 'killed', 'train');
    let kills = 0;
    for (const [i, milliseconds] of [0, 3, 7, 12, 18].entries()) {
      const args = i === 0 ? [photos, '--runs', path.dirname(run), ...epochs] : ['--resume', run];
      if (await killedAfter(start(...args, ...quick.slice(i === 0 ? 0 : -1)), 2 + i, milliseconds)) kills++;
      for (const name of ['model.safetensors', 'last.safetensors']) await weightsOf(run, name);
      expect(new Set(epochsOf(run)).size).toBeGreaterThan(i);
    }
    expect(kills).toBeGreaterThan(2);
    expect((await call('train', '--resume', run, '--json')).code).toBe(0);
    expect(readdirSync(run).filter((name) => name.startsWith('.'))).toEqual([]);

    const whole = await call('train', photos, '--runs', path.join(folder, 'whole'), ...epochs, ...quick);
    expect(whole.code).toBe(0);
    const other = path.join(folder, 'whole', 'train');
    expect(await weightsOf(run, 'last.safetensors')).toEqual(await weightsOf(other, 'last.safetensors'));
    const { curves } = JSON.parse(
      /id="report-data"[^>]*>([^<]*)</.exec(readFileSync(path.join(run, 'report.html'), 'utf8'))?.[1] ?? '',
    );
    expect(curves.points.map(({ epoch }: { epoch: number }) => epoch)).toEqual(
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
  }, 60_000);
});

/** A file system of its own, where one may be mounted. */
function mountSmall(name: string, size: string): string | null {
  const place = path.join(folder, name);
  mkdirSync(place);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place], { stdio: 'pipe' });
    mounted.push(place);
    return place;
  } catch {
    console.warn('skipped: a full disk, for nothing may be mounted here (root only)');
    return null;
  }
}
const mounted: string[] = [];
afterAll(() => {
  for (const place of mounted) execFileSync('umount', [place]);
});

describe('a full disk', () => {
  it('leaves the file that was there, and nothing else', async (context) => {
    const place = mountSmall('one', '1m') ?? context.skip();
    const file = path.join(place, 'model.bin');
    await writeFileAtomic(file, new Uint8Array(300_000).fill(1));
    await expect(writeFileAtomic(file, new Uint8Array(900_000))).rejects.toMatchObject({
      code: 'ERR_OCELLUS_DATA',
      message: expect.stringMatching(/ENOSPC[\s\S]*help: .*space for 900000 bytes/),
    });
    expect(readdirSync(place)).toEqual(['model.bin']);
    expect(readFileSync(file).every((byte) => byte === 1)).toBe(true);
  });

  it('is one sentence when a run begins on it', async (context) => {
    const place = mountSmall('two', '1m') ?? context.skip();
    const { code, err } = await call('train', photos, '--runs', place, '--epochs', '1', ...quick);
    expect(code).toBe(1);
    expect(err).toMatch(/ENOSPC.*\n {2}help: the folder .* space/);
    expect(err).not.toMatch(/\n {4}at /);
  });

  it('in the middle of a training keeps what was whole; with room again it goes on', async (context) => {
    const place = mountSmall('three', '24m') ?? context.skip();
    const run = path.join(place, 'train');
    const filler = path.join(place, 'filler');
    const out = new PassThrough();
    const err = new PassThrough();
    let epochs = 0;
    out.on('data', (chunk: Buffer) => {
      epochs += chunk.toString().split('"event":"epoch"').length - 1;
      if (epochs < 2 || existsSync(filler)) return;
      const { bavail, bsize } = statfsSync(place);
      writeFileSync(filler, new Uint8Array(Math.max(0, bavail * bsize - 500_000)));
    });
    const args = ['train', photos, '--runs', place, '--epochs', '12', ...quick];
    expect(await runProgram(args, out, err)).toBe(1);
    expect(String(err.read())).toMatch(/ENOSPC/);
    expect(statSync(filler).size).toBeGreaterThan(1e6);
    for (const name of ['model.safetensors', 'last.safetensors']) await weightsOf(run, name);
    const done = Math.max(...epochsOf(run));
    expect(done).toBeLessThan(11);

    rmSync(filler);
    expect(await call('train', '--resume', run, '--json')).toMatchObject({ code: 0 });
    expect(Math.max(...epochsOf(run))).toBe(11);
  });
});
