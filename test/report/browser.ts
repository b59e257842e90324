/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// A browser for tests of the report's page, where the machine has one, and what every test of a page watches: errors on
// its console and requests that leave it.

import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';

const program = process.env.OCELLUS_CHROMIUM ?? '/usr/bin/chromium';
export const hasBrowser = existsSync(program);
if (!hasBrowser)
  console.warn(`skipped: tests of the report's page, for there is no ${program} (apt-get install chromium)`);

const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
const alone = ['--no-sandbox', '--disable-component-update', '--disable-sync'];

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: program, headless: true, args: [...quiet, ...alone] });

export interface WatchedPage {
  readonly page: Page;
  /** Errors and warnings of the console, and exceptions. */
  readonly errors: string[];
  /** Addresses asked for, besides the page itself and data in it. */
  readonly requests: string[];
  close(): Promise<void>;
}

export async function openPage(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('request', (request) => {
    if (request.url() !== address && !request.url().startsWith('data:')) requests.push(request.url());
  });
  await page.goto(address);
  await page.waitForSelector('main section');
  return { page, errors, requests, close: () => context.close() };
}

export const panelIds = [
  ...['summary', 'losses', 'confused', 'curves', 'confusion', 'classes', 'reliability', 'right', 'filters'],
  ...['features', 'activation', 'layers', 'data', 'environment'],
] as const;

/** The text that is seen, not what is in the document; all spaces are plain ones. */
export async function textOf(locator: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: hidden text must not count
  return (await locator.innerText()).replaceAll('\u00a0', ' ');
}
