// Training step: best and median milliseconds, images per second, peak memory, delay of the event loop.

import { inProcess, round } from './measure.mjs';
import { nets } from './nets.mjs';

export async function run(options, print) {
  for (const net of options.nets ?? Object.keys(nets)) {
    for (const threads of options.threads ?? [1, 2]) {
      const task = { net, backend: 'native', threads, isa: options.isa, batch: options.batch, seconds: options.seconds };
      const result = await inProcess('./train-worker.mjs', task);
      print({
        bench: 'train',
        net,
        batch: result.batch,
        threads,
        isa: result.isa,
        ms: round(result.ms),
        medianMs: round(result.medianMs),
        imagesPerSecond: Math.round((1000 * result.batch) / result.ms),
        peakRssMiB: round(result.peakRssMiB, 1),
        eventLoopP99Ms: round(result.eventLoopP99Ms, 2),
      });
    }
  }
}
