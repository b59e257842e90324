// Packed matrix product against the machine's FMA peak, measured in the same process.

import { round } from './measure.mjs';
import { inProcess } from './process.mjs';

export async function run(options, print) {
  const { isa, seconds } = options;
  for (const n of options.sizes ?? [64, 256, 512, 1024, 2048]) {
    for (const threads of options.threads ?? [1, 2]) {
      const result = await inProcess('./workers/gemm.mjs', { n, threads, isa, seconds });
      print({
        bench: 'gemm',
        n,
        threads,
        isa: result.isa,
        gflops: round(result.gflops, 1),
        medianGflops: round(result.medianGflops, 1),
        peakGflops: round(result.peakGflops, 1),
        fractionOfPeak: round(result.gflops / result.peakGflops),
        quiet: result.quiet,
      });
    }
  }
}
