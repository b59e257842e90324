// Native runs off the event loop: many plans at once, workers that load and leave, exit in the middle of a run, GC.

import { spawnSync } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { allocateMemory, type Executable, viewBuffer } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { compile } from '../../src/graph/compile.js';
import { Graph, type GraphValue } from '../../src/graph/graph.js';
import { encodePlan, type Plan } from '../../src/graph/plan.js';
import { Variables } from '../../src/graph/variables.js';

const { addon, path: addonPath } = loadAddon();
if (!addon) console.warn('native async tests skipped: no addon');

/** `rounds` matrix products one after the other: some milliseconds of work each. */
function product(
  n: number,
  rounds: number,
): { plan: Plan; load: () => { executable: Executable; result: Float32Array } } {
  const backend = selectBackend({ backend: 'native', threads: 2 });
  const graph = new Graph();
  const a = graph.input('a', [n, n]);
  let y: GraphValue = graph.input('b', [n, n]);
  for (let i = 0; i < rounds; i++) y = graph.emit('matmul', [a, y], { transposeA: 0, transposeB: 0 })[0] as GraphValue;
  const plan = compile(graph, { outputs: { y }, variables: new Variables(), target: backend });
  const load = () => {
    const memory = allocateMemory(plan, backend);
    const [left, right] = [viewBuffer(memory, plan.inputs.a), viewBuffer(memory, plan.inputs.b)];
    for (let i = 0; i < n; i++) {
      left[i * n + ((i + 1) % n)] = 1; // a rotation: the result is the other operand, rows moved by `rounds`
      for (let j = 0; j < n; j++) right[i * n + j] = i;
    }
    return { executable: backend.load(plan, memory), result: viewBuffer(memory, plan.outputs.y) as Float32Array };
  };
  return { plan, load };
}

/** A script for a fresh process or worker that builds the plan from plain data and uses the addon alone. */
const script = (body: string): string => `
const { workerData, parentPort } = require('node:worker_threads');
const data = workerData ?? JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const addon = require(data.addon);
const region = (bytes) => {
  const whole = new Uint8Array(new SharedArrayBuffer(bytes + 64));
  return whole.subarray(addon.alignOffset(whole));
};
const open = () => addon.createPlan(Float64Array.from(data.words), data.ops, region(data.bytes.state), region(data.bytes.training),
  region(data.bytes.arena), addon.isas()[0], 2);
const steps = data.steps;
${body}`;

function scriptData(n: number, rounds: number): Record<string, unknown> {
  const { plan } = product(n, rounds);
  const { words, ops } = encodePlan(plan);
  return { addon: addonPath, words: [...words], ops, bytes: plan.bytes, steps: plan.steps.length };
}

describe.skipIf(!addon)('native runs', () => {
  it('leave the event loop free', async () => {
    const { executable } = product(256, 400).load();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const start = performance.now();
    delay.enable();
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await executable.run();
    clearInterval(timer);
    delay.disable();
    const elapsed = performance.now() - start;
    expect(turns).toBeGreaterThan(5);
    expect(delay.percentile(50) / 1e6).toBeLessThan(Math.max(50, elapsed / 4));
  });

  it('of many plans at once all come back right', async () => {
    const n = 64;
    const rounds = 10;
    const { load } = product(n, rounds);
    const all = Array.from({ length: 20 }, load);
    await Promise.all(all.map(({ executable }) => executable.run()));
    for (const { result } of all) {
      for (let i = 0; i < n; i++) expect(result[i * n]).toBe((i + rounds) % n);
    }
  });

  it('of one plan refuse to overlap', async () => {
    const { executable } = product(256, 20).load();
    const first = executable.run();
    expect(() => executable.runSync()).toThrow(/one run at a time/);
    await expect(executable.run()).rejects.toMatchObject({ code: 'ERR_OCELLUS_BUSY' });
    await first;
    executable.runSync();
  });

  it('keep their memory while the garbage collector works', async () => {
    const { load } = product(128, 30);
    const running: Promise<void>[] = [];
    for (let i = 0; i < 20; i++) {
      running.push(load().executable.run());
      for (let k = 0; k < 50; k++) new Float32Array(10000).fill(k);
      globalThis.gc?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(running);
  });

  it('time every step', async () => {
    const { plan, load } = product(128, 3);
    const { executable } = load();
    for (const times of [executable.profileSync(), await executable.profile()]) {
      expect(times.map(({ op }) => op)).toEqual(plan.steps.map(({ op }) => op.name));
      for (const { milliseconds, gflops, fractionOfPeak } of times) {
        expect(milliseconds).toBeGreaterThan(0);
        expect(gflops).toBeGreaterThan(0);
        expect(fractionOfPeak).toBeGreaterThan(0);
      }
    }
  });

  it('are timed without holding up the event loop', async () => {
    const { executable } = product(256, 400).load();
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const profile = executable.profile();
    expect(() => executable.runSync()).toThrow(/one run at a time/);
    await profile;
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });
});

describe.skipIf(!addon)('worker threads', () => {
  const work = (body: string, data: Record<string, unknown>) =>
    new Worker(script(body), { eval: true, workerData: data });
  const ended = (worker: Worker) =>
    new Promise<number>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('exit', resolve);
    });

  it('load the addon, compute and leave, again and again', async () => {
    const data = scriptData(64, 20);
    for (let round = 0; round < 4; round++) {
      const workers = Array.from({ length: 4 }, () =>
        work('addon.runPlan(open(), 0, steps).then(() => addon.runPlanSync(open(), 0, steps));', data),
      );
      expect(await Promise.all(workers.map(ended))).toEqual([0, 0, 0, 0]);
    }
  });

  it('can be terminated in the middle of a run', async () => {
    const data = scriptData(256, 3000);
    for (let round = 0; round < 4; round++) {
      const worker = work('addon.runPlan(open(), 0, steps); parentPort.postMessage(1);', data);
      await new Promise((resolve) => worker.once('message', resolve));
      await worker.terminate();
    }
  });
});

describe.skipIf(!addon)('the process', () => {
  const start = (body: string, data: Record<string, unknown>) =>
    spawnSync(process.execPath, ['-e', script(body)], { input: JSON.stringify(data), encoding: 'utf8' });

  it('can exit in the middle of a run', () => {
    const data = scriptData(256, 2000);
    for (const delay of [0, 5, 30]) {
      const { status, signal, stderr } = start(
        `addon.runPlan(open(), 0, steps); setTimeout(() => process.exit(7), ${delay});`,
        data,
      );
      expect({ status, signal, stderr }).toEqual({ status: 7, signal: null, stderr: '' });
    }
  });

  it('dies of an uncaught exception in the middle of a run as of any other', () => {
    const { status, signal } = start(
      `addon.runPlan(open(), 0, steps); setTimeout(() => { throw new Error('x'); }, 5);`,
      scriptData(256, 2000),
    );
    expect({ status, signal }).toEqual({ status: 1, signal: null });
  });

  it('waits for a run nobody awaits, then ends by itself', () => {
    const { status, stdout } = start(
      `addon.runPlan(open(), 0, steps).then(() => console.log('done'));`,
      scriptData(128, 50),
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'done\n' });
  });
});
