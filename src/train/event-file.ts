// Event files of TensorBoard: records (length, checksum, data, checksum) of protocol buffers. Format: TensorFlow's
// core/lib/io/record_writer and the messages Event and Summary; checksums are CRC-32C (RFC 3720), rotated and offset.

/** CRC-32C by a table over bytes, polynomial 0x1EDC6F41 reflected. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

/** One record of an event file. */
export function encodeRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(record.subarray(0, 8))), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(data)), true);
  return record;
}

/** A field of a protocol buffer. */
export type Field =
  | { readonly field: number; readonly int: number }
  | { readonly field: number; readonly double: number }
  | { readonly field: number; readonly float: number }
  | { readonly field: number; readonly bytes: Uint8Array }
  | { readonly field: number; readonly text: string }
  | { readonly field: number; readonly doubles: readonly number[] }
  | { readonly field: number; readonly message: readonly Field[] };

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

function floating(value: number, width: 4 | 8): Uint8Array {
  const bytes = new Uint8Array(width);
  const view = new DataView(bytes.buffer);
  if (width === 4) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return bytes;
}

function encodeField(item: Field): Uint8Array[] {
  const key = (wire: number): Uint8Array => Uint8Array.from(varint(item.field * 8 + wire));
  const sized = (bytes: Uint8Array): Uint8Array[] => [key(2), Uint8Array.from(varint(bytes.length)), bytes];
  if ('int' in item) return [key(0), Uint8Array.from(varint(item.int))];
  if ('double' in item) return [key(1), floating(item.double, 8)];
  if ('float' in item) return [key(5), floating(item.float, 4)];
  if ('text' in item) return sized(new TextEncoder().encode(item.text));
  if ('bytes' in item) return sized(item.bytes);
  if ('doubles' in item) return sized(Buffer.concat(item.doubles.map((value) => floating(value, 8))));
  return sized(encodeMessage(item.message));
}

export function encodeMessage(fields: readonly Field[]): Uint8Array {
  return Buffer.concat(fields.flatMap(encodeField));
}

/** What a summary shows under a tag. */
export type SummaryValue =
  | { readonly scalar: number }
  | { readonly histogram: ArrayLike<number> }
  | { readonly png: Uint8Array; readonly width: number; readonly height: number; readonly channels: number };

/** An event with values under tags; `wallTime` in seconds since 1970. */
export function encodeEvent(
  wallTime: number,
  step: number,
  values: Readonly<Record<string, SummaryValue>>,
): Uint8Array {
  const summary = Object.entries(values).map(
    ([tag, value]): Field => ({ field: 1, message: [{ field: 1, text: tag }, valueField(value)] }),
  );
  return encodeRecord(
    encodeMessage([
      { field: 1, double: wallTime },
      { field: 2, int: step },
      { field: 5, message: summary },
    ]),
  );
}

/** The first event of a file. */
export function encodeVersion(wallTime: number): Uint8Array {
  return encodeRecord(
    encodeMessage([
      { field: 1, double: wallTime },
      { field: 3, text: 'brain.Event:2' },
    ]),
  );
}

function valueField(value: SummaryValue): Field {
  if ('scalar' in value) return { field: 2, float: value.scalar };
  if ('histogram' in value) return { field: 5, message: histogramOf(value.histogram) };
  const { width, height, channels, png } = value;
  return {
    field: 4,
    message: [
      { field: 1, int: height },
      { field: 2, int: width },
      { field: 3, int: channels },
      { field: 4, bytes: png },
    ],
  };
}

const buckets = 30;

/** Equal buckets from the smallest to the largest finite value. */
function histogramOf(values: ArrayLike<number>): Field[] {
  let [low, high, sum, squares, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
    sum += value;
    squares += value * value;
    count++;
  }
  if (count === 0) [low, high] = [0, 0];
  const width = (high - low) / buckets || 1;
  const counts = new Array<number>(buckets).fill(0);
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) counts[Math.min(buckets - 1, Math.floor((values[i] - low) / width))]++;
  }
  return [
    { field: 1, double: low },
    { field: 2, double: high },
    { field: 3, double: count },
    { field: 4, double: sum },
    { field: 5, double: squares },
    {
      field: 6,
      doubles: counts.map((_, i) => (i === buckets - 1 ? Math.max(high, low + width) : low + (i + 1) * width)),
    },
    { field: 7, doubles: counts },
  ];
}
