// A panel of the page: a section that is drawn again when its part of the data changed, and keeps what the reader had
// open, focused and scrolled.
import type { ReportData } from '../../src/report/data.js';
import { append, type Child, element } from './dom.js';

export interface Panel {
  readonly id: string;
  readonly title: string;
  /** Takes the whole width where there is room for two panels beside each other. */
  readonly wide?: boolean;
  /** The part of the data that it shows, besides whether training runs. */
  part(data: ReportData): unknown;
  /** Elements with a `data-key` of their own keep focus, scroll and openness from one drawing to the next. */
  draw(data: ReportData, redraw: () => void): readonly Child[];
}

export interface PanelView {
  readonly section: HTMLElement;
  update(data: ReportData): void;
}

export function showPanel(panel: Panel): PanelView {
  const heading = element('h2', { id: `${panel.id}-title` }, panel.title);
  const body = element('div', { class: 'body' });
  const section = element(
    'section',
    { id: panel.id, class: panel.wide ? 'panel wide' : 'panel', 'aria-labelledby': `${panel.id}-title` },
    heading,
    body,
  );
  let shown: string | undefined;

  const draw = (data: ReportData) =>
    keepPlaces(body, () => {
      body.replaceChildren();
      append(
        body,
        panel.draw(data, () => draw(data)),
      );
    });

  const update = (data: ReportData) => {
    const part = JSON.stringify([data.live, panel.part(data)]);
    if (part === shown) return;
    shown = part;
    draw(data);
  };
  return { section, update };
}

const keyed = (root: ParentNode) => [...root.querySelectorAll<HTMLElement>('[data-key]')];

/** Runs `change`, then puts focus, inner scrolling and open details back to the elements of the same keys. */
function keepPlaces(root: HTMLElement, change: () => void): void {
  const focused = root.contains(document.activeElement) ? (document.activeElement as HTMLElement) : undefined;
  const places = new Map(
    keyed(root).map((item) => [
      item.dataset.key,
      { left: item.scrollLeft, top: item.scrollTop, open: item instanceof HTMLDetailsElement && item.open },
    ]),
  );
  const pageTop = window.scrollY;
  change();
  for (const item of keyed(root)) {
    const place = places.get(item.dataset.key);
    if (!place) continue;
    if (item instanceof HTMLDetailsElement) item.open = place.open;
    if (place.left || place.top) item.scrollTo({ left: place.left, top: place.top, behavior: 'instant' });
    if (focused && item.dataset.key === focused.dataset.key) item.focus({ preventScroll: true });
  }
  if (window.scrollY !== pageTop) window.scrollTo({ top: pageTop, behavior: 'instant' });
}
