// The confusion matrix: how often each class was taken for which.

import { check } from '../core/errors.js';
import { formatTable } from '../core/table.js';

/** counts[true][predicted] */
export type ConfusionMatrix = readonly (readonly number[])[];

/**
 * Counts pairs of true and predicted class numbers.
 *
 * @throws OcellusError ERR_OCELLUS_DATA when the lengths differ or a number is no class
 */
export function confusionMatrix(
  labels: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number,
): ConfusionMatrix {
  check(labels.length === predicted.length, 'ERR_OCELLUS_DATA', () => ({
    where: 'confusionMatrix',
    expected: `${labels.length} predictions, one for each label`,
    got: predicted.length,
  }));
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < labels.length; i++) {
    const cell = counts[labels[i]]?.[predicted[i]];
    check(cell !== undefined, 'ERR_OCELLUS_DATA', () => ({
      where: `confusionMatrix: sample ${i}`,
      expected: `class numbers from 0 to ${classes - 1}`,
      got: `label ${labels[i]}, prediction ${predicted[i]}`,
    }));
    counts[labels[i]][predicted[i]] = cell + 1;
  }
  return counts;
}

/**
 * The matrix as a table: a row for each true class with the share of it that was found, a column for each predicted
 * class, their totals below. Zeros are dots. `names` stand beside the class numbers of the rows.
 *
 * @example
 * formatConfusion(confusionMatrix([0, 1, 1], [0, 1, 0], 2), ['cat', 'dog']);
 */
export function formatConfusion(matrix: ConfusionMatrix, names: readonly string[] = []): string {
  const right = sum(matrix.map((row, i) => row[i]));
  const totals = matrix.map((_, column) => sum(matrix.map((row) => row[column])));
  const table = formatTable({
    columns: [
      { title: 'true', align: names.length > 0 ? 'left' : 'right' },
      ...matrix.map((_, i) => ({ title: String(i), align: 'right' as const })),
      { title: 'found', align: 'right' },
    ],
    rows: matrix.map((row, i) => [
      names[i] === undefined ? String(i) : `${i} ${names[i]}`,
      ...row.map((count) => (count === 0 ? '·' : String(count))),
      percent(row[i], sum(row)),
    ]),
    footer: [['all', ...totals.map(String), percent(right, sum(totals))]],
    rules: false,
  });
  return `Rows: true class, columns: predicted class\n${table}`;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)}%`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
