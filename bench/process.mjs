// Every contender runs in a process of its own: it gets its task as JSON and gives back one JSON value.

import { fork, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Runs a module of this folder with `task` in a fresh process. What it prints goes to standard error. */
export function inProcess(file, task, env = {}) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(task)], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    let message;
    child.on('message', (value) => {
      message = value;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (message && !message.error) resolve(message.result);
      else reject(new Error(message?.error ?? `${file} ended with ${signal ?? `code ${code}`} and no result`));
    });
  });
}

/** In the child: runs the task it was given and sends the result to the parent. */
export async function answer(run) {
  let message;
  try {
    message = { result: await run(JSON.parse(process.argv[2])) };
  } catch (error) {
    message = { error: error instanceof Error ? error.message : String(error) };
  }
  process.send(message, () => process.exit(message.error ? 1 : 0));
}

/** Runs a foreign program with `task` as its last argument; its result is the last line it prints. */
export function inProgram(program, args, task) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr']) {
      child[stream].setEncoding('utf8').on('data', (text) => {
        texts[stream] += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      const lastOf = (text) => text.trimEnd().split('\n').at(-1);
      if (code === 0) resolve(JSON.parse(lastOf(texts.stdout)));
      else reject(new Error(lastOf(texts.stderr) || `${program} ended with code ${code}`));
    });
  });
}
