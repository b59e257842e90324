// Curves over epochs: gaps where a value is missing, the best epoch marked, all values of an epoch under the pointer.
import * as Plot from '@observablehq/plot';
import { chart, chartStyle, wholeTicks } from '../chart.js';
import { capitalized, figures, isKnown, type MaybeNumber } from '../format.js';

export interface Curve {
  readonly name: string;
  /** A custom property of CSS. */
  readonly colour: string;
  /** One for each epoch. */
  readonly values: readonly MaybeNumber[];
}

export interface CurveChart {
  readonly title: string;
  readonly epochs: readonly number[];
  /** The last epoch of the axis. */
  readonly last: number;
  readonly curves: readonly Curve[];
  readonly bestEpoch?: number;
  readonly logarithmic?: boolean;
  readonly isStepped?: boolean;
}

interface Point {
  readonly epoch: number;
  /** NaN where the line has a gap. */
  readonly value: number;
}

const height = 220;
const mostDots = 30;

function pointsOf(epochs: readonly number[], values: readonly MaybeNumber[], logarithmic: boolean): Point[] {
  return epochs.map((epoch, place) => {
    const value = values[place];
    return { epoch, value: isKnown(value) && (!logarithmic || value > 0) ? value : Number.NaN };
  });
}

/** Points that no line reaches, or all where they are few. */
function dotted(points: readonly Point[]): Point[] {
  const there = (place: number) => points[place] !== undefined && !Number.isNaN(points[place].value);
  return points.filter((_, i) => there(i) && (points.length <= mostDots || !(there(i - 1) || there(i + 1))));
}

function words({ title, curves, epochs }: CurveChart): string {
  const told = curves.map(({ name, values }) => {
    const known = values.filter(isKnown);
    if (known.length === 0) return `${name} has no finite value`;
    const [low, high] = [Math.min(...known), Math.max(...known)];
    return `${name} from ${figures(known[0])} to ${figures(known[known.length - 1])}, lowest ${figures(low)}, highest ${figures(high)}`;
  });
  return `${capitalized(title)} over ${epochs.length} epochs: ${told.join('; ')}.`;
}

function bestMarks({ bestEpoch }: CurveChart): Plot.Markish[] {
  if (bestEpoch === undefined) return [];
  const place = { x: (epoch: number) => epoch };
  return [
    Plot.text([bestEpoch], { ...place, text: () => 'best', frameAnchor: 'top', dy: -9, fill: 'var(--best)' }),
    Plot.ruleX([bestEpoch], { ...place, stroke: 'var(--best)', strokeWidth: 1.5, strokeDasharray: '4,3' }),
  ];
}

function pointerMarks({ epochs, curves }: CurveChart): Plot.Markish[] {
  const tell = (epoch: number) => {
    const lines = curves.map(({ name, values }) => `${name}: ${figures(values[epochs.indexOf(epoch)], 4)}`);
    return [`epoch ${epoch}`, ...lines].join('\n');
  };
  const under = Plot.pointerX({ x: (epoch: number) => epoch });
  return [
    Plot.ruleX(epochs, { ...under, stroke: 'var(--muted)', strokeOpacity: 0.5 }),
    Plot.tip(epochs, {
      ...under,
      frameAnchor: 'top',
      title: tell,
      fill: 'var(--surface)',
      stroke: 'var(--line)',
      textPadding: 8,
    }),
  ];
}

export function curveChart(options: CurveChart): HTMLElement {
  const { title, epochs, last, curves, logarithmic = false, isStepped = false } = options;
  const lines = curves.map((curve) => ({ ...curve, points: pointsOf(epochs, curve.values, logarithmic) }));
  const isOne = last <= 1;
  const draw = (width: number) =>
    Plot.plot({
      ...chartStyle(width, height),
      x: {
        label: 'epoch',
        labelArrow: 'none',
        domain: isOne ? [0.5, 1.5] : [1, last],
        ticks: isOne ? [1] : wholeTicks(1, last, width / 50),
        tickFormat: (epoch: number) => String(epoch),
      },
      y: {
        type: logarithmic ? 'log' : 'linear',
        label: null,
        grid: true,
        ticks: 5,
        nice: true,
        zero: !logarithmic && !/accuracy/i.test(title),
        tickFormat: (value: number) => figures(value),
      },
      marks: [
        ...bestMarks(options),
        ...lines.flatMap(({ colour, points }) => [
          Plot.lineY(points, {
            x: 'epoch',
            y: 'value',
            stroke: colour,
            strokeWidth: 2,
            curve: isStepped ? 'step-after' : 'linear',
          }),
          Plot.dot(dotted(points), { x: 'epoch', y: 'value', fill: colour, r: 2.5 }),
        ]),
        ...pointerMarks(options),
      ],
    });
  return chart(capitalized(title), words(options), height, draw);
}
