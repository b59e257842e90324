// Augmentation: known answers on tiny pictures, invariants of every step, and the promise that a picture depends on seed,
// epoch and sample number alone.

import { describe, expect, test } from 'vitest';
import { type Augmentation, augment } from '../../../src/index.js';

type Step = Augmentation;
type Sample = augment.ImageSample;

const sample = (shape: number[], dtype: 'uint8' | 'float32' = 'uint8'): Sample => {
  const length = shape.reduce((product, size) => product * size, 1);
  const value = (_: unknown, i: number) => (i * 7919 + 31) % 256;
  return { data: dtype === 'uint8' ? Uint8Array.from({ length }, value) : Float32Array.from({ length }, value), shape };
};
const row = (...values: number[]): Sample => ({ data: Uint8Array.from(values), shape: [1, values.length, 1] });
const values = ({ data }: Sample) => Array.from(data);

/** Every step that changes pictures one by one, always at work and far from doing nothing. */
const steps: Record<string, Step> = {
  randomFlip: augment.randomFlip(),
  randomRotation: augment.randomRotation({ factor: 0.5, fillMode: 'wrap' }),
  randomTranslation: augment.randomTranslation({ heightFactor: 0.4, widthFactor: 0.4 }),
  randomZoom: augment.randomZoom({ heightFactor: 0.5, widthFactor: 0.5, fillMode: 'nearest' }),
  randomShear: augment.randomShear({ xFactor: 0.5, yFactor: 0.5, fillMode: 'constant', fillValue: 9 }),
  randomPerspective: augment.randomPerspective({ scale: 1 }),
  randomCrop: augment.randomCrop({ height: 5, width: 7, padding: 3 }),
  randomResizedCrop: augment.randomResizedCrop({ height: 6, width: 5 }),
  randomElasticTransform: augment.randomElasticTransform({ scale: [0.8, 1] }),
  randomBrightness: augment.randomBrightness({ factor: 0.5 }),
  randomContrast: augment.randomContrast({ factor: 0.8 }),
  randomSaturation: augment.randomSaturation({ factor: [0, 1] }),
  randomHue: augment.randomHue({ factor: 1 }),
  randomColorJitter: augment.randomColorJitter({ brightnessFactor: 0.2, saturationFactor: 0.3, hueFactor: 0.5 }),
  randomChannelShift: augment.randomChannelShift({ factor: 0.3 }),
  randomGrayscale: augment.randomGrayscale({ factor: 0.7 }),
  randomColorDegeneration: augment.randomColorDegeneration({ factor: 1 }),
  randomInvert: augment.randomInvert({ factor: 0.6 }),
  randomPosterization: augment.randomPosterization({ factor: [1, 4] }),
  solarization: augment.solarization({ additionFactor: 0.3, thresholdFactor: 1 }),
  equalization: augment.equalization({ factor: 0.9 }),
  autoContrast: augment.autoContrast(),
  randomSharpness: augment.randomSharpness({ factor: 1 }),
  randomGaussianBlur: augment.randomGaussianBlur({ kernelSize: [3, 7], sigma: 3 }),
  randomNoise: augment.randomNoise({ factor: 0.5 }),
  randomErasing: augment.randomErasing({ factor: 0.9 }),
  randAugment: augment.randAugment({ numOps: 3, factor: [0, 1] }),
  trivialAugment: augment.trivialAugment(),
  randomApply: augment.randomApply(augment.randomInvert()),
  randomChoice: augment.randomChoice([augment.randomInvert(), augment.randomFlip()]),
  lambda: augment.lambda(({ data, shape }, random) => ({ data: data.map((value) => value * random.uniform()), shape })),
  compose: augment.compose([
    augment.randomFlip(),
    augment.randomRotation({ factor: 0.1 }),
    augment.randomResizedCrop({ height: 8, width: 8 }),
    augment.randomBrightness({ factor: 0.3 }),
    augment.randomTranslation({ heightFactor: 0.2, widthFactor: 0.2, fillMode: 'constant' }),
  ]),
};

