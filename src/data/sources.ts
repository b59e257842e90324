// Where pipelines begin: arrays, tensors cut into samples, functions, Node streams, other pipelines side by side.

import type { TensorView } from '../core/dtype.js';
import { check, checkOptions, OcellusError } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';
import { type TensorInput, toTensor } from './array.js';
import { extents } from './extent.js';
import { Pipeline } from './pipeline.js';
import { type Run, wholeNumber } from './run.js';

export interface SourceOptions {
  /** Samples in an epoch, where known: progress then shows how far it is. */
  readonly size?: number;
}

/**
 * The elements of an array, which is read in place.
 *
 * @example
 * await data.array([1, 2, 3, 4]).filter((i) => i % 2 === 0).toArray(); // [2, 4]
 */
export function array<T>(items: readonly T[]): Pipeline<T> {
  check(Array.isArray(items), 'ERR_OCELLUS_ARGUMENT', () => ({
    where: 'data.array',
    expected: 'an array of elements',
    got: items,
    help: 'for tensors whose first axis counts samples take data.tensorSlices',
  }));
  return new Pipeline(async function* ({ signal }) {
    for (const item of items) {
      if (signal.aborted) return;
      yield item;
    }
  }, extents.of(items.length));
}

/** One sample of a tensor: a number where the tensor has one axis. */
export type Slice = number | TensorView;

/**
 * Tensors cut into samples along their first axis: `{ x, y }` gives elements `{ x, y }`. Slices share the memory of the
 * tensors.
 *
 * @throws OcellusError ERR_OCELLUS_SHAPE when the tensors do not count the same number of samples
 *
 * @example
 * const samples = data.tensorSlices({ x: { data: new Uint8Array(48), shape: [4, 2, 2, 3] }, y: [0, 1, 0, 1] });
 * samples.size; // 4
 * const [{ x, y }] = await samples.batch(4).toArray();
 * x.shape; // [4, 2, 2, 3]
 */
export function tensorSlices<K extends string>(tensors: Readonly<Record<K, TensorInput>>): Pipeline<Record<K, Slice>> {
  const where = 'data.tensorSlices';
  const entries = Object.entries<TensorInput>(tensors).map(
    ([name, input]) => [name, toTensor(`${where}: ${name}`, input)] as const,
  );
  const size = entries[0]?.[1].shape[0];
  check(size !== undefined && entries.every(([, { shape }]) => shape[0] === size), 'ERR_OCELLUS_SHAPE', () => ({
    where,
    expected: 'tensors with as many samples each',
    got: entries.map(([name, { shape }]) => `${name} [${shape}]`).join(', ') || 'none',
  }));
  return new Pipeline(async function* ({ signal }) {
    for (let index = 0; index < size && !signal.aborted; index++) {
      yield Object.fromEntries(entries.map(([name, tensor]) => [name, slice(tensor, index)])) as Record<K, Slice>;
    }
  }, extents.of(size));
}

function slice({ data, shape, dtype }: TensorView, index: number): Slice {
  if (shape.length === 1) return data[index];
  const step = sizeOf(shape) / shape[0];
  return { data: data.subarray(index * step, (index + 1) * step), shape: shape.slice(1), dtype };
}

/**
 * What `generate` yields, called anew for each epoch with its number. A generator, async or not, or anything else that
 * can be iterated.
 *
 * @example
 * const samples = data.generator(function* (epoch) {
 *   for (let i = 0; i < 3; i++) yield { x: [i, epoch], y: i };
 * }, { size: 3 });
 * (await samples.batch(3).toArray())[0].x.shape; // [3, 2]
 */
export function generator<T>(
  generate: (epoch: number) => Iterable<T> | AsyncIterable<T>,
  options: SourceOptions = {},
): Pipeline<T> {
  const where = 'data.generator';
  check(typeof generate === 'function', 'ERR_OCELLUS_ARGUMENT', () => ({
    where,
    expected: 'a function that gives something to iterate, called once an epoch',
    got: generate,
  }));
  return reading(where, ({ epoch }) => generate(epoch), options);
}

