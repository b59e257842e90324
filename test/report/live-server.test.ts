// The server of a live report: what it tells, whom it tells it, and that it ends.

import http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { ReportData } from '../../src/report/data.js';
import { LiveReport } from '../../src/report/live.js';
import { hasBrowser, openBrowser, openPage, textOf } from './browser.js';
import { typicalReport } from './fixture.js';

const typical = await typicalReport();
const running = (title: string): ReportData => ({ ...typical, title, live: true });

let live: LiveReport | undefined;
afterEach(() => live?.close());

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** One request; of a stream of events what came until it ended or `until` was there. */
function ask(path: string, options: http.RequestOptions & { until?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(new URL(path, (live as LiveReport).url), { agent: false, ...options }, (response) => {
      const { statusCode: status = 0, headers } = response;
      let text = '';
      const done = () => resolve({ status, type: headers['content-type'] ?? '', text });
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
        if (!options.until || !text.includes(options.until)) return;
        done();
        request.destroy();
      });
      response.on('end', done).on('error', reject);
    });
    request.on('error', reject).end();
  });
}

const events = (text: string) =>
  text
    .split('\n\n')
    .filter(Boolean)
    .map((event) => JSON.parse(event.replace(/^data: /, '')));

describe('LiveReport', () => {
  it('serves the page and tells every state, the first at once and the last one as the end', async () => {
    live = await LiveReport.start(running('first'));
    expect(live.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const page = await ask('/');
    expect(page).toMatchObject({ status: 200, type: 'text/html; charset=utf-8' });
    expect(page.text).toContain('"title":"first"');
    const heard = ask('/events');
    await ask('/events', { until: '"first"' });
    live.update(running('second'));
    expect((await ask('/')).text).toContain('"title":"second"');
    await live.close({ ...typical, title: 'third', live: false });
    const told = events((await heard).text);
    expect(told.map(({ type, data }) => [type, data.title, data.live])).toEqual([
      ['data', 'first', true],
      ['data', 'second', true],
      ['data', 'third', false],
    ]);
    await expect(ask('/')).rejects.toThrow(/ECONNREFUSED/);
    live = undefined;
  });

  it('answers this machine only by its own name', async () => {
    live = await LiveReport.start(running('secret'));
    const { port } = new URL(live.url);
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1.evil.example:${port}`]) {
      for (const path of ['/', '/events']) {
        const { status, text } = await ask(path, { headers: { host }, until: 'data:' });
        expect(status).toBe(403);
        expect(text).not.toContain('secret');
      }
    }
    expect((await ask('/', { headers: { host: `localhost:${port}` } })).status).toBe(200);
  });

  it('refuses other methods and places', async () => {
    live = await LiveReport.start(running('x'));
    expect((await ask('/', { method: 'POST' })).status).toBe(405);
    expect((await ask('/events', { method: 'DELETE' })).status).toBe(405);
    for (const path of ['/../../etc/passwd', '/events/', '/favicon.ico', '/x//evil.example/']) {
      expect((await ask(path)).status, path).toBe(404);
    }
  });

  it('bears 16 listeners, forgets those that left, and lets one go that does not read', async () => {
    live = await LiveReport.start(running('x'));
    const sockets = await Promise.all(
      Array.from(
        { length: 16 },
        () =>
          new Promise<http.IncomingMessage>((resolve) => {
            http.get(new URL('events', (live as LiveReport).url), { agent: false }, resolve);
          }),
      ),
    );
    expect((await ask('/events')).status).toBe(503);
    for (const socket of sockets.slice(1)) socket.destroy();
    await expect.poll(async () => (await ask('/events', { until: 'data:' })).status).toBe(200);
    const lost = new Promise((resolve) => sockets[0].on('close', resolve).on('error', () => undefined));
    for (let i = 0; i < 200; i++) live.update(running('x'.repeat(500_000)));
    sockets[0].resume();
    await lost;
  });

  it('says when the port is taken', async () => {
    live = await LiveReport.start(running('x'));
    const { port } = new URL(live.url);
    await expect(LiveReport.start(running('y'), Number(port))).rejects.toMatchObject({
      code: 'ERR_OCELLUS_DATA',
      message: expect.stringMatching(new RegExp(`port ${port} of 127.0.0.1 to be free.*\\n.*--port`)),
    });
  });

  it.skipIf(!hasBrowser)('drives the page in a browser', async () => {
    live = await LiveReport.start({ ...running('x'), curves: { ...typical.curves, points: [] } });
    const browser = await openBrowser();
    try {
      const { page, errors } = await openPage(browser, live.url);
      await expect.poll(() => textOf(page.locator('.live'))).toContain('Live');
      live.update(running('x'));
      await expect.poll(() => page.locator('#curves svg').count()).toBeGreaterThan(0);
      await live.close(typical);
      await expect.poll(() => textOf(page.locator('.live'))).toMatch(/finished/i);
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
      live = undefined;
    }
  });
});