describe.each(Object.entries(steps))('%s', (name, step) => {
  const photos = [sample([6, 9, 3]), sample([6, 9, 3], 'float32')];

  test('repeats a picture by seed, epoch and number, and makes others of others', () => {
    for (const photo of photos) {
      const at = (seed: number, epoch: number, index: number) => values(step.apply(photo, { seed, epoch, index }));
      expect(at(3, 1, 4)).toEqual(at(3, 1, 4));
      const several = Array.from({ length: 12 }, (_, i) => String(at(i % 2, (i >> 1) % 2, i >> 2)));
      if (name !== 'autoContrast') expect(new Set(several).size).toBeGreaterThan(1);
    }
  });

  test('gives a picture the same alone and in any batch', () => {
    const size = 5 * 4 * 3;
    const x = sample([7, 5, 4, 3]);
    const indices = [4, 0, 9, 2, 7, 1, 100];
    const whole = step.applyBatch({ x }, { seed: 8, epoch: 2, indices }).x;
    const each = whole.data.length / 7;
    indices.forEach((index, i) => {
      const photo = { data: x.data.subarray(i * size, (i + 1) * size), shape: [5, 4, 3] };
      const alone = step.apply(photo, { seed: 8, epoch: 2, index });
      expect(values(alone)).toEqual(Array.from(whole.data.subarray(i * each, (i + 1) * each)));
      expect(alone.shape).toEqual(whole.shape.slice(1));
    });
  });

  test('keeps type, range and number of channels, and never writes to its input', () => {
    for (const shape of [
      [1, 1, 3],
      [1, 1, 1],
      [13, 1, 3],
      [1, 7, 1],
      [5, 6, 1],
      [4, 4, 4],
      [3, 5, 2],
      [11, 7, 3],
    ]) {
      for (const dtype of ['uint8', 'float32'] as const) {
        const photo = sample(shape, dtype);
        for (let index = 0; index < 6; index++) {
          const result = step.apply(photo, { index });
          expect(result.data.constructor).toBe(photo.data.constructor);
          expect(result.shape[2]).toBe(shape[2]);
          expect(result.data.length).toBe(result.shape[0] * result.shape[1] * result.shape[2]);
          expect(result.data.every((value) => value >= -1e-3 && value <= 255.001)).toBe(true);
        }
        expect(photo).toEqual(sample(shape, dtype));
      }
    }
  });

  test('takes a batch without pictures', () => {
    const { x } = step.applyBatch({ x: { data: new Uint8Array(0), shape: [0, 4, 4, 3] } });
    expect(x.data.length).toBe(0);
    expect(x.shape[0]).toBe(0);
  });

  test('tells its options as JSON', () => {
    expect(step.toJSON()).toMatchObject({ type: name });
    expect(JSON.parse(JSON.stringify(step))).toEqual(step.toJSON());
  });
});

/** Both ends of a factor. */
const at = (factor: number) => [factor, factor] as const;

