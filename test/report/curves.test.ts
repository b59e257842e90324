// Curves from results.csv, whatever happened to the training that wrote it.

import { expect, it } from 'vitest';
import { curvesPanel } from '../../src/report/curves.js';

const header = 'epoch,loss,valAccuracy,seconds,learningRate,imagesPerSecond';

it('reads epochs from 1, and the best one', () => {
  const csv = `${header}\n0,2,0.5,1.5,0.001,100\n1,1,0.8,1.25,0.002,120\n2,0.9,0.8,1,0.001,110\n`;
  const panel = curvesPanel(csv, 'valAccuracy', 5);
  expect(panel).toMatchObject({ monitor: 'valAccuracy', bestEpoch: 2, epochs: 5 });
  expect(panel.points[1]).toEqual({
    epoch: 2,
    seconds: 1.25,
    learningRate: 0.002,
    imagesPerSecond: 120,
    metrics: { loss: 1, valAccuracy: 0.8 },
  });
  expect(curvesPanel(csv, 'loss', 5).bestEpoch).toBe(3);
});

it('is empty before the first epoch', () => {
  for (const csv of ['', `${header}\n`]) {
    expect(curvesPanel(csv, 'loss', 3)).toEqual({ monitor: 'loss', epochs: 3, points: [] });
  }
});

it('takes an epoch that was done again as it was the last time, and passes over a line that was cut off', () => {
  const csv = `${header}\n0,2,0.5,1,1,1\n1,9,0.1,1,1,1\n1,1,0.8,1,1,1\n2,0.`;
  const { points } = curvesPanel(csv, 'valAccuracy', 5);
  expect(points.map(({ epoch, metrics }) => [epoch, metrics.loss])).toEqual([
    [1, 2],
    [2, 1],
  ]);
});

it('reads files of older versions, which have no times, and numbers that are none', () => {
  const { points, bestEpoch } = curvesPanel('epoch,loss\n0,NaN\n1,0.5\n', 'loss', 2);
  expect(points.map(({ seconds }) => seconds)).toEqual([Number.NaN, Number.NaN]);
  expect(bestEpoch).toBe(2);
});
