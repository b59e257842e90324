// Pipelines: every stage on no, one and many elements, epochs and seeds, errors in the middle, early ends, bounds on
// what is read ahead.

import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as augment from '../../src/data/augment/index.js';
import { ArrayDataset } from '../../src/data/dataset.js';
import * as data from '../../src/data/index.js';
import type { Pipeline } from '../../src/data/pipeline.js';

const count = (n: number) => Array.from({ length: n }, (_, i) => i);
const numbers = (n: number) => data.array(count(n));
const tick = () => new Promise((resolve) => setTimeout(resolve, 1));

/** A source that tells how far it was read and whether it was closed. */
function watched(n: number, failAt = -1) {
  const seen = { read: 0, opened: 0, closed: 0 };
  const pipeline = data.generator(async function* () {
    seen.opened++;
    try {
      for (let i = 0; i < n; i++) {
        if (i === failAt) throw new Error(`broken at ${i}`);
        seen.read++;
        yield i;
      }
    } finally {
      seen.closed++;
    }
  });
  return { seen, pipeline };
}

describe('stages', () => {
  it('map, filter, take, skip, shard, repeat, in the order of the elements', async () => {
    expect(
      await numbers(4)
        .map((i) => 2 * i)
        .toArray(),
    ).toEqual([0, 2, 4, 6]);
    expect(
      await numbers(5)
        .filter(async (i) => i % 2 === 0)
        .toArray(),
    ).toEqual([0, 2, 4]);
    expect(await numbers(5).take(2).toArray()).toEqual([0, 1]);
    expect(await numbers(5).skip(3).toArray()).toEqual([3, 4]);
    expect(await numbers(7).shard(3, 1).toArray()).toEqual([1, 4]);
    expect(await numbers(2).repeat(3).toArray()).toEqual([0, 1, 0, 1, 0, 1]);
    expect(await numbers(2).repeat().take(5).toArray()).toEqual([0, 1, 0, 1, 0]);
    expect(await numbers(2).repeat(0).toArray()).toEqual([]);
  });

  it('of nothing give nothing, and an endless repeat of nothing ends', async () => {
    const none = data.array<number>([]);
    const all = [none.map(String), none.filter(() => true), none.shuffle(), none.take(3), none.skip(3), none.cache()];
    for (const pipeline of [...all, none.batch(2), none.prefetch(3), none.repeat(), none.repeat(2), none.shard(2, 1)]) {
      expect(await (pipeline as Pipeline<unknown>).toArray()).toEqual([]);
    }
    expect(await data.zip([none, numbers(3)]).toArray()).toEqual([]);
  });

  it('tell epoch and number of the element', async () => {
    const places = numbers(2).map((i, { epoch, index }) => [i, epoch, index]);
    expect(await places.toArray()).toEqual([
      [0, 0, 0],
      [1, 0, 1],
    ]);
    expect(await places.repeat(2).toArray()).toEqual([
      [0, 0, 0],
      [1, 0, 1],
      [0, 1, 0],
      [1, 1, 1],
    ]);
    expect((await places.toArray())[0]).toEqual([0, 1, 0]);
  });

  it('an endless repeat goes on with other epochs each time, within what augmentation takes', async () => {
    const flip = augment.randomFlip({ mode: 'horizontal' });
    const picture = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), shape: [1, 2, 3] };
    const epochs = numbers(2).map((_, place) => {
      flip.apply(picture, place);
      return place.epoch;
    });
    const some = epochs.repeat().take(5);
    expect(await some.toArray()).toEqual([0, 0, 1, 1, 2]);
    expect(await some.toArray()).toEqual([1024, 1024, 1025, 1025, 1026]);
  });

  it('zip goes to the end of the shortest and closes the others', async () => {
    const { seen, pipeline } = watched(100);
    expect(await data.zip([pipeline, numbers(2)]).toArray()).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(seen.closed).toBe(1);
    const named = data.zip({ a: numbers(1), b: data.array(['x']) });
    expect(await named.toArray()).toEqual([{ a: 0, b: 'x' }]);
  });

  it('cache reads its source once, and only a whole epoch counts', async () => {
    const { seen, pipeline } = watched(4);
    const cached = pipeline.cache();
    for await (const i of cached) if (i === 2) break;
    expect(await cached.toArray()).toEqual([0, 1, 2, 3]);
    expect(await cached.prefetch(2).toArray()).toEqual([0, 1, 2, 3]);
    expect(seen.opened).toBe(2);
    const ahead = watched(50);
    const kept = ahead.pipeline.cache();
    for await (const i of kept.prefetch(4)) if (i === 3) break;
    expect(await kept.toArray()).toEqual(count(50));
  });

  it('refuse arguments that make no sense', () => {
    const some = numbers(3);
    const wrong: [() => unknown, RegExp][] = [
      [() => some.batch(0), /batch: batchSize: expected a whole number of at least 1, got 0/],
      [() => some.take(-1), /take: count/],
      [() => some.skip(1.5), /skip: count/],
      [() => some.repeat(Number.NaN), /repeat: count/],
      [() => some.shard(2, 2), /shard: index: expected a whole number from 0 to 1, got 2/],
      [() => some.prefetch(-1), /prefetch: bufferSize/],
      [() => some.shuffle({ bufferSize: 0 }), /shuffle: bufferSize/],
      [() => some.shuffle({ buffersize: 3 } as object), /did you mean 'bufferSize'/],
      [() => some.map('no' as never), /map: expected a function/],
      [() => some.map((i) => i, { numParallelCalls: 0 }), /map: numParallelCalls/],
      [() => some.iterate(-1), /iterate: epoch/],
      [() => data.array(new Float32Array(2) as never), /data.array: expected an array[\s\S]*tensorSlices/],
      [() => data.generator(count(2) as never), /data.generator: expected a function/],
      [() => data.zip([]), /data.zip: expected a list or an object of pipelines, got none/],
      [() => data.zip([count(2)] as never), /data.zip/],
      [() => data.tensorSlices({ x: [[1], [2]], y: [1] }), /as many samples each, got x \[2,1\], y \[1\]/],
    ];
    for (const [call, message] of wrong) expect(call).toThrow(message);
  });
});

