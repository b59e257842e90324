// What a classifier's answers say, on answers that are known.

import { describe, expect, it } from 'vitest';
import { type Answer, Interpretation, interpret, layers, sequential } from '../../src/index.js';

/** A model that gives back the probabilities whose logarithms it gets. */
const mirror = (classes: number) => sequential([layers.activation({ activation: 'softmax', inputShape: [classes] })]);
const logarithm = (value: number) => Math.log(Math.max(1e-30, value));

const rows = [
  [0.93, 0.07, 0],
  [0.2, 0.8, 0],
  [0.6, 0.3, 0.1],
  [0, 0, 1],
  [0.25, 0.25, 0.5],
];
const truth = [0, 1, 1, 2, 0];

async function* batches(y: (from: number, to: number) => unknown = (from, to) => truth.slice(from, to)) {
  for (const [from, to] of [
    [0, 3],
    [3, 5],
  ]) {
    const x = { data: Float32Array.from(rows.slice(from, to).flat(), logarithm), shape: [to - from, 3] };
    yield { x, y: y(from, to), file: ['a', 'b', 'c', 'd', 'e'].slice(from, to) } as never;
  }
}
const dataset = (y?: Parameters<typeof batches>[0]) => ({ [Symbol.asyncIterator]: () => batches(y) });

describe('interpret', () => {
  it('tells what was taken for what, and how sure it was', async () => {
    const found = await interpret(mirror(3), dataset());
    expect(found.confusion).toEqual([
      [1, 0, 1],
      [1, 1, 0],
      [0, 0, 1],
    ]);
    expect(found.accuracy).toBe(3 / 5);
    expect(found.loss).toBeCloseTo(-(Math.log(0.93) + Math.log(0.8) + Math.log(0.3) + 0 + Math.log(0.25)) / 5, 6);
    expect(found.perClass()).toEqual([
      { precision: 1 / 2, recall: 1 / 2, f1: 1 / 2, support: 2 },
      { precision: 1, recall: 1 / 2, f1: 2 / 3, support: 2 },
      { precision: 1 / 2, recall: 1, f1: 2 / 3, support: 1 },
    ]);
    expect(found.mostConfused()).toEqual([
      { trueClass: 0, predictedClass: 2, count: 1, rate: 0.5 },
      { trueClass: 1, predictedClass: 0, count: 1, rate: 0.5 },
    ]);
    expect(found.mostConfused(2)).toEqual([]);
    expect(found.topLosses(2).map(({ file, index }) => [file, index])).toEqual([
      ['e', 4],
      ['c', 2],
    ]);
    expect(found.answers[2]).toMatchObject({ file: 'c', trueClass: 1, predictedClass: 0 });
    expect(found.answers[2].trueProbability).toBeCloseTo(0.3, 6);
  });

  it('bins by confidence: the last bin holds certainty, empty ones have no means', async () => {
    const { bins, expectedCalibrationError } = (await interpret(mirror(3), dataset())).reliability();
    expect(bins.map(({ count }) => count)).toEqual([0, 0, 0, 0, 0, 1, 1, 0, 1, 2]);
    expect(bins[0]).toEqual({ confidence: Number.NaN, accuracy: Number.NaN, count: 0 });
    expect(bins[9].confidence).toBeCloseTo(0.965, 6);
    expect(expectedCalibrationError).toBeCloseTo((0.5 + 0.6 + 0.2 + 0.07 + 0) / 5, 6);
  });

  it('takes one-hot targets, and shows every sample to whoever listens', async () => {
    const oneHot = (from: number, to: number) => ({
      data: Float32Array.from(truth.slice(from, to).flatMap((label) => [0, 1, 2].map((c) => Number(c === label)))),
      shape: [to - from, 3],
    });
    const seen: [Answer, number[]][] = [];
    const found = await interpret(mirror(3), dataset(oneHot), {
      onAnswer: (answer, { data }) =>
        seen.push([answer, Array.from(data, (value) => Math.round(100 * Math.exp(value)) / 100)]),
    });
    expect(found.confusion).toEqual((await interpret(mirror(3), dataset())).confusion);
    expect(seen.map(([, values]) => values)).toEqual(rows);
    expect(seen.map(([answer]) => answer)).toEqual(found.answers);
  });

  it('takes the softmax of scores, and one output for the second of two classes', async () => {
    const scores = await interpret(sequential([layers.rescaling({ scale: 3, inputShape: [3] })]), dataset());
    expect(scores.answers.map((one) => one.predictedClass)).toEqual([0, 1, 0, 2, 2]);
    const cubes = rows[2].map((value) => value ** 3);
    expect(scores.answers[2].probability).toBeCloseTo(cubes[0] / cubes.reduce((sum, cube) => sum + cube, 0), 5);

    const two = sequential([layers.dense({ units: 1, activation: 'sigmoid', inputShape: [3] })]);
    two.setWeights({ 'dense/kernel': [4, 0, 0], 'dense/bias': [2] });
    const yesNo = await interpret(
      two,
      dataset((from, to) => truth.slice(from, to).map((label) => [Number(label === 0)])),
    );
    expect(yesNo.confusion).toEqual([
      [3, 0],
      [1, 1],
    ]);
    expect(yesNo.answers[0].probability).toBeCloseTo(1 / (1 + Math.exp(-2 - 4 * Math.log(0.93))), 5);
  });

  it('has no scores of a class that is not there', () => {
    const answer = { index: 0, file: '', trueClass: 0, predictedClass: 0, probability: 1, trueProbability: 1, loss: 0 };
    expect(new Interpretation([answer], 2).perClass()[1]).toEqual({
      precision: Number.NaN,
      recall: Number.NaN,
      f1: Number.NaN,
      support: 0,
    });
  });

  it('refuses what it cannot read', async () => {
    const none = { [Symbol.asyncIterator]: async function* () {} };
    await expect(interpret(mirror(3), none)).rejects.toThrow(/at least one batch/);
    await expect(
      interpret(
        mirror(3),
        dataset(() => [0, 1, 3]),
      ),
    ).rejects.toThrow(/class numbers from 0 to 2.*got 3/);
    await expect(
      interpret(
        mirror(3),
        dataset(() => [0, 1]),
      ),
    ).rejects.toThrow(/3 class numbers/);
    await expect(interpret(mirror(3), dataset(), { onanswer: 1 } as never)).rejects.toThrow(/onAnswer/);
    const image = sequential([layers.reshape({ targetShape: [3, 1], inputShape: [3] })]);
    await expect(interpret(image, dataset())).rejects.toMatchObject({ code: 'ERR_OCELLUS_SHAPE' });
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(interpret(mirror(3), dataset(), { signal: aborted })).rejects.toThrow('enough');
  });
});
