// Several elements under way at once, handed out in their order: the machinery of `map` in parallel and of `prefetch`.

import { closable, type Open, type Place } from './run.js';

/**
 * `transform` of each element with at most `limit` under way, the one being handed out included. The next one is begun
 * only when one has been taken, so that a slow reader holds the source back. An error comes out in its place.
 */
export function inOrder<T, U>(
  open: Open<T>,
  transform: (element: T, place: Place) => U | Promise<U>,
  limit: number,
): Open<U> {
  return async function* ({ epoch, signal }) {
    const closing = closable();
    const close = () => closing.abort();
    if (signal.aborted) close();
    signal.addEventListener('abort', close, { once: true });
    const source = open({ epoch, signal: closing.signal });
    const underWay: Promise<IteratorResult<U, void>>[] = [];
    let index = 0;
    const begin = async (): Promise<IteratorResult<U, void>> => {
      const place = { epoch, index: index++ };
      const next = await source.next();
      if (next.done || closing.signal.aborted) return { done: true, value: undefined };
      return { done: false, value: await transform(next.value, place) };
    };
    try {
      for (;;) {
        while (underWay.length < limit) {
          const job = begin();
          // Told where it is awaited; until then it must not count as unhandled.
          job.catch(() => undefined);
          underWay.push(job);
        }
        const result = await underWay[0];
        if (result.done) return;
        // It leaves the row when it is taken, so that `limit` bounds what is held.
        yield result.value;
        underWay.shift();
      }
    } finally {
      close();
      signal.removeEventListener('abort', close);
      await Promise.allSettled(underWay);
      await source.return();
    }
  };
}
