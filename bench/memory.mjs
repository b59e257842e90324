// Peak resident memory of a few training steps, of the whole process; beside PyTorch's where an interpreter is named.

import { round } from './measure.mjs';
import { nets } from './nets/index.mjs';
import { batchesOf, ours } from './ours.mjs';
import { findPeer } from './peers/index.mjs';

const fewSteps = { seconds: 0, least: 3, warmups: 1 };

export async function run(options, print) {
  const torch = await findPeer('torch', options);
  if (torch.absent) print({ bench: 'memory', peer: 'torch', absent: torch.absent });
  for (const net of options.nets ?? Object.keys(nets)) {
    for (const threads of options.threads ?? [2]) {
      const [batch] = batchesOf(net, 'train', options.batch);
      const task = { net, mode: 'train', batch, threads, isa: options.isa, ...fewSteps };
      const own = await ours(task).run();
      print({
        bench: 'memory',
        net,
        batch,
        threads,
        peakRssMiB: round(own.peakRssMiB, 1),
        baseRssMiB: round(own.baseRssMiB, 1),
        ...(!torch.absent && (await besideTorch(torch, task, own))),
      });
    }
  }
}

/** The layout that takes less. */
async function besideTorch(torch, task, own) {
  const results = [];
  for (const { run: start } of torch.contenders(task)) results.push(await start());
  const [least] = results.sort((a, b) => a.peakRssMiB - b.peakRssMiB);
  return {
    peer: least.name,
    peerPeakRssMiB: round(least.peakRssMiB, 1),
    peerBaseRssMiB: round(least.baseRssMiB, 1),
    ratio: round(own.peakRssMiB / least.peakRssMiB),
  };
}
