// Charts fill the width they are given and are drawn again when it changes.
import type { PlotOptions } from '@observablehq/plot';
import { type Child, element } from './dom.js';

export type Drawing = (width: number) => Element;

/** A figure with its title, what it says in words for those who do not see it, and the chart. */
export function chart(title: string, words: string, height: number, draw: Drawing, ...extras: Child[]): HTMLElement {
  const frame = element('div', { class: 'chart', variables: { 'min-height': `${height}px` } });
  let width = 0;
  const observer = new ResizeObserver(([entry]) => {
    const next = Math.floor(entry.contentRect.width);
    if (next < 40 || next === width) return;
    width = next;
    const drawing = draw(width);
    drawing.setAttribute('role', 'img');
    drawing.setAttribute('aria-label', words);
    frame.replaceChildren(drawing);
  });
  observer.observe(frame);
  return element('figure', { class: 'figure' }, element('figcaption', {}, element('h3', {}, title)), frame, extras);
}

/** What all charts have in common; sizes in pixels. */
export const chartStyle = (width: number, height: number): PlotOptions => ({
  width,
  height,
  marginLeft: 54,
  marginRight: 24,
  marginTop: 18,
  marginBottom: 34,
  style: {
    background: 'transparent',
    color: 'var(--muted)',
    fontSize: '12px',
    fontFamily: 'inherit',
    overflow: 'visible',
  },
});

/** Whole numbers from `first` to `last`, at most `most` of them, at a step of 1, 2, 5, 10 … */
export function wholeTicks(first: number, last: number, most: number): number[] {
  let step = 1;
  for (let power = 1; ; power *= 10) {
    const fitting = [1, 2, 5].map((factor) => factor * power).find((size) => (last - first) / size <= most);
    if (fitting !== undefined) {
      step = fitting;
      break;
    }
  }
  const ticks = [];
  for (let tick = Math.ceil(first / step) * step; tick <= last; tick += step) ticks.push(tick);
  return ticks;
}
