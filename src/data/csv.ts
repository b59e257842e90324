// Tables of numbers as text: a row per sample, its pixels or features and in one column its label.

import type { TensorView } from '../core/dtype.js';
import { check, checkOptions, OcellusError } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';
import { readBytes, unpacked } from './file.js';

export interface CsvOptions {
  /** Whether the first line holds names. Default 'auto': it does if none of its fields is a number. */
  readonly header?: boolean | 'auto';
  /**
   * The column of the label: its name, its number from 0, 'first' or 'last'; null: there is none. Default: the one named
   * label, class, target or y, else the last.
   */
  readonly labelColumn?: string | number | null;
  /** Shape of one sample: [8, 8, 1]. Default: one axis. */
  readonly shape?: readonly number[];
  /** What stands between fields: one character. Default ','. */
  readonly delimiter?: string;
}

export interface CsvData {
  /** [rows, …shape]: uint8 if all values are whole numbers from 0 to 255, else float32. */
  readonly x: TensorView;
  /** [rows]: int32 for whole numbers and classes, else float32; undefined without a column of labels. */
  readonly y: TensorView | undefined;
  /** What the labels were, where they were text: sorted, and numbered in y. */
  readonly classNames: readonly string[] | undefined;
  /** Names of the columns of x, where the file has them. */
  readonly columns: readonly string[] | undefined;
}

const labelNames = ['label', 'class', 'target', 'y'];
const maxFields = 2 ** 20;

/**
 * Reads a CSV file, gzipped or not. Lines end in LF or CRLF, empty ones do not count; fields may stand in quotes.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT (rows of different lengths, fields that are no numbers, no rows) |
 * ERR_OCELLUS_SHAPE (`shape` is of another size) | ERR_OCELLUS_DATA (cannot be read)
 *
 * @example
 * const { x, y } = await readCsv('digits/optdigits.tes.gz', { shape: [8, 8, 1] });
 * x.shape; // [1797, 8, 8, 1]
 */
export async function readCsv(file: string, options: CsvOptions = {}): Promise<CsvData> {
  return decodeCsv(await unpacked(await readBytes(file, 'a CSV file'), file), options, file);
}

/**
 * Decodes CSV in memory, text or its bytes in UTF-8. `where` opens the error messages.
 *
 * @example
 * const { x, y, classNames } = decodeCsv('a,b,label\n1,2,cat\n3,4,ant\n');
 * x.shape; // [2, 2]
 * classNames; // ["ant", "cat"]
 */
export function decodeCsv(text: Uint8Array | string, options: CsvOptions = {}, where = 'decodeCsv'): CsvData {
  checkOptions('decodeCsv', options, ['header', 'labelColumn', 'shape', 'delimiter']);
  const { header = 'auto', labelColumn, shape, delimiter = ',' } = options;
  check(typeof delimiter === 'string' && /^[^"\n\r]$/.test(delimiter), 'ERR_OCELLUS_OPTION', () => ({
    where: "decodeCsv, option 'delimiter'",
    expected: 'one character',
    got: delimiter,
  }));
  const rows = [...lines(text)];
  check(rows.length > 0, 'ERR_OCELLUS_FORMAT', () => ({ where, expected: 'a table of numbers', got: 'no lines' }));
  const first = fields(rows[0].line, delimiter, `${where}: line ${rows[0].number}`);
  const hasHeader = header === 'auto' ? first.every((field) => Number.isNaN(toNumber(field))) : header;
  const names = hasHeader ? first.map((field) => field.trim()) : undefined;
  if (hasHeader) rows.shift();
  check(rows.length > 0, 'ERR_OCELLUS_FORMAT', () => ({ where, expected: 'rows below the header', got: 'none' }));
  const width = first.length;
  const label = labelPlace(labelColumn, names, width);
  const count = width - (label === undefined ? 0 : 1);
  check(count > 0, 'ERR_OCELLUS_FORMAT', () => ({ where, expected: 'columns beside the label', got: 'none' }));
  check(!shape || sizeOf(shape) === count, 'ERR_OCELLUS_SHAPE', () => ({
    where: `${where}: shape`,
    expected: `a shape of ${count} numbers, as many as each row has`,
    got: `[${shape}]`,
  }));
  const labels: string[] = [];
  const values = readValues(rows, { where, delimiter, width, label, labels });
  const dtype = values instanceof Uint8Array ? 'uint8' : 'float32';
  return {
    x: { data: values, shape: [rows.length, ...(shape ?? [count])], dtype },
    ...(label === undefined ? { y: undefined, classNames: undefined } : readLabels(labels)),
    columns: names?.filter((_, column) => column !== label),
  };
}

interface Line {
  readonly line: string;
  /** Counted from 1. */
  readonly number: number;
}

