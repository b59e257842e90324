// CSV: headers and labels where they are and where they are not, quotes, types of values, rows that do not fit; the
// digits of UCI.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCsv, readCsv } from '../../src/data/csv.js';
import { reference, temporaryFolder } from './images.js';

describe('what is where', () => {
  it('no header: the last column is the label', () => {
    const { x, y, classNames, columns } = decodeCsv('0,16,255,7\r\n1,2,3,4\r\n\r\n');
    expect(x).toEqual({ data: Uint8Array.of(0, 16, 255, 1, 2, 3), shape: [2, 3], dtype: 'uint8' });
    expect(y).toEqual({ data: Int32Array.of(7, 4), shape: [2], dtype: 'int32' });
    expect([classNames, columns]).toEqual([undefined, undefined]);
  });

  it('a header names the label, else the last column is it', () => {
    const { x, y, columns } = decodeCsv('\ufefflabel,p0,p1\n5,1,2\n');
    expect([[...x.data], y?.data[0], columns]).toEqual([[1, 2], 5, ['p0', 'p1']]);
    expect(decodeCsv('a,b\n1,2').y?.data[0]).toBe(2);
    expect(decodeCsv('a,b\n1,2', { labelColumn: 'a' }).y?.data[0]).toBe(1);
    expect(decodeCsv('a,b\n1,2', { labelColumn: 'first' }).columns).toEqual(['b']);
    expect(decodeCsv('1,2\n3,4', { labelColumn: 0 }).y?.data).toEqual(Int32Array.of(1, 3));
    expect(decodeCsv('1,2\n3,4', { labelColumn: null })).toMatchObject({ x: { shape: [2, 2] }, y: undefined });
    expect(decodeCsv('1,2\n3,4', { header: true }).x.shape).toEqual([1, 1]);
  });

  it('classes by name are numbered in order', () => {
    const { y, classNames } = decodeCsv('1,"cat, big"\n2,ant\n3,"cat, big"\n4,"say ""no"""\n');
    expect(classNames).toEqual(['ant', 'cat, big', 'say "no"']);
    expect([...(y?.data ?? [])]).toEqual([1, 0, 1, 2]);
  });

  it('values that are no bytes make it float32', () => {
    const { x, y } = decodeCsv('1;2.5;0.5\n-3;1e3;1', { delimiter: ';' });
    expect(x).toEqual({ data: Float32Array.of(1, 2.5, -3, 1000), shape: [2, 2], dtype: 'float32' });
    expect(y).toEqual({ data: Float32Array.of(0.5, 1), shape: [2], dtype: 'float32' });
    expect(decodeCsv('1,256,0\n').x.dtype).toBe('float32');
  });

  it('numbers come back, whatever they are', () => {
    const table = fc.array(fc.array(fc.integer({ min: -300, max: 300 }), { minLength: 3, maxLength: 3 }), {
      minLength: 1,
      maxLength: 9,
    });
    fc.assert(
      fc.property(table, fc.boolean(), fc.constantFrom('\n', '\r\n'), (rows, quoted, end) => {
        const text = rows.map((row) => row.map((value) => (quoted ? `"${value}"` : ` ${value}`)).join(',')).join(end);
        const { x, y } = decodeCsv(Buffer.from(text));
        expect([...x.data]).toEqual(rows.flatMap((row) => row.slice(0, 2)));
        expect([...(y?.data ?? [])]).toEqual(rows.map((row) => row[2]));
      }),
    );
  });
});

describe('what does not fit', () => {
  it('is told with its line', () => {
    const cases: [string, object, RegExp][] = [
      ['', {}, /decodeCsv: expected a table of numbers, got no lines/],
      ['\n \n', {}, /got no lines/],
      ['a,b,c\n', {}, /expected rows below the header, got none/],
      ['1,2,3\n\n1,2\n', {}, /decodeCsv: line 3: expected 3 fields, as in the first line, got 2/],
      ['1,2,3\n1,,3\n', {}, /line 2, column 2: expected a number, got ''/],
      ['1,2,3\n1,two,3\n', {}, /line 2, column 2: expected a number, got 'two'[\s\S]*labelColumn/],
      ['"1"x,2\n', {}, /line 1: expected ',' behind a field in quotes, got 'x'/],
      ['5\n6\n', {}, /columns beside the label, got none/],
      [
        '1,2,3\n',
        { shape: [3, 3] },
        /decodeCsv: shape: expected a shape of 2 numbers, as many as each row has, got \[3,3\]/,
      ],
      ['1,2,3\n', { labelColumn: 'kind' }, /option 'labelColumn': expected a number from 0 to 2, got kind/],
      ['a,b\n1,2\n', { labelColumn: 'c' }, /expected one of the columns a, b, got c/],
      ['1,2\n', { labelColumn: 2 }, /option 'labelColumn'/],
      ['1,2\n', { delimiter: ', ' }, /option 'delimiter': expected one character/],
      ['1,2\n', { headers: true }, /did you mean 'header'/],
    ];
    for (const [text, options, message] of cases) expect(() => decodeCsv(text, options), text).toThrow(message);
  });

  it('never throws anything else', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('1', ',', '"', '\n', 'a', ' ', '.', '\r') }), (text) => {
        try {
          decodeCsv(text);
        } catch (error) {
          expect((error as { code: string }).code).toMatch(/^ERR_OCELLUS_/);
        }
      }),
      { numRuns: 500 },
    );
  });
});

const digits = reference('digits');
it.skipIf(!digits)("reads UCI's digits", async () => {
  const { x, y } = await readCsv(path.join(digits as string, 'optdigits.tes.gz'), { shape: [8, 8, 1] });
  expect(x).toMatchObject({ shape: [1797, 8, 8, 1], dtype: 'uint8' });
  expect([...x.data.subarray(0, 8)]).toEqual([0, 0, 5, 13, 9, 1, 0, 0]);
  expect(Math.max(...x.data)).toBe(16);
  expect([...(y?.data.subarray(0, 10) ?? [])]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect((await readCsv(path.join(digits as string, 'optdigits.tra.gz'))).x.shape).toEqual([3823, 64]);
});

it('reads files', async () => {
  const file = path.join(temporaryFolder(), 'table.csv');
  writeFileSync(file, '1,2\n3,x\n');
  expect((await readCsv(file)).classNames).toEqual(['2', 'x']);
  await expect(readCsv(`${file}.gz`)).rejects.toThrow(/expected a CSV file that can be read, got ENOENT/);
});
