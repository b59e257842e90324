// The data: how many images of each class, and how they look before and after augmentation.
import type { DatasetPanel } from '../../../src/report/data.js';
import { button, type Child, element, nameOf, note, picture, scroller, sentence } from '../dom.js';
import { count, counted, figures } from '../format.js';
import { type ClassNames, classOf } from '../gallery.js';
import { kindLegend } from '../legend.js';
import type { Panel } from '../panel.js';

const first = 30;

function classCounts({ classNames, trainCounts, valCounts }: DatasetPanel, most: number): HTMLElement {
  const largest = Math.max(1, ...trainCounts, ...valCounts);
  const bar = (kind: string, value: number) =>
    element('span', { class: `bar ${kind}`, variables: { width: `${(100 * value) / largest}%` } });
  const row = (name: string, index: number) => {
    const [train, held] = [trainCounts[index] ?? 0, valCounts[index] ?? 0];
    return element(
      'tr',
      {},
      element('th', { scope: 'row', class: 'text' }, nameOf(name)),
      element('td', {}, count(train)),
      element('td', {}, count(held)),
      element('td', { class: 'bars', 'aria-hidden': 'true' }, bar('train', train), bar('held', held)),
    );
  };
  const heading = (text: string, className?: string) => element('th', { scope: 'col', class: className }, text);
  return scroller(
    'Images of each class',
    'class-counts',
    element(
      'table',
      { class: 'counts', 'aria-label': 'Images of each class' },
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          heading('Class', 'text'),
          heading('Training'),
          heading('Held back'),
          element('td', { 'aria-hidden': 'true' }),
        ),
      ),
      element('tbody', {}, classNames.slice(0, most).map(row)),
    ),
  );
}

function balance({ trainCounts, valCounts, classNames }: DatasetPanel): Child[] {
  const filled = trainCounts.filter((number) => number > 0);
  const ratio = filled.length > 0 ? Math.max(...filled) / Math.min(...filled) : 1;
  const missing = classNames.filter((_, index) => (trainCounts[index] ?? 0) === 0).length;
  const hasHeld = valCounts.some((number) => number > 0);
  return [
    note(
      ratio < 1.5
        ? 'The classes are about equally large. '
        : `The largest class has ${figures(ratio, 2)} times the images of the smallest; weights of classes can make up for it. `,
      missing > 0 && `${counted(missing, 'class has', 'classes have')} no image to train on. `,
      !hasHeld && 'No images are held back.',
    ),
  ];
}

function samples(title: string, images: DatasetPanel['samples'], names: ClassNames, missing: string): Child[] {
  const one = ({ picture: uri, trueClass }: DatasetPanel['samples'][number]) => {
    const name = classOf(names, trueClass);
    return element('li', { class: 'sample' }, picture(uri, `image of ${name}`, 'thumb'), nameOf(name));
  };
  return [
    element('h3', {}, title),
    images.length === 0 ? note(missing) : element('ul', { class: 'gallery samples' }, images.map(one)),
  ];
}

export function datasetPanel(): Panel {
  let all = false;
  return {
    id: 'data',
    title: 'Data',
    wide: true,
    part: ({ dataset }) => dataset,
    draw: ({ dataset }, redraw) => {
      const number = dataset.classNames.length;
      const toggle = () => {
        all = !all;
        redraw();
      };
      return [
        sentence(
          'Read from ',
          nameOf(dataset.folder, 'name whole'),
          '. Fingerprint of the data: ',
          element('code', {}, nameOf(dataset.fingerprint, 'name whole')),
          '.',
        ),
        dataset.warnings.length > 0 &&
          element(
            'ul',
            { class: 'warning' },
            dataset.warnings.map((text) => element('li', {}, nameOf(text, 'name whole'))),
          ),
        kindLegend([
          { name: 'training', colour: 'var(--train)' },
          { name: 'held back', colour: 'var(--held)' },
        ]),
        classCounts(dataset, all ? number : first),
        number > first &&
          button(
            'more-counts',
            { class: 'plain', onclick: toggle, 'aria-expanded': String(all) },
            all ? `Show ${first}` : `Show all ${count(number)} classes`,
          ),
        balance(dataset),
        samples('As they are read', dataset.samples, dataset.classNames, 'No samples were kept.'),
        samples(
          'As training sees them',
          dataset.augmented,
          dataset.classNames,
          'Training sees the images as they are: nothing is augmented.',
        ),
      ];
    },
  };
}
