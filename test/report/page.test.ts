// The report's page, opened from disk in a real browser: every panel, clicks, keys, both themes, a phone's width, paper.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderReport } from '../../src/report/html.js';
import { faint, nameless, overflowing, structure, tabStops } from './accessibility.js';
import { hasBrowser, openBrowser, openPage, panelIds, textOf, type WatchedPage } from './browser.js';
import { classNames, typicalReport } from './fixture.js';

describe.skipIf(!hasBrowser)('the page of a typical report', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ocellus-report-'));
  const address = pathToFileURL(path.join(folder, 'report with ünïcode #1.html')).href;
  let browser: Browser;
  let watched: WatchedPage;
  let page: Page;

  beforeAll(async () => {
    const html = await renderReport(await typicalReport());
    writeFileSync(path.join(folder, 'report with ünïcode #1.html'), html);
    browser = await openBrowser();
    watched = await openPage(browser, address, { colorScheme: 'light', reducedMotion: 'reduce' });
    page = watched.page;
  });

  afterAll(async () => {
    expect(watched.errors).toEqual([]);
    expect(watched.requests).toEqual([]);
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  const dialog = () => page.locator('dialog[open]');
  const focusedKey = () => page.evaluate(() => (document.activeElement as HTMLElement).dataset.key);

  test.each(panelIds)('shows the panel %s, and not blank', async (id) => {
    const panel = page.locator(`#${id}`);
    expect((await textOf(panel)).length).toBeGreaterThan(60);
    const { channels } = await sharp(await panel.screenshot()).stats();
    expect(Math.max(...channels.map(({ stdev }) => stdev))).toBeGreaterThan(8);
  });

  test('shows exactly these panels, and the way to each', async () => {
    expect(await page.locator('main > section').evaluateAll((all) => all.map(({ id }) => id))).toEqual([...panelIds]);
    const targets = await page.locator('nav a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    expect(targets).toEqual(panelIds.map((id) => `#${id}`));
  });

  test('loads every picture and draws every chart', async () => {
    const broken = await page
      .locator('img')
      .evaluateAll(
        (images) =>
          (images as HTMLImageElement[]).filter(({ complete, naturalWidth }) => !complete || naturalWidth === 0).length,
      );
    expect(broken).toBe(0);
    expect(await page.locator('img').count()).toBeGreaterThan(80);
    const charts = await page.locator('.chart').count();
    expect(await page.locator('.chart > :is(svg, figure)[role=img][aria-label]').count()).toBe(charts);
    expect(charts).toBe(4 + 2 + 3);
  });

  test('tells the figures of the run', async () => {
    const text = await textOf(page.locator('#summary'));
    for (const part of ['90.3 %', '1,000 images held back', '16', '9,548', '10 classes']) expect(text).toContain(part);
    expect(await page.title()).toBe('Forest animals, runs/train3 – Ocellus report');
    expect(await textOf(page.locator('#curves .kinds'))).toContain('best epoch, by validation accuracy');
    expect(await textOf(page.locator('#reliability'))).toContain('3.4 %');
    expect(await textOf(page.locator('#filters .verdicts'))).toContain(
      'conv1, 32 filters: dead: 11 and 29; point the same way: 4 and 20 (0.99).',
    );
    expect(await textOf(page.locator('#layers'))).toContain('one prediction of 32 images');
  });

  test('has likely wrong labels on the first screen', async () => {
    const box = await page.locator('#losses .card').nth(5).boundingBox();
    expect(box!.y + box!.height).toBeLessThan(900);
  });

  test('has a legend for every scale of colours', async () => {
    for (const id of ['confusion', 'filters', 'features', 'activation']) {
      const legend = page.locator(`#${id} .legend`).first();
      expect((await textOf(legend)).replace(/\s+/g, ' ')).toMatch(/.+: .*\d/);
      expect(await legend.locator('.ramp').evaluate((ramp) => getComputedStyle(ramp).backgroundImage)).toContain(
        'linear-gradient',
      );
    }
  });

  test('opens the images of a cell by click, closes by Escape and gives focus back', async () => {
    await page.locator('[data-key="cell-0-8"]').click();
    expect(await textOf(dialog().locator('h2'))).toContain('badger');
    expect(await textOf(dialog())).toContain('The report keeps 2 of them.');
    expect(await dialog().locator('img').count()).toBe(2);
    await dialog().locator('.card').nth(1).click(); // the picture in the place of the list
    expect(await textOf(dialog().locator('h2'))).toBe('badger, taken for otter');
    expect(await textOf(dialog())).toContain('2 of 2');
    await page.keyboard.press('Escape');
    expect(await dialog().count()).toBe(0);
    expect(await focusedKey()).toBe('cell-0-8');
  });

  test('moves in the matrix by arrow keys and opens by Enter', async () => {
    await page.locator('[data-key="cell-0-0"]').focus();
    for (const key of ['ArrowLeft', 'ArrowUp', 'ArrowDown', 'ArrowDown', 'End', 'ArrowRight', 'Home', 'ArrowRight'])
      await page.keyboard.press(key);
    expect(await focusedKey()).toBe('cell-2-1');
    expect(await page.locator('[data-cell][tabindex="0"]').count()).toBe(1);
    await page.keyboard.press('Enter');
    expect(await dialog().count()).toBe(0); // no image was taken so
    await page.keyboard.press('Control+End');
    await page.keyboard.press('Enter');
    expect(await textOf(dialog().locator('h2'))).toContain('wren');
    await page.getByRole('button', { name: 'Close' }).click();
    expect(await focusedKey()).toBe('cell-9-9');
  });

  test('shows counts or rates', async () => {
    const cell = page.locator('[data-key="cell-2-9"]');
    expect(await textOf(cell)).toBe('14');
    await page.getByRole('button', { name: 'Rates in %' }).click();
    expect(await textOf(cell)).toBe('14');
    expect(await textOf(page.locator('[data-key="cell-0-8"]'))).toBe('9');
    expect(await textOf(page.locator('[data-key="cell-0-6"]'))).toBe('3');
    expect(await textOf(page.locator('[data-key="cell-7-4"]'))).toBe('12');
    expect(await textOf(page.locator('[data-key="cell-0-0"]'))).toBe('88');
    expect(await page.getByRole('button', { name: 'Rates in %' }).getAttribute('aria-pressed')).toBe('true');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Rates in %');
    await page.getByRole('button', { name: 'Counts' }).click();
  });

  test('opens a pair, and leafs through images by arrow keys', async () => {
    await page.locator('#confused button').first().click();
    expect(await textOf(dialog().locator('h2'))).toMatch(/finch.*taken for.*wren/);
    await page.keyboard.press('Escape');
    await page.locator('#losses .card').first().click();
    expect(await textOf(dialog())).toContain('1 of 8');
    await page.keyboard.press('ArrowLeft');
    expect(await textOf(dialog())).toContain('8 of 8');
    await dialog().getByRole('button', { name: 'Next' }).click();
    expect(await textOf(dialog())).toMatch(/File\s+val\//);
    await page.mouse.click(4, 4); // beside the dialog
    expect(await dialog().count()).toBe(0);
    await page.locator('[data-key="more-losses"]').click();
    expect(await page.locator('#losses .card').count()).toBe(16);
    expect(await focusedKey()).toBe('more-losses');
  });

  test('sorts tables', async () => {
    const first = () => textOf(page.locator('#classes tbody th').first());
    const supportHeading = page.locator('#classes thead th').nth(4);
    expect(await page.locator('#classes thead th').nth(3).getAttribute('aria-sort')).toBe('ascending');
    expect(await first()).toBe('finch');
    await supportHeading.getByRole('button').click();
    expect([await first(), await supportHeading.getAttribute('aria-sort')]).toEqual(['otter', 'ascending']);
    await page.keyboard.press('Enter');
    expect([await first(), await supportHeading.getAttribute('aria-sort')]).toEqual(['badger', 'descending']);
    await page.locator('#layers').getByRole('button', { name: 'Time' }).click();
    expect(await textOf(page.locator('#layers tbody th .name').last())).toBe('norm1'); // without a time
    expect(await textOf(page.locator('#layers tfoot th'))).toBe('Sum');
  });

  test('shows filters of other epochs, and all side by side', async () => {
    const slider = page.getByRole('slider');
    expect(await slider.getAttribute('aria-valuetext')).toBe('epoch 20');
    const before = await page.locator('#filters img').first().getAttribute('src');
    await slider.focus();
    await page.keyboard.press('Home');
    expect(await textOf(page.locator('#filters output'))).toBe('before training');
    expect(await page.locator('#filters img').first().getAttribute('src')).not.toBe(before);
    expect(await focusedKey()).toBe('filter-epoch');
    await page.getByRole('button', { name: 'Side by side' }).click();
    expect(await page.locator('#filters img').count()).toBe(4 * 32);
    expect(await page.locator('#filters .odd').count()).toBe(4 * 4);
  });

  test('changes between images of feature maps by click and by arrow keys', async () => {
    const tabs = page.getByRole('tab');
    await tabs.nth(1).click();
    expect(await textOf(page.getByRole('tabpanel'))).toContain(classNames[4]);
    await page.keyboard.press('ArrowRight');
    expect(await tabs.nth(2).getAttribute('aria-selected')).toBe('true');
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('features-tab-0');
    expect(await page.getByRole('tabpanel').locator('article').count()).toBe(4);
  });

  test('draws the loss on a logarithmic scale, and tells values under the pointer', async () => {
    await page.getByRole('button', { name: 'Logarithmic' }).click();
    const chart = page.locator('#curves .chart').first();
    await chart.hover({ position: { x: 200, y: 100 } });
    await expect.poll(() => textOf(chart)).toMatch(/epoch \d+/);
    await page.getByText('Figures of every epoch').click();
    expect(await page.locator('#curves tbody tr').count()).toBe(20);
  });

  test('copies how to run it again', async () => {
    await page.getByRole('button', { name: 'Copy' }).click();
    await expect.poll(() => textOf(page.locator('#environment [role=status]'))).toMatch(/Copied|by hand/);
    expect(await textOf(page.locator('#environment pre'))).toContain('--seed 42');
  });

  test('can be read by assistive technology', async () => {
    expect(await nameless(page)).toEqual([]);
    expect(await structure(page)).toEqual([]);
    expect(await page.locator('img:not([alt])').count()).toBe(0);
  });

  test('has enough contrast, light and dark', async () => {
    expect(await faint(page)).toEqual([]);
    const dark = page.getByRole('button', { name: 'Dark colours' });
    await dark.click();
    const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await back()).toBe('rgb(19, 22, 25)');
    expect(await faint(page)).toEqual([]);
    await page.reload();
    expect(await back()).toBe('rgb(19, 22, 25)');
    await page.getByRole('button', { name: 'Light colours' }).click();
    expect(await back()).toBe('rgb(245, 245, 242)');
  });

  test('is reached by Tab as a whole, with a visible focus', async () => {
    await page.reload();
    await page.waitForSelector('main section');
    const stops = await tabStops(page);
    expect(stops.filter((stop) => stop.endsWith('without outline'))).toEqual([]);
    expect(stops.slice(0, 2)).toEqual(['Skip to the panels', 'theme']);
    const expected = [
      'losses-0',
      'pair-0',
      'matrix',
      'cell-0-0',
      'classes-sort-1',
      'right-3',
      'filter-epoch',
      'features-0',
      'layers-sort-7',
      'copy',
    ];
    expect(expected.filter((key) => !stops.includes(key))).toEqual([]);
  });

  test('prints', async () => {
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('nav').isVisible()).toBe(false);
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.byteLength).toBeGreaterThan(50_000);
    await page.emulateMedia({ media: 'screen' });
  });

  test('follows the system in the dark', async () => {
    const dark = await openPage(browser, address, { colorScheme: 'dark' });
    expect(await dark.page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(19, 22, 25)');
    expect(await faint(dark.page)).toEqual([]);
    const { channels } = await sharp(await dark.page.screenshot()).stats();
    expect(Math.max(...channels.map(({ mean }) => mean))).toBeLessThan(90);
    expect([dark.errors, dark.requests]).toEqual([[], []]);
    await dark.close();
  });

  test('fits the width of a phone', async () => {
    const phone = await openPage(browser, address, {
      viewport: { width: 360, height: 740 },
      hasTouch: true,
      isMobile: true,
    });
    expect(await overflowing(phone.page)).toEqual([]);
    const box = await phone.page.locator('#curves svg').first().boundingBox();
    expect(box!.width).toBeGreaterThan(280);
    await phone.page.locator('[data-key="cell-2-9"]').tap();
    expect(await phone.page.locator('dialog[open]').count()).toBe(1);
    expect(await overflowing(phone.page)).toEqual([]);
    expect([phone.errors, phone.requests]).toEqual([[], []]);
    await phone.close();
  });
});
