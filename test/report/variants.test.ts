// The report's page with less, more and worse data than usual: it says what is missing, and shows text as text.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReportData } from '../../src/report/data.js';
import { renderReport } from '../../src/report/html.js';
import { nameless, overflowing, structure } from './accessibility.js';
import { hasBrowser, openBrowser, openPage, panelIds, textOf, type WatchedPage } from './browser.js';
import { epochPoints, typicalReport } from './fixture.js';

const hostile = [
  '<img src=x onerror="document.title=1">',
  '</script><script>document.title=2</script>',
  `"quotes' & &amp; $& $1 \`\${x}\``,
  '\u202Eright to left\u202E שלום עולם',
  'x'.repeat(200),
  '',
  '<!-- <script>',
  '\u2028\u2029\u0000\ud800 alone',
  '__proto__',
  'javascript:alert(1)',
];

describe.skipIf(!hasBrowser)('the page of', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ocellus-report-'));
  let browser: Browser;
  let typical: ReportData;
  let files = 0;

  beforeAll(async () => {
    browser = await openBrowser();
    typical = await typicalReport();
  });

  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  async function open(data: ReportData, width = 1280): Promise<WatchedPage> {
    const file = path.join(folder, `${files++}.html`);
    writeFileSync(file, await renderReport(data));
    return openPage(browser, pathToFileURL(file).href, { viewport: { width, height: 900 }, reducedMotion: 'reduce' });
  }

  /** What holds for any data at all. */
  async function sound({ page, errors, requests }: WatchedPage): Promise<void> {
    expect(await page.locator('main > section').evaluateAll((all) => all.map(({ id }) => id))).toEqual([...panelIds]);
    const short = await page
      .locator('main > section')
      .evaluateAll((all) => all.filter(({ textContent }) => (textContent ?? '').length < 30).map(({ id }) => id));
    expect(short).toEqual([]);
    expect(await textOf(page.locator('body'))).not.toMatch(/NaN|undefined|\[object|Infinity/);
    expect(await overflowing(page)).toEqual([]);
    expect(await structure(page)).toEqual([]);
    expect([errors, requests]).toEqual([[], []]);
  }

  test('hostile names of classes and files', async () => {
    const { evaluation, dataset } = typical;
    const images = evaluation!.images.map((image, i) => ({
      ...image,
      file: hostile[i % hostile.length],
      picture: i === 0 ? 'https://example.com/x.png' : image.picture,
    }));
    const data: ReportData = {
      ...typical,
      title: hostile[1],
      settings: { [hostile[0]]: hostile[2] },
      environment: { ...typical.environment, cpu: hostile[0], reproduce: [`ocellus train '${hostile[1]}'`] },
      dataset: { ...dataset, folder: hostile[0], classNames: hostile, warnings: hostile },
      evaluation: { ...evaluation!, images },
      featureMaps: typical.featureMaps.map((item, i) => ({ ...item, label: hostile[i] })),
      activationMaps: typical.activationMaps.map((item, i) => ({
        ...item,
        label: hostile[i + 2],
        scale: ['red; background: url(https://example.com)', 'blue'],
      })),
      layers: typical.layers.map((row, i) => ({ ...row, name: hostile[i] })),
    };
    for (const width of [1280, 360]) {
      const watched = await open(data, width);
      const { page } = watched;
      expect(await page.locator('#report script, [onerror], a[href^=javascript]').count()).toBe(0);
      expect(await page.title()).toContain('</script>');
      expect(await textOf(page.locator('#classes tbody'))).toContain(hostile[0]);
      await page.locator('[data-key="cell-0-8"]').click();
      expect(await textOf(page.locator('dialog'))).toContain(hostile[0]);
      expect(await overflowing(page)).toEqual([]);
      await page.keyboard.press('Escape');
      expect(await page.locator('bdi').count()).toBeGreaterThan(100);
      expect(await nameless(page)).toEqual([]);
      await sound(watched);
      await watched.close();
    }
  });

  test('a run without images held back, without convolutions, of one epoch', async () => {
    const [point] = epochPoints(1);
    const { loss, accuracy } = point.metrics;
    const { evaluation, filters, timedBatch, ...rest } = typical;
    const watched = await open({
      ...rest,
      dataset: {
        ...typical.dataset,
        valCounts: typical.dataset.valCounts.map(() => 0),
        samples: [],
        augmented: [],
        warnings: [],
      },
      curves: { monitor: 'loss', bestEpoch: 1, epochs: 1, points: [{ ...point, metrics: { loss, accuracy } }] },
      layers: typical.layers.slice(-2).map(({ milliseconds, ...row }) => row),
      featureMaps: [],
      activationMaps: [],
    });
    const { page } = watched;
    expect(await textOf(page.locator('#confusion'))).toContain('No images were held back');
    expect(await textOf(page.locator('#filters'))).toContain('no convolution');
    expect(await textOf(page.locator('#curves'))).toContain('single dot');
    expect(await page.locator('#curves svg circle').count()).toBe(4);
    expect(await textOf(page.locator('#layers'))).toContain('No prediction was timed');
    await sound(watched);
    await watched.close();
  });

  test('nothing but the beginning of a run', async () => {
    const watched = await open({
      ...{
        version: 1,
        title: '',
        created: 'no date',
        live: false,
        environment: { ...typical.environment, reproduce: [] },
        settings: {},
      },
      dataset: {
        folder: '',
        fingerprint: '',
        classNames: [],
        trainCounts: [],
        valCounts: [],
        warnings: [],
        samples: [],
        augmented: [],
      },
      ...{ curves: { monitor: 'loss', epochs: 3, points: [] }, layers: [], featureMaps: [], activationMaps: [] },
    });
    expect(await textOf(watched.page.locator('#curves'))).toContain('No epoch has ended yet');
    await sound(watched);
    await watched.close();
  });

  test('losses that are not numbers: gaps, named', async () => {
    const points = epochPoints(12).map((point, i) => ({
      ...point,
      metrics: {
        ...point.metrics,
        loss: i === 3 || i === 5 ? Number.NaN : point.metrics.loss,
        valLoss: i > 8 ? Number.POSITIVE_INFINITY : point.metrics.valLoss,
        aucOfNothing: Number.NaN,
      },
    }));
    const evaluation = {
      ...typical.evaluation!,
      loss: Number.NaN,
      perClass: typical.evaluation!.perClass.map((row, i) =>
        i === 0 ? { ...row, precision: Number.NaN, f1: Number.NaN } : row,
      ),
    };
    const watched = await open({
      ...typical,
      curves: { ...typical.curves, epochs: 12, bestEpoch: 4, points },
      evaluation,
    });
    const { page } = watched;
    expect(await textOf(page.locator('#curves .warning'))).toContain(
      'loss in epoch 4 and 6; validation loss in epoch 10 to 12',
    );
    const paths = await page
      .locator('#curves .chart')
      .first()
      .locator('svg [aria-label=line] path')
      .evaluateAll((all) => all.map((item) => (item.getAttribute('d') ?? '').split('M').length - 1));
    expect(paths).toEqual([3, 1]);
    expect(await textOf(page.locator('#classes'))).toContain(
      'Never predicted, so without precision: \u2068badger\u2069',
    );
    await page.getByRole('button', { name: 'Logarithmic' }).click();
    await sound(watched);
    await watched.close();
  });

  test.each([2, 60, 1000])('%i classes', async (number) => {
    const names = Array.from({ length: number }, (_, i) => `class number ${i}`);
    const confusion = names.map((_, a) => names.map((_, b) => (a === b ? 9 : (a * 7 + b) % 97 === 0 ? 1 : 0)));
    const watched = await open({
      ...typical,
      dataset: {
        ...typical.dataset,
        classNames: names,
        trainCounts: names.map(() => 90),
        valCounts: names.map(() => 10),
        samples: [],
        augmented: [],
      },
      evaluation: {
        ...typical.evaluation!,
        ...{ confusion, images: [], topLosses: [], rightAnswers: [], mostConfused: [] },
        perClass: names.map((_, i) => ({ precision: 0.9, recall: i / number, f1: 0.9, support: 10 })),
      },
    });
    const { page } = watched;
    expect(await page.locator('[data-cell]').count()).toBe(Math.min(number, 40) ** 2);
    expect(await textOf(page.locator('#confusion'))).toContain(
      number > 40 ? `the 40 with the most mistakes` : 'A row holds',
    );
    if (number > 50) {
      await page.locator('[data-key="more-classes"]').click();
      expect(await page.locator('#classes tbody tr').count()).toBe(number);
    }
    await sound(watched);
    await watched.close();
  });

  test('a deep network and many right answers: a part first, all when asked for', async () => {
    const evaluation = typical.evaluation!;
    const [image] = typical.featureMaps;
    const deep = Array.from({ length: 30 }, (_, i) => ({ ...image.layers[i % 4], name: `conv${i}` }));
    const watched = await open({
      ...typical,
      featureMaps: [{ ...image, layers: deep }],
      evaluation: { ...evaluation, rightAnswers: [...evaluation.rightAnswers, ...evaluation.rightAnswers] },
    });
    const { page } = watched;
    for (const [list, more, first, all] of [
      ['#features article', 'more-layers', 12, 30],
      ['#right .card', 'more-right', 12, 20],
    ] as const) {
      expect(await page.locator(list).count()).toBe(first);
      await page.locator(`[data-key="${more}"]`).click();
      expect(await page.locator(list).count()).toBe(all);
    }
    await sound(watched);
    await watched.close();
  });

  test('data of a version it does not know', async () => {
    const file = path.join(folder, 'future.html');
    writeFileSync(file, await renderReport({ ...typical, version: 2 as 1 }));
    const page = await browser.newPage();
    await page.goto(pathToFileURL(file).href);
    expect(await textOf(page.locator('main'))).toContain('no data in this file that this page can read');
    await page.close();
  });
});
