// summary(): Keras's table with columns more: multiply-adds per sample, memory of the activations, receptive fields and,
// once it is known, the algorithm of each convolution. Columns that would say nothing are left out.

import { formatBytes, formatCount, formatTable } from '../core/table.js';
import { ReceptiveFields } from '../graph/receptive-field.js';
import { bytesOf } from '../graph/variables.js';
import type { LayerCall } from '../nn/network.js';
import type { ProgramRequest } from '../train/program.js';
import type { Session } from '../train/session.js';

export interface SummaryOptions {
  /** Samples that memory is told for. Default 32. */
  batchSize?: number;
  /** Takes the text, line breaks inside. Default: to process.stdout. */
  print?: (text: string) => void;
  /** Widest line, in characters. Default: that of the terminal, else no limit. */
  lineLength?: number;
}

/** What the summary tells of one layer. */
export interface LayerSummary {
  /** Path of the layer. */
  readonly name: string;
  readonly type: string;
  /** [null, …]: null is the batch. */
  readonly outputShape: readonly (number | null)[];
  /** 0 where the layer was there before: its weights count once. */
  readonly parameters: number;
  /** Multiply-adds for one sample. */
  readonly macs: number;
  /** Bytes of the output for one sample; 0 where it shares its input's. */
  readonly bytes: number;
  /** Window of the input that one output sees, along each spatial axis; Infinity: all of it. Empty: no such axes. */
  readonly receptiveField: readonly number[];
  /** What computes its convolutions in a training step and, where that differs, in a prediction; else empty. */
  readonly algorithm: string;
}

const columns = [
  { title: 'Layer (type)' },
  { title: 'Output Shape' },
  { title: 'Param #', align: 'right' },
  { title: 'MACs', align: 'right' },
  { title: 'Activations', align: 'right' },
  { title: 'Receptive Field', align: 'right' },
  { title: 'Connected to' },
  { title: 'Algorithm' },
] as const;

/** The layers of the network itself, in the order in which they run. */
export function layerSummaries(session: Session, compiled: boolean, batchSize: number): LayerSummary[] {
  const algorithms = compiled ? convolutionAlgorithms(session, batchSize) : () => '';
  const fields = new ReceptiveFields();
  const counted = new Set<string>();
  return outerCalls(session).map((call) => {
    // A layer that is applied twice has its weights once.
    const parameters = counted.has(call.path) ? 0 : parametersUnder(session, call.path);
    counted.add(call.path);
    return {
      name: call.path,
      type: call.layer.type,
      outputShape: [null, ...call.output.shape.slice(1)],
      parameters,
      macs: multiplyAdds(call),
      bytes: activationBytes(call),
      receptiveField: (fields.of(call.output) ?? []).map(({ size }) => size),
      algorithm: algorithms(call),
    };
  });
}

const outerCalls = (session: Session): LayerCall[] => session.calls.filter((call) => call.depth === 0);

export function summaryText(
  session: Session,
  name: string,
  compiled: boolean,
  batchSize: number,
  maxWidth?: number,
): string {
  const calls = outerCalls(session);
  const sources = connections(session, calls);
  const rows = layerSummaries(session, compiled, batchSize).map((layer, i) => [
    `${layer.name} (${layer.type})`,
    `(${['None', ...layer.outputShape.slice(1)].join(', ')})`,
    formatCount(layer.parameters),
    formatCount(layer.macs),
    formatBytes(batchSize * layer.bytes),
    fieldText(layer.receptiveField),
    sources[i],
    layer.algorithm,
  ]);
  const says = columns.map((_, column) => rows.some((row) => row[column] !== ''));
  const shown = <T>(list: readonly T[]) => list.filter((_, column) => says[column]);
  const table = formatTable({ columns: shown(columns), rows: rows.map(shown), maxWidth });
  return [`Model: "${name}"`, table, ...totalLines(session, compiled, batchSize, calls)].join('\n');
}

/** `5x5`: what one element sees of the input; `all` of it. */
function fieldText(field: LayerSummary['receptiveField']): string {
  if (field.length === 0) return '';
  const text = (size: number): string => (Number.isFinite(size) ? String(Math.round(size)) : 'all');
  return field.every((size) => size === Number.POSITIVE_INFINITY) ? 'all' : field.map(text).join('x');
}