describe('factors that change nothing', () => {
  const nothing: Record<string, Step> = {
    rotation: augment.randomRotation({ factor: 0 }),
    turn: augment.randomRotation({ factor: at(1) }),
    translation: augment.randomTranslation({ heightFactor: 0, widthFactor: 0 }),
    zoom: augment.randomZoom({ heightFactor: 0 }),
    shear: augment.randomShear(),
    perspective: augment.randomPerspective({ scale: 0 }),
    crop: augment.randomCrop({ height: 5, width: 6 }),
    resizedCrop: augment.randomResizedCrop({ height: 5, width: 6, scale: at(1), ratio: at(6 / 5) }),
    elastic: augment.randomElasticTransform({ scale: 0 }),
    brightness: augment.randomBrightness({ factor: 0 }),
    contrast: augment.randomContrast({ factor: 0 }),
    saturation: augment.randomSaturation({ factor: at(0.5) }),
    hue: augment.randomHue({ factor: 0 }),
    jitter: augment.randomColorJitter(),
    channelShift: augment.randomChannelShift({ factor: 0 }),
    grayscale: augment.randomGrayscale({ factor: 0 }),
    degeneration: augment.randomColorDegeneration({ factor: 0 }),
    posterization: augment.randomPosterization({ factor: 8 }),
    solarization: augment.solarization({ thresholdFactor: at(1), additionFactor: 0 }),
    sharpness: augment.randomSharpness({ factor: at(0.5) }),
    blur: augment.randomGaussianBlur({ sigma: 0 }),
    noise: augment.randomNoise({ factor: 0 }),
    erasing: augment.randomErasing({ scale: 0 }),
    randAugment: augment.randAugment({ numOps: 0 }),
    compose: augment.compose([]),
  };
  test.each(Object.entries(nothing))('%s', (name, step) => {
    const photo = sample([5, 6, 3]);
    if (name === 'solarization') photo.data.forEach((value, i) => (photo.data[i] = Math.min(value, 254)));
    expect(values(step.apply(photo, { index: 5 }))).toEqual(values(photo));
  });
});

