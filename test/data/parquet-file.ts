// Writes Parquet files as Hugging Face's are: pictures and class numbers, uncompressed, plain, one data page per column and
// row group. The heads are in Thrift's compact protocol.

type Field = [id: number, type: number, bytes: number[]];
const [i32, i64, binary, list, struct] = [5, 6, 8, 9, 12];

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}
const int = (value: number) => varint(2 * value);
const text = (value: string) => [...varint(Buffer.byteLength(value)), ...Buffer.from(value)];
const listOf = (type: number, items: number[][]) => [(Math.min(items.length, 15) << 4) | type, ...items.flat()];
function structOf(...fields: Field[]): number[] {
  let last = 0;
  const bytes = fields.flatMap(([id, type, content]) => {
    const head = ((id - last) << 4) | type;
    last = id;
    return [head, ...content];
  });
  return [...bytes, 0];
}

interface Column {
  path: string[];
  type: number;
  /** Optional levels above a value. */
  levels: number;
  encode: (row: Row) => Buffer;
}
/** A picture and its class. */
export interface Row {
  bytes: Uint8Array;
  label: number;
}
const sized = (bytes: Uint8Array) => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const number64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
};

/** A Parquet file with these row groups. */
export function parquet(
  groups: Row[][],
  options: { names?: string[]; flat?: boolean; imageName?: string } = {},
): Buffer {
  const { names, flat = false, imageName = 'image' } = options;
  const columns: Column[] = [
    {
      path: flat ? [imageName] : [imageName, 'bytes'],
      type: 6,
      levels: flat ? 1 : 2,
      encode: ({ bytes }) => sized(bytes),
    },
    { path: ['label'], type: 2, levels: 1, encode: ({ label }) => number64(label) },
  ];
  const parts: Uint8Array[] = [Buffer.from('PAR1')];
  let at = 4;
  const groupHeads = groups.map((rows) => {
    const chunks = columns.map(({ path: place, type, levels, encode }) => {
      const run = Buffer.from([...varint(2 * rows.length), levels]);
      const page = Buffer.concat([sized(run), ...rows.map(encode)]);
      const pageHead = Buffer.from(
        structOf(
          [1, i32, int(0)],
          [2, i32, int(page.length)],
          [3, i32, int(page.length)],
          [5, struct, structOf([1, i32, int(rows.length)], [2, i32, int(0)], [3, i32, int(3)], [4, i32, int(3)])],
        ),
      );
      const size = pageHead.length + page.length;
      const meta = structOf(
        [1, i32, int(type)],
        [2, list, listOf(i32, [int(0), int(3)])],
        [3, list, listOf(binary, place.map(text))],
        [4, i32, int(0)],
        [5, i64, int(rows.length)],
        [6, i64, int(size)],
        [7, i64, int(size)],
        [9, i64, int(at)],
      );
      const chunk = structOf([2, i64, int(at)], [3, struct, meta]);
      parts.push(pageHead, page);
      at += size;
      return chunk;
    });
    return structOf([1, list, listOf(struct, chunks)], [2, i64, int(1)], [3, i64, int(rows.length)]);
  });
  const image = flat
    ? [structOf([1, i32, int(6)], [3, i32, int(1)], [4, binary, text(imageName)])]
    : [
        structOf([3, i32, int(1)], [4, binary, text(imageName)], [5, i32, int(1)]),
        structOf([1, i32, int(6)], [3, i32, int(1)], [4, binary, text('bytes')]),
      ];
  const schema = [
    structOf([4, binary, text('schema')], [5, i32, int(2)]),
    ...image,
    structOf([1, i32, int(2)], [3, i32, int(1)], [4, binary, text('label')]),
  ];
  const info = JSON.stringify({ info: { features: { label: { names, _type: 'ClassLabel' } } } });
  const total = groups.flat().length;
  const foot = Buffer.from(
    structOf(
      [1, i32, int(1)],
      [2, list, listOf(struct, schema)],
      [3, i64, int(total)],
      [4, list, listOf(struct, groupHeads)],
      [5, list, listOf(struct, names ? [structOf([1, binary, text('huggingface')], [2, binary, text(info)])] : [])],
    ),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(foot.length);
  return Buffer.concat([...parts, foot, length, Buffer.from('PAR1')]);
}
