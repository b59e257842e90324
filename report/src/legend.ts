// What colours mean: a bar for scales, swatches for kinds.
import { element } from './dom.js';

export interface Scale {
  /** What the colour stands for. */
  readonly meaning: string;
  readonly low: string;
  readonly high: string;
  /** CSS colours from low to high. */
  readonly colours: readonly string[];
}

export const greys = ['black', 'white'];

/** A bar from the lowest colour to the highest, both ends written out. */
export function scaleLegend({ meaning, low, high, colours }: Scale): HTMLElement {
  const valid = colours.filter((colour) => colour.startsWith('var(') || CSS.supports('color', colour));
  const background = `linear-gradient(to right, ${(valid.length > 1 ? valid : greys).join(', ')})`;
  return element(
    'p',
    { class: 'legend' },
    element('span', { class: 'meaning' }, `${meaning}: `),
    element(
      'span',
      { class: 'scale' },
      low,
      element('span', { class: 'ramp', role: 'img', 'aria-label': 'to', variables: { background } }),
      high,
    ),
  );
}

export interface Kind {
  readonly name: string;
  readonly colour: string;
  readonly mark?: 'line' | 'dashed' | 'area';
}

export function kindLegend(kinds: readonly Kind[]): HTMLElement {
  return element(
    'ul',
    { class: 'kinds' },
    kinds.map(({ name, colour, mark = 'area' }) =>
      element(
        'li',
        {},
        element('span', { class: `swatch ${mark}`, 'aria-hidden': 'true', variables: { color: colour } }),
        name,
      ),
    ),
  );
}
