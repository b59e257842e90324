// Images that tell something by themselves: those with the highest loss, mistakes of the model or of the labels, and a
// sample of right answers.
import type { EvaluationPanel } from '../../../src/report/data.js';
import { button, sentence } from '../dom.js';
import { gallery } from '../gallery.js';
import type { Panel } from '../panel.js';
import { missingEvaluation } from './summary.js';

interface ImageList {
  readonly id: string;
  readonly title: string;
  readonly meaning: string;
  /** What is said of a list without images. */
  readonly empty: string;
  /** Images shown until more are asked for. */
  readonly first: number;
  places(evaluation: EvaluationPanel): readonly number[];
}

function imageList({ id, title, meaning, empty, first, places }: ImageList): Panel {
  let all = false;
  return {
    id,
    title,
    part: ({ evaluation, dataset }) => evaluation && [evaluation.images, places(evaluation), dataset.classNames],
    draw: (data, redraw) => {
      const { evaluation, dataset } = data;
      if (!evaluation) return [sentence(missingEvaluation(data))];
      const images = places(evaluation)
        .map((place) => evaluation.images[place])
        .filter(Boolean);
      if (images.length === 0) return [sentence(empty)];
      const toggle = () => {
        all = !all;
        redraw();
      };
      const text = all ? 'Show fewer' : `Show all ${images.length}`;
      return [
        sentence(meaning),
        gallery(id, all ? images : images.slice(0, first), dataset.classNames),
        images.length > first &&
          button(`more-${id}`, { class: 'plain', onclick: toggle, 'aria-expanded': String(all) }, text),
      ];
    },
  };
}

export const lossesPanel = (): Panel =>
  imageList({
    id: 'losses',
    title: 'Likely wrong labels',
    meaning:
      'The images with the highest loss: the model is sure of another class. Look whether the label is right. The first line is the label, the second what the model says.',
    empty: 'No image is kept here.',
    first: 8,
    places: ({ topLosses }) => topLosses,
  });

export const rightPanel = (): Panel =>
  imageList({
    id: 'right',
    title: 'Right answers',
    meaning: 'A sample of images that the model recognized, and how sure it was.',
    empty: 'The model recognized none of the images held back.',
    first: 12,
    places: ({ rightAnswers }) => rightAnswers,
  });
