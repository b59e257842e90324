// Tables of pictures in Parquet, as Hugging Face keeps them: a column of encoded images (bytes, or { bytes, path }) and one
// of class numbers. Read by hyparquet, an optional peer, a row group at a time.

import { check, OcellusError } from '../core/errors.js';
import {
  checkReadOptions,
  type EncodedImage,
  type ImageBatch,
  ImageReader,
  type ImageSample,
  type ReadImagesOptions,
  readOptionNames,
  type SkippedImage,
} from './decoding.js';
import { extents } from './extent.js';
import { checkDecodeOptions } from './image.js';
import { loadPeer } from './peer.js';
import { Pipeline, type ShuffleOptions } from './pipeline.js';
import { loadSharp } from './sharp.js';

export interface ParquetImagesOptions extends ReadImagesOptions {
  /** Name of the column of images. Default 'image', else 'img'. */
  readonly imageColumn?: string;
  /** Name of the column of class numbers. Default 'label', else 'labels', 'fine_label'. */
  readonly labelColumn?: string;
  /** Which rows to read, before they are decoded. Default: all. */
  readonly filter?: (row: ParquetRow) => boolean;
  /** Shuffle the rows, still encoded, as `Pipeline.shuffle` does. Default: the order of the file. */
  readonly shuffle?: ShuffleOptions;
}

/** A row of a table: its name and its class. */
export interface ParquetRow {
  /** `pets.parquet: row 7` */
  readonly file: string;
  readonly y: number;
}

/** What `parquetImages` finds. */
export interface ParquetImages {
  readonly batches: Pipeline<ImageBatch>;
  /** Images one by one, to change them before they are batched. */
  readonly samples: Pipeline<ImageSample>;
  /** Names of the classes, where the file tells them. */
  readonly classNames: readonly string[] | undefined;
  /** Images that could not be decoded up to now. */
  readonly skipped: readonly SkippedImage[];
}

type Hyparquet = typeof import('hyparquet');
type Metadata = Awaited<ReturnType<Hyparquet['parquetMetadataAsync']>>;

interface Table {
  readonly file: string;
  readonly metadata: Metadata;
  readonly imageColumn: string;
  readonly labelColumn: string;
}

const optionNames = [...readOptionNames, 'imageColumn', 'labelColumn', 'filter', 'shuffle'];
const imageNames = ['image', 'img'];
const labelNames = ['label', 'labels', 'fine_label'];

/**
 * Pictures in a Parquet file, or in several as one. Only the heads are read here; the rows of one row group are in memory
 * at a time. Needs the packages `hyparquet` and `sharp`; columns may be uncompressed or in Snappy.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT (no Parquet, truncated, no such column) | ERR_OCELLUS_DATA (cannot be read, a
 * package is absent)
 *
 * @example
 * const { batches, classNames } = await parquetImages('pets.parquet', { size: 32, shuffle: { bufferSize: 1000, seed: 1 } });
 * classNames; // ["cat", "dog"]
 * for await (const { x, y } of batches) console.log(x.shape, y.data);
 */
export async function parquetImages(
  files: string | readonly string[],
  options: ParquetImagesOptions = {},
): Promise<ParquetImages> {
  const where = 'parquetImages';
  checkDecodeOptions(where, options, optionNames);
  checkReadOptions(where, options);
  const list = [files].flat() as string[];
  check(
    list.length > 0 && list.every((file) => typeof file === 'string' && file !== ''),
    'ERR_OCELLUS_ARGUMENT',
    () => ({
      where,
      expected: 'the paths of Parquet files',
      got: files,
    }),
  );
  await loadSharp();
  const hyparquet = await loadPeer('hyparquet', 'reading Parquet', () => import('hyparquet'));
  const tables: Table[] = [];
  for (const file of list) tables.push(await openTable(hyparquet, file, options));
  const size = tables.reduce((sum, { metadata }) => sum + Number(metadata.num_rows), 0);
  const { filter, shuffle } = options;
  const all = new Pipeline<EncodedImage>(async function* ({ signal }) {
    for (const table of tables) {
      for await (const row of rowsOf(hyparquet, table)) {
        if (signal.aborted) return;
        yield row;
      }
    }
  }, extents.of(size));
  const reader = new ImageReader(where, options);
  const rows = filter ? all.filter(filter) : all;
  const samples = reader.samples(shuffle ? rows.shuffle(shuffle) : rows);
  return {
    batches: reader.batches(samples),
    samples,
    classNames: classNamesOf(tables[0]),
    get skipped() {
      return reader.skipped;
    },
  };
}