describe('extent', () => {
  it('is what reading gives, for any chain of stages', async () => {
    const stage = fc.oneof(
      fc.nat(6).map((n) => (p: Pipeline<unknown>) => p.take(n)),
      fc.nat(6).map((n) => (p: Pipeline<unknown>) => p.skip(n)),
      fc.nat(3).map((n) => (p: Pipeline<unknown>) => p.repeat(n)),
      fc.nat(2).map((n) => (p: Pipeline<unknown>) => p.shard(3, n)),
      fc.constant((p: Pipeline<unknown>) => p.shuffle({ bufferSize: 2 })),
      fc.constant((p: Pipeline<unknown>) => p.cache().prefetch(2)),
      fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean()).map(
        ([n, dropRemainder]) =>
          (p: Pipeline<unknown>) =>
            p.batch(n, { dropRemainder }) as Pipeline<unknown>,
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(12), fc.array(stage, { maxLength: 5 }), async (n, chain) => {
        const start: Pipeline<unknown> = data.array(Array.from({ length: n }, () => 'sample'));
        const pipeline = chain.reduce((before, next) => next(before), start);
        const elements = await pipeline.toArray();
        expect(pipeline.cardinality).toBe(elements.length);
        if (pipeline.size !== undefined) expect(pipeline.size).toBe(elements.flat(9).length);
      }),
      { numRuns: 200 },
    );
  });

  it('is unknown behind a filter or a generator, and endless behind repeat', () => {
    expect(numbers(3).filter(() => true).cardinality).toBeUndefined();
    expect(data.generator(() => [1]).batch(2).size).toBeUndefined();
    expect(data.generator(() => [1], { size: 5 }).batch(2)).toMatchObject({ size: 5, cardinality: 3 });
    expect(numbers(3).repeat().cardinality).toBe(Number.POSITIVE_INFINITY);
    expect(numbers(3).repeat().take(7).cardinality).toBe(7);
    expect(data.zip([numbers(3), numbers(2)]).size).toBe(2);
  });
});

