// The first layer's filters as pictures, epoch by epoch, and what is odd about filters of any layer.
import type { FiltersPanel, FilterVerdict } from '../../../src/report/data.js';
import { choice } from '../choice.js';
import { type Child, element, nameOf, note, picture, sentence } from '../dom.js';
import { counted, figures, listed } from '../format.js';
import { greys, scaleLegend } from '../legend.js';
import type { Panel } from '../panel.js';

type Layout = 'slider' | 'beside';

const mostFilters = 64;

function oddOf(panel: FiltersPanel, filter: number): string | undefined {
  const verdict = panel.verdicts.find(({ layer }) => layer === panel.layer);
  if (verdict?.dead.includes(filter)) return 'dead';
  const pair = verdict?.duplicates.find(([a, b]) => a === filter || b === filter);
  return pair && `like ${pair[0] === filter ? pair[1] : pair[0]}`;
}

function sheet(panel: FiltersPanel, place: number): HTMLElement {
  const { filters, epoch } = panel.snapshots[place];
  const one = (uri: string, filter: number) => {
    const odd = oddOf(panel, filter);
    return element(
      'li',
      { class: odd ? 'odd' : undefined },
      picture(uri, `filter ${filter} after epoch ${epoch}${odd ? `, ${odd}` : ''}`, 'pixels'),
      element('span', { 'aria-hidden': 'true' }, odd ?? String(filter)),
    );
  };
  return element('ul', { class: 'filters' }, filters.slice(0, mostFilters).map(one));
}

function slider(panel: FiltersPanel, place: number, choose: (place: number) => void): Child {
  const last = panel.snapshots.length - 1;
  const { epoch } = panel.snapshots[place];
  const text = epoch === 0 ? 'before training' : `epoch ${epoch}`;
  if (last === 0) return note(`There is one snapshot: ${text}.`);
  const input = element('input', {
    type: 'range',
    id: 'filter-epoch',
    min: 0,
    max: last,
    step: 1,
    value: place,
    'data-key': 'filter-epoch',
    'aria-valuetext': text,
    oninput: () => choose(Number(input.value)),
  });
  return element(
    'p',
    { class: 'slider' },
    element('label', { for: 'filter-epoch' }, 'After epoch'),
    input,
    element('output', { for: 'filter-epoch' }, text),
  );
}

const beside = (panel: FiltersPanel): HTMLElement =>
  element(
    'div',
    { class: 'beside' },
    panel.snapshots.map(({ epoch }, place) =>
      element('div', {}, element('h3', {}, epoch === 0 ? 'Before training' : `Epoch ${epoch}`), sheet(panel, place)),
    ),
  );

function verdictLine({ layer, filters, dead, duplicates }: FilterVerdict): HTMLElement {
  const pairs = duplicates.map(([a, b, similarity]) => `${a} and ${b} (${figures(similarity, 2)})`);
  const parts = [
    dead.length > 0 && `dead: ${listed(dead)}`,
    duplicates.length > 0 && `point the same way: ${listed(pairs, 6)}`,
  ].filter(Boolean);
  return element('li', {}, nameOf(layer), `, ${counted(filters, 'filter')}: ${parts.join('; ') || 'nothing odd'}.`);
}

function verdicts(all: readonly FilterVerdict[]): Child {
  if (all.length === 0) return undefined;
  const odd = all.filter(({ dead, duplicates }) => dead.length + duplicates.length > 0);
  const fine = all.length - odd.length;
  return [
    element('h3', {}, 'Dead and duplicate filters'),
    odd.length === 0
      ? note(
          `None in ${counted(all.length, 'convolution')}: every filter answers to some image, and no two point the same way.`,
        )
      : [
          note(
            'Dead filters are zero on every image looked at; of duplicates one would do. Many of them say that the layer could be smaller, or the learning rate lower.',
          ),
          element('ul', { class: 'verdicts' }, odd.map(verdictLine)),
          fine > 0 && note(`Nothing odd in the other ${fine === 1 ? 'convolution' : counted(fine, 'convolution')}.`),
        ],
  ];
}

export function filtersPanel(): Panel {
  let layout: Layout = 'slider';
  /** Undefined: the newest. */
  let chosen: number | undefined;
  return {
    id: 'filters',
    title: 'First-layer filters',
    wide: true,
    part: ({ filters }) => filters,
    draw: ({ filters, live }, redraw) => {
      if (!filters) {
        const none = 'The network has no convolution whose filters could be shown.';
        return [sentence(live ? 'No filters have been kept yet.' : none)];
      }
      if (filters.snapshots.length === 0)
        return [sentence('No filters have been kept yet.'), verdicts(filters.verdicts)];
      const place = Math.min(chosen ?? filters.snapshots.length - 1, filters.snapshots.length - 1);
      const number = filters.snapshots[place].filters.length;
      const chooseLayout = (value: Layout) => {
        layout = value;
        redraw();
      };
      const choosePlace = (value: number) => {
        chosen = value;
        redraw();
      };
      const [low, high] = filters.range;
      return [
        sentence(
          'What the filters of ',
          nameOf(filters.layer),
          ' look for. Noise at first; edges, spots and colours when they have learned something. Filters that are still noise at the end did not.',
        ),
        element(
          'div',
          { class: 'tools' },
          layout === 'slider' && slider(filters, place, choosePlace),
          filters.snapshots.length > 1 &&
            choice(
              'Epochs',
              [
                ['slider', 'One epoch'],
                ['beside', 'Side by side'],
              ],
              layout,
              chooseLayout,
            ),
        ),
        layout === 'slider' ? sheet(filters, place) : beside(filters),
        number > mostFilters && note(`The first ${mostFilters} of ${number} filters are shown.`),
        scaleLegend({
          meaning: 'Weight (of each colour, where filters have colours)',
          low: figures(low),
          high: figures(high),
          colours: greys,
        }),
        verdicts(filters.verdicts),
      ];
    },
  };
}
