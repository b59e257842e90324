// The pairs of classes that are taken for each other most.
import { button, element, nameOf, sentence } from '../dom.js';
import { count, percent } from '../format.js';
import { classOf } from '../gallery.js';
import type { Panel } from '../panel.js';
import { openCell } from './cell.js';
import { missingEvaluation } from './summary.js';

const most = 8;

export const confusedPairs: Panel = {
  id: 'confused',
  title: 'Most confused pairs',
  part: (data) => [
    data.evaluation?.mostConfused,
    data.evaluation?.confusion,
    data.evaluation?.images,
    data.dataset.classNames,
  ],
  draw: (data) => {
    const { evaluation, dataset } = data;
    if (!evaluation) return [sentence(missingEvaluation(data))];
    const pairs = evaluation.mostConfused.slice(0, most);
    if (pairs.length === 0) return [sentence('No image held back was taken for another class.')];
    const largest = Math.max(...pairs.map(({ rate }) => rate ?? 0), Number.MIN_VALUE);
    return [
      sentence('Which class is taken for which, and for how many of its images. A pair opens its images.'),
      element(
        'ol',
        { class: 'pairs' },
        pairs.map(({ trueClass, predictedClass, count: number, rate }, place) =>
          element(
            'li',
            {},
            button(
              `pair-${place}`,
              { onclick: () => openCell(data, trueClass, predictedClass), 'aria-haspopup': 'dialog' },
              element(
                'span',
                { class: 'pair' },
                nameOf(classOf(dataset.classNames, trueClass)),
                element('span', { class: 'arrow' }, ' → '),
                nameOf(classOf(dataset.classNames, predictedClass)),
              ),
              element('span', { class: 'amount' }, `${count(number)} (${percent(rate, 0)})`),
              element('span', { class: 'bar wrong', variables: { width: `${(100 * (rate ?? 0)) / largest}%` } }),
            ),
          ),
        ),
      ),
    ];
  },
};
