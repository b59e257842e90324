// Reads the operator tests of ONNX: a .tar.gz of protobuf files, as far as those tests need it (onnx.proto gives the
// numbers of the fields).

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export interface OnnxTensor {
  readonly shape: readonly number[];
  /** 'float', 'int64', … as ONNX names them. */
  readonly dtype: string;
  readonly data: readonly number[];
}

export interface OnnxNode {
  readonly op: string;
  /** Names of values; '' for an optional one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface OnnxTest {
  readonly name: string;
  readonly opset: number;
  readonly nodes: readonly OnnxNode[];
  /** What the model is given, weights inside of it included, by name. */
  readonly inputs: Readonly<Record<string, OnnxTensor | null>>;
  readonly outputs: Readonly<Record<string, OnnxTensor | null>>;
}

const dtypes = ['', 'float', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', 'string', 'bool', 'float16'];
dtypes.push('double', 'uint32', 'uint64');

/** Reads integers of variable length from the front on. */
class Varints {
  at = 0;

  constructor(readonly bytes: Buffer) {}

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  next(): number {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.bytes[this.at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
  }

  rest(): number[] {
    const values = [];
    while (!this.isAtEnd) values.push(this.next());
    return values;
  }
}

/** The fields of a message: numbers and bytes by the field's number. */
class Message {
  private readonly fields = new Map<number, (number | Buffer)[]>();

  constructor(bytes: Buffer) {
    const source = new Varints(bytes);
    while (!source.isAtEnd) {
      const tag = source.next();
      const list = this.fields.get(tag >> 3) ?? [];
      this.fields.set(tag >> 3, list);
      const kind = tag & 7;
      if (kind === 0) {
        list.push(source.next());
        continue;
      }
      const length = kind === 2 ? source.next() : kind === 5 ? 4 : 8;
      list.push(bytes.subarray(source.at, source.at + length));
      source.at += length;
    }
  }

  messages = (field: number): Message[] => (this.fields.get(field) ?? []).map((value) => new Message(value as Buffer));
  texts = (field: number): string[] => (this.fields.get(field) ?? []).map(String);
  text = (field: number): string => this.texts(field)[0] ?? '';
  number = (field: number): number => Number(this.fields.get(field)?.[0] ?? 0);
  has = (field: number): boolean => this.fields.has(field);
  bytes = (field: number): Buffer => (this.fields.get(field)?.[0] ?? Buffer.alloc(0)) as Buffer;

  /** Repeated integers, packed or one by one. */
  integers(field: number): number[] {
    return (this.fields.get(field) ?? []).flatMap((value) =>
      typeof value === 'number' ? value : new Varints(value).rest(),
    );
  }

  /** Repeated floats, packed or one by one. */
  floats(field: number): number[] {
    const all = Buffer.concat((this.fields.get(field) ?? []) as Buffer[]);
    return Array.from({ length: all.length / 4 }, (_, i) => all.readFloatLE(4 * i));
  }
}

const readers: Readonly<Record<string, [bytes: number, read: (from: Buffer, at: number) => number]>> = {
  float: [4, (from, at) => from.readFloatLE(at)],
  double: [8, (from, at) => from.readDoubleLE(at)],
  uint8: [1, (from, at) => from.readUInt8(at)],
  bool: [1, (from, at) => from.readUInt8(at)],
  int8: [1, (from, at) => from.readInt8(at)],
  uint16: [2, (from, at) => from.readUInt16LE(at)],
  int16: [2, (from, at) => from.readInt16LE(at)],
  uint32: [4, (from, at) => from.readUInt32LE(at)],
  int32: [4, (from, at) => from.readInt32LE(at)],
  uint64: [8, (from, at) => Number(from.readBigUInt64LE(at))],
  int64: [8, (from, at) => Number(from.readBigInt64LE(at))],
};

function tensor(message: Message): OnnxTensor {
  const dtype = dtypes[message.number(2)];
  const shape = message.integers(1);
  if (message.has(9)) {
    const [bytes, read] = readers[dtype];
    const raw = message.bytes(9);
    return { shape, dtype, data: Array.from({ length: raw.length / bytes }, (_, i) => read(raw, i * bytes)) };
  }
  const data = [...message.floats(4), ...message.integers(5), ...message.integers(7)];
  return { shape, dtype, data };
}

function attribute(message: Message): unknown {
  switch (message.number(20)) {
    case 1:
      return message.floats(2)[0];
    case 2:
      return message.number(3);
    case 3:
      return message.text(4);
    case 4:
      return tensor(message.messages(5)[0]);
    case 6:
      return message.floats(7);
    default:
      return message.integers(8);
  }
}

function node(message: Message): OnnxNode {
  const attributes = message.messages(5).map((item) => [item.text(1), attribute(item)]);
  return {
    op: message.text(4),
    inputs: message.texts(1),
    outputs: message.texts(2),
    attributes: Object.fromEntries(attributes),
  };
}

/** The files of an archive by name. */
function untar(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const text = (at: number, length: number) => archive.toString('latin1', at, at + length).replace(/\0.*$/, '');
  for (let at = 0; at < archive.length && archive[at] !== 0; ) {
    const folder = text(at + 345, 155);
    const size = Number.parseInt(text(at + 124, 12), 8);
    files.set(`${folder && `${folder}/`}${text(at, 100)}`, archive.subarray(at + 512, at + 512 + size));
    at += 512 + 512 * Math.ceil(size / 512);
  }
  return files;
}

export function readOnnxTests(file: string): OnnxTest[] {
  const files = untar(gunzipSync(readFileSync(file)));
  const models = [...files].filter(([name]) => name.endsWith('/model.onnx'));
  return models.map(([path, bytes]) => {
    const folder = path.replace('/model.onnx', '');
    const model = new Message(bytes);
    const graph = model.messages(7)[0];
    const weights = graph.messages(5).map((item) => [item.text(8), tensor(item)] as const);
    const isWeight = (item: Message) => weights.some(([name]) => name === item.text(1));
    const values = (kind: string, items: readonly Message[]) =>
      items.map((item, i) => {
        const isTensor = item.messages(2)[0].has(1);
        const data = files.get(`${folder}/test_data_set_0/${kind}_${i}.pb`);
        return [item.text(1), isTensor && data ? tensor(new Message(data)) : null] as const;
      });
    const given = graph.messages(11).filter((item) => !isWeight(item));
    return {
      name: folder,
      opset: model.messages(8)[0].number(2),
      nodes: graph.messages(1).map(node),
      inputs: Object.fromEntries([...weights, ...values('input', given)]),
      outputs: Object.fromEntries(values('output', graph.messages(12))),
    };
  });
}
