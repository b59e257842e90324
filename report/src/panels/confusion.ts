// The confusion matrix: a row for each true class, a column for each predicted one; a cell opens its images.
import type { EvaluationPanel, ReportData } from '../../../src/report/data.js';
import { choice } from '../choice.js';
import { element, nameOf, note, scroller, sentence } from '../dom.js';
import { count, counted, percent } from '../format.js';
import { classOf } from '../gallery.js';
import { scaleLegend } from '../legend.js';
import type { Panel } from '../panel.js';
import { openCell, rateOf } from './cell.js';
import { roving } from './roving.js';
import { missingEvaluation } from './summary.js';

type Measure = 'counts' | 'rates';

const mostClasses = 40;

/** All classes, or those with the most mistakes, in their order. */
function shownClasses({ confusion }: EvaluationPanel): number[] {
  const all = confusion.map((_, index) => index);
  if (all.length <= mostClasses) return all;
  const mistakes = new Array<number>(all.length).fill(0);
  confusion.forEach((row, trueClass) =>
    row.forEach((number, predicted) => {
      if (trueClass === predicted) return;
      mistakes[trueClass] += number;
      mistakes[predicted] += number;
    }),
  );
  return all
    .sort((a, b) => mistakes[b] - mistakes[a])
    .slice(0, mostClasses)
    .sort((a, b) => a - b);
}

interface Extent {
  readonly right: number;
  readonly wrong: number;
}

function largest(evaluation: EvaluationPanel, classes: readonly number[], measure: Measure): Extent {
  let [right, wrong] = [0, 0];
  for (const a of classes) {
    for (const b of classes) {
      const value = measure === 'counts' ? evaluation.confusion[a][b] : rateOf(evaluation.confusion, a, b);
      if (a === b) right = Math.max(right, value);
      else wrong = Math.max(wrong, value);
    }
  }
  return { right, wrong };
}

function cellOf(
  data: ReportData,
  evaluation: EvaluationPanel,
  a: number,
  b: number,
  measure: Measure,
  extent: Extent,
): HTMLElement {
  const number = evaluation.confusion[a][b];
  const rate = rateOf(evaluation.confusion, a, b);
  const value = measure === 'counts' ? number : rate;
  const share = value / Math.max(a === b ? extent.right : extent.wrong, Number.MIN_VALUE);
  const names = data.dataset.classNames;
  const words = `${classOf(names, a)} ${a === b ? 'recognized' : `taken for ${classOf(names, b)}`}: ${counted(number, 'image')}, ${percent(rate)}`;
  const text = measure === 'counts' ? count(number) : String(Math.round(100 * rate));
  return element(
    'td',
    {
      class: `${a === b ? 'right' : 'wrong'}${number === 0 ? ' none' : ''}`,
      role: 'gridcell',
      tabindex: -1,
      title: words,
      'aria-label': words,
      'aria-disabled': number === 0 ? 'true' : undefined,
      'data-key': `cell-${a}-${b}`,
      'data-cell': `${a},${b}`,
      variables: { '--share': `${(100 * share).toFixed(1)}%` },
    },
    number === 0 ? '·' : text,
  );
}

function matrix(
  data: ReportData,
  evaluation: EvaluationPanel,
  classes: readonly number[],
  measure: Measure,
): HTMLElement {
  const extent = largest(evaluation, classes, measure);
  const names = data.dataset.classNames;
  const head = element(
    'tr',
    { role: 'row' },
    element('td', { class: 'corner' }, element('span', {}, 'label ↓'), element('span', {}, 'predicted →')),
    classes.map((index) => element('th', { scope: 'col', role: 'columnheader' }, nameOf(classOf(names, index)))),
  );
  const rows = classes.map((a) =>
    element(
      'tr',
      { role: 'row' },
      element('th', { scope: 'row', role: 'rowheader' }, nameOf(classOf(names, a))),
      classes.map((b) => cellOf(data, evaluation, a, b, measure, extent)),
    ),
  );
  const size = classes.length <= 12 ? 'roomy' : classes.length <= 24 ? 'middle' : 'tight';
  const grid = element(
    'table',
    {
      class: `matrix ${size}`,
      role: 'grid',
      'aria-label': 'Confusion matrix; arrow keys move, Enter opens the images of a cell',
    },
    element('thead', {}, head),
    element('tbody', {}, rows),
  );
  roving(grid, classes.length, (cell) => {
    if (cell.getAttribute('aria-disabled')) return;
    const [a, b] = (cell.dataset.cell ?? '').split(',').map(Number);
    openCell(data, a, b);
  });
  return grid;
}

function legends(evaluation: EvaluationPanel, classes: readonly number[], measure: Measure): HTMLElement {
  const extent = largest(evaluation, classes, measure);
  const high = (value: number) => (measure === 'counts' ? counted(value, 'image') : percent(value, 0));
  const low = measure === 'counts' ? '0' : '0 %';
  return element(
    'div',
    { class: 'legends' },
    scaleLegend({
      meaning: 'Right, on the diagonal',
      low,
      high: high(extent.right),
      colours: ['var(--surface)', 'var(--right-full)'],
    }),
    scaleLegend({
      meaning: 'Mistakes',
      low,
      high: high(extent.wrong),
      colours: ['var(--surface)', 'var(--wrong-full)'],
    }),
  );
}

export function confusionPanel(): Panel {
  let measure: Measure = 'counts';
  return {
    id: 'confusion',
    title: 'Confusion matrix',
    part: (data) => [data.evaluation?.confusion, data.evaluation?.images, data.dataset.classNames],
    draw: (data, redraw) => {
      const { evaluation } = data;
      if (!evaluation || evaluation.confusion.length === 0) return [sentence(missingEvaluation(data))];
      const classes = shownClasses(evaluation);
      const choose = (value: Measure) => {
        measure = value;
        redraw();
      };
      return [
        sentence('A row holds the images of one label, a column those of one answer. A cell opens its images.'),
        classes.length < evaluation.confusion.length &&
          note(
            `Of ${count(evaluation.confusion.length)} classes the ${classes.length} with the most mistakes are shown.`,
          ),
        element(
          'div',
          { class: 'tools' },
          choice(
            'Cells show',
            [
              ['counts', 'Counts'],
              ['rates', 'Rates in %'],
            ],
            measure,
            choose,
          ),
        ),
        scroller('Confusion matrix', 'matrix', matrix(data, evaluation, classes, measure)),
        legends(evaluation, classes, measure),
        measure === 'rates' && note('Rates are shares of the images of a label, so each row adds up to 100 %.'),
      ];
    },
  };
}
