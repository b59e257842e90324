// Initializers: fans, moments, ranges, determinism, options.

import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.js';
import { fansOf, initializers, initialValues, resolveInitializer } from '../../src/nn/initializers.js';
import { errorOf } from './harness.js';

const shape = [3, 3, 40, 60];
const { fanIn, fanOut } = fansOf(shape);

function moments(values: Float32Array): { mean: number; deviation: number; largest: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return {
    mean,
    deviation: Math.sqrt(variance),
    largest: values.reduce((max, value) => Math.max(max, Math.abs(value)), 0),
  };
}

it('counts fans as Keras does', () => {
  expect(fansOf([5, 7])).toEqual({ fanIn: 5, fanOut: 7 });
  expect(fansOf([3, 2, 4, 8])).toEqual({ fanIn: 24, fanOut: 48 });
  expect(fansOf([6])).toEqual({ fanIn: 6, fanOut: 6 });
});

describe('variance scaling', () => {
  it.each([
    ['glorotUniform', 2 / (fanIn + fanOut)],
    ['heUniform', 2 / fanIn],
    ['lecunUniform', 1 / fanIn],
    ['glorotNormal', 2 / (fanIn + fanOut)],
    ['heNormal', 2 / fanIn],
    ['lecunNormal', 1 / fanIn],
  ] as const)('%s', (name, variance) => {
    const { mean, deviation, largest } = moments(initialValues(initializers[name](), shape, 1, 'layer/kernel'));
    const limit = name.endsWith('Uniform') ? Math.sqrt(3 * variance) : (2 * Math.sqrt(variance)) / 0.8796256610342398;
    expect(Math.abs(mean)).toBeLessThan(0.01 * limit);
    expect(deviation / Math.sqrt(variance)).toBeCloseTo(1, 1.7);
    expect(largest).toBeLessThanOrEqual(limit * (1 + 1e-6));
    expect(largest).toBeGreaterThan(0.98 * limit);
  });
});

it.each(['fanIn', 'fanOut', 'fanAvg'] as const)('varianceScaling counts %s, from any distribution', (mode) => {
  const count = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[mode];
  for (const distribution of ['truncatedNormal', 'untruncatedNormal', 'uniform'] as const) {
    const initializer = initializers.varianceScaling({ scale: 3, mode, distribution });
    const { deviation, largest } = moments(initialValues(initializer, shape, 1, 'a'));
    expect(deviation / Math.sqrt(3 / count)).toBeCloseTo(1, 1.7);
    expect(largest > 2.5 * deviation).toBe(distribution === 'untruncatedNormal');
    expect(resolveInitializer('x', initializer.config).config).toEqual(initializer.config);
  }
  expect(errorOf(() => initializers.varianceScaling({ mode: 'fanAverage' as 'fanIn' })).message).toMatch(/'mode'/);
});

it('identity passes values and images on', () => {
  const matrix = initialValues(initializers.identity({ gain: 2 }), [2, 3], 1, 'a');
  expect([...matrix]).toEqual([2, 0, 0, 0, 2, 0]);
  const kernel = initialValues(initializers.identity(), [3, 3, 1, 1], 1, 'a');
  expect([...kernel]).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0]);
  expect(errorOf(() => initialValues(initializers.identity(), [4], 1, 'a')).message).toMatch(/two axes or more/);
});

describe('given moments', () => {
  it('normal, truncated, uniform', () => {
    const normal = moments(initialValues(initializers.randomNormal({ mean: 2, stddev: 0.5 }), shape, 1, 'a'));
    expect(normal.mean).toBeCloseTo(2, 1.7);
    expect(normal.deviation).toBeCloseTo(0.5, 2);
    const cut = moments(initialValues(initializers.truncatedNormal(), shape, 1, 'a'));
    expect(cut.largest).toBeLessThan(0.1 + 1e-6);
    expect(cut.deviation).toBeCloseTo(0.05 * 0.8796, 3);
    const uniform = initialValues(initializers.randomUniform({ minval: 1, maxval: 3 }), shape, 1, 'a');
    expect(moments(uniform).mean).toBeCloseTo(2, 1.7);
    expect(uniform.every((value) => value >= 1 && value <= 3)).toBe(true);
  });

  it('constants', () => {
    const values = (name: 'zeros' | 'ones' | 'constant') => [...initialValues(initializers[name](), [2], 1, 'a')];
    expect([values('zeros'), values('ones'), values('constant')]).toEqual([
      [0, 0],
      [1, 1],
      [0, 0],
    ]);
    expect([...initializers.constant({ value: 2.5 }).create([2], new Random(1))]).toEqual([2.5, 2.5]);
  });

  it.each([[[2, 3, 5]], [[4, 9]], [[7, 7]]])('orthogonal %j', (size) => {
    const columns = size[size.length - 1];
    const rows = size.slice(0, -1).reduce((a, b) => a * b, 1);
    const values = initialValues(initializers.orthogonal({ gain: 2 }), size, 3, 'w');
    const at = (i: number, j: number) => (rows < columns ? values[i * columns + j] : values[j * columns + i]);
    const [count, length] = rows < columns ? [rows, columns] : [columns, rows];
    for (let a = 0; a < count; a++) {
      for (let b = 0; b <= a; b++) {
        let product = 0;
        for (let i = 0; i < length; i++) product += at(a, i) * at(b, i);
        expect(product).toBeCloseTo(a === b ? 4 : 0, 5);
      }
    }
  });
});

it('depends on seed and path, and on nothing else', () => {
  const values = (seed: number, path: string) => initialValues(initializers.heNormal(), [4, 5], seed, path);
  expect(values(1, 'a/kernel')).toEqual(values(1, 'a/kernel'));
  expect(values(1, 'a/kernel')).not.toEqual(values(2, 'a/kernel'));
  expect(values(1, 'a/kernel')).not.toEqual(values(1, 'b/kernel'));
});

describe('options', () => {
  it('take names, objects, initializers and functions', () => {
    expect(resolveInitializer('x', 'heNormal').config).toEqual({ name: 'heNormal' });
    expect(resolveInitializer('x', 'glorot_uniform').config).toEqual({ name: 'glorotUniform' });
    const given = resolveInitializer('x', { name: 'constant', value: 3 });
    expect(JSON.stringify({ given })).toBe('{"given":{"name":"constant","value":3}}');
    expect(resolveInitializer('x', given)).toBe(given);
    const own = resolveInitializer('x', (size: readonly number[]) => new Float32Array(size[0]).fill(9));
    expect([...own.create([2], new Random(1))]).toEqual([9, 9]);
    expect(JSON.stringify({ own })).toBe('{}');
  });

  it('are checked', () => {
    expect(errorOf(() => resolveInitializer('dense, option x', 'heNormall')).help).toBe("did you mean 'heNormal'?");
    expect(errorOf(() => resolveInitializer('x', 3)).code).toBe('ERR_OCELLUS_OPTION');
    expect(errorOf(() => initializers.randomNormal({ stddev: -1 })).message).toContain('at least 0, got -1');
    expect(errorOf(() => initializers.constant({ valeu: 1 } as never)).help).toBe("did you mean 'value'?");
    const short = resolveInitializer('x', () => new Float32Array(1));
    expect(errorOf(() => short.create([2], new Random(1))).message).toContain('2 values');
  });
});
