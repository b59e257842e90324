// Single convolutions: each pass by each algorithm, in nominal GFLOP/s (as if nothing were saved), against the peak.

import { convLayers, nominalFlops, summaries } from './conv-layers.mjs';
import { geometricMean, round } from './measure.mjs';
import { inProcess } from './process.mjs';

const allPasses = ['forward', 'backwardData', 'backwardWeights'];

export async function run(options, print) {
  const { isa, seconds, algorithms = ['direct', 'winograd'], passes = allPasses } = options;
  const wanted = (name) => options.layers?.some((part) => name.includes(part)) ?? true;
  const layers = convLayers.filter(({ name }) => wanted(name));
  for (const threads of options.threads ?? [1, 2]) {
    const results = [];
    for (const original of layers) {
      const layer = { ...original, batch: options.batch?.[0] ?? original.batch };
      const task = { layer, threads, isa, seconds, passNames: passes, algorithms };
      const measured = await inProcess('./workers/conv.mjs', task);
      for (const line of measured.lines) {
        const result = lineOf(layer, threads, measured, line);
        results.push({ layer, result });
        print(result);
      }
    }
    printMeans(results, { threads, passes }, print);
  }
}

function lineOf(layer, threads, { isa, peakGflops }, { pass, algorithm, chosen, ms, medianMs, quiet }) {
  const gflops = nominalFlops(layer) / ms / 1e6;
  return {
    bench: 'conv',
    layer: layer.name,
    pass,
    algorithm,
    batch: layer.batch,
    threads,
    isa,
    ms: round(ms, 4),
    medianMs: round(medianMs, 4),
    gflops: round(gflops, 1),
    fractionOfPeak: round(gflops / peakGflops),
    chosen,
    quiet,
  };
}

function printMeans(results, { threads, passes }, print) {
  for (const { name, algorithm, holds } of summaries) {
    for (const pass of passes) {
      const lines = results
        .filter(({ layer, result }) => holds(layer) && result.pass === pass && result.algorithm === algorithm)
        .map(({ result }) => result);
      if (lines.length === 0) continue;
      print({
        bench: 'conv',
        summary: `geometric mean, ${name}`,
        pass,
        algorithm,
        threads,
        isa: lines[0].isa,
        layers: lines.length,
        gflops: round(geometricMean(lines.map(({ gflops }) => gflops)), 1),
        fractionOfPeak: round(geometricMean(lines.map(({ fractionOfPeak }) => fractionOfPeak))),
        quiet: lines.every(({ quiet }) => quiet),
      });
    }
  }
}
