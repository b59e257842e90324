// Precision, recall and F1 of each class, the worst first.
import type { EvaluationPanel } from '../../../src/report/data.js';
import { button, nameOf, note, sentence } from '../dom.js';
import { count, isKnown, listed, percent } from '../format.js';
import { classOf } from '../gallery.js';
import type { Panel } from '../panel.js';
import { type Column, sortableTable } from '../sortable.js';
import { missingEvaluation } from './summary.js';

type Row = EvaluationPanel['perClass'][number] & { readonly name: string };

const first = 50;

const share = (title: string, read: (row: Row) => number): Column<Row> => ({
  title,
  value: read,
  cell: (row) => percent(read(row)),
  share: read,
});

const columns: readonly Column<Row>[] = [
  { title: 'Class', isText: true, value: ({ name }) => name, cell: ({ name }) => nameOf(name) },
  share('Precision', ({ precision }) => precision),
  share('Recall', ({ recall }) => recall),
  share('F1', ({ f1 }) => f1),
  { title: 'Images', value: ({ support }) => support, cell: ({ support }) => count(support) },
];
const byF1 = 3;

/** Classes whose figures have no value, and why. */
function missing(rows: readonly Row[]): string | undefined {
  const never = rows.filter(({ precision }) => !isKnown(precision)).map(({ name }) => `\u2068${name}\u2069`);
  const without = rows.filter(({ support }) => support === 0).map(({ name }) => `\u2068${name}\u2069`);
  const lines = [
    never.length > 0 && `Never predicted, so without precision: ${listed(never, 6)}.`,
    without.length > 0 && `Without an image held back: ${listed(without, 6)}.`,
  ];
  return lines.filter(Boolean).join(' ') || undefined;
}

export function classesPanel(): Panel {
  const order = { column: byF1, descending: false };
  let all = false;
  return {
    id: 'classes',
    title: 'Classes',
    part: (data) => [data.evaluation?.perClass, data.dataset.classNames],
    draw: (data, redraw) => {
      const { evaluation, dataset } = data;
      if (!evaluation || evaluation.perClass.length === 0) return [sentence(missingEvaluation(data))];
      const rows = evaluation.perClass.map((row, index) => ({ ...row, name: classOf(dataset.classNames, index) }));
      const told = missing(rows);
      const toggle = () => {
        all = !all;
        redraw();
      };
      return [
        sentence(
          'Precision: of the images that were called so, how many are. Recall: of the images that are, how many were called so. F1 is high only where both are.',
        ),
        sortableTable({
          key: 'classes',
          label: 'Figures of each class',
          rows,
          columns,
          order,
          most: all ? undefined : first,
          redraw,
        }),
        told && note(told),
        rows.length > first &&
          button(
            'more-classes',
            { class: 'plain', onclick: toggle, 'aria-expanded': String(all) },
            all ? `Show ${first}` : `Show all ${count(rows.length)}`,
          ),
      ];
    },
  };
}
