// Pictures with what the model said of them.
import type { ReportImage } from '../../src/report/data.js';
import { append, button, type Child, element, nameOf, picture } from './dom.js';
import { figures, percent } from './format.js';
import { openViewer } from './viewer.js';

export type ClassNames = readonly string[];

export const classOf = (names: ClassNames, index: number): string => names[index] ?? `class ${index}`;

/** `fox, taken for lynx`. */
const told = (image: ReportImage, names: ClassNames): Child[] => [
  nameOf(classOf(names, image.trueClass)),
  image.trueClass === image.predictedClass
    ? ', recognized'
    : [', taken for ', nameOf(classOf(names, image.predictedClass))],
];

function answer(image: ReportImage, names: ClassNames): Child[] {
  const isRight = image.trueClass === image.predictedClass;
  return [
    element('span', { class: 'label' }, nameOf(classOf(names, image.trueClass))),
    element(
      'span',
      { class: isRight ? 'answer right' : 'answer wrong' },
      isRight ? '✓ ' : '✗ ',
      element('span', { class: 'hidden' }, isRight ? 'recognized as ' : 'taken for '),
      nameOf(classOf(names, image.predictedClass)),
      element('span', { class: 'share' }, percent(image.probability, 0)),
    ),
  ];
}

/** Small cards; each opens its picture large, from where the neighbours can be leafed through. */
export function gallery(key: string, images: readonly ReportImage[], names: ClassNames, files = false): HTMLElement {
  const card = (image: ReportImage, place: number) =>
    button(
      `${key}-${place}`,
      { class: 'card', onclick: () => openImages(images, names, place), 'aria-haspopup': 'dialog' },
      picture(image.picture, '', 'thumb'),
      answer(image, names),
      element('span', { class: 'loss' }, `loss ${figures(image.loss)}`),
      files && nameOf(image.file, 'name file'),
    );
  return element(
    'ul',
    { class: 'gallery' },
    images.map((image, place) => element('li', {}, card(image, place))),
  );
}

function details(image: ReportImage, names: ClassNames): HTMLElement {
  const row = (term: string, ...value: Child[]) => [element('dt', {}, term), element('dd', {}, value)];
  return element(
    'dl',
    { class: 'facts' },
    row('File', nameOf(image.file, 'name whole')),
    row('Labelled', nameOf(classOf(names, image.trueClass)), ` (probability ${percent(image.trueProbability)})`),
    row('Predicted', nameOf(classOf(names, image.predictedClass)), ` (probability ${percent(image.probability)})`),
    row('Loss', figures(image.loss)),
  );
}

/** One picture large, with the way to the ones beside it: buttons, or the arrow keys. */
function openImages(images: readonly ReportImage[], names: ClassNames, start: number): void {
  let place = start;
  const title = element('span');
  const stage = element('div', { class: 'stage', 'aria-live': 'polite' });
  const move = (step: number) => {
    place = (place + step + images.length) % images.length;
    const image = images[place];
    title.replaceChildren();
    append(title, told(image, names));
    stage.replaceChildren(
      picture(image.picture, 'the image', 'large'),
      element('p', { class: 'note' }, `${place + 1} of ${images.length}`),
      details(image, names),
    );
  };
  move(0);
  const turn = (key: string, step: number, text: string) => button(key, { onclick: () => move(step) }, text);
  const turns =
    images.length > 1 && element('p', { class: 'turns' }, turn('before', -1, '← Previous'), turn('after', 1, 'Next →'));
  openViewer(title, [stage, turns], (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step !== undefined) move(step);
  });
}
