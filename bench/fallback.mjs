// Native against the TypeScript fallback on the same networks: milliseconds a step, and the ratio within this run.

import { inProcess, round } from './measure.mjs';
import { nets } from './nets.mjs';

export async function run(options, print) {
  for (const net of options.nets ?? Object.keys(nets)) {
    for (const threads of options.threads ?? [1, 2]) {
      const time = (backend) =>
        inProcess('./train-worker.mjs', { net, backend, threads, isa: options.isa, batch: options.batch, seconds: options.seconds });
      const native = await time('native');
      const typescript = await time('typescript');
      print({
        bench: 'fallback',
        net,
        batch: native.batch,
        threads,
        isa: native.isa,
        nativeMs: round(native.ms),
        nativeMedianMs: round(native.medianMs),
        typescriptMs: round(typescript.ms),
        typescriptMedianMs: round(typescript.medianMs),
        ratio: round(typescript.ms / native.ms, 1),
      });
    }
  }
}
