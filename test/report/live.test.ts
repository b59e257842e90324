// The report's page while training runs: newer data over server-sent events from a server on loopback.

import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReportData } from '../../src/report/data.js';
import { renderReport } from '../../src/report/html.js';
import { faint } from './accessibility.js';
import { hasBrowser, openBrowser, openPage, textOf } from './browser.js';
import { epochPoints, typicalReport } from './fixture.js';

const points = epochPoints(20);

describe.skipIf(!hasBrowser)('the live page', () => {
  let browser: Browser;
  let server: Server;
  let typical: ReportData;
  let listener: ServerResponse | undefined;
  let connections = 0;
  let refuses = false;

  const running = (epochs: number): ReportData => {
    const { evaluation, ...rest } = typical;
    const curves = { ...typical.curves, bestEpoch: epochs, points: points.slice(0, epochs) };
    return { ...rest, live: true, curves, featureMaps: [], activationMaps: [] };
  };
  const send = (data: ReportData) => listener!.write(`data: ${JSON.stringify({ type: 'data', data })}\n\n`);
  const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  beforeAll(async () => {
    typical = await typicalReport();
    server = createServer(async (request, response) => {
      if (request.url === '/')
        return response.setHeader('content-type', 'text/html').end(await renderReport(running(1)));
      if (refuses) return response.writeHead(503).end();
      connections++;
      listener = response.writeHead(200, { 'content-type': 'text/event-stream' });
      listener.write('retry: 100\n\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    browser = await openBrowser();
  });

  afterAll(async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
  });

  test('takes newer data, keeps the reader’s place, and says whether it is connected', async () => {
    const { page, errors, requests, close } = await openPage(browser, address(), { reducedMotion: 'reduce' });
    const state = () => textOf(page.locator('.live'));
    await expect.poll(state).toContain('Live');
    expect(await textOf(page.locator('#summary'))).toContain('1 of 20 epochs done');
    expect(await textOf(page.locator('#confusion'))).toContain('Training still runs');

    await page.getByText('Figures of every epoch').click();
    await page.getByRole('button', { name: 'Logarithmic' }).click();
    await page.evaluate(() => window.scrollTo(0, 320));
    const before = await page.evaluate(() => window.scrollY);
    expect(before).toBe(320);
    send(running(8));
    await expect.poll(() => textOf(page.locator('#summary'))).toContain('8 of 20 epochs done');
    expect(await page.locator('#curves tbody tr').count()).toBe(8);
    expect(await page.locator('#curves details').evaluate((item) => (item as HTMLDetailsElement).open)).toBe(true);
    expect(await page.getByRole('button', { name: 'Logarithmic' }).getAttribute('aria-pressed')).toBe('true');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Logarithmic');
    expect(await page.evaluate(() => window.scrollY)).toBe(before);
    expect(await faint(page)).toEqual([]);

    listener!.write('data: not JSON\n\ndata: {"type":"other"}\n\n');
    expect(errors).toEqual([]);
    listener!.destroy();
    await expect.poll(state).toContain('Disconnected');
    await expect.poll(() => connections, { timeout: 5000 }).toBe(2);
    await expect.poll(state).toContain('Live');

    refuses = true;
    listener!.destroy();
    await expect.poll(state).toContain('Disconnected');
    refuses = false;
    await expect.poll(() => connections, { timeout: 8000 }).toBe(3);
    await expect.poll(state).toContain('Live');

    send(typical);
    await expect.poll(state).toContain('Finished');
    expect(await page.locator('#confusion [data-cell]').count()).toBe(100);
    listener!.destroy();
    await page.waitForTimeout(300);
    expect(connections).toBe(3);
    expect(await state()).toContain('Finished');

    expect(requests.filter((url) => !url.startsWith(address()))).toEqual([]);
    expect(errors.filter((text) => !/ERR_INCOMPLETE|ERR_EMPTY|503|net::/.test(text))).toEqual([]);
    await close();
  });

  test('gives focus back to a cell that was drawn anew behind its dialog', async () => {
    const { page, errors, close } = await openPage(browser, address());
    const evaluation = typical.evaluation!;
    await expect.poll(() => textOf(page.locator('.live'))).toContain('Live');
    send({ ...typical, live: true });
    await page.locator('[data-key="cell-0-8"]').click();
    const cell = await page.locator('[data-key="cell-0-8"]').elementHandle();
    send({ ...typical, live: true, evaluation: { ...evaluation, images: [...evaluation.images].reverse() } });
    await expect.poll(() => cell!.evaluate((item) => item.isConnected)).toBe(false);
    expect(await page.locator('dialog[open] .card').count()).toBe(2);
    await page.keyboard.press('Escape');
    expect(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.key)).toBe('cell-0-8');
    expect(errors).toEqual([]);
    await close();
  });

  test('says what is missing when training ends without an evaluation', async () => {
    const { page, errors, close } = await openPage(browser, address());
    await expect.poll(() => textOf(page.locator('.live'))).toContain('Live');
    expect(await textOf(page.locator('#features'))).toContain('when training has ended');
    send({ ...running(3), live: false });
    await expect.poll(() => textOf(page.locator('#features'))).toContain('no layers whose answers are maps');
    expect(await textOf(page.locator('#confusion'))).toContain('was not evaluated');
    expect(await textOf(page.locator('#summary'))).toContain('3 of 20 epochs were run');
    expect(errors).toEqual([]);
    await close();
  });
});