/**
 * The chunks or objects of a Node stream, read no faster than they are used. A stream can be read once: for more than
 * one epoch give a function that opens it, or put `cache()` behind.
 *
 * @throws OcellusError ERR_OCELLUS_STATE (while reading) when the stream was read before
 *
 * @example
 * const { Readable } = await import('node:stream');
 * const lines = data.stream(() => Readable.from(['1,2', '3,4']));
 * await lines.map((line) => line.split(',').map(Number)).toArray(); // [[1, 2], [3, 4]]
 */
export function stream<T = Uint8Array>(
  readable: NodeJS.ReadableStream | AsyncIterable<T> | (() => NodeJS.ReadableStream | AsyncIterable<T>),
  options: SourceOptions = {},
): Pipeline<T> {
  const where = 'data.stream';
  let isUsed = false;
  const open = (): AsyncIterable<T> => {
    if (typeof readable === 'function') return readable() as AsyncIterable<T>;
    check(!isUsed, 'ERR_OCELLUS_STATE', () => ({
      where,
      expected: 'a stream that was not read before',
      got: 'one that was',
      help: 'give a function that opens it anew for each epoch, or put cache() behind it',
    }));
    isUsed = true;
    return readable as AsyncIterable<T>;
  };
  return reading(where, open, options);
}

/** Reads whatever can be iterated; a stream is destroyed as soon as nobody wants what it would give next. */
function reading<T>(
  where: string,
  open: (run: Run) => Iterable<T> | AsyncIterable<T>,
  options: SourceOptions,
): Pipeline<T> {
  checkOptions(where, options, ['size']);
  if (options.size !== undefined) wholeNumber(`${where}: size`, options.size, 0);
  return new Pipeline(async function* (run) {
    const items = open(run);
    if (typeof items !== 'object' || items === null || !(Symbol.asyncIterator in items || Symbol.iterator in items)) {
      throw new OcellusError('ERR_OCELLUS_DATA', { where, expected: 'something to iterate', got: items });
    }
    const { signal } = run;
    const destroy = () => {
      if ('destroy' in items && typeof items.destroy === 'function') items.destroy();
    };
    signal.addEventListener('abort', destroy, { once: true });
    try {
      for await (const item of items) {
        if (signal.aborted) return;
        yield item;
      }
    } catch (error) {
      // A stream that was destroyed from here says so.
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', destroy);
    }
  }, extents.of(options.size));
}

type Elements<P> = { -readonly [K in keyof P]: P[K] extends Pipeline<infer T> ? T : never };

/**
 * Pipelines side by side: a list of them gives lists, an object of them objects. Ends with the shortest.
 *
 * @example
 * const pairs = data.zip({ x: data.array([[1], [2]]), y: data.array([0, 1, 2]) });
 * await pairs.toArray(); // [{ "x": [1], "y": 0 }, { "x": [2], "y": 1 }]
 */
export function zip<P extends readonly Pipeline<unknown>[] | Readonly<Record<string, Pipeline<unknown>>>>(
  pipelines: P,
): Pipeline<Elements<P>> {
  const names = Object.keys(pipelines);
  const parts: Pipeline<unknown>[] = Object.values(pipelines);
  check(parts.length > 0 && parts.every((part) => part instanceof Pipeline), 'ERR_OCELLUS_ARGUMENT', () => ({
    where: 'data.zip',
    expected: 'a list or an object of pipelines',
    got: parts.length === 0 ? 'none' : typeof parts.find((part) => !(part instanceof Pipeline)),
  }));
  const make = (values: unknown[]) =>
    (Array.isArray(pipelines)
      ? values
      : Object.fromEntries(names.map((name, index) => [name, values[index]]))) as Elements<P>;
  return new Pipeline(async function* (run) {
    const sources = parts.map((part) => part.open(run));
    try {
      while (!run.signal.aborted) {
        const settled = await Promise.allSettled(sources.map((source) => source.next()));
        const values: unknown[] = [];
        let isDone = false;
        for (const result of settled) {
          if (result.status === 'rejected') throw result.reason;
          isDone ||= result.value.done === true;
          values.push(result.value.value);
        }
        if (isDone) return;
        yield make(values);
      }
    } finally {
      await Promise.allSettled(sources.map((source) => source.return()));
    }
  }, extents.zip(parts));
}