/**
 * Names and class numbers of all rows; pictures are not read.
 *
 * @throws OcellusError as `parquetImages`
 */
export async function readParquetRows(files: readonly string[]): Promise<ParquetRow[]> {
  const hyparquet = await loadPeer('hyparquet', 'reading Parquet', () => import('hyparquet'));
  const rows: ParquetRow[] = [];
  for (const file of files) {
    const { metadata, labelColumn } = await openTable(hyparquet, file, {});
    const buffer = await attempt(file, () => hyparquet.asyncBufferFromFile(file));
    const request = { file: buffer, metadata, columns: [labelColumn] };
    const values = await attempt(file, () => hyparquet.parquetReadObjects(request));
    for (const [index, row] of values.entries()) {
      const name = `${file}: row ${index}`;
      rows.push({ file: name, y: classNumber(row[labelColumn], name, labelColumn) });
    }
  }
  return rows;
}

async function openTable(hyparquet: Hyparquet, file: string, options: ParquetImagesOptions): Promise<Table> {
  const buffer = await hyparquet.asyncBufferFromFile(file).catch((cause) => {
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: file,
      expected: 'a Parquet file that can be read',
      got: cause.message,
      cause,
    });
  });
  const metadata = await attempt(file, () => hyparquet.parquetMetadataAsync(buffer));
  const columns = await attempt(file, async () =>
    hyparquet.parquetSchema(metadata).children.map(({ element }) => element.name),
  );
  const find = (wanted: string | undefined, usual: readonly string[], kind: string): string => {
    const found = wanted === undefined ? usual.find((name) => columns.includes(name)) : wanted;
    check(found !== undefined && columns.includes(found), 'ERR_OCELLUS_FORMAT', () => ({
      where: file,
      expected: `a column '${wanted ?? usual[0]}' of ${kind}`,
      got: columns.join(', '),
      help: `the options imageColumn and labelColumn name them`,
    }));
    return found;
  };
  return {
    file,
    metadata,
    imageColumn: find(options.imageColumn, imageNames, 'images'),
    labelColumn: find(options.labelColumn, labelNames, 'class numbers'),
  };
}

async function* rowsOf(hyparquet: Hyparquet, table: Table): AsyncGenerator<EncodedImage> {
  const { file, metadata, imageColumn, labelColumn } = table;
  const buffer = await attempt(file, () => hyparquet.asyncBufferFromFile(file));
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const columns = [imageColumn, labelColumn];
    // Without `utf8: false` plain bytes would come as text.
    const request = { file: buffer, metadata, columns, rowStart, rowEnd, utf8: false };
    const rows = await attempt(file, () => hyparquet.parquetReadObjects(request));
    for (const [index, row] of rows.entries()) {
      const name = `${file}: row ${rowStart + index}`;
      const value = row[imageColumn];
      const image = value instanceof Uint8Array ? value : value?.bytes;
      check(image instanceof Uint8Array, 'ERR_OCELLUS_FORMAT', () => ({
        where: name,
        expected: `bytes of an image in '${imageColumn}'`,
        got: value === null ? 'nothing' : typeof value,
      }));
      yield { file: name, image, y: classNumber(row[labelColumn], name, labelColumn) };
    }
    rowStart = rowEnd;
  }
}

function classNumber(value: unknown, where: string, column: string): number {
  const y = Number(value);
  check(value !== null && Number.isSafeInteger(y), 'ERR_OCELLUS_FORMAT', () => ({
    where,
    expected: `a class number in '${column}'`,
    got: String(value),
  }));
  return y;
}

async function attempt<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new OcellusError('ERR_OCELLUS_FORMAT', {
      where: file,
      expected: 'a whole Parquet file',
      got: cause instanceof Error ? cause.message.slice(0, 200) : String(cause),
      cause,
    });
  }
}

/** Hugging Face writes the features of a data set into the file's metadata. */
function classNamesOf({ metadata, labelColumn }: Table): readonly string[] | undefined {
  const text = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
  if (!text) return undefined;
  try {
    const names: unknown = JSON.parse(text).info.features[labelColumn].names;
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
  } catch {
    // Metadata of another make: classes stay without names.
    return undefined;
  }
}
