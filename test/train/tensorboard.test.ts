// Event files: records with checksums, read back by hand, as TensorBoard reads them.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { callbacks } from '../../src/index.js';
import { crc32c, encodeEvent, encodeMessage } from '../../src/train/event-file.js';
import { blobNet, blobs, errorOf, silent } from './harness.js';

const folder = mkdtempSync(join(tmpdir(), 'ocellus-events-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Decoded = Map<number, (number | Buffer)[]>;

/** Fields of a message by number: varints as numbers, fixed ones and bytes as they stand. */
function decode(bytes: Buffer): Decoded {
  const fields: Decoded = new Map();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const wire = key % 8;
    const length = wire === 2 ? varint() : wire === 1 ? 8 : wire === 5 ? 4 : 0;
    const value = wire === 0 ? varint() : bytes.subarray(at, at + length);
    at += length;
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value]);
  }
  return fields;
}

function recordsOf(file: string): Buffer[] {
  const bytes = readFileSync(file);
  const records: Buffer[] = [];
  const unmask = (value: number): number => {
    const rotated = (value - 0xa282ead8) >>> 0;
    return ((rotated >>> 17) | (rotated << 15)) >>> 0;
  };
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(unmask(bytes.readUInt32LE(at + 8))).toBe(crc32c(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(unmask(bytes.readUInt32LE(at + 12 + length))).toBe(crc32c(data));
    records.push(data);
    at += length + 16;
  }
  return records;
}

const bufferOf = (fields: Decoded, number: number): Buffer => fields.get(number)?.[0] as Buffer;

test('checksums are those of RFC 3720', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
});

test('messages are protocol buffers', () => {
  const text = Buffer.from(
    encodeMessage([
      { field: 1, int: 300 },
      { field: 2, text: 'hi' },
      { field: 3, float: 1 },
    ]),
  );
  expect(text.toString('hex')).toBe('08ac02' + '12026869' + '1d0000803f');
  const far = decode(Buffer.from(encodeMessage([{ field: 2, int: 2 ** 40 + 5 }])));
  expect(far.get(2)).toEqual([2 ** 40 + 5]);
});

test('a training leaves scalars and histograms', async () => {
  const { x, y } = blobs(40);
  const logDir = join(folder, 'run');
  const board = callbacks.tensorBoard({ logDir, histogramFreq: 2, updateFreq: 1 });
  const model = blobNet();
  await model.fit(x, y, { ...silent, epochs: 3, batchSize: 20, validationSplit: 0.2, callbacks: [board] });
  const files = ['train', 'validation'].map((name) => join(logDir, name, readdirSync(join(logDir, name))[0]));
  const [first, ...events] = recordsOf(files[0]).map(decode);
  expect(bufferOf(first, 3).toString()).toBe('brain.Event:2');
  const found = events.flatMap((event) => {
    const step = (event.get(2)?.[0] ?? 0) as number;
    const values = decode(bufferOf(event, 5)).get(1) as Buffer[];
    return values.map((value) => {
      const fields = decode(value);
      const scalar = fields.has(2) ? bufferOf(fields, 2).readFloatLE() : null;
      return { step, tag: bufferOf(fields, 1).toString(), scalar, histogram: fields.has(5) };
    });
  });
  const tags = (step: number, part: 'scalar' | 'histogram') =>
    found.filter((one) => one.step === step && Boolean(one[part])).map(({ tag }) => tag);
  expect(tags(1, 'scalar')).toEqual(['batchLoss', 'epoch/loss', 'epoch/accuracy', 'epoch/learningRate']);
  expect(tags(2, 'histogram')).toEqual(model.weights.map(({ path }) => path));
  expect(tags(1, 'histogram')).toEqual([]);
  const validation = recordsOf(files[1])
    .slice(1)
    .map((record) => decode(bufferOf(decode(record), 5)).get(1) as Buffer[]);
  expect(validation).toHaveLength(3);
  expect(bufferOf(decode(validation[0][0]), 1).toString()).toBe('epoch/loss');
});

test('histograms count every finite value once', () => {
  const record = Buffer.from(encodeEvent(0, 7, { w: { histogram: [0, 1, 1, Number.NaN, 2, 4] } }));
  const event = decode(record.subarray(12, -4));
  expect(event.get(2)).toEqual([7]);
  const value = decode(bufferOf(decode(bufferOf(event, 5)), 1));
  const histogram = decode(bufferOf(value, 5));
  const numbers = [1, 2, 3, 4, 5].map((field) => bufferOf(histogram, field).readDoubleLE());
  expect(numbers).toEqual([0, 4, 5, 8, 22]);
  const counts = bufferOf(histogram, 7);
  const each = Array.from({ length: counts.length / 8 }, (_, i) => counts.readDoubleLE(8 * i));
  expect(each.reduce((a, b) => a + b)).toBe(5);
  expect(each[0]).toBe(1);
  expect(each.at(-1)).toBe(1);
});

test('wrong options', async () => {
  expect((await errorOf(() => callbacks.tensorBoard({ logDir: '' }))).message).toMatch(/'logDir'/);
  expect((await errorOf(() => callbacks.tensorBoard({ updateFreq: 0 }))).message).toMatch(/'updateFreq'/);
  expect((await errorOf(() => callbacks.tensorBoard({ histogramFreq: 0.5 }))).message).toMatch(/'histogramFreq'/);
});
