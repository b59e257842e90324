// Whether the model is as often right as it is sure.
import * as Plot from '@observablehq/plot';
import type { EvaluationPanel } from '../../../src/report/data.js';
import { chart, chartStyle } from '../chart.js';
import { element, note, sentence } from '../dom.js';
import { counted, isKnown, percent } from '../format.js';
import { kindLegend } from '../legend.js';
import type { Panel } from '../panel.js';
import { missingEvaluation } from './summary.js';

interface Bin {
  readonly from: number;
  readonly to: number;
  readonly confidence: number;
  readonly accuracy: number;
  readonly count: number;
}

const distance = 'var(--held-faint)';

type Reliability = EvaluationPanel['reliability'];

function binsOf({ bins }: Reliability): Bin[] {
  return bins
    .map((bin, place) => ({ ...bin, from: place / bins.length, to: (place + 1) / bins.length }))
    .filter(({ count, confidence, accuracy }) => count > 0 && isKnown(confidence) && isKnown(accuracy));
}

const tell = ({ from, to, accuracy, confidence, count }: Bin) =>
  `sure by ${percent(from, 0)} to ${percent(to, 0)}: ${counted(count, 'image')}\nmean confidence ${percent(confidence)}\nright ${percent(accuracy)}`;

const axis = (label: string) => ({
  label,
  labelArrow: 'none' as const,
  domain: [0, 1],
  tickFormat: (value: number) => percent(value, 0),
});

function diagram(bins: readonly Bin[]) {
  return (width: number) => {
    const height = Math.min(width, 340);
    return Plot.plot({
      ...chartStyle(width, height),
      x: { ...axis('confidence'), ticks: 5 },
      y: { ...axis('right answers'), label: null, grid: true, ticks: 5 },
      marks: [
        Plot.rect(bins, {
          x1: 'from',
          x2: 'to',
          y1: 0,
          y2: 'accuracy',
          fill: 'var(--train)',
          insetLeft: 1,
          insetRight: 1,
        }),
        Plot.rect(bins, {
          x1: 'from',
          x2: 'to',
          y1: 'accuracy',
          y2: 'confidence',
          fill: distance,
          stroke: 'var(--held)',
          insetLeft: 1.5,
          insetRight: 1.5,
        }),
        Plot.line(
          [
            [0, 0],
            [1, 1],
          ],
          { stroke: 'var(--text)', strokeDasharray: '4,3' },
        ),
        Plot.tip(
          bins,
          Plot.pointerX({
            x: (bin: Bin) => (bin.from + bin.to) / 2,
            y: 'accuracy',
            title: tell,
            fill: 'var(--surface)',
            stroke: 'var(--line)',
          }),
        ),
      ],
    });
  };
}

function histogram(bins: readonly Bin[]) {
  return (width: number) =>
    Plot.plot({
      ...chartStyle(width, 110),
      x: { ...axis('confidence'), ticks: 5 },
      y: { label: null, grid: true, ticks: 2, zero: true },
      marks: [
        Plot.rect(bins, {
          x1: 'from',
          x2: 'to',
          y1: 0,
          y2: 'count',
          fill: 'var(--neutral)',
          insetLeft: 1,
          insetRight: 1,
        }),
      ],
    });
}

function verdict({ expectedCalibrationError: error }: Reliability, bins: readonly Bin[]): string {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  const lean = bins.reduce((sum, { confidence, accuracy, count }) => sum + (confidence - accuracy) * count, 0) / total;
  const side =
    Math.abs(lean) < 0.01
      ? 'It leans to neither side.'
      : lean > 0
        ? 'It is surer than it is right (overconfident).'
        : 'It is right more often than it is sure (underconfident).';
  return `Expected calibration error ${percent(error)}: so far are confidence and accuracy apart, on average over the images. ${side}`;
}

export const reliability: Panel = {
  id: 'reliability',
  title: 'Reliability',
  part: (data) => data.evaluation?.reliability,
  draw: (data) => {
    if (!data.evaluation) return [sentence(missingEvaluation(data))];
    const bins = binsOf(data.evaluation.reliability);
    if (bins.length === 0) return [sentence('The model gave no confidence that could be compared.')];
    const words = bins.map((bin) => tell(bin).replaceAll('\n', ', ')).join('; ');
    return [
      sentence(
        'Of the images that the model is 80 % sure of, 80 % should be right: bars should end at the dashed line.',
      ),
      element('p', { class: 'verdict' }, verdict(data.evaluation.reliability, bins)),
      kindLegend([
        { name: 'right answers', colour: 'var(--train)' },
        { name: 'distance to the confidence', colour: distance },
        { name: 'perfect', colour: 'var(--text)', mark: 'dashed' },
      ]),
      chart('Right answers by confidence', words, 200, diagram(bins)),
      chart('Images by confidence', words, 110, histogram(bins)),
      bins.some(({ count }) => count < 10) && note('Bars of fewer than 10 images say little.'),
    ];
  },
};
