// What every layer makes of an image.
import type { FeatureMapsOfImage } from '../../../src/report/data.js';
import { tabs } from '../choice.js';
import { button, type Child, element, nameOf, note, picture, sentence } from '../dom.js';
import { figures } from '../format.js';
import { greys, scaleLegend } from '../legend.js';
import type { Panel } from '../panel.js';

const first = 12;

type MapsOfLayer = FeatureMapsOfImage['layers'][number];

function layerMaps({ name, shape, range, sheet, shown, columns }: MapsOfLayer): HTMLElement {
  const [low, high] = range;
  const filters = shape[shape.length - 1] ?? shown;
  return element(
    'article',
    { class: 'maps' },
    element('h3', {}, nameOf(name), element('span', { class: 'shape' }, ` ${shape.join(' × ')}`)),
    element(
      'div',
      { class: 'sheet', variables: { '--columns': String(columns) } },
      picture(sheet, `maps of ${shown} filters of layer ${name}`, 'pixels'),
    ),
    shown < filters && note(`The first ${shown} of ${filters} filters.`),
    scaleLegend({ meaning: 'Answer', low: figures(low), high: figures(high), colours: greys }),
  );
}

const content = ({ picture: uri, label, layers }: FeatureMapsOfImage, most: number): Child[] => [
  element('p', { class: 'subject' }, picture(uri, '', 'thumb'), nameOf(label, 'name whole')),
  layers.length === 0 && note('No layer makes maps of this image.'),
  element('div', { class: 'map-list' }, layers.slice(0, most).map(layerMaps)),
];

export function featuresPanel(): Panel {
  let chosen = 0;
  let all = false;
  return {
    id: 'features',
    title: 'Feature maps',
    wide: true,
    part: ({ featureMaps }) => featureMaps,
    draw: ({ featureMaps, live }, redraw) => {
      if (featureMaps.length === 0) {
        return [
          sentence(
            live
              ? 'Feature maps are made when training has ended.'
              : 'The network has no layers whose answers are maps.',
          ),
        ];
      }
      chosen = Math.min(chosen, featureMaps.length - 1);
      const choose = (place: number) => {
        chosen = place;
        redraw();
      };
      const items = featureMaps.map((item) => ({
        title: [picture(item.picture, '', 'tab-thumb'), nameOf(item.label)],
        content: () => content(item, all ? item.layers.length : first),
      }));
      const toggle = () => {
        all = !all;
        redraw();
      };
      const layers = featureMaps[chosen].layers.length;
      const text = all ? 'Show fewer' : `Show all ${layers} layers`;
      return [
        sentence(
          'Where in the image each filter finds what it looks for, from the first layer to the last. Maps that are black everywhere tell of filters with nothing to find here.',
        ),
        tabs('features', 'Images', items, chosen, choose),
        layers > first &&
          button('more-layers', { class: 'plain', onclick: toggle, 'aria-expanded': String(all) }, text),
      ];
    },
  };
}
