// Schedules: what the goldens (optimizer-golden.test.ts) cannot say: composition, epochs, JSON, refusals.

import { describe, expect, it } from 'vitest';
import { optimizers } from '../../src/nn/optimizers.js';
import { resolveSchedule, schedules } from '../../src/nn/schedules.js';
import { errorOf } from './harness.js';

describe('linear warm-up', () => {
  it('rises to where the other one starts, and hands on', () => {
    const schedule = schedules.step({ initialLearningRate: 0.5, stepSize: 2 });
    const warm = schedules.linearWarmup({ warmupSteps: 4, initialLearningRate: 0.1, schedule });
    const rates = [0, 1, 2, 3, 4, 5, 6, 7].map((step) => warm(step));
    const expected = [0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.05, 0.05];
    rates.forEach((rate, i) => expect(rate).toBeCloseTo(expected[i], 12));
  });

  it('takes a number, and nothing at all to warm up', () => {
    expect(schedules.linearWarmup({ warmupSteps: 2, schedule: 3 })(1)).toBe(1.5);
    expect(schedules.linearWarmup({ warmupSteps: 0, schedule: 3 })(0)).toBe(3);
  });

  it('by steps before a schedule by epochs, and the other way round', () => {
    const byEpoch = schedules.step({ initialLearningRate: 1, stepSize: 1, gamma: 0.5, per: 'epoch' });
    const warm = schedules.linearWarmup({ warmupSteps: 10, schedule: byEpoch });
    expect([warm(5, 0), warm(10, 0), warm(25, 2)]).toEqual([0.5, 1, 0.25]);
    const bySteps = schedules.step({ initialLearningRate: 1, stepSize: 10, gamma: 0.5 });
    const slow = schedules.linearWarmup({ warmupSteps: 2, per: 'epoch', schedule: bySteps });
    expect([slow(15, 0), slow(15, 1), slow(25, 2)]).toEqual([0, 0.5, 0.25]);
  });
});

it('by epochs: the step does not count', () => {
  const optimizer = optimizers.sgd({
    learningRate: { name: 'exponentialDecay', initialLearningRate: 1, decaySteps: 1, decayRate: 0.5, per: 'epoch' },
  });
  expect([optimizer.rateAt(99, 0), optimizer.rateAt(0, 3)]).toEqual([1, 0.125]);
  expect(optimizer.config.learningRate).toMatchObject({ name: 'exponentialDecay', per: 'epoch' });
});

it('constant and one cycle stay at their ends', () => {
  expect(schedules.constant({ learningRate: 0.25 })(1e6)).toBe(0.25);
  const cycle = schedules.oneCycle({ maxLearningRate: 1, totalSteps: 10 });
  expect([cycle(9), cycle(500)]).toEqual([4e-6, 4e-6]);
});

it.each([
  { name: 'constant', learningRate: 1 },
  { name: 'step', initialLearningRate: 1, stepSize: 3, gamma: 0.5 },
  { name: 'piecewiseConstant', boundaries: [1, 2], values: [3, 2, 1] },
  { name: 'polynomialDecay', initialLearningRate: 1, decaySteps: 3, power: 2, cycle: true, per: 'epoch' },
  { name: 'cosineDecay', initialLearningRate: 0, decaySteps: 3, warmupTarget: 1, warmupSteps: 2 },
  { name: 'cosineDecayRestarts', initialLearningRate: 1, firstDecaySteps: 3 },
  { name: 'oneCycle', maxLearningRate: 1, totalSteps: 9, threePhase: true },
  {
    name: 'linearWarmup',
    warmupSteps: 3,
    schedule: { name: 'inverseTimeDecay', initialLearningRate: 1, decaySteps: 3, decayRate: 1 },
  },
])('survives as JSON: %j', (config) => {
  const schedule = resolveSchedule('test', config);
  const again = resolveSchedule('test', JSON.parse(JSON.stringify(schedule.config)));
  expect(again.config).toEqual(schedule.config);
  for (const step of [0, 1, 2, 3, 7, 100]) expect(again(step, step)).toBe(schedule(step, step));
});

it.each<[object, string]>([
  [{ name: 'cosinDecay' }, "did you mean 'cosineDecay'?"],
  [{ name: 'constant' }, 'a number at least 0'],
  [{ name: 'constant', rate: 1 }, 'one of the options learningRate, per'],
  [{ name: 'constant', learningRate: 1, per: 'batch' }, 'one of step, epoch'],
  [{ name: 'step', initialLearningRate: 1, stepSize: 0 }, 'above 0'],
  [{ name: 'exponentialDecay', initialLearningRate: 1, decaySteps: -1, decayRate: 1 }, 'above 0'],
  [{ name: 'exponentialDecay', initialLearningRate: 1, decaySteps: 1, decayRate: 1, staircase: 1 }, 'true or false'],
  [{ name: 'piecewiseConstant', boundaries: [2, 1], values: [1, 2, 3] }, 'ascending'],
  [{ name: 'piecewiseConstant', boundaries: [1], values: [1] }, '2 numbers, one more than boundaries'],
  [{ name: 'piecewiseConstant', boundaries: 1, values: [1] }, 'a list of numbers'],
  [{ name: 'cosineDecay', initialLearningRate: 1, decaySteps: 9, warmupSteps: 3 }, '0 without warmupTarget'],
  [{ name: 'cosineDecayRestarts', initialLearningRate: 1, firstDecaySteps: 9, tMul: 0.5 }, 'at least 1'],
  [{ name: 'oneCycle', maxLearningRate: 1, totalSteps: 9, pctStart: 1 }, 'below 1'],
  [{ name: 'oneCycle', maxLearningRate: 1, totalSteps: 9, annealStrategy: 'cosine' }, 'one of cos, linear'],
  [{ name: 'linearWarmup', warmupSteps: 3 }, 'a name or an object with a name'],
  [{ name: 'linearWarmup', warmupSteps: 3, schedule: -1 }, 'at least 0'],
])('refuses %j', (config, expected) => {
  const error = errorOf(() => resolveSchedule('test', config));
  expect(error.code).toBe('ERR_OCELLUS_OPTION');
  expect(error.message).toContain(expected);
});
