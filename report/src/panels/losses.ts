// The images with the highest loss: mistakes of the model, or of the labels.
import { button, sentence } from '../dom.js';
import { gallery } from '../gallery.js';
import type { Panel } from '../panel.js';
import { missingEvaluation } from './summary.js';

const first = 8;

export function lossesPanel(): Panel {
  let all = false;
  return {
    id: 'losses',
    title: 'Likely wrong labels',
    part: (data) => [data.evaluation?.images, data.evaluation?.topLosses, data.dataset.classNames],
    draw: (data, redraw) => {
      const { evaluation, dataset } = data;
      if (!evaluation) return [sentence(missingEvaluation(data))];
      const images = evaluation.topLosses.map((place) => evaluation.images[place]).filter(Boolean);
      if (images.length === 0) return [sentence('No image is kept here.')];
      const toggle = () => {
        all = !all;
        redraw();
      };
      return [
        sentence(
          'The images with the highest loss: the model is sure of another class. Look whether the label is right. The first line is the label, the second what the model says.',
        ),
        gallery('loss', all ? images : images.slice(0, first), dataset.classNames),
        images.length > first &&
          button(
            'more-losses',
            { class: 'plain', onclick: toggle, 'aria-expanded': String(all) },
            all ? 'Show fewer' : `Show all ${images.length}`,
          ),
      ];
    },
  };
}

export const rightAnswers: Panel = {
  id: 'right',
  title: 'Right answers',
  part: (data) => [data.evaluation?.images, data.evaluation?.rightAnswers, data.dataset.classNames],
  draw: (data) => {
    const { evaluation, dataset } = data;
    if (!evaluation) return [sentence(missingEvaluation(data))];
    const images = evaluation.rightAnswers.map((place) => evaluation.images[place]).filter(Boolean);
    if (images.length === 0) return [sentence('The model recognized none of the images held back.')];
    return [
      sentence('A sample of images that the model recognized, and how sure it was.'),
      gallery('right', images, dataset.classNames),
    ];
  },
};
