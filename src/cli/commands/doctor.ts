// `doctor`: what Ocellus finds on this machine, and whether both backends agree. To be put into reports of bugs.

import os from 'node:os';
import type { Command } from 'commander';
import { backendInfo } from '../../backend/select.js';
import { createModel } from '../../zoo/backbones.js';
import { exitCodes } from '../io.js';
import type { Register } from '../program.js';
import { version } from '../version.js';
import { examples } from './shared.js';

export function addDoctor(program: Command, register: Register): void {
  const command = program
    .command('doctor')
    .description('tells what computes on this machine, and checks it')
    .option('--json', 'JSON lines on standard output', false);
  examples(command, [['ocellus doctor', 'to be put into reports of bugs']]).action((options: { json?: boolean }) =>
    register(options.json ?? false, async (io) => {
      const info = backendInfo();
      const facts = {
        ocellus: version(),
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        processor: `${os.cpus()[0]?.model ?? 'unknown'}, ${os.availableParallelism()} of ${os.cpus().length} available`,
        memory: `${(os.totalmem() / 2 ** 30).toFixed(1)} GiB`,
        backend: info.backend,
        instructionSet: info.isa,
        instructionSets: info.isas.join(', '),
        threads: info.threads,
        addon: info.addon ?? 'none',
        sharp: await peerVersion(),
      };
      for (const [name, value] of Object.entries(facts)) io.say(`${name.padEnd(16)} ${value}`);
      for (const { path, problem } of info.addon ? [] : info.tried) io.say(`${'tried'.padEnd(16)} ${path}: ${problem}`);
      const difference = info.backend === 'native' ? await parity() : null;
      const agrees = difference === null || difference < tolerance;
      if (difference !== null) {
        io.say(
          `${'native against TypeScript'}: largest difference ${difference.toExponential(1)}, ${agrees ? 'as it should be' : 'TOO LARGE'}`,
        );
      }
      io.emit('doctor', { ...facts, difference });
      return agrees ? exitCodes.ok : exitCodes.failure;
    }),
  );
}

const tolerance = 1e-3;

/** Largest relative difference of the losses of some steps of the same training on both backends. */
async function parity(): Promise<number> {
  const size = 16;
  const count = 8;
  const data = Uint8Array.from({ length: count * size * size * 3 }, (_, i) => (i * 7919) % 251);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  const losses = async (backend: 'native' | 'typescript') => {
    const model = createModel('tiny', { inputShape: [size, size, 3], classes: 3, seed: 1 });
    model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', backend });
    const x = { data, shape: [count, size, size, 3] };
    const { history } = await model.fit(x, labels, { epochs: 3, batchSize: count, shuffle: false, verbose: 0 });
    return history.loss;
  };
  const [native, reference] = [await losses('native'), await losses('typescript')];
  return Math.max(...native.map((loss, i) => Math.abs(loss - reference[i]) / Math.abs(reference[i])));
}

async function peerVersion(): Promise<string> {
  try {
    const { default: sharp } = await import('sharp');
    return sharp.versions.sharp ?? 'installed';
  } catch {
    return 'not installed: pictures cannot be read (npm install sharp)';
  }
}
