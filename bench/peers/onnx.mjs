// Writes one of our networks as an ONNX model with weights of the usual size: protocol buffers by hand, since a model
// needs four kinds of messages only (onnx.proto3 of ONNX, opset 13).

import { nets } from '../nets/index.mjs';
import { paddingOf, translate } from './translate.mjs';

function varint(value) {
  const bytes = [];
  for (let rest = BigInt(value); bytes.length === 0 || rest > 0n; rest >>= 7n) {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
  }
  return Buffer.from(bytes);
}

// A message is a list of buffers: weights are copied once, at the end.
const lengthOf = (parts) => parts.reduce((sum, part) => sum + part.length, 0);
const number = (field, value) => [varint(field << 3), varint(value)];
const message = (field, parts) => [varint((field << 3) | 2), varint(lengthOf(parts)), ...parts];
const text = (field, value) => message(field, [Buffer.from(value)]);

function float(field, value) {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return [varint((field << 3) | 5), bytes];
}

const attributeTypes = { float: 1, int: 2, ints: 7 };

function attribute(name, value) {
  if (Array.isArray(value)) {
    return message(5, [...text(1, name), ...value.flatMap((v) => number(8, v)), ...number(20, attributeTypes.ints)]);
  }
  if (Number.isInteger(value))
    return message(5, [...text(1, name), ...number(3, value), ...number(20, attributeTypes.int)]);
  return message(5, [...text(1, name), ...float(2, value), ...number(20, attributeTypes.float)]);
}

const float32 = 1;
const tensor = (name, shape, values) => [
  ...shape.flatMap((size) => number(1, size)),
  ...number(2, float32),
  ...text(8, name),
  ...message(9, [Buffer.from(values.buffer, values.byteOffset, values.byteLength)]),
];

function valueInfo(field, name, shape) {
  const sizes = shape.flatMap((size) => message(1, number(1, size)));
  return message(field, [...text(1, name), ...message(2, message(1, [...number(1, float32), ...message(2, sizes)]))]);
}

const both = (value) => (Array.isArray(value) ? value : [value, value]);
const product = (shape) => shape.reduce((a, b) => a * b, 1);

/** Collects nodes and weights. */
class Writer {
  nodes = [];
  weights = [];
  parameters = 0;
  count = 0;

  node(type, inputs, attributes = {}) {
    const output = `v${this.count++}`;
    const parts = [...inputs.flatMap((name) => text(1, name)), ...text(2, output), ...text(4, type)];
    this.nodes.push(
      message(1, [...parts, ...Object.entries(attributes).flatMap(([key, value]) => attribute(key, value))]),
    );
    return output;
  }

  constant(shape, values) {
    const name = `w${this.count++}`;
    this.weights.push(message(5, tensor(name, shape, values)));
    return name;
  }

  /** Uniform within ±sqrt(3 / fanIn), so that values keep their size from layer to layer. */
  weight(shape, fanIn) {
    const values = new Float32Array(product(shape));
    const bound = Math.sqrt(3 / fanIn);
    let state = 12345;
    for (let i = 0; i < values.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      values[i] = (bound * state) / 2 ** 31;
    }
    this.parameters += values.length;
    return this.constant(shape, values);
  }

  filled(length, value, counts = true) {
    if (counts) this.parameters += length;
    return this.constant([length], new Float32Array(length).fill(value));
  }

  activated(value, activation) {
    return activation === 'relu' ? this.node('Relu', [value]) : value;
  }
}

const layerWriters = (writer) => ({
  conv2d({ inputs, inputShape, filters, kernelSize, strides, groups, useBias, activation, ...options }) {
    const channels = inputShape[2] / groups;
    const kernel = both(kernelSize);
    const operands = [...inputs, writer.weight([filters, channels, ...kernel], channels * product(kernel))];
    if (useBias) operands.push(writer.filled(filters, 0));
    const pads = Array(4).fill(paddingOf(options));
    const attributes = { kernel_shape: kernel, strides: both(strides), pads, group: groups };
    return writer.activated(writer.node('Conv', operands, attributes), activation);
  },
  dense({ inputs, inputShape, units, activation }) {
    const features = inputShape[0];
    const operands = [...inputs, writer.weight([features, units], features), writer.filled(units, 0)];
    return writer.activated(writer.node('Gemm', operands), activation);
  },
  maxPooling2d({ inputs, poolSize, strides = poolSize, ...options }) {
    const pads = Array(4).fill(paddingOf(options));
    return writer.node('MaxPool', inputs, { kernel_shape: both(poolSize), strides: both(strides), pads });
  },
  batchNormalization({ inputs, shape: [, , channels], epsilon }) {
    const trained = [writer.filled(channels, 1), writer.filled(channels, 0.1)];
    const statistics = [writer.filled(channels, 0.1, false), writer.filled(channels, 0.9, false)];
    return writer.node('BatchNormalization', [...inputs, ...trained, ...statistics], { epsilon });
  },
  relu: ({ inputs }) => writer.node('Relu', inputs),
  relu6: ({ inputs }) =>
    writer.node('Clip', [...inputs, ...[0, 6].map((limit) => writer.constant([], Float32Array.of(limit)))]),
  add: ({ inputs }) => writer.node('Add', inputs),
  flatten: ({ inputs }) => writer.node('Flatten', inputs),
  globalAveragePooling2d: ({ inputs }) => writer.node('Flatten', [writer.node('GlobalAveragePool', inputs)]),
  dropout: ({ inputs: [x] }) => x,
});

/** The bytes of the model for a batch, its input's shape [batch, channels, height, width], and its trained values. */
export function onnxModel(name, batch) {
  const { shape, classes } = nets[name];
  const writer = new Writer();
  const output = translate(name, 'x', layerWriters(writer));
  const inputShape = [batch, shape[2], shape[0], shape[1]];
  const ends = [...valueInfo(11, 'x', inputShape), ...valueInfo(12, output, [batch, classes])];
  const graph = [...writer.nodes.flat(), ...text(2, name), ...writer.weights.flat(), ...ends];
  const opset = message(8, [...text(1, ''), ...number(2, 13)]);
  const bytes = Buffer.concat([...number(1, 8), ...message(7, graph), ...opset]);
  return { bytes, inputShape, parameters: writer.parameters };
}
