// The images of one cell of the confusion matrix, in the dialog.
import type { ReportData } from '../../../src/report/data.js';
import { note } from '../dom.js';
import { counted, percent } from '../format.js';
import { classOf, gallery } from '../gallery.js';
import { openViewer } from '../viewer.js';

const sum = (row: readonly number[]) => row.reduce((total, value) => total + value, 0);

/** Of all images of the true class, how many went here; 0 where there is none. */
export const rateOf = (confusion: readonly (readonly number[])[], trueClass: number, predicted: number): number =>
  confusion[trueClass][predicted] / Math.max(1, sum(confusion[trueClass]));

export function openCell({ evaluation, dataset }: ReportData, trueClass: number, predicted: number): void {
  if (!evaluation) return;
  const [from, to] = [trueClass, predicted].map((index) => `“\u2068${classOf(dataset.classNames, index)}\u2069”`);
  const number = evaluation.confusion[trueClass]?.[predicted] ?? 0;
  const images = evaluation.images.filter(
    (image) => image.trueClass === trueClass && image.predictedClass === predicted,
  );
  const share = percent(rateOf(evaluation.confusion, trueClass, predicted));
  const kept =
    images.length === 0
      ? 'The report keeps no picture of them.'
      : images.length < number
        ? `The report keeps ${images.length} of them.`
        : '';
  openViewer(trueClass === predicted ? `${from}, recognized` : `${from} taken for ${to}`, [
    note(`${counted(number, 'image')}, ${share} of the images labelled ${from}. ${kept}`),
    images.length > 0 && gallery('cell-image', images, dataset.classNames, true),
  ]);
}
