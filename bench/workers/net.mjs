// Times training steps or predictions of one network in this process, with the event loop's delay meanwhile and the
// peak memory.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { backendInfo } from '../../dist/index.js';
import { peakRssMiB, sample } from '../measure.mjs';
import { batchOf, buildNet, parametersOf } from '../nets/index.mjs';
import { answer } from '../process.mjs';
import { ownSeconds } from '../quiet.mjs';

await answer(async ({ net, mode, batch, backend = 'native', threads, isa, winograd, ...sampling }) => {
  const choice = { backend, threads, isa, winograd };
  const baseRssMiB = peakRssMiB();
  const model = buildNet(net).compile({
    optimizer: { name: 'sgd', learningRate: 1e-3, momentum: 0.9 },
    loss: { name: 'sparseCategoricalCrossentropy', fromLogits: true },
    ...choice,
  });
  const { x, y } = batchOf(net, batch);
  const trainer = mode === 'train' ? model.trainer() : null;
  const step = trainer ? () => trainer.step(x, y) : () => model.predictSync(x, { batchSize: batch });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const times = await sample(step, sampling);
  delay.disable();
  return {
    name: 'ocellus',
    parameters: parametersOf(model),
    isa: backendInfo(choice).isa,
    times,
    peakRssMiB: peakRssMiB(),
    baseRssMiB,
    cpuSeconds: ownSeconds(),
    eventLoopP99Ms: delay.percentile(99) / 1e6,
  };
});
