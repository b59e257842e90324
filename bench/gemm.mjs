// Packed matrix product against the machine's FMA peak, measured in the same process.

import { inProcess, round } from './measure.mjs';

export async function run(options, print) {
  for (const n of options.sizes ?? [64, 256, 512, 1024, 2048]) {
    for (const threads of options.threads ?? [1, 2]) {
      const result = await inProcess('./gemm-worker.mjs', { n, threads, isa: options.isa, seconds: options.seconds ?? 1 });
      print({
        bench: 'gemm',
        n,
        threads,
        isa: result.isa,
        gflops: round(result.gflops, 1),
        medianGflops: round(result.medianGflops, 1),
        peakGflops: round(result.peakGflops, 1),
        fractionOfPeak: round(result.gflops / result.peakGflops),
      });
    }
  }
}