function* lines(text: Uint8Array | string): Generator<Line> {
  const all = (typeof text === 'string' ? text : new TextDecoder().decode(text)).replace(/^\ufeff/, '');
  let number = 0;
  for (let at = 0; at < all.length; ) {
    const end = all.indexOf('\n', at) < 0 ? all.length : all.indexOf('\n', at);
    const line = all.slice(at, all[end - 1] === '\r' ? end - 1 : end);
    number++;
    at = end + 1;
    if (line.trim() !== '') yield { line, number };
  }
}

function fields(line: string, delimiter: string, where: string): string[] {
  if (!line.includes('"')) return line.split(delimiter);
  const found: string[] = [];
  // A field: in quotes, doubled ones inside standing for one, or anything up to the delimiter.
  for (let at = 0; at <= line.length; ) {
    const quoted = /^\s*"((?:[^"]|"")*)"\s*/.exec(line.slice(at));
    const end = quoted
      ? at + quoted[0].length
      : line.indexOf(delimiter, at) < 0
        ? line.length
        : line.indexOf(delimiter, at);
    check(end === line.length || line[end] === delimiter, 'ERR_OCELLUS_FORMAT', () => ({
      where,
      expected: `'${delimiter}' behind a field in quotes`,
      got: `'${line[end]}'`,
    }));
    found.push(quoted ? quoted[1].replaceAll('""', '"') : line.slice(at, end));
    at = end + 1;
  }
  return found;
}

/** NaN for what is no number, an empty field among it. */
const toNumber = (field: string): number => (field.trim() === '' ? Number.NaN : Number(field));

function labelPlace(wanted: CsvOptions['labelColumn'], names: readonly string[] | undefined, width: number) {
  if (wanted === null) return undefined;
  if (wanted === undefined) {
    const named = names?.findIndex((name) => labelNames.includes(name.toLowerCase())) ?? -1;
    return named >= 0 ? named : width - 1;
  }
  const place =
    typeof wanted === 'number'
      ? wanted
      : (names?.indexOf(wanted) ?? -1) >= 0
        ? names?.indexOf(wanted)
        : ends(wanted, width);
  check(
    Number.isSafeInteger(place) && (place as number) >= 0 && (place as number) < width,
    'ERR_OCELLUS_OPTION',
    () => ({
      where: "decodeCsv, option 'labelColumn'",
      expected: names ? `one of the columns ${names.slice(0, 20).join(', ')}` : `a number from 0 to ${width - 1}`,
      got: wanted,
    }),
  );
  return place;
}

const ends = (name: string, width: number) => (name === 'first' ? 0 : name === 'last' ? width - 1 : undefined);

interface ValueOptions {
  readonly where: string;
  readonly delimiter: string;
  readonly width: number;
  readonly label: number | undefined;
  /** Takes the labels in. */
  readonly labels: string[];
}

function readValues(rows: readonly Line[], options: ValueOptions): Uint8Array | Float32Array {
  const { where, delimiter, width, label, labels } = options;
  const count = width - (label === undefined ? 0 : 1);
  check(width <= maxFields, 'ERR_OCELLUS_FORMAT', () => ({
    where,
    expected: `at most ${maxFields} fields`,
    got: width,
  }));
  let values: Uint8Array | Float32Array = new Uint8Array(rows.length * count);
  let at = 0;
  for (const { line, number } of rows) {
    const row = fields(line, delimiter, `${where}: line ${number}`);
    check(row.length === width, 'ERR_OCELLUS_FORMAT', () => ({
      where: `${where}: line ${number}`,
      expected: `${width} fields, as in the first line`,
      got: row.length,
    }));
    for (let column = 0; column < width; column++) {
      if (column === label) {
        labels.push(row[column].trim());
        continue;
      }
      const value = toNumber(row[column]);
      if (Number.isNaN(value)) throw noNumber(`${where}: line ${number}, column ${column + 1}`, row[column]);
      if (values instanceof Uint8Array && (value & 255) !== value) values = Float32Array.from(values);
      values[at++] = value;
    }
  }
  return values;
}

const noNumber = (where: string, field: string) =>
  new OcellusError('ERR_OCELLUS_FORMAT', {
    where,
    expected: 'a number',
    got: `'${field.slice(0, 40)}'`,
    help: 'header says whether the first line holds names, labelColumn which column the labels',
  });

function readLabels(labels: readonly string[]): Pick<CsvData, 'y' | 'classNames'> {
  const shape = [labels.length];
  const numbers = labels.map(toNumber);
  if (numbers.every((value) => (value | 0) === value)) {
    return { y: { data: Int32Array.from(numbers), shape, dtype: 'int32' }, classNames: undefined };
  }
  if (!numbers.some(Number.isNaN)) {
    return { y: { data: Float32Array.from(numbers), shape, dtype: 'float32' }, classNames: undefined };
  }
  const classNames = [...new Set(labels)].sort();
  const places = new Map(classNames.map((name, place) => [name, place]));
  return {
    y: { data: Int32Array.from(labels, (name) => places.get(name) as number), shape, dtype: 'int32' },
    classNames,
  };
}
