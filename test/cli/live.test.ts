// `train --live`: the page is there while the training runs and gone when it has ended.

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { runProgram } from '../../src/cli/program.js';
import { picture, temporaryFolder } from '../data/images.js';
import { call } from './harness.js';

const folder = temporaryFolder();
const quick = ['--model', 'tiny', '--image-size', '16', '--batch-size', '4', '--threads', '1', '--runs', folder];

test('a listener hears of every epoch and of the end', async () => {
  for (const name of ['a', 'b']) {
    mkdirSync(path.join(folder, 'photos', name), { recursive: true });
    for (let i = 0; i < 5; i++) await picture(16, 16, 90 * i).toFile(path.join(folder, 'photos', name, `${i}.png`));
  }
  const out = new PassThrough();
  const heard: {
    live: boolean;
    curves: { points: unknown[] };
    evaluation?: object;
    layers: unknown[];
    filters?: { snapshots: unknown[] };
  }[] = [];
  let url = '';
  let listening: Promise<void> | undefined;
  out.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split('\n')) {
      const event = JSON.parse(line);
      if (event.event !== 'live') continue;
      url = event.url;
      listening = listen(url, heard);
    }
  });
  const args = ['train', path.join(folder, 'photos'), '--epochs', '40', '--live', '--port', '0', '--json', ...quick];
  expect(await runProgram(args, out, new PassThrough())).toBe(0);
  await listening;
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  expect(heard.length).toBeGreaterThan(2);
  expect(heard.slice(0, -1).every(({ live, evaluation }) => live && !evaluation)).toBe(true);
  expect(heard[0].layers.length).toBeGreaterThan(5);
  expect(heard[0].filters?.snapshots).toEqual([]);
  expect(heard.at(-2)?.filters?.snapshots.length).toBeGreaterThan(1);
  expect(heard.at(-1)).toMatchObject({ live: false, curves: { points: { length: 40 } }, evaluation: { samples: 2 } });
  await expect(fetch(url)).rejects.toThrow();
});

async function listen(url: string, heard: unknown[]): Promise<void> {
  const { body } = await fetch(`${url}events`);
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() as string;
    for (const event of events) heard.push(JSON.parse(event.slice('data: '.length)).data);
  }
}

test.each(['65536', '-1', 'x', '1.5'])('port %s is refused', async (port) => {
  const { code, err } = await call('train', 'x', '--port', port);
  expect([code, err]).toEqual([2, expect.stringMatching(/port from 0/)]);
});
