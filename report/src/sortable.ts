// A table whose columns sort it: a button in each heading, the order told by `aria-sort`.
import { button, type Child, element, scroller } from './dom.js';
import type { MaybeNumber } from './format.js';

export interface Column<Row> {
  readonly title: string;
  /** What the column is sorted by; missing numbers come last. */
  value(row: Row): string | MaybeNumber;
  cell(row: Row): Child;
  /** Names are read from the left, figures from the right. */
  readonly isText?: boolean;
  /** Of the longest bar, 0 to 1: a bar under the figure. */
  share?(row: Row): MaybeNumber;
}

export interface Order {
  column: number;
  descending: boolean;
}

const compare = (a: string | MaybeNumber, b: string | MaybeNumber): number => {
  if (typeof a === 'string' && typeof b === 'string') return a.localeCompare(b, undefined, { numeric: true });
  return Number(a) - Number(b);
};

export function sorted<Row>(rows: readonly Row[], column: Column<Row> | undefined, descending: boolean): Row[] {
  if (!column) return [...rows];
  const isMissing = (row: Row) => column.value(row) === null || column.value(row) === undefined;
  const known = rows.filter((row) => !isMissing(row));
  known.sort((a, b) => (descending ? -1 : 1) * compare(column.value(a), column.value(b)));
  return [...known, ...rows.filter(isMissing)];
}

function heading<Row>(key: string, column: Column<Row>, place: number, order: Order, redraw: () => void): HTMLElement {
  const isSorted = order.column === place;
  const sort = () => {
    order.descending = isSorted ? !order.descending : false;
    order.column = place;
    redraw();
  };
  return element(
    'th',
    {
      scope: 'col',
      class: column.isText ? 'text' : undefined,
      'aria-sort': isSorted ? (order.descending ? 'descending' : 'ascending') : 'none',
    },
    button(
      `${key}-sort-${place}`,
      { onclick: sort },
      column.title,
      element('span', { class: 'direction', 'aria-hidden': 'true' }, isSorted ? (order.descending ? ' ↓' : ' ↑') : ''),
    ),
  );
}

export interface SortableTable<Row> {
  readonly key: string;
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly order: Order;
  /** Rows that are shown; all when absent. */
  readonly most?: number;
  /** A last row that stays where it is. */
  readonly footer?: readonly Child[];
  redraw(): void;
}

export function sortableTable<Row>({
  key,
  label,
  rows,
  columns,
  order,
  most,
  footer,
  redraw,
}: SortableTable<Row>): HTMLElement {
  const shown = sorted(rows, columns[order.column], order.descending).slice(0, most);
  const cell = (column: Column<Row>, row: Row, place: number) => {
    const share = column.share?.(row);
    const bar =
      typeof share === 'number' &&
      element(
        'span',
        { class: 'track' },
        element('span', { class: 'bar', variables: { width: `${(100 * share).toFixed(1)}%` } }),
      );
    const content = [column.cell(row), bar];
    const className = column.isText ? 'text' : undefined;
    return place === 0
      ? element('th', { scope: 'row', class: className }, content)
      : element('td', { class: className }, content);
  };
  const line = (row: Row) =>
    element(
      'tr',
      {},
      columns.map((column, place) => cell(column, row, place)),
    );
  return scroller(
    label,
    `${key}-table`,
    element(
      'table',
      { class: 'sortable', 'aria-label': label },
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          columns.map((column, place) => heading(key, column, place, order, redraw)),
        ),
      ),
      element('tbody', {}, shown.map(line)),
      footer && element('tfoot', {}, element('tr', {}, footer)),
    ),
  );
}
