// Timing and processes: every contender runs in a process of its own, its answer is one JSON line.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export function summary(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  return { best: sorted[0], median: sorted[Math.floor(sorted.length / 2)], count: sorted.length };
}

/** Calls `body` (may be async) until `seconds` have passed, at least `least` times; milliseconds of each call. */
export async function sample(body, { seconds = 3, least = 5, most = 2000, warmups = 2 } = {}) {
  for (let i = 0; i < warmups; i++) await body();
  const times = [];
  const end = performance.now() + 1000 * seconds;
  while (times.length < least || (performance.now() < end && times.length < most)) {
    const start = performance.now();
    await body();
    times.push(performance.now() - start);
  }
  return times;
}

/** Runs `bench/<file>` with `task` in a fresh process and resolves with what it sends back. */
export function inProcess(file, task, env = {}) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(task)], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let answer;
    child.on('message', (message) => {
      answer = message;
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (answer) resolve(answer);
      else reject(new Error(`${file} ended with code ${code} and no result`));
    });
  });
}

/** In the child: runs the task it was given and sends the result to the parent. */
export async function answer(run) {
  const result = await run(JSON.parse(process.argv[2]));
  await new Promise((resolve) => process.send(result, resolve));
  process.disconnect();
}

export const round = (value, digits = 3) => Number(value.toFixed(digits));
