// Metrics over three batches, plain and with sample weights, against Keras 3 and scikit-learn in float64
// (scripts/goldens/metrics.py).

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../src/core/shape.js';
import { readSafetensors } from '../../src/io/safetensors.js';
import { resolveLoss } from '../../src/nn/losses.js';
import { resolveMetric } from '../../src/nn/metrics.js';

interface Case {
  readonly metric: { readonly name: string };
  readonly loss: { readonly name: string };
  /** Where the data begin, then their shape. */
  readonly target: readonly number[];
  readonly output: readonly number[];
  readonly weights?: readonly number[];
  readonly integer?: true;
  /** Numbers expected. */
  readonly count: number;
  readonly expected: ArrayLike<number>;
}

const { tensors, metadata } = await readSafetensors(fileURLToPath(new URL('metrics.safetensors', import.meta.url)));
const inputs = tensors.get('inputs')?.data as Float32Array;
const results = tensors.get('results')?.data as unknown as Float64Array;
let at = 0;
const cases = (JSON.parse(metadata.cases) as Omit<Case, 'expected'>[]).map((one): Case => {
  at += one.count;
  return { ...one, expected: results.subarray(at - one.count, at) };
});

const batches = [7, 4, 2];

function resultsOf(golden: Case): number[] {
  const context = {
    loss: resolveLoss(golden.loss),
    output: { shape: golden.output.slice(1), dtype: 'float32' as const },
  };
  const metric = resolveMetric(golden.metric, context);
  const feed = (): void => {
    let start = 0;
    for (const size of batches) {
      const cut = ([offset, ...shape]: readonly number[]) => {
        const each = sizeOf(shape.slice(1));
        return inputs.subarray(offset + start * each, offset + (start + size) * each);
      };
      const target = golden.integer ? Int32Array.from(cut(golden.target)) : cut(golden.target);
      metric.update(target, cut(golden.output), size, golden.weights && cut(golden.weights));
      start += size;
    }
  };
  feed();
  metric.reset();
  expect(metric.result()).toBeNaN();
  feed();
  return metric.results ? Object.values(metric.results()) : [metric.result()];
}

const names = [...new Set(cases.map(({ metric }) => metric.name))];

describe.each(names)('%s', (name) => {
  test('over three batches', () => {
    for (const golden of cases.filter(({ metric }) => metric.name === name)) {
      const got = resultsOf(golden);
      const what = JSON.stringify({ ...golden, expected: undefined });
      expect(got.length, what).toBe(golden.expected.length);
      got.forEach((value, i) => {
        const expected = golden.expected[i];
        expect(
          Math.abs(value - expected) / Math.max(1, Math.abs(expected)),
          `${what}: ${value}, not ${expected}`,
        ).toBeLessThan(2e-7);
      });
    }
  });
});
