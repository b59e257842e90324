// Our own process as a contender.

import { nets } from './nets/index.mjs';
import { inProcess } from './process.mjs';

/** Batches to measure: those asked for, else the network's own for training, 1 and 8 for predictions. */
export const batchesOf = (net, mode, asked) => asked ?? (mode === 'train' ? [nets[net].batch] : [1, 8]);

/** @param task { net, mode, batch, backend, threads, isa, winograd, seconds } */
export const ours = (task) => ({
  threads: task.threads,
  isa: task.isa,
  task,
  run: () => inProcess('./workers/net.mjs', task),
});
