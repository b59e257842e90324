// What can be said about a page without a person: names in the accessibility tree, order of headings, ids, contrast,
// what Tab reaches.

import type { Page } from 'playwright-core';

const named = new Set([
  'button',
  'link',
  'image',
  'img',
  'tab',
  'slider',
  'dialog',
  'region',
  'table',
  'grid',
  'gridcell',
]);
const alsoNamed = new Set(['tabpanel', 'tablist', 'navigation', 'progressbar', 'columnheader', 'rowheader', 'heading']);

/** `role` of everything that a screen reader would call nothing but that. */
export async function nameless(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  return nodes
    .filter((node) => !node.ignored)
    .map((node) => ({ role: String(node.role?.value ?? ''), name: String(node.name?.value ?? '').trim() }))
    .filter(({ role, name }) => (named.has(role) || alsoNamed.has(role)) && name === '')
    .map(({ role }) => role);
}

/** Wrong order of headings, ids that are there twice, references to ids that are not there, missing landmarks. */
export const structure = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const problems: string[] = [];
    let last = 0;
    for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
      const level = Number(heading.tagName[1]);
      if (level > last + 1) problems.push(`h${level} '${heading.textContent}' after h${last}`);
      last = level;
    }
    if (document.querySelectorAll('h1').length !== 1) problems.push('not one h1');
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) problems.push(`id ${id} twice`);
    for (const attribute of ['aria-labelledby', 'aria-controls', 'for']) {
      for (const item of document.querySelectorAll(`[${attribute}]`)) {
        const id = item.getAttribute(attribute) ?? '';
        if (!document.getElementById(id)) problems.push(`${attribute}='${id}' leads nowhere`);
      }
    }
    for (const landmark of ['header', 'nav', 'main', 'footer']) {
      if (document.querySelectorAll(`body ${landmark}`).length !== 1) problems.push(`not one ${landmark}`);
    }
    if (!document.documentElement.lang) problems.push('no language');
    return problems;
  });

/** Texts whose contrast with what lies behind them is too low: 4.5, or 3 where they are large. */
export const faint = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;
    const seen = new Map<string, number[]>();
    const rgba = (colour: string): number[] => {
      let value = seen.get(colour);
      if (!value) {
        context.clearRect(0, 0, 1, 1);
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        value = [...context.getImageData(0, 0, 1, 1).data];
        seen.set(colour, value);
      }
      return value;
    };
    const over = (top: number[], back: number[]) =>
      back.map((value, i) => (top[3] / 255) * top[i] + (1 - top[3] / 255) * value);
    const backOf = (item: Element | null): number[] => {
      if (!item) return [255, 255, 255];
      const colour = rgba(getComputedStyle(item).backgroundColor);
      return colour[3] === 255 ? colour.slice(0, 3) : over(colour, backOf(item.parentElement));
    };
    const light = (colour: number[]) => {
      const [r, g, b] = colour.map((value) =>
        value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const problems = new Set<string>();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const item = node.parentElement!;
      const style = getComputedStyle(item);
      const isText =
        (node.textContent ?? '').trim() !== '' && !['SCRIPT', 'STYLE', 'NOSCRIPT', 'TITLE'].includes(item.tagName);
      if (!isText || style.visibility === 'hidden' || item.getClientRects().length === 0) continue;
      const back = backOf(item);
      const colour = over(rgba(item instanceof SVGElement ? style.fill : style.color), back);
      const [high, low] = [light(colour), light(back)].sort((a, b) => b - a);
      const ratio = (high + 0.05) / (low + 0.05);
      const isLarge = Number.parseFloat(style.fontSize) >= 24;
      if (ratio < (isLarge ? 3 : 4.5)) {
        problems.add(
          `${item.tagName}.${item.getAttribute('class')} '${node.textContent?.slice(0, 20)}' ${ratio.toFixed(2)}`,
        );
      }
    }
    return [...problems];
  });

/** Elements that stick out to the right of the page and do not scroll inside something. */
export const overflowing = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const found = [...document.querySelectorAll('body *')].filter((item) => {
      if (item.closest('.scroller, nav, .hidden, svg, .skip')) return false;
      const box = item.getBoundingClientRect();
      return box.width > 0 && (box.right > width + 0.5 || box.left < -0.5);
    });
    const told = found.map(
      (item) => `${item.tagName}.${item.className} ${Math.round(item.getBoundingClientRect().right)}`,
    );
    if (document.documentElement.scrollWidth > width)
      told.push(`page ${document.documentElement.scrollWidth} > ${width}`);
    return told;
  });

/** Keys or texts of what Tab stops at, in order, until it comes round. */
export async function tabStops(page: Page): Promise<string[]> {
  const stops: string[] = [];
  for (let i = 0; i < 400; i++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const item = document.activeElement as HTMLElement | null;
      if (!item || item === document.body) return '';
      const { outlineStyle, outlineWidth } = getComputedStyle(item);
      const isVisible = outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2;
      return `${item.dataset.key ?? (item.id || item.textContent)}${isVisible ? '' : ' without outline'}`;
    });
    if (stop === '' || stop === stops[0]) break;
    stops.push(stop);
  }
  return stops;
}
