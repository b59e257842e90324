// Native against the TypeScript fallback on the same networks: milliseconds a step, and the ratio within this run.

import { contest } from './contest.mjs';
import { round } from './measure.mjs';
import { batchesOf, ours } from './ours.mjs';

export async function run(options, print) {
  const { isa, seconds, rounds = 2 } = options;
  for (const net of options.nets ?? ['lenet5', 'mnistcnn', 'cifarcnn']) {
    const [batch] = batchesOf(net, 'train', options.batch);
    const task = { net, mode: 'train', batch, isa, seconds };
    const contenders = [
      ...(options.threads ?? [1, 2]).map((threads) => ours({ ...task, threads, backend: 'native' })),
      ours({ ...task, threads: 1, backend: 'typescript' }),
    ];
    const results = await contest(contenders, { rounds });
    const typescript = results.pop();
    for (const native of results) {
      print({
        bench: 'fallback',
        net,
        batch,
        threads: native.contender.threads,
        isa: native.isa,
        nativeMs: round(native.ms),
        nativeMedianMs: round(native.medianMs),
        typescriptMs: round(typescript.ms),
        typescriptMedianMs: round(typescript.medianMs),
        ratio: round(typescript.ms / native.ms, 1),
        quiet: native.quiet && typescript.quiet,
      });
    }
  }
}
