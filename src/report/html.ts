// The report as one HTML file: the page that vite built (`report/`), with the data written into it.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { OcellusError } from '../core/errors.js';
import type { ReportData } from './data.js';

/** Beside the compiled module, or from the sources to dist. */
const places = ['./page.html', '../../dist/report/page.html'];
const dataScript = /(<script[^>]*\bid="report-data"[^>]*>)[^<]*(<\/script>)/g;

async function readPage(): Promise<string> {
  let cause: unknown;
  for (const place of places) {
    try {
      return await readFile(fileURLToPath(new URL(place, import.meta.url)), 'utf8');
    } catch (error) {
      cause = error;
    }
  }
  throw new OcellusError('ERR_OCELLUS_STATE', {
    where: 'renderReport',
    expected: "the report's page, dist/report/page.html",
    got: 'no such file',
    help: 'in a clone of Ocellus run `npm run build`; an installed package holds it: install it again',
    cause,
  });
}

/**
 * JSON that may stand in a script element: text in it can neither end the element nor begin another or a comment. What
 * is not a finite number becomes null.
 */
function embeddedJson(data: ReportData): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(data).replace(/[<>&\u2028\u2029]/g, escaped);
}

/**
 * The report as one HTML file that needs nothing else: no network, no server. File names and class names may hold any
 * characters.
 *
 * @returns the text of the file
 * @throws OcellusError ERR_OCELLUS_STATE when the page was not built
 */
export async function renderReport(data: ReportData): Promise<string> {
  const page = await readPage();
  let places = 0;
  const json = embeddedJson(data);
  // A function, because `$&` in the data must not be read as a pattern.
  const html = page.replace(dataScript, (_, open: string, close: string) => {
    places++;
    return open + json + close;
  });
  if (places === 1) return html;
  throw new OcellusError('ERR_OCELLUS_STATE', {
    where: 'renderReport',
    expected: "a page with one place for the report's data",
    got: places,
    help: 'in a clone of Ocellus run `npm run build`; an installed package holds the page: install it again',
  });
}
