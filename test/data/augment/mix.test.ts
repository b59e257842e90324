// mixUp and cutMix: labels add up to one and tell what is in the picture, whatever the order of the batch. And errors.

import { describe, expect, test } from 'vitest';
import { type Augmentation, augment } from '../../../src/index.js';

const labels = { data: Int32Array.of(0, 1, 2, 1, 0), shape: [5] };
/** Five pictures, each full of its own value. */
const x = { data: Float32Array.from({ length: 5 * 64 }, (_, i) => 10 * Math.floor(i / 64)), shape: [5, 8, 8, 1] };

describe.each([
  ['mixUp', augment.mixUp({ alpha: 1, classes: 3 })],
  ['cutMix', augment.cutMix({ classes: 3 })],
] as const)('%s', (name, step) => {
  test('labels add up to one and are the shares of the pictures', () => {
    const oneHot = (label: number) => [0, 1, 2].map((k) => (k === label ? 1 : 0));
    const { x: mixed, y } = step.applyBatch({ x, y: labels }, { seed: 3 });
    expect(y.shape).toEqual([5, 3]);
    let changed = 0;
    for (let i = 0; i < 5; i++) {
      const shares = Array.from(y.data).slice(3 * i, 3 * i + 3);
      expect(shares[0] + shares[1] + shares[2]).toBeCloseTo(1, 6);
      const pixels = Array.from(mixed.data.subarray(64 * i, 64 * i + 64));
      const mean = pixels.reduce((sum, value) => sum + value) / 64;
      const fits = [0, 1, 2, 3, 4].some((other) => {
        const own = other === i ? 1 : (mean - 10 * other) / (10 * i - 10 * other);
        const expected = oneHot(labels.data[i]).map(
          (share, k) => own * share + (1 - own) * oneHot(labels.data[other])[k],
        );
        return own >= 0 && own <= 1 && expected.every((share, k) => Math.abs(share - shares[k]) < 1e-5);
      });
      expect(fits).toBe(true);
      if (mean !== 10 * i) changed++;
      if (name === 'cutMix') expect(new Set(pixels).size).toBeLessThanOrEqual(2);
    }
    expect(changed).toBeGreaterThan(1);
  });

  test('does not depend on the order of the batch', () => {
    const order = [3, 0, 4, 1, 2];
    const moved = { data: new Float32Array(5 * 64), shape: x.shape };
    order.forEach((from, to) => moved.data.set(x.data.subarray(64 * from, 64 * from + 64), 64 * to));
    const y = { data: order.map((from) => labels.data[from]), shape: [5] };
    const first = step.applyBatch({ x, y: labels }, { epoch: 4, indices: [0, 1, 2, 3, 4] });
    const second = step.applyBatch({ x: moved, y }, { epoch: 4, indices: order });
    order.forEach((from, to) => {
      const part = (data: ArrayLike<number>, at: number, size: number) =>
        Array.from(data).slice(at * size, (at + 1) * size);
      expect(part(second.x.data, to, 64)).toEqual(part(first.x.data, from, 64));
      expect(part(second.y.data, to, 3)).toEqual(part(first.y.data, from, 3));
    });
  });

  test('takes shares of classes, bytes, one picture, none, and no labels', () => {
    const shares = { data: Float32Array.of(0.5, 0.5, 0, 1), shape: [2, 2] };
    const bytes = { data: Uint8Array.of(0, 200), shape: [2, 1, 1, 1] };
    const make = augment[name]({ alpha: 0.4 });
    const { x: mixed, y } = make.applyBatch({ x: bytes, y: shares });
    expect(mixed.data).toBeInstanceOf(Uint8Array);
    expect(y.data[0] + y.data[1]).toBeCloseTo(1, 6);
    const one = make.applyBatch({
      x: { data: Uint8Array.of(7), shape: [1, 1, 1, 1] },
      y: { data: [1, 0], shape: [1, 2] },
    });
    expect([...one.x.data, ...Array.from(one.y.data)]).toEqual([7, 1, 0]);
    expect(
      step.applyBatch({ x: { data: new Uint8Array(0), shape: [0, 2, 2, 1] }, y: { data: [], shape: [0] } }).y.shape,
    ).toEqual([0, 3]);
    expect(make.applyBatch({ x })).not.toHaveProperty('y');
    expect(x.data[64]).toBe(10);
  });

  test('counts samples on from batch to batch', () => {
    const second = step.applyBatch({ x, y: labels }, { seed: 2, epoch: 1, index: 3 });
    expect(second).toEqual(step.applyBatch({ x, y: labels }, { seed: 2, epoch: 1, indices: [15, 16, 17, 18, 19] }));
    expect(second).not.toEqual(step.applyBatch({ x, y: labels }, { seed: 2, epoch: 1 }));
  });

  test('works in a pipeline', () => {
    const pipeline = augment.compose([augment.randomFlip(), step, augment.randomBrightness({ factor: 0.1 })]);
    const place = { seed: 5, epoch: 1, indices: [8, 3, 5, 0, 1] };
    expect(pipeline.applyBatch({ x, y: labels }, place)).toEqual(pipeline.applyBatch({ x, y: labels }, place));
  });

  test('refuses what it cannot mix', () => {
    expect(() => step.apply({ data: new Uint8Array(4), shape: [2, 2, 1] })).toThrow(
      `${name}: expected a batch of pictures to mix`,
    );
    expect(() => step.applyBatch({ x, y: { data: [0, 1, 2, 3, 0], shape: [5] } })).toThrow(
      `${name}: y: expected class numbers below 3, got 3`,
    );
    expect(() => step.applyBatch({ x, y: { data: [0], shape: [1] } })).toThrow('expected labels [5] or [5, 3]');
    expect(() => augment[name]().applyBatch({ x, y: labels })).toThrow('say how many: classes');
    expect(() => augment.randomApply(step)).toThrow(`expected steps that change pictures one by one, got '${name}'`);
  });
});

