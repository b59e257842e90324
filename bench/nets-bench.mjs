// Training steps and predictions: best and median milliseconds, images per second, peak memory. The thread counts of a
// network take turns, so that their ratio is one of the same minutes.

import { contest } from './contest.mjs';
import { round } from './measure.mjs';
import { nets } from './nets/index.mjs';
import { batchesOf, ours } from './ours.mjs';

/** @param {'train' | 'infer'} mode */
export async function measureNets(mode, options, print) {
  const { isa, winograd, seconds, rounds = 2 } = options;
  for (const net of options.nets ?? Object.keys(nets)) {
    for (const batch of batchesOf(net, mode, options.batch)) {
      const contenders = (options.threads ?? [1, 2]).map((threads) =>
        ours({ net, mode, batch, threads, isa, winograd, seconds }),
      );
      const results = await contest(contenders, { rounds });
      for (const result of results) print(lineOf(mode, result, results));
    }
  }
}

function lineOf(mode, result, results) {
  const { net, batch, threads } = result.contender.task;
  const single = results.find(({ contender }) => contender.threads === 1);
  return {
    bench: mode,
    net,
    batch,
    threads,
    isa: result.isa,
    ms: round(result.ms),
    medianMs: round(result.medianMs),
    imagesPerSecond: Math.round((1000 * batch) / result.ms),
    ...(single && threads > 1 && { speedup: round(single.ms / result.ms) }),
    peakRssMiB: round(result.peakRssMiB, 1),
    ...(mode === 'train' && { eventLoopP99Ms: round(result.eventLoopP99Ms, 2) }),
    quiet: result.quiet,
  };
}
