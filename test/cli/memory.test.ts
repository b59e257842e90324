// The batch that memory suffices for, weights of classes, and runs that are gone on with.

import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it, test } from 'vitest';
import { Io } from '../../src/cli/io.js';
import { fittingBatch } from '../../src/cli/training/memory.js';
import { chooseSettings, classWeightOf } from '../../src/cli/training/settings.js';
import { trainFolder } from '../../src/cli/training/train-folder.js';
import { picture, temporaryFolder } from '../data/images.js';

describe('the batch', () => {
  const bytes = (batch: number) => 100 + 10 * batch;

  it.each([
    [64, 10_000, 64],
    [64, 925, 64],
    [64, 900, 32],
    [64, 300, 8],
    [33, 200, 4],
    [64, 10, 1],
    [1, 10, 1],
  ])('of %i with %i bytes free is %i', (batch, available, expected) => {
    const { batchSize, reason } = fittingBatch(batch, bytes, available);
    expect(batchSize).toBe(expected);
    expect(reason === undefined).toBe(batch === expected);
  });
});

describe('weights of classes', () => {
  const facts = { images: 100, classes: 3, channels: 3, sizes: [[32, 32]] as const };

  it('balance classes of which one has more than three times the images of another', () => {
    const even = chooseSettings({}, { ...facts, counts: [30, 10, 20] });
    expect(even.settings.classWeight).toBe('none');
    const uneven = chooseSettings({}, { ...facts, counts: [31, 10, 20] });
    expect(uneven.settings.classWeight).toBe('balanced');
    expect(uneven.reasons.join('\n')).toMatch(/classWeight balanced: classes have from 10 to 31 images/);
    expect(chooseSettings({ classWeight: 'none' }, { ...facts, counts: [31, 10] }).settings.classWeight).toBe('none');
    expect(chooseSettings({}, facts).settings.classWeight).toBe('none');
  });

  it('are 1 on average over the images, also where a class has none', () => {
    const counts = [60, 0, 20, 10];
    const weights = classWeightOf({ classWeight: 'balanced' }, counts) as number[];
    expect(weights).toEqual([0.5, 1, 1.5, 3]);
    expect(counts.reduce((sum, count, i) => sum + count * weights[i], 0)).toBe(90);
    expect(classWeightOf({ classWeight: 'none' }, counts)).toBeUndefined();
  });
});

const folder = temporaryFolder();
const photos = path.join(folder, 'photos');
const runs = path.join(folder, 'runs');

async function train(options: object, available?: number) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const io = new Io(true, out, err);
  const compute = { threads: 1 };
  const fixed = { folder: photos, compute, runs, model: 'tiny', imageSize: 16, batchSize: 16 } as const;
  const code = await trainFolder(io, { ...fixed, ...options }, available);
  const events = String(out.read() ?? '').trim().split('\n').filter(Boolean).map((line) => JSON.parse(line)); // biome-ignore format: a chain
  return { code, events, err: String(err.read() ?? '') };
}

test('a training whose memory would not suffice takes smaller batches, and says so', async () => {
  for (const [name, count] of Object.entries({ many: 20, few: 5 })) {
    mkdirSync(path.join(photos, name), { recursive: true });
    for (let i = 0; i < count; i++) await picture(16, 16, 9 * i).toFile(path.join(photos, name, `${i}.png`));
  }
  const { code, events, err } = await train({ epochs: 1 }, 8e6);
  expect(code).toBe(0);
  expect(err).toMatch(/batchSize \d: training with 16 takes .* MB, .* of memory are free/);
  expect(events[0]).toMatchObject({ event: 'settings', classWeight: 'balanced' });
  expect(events[0].batchSize).toBeLessThan(16);
});

describe('--resume', () => {
  it('of a run that has ended says so, and goes on with more epochs', async () => {
    expect(await train({ epochs: 2, runs: path.join(folder, 'again') })).toMatchObject({ code: 0 });
    const run = path.join(folder, 'again', 'train');
    const results = () => readFileSync(path.join(run, 'results.csv'), 'utf8').trim().split('\n').slice(1);
    expect(results()).toHaveLength(2);
    for (const epochs of [undefined, 2, 1]) {
      const { code, events } = await train({ resume: run, epochs });
      expect([code, events]).toEqual([0, [{ event: 'finished', run, epochs: 2 }]]);
    }
    const more = await train({ resume: run, epochs: 4 });
    expect(more.events.filter(({ event }) => event === 'epoch').map(({ epoch }) => epoch)).toEqual([3, 4]);
    expect(results().map((line) => line.split(',')[0])).toEqual(['0', '1', '2', '3']);
    expect(JSON.parse(readFileSync(path.join(run, 'args.json'), 'utf8')).settings.epochs).toBe(4);
    expect((await train({ resume: run })).events).toMatchObject([{ event: 'finished', epochs: 4 }]);
  });
});