describe('shuffle', () => {
  it('has another order each epoch, the same in every run', async () => {
    const run = async () => {
      const pipeline = numbers(50).shuffle({ seed: 3 });
      return [await pipeline.toArray(), await pipeline.toArray()];
    };
    const [first, second] = await run();
    expect(first).not.toEqual(second);
    expect([...first].sort((a, b) => a - b)).toEqual(count(50));
    expect(await run()).toEqual([first, second]);
    const again: number[] = [];
    for await (const i of numbers(50).shuffle({ seed: 3 }).iterate(1)) again.push(i);
    expect(again).toEqual(second);
    const fixed = numbers(50).shuffle({ seed: 3, reshuffleEachIteration: false });
    expect(await fixed.toArray()).toEqual(await fixed.toArray());
  });

  it('goes in the order that arrays in fit have', async () => {
    const x = { data: Float32Array.from(count(20)), shape: [20, 1], dtype: 'float32' } as const;
    const dataset = new ArrayDataset([x], []);
    const [order] = [...dataset.batches(20, { shuffle: true, seed: 9, epoch: 0 })];
    expect(await numbers(20).shuffle({ seed: 9 }).toArray()).toEqual([...order]);
  });

  it('with a buffer holds no more than that and loses nothing', async () => {
    const { seen, pipeline } = watched(100);
    const order: number[] = [];
    for await (const i of pipeline.shuffle({ bufferSize: 10, seed: 1 })) {
      order.push(i);
      expect(seen.read - order.length).toBeLessThanOrEqual(10);
    }
    expect(order).not.toEqual(count(100));
    expect(order.sort((a, b) => a - b)).toEqual(count(100));
    expect(await numbers(5).shuffle({ bufferSize: 1 }).toArray()).toEqual(count(5));
  });
});

describe('reading ahead', () => {
  it('is bounded by the depth of prefetch and waits for the reader', async () => {
    const { seen, pipeline } = watched(100);
    const iterator = pipeline.prefetch(3)[Symbol.asyncIterator]();
    expect(seen.opened).toBe(0);
    for (let taken = 1; taken <= 5; taken++) {
      await iterator.next();
      await tick();
      expect(seen.read).toBe(taken + 3);
    }
    await iterator.return?.();
    expect(seen.closed).toBe(1);
    expect(seen.read).toBeLessThanOrEqual(9);
  });

  it('keeps the order of parallel calls and their bound', async () => {
    let running = 0;
    let most = 0;
    const slow = async (i: number) => {
      most = Math.max(most, ++running);
      for (let turns = 0; turns < (i * 7) % 5; turns++) await tick();
      running--;
      return i;
    };
    expect(await numbers(30).map(slow, { numParallelCalls: 4 }).toArray()).toEqual(count(30));
    expect(most).toBe(4);
  });

  it('gives elements, then the error, then nothing, and closes the source', async () => {
    for (const wrap of [
      (p: Pipeline<number>) => p,
      (p: Pipeline<number>) => p.prefetch(8),
      (p: Pipeline<number>) => p.map(async (i) => i, { numParallelCalls: 3 }).prefetch(2),
      (p: Pipeline<number>) => data.zip([p, numbers(9)]).map(([i]) => i),
    ]) {
      const { seen, pipeline } = watched(9, 3);
      const got: number[] = [];
      const iterator = wrap(pipeline)[Symbol.asyncIterator]();
      const drain = async () => {
        for await (const i of { [Symbol.asyncIterator]: () => iterator }) got.push(i);
      };
      await expect(drain()).rejects.toThrow('broken at 3');
      expect(got).toEqual([0, 1, 2]);
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
      expect(seen.closed).toBe(1);
    }
  });

  it('tells an error of the function in its place, with no rejection left over', async () => {
    const { seen, pipeline } = watched(20);
    const failing = pipeline.map(
      async (i) => {
        if (i >= 4) throw new Error(`no ${i}`);
        return i;
      },
      { numParallelCalls: 6 },
    );
    const got: number[] = [];
    await expect(
      (async () => {
        for await (const i of failing) got.push(i);
      })(),
    ).rejects.toThrow('no 4');
    expect(got).toEqual([0, 1, 2, 3]);
    expect(seen.closed).toBe(1);
    await tick();
  });

  it('ends early wherever the loop is left', async () => {
    for (const wrap of [
      (p: Pipeline<number>) => p.batch(4),
      (p: Pipeline<number>) => p.shuffle({ bufferSize: 4 }).batch(2).prefetch(3),
      (p: Pipeline<number>) =>
        p
          .map((i) => i, { numParallelCalls: 5 })
          .cache()
          .prefetch(1)
          .prefetch(2),
      (p: Pipeline<number>) => p.repeat().prefetch(2),
      (p: Pipeline<number>) => data.zip([p, p.prefetch(2)]).prefetch(3),
      (p: Pipeline<number>) => p.take(1),
    ]) {
      const { seen, pipeline } = watched(1_000_000);
      for await (const _ of wrap(pipeline) as Pipeline<unknown>) break;
      expect(seen.closed).toBe(seen.opened);
      expect(seen.read).toBeLessThan(40);
    }
  });

  it('serves several readers at once, each with an epoch of its own', async () => {
    const pipeline = numbers(30)
      .shuffle({ seed: 5 })
      .map(async (i) => i, { numParallelCalls: 3 })
      .prefetch(2);
    const [a, b] = await Promise.all([pipeline.toArray(), pipeline.toArray()]);
    expect(a).not.toEqual(b);
    for (const order of [a, b]) expect(order.sort((x, y) => x - y)).toEqual(count(30));
  });
});

