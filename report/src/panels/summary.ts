// The figures that matter first: how good, after how long, on how much.
import type { EpochPoint, ReportData } from '../../../src/report/data.js';
import { type Child, element, sentence } from '../dom.js';
import { capitalized, count, counted, dash, duration, figures, isKnown, metricWords, percent } from '../format.js';
import type { Panel } from '../panel.js';

interface Figure {
  readonly label: string;
  readonly value: string;
  readonly more?: Child;
}

const total = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

const isShare = (metric: string) => /accuracy|precision|recall|f1|auc/i.test(metric);
const shown = (metric: string, value: number | null | undefined) => (isShare(metric) ? percent(value) : figures(value));

function bestPoint({ curves }: ReportData): EpochPoint | undefined {
  return curves.points.find(({ epoch }) => epoch === curves.bestEpoch) ?? curves.points[curves.points.length - 1];
}

function quality(data: ReportData): Figure {
  const { evaluation, curves } = data;
  if (evaluation) {
    return {
      label: 'Accuracy',
      value: percent(evaluation.accuracy),
      more: `on ${counted(evaluation.samples, 'image')} held back`,
    };
  }
  const point = bestPoint(data);
  if (!point) return { label: capitalized(metricWords(curves.monitor)), value: dash, more: 'no epoch has ended yet' };
  const metric = 'valAccuracy' in point.metrics ? 'valAccuracy' : curves.monitor;
  return {
    label: capitalized(metricWords(metric)),
    value: shown(metric, point.metrics[metric]),
    more: `after epoch ${point.epoch}`,
  };
}

function best({ curves, live }: ReportData): Figure {
  const done = curves.points.length;
  const more =
    done < curves.epochs
      ? `${done} of ${curves.epochs} epochs ${live ? 'done' : 'were run'}`
      : `of ${counted(done, 'epoch')}`;
  const progress =
    live && element('progress', { max: Math.max(1, curves.epochs), value: done, 'aria-label': 'epochs done' });
  return {
    label: 'Best epoch',
    value: curves.bestEpoch === undefined ? dash : String(curves.bestEpoch),
    more: [more, progress],
  };
}

function loss({ evaluation, curves }: ReportData): Figure {
  if (evaluation) {
    const off = evaluation.reliability.expectedCalibrationError;
    return { label: 'Loss', value: figures(evaluation.loss), more: `confidence is off by ${percent(off)} on average` };
  }
  const last = curves.points[curves.points.length - 1];
  return { label: 'Loss', value: figures(last?.metrics.loss), more: 'in training, last epoch' };
}

function samples({ dataset }: ReportData): Figure {
  const [train, held] = [total(dataset.trainCounts), total(dataset.valCounts)];
  return {
    label: 'Images',
    value: count(train + held),
    more: `${count(train)} to train, ${held === 0 ? 'none' : count(held)} held back; ${counted(dataset.classNames.length, 'class', 'classes')}`,
  };
}

function time({ curves }: ReportData): Figure {
  const rates = curves.points.map(({ imagesPerSecond }) => imagesPerSecond).filter(isKnown);
  const rate = rates.length > 0 ? `${count(total(rates) / rates.length)} images a second` : dash;
  return {
    label: 'Training time',
    value: duration(total(curves.points.map(({ seconds }) => seconds).filter(isKnown))),
    more: rate,
  };
}

export const summary: Panel = {
  id: 'summary',
  title: 'Summary',
  wide: true,
  part: ({ curves, evaluation, dataset }) => [curves, evaluation?.accuracy, evaluation?.loss, dataset],
  draw: (data) => [
    element(
      'dl',
      { class: 'key-figures' },
      [quality, best, loss, samples, time].map((make) => {
        const { label, value, more } = make(data);
        return element(
          'div',
          {},
          element('dt', {}, label),
          element('dd', {}, element('span', { class: 'value' }, value), element('span', { class: 'more' }, more)),
        );
      }),
    ),
    !data.evaluation && sentence(missingEvaluation(data)),
  ],
};

/** Why there is nothing to tell about single images and classes. */
export function missingEvaluation({ live, dataset }: ReportData): string {
  if (live) return 'Training still runs: single images and classes are looked at when it has ended.';
  if (total(dataset.valCounts) === 0)
    return 'No images were held back, so nothing can be said about images the model has not seen.';
  return 'The model was not evaluated on images held back.';
}
