// Times training steps of one network in this process, with the event loop's delay meanwhile and the peak memory.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { backendInfo } from '../dist/index.js';
import { prepare } from './nets.mjs';
import { answer, sample, summary } from './measure.mjs';

await answer(async ({ net, backend, threads, isa, batch, seconds }) => {
  const { model, x, y, batch: size } = prepare(net, { backend, threads, isa, batch });
  const trainer = model.trainer();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const times = await sample(() => trainer.step(x, y), { seconds, least: backend === 'typescript' ? 3 : 10 });
  delay.disable();
  const { best, median, count } = summary(times);
  return {
    batch: size,
    ms: best,
    medianMs: median,
    steps: count,
    isa: backendInfo({ backend, threads, isa }).isa,
    peakRssMiB: process.resourceUsage().maxRSS / 1024,
    eventLoopP99Ms: delay.percentile(99) / 1e6,
  };
});
