// An interrupted training goes on where it was left and ends with the same weights as one that was not.

import { EventEmitter } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkpoint } from '../../src/cli/training/checkpoint.js';
import { createModel } from '../../src/index.js';
import type { Callback } from '../../src/train/events.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'ocellus-checkpoint-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const x = { data: Uint8Array.from({ length: 20 * 8 * 8 * 3 }, (_, i) => (i * 37) % 256), shape: [20, 8, 8, 3] };
const y = Int32Array.from({ length: 20 }, (_, i) => i % 2);

async function fit(callbacks: Callback[]) {
  const model = createModel('tiny', { inputShape: [8, 8, 3], classes: 2, seed: 5 });
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads: 1 });
  await model.fit(x, y, { epochs: 3, batchSize: 8, verbose: 0, callbacks });
  return model.getWeights();
}

test.each([0, 2, 4, 5])('interrupted in step %i', async (step) => {
  const whole = await fit([]);
  const file = path.join(folder, `${step}.safetensors`);
  const signals = new EventEmitter();
  let said = 0;
  const first = checkpoint(file, () => said++, signals);
  let steps = 0;
  const interrupt: Callback = {
    onBatchEnd() {
      if (steps++ === step) signals.emit('SIGINT');
    },
  };
  await fit([interrupt, first.callback]);
  first.close();
  expect([first.interrupted, said, steps]).toEqual([true, 1, step + 1]);
  expect(existsSync(file)).toBe(true);

  const second = checkpoint(file, () => undefined, signals);
  expect(await fit([second.callback])).toEqual(whole);
  second.close();
  expect(second.interrupted).toBe(false);
  expect(signals.listenerCount('SIGINT')).toBe(0);

  // The end is kept, too: a training that is resumed there has nothing left to do.
  const third = checkpoint(file, () => undefined, signals);
  expect(await fit([third.callback])).toEqual(whole);
  third.close();
});
