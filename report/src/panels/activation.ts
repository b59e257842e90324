// Where the model looks: class activation maps, and whether they tell the truth.
import * as Plot from '@observablehq/plot';
import type { ActivationMap } from '../../../src/report/data.js';
import { chart, chartStyle } from '../chart.js';
import { element, nameOf, picture, sentence } from '../dom.js';
import { figures, isKnown, percent } from '../format.js';
import { type ClassNames, classOf } from '../gallery.js';
import { scaleLegend } from '../legend.js';
import type { Panel } from '../panel.js';

const axis = (label: string) => ({
  label,
  labelArrow: 'none' as const,
  tickFormat: (value: number) => percent(value, 0),
  ticks: 3,
});

function deletionChart({ deletionCurve }: ActivationMap): HTMLElement {
  const points = deletionCurve.map(([share, left]) => ({ share, left: isKnown(left) ? left : Number.NaN }));
  const draw = (width: number) =>
    Plot.plot({
      ...chartStyle(width, 130),
      x: axis('taken away'),
      y: { ...axis(''), label: null, domain: [0, 1], grid: true },
      marks: [
        Plot.areaY(points, { x: 'share', y: 'left', fill: 'var(--train)', fillOpacity: 0.15 }),
        Plot.lineY(points, { x: 'share', y: 'left', stroke: 'var(--train)', strokeWidth: 2 }),
      ],
    });
  const told = points.map(({ share, left }) => `${percent(share, 0)} taken away: ${percent(left)}`).join(', ');
  return chart('Probability that is left', told, 130, draw);
}

function card(map: ActivationMap, names: ClassNames): HTMLElement {
  const target = classOf(names, map.targetClass);
  const [low, high] = map.range;
  return element(
    'article',
    { class: 'activation' },
    element('h3', {}, nameOf(map.label)),
    element(
      'div',
      { class: 'pair-of-pictures' },
      picture(map.picture, 'the image', 'thumb'),
      picture(map.overlay, `the image with what speaks for ${target}`, 'thumb'),
    ),
    map.scale && scaleLegend({ meaning: 'Speaks for it', low: figures(low), high: figures(high), colours: map.scale }),
    element(
      'dl',
      { class: 'facts' },
      element('dt', {}, 'Map for'),
      element('dd', {}, nameOf(target), ` (${percent(map.probability)}), at `, nameOf(map.layer)),
      element('dt', {}, 'Deletion score'),
      element('dd', {}, figures(map.deletionScore)),
    ),
    deletionChart(map),
  );
}

export const activation: Panel = {
  id: 'activation',
  title: 'Class activation maps',
  wide: true,
  part: ({ activationMaps, dataset }) => [activationMaps, dataset.classNames],
  draw: ({ activationMaps, dataset, live }) => {
    if (activationMaps.length === 0) {
      return [
        sentence(
          live
            ? 'Class activation maps are made when training has ended.'
            : 'The network has no convolution that a class activation map could be taken of.',
        ),
      ];
    }
    return [
      sentence(
        'Which places of the image speak for the class (Grad-CAM). The deletion score checks it: the places are taken away, the strongest first, and the score is the mean share of the probability that is left. The lower, the truer the map.',
      ),
      element(
        'div',
        { class: 'activations' },
        activationMaps.map((map) => card(map, dataset.classNames)),
      ),
    ];
  },
};
