// Steps at fixed factors against Keras's preprocessing layers (scripts/goldens/augment.py), on floats and on bytes.

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { byteRange, Picture, type PixelArray } from '../../../src/data/augment/picture.js';
import { scaleContrast, turnHue } from '../../../src/data/augment/pixels.js';
import { type Augmentation, augment } from '../../../src/index.js';
import { readSafetensors } from '../../../src/io/safetensors.js';

interface Case {
  step: string;
  options: Record<string, unknown>;
  /** Where the picture begins, and its shape. */
  input: [number, ...number[]];
  margin: number;
  image: Float32Array;
  expected: number[];
}

async function readCases(): Promise<Case[]> {
  const { tensors, metadata } = await readSafetensors(fileURLToPath(new URL('keras.safetensors', import.meta.url)));
  const [inputs, results] = [tensors.get('inputs')!.data, tensors.get('results')!.data];
  let at = 0;
  return (JSON.parse(metadata.cases) as Case[]).map((golden) => {
    const [begin, ...shape] = golden.input;
    const size = shape.reduce((product, length) => product * length);
    const image = Float32Array.from(inputs.subarray(begin, begin + size));
    return { ...golden, image, expected: Array.from(results.subarray(at, (at += size))) };
  });
}

/** Some of our functions have no step without chance. */
const direct: Record<string, (picture: Picture, options: Record<string, number>) => void> = {
  contrast: (picture, { factor }) => scaleContrast(picture, factor, byteRange),
  hue: (picture, { share }) => turnHue(picture, share),
};

function result({ step, options, input }: Case, data: PixelArray): PixelArray {
  const [, ...shape] = input;
  if (step in direct) {
    const picture = new Picture(data, shape[0], shape[1], shape[2]);
    direct[step](picture, options as Record<string, number>);
    return picture.data;
  }
  const make = augment[step as 'randomRotation'] as (options: unknown) => Augmentation;
  return make(options).apply({ data, shape }).data;
}

/** The greatest difference, leaving out `margin` pixels at the border. */
function difference({ input, margin, expected }: Case, got: PixelArray, round: (value: number) => number): number {
  const [, height, width, channels] = input;
  let worst = 0;
  for (let y = margin; y < height - margin; y++) {
    for (let i = (y * width + margin) * channels; i < (y * width + width - margin) * channels; i++) {
      worst = Math.max(worst, Math.abs(got[i] - round(expected[i])));
    }
  }
  return worst;
}

const cases = await readCases();
const titled = cases.map((golden, i) => [`${i} ${golden.step} ${JSON.stringify(golden.options)}`, golden] as const);

describe('as Keras', () => {
  test.each(titled)('%s', (_, golden) => {
    expect(difference(golden, result(golden, golden.image), (value) => value)).toBeLessThan(2e-3);
    const bytes = result(golden, Uint8Array.from(golden.image));
    expect(bytes).toBeInstanceOf(Uint8Array);
    expect(difference(golden, bytes, (value) => value)).toBeLessThan(0.502);
  });
});
