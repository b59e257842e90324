// The report's file: its data can be read back, whatever names are in it, and nothing of it ends the script early.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ReportData } from '../../src/report/data.js';
import { renderReport } from '../../src/report/html.js';
import { root } from '../snippets.js';
import { typicalReport } from './fixture.js';

const isBuilt = existsSync(path.join(root, 'dist/report/page.html'));

/** What a browser would find in the script element. */
function dataOf(html: string): ReportData {
  const start = html.indexOf('>', html.indexOf('id="report-data"')) + 1;
  return JSON.parse(html.slice(start, html.indexOf('</script', start)));
}

describe('renderReport', () => {
  test('finds the built page', () => expect(isBuilt).toBe(true));

  test('holds the data, in a file without addresses of others, of bounded size', async () => {
    const data = await typicalReport();
    const html = await renderReport(data);
    expect(dataOf(html)).toEqual(data);
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(html).toContain("default-src 'none'");
    const empty = html.length - JSON.stringify(data).length;
    console.log(`page ${Math.round(empty / 1000)} kB, typical report ${Math.round(html.length / 1000)} kB`);
    expect(empty).toBeLessThan(600_000);
    expect(html.length).toBeLessThan(3_000_000);
  });

  test.each(['</script><script>', '<!-- <script>', '$& $1 $` $$', '\u2028 \u2029', '\\u003c', ']]>', '\u0000"\'\\'])(
    '%j stays a name',
    async (name) => {
      const data = { ...(await typicalReport()), title: name };
      const html = await renderReport(data);
      expect(dataOf(html).title).toBe(name);
      expect(html.match(/<\/script/g)?.length).toBe(
        (await renderReport({ ...data, title: '' })).match(/<\/script/g)?.length,
      );
    },
  );

  test('what is not finite becomes null', async () => {
    const data = await typicalReport();
    const html = await renderReport({
      ...data,
      curves: { ...data.curves, points: [{ ...data.curves.points[0], metrics: { loss: Number.NaN } }] },
    });
    expect(dataOf(html).curves.points[0].metrics.loss).toBeNull();
  });
});
