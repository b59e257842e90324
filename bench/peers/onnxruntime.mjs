// ONNX Runtime as a peer: times predictions of one network in this process.

import { createRequire } from 'node:module';
import * as ort from 'onnxruntime-node';
import { peakRssMiB, sample } from '../measure.mjs';
import { batchOf } from '../nets/index.mjs';
import { answer } from '../process.mjs';
import { ownSeconds } from '../quiet.mjs';
import { onnxModel } from './onnx.mjs';

const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json');

await answer(async ({ net, batch, threads, ...sampling }) => {
  const { bytes, inputShape, parameters } = onnxModel(net, batch);
  const session = await ort.InferenceSession.create(bytes, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  const x = new ort.Tensor('float32', batchOf(net, batch).x.data, inputShape);
  const times = await sample(() => session.run({ x }), sampling);
  return { name: `onnxruntime ${version}`, parameters, times, peakRssMiB: peakRssMiB(), cpuSeconds: ownSeconds() };
});
