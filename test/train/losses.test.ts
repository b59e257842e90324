// Losses and metrics inside fit and evaluate: ignored targets pass the checks and do not count, values per class reach
// the logs.

import { describe, expect, test } from 'vitest';
import { layers, losses, type MetricOption, metrics, sequential } from '../../src/index.js';
import { backends } from './harness.js';

const x = { data: Float32Array.from({ length: 48 }, (_, i) => Math.sin(i * i)), shape: [12, 4] };
const y = Int32Array.from({ length: 12 }, (_, i) => (i % 4 === 3 ? 255 : i % 4));

describe.each(backends)('%s', (backend) => {
  test('ignored targets do not count', async () => {
    const run = async (labels: Int32Array, samples: typeof x) => {
      const model = sequential([layers.dense({ units: 3, activation: 'softmax', inputShape: [4] })], { seed: 3 });
      const watched: MetricOption[] = ['accuracy', metrics.recall({ average: 'none' }), 'confusionMatrix'];
      const loss = losses.sparseCategoricalCrossentropy({ ignoreIndex: 255 });
      model.compile({ optimizer: 'sgd', loss, metrics: watched, backend });
      return model.evaluate(samples, labels, { batchSize: 12 });
    };
    const kept = [...y.keys()].filter((i) => y[i] !== 255);
    const data = Float32Array.from(kept.flatMap((i) => [...x.data.subarray(4 * i, 4 * i + 4)]));
    const some = await run(
      y.filter((label) => label !== 255),
      { data, shape: [9, 4] },
    );
    const all = await run(y, x);
    expect(all.loss).toBeCloseTo(some.loss, 6);
    expect({ ...all, loss: 0 }).toEqual({ ...some, loss: 0 });
    expect(Object.keys(all)).toEqual(
      expect.arrayContaining(['loss', 'accuracy', 'recall[0]', 'recall[2]', 'confusionMatrix[0][1]']),
    );
  });

  test.each(['huber', 'dice', 'binaryFocalCrossentropy', 'squaredHinge', 'cosineSimilarity'] as const)(
    '%s trains',
    async (loss) => {
      const model = sequential([layers.dense({ units: 2, activation: 'sigmoid', inputShape: [4] })], { seed: 5 });
      model.compile({ optimizer: { name: 'adam', learningRate: 0.05 }, loss, metrics: ['rmse', loss], backend });
      const target = { data: Float32Array.from({ length: 24 }, (_, i) => Number(x.data[2 * i] > 0)), shape: [12, 2] };
      const { history } = await model.fit(x, target, { epochs: 30, verbose: 0 });
      expect(history.loss[29]).toBeLessThan(history.loss[0]);
      expect(Object.keys(history)).toEqual(['loss', 'rootMeanSquaredError', loss]);
      expect(Math.abs(history[loss][29])).toBeCloseTo(Math.abs(history.loss[29]), 3);
    },
  );
});