describe('known answers', () => {
  test('flips', () => {
    const photo = { data: Uint8Array.from({ length: 12 }, (_, i) => i), shape: [2, 3, 2] };
    const across = augment.randomFlip({ mode: 'horizontal' });
    const down = augment.randomFlip({ mode: 'vertical' });
    const seen = (step: Step) =>
      new Set(Array.from({ length: 20 }, (_, index) => String(values(step.apply(photo, { index })))));
    expect(seen(across)).toEqual(new Set(['0,1,2,3,4,5,6,7,8,9,10,11', '4,5,2,3,0,1,10,11,8,9,6,7']));
    expect(seen(down)).toEqual(new Set(['0,1,2,3,4,5,6,7,8,9,10,11', '6,7,8,9,10,11,0,1,2,3,4,5']));
    expect(seen(augment.randomFlip()).size).toBe(4);
  });

  test('a flip twice is none', () => {
    const photo = sample([5, 7, 3]);
    const flip = augment.randomFlip({ mode: 'horizontal' });
    for (let index = 0; index < 8; index++)
      expect(values(flip.apply(flip.apply(photo, { index }), { index }))).toEqual(values(photo));
  });

  test('a quarter turn moves pixels exactly, counterclockwise', () => {
    const photo = { data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), shape: [3, 3, 1] };
    for (const interpolation of ['nearest', 'bilinear'] as const) {
      const turn = augment.randomRotation({ factor: at(0.25), interpolation });
      expect(values(turn.apply(photo))).toEqual([3, 6, 9, 2, 5, 8, 1, 4, 7]);
      expect(values(augment.compose([turn, turn, turn, turn]).apply(photo))).toEqual(values(photo));
    }
  });

  test('turning there and back loses nothing: one movement, one interpolation', () => {
    const photo = sample([9, 8, 3]);
    const [there, back] = [augment.randomRotation({ factor: at(0.1) }), augment.randomRotation({ factor: at(-0.1) })];
    expect(values(augment.compose([there, back]).apply(photo))).toEqual(values(photo));
    expect(values(back.apply(there.apply(photo)))).not.toEqual(values(photo));
    const between = augment.compose([there, augment.randomInvert(), back]).apply(photo);
    expect(values(between)).not.toEqual(values(augment.randomInvert().apply(photo)));
  });

  test('movements with different fillings stay apart', () => {
    const there = augment.randomTranslation({
      heightFactor: 0,
      widthFactor: at(0.5),
      fillMode: 'constant',
      fillValue: 7,
    });
    const back = augment.randomTranslation({ heightFactor: 0, widthFactor: at(-0.5), fillMode: 'wrap' });
    expect(values(augment.compose([there, back]).apply(row(1, 2, 3, 4)))).toEqual([1, 2, 7, 7]);
  });

  test('shifts, with every filling', () => {
    const shifted = (fillMode: augment.FillMode) =>
      values(
        augment
          .randomTranslation({ heightFactor: 0, widthFactor: at(0.5), fillMode, fillValue: 9 })
          .apply(row(1, 2, 3, 4)),
      );
    expect(shifted('constant')).toEqual([9, 9, 1, 2]);
    expect(shifted('nearest')).toEqual([1, 1, 1, 2]);
    expect(shifted('wrap')).toEqual([3, 4, 1, 2]);
    expect(shifted('reflect')).toEqual([2, 1, 1, 2]);
  });

  test('crops: every place equally often, padding, and a picture that is too small', () => {
    const photo = { data: Uint8Array.from({ length: 16 }, (_, i) => i), shape: [4, 4, 1] };
    const counts = new Map<string, number>();
    for (let index = 0; index < 900; index++) {
      const key = String(values(augment.randomCrop({ height: 2, width: 2 }).apply(photo, { index })));
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(9);
    expect([...counts.values()].every((count) => count > 60 && count < 140)).toBe(true);
    const padded = augment.randomCrop({ height: 3, width: 1, padding: 1, fillValue: 5 });
    const one = { data: Uint8Array.of(8), shape: [1, 1, 1] };
    const seen = new Set(Array.from({ length: 30 }, (_, index) => String(values(padded.apply(one, { index })))));
    expect(seen).toEqual(new Set(['5,8,5', '5,5,5']));
    expect(values(augment.randomCrop({ height: 2, width: 4 }).apply(row(10, 30)))).toEqual([
      10, 15, 25, 30, 10, 15, 25, 30,
    ]);
  });

  test('a resized crop averages where it shrinks', () => {
    const board = { data: Uint8Array.from({ length: 64 }, (_, i) => ((i ^ (i >> 3)) & 1) * 200), shape: [8, 8, 1] };
    const shrink = augment.randomResizedCrop({ height: 2, width: 2, scale: at(1), ratio: at(1) });
    expect(values(shrink.apply(board))).toEqual([100, 100, 100, 100]);
  });

  test('a crop has the area and the proportions asked for', () => {
    const photo = { data: new Float32Array(100 * 80), shape: [100, 80, 1] };
    photo.data.forEach((_, i) => (photo.data[i] = i % 80));
    const step = augment.randomResizedCrop({ height: 10, width: 10, scale: at(0.25), ratio: at(1) });
    for (let index = 0; index < 20; index++) {
      const { data } = step.apply(photo, { index });
      // The part is 45 pixels wide: ten samples lie 4.5 apart.
      expect(data[9] - data[0]).toBeCloseTo(9 * 4.5, 0);
    }
  });

  test('perspective leaves the corners of the picture where it says', () => {
    const photo = { data: new Float32Array(21 * 21).fill(100), shape: [21, 21, 1] };
    const step = augment.randomPerspective({ scale: 1, fillMode: 'constant' });
    const shares = Array.from({ length: 40 }, (_, index) => {
      const data = values(step.apply(photo, { index }));
      return data.reduce((sum, value) => sum + value, 0) / data.length / 100;
    });
    // Corners move inwards by a quarter of a side on average: half of each side is left.
    const mean = shares.reduce((sum, share) => sum + share) / shares.length;
    expect(mean).toBeGreaterThan(0.2);
    expect(mean).toBeLessThan(0.4);
    expect(Math.min(...shares)).toBeGreaterThan(0.02);
  });

  test('an elastic transform moves by what it says, smoothly', () => {
    const size = 64;
    const ramp = { data: new Float32Array(size * size), shape: [size, size, 1] };
    ramp.data.forEach((_, i) => (ramp.data[i] = i % size));
    const step = augment.randomElasticTransform({ scale: at(1), fillMode: 'nearest' });
    let [squares, steps, count] = [0, 0, 0];
    for (let index = 0; index < 30; index++) {
      const { data } = step.apply(ramp, { index });
      for (let y = 16; y < 48; y++) {
        for (let x = 16; x < 48; x++, count++) {
          const moved = data[y * size + x] - x;
          squares += moved * moved;
          steps += (data[y * size + x + 1] - 1 - data[y * size + x]) ** 2;
        }
      }
    }
    const deviation = Math.sqrt(squares / count);
    expect(deviation).toBeGreaterThan(0.028 * size * 0.85);
    expect(deviation).toBeLessThan(0.028 * size * 1.15);
    expect(Math.sqrt(steps / count)).toBeLessThan(deviation / 2);
  });

  test('brightness adds, contrast keeps the mean, in the range of values', () => {
    expect(values(augment.randomBrightness({ factor: at(0.2) }).apply(row(0, 100, 250)))).toEqual([51, 151, 255]);
    const light = augment.randomBrightness({ factor: at(-0.5), valueRange: [-1, 1] });
    expect(values(light.apply({ data: Float32Array.of(0.5, -0.5), shape: [1, 2, 1] }))).toEqual([-0.5, -1]);
    const half = augment.randomContrast({ factor: 0.999999 });
    for (let index = 0; index < 10; index++) {
      const { data } = half.apply({ data: Float32Array.of(100, 140), shape: [1, 2, 1] }, { index });
      expect(data[0] + data[1]).toBeCloseTo(240, 3);
    }
  });

  test('the range of a pipeline is that of its steps, unless they have their own', () => {
    const photo = { data: Float32Array.of(0.25), shape: [1, 1, 1] };
    const invert = augment.randomInvert();
    expect(values(augment.compose([invert], { valueRange: [0, 1] }).apply(photo))).toEqual([0.75]);
    expect(
      values(augment.compose([augment.compose([invert], { valueRange: [0, 1] }), augment.randomFlip()]).apply(photo)),
    ).toEqual([0.75]);
    expect(values(augment.randomInvert({ valueRange: [0, 2] }).apply(photo))).toEqual([1.75]);
    expect(values(augment.compose([invert], { valueRange: [0, 1] }).apply(row(5)))).toEqual([250]);
  });

  test('hue, a third of the circle: red becomes green', () => {
    const red = { data: Uint8Array.of(200, 10, 10), shape: [1, 1, 3] };
    const seen = new Set(
      Array.from({ length: 12 }, (_, index) =>
        String(values(augment.randomHue({ factor: at(2 / 3) }).apply(red, { index }))),
      ),
    );
    expect(seen).toEqual(new Set(['10,200,10', '10,10,200']));
  });

  test('noise has the deviation asked for', () => {
    const photo = { data: new Float32Array(20000).fill(100), shape: [100, 200, 1] };
    const data = values(augment.randomNoise({ factor: at(0.05) }).apply(photo));
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
    expect(mean).toBeCloseTo(100, 0);
    expect(Math.sqrt(variance)).toBeGreaterThan(12.5);
    expect(Math.sqrt(variance)).toBeLessThan(13);
  });

  test('erasing takes the share asked for', () => {
    const photo = { data: new Uint8Array(50 * 50).fill(1), shape: [50, 50, 1] };
    const step = augment.randomErasing({ scale: at(0.2), ratio: at(1), fillValue: 0 });
    for (let index = 0; index < 10; index++) {
      const erased = values(step.apply(photo, { index })).filter((value) => value === 0).length;
      expect(erased).toBe(22 * 22);
    }
  });

  test('randomApply and randomChoice keep their shares', () => {
    const count = (step: Step) =>
      Array.from({ length: 500 }, (_, index) => values(step.apply(row(0), { index }))[0]).filter(
        (value) => value === 255,
      ).length;
    const invert = augment.randomInvert();
    expect(Math.abs(count(augment.randomApply(invert, { rate: 0.2 })) - 100)).toBeLessThan(35);
    expect(Math.abs(count(augment.randomChoice([invert, augment.randomFlip()])) - 250)).toBeLessThan(50);
  });
});
