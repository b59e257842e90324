// A training that is cut off goes on from its backup as if nothing had happened.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Callback, callbacks } from '../../src/index.js';
import { backends, blobNet, errorOf, imageNet, images, silent } from './harness.js';

const folder = mkdtempSync(join(tmpdir(), 'ocellus-backup-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = (): string => join(folder, `backup-${files++}.safetensors`);

/** Ends a fit in the middle, without its end being told to callbacks: as when the process is killed. */
const cutAt = (epoch: number, batch: number): Callback => ({
  onBatchEnd(event) {
    if (event.epoch === epoch && event.batch === batch) throw new Error('cut');
  },
});

describe.each(backends)('%s', (backend) => {
  const { bytes, shape, y } = images(30);
  const x = { data: bytes, shape };
  const options = { ...silent, epochs: 4, batchSize: 7 };

  test.each([
    ['between epochs', 'epoch', 2, 0],
    ['within an epoch', 2, 1, 3],
    ['within the first epoch', 2, 0, 2],
    ['before the first backup', 'epoch', 0, 1],
  ] as const)('%s', async (_, saveFreq, epoch, batch) => {
    const whole = imageNet({ backend });
    const { history: expected } = await whole.fit(x, y, options);
    const file = newFile();
    const backup = callbacks.backupAndRestore({ file, saveFreq });
    const cut = imageNet({ backend }).fit(x, y, { ...options, callbacks: [backup, cutAt(epoch, batch)] });
    await expect(cut).rejects.toThrow('cut');
    const again = imageNet({ backend, seed: 1 });
    const { history } = await again.fit(x, y, { ...options, callbacks: [backup] });
    expect(again.getWeights()).toEqual(whole.getWeights());
    expect(history.loss.at(-1)).toBe(expected.loss.at(-1));
    expect(existsSync(file)).toBe(false);
    for (const one of [whole, again]) await one.fit(x, y, { ...options, initialEpoch: 4, epochs: 5 });
    expect(again.getWeights()).toEqual(whole.getWeights());
  });
});

test('a rate that was changed on the way comes back', async () => {
  const { bytes, shape, y } = images(20);
  const x = { data: bytes, shape };
  const file = newFile();
  const backup = callbacks.backupAndRestore({ file, deleteCheckpoint: false });
  const halve = callbacks.learningRateScheduler((_, rate) => rate / 2);
  await imageNet().fit(x, y, { ...silent, epochs: 2, callbacks: [halve, backup] });
  expect(existsSync(file)).toBe(true);
  const again = imageNet();
  const { learningRate } = again;
  await again.fit(x, y, { ...silent, epochs: 2, callbacks: [backup] });
  expect(again.learningRate).toBe(learningRate / 4);
});

test('a backup of another network, or a damaged one, is an error and changes nothing', async () => {
  const { bytes, shape, y } = images(20);
  const file = newFile();
  await blobNet().save(file);
  const model = imageNet();
  const before = model.getWeights();
  const fit = () =>
    model.fit({ data: bytes, shape }, y, { ...silent, callbacks: [callbacks.backupAndRestore({ file })] });
  expect((await errorOf(fit)).code).toBe('ERR_OCELLUS_FORMAT');
  writeFileSync(file, 'nothing');
  expect((await errorOf(fit)).code).toBe('ERR_OCELLUS_FORMAT');
  expect(model.getWeights()).toEqual(before);
  expect((await errorOf(() => callbacks.backupAndRestore({ file, saveFreq: 0 }))).message).toMatch(/'saveFreq'/);
});
