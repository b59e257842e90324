// What training did, epoch by epoch.
import type { CurvesPanel, EpochPoint } from '../../../src/report/data.js';
import { choice } from '../choice.js';
import { type Child, element, nameOf, note, scroller, sentence } from '../dom.js';
import { duration, figures, isKnown, listed, metricWords, spans } from '../format.js';
import { kindLegend } from '../legend.js';
import type { Panel } from '../panel.js';
import { type Curve, curveChart } from './curve-chart.js';

type Height = 'linear' | 'log';

/** `loss` and `valLoss` belong in one chart. */
const baseOf = (metric: string): string =>
  /^val[A-Z]/.test(metric) ? metric.charAt(3).toLowerCase() + metric.slice(4) : metric;
const heldBack = (base: string): string => `val${base.charAt(0).toUpperCase()}${base.slice(1)}`;

const basesOf = (points: readonly EpochPoint[]): string[] => [
  ...new Set(points.flatMap(({ metrics }) => Object.keys(metrics).map(baseOf))),
];

function metricCurves(points: readonly EpochPoint[], base: string): Curve[] {
  const curve = (name: string, colour: string, metric: string): Curve => ({
    name,
    colour,
    values: points.map(({ metrics }) => metrics[metric]),
  });
  const curves = [curve('training', 'var(--train)', base), curve('held back', 'var(--held)', heldBack(base))];
  return curves.filter(({ values }) => values.some((value) => value !== undefined));
}

/** Says which figures are gaps because they were NaN or infinite. */
function gaps(points: readonly EpochPoint[]): Child {
  const lines = [...new Set(points.flatMap(({ metrics }) => Object.keys(metrics)))].flatMap((metric) => {
    const epochs = points
      .filter(({ metrics }) => metric in metrics && !isKnown(metrics[metric]))
      .map(({ epoch }) => epoch);
    return epochs.length === 0 ? [] : [`${metricWords(metric)} in epoch ${listed(spans(epochs))}`];
  });
  if (lines.length === 0) return undefined;
  return element(
    'p',
    { class: 'warning' },
    `Not a finite number, shown as gaps: ${lines.join('; ')}. A lower learning rate or clipped gradients often help.`,
  );
}

function table(points: readonly EpochPoint[]): HTMLElement {
  const metrics = [...new Set(points.flatMap((point) => Object.keys(point.metrics)))];
  const head = ['Epoch', ...metrics.map(metricWords), 'learning rate', 'images a second', 'time'];
  const cell = (text: string) => element('td', {}, text);
  return element(
    'details',
    { 'data-key': 'curve-figures' },
    element('summary', {}, 'Figures of every epoch'),
    scroller(
      'Figures of every epoch',
      'curve-table',
      element(
        'table',
        { 'aria-label': 'Figures of every epoch' },
        element(
          'thead',
          {},
          element(
            'tr',
            {},
            head.map((text) => element('th', { scope: 'col' }, nameOf(text))),
          ),
        ),
        element(
          'tbody',
          {},
          points.map((point) =>
            element(
              'tr',
              {},
              element('th', { scope: 'row' }, String(point.epoch)),
              metrics.map((metric) => cell(figures(point.metrics[metric], 4))),
              [figures(point.learningRate), figures(point.imagesPerSecond, 4), duration(point.seconds)].map(cell),
            ),
          ),
        ),
      ),
    ),
  );
}

function charts({ points, bestEpoch, epochs }: CurvesPanel, live: boolean, height: Height): HTMLElement[] {
  const last = Math.max(live ? epochs : 0, points[points.length - 1].epoch);
  const common = { epochs: points.map(({ epoch }) => epoch), last };
  const metrics = basesOf(points).map((base) =>
    curveChart({
      ...common,
      title: metricWords(base),
      curves: metricCurves(points, base),
      bestEpoch,
      logarithmic: base === 'loss' && height === 'log',
    }),
  );
  const other = (title: string, read: (point: EpochPoint) => number, isStepped: boolean) =>
    curveChart({
      ...common,
      title,
      curves: [{ name: title, colour: 'var(--neutral)', values: points.map(read) }],
      isStepped,
    });
  return [
    ...metrics,
    other('learning rate', ({ learningRate }) => learningRate, true),
    other('images a second', ({ imagesPerSecond }) => imagesPerSecond, false),
  ];
}

export function curvesPanel(): Panel {
  let height: Height = 'linear';
  return {
    id: 'curves',
    title: 'Training',
    wide: true,
    part: ({ curves }) => curves,
    draw: ({ curves, live }, redraw) => {
      if (curves.points.length === 0) return [sentence('No epoch has ended yet.')];
      const choose = (value: Height) => {
        height = value;
        redraw();
      };
      const hasHeld = curves.points.some(({ metrics }) =>
        Object.keys(metrics).some((metric) => metric !== baseOf(metric)),
      );
      const kinds = [
        { name: 'training', colour: 'var(--train)', mark: 'line' as const },
        ...(hasHeld ? [{ name: 'held back', colour: 'var(--held)', mark: 'line' as const }] : []),
        ...(curves.bestEpoch === undefined
          ? []
          : [
              { name: `best epoch, by ${metricWords(curves.monitor)}`, colour: 'var(--best)', mark: 'dashed' as const },
            ]),
      ];
      return [
        sentence(
          'A falling loss means that the model learns. Where the curve of the images held back turns while that of training goes on, the model begins to learn its images by heart.',
        ),
        element(
          'div',
          { class: 'tools' },
          kindLegend(kinds),
          choice(
            'Scale of the loss',
            [
              ['linear', 'Linear'],
              ['log', 'Logarithmic'],
            ],
            height,
            choose,
          ),
        ),
        gaps(curves.points),
        !hasHeld && note('There are no curves of images held back.'),
        curves.points.length === 1 && note('There is one epoch so far, so each curve is a single dot.'),
        element('div', { class: 'charts' }, charts(curves, live, height)),
        table(curves.points),
      ];
    },
  };
}
