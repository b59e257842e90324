// Other libraries, as contenders: what each can do, whether it is here, and how to start it. Those of npm live in this
// folder (`npm install --prefix bench/peers`), PyTorch in a Python environment that `--python` names.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { inProcess, inProgram } from '../process.mjs';

const require = createRequire(import.meta.url);
const torchScript = fileURLToPath(new URL('torch_peer.py', import.meta.url));

/** Of the interpreted loops of tfjs-cpu only the small networks end within minutes. */
const small = ['lenet5', 'mnistcnn', 'cifarcnn'];

const peers = {
  torch: {
    modes: ['train', 'infer'],
    maxThreads: Number.POSITIVE_INFINITY,
    async probe({ python }) {
      const interpreter = python ?? process.env.OCELLUS_PYTHON;
      if (!interpreter) throw new Error('no interpreter: give --python PATH or set OCELLUS_PYTHON');
      await inProgram(interpreter, [torchScript], { probe: true });
      return { interpreter };
    },
    /** Both layouts of images; the better one counts. */
    contenders: (task, { interpreter }) =>
      ['nchw', 'channels_last'].map((layout) => ({
        group: 'torch',
        run: () => inProgram(interpreter, [torchScript], { ...task, layout }),
      })),
  },
  onnxruntime: {
    modes: ['infer'],
    maxThreads: Number.POSITIVE_INFINITY,
    probe: () => requirePackages('onnxruntime-node'),
    contenders: (task) => [{ run: () => inProcess('./peers/onnxruntime.mjs', task) }],
  },
  'tfjs-wasm': {
    modes: ['infer'],
    maxThreads: 1,
    probe: () => requirePackages('@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-wasm'),
    contenders: (task) => [{ run: () => inProcess('./peers/tfjs.mjs', { ...task, engine: 'wasm' }) }],
  },
  'tfjs-cpu': {
    modes: ['train', 'infer'],
    maxThreads: 1,
    serves: ({ net }) => small.includes(net),
    /** Both are plain loops in JavaScript. */
    besideFallback: true,
    probe: () => requirePackages('@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-cpu'),
    contenders: (task) => [{ run: () => inProcess('./peers/tfjs.mjs', { ...task, engine: 'cpu' }) }],
  },
};

export const peerNames = Object.keys(peers);

function requirePackages(...names) {
  for (const name of names) {
    try {
      require.resolve(name);
    } catch {
      throw new Error(`${name} is not installed: npm install --prefix bench/peers`);
    }
  }
}

/** The peer of a name, ready to run, or { name, absent: why }. */
export async function findPeer(name, options) {
  const { probe, contenders, ...peer } = peers[name];
  try {
    const found = await probe(options);
    const start = (task) =>
      contenders(task, found).map((entry) => ({ ...entry, threads: task.threads, isa: options.isa, mayFail: true }));
    return { name, ...peer, contenders: start };
  } catch (error) {
    return { name, absent: error.message };
  }
}