/** Names of what a layer reads; nothing as long as each layer reads the one before it. */
function connections(session: Session, calls: readonly LayerCall[]): string[] {
  const makers = new Map(calls.map((call) => [call.output, call.path]));
  const inputs = session.network.inputs.map(({ name }) => name);
  const names = calls.map((call) => call.inputs.map((value) => makers.get(value) ?? inputName(value, inputs)));
  const isChain = names.every((list, i) => list.length === 1 && (i === 0 || list[0] === calls[i - 1].path));
  return names.map((list) => (isChain ? '' : list.join(', ')));
}

/** A value that no layer made is an input, perhaps converted or with its axes in another order. */
function inputName(value: LayerCall['output'], inputs: readonly string[]): string {
  return (
    inputs.find((name) => value.name === name || value.name.startsWith(`${name}/`)) ??
    (inputs.length === 1 ? inputs[0] : '')
  );
}

/**
 * What computes the convolutions of a layer, each name once. Where a prediction, whose weights are fixed, is computed in
 * another way than a training step, both are told.
 */
function convolutionAlgorithms(session: Session, batchSize: number): (call: LayerCall) => string {
  const [training, prediction] = (['train', 'predict'] as const).map((mode) => {
    const algorithms = session.algorithms(requestOf(session, mode, batchSize));
    return ({ nodes }: LayerCall): string => {
      const names = nodes.filter((node) => /^conv/.test(node.op.name)).map((node) => algorithms.get(node.name));
      return [...new Set(names)].filter(Boolean).join(', ');
    };
  });
  return (call) => {
    const [trained, predicted] = [training(call), prediction(call)];
    return trained === predicted ? trained : `${trained}\npredict: ${predicted}`;
  };
}

function requestOf(session: Session, mode: 'train' | 'predict', batch: number): ProgramRequest {
  return { mode, batch, dtypes: session.network.inputs.map((input) => input.dtype) };
}

function totalLines(session: Session, compiled: boolean, batchSize: number, calls: readonly LayerCall[]): string[] {
  const count = (weights: Session['weights']) => weights.reduce((sum, { size }) => sum + size, 0);
  const line = (title: string, parameters: number) =>
    ` ${title}: ${formatCount(parameters)} (${formatBytes(4 * parameters)})`;
  const total = count(session.weights);
  const trainable = count(session.weights.filter((weight) => weight.trainable));
  const slots = Object.values(session.slots()).flatMap((slot) => Object.values(slot));
  const optimizer = slots.reduce((sum, { data }) => sum + data.length, 0);
  const arena = (mode: 'train' | 'predict') =>
    formatBytes(session.plan(requestOf(session, mode, batchSize)).bytes.arena);
  return [
    line('Total params', total),
    line('Trainable params', trainable),
    line('Non-trainable params', total - trainable),
    ...(compiled ? [line('Optimizer params', optimizer)] : []),
    ` MACs per sample: ${formatCount(calls.reduce((sum, call) => sum + multiplyAdds(call), 0))}`,
    ` Activation memory, batch of ${batchSize}: ${arena('predict')} to predict${compiled ? `, ${arena('train')} to train` : ''}`,
  ];
}

function parametersUnder(session: Session, path: string): number {
  return session.weights
    .filter((weight) => weight.path.startsWith(`${path}/`))
    .reduce((sum, { size }) => sum + size, 0);
}

/** Of the products that make up the work of a network; what else is done to each element does not count. */
function multiplyAdds({ nodes }: LayerCall): number {
  const products = nodes.filter((node) => /^(conv|depthwise|dense|matmul)/.test(node.op.name));
  return products.reduce(
    (sum, { op, inputs, outputs, attrs }) => sum + (op.flops?.(inputs, outputs, attrs) ?? 0) / 2,
    0,
  );
}

/** Of the output for one sample; a reshape has no memory of its own. */
function activationBytes({ nodes, output }: LayerCall): number {
  return nodes.every((node) => node.op.alias) ? 0 : bytesOf(output);
}
