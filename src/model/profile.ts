// A profile as text, and the random data it is taken on.

import type { StepTime } from '../backend/profile.js';
import type { NumericArray } from '../core/dtype.js';
import { checkOptions } from '../core/errors.js';
import { Random } from '../core/random.js';
import { formatTable } from '../core/table.js';
import type { StepUser } from '../train/session.js';

export interface ProfileTextOptions {
  /** Widest line, in characters. Default: that of the terminal, else no limit. */
  lineLength?: number;
}

const columns = [
  { title: 'Step' },
  { title: 'Op' },
  { title: 'Algorithm' },
  { title: 'ms', align: 'right' },
  { title: '%', align: 'right' },
  { title: 'GFLOP/s', align: 'right' },
  { title: '% of peak', align: 'right' },
] as const;

/**
 * The steps of a profile as a table, in the order in which they run, and their total. Steps of the prologue, which run
 * only when weights changed, have a total of their own and no share of the time.
 *
 * @example
 * const steps = await sequential([layers.dense({ units: 2, inputShape: [3] })]).profile();
 * console.log(formatProfile(steps));
 */
export function formatProfile(steps: readonly StepTime[], options: ProfileTextOptions = {}): string {
  checkOptions('formatProfile', options, ['lineLength']);
  const { lineLength = process.stdout.columns } = options;
  const prologue = steps.filter((step) => step.prologue);
  const body = steps.filter((step) => !step.prologue);
  const whole = body.reduce((sum, step) => sum + step.milliseconds, 0);
  const rows = steps.map((step) => [
    step.name,
    step.op,
    step.algorithm,
    ...figures([step], step.prologue ? Number.NaN : whole),
  ]);
  const footer = [['Total', '', '', ...figures(body, whole)]];
  if (prologue.length > 0)
    footer.push(['Prologue: only when weights changed', '', '', ...figures(prologue, Number.NaN)]);
  return formatTable({ columns, rows, footer, rules: false, maxWidth: lineLength });
}

/** Milliseconds, their share of `whole`, speed and share of the peak of some steps together; empty where there is none. */
function figures(steps: readonly StepTime[], whole: number): string[] {
  const time = steps.reduce((sum, step) => sum + step.milliseconds, 0);
  const mean = (rate: (step: StepTime) => number) =>
    time > 0 ? steps.reduce((sum, step) => sum + rate(step) * step.milliseconds, 0) / time : 0;
  const shown = (value: number) => (value > 0 ? value.toFixed(1) : '');
  return [
    time.toFixed(3),
    shown((100 * time) / whole),
    shown(mean((step) => step.gflops)),
    shown(100 * mean((step) => step.fractionOfPeak ?? 0)),
  ];
}

/** Fills inputs and targets with random values: numbers from 0 to 1, integers that are 0 or 1. */
export function randomStep(seed: number): StepUser<void> {
  const random = new Random(seed);
  const fill = (data: NumericArray): void => {
    for (let i = 0; i < data.length; i++) data[i] = data instanceof Float32Array ? random.uniform() : random.integer(2);
  };
  return {
    write: (bound) => [...bound.inputs, ...bound.targets].forEach(fill),
    read: () => undefined,
  };
}
