// Times square matrix products through the op `matmul`, and the machine's FMA peak between them in the same process.

import { allocateMemory, viewBuffer } from '../dist/backend/backend.js';
import { selectBackend } from '../dist/backend/select.js';
import { compile } from '../dist/graph/compile.js';
import { Graph } from '../dist/graph/graph.js';
import { Variables } from '../dist/graph/variables.js';
import { answer, sample, summary } from './measure.mjs';

await answer(async ({ n, threads, isa, seconds }) => {
  const backend = selectBackend({ backend: 'native', threads, isa });
  const graph = new Graph();
  const [y] = graph.emit('matmul', [graph.input('a', [n, n]), graph.input('b', [n, n])], { transposeA: 0, transposeB: 0 });
  const plan = compile(graph, { outputs: { y }, variables: new Variables(), target: backend });
  const memory = allocateMemory(plan, backend);
  for (const input of Object.values(plan.inputs)) viewBuffer(memory, input).forEach((_, i, all) => (all[i] = ((i * 7919) % 97) / 97 - 0.5));
  const executable = backend.load(plan, memory);
  const peaks = [];
  const times = await sample(
    () => {
      executable.runSync();
    },
    { seconds, least: 5 },
  );
  for (let i = 0; i < 10; i++) {
    peaks.push(backend.addon.fmaPeak(backend.isa, threads, 0.02));
    times.push(...(await sample(() => executable.runSync(), { seconds: 0.1, least: 2, warmups: 0 })));
  }
  const flops = 2 * n ** 3;
  const { best, median } = summary(times);
  return { isa: backend.isa, gflops: flops / best / 1e6, medianGflops: flops / median / 1e6, peakGflops: Math.max(...peaks) };
});
