// Times square matrix products through the op `matmul`, and the machine's FMA peak between them in the same process.

import { selectBackend } from '../../dist/backend/select.js';
import { answer } from '../process.mjs';
import { loadPlan, timeInTurns } from './steps.mjs';

await answer(async ({ n, threads, isa, seconds = 1 }) => {
  const backend = selectBackend({ backend: 'native', threads, isa });
  const { executable } = loadPlan(backend, backend, (graph) => {
    const operands = [graph.input('a', [n, n]), graph.input('b', [n, n])];
    return graph.emit('matmul', operands, { transposeA: 0, transposeB: 0 })[0];
  });
  const { results, peakGflops } = await timeInTurns([executable], { isa: backend.isa, threads, seconds });
  const [{ ms, medianMs, quiet }] = results;
  const flops = 2 * n ** 3;
  return { isa: backend.isa, gflops: flops / ms / 1e6, medianGflops: flops / medianMs / 1e6, peakGflops, quiet };
});
