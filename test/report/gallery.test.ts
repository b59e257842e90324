// Which pictures a report keeps, and that they are small: of many classes and images, too.

import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.js';
import { layers, sequential } from '../../src/index.js';
import { evaluationPanel } from '../../src/report/evaluation.js';
import { Gallery } from '../../src/report/gallery.js';
import type { Answer } from '../../src/report/interpret.js';
import { telling } from '../../src/report/maps.js';

const limits = { most: 12, worst: 3, right: 2, perCell: 2 };
const sample = { data: Uint8Array.of(1, 2, 3), shape: [1, 1, 3] };

const answer = (index: number, trueClass: number, predictedClass: number, trueProbability: number): Answer => ({
  index,
  file: `${index}.jpg`,
  trueClass,
  predictedClass,
  probability: 0.5,
  trueProbability,
  loss: -Math.log(trueProbability),
});

describe('Gallery', () => {
  it('keeps the worst, some right ones, and something of every cell', () => {
    const gallery = new Gallery(limits);
    // A flood of one mistake, then a rare one and right answers.
    for (let i = 0; i < 100; i++) gallery.add(answer(i, 0, 1, 0.1 + i / 1000), sample);
    gallery.add(answer(100, 2, 3, 0.4), sample);
    for (let i = 101; i < 120; i++) gallery.add(answer(i, i % 4, i % 4, 0.9), sample);
    const kept = gallery.pictures().map((one) => one.answer);
    expect(kept.length).toBeLessThanOrEqual(limits.most);
    expect(kept.map(({ index }) => index)).toEqual(expect.arrayContaining([0, 1, 2, 100]));
    expect(new Set(kept.filter((one) => one.trueClass === one.predictedClass).map((one) => one.trueClass)).size).toBe(
      4,
    );
    expect(kept.map(({ index }) => index)).toEqual([...kept.map(({ index }) => index)].sort((a, b) => a - b));
  });

  it('copies what it keeps, and holds little while samples stream by', () => {
    const gallery = new Gallery(limits);
    const data = Uint8Array.of(7, 7, 7);
    gallery.add(answer(0, 0, 0, 1), { data, shape: [1, 1, 3] });
    data.fill(0);
    expect(gallery.pictures()[0].sample.data).toEqual(Uint8Array.of(7, 7, 7));
    for (let i = 1; i < 1000; i++) {
      gallery.add(answer(i, i % 30, (i * 7) % 30, 0.2), sample);
      expect((gallery as unknown as { kept: unknown[] }).kept.length).toBeLessThan(1.5 * limits.most);
    }
  });
});

it('100 classes and 10,000 noisy images make a panel of less than two megabytes, with right answers in it', async () => {
  const [classes, count, batch, side] = [100, 10_000, 500, 24];
  const random = new Random(1);
  const model = sequential([
    layers.globalAveragePooling2d({ inputShape: [side, side, 3] }),
    layers.dense({ units: classes, activation: 'softmax' }),
  ]);
  const noise = Uint8Array.from({ length: batch * side * side * 3 }, () => random.integer(256));
  async function* batches() {
    for (let at = 0; at < count; at += batch) {
      const x = { data: noise, shape: [batch, side, side, 3] };
      yield { x, y: Int32Array.from({ length: batch }, (_, i) => (at + i * 7) % classes) };
    }
  }
  const { panel } = await evaluationPanel(model, { [Symbol.asyncIterator]: batches });
  expect(JSON.stringify(panel).length).toBeLessThan(2e6);
  expect(panel.samples).toBe(count);
  expect(panel.images.length).toBeGreaterThan(100);
  expect(panel.topLosses).toHaveLength(36);
  expect(panel.images[panel.topLosses[0]].loss).toBe(Math.max(...panel.images.map(({ loss }) => loss)));
  for (const place of panel.rightAnswers) {
    expect(panel.images[place].predictedClass).toBe(panel.images[place].trueClass);
  }
});

it('the telling pictures are right and wrong ones in turn, and as many as asked for where one kind is missing', () => {
  const kept = (list: readonly Answer[]) => list.map((one) => ({ answer: one, sample }));
  const right = [0, 1, 2, 3].map((label) => answer(label, label, label, 0.9));
  const wrong = [10, 11, 12].map((index) => answer(index, 0, 1, 1 / index));
  const indices = (list: readonly Answer[], count: number) => telling(kept(list), count).map((one) => one.answer.index);
  expect(indices([...right, ...wrong], 4)).toEqual([0, 1, 12, 11]);
  expect(indices(right, 3)).toEqual([0, 1, 2]);
  expect(indices(wrong, 3)).toEqual([12, 11, 10]);
  expect(indices([...right, wrong[0]], 6)).toEqual([0, 1, 2, 10, 3]);
  const twice = answer(20, 0, 0, 0.9);
  expect(indices([right[0], twice, right[1], right[2]], 4)).toEqual([0, 1, 2, 20]);
  expect(indices([], 3)).toEqual([]);
});
