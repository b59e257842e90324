// The report of a run: written by train, made again by `report`, with and without the data.

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { ReportData } from '../../src/report/data.js';
import { picture, temporaryFolder } from '../data/images.js';
import { call } from './harness.js';

const folder = temporaryFolder();
const photos = path.join(folder, 'my </script> photos');
const run = path.join(folder, 'runs', 'train');

/** The data that stand in a page. */
function dataOf(file: string): ReportData {
  const [, json] = /<script[^>]*id="report-data"[^>]*>([^<]*)</.exec(readFileSync(file, 'utf8')) ?? [];
  return JSON.parse(json);
}

async function makePhotos(): Promise<void> {
  for (const [index, name] of ['ä <b>', 'b', 'c'].entries()) {
    mkdirSync(path.join(photos, name), { recursive: true });
    for (let i = 0; i < 10; i++) await picture(20, 30, 60 * index + i).toFile(path.join(photos, name, `${i} &.png`));
  }
}

test('train writes a report, and `report` writes it again', async () => {
  await makePhotos();
  const settings = ['--epochs', '2', '--model', 'tiny', '--image-size', '16', '--batch-size', '8', '--threads', '1'];
  const trained = await call('train', photos, '--runs', path.dirname(run), '--json', ...settings);
  expect(trained).toMatchObject({ code: 0 });
  const result = trained.lines().at(-1);
  const file = path.join(run, 'report.html');
  expect(result).toMatchObject({ event: 'result', report: file });

  const data = dataOf(file);
  expect(data).toMatchObject({ version: 1, title: 'train', live: false, timedBatch: 1 });
  expect(data.dataset).toMatchObject({ classNames: ['b', 'c', 'ä <b>'], trainCounts: [8, 8, 8], valCounts: [2, 2, 2] });
  expect([data.dataset.samples.length, data.dataset.augmented.length]).toEqual([24, 24]);
  expect(data.dataset.augmented.map((one) => one.trueClass)).toEqual(data.dataset.samples.map((one) => one.trueClass));
  expect(data.curves).toMatchObject({ monitor: 'valAccuracy', epochs: 2 });
  expect(data.curves.points.map(({ epoch }) => epoch)).toEqual([1, 2]);
  for (const { learningRate, seconds, imagesPerSecond, metrics } of data.curves.points) {
    expect(Math.min(learningRate, seconds, imagesPerSecond)).toBeGreaterThan(0);
    expect(Object.keys(metrics)).toEqual(['loss', 'accuracy', 'valLoss', 'valAccuracy']);
  }
  expect(data.evaluation).toMatchObject({ samples: 6, accuracy: result.valAccuracy });
  expect(data.evaluation?.images).toHaveLength(6);
  expect(data.evaluation?.images[0]).toMatchObject({ file: expect.stringMatching(/^b\/\d &\.png$/) });
  expect(data.layers.find(({ name }) => name === 'conv2d')).toMatchObject({
    macs: 16 * 16 * 16 * 27,
    receptiveField: 3,
  });
  expect(data.environment.reproduce[0]).toMatch(/^npx ocellus train ".*photos" .*--batch-size 8/);

  expect(data.filters).toMatchObject({ layer: 'conv2d', snapshots: [{ epoch: 0 }, { epoch: 1 }, { epoch: 2 }] });
  expect(data.filters?.snapshots.every(({ filters }) => filters.length === 16)).toBe(true);
  expect(data.filters?.verdicts.map(({ layer }) => layer)).toContain('conv2d_9');
  expect(data.featureMaps).toHaveLength(3);
  for (const { layers } of data.featureMaps) {
    expect(layers.map(({ name }) => name)).toEqual(expect.arrayContaining(['relu', 'relu_5']));
    expect(layers[0]).toMatchObject({ shape: [16, 16, 16], shown: 16, columns: 8 });
    expect(layers.every(({ sheet }) => /^data:image\/(png|jpeg);base64,/.test(sheet))).toBe(true);
  }
  expect(data.activationMaps).toHaveLength(6);
  for (const { deletionCurve, probability, targetClass, scale } of data.activationMaps) {
    expect(deletionCurve[0][1]).toBeCloseTo(probability, 4);
    expect(deletionCurve.at(-1)?.[0]).toBe(1);
    expect([0, 1, 2]).toContain(targetClass);
    expect(scale).toHaveLength(9);
  }

  writeFileSync(file, 'lost');
  const again = await call('report', run, '--json');
  expect(again).toMatchObject({ code: 0, err: '' });
  expect(again.lines()).toMatchObject([{ event: 'result', report: file, valAccuracy: result.valAccuracy }]);
  expect({ ...dataOf(file), created: '', layers: [] }).toEqual({ ...data, created: '', layers: [] });
});

test('of data that changed or are gone `report` says what it cannot show', async () => {
  const file = path.join(run, 'report.html');
  rmSync(path.join(photos, 'b', '0 &.png'));
  const changed = await call('report', run);
  expect(changed.err).toMatch(/no longer those of the training/);
  expect(dataOf(file).dataset.warnings).toEqual([expect.stringMatching(/no longer those/)]);

  renameSync(photos, `${photos} elsewhere`);
  const gone = await call('report', run);
  expect(gone.code).toBe(0);
  expect(gone.err).toMatch(/warning: the data cannot be read .*no confusion matrix and no pictures/);
  const data = dataOf(file);
  expect(data.evaluation).toBeUndefined();
  expect(data.dataset).toMatchObject({ trainCounts: [8, 8, 8], samples: [], classNames: ['b', 'c', 'ä <b>'] });
  expect(data.curves).toMatchObject({ monitor: 'valAccuracy', points: { length: 2 } });
  expect(data.layers.length).toBeGreaterThan(5);
  expect([data.filters?.snapshots.length, data.filters?.verdicts, data.featureMaps, data.activationMaps]).toEqual([
    ...[3, [], [], []],
  ]);
});

test('`report` of what is no run, or has no whole epoch yet, is one sentence', async () => {
  expect(await call('report', path.join(folder, 'none'))).toMatchObject({
    code: 1,
    err: expect.stringMatching(/args\.json: expected what `ocellus train` has written/),
  });
  rmSync(path.join(run, 'model.safetensors'));
  const { code, err } = await call('report', run);
  expect(code).toBe(1);
  expect(err).toMatch(/model\.safetensors: expected/);
  expect(err).not.toMatch(/\n {4}at /);
});