describe('sources', () => {
  it('call a generator anew for each epoch', async () => {
    const pipeline = data.generator((epoch) => [epoch, epoch + 10]);
    expect(await pipeline.toArray()).toEqual([0, 10]);
    expect(await pipeline.repeat(2).toArray()).toEqual([0, 10, 1, 11]);
    await expect(data.generator(() => 3 as never).toArray()).rejects.toThrow(/something to iterate, got 3/);
  });

  it('read a stream once, or a function that opens it as often as wanted', async () => {
    const once = data.stream<string>(Readable.from(['a', 'b']));
    expect(await once.toArray()).toEqual(['a', 'b']);
    await expect(once.toArray()).rejects.toThrow(/a stream that was not read before[\s\S]*cache/);
    const often = data.stream<string>(() => Readable.from(['a', 'b']));
    expect(await often.repeat(2).toArray()).toEqual(['a', 'b', 'a', 'b']);
    const cached = data.stream<string>(Readable.from(['a', 'b'])).cache();
    expect(await cached.repeat(2).toArray()).toEqual(['a', 'b', 'a', 'b']);
  });

  it('destroy a stream when the loop is left, even one that is silent', async () => {
    const plain = Readable.from(['a', 'b', 'c']);
    for await (const _ of data.stream(plain)) break;
    expect(plain.destroyed).toBe(true);
    let given = 0;
    const silent = new Readable({
      objectMode: true,
      read() {
        if (given++ === 0) this.push('only');
      },
    });
    for await (const _ of data.stream(silent).prefetch(4).prefetch(2)) break;
    expect(silent.destroyed).toBe(true);
  });

  it('pass the error of a stream on', async () => {
    const failing = new Readable({
      read() {
        this.destroy(new Error('cable cut'));
      },
    });
    await expect(data.stream(failing).prefetch(2).toArray()).rejects.toThrow('cable cut');
  });

  it('cut tensors into samples that share their memory', async () => {
    const pixels = Uint8Array.from(count(12));
    const samples = await data
      .tensorSlices({ x: { data: pixels, shape: [3, 2, 2] }, y: Uint8Array.of(4, 5, 6) })
      .toArray();
    expect(samples[1]).toEqual({ x: { data: Uint8Array.of(4, 5, 6, 7), shape: [2, 2], dtype: 'uint8' }, y: 5 });
    expect((samples[1].x as { data: Uint8Array }).data.buffer).toBe(pixels.buffer);
  });
});