test('the shares of mixUp follow the beta distribution', () => {
  const batch = { data: new Float32Array(2), shape: [2, 1, 1, 1] };
  const y = { data: [0, 1], shape: [2] };
  const shares = (alpha: number) =>
    Array.from(
      { length: 400 },
      (_, seed) => augment.mixUp({ alpha, classes: 2 }).applyBatch({ x: batch, y }, { seed }).y.data[0],
    );
  for (const alpha of [0.2, 1, 4]) {
    const sample = shares(alpha);
    const mean = sample.reduce((sum, share) => sum + share) / 400;
    const variance = sample.reduce((sum, share) => sum + (share - mean) ** 2, 0) / 400;
    expect(mean).toBeCloseTo(0.5, 1);
    expect(variance * 4 * (2 * alpha + 1)).toBeCloseTo(1, 0);
  }
});

test('wrong pictures, numbers and options are refused', () => {
  const flip = augment.randomFlip();
  const photo = { data: new Uint8Array(12), shape: [2, 2, 3] };
  const cases: [() => unknown, string][] = [
    [
      () => flip.apply({ data: new Uint8Array(12), shape: [12] }),
      'randomFlip: expected a picture [height, width, channels], got 12',
    ],
    [
      () => flip.apply({ data: new Uint8Array(0), shape: [0, 2, 3] }),
      'expected a picture [height, width, channels], got 0x2x3',
    ],
    [
      () => flip.apply({ data: new Uint8Array(5), shape: [2, 2, 3] }),
      'expected 12 numbers, as shape 2x2x3 asks for, got 5',
    ],
    [
      () => flip.apply({ data: new Int16Array(12) as unknown as Uint8Array, shape: [2, 2, 3] }),
      'expected pixels as Uint8Array or Float32Array',
    ],
    [() => flip.apply(photo, { seed: -1 }), 'seed -1'],
    [() => flip.apply(photo, { epoch: 0.5 }), 'epoch 0.5'],
    [() => flip.apply(photo, { indx: 3 } as augment.SamplePlace), "did you mean 'index'?"],
    [() => flip.applyBatch({ x: photo }), 'expected pictures [samples, height, width, channels]'],
    [
      () => flip.applyBatch({ x: { ...photo, shape: [1, 2, 2, 3] } }, { indices: [1, 2] }),
      'expected 1 numbers, one per picture, got 2',
    ],
    [
      () => augment.randomFlip({ mode: 'sideways' as 'vertical' }),
      "option 'mode': expected one of horizontal, vertical",
    ],
    [
      () => augment.randomRotation({ factor: 2 }),
      "randomRotation, option 'factor': expected a number, or two of them, from -1 to 1, got 2",
    ],
    [() => augment.randomRotation({ factor: [0.5, 0.1] }), 'expected the smaller of two numbers first'],
    [() => augment.randomBrightness({ factr: 1 } as unknown as { factor: number }), "did you mean 'factor'?"],
    [
      () => augment.randomInvert({ valueRange: [1, 0] }),
      "option 'valueRange': expected two numbers, the smaller one first",
    ],
    [() => augment.randomGaussianBlur({ kernelSize: 4 }), "option 'kernelSize': expected odd numbers, got 4"],
    [() => augment.compose([flip, 'x' as unknown as Augmentation]), "compose: expected a list of augment's steps"],
    [() => augment.randomChoice([]), 'expected at least one step, got none'],
    [() => augment.lambda(5 as never), 'lambda: expected a function, got 5'],
    [
      () => augment.lambda(() => photo).applyBatch({ x: { data: new Uint8Array(1), shape: [1, 1, 1, 1] } }),
      'expected 1 channels',
    ],
  ];
  for (const [call, message] of cases) expect(call).toThrow(message);
});
