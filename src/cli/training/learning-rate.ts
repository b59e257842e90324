// The learning rate by a test: the loss while the rate grows from step to step.

import type { BackendChoice } from '../../backend/select.js';
import type { FindLearningRateOptions, LearningRates } from '../../train/rate-finder.js';
import type { Io } from '../io.js';
import { buildModel } from './classifier.js';
import type { TrainingData } from './images.js';
import type { Settings } from './settings.js';

export type RateTest = Pick<FindLearningRateOptions, 'from' | 'to' | 'steps'>;

/** Trains a model of its own. */
export async function testRates(
  data: TrainingData,
  settings: Settings,
  compute: BackendChoice,
  test: RateTest = {},
): Promise<LearningRates> {
  const model = buildModel(data, settings, compute);
  const { train } = await data.batches(settings);
  return model.findLearningRate(train, test);
}

/** The rate to train with; the one of the settings where the loss never fell. */
export async function findRate(
  io: Io,
  data: TrainingData,
  settings: Settings,
  compute: BackendChoice,
): Promise<number> {
  const { suggestion, rates } = await testRates(data, settings, compute);
  const rate = suggestion === null ? settings.learningRate : Number(suggestion.toPrecision(2));
  io.say(
    suggestion === null
      ? `  learningRate ${rate}: the loss fell at no rate of the test`
      : `  learningRate ${rate}: where the loss fell fastest, of ${rates.length} rates tried`,
  );
  io.emit('learning-rate', { learningRate: rate, suggestion });
  return rate;
}

const [plotRows, plotColumns] = [12, 60];

/** The losses over the logarithm of the rates, as lines of text; what is higher than the first loss is cut off. */
export function plotRates({ rates, losses, suggestion }: LearningRates): string {
  const [low, high] = [Math.min(...losses), Math.max(losses[0], Math.min(...losses))];
  const rows = Array.from({ length: plotRows }, () => new Array<string>(plotColumns).fill(' '));
  const at = (rate: number): number =>
    Math.round(((plotColumns - 1) * Math.log(rate / rates[0])) / (Math.log(rates[rates.length - 1] / rates[0]) || 1));
  if (suggestion !== null) for (const row of rows) row[at(suggestion)] = '┊';
  rates.forEach((rate, i) => {
    const height = high > low ? (Math.min(losses[i], high) - low) / (high - low) : 0.5;
    rows[Math.round((1 - height) * (plotRows - 1))][at(rate)] = '●';
  });
  const label = (row: number) => (row === 0 ? high : row === plotRows - 1 ? low : undefined)?.toFixed(3) ?? '';
  const lines = rows.map((row, i) => `${label(i).padStart(8)} │${row.join('').trimEnd()}`);
  const [first, last] = [rates[0], rates[rates.length - 1]].map((rate) => rate.toExponential(0));
  lines.push(`${' '.repeat(9)}└${'─'.repeat(plotColumns)}`);
  lines.push(`${' '.repeat(10)}${first}${last.padStart(plotColumns - first.length)}`);
  return lines.join('\n');
}
