// Times one convolution in this process: every pass by every algorithm that can compute it, in turns.

import { selectBackend } from '../../dist/backend/select.js';
import { outputSize } from '../conv-layers.mjs';
import { answer } from '../process.mjs';
import { loadPlan, timeInTurns } from './steps.mjs';

const both = (n) => [n, n];

/** Emits a pass of the layer on fresh inputs. */
const passes = {
  forward: (graph, l, attrs) => graph.emit('conv2d', [image(graph, l), weight(graph, l)], attrs),
  backwardData: (graph, l, attrs) =>
    graph.emit('conv2dGradInput', [gradient(graph, l), weight(graph, l)], { inputSize: both(l.size), ...attrs }),
  backwardWeights: (graph, l, attrs) =>
    graph.emit('conv2dGradWeight', [image(graph, l), gradient(graph, l)], { kernelSize: both(l.kernel), ...attrs }),
};

const image = (graph, l) => graph.input('x', [l.batch, l.size, l.size, l.channels]);
const weight = (graph, l) => graph.input('w', [l.kernel, l.kernel, l.channels / l.groups, l.filters]);
const gradient = (graph, l) => graph.input('dy', [l.batch, outputSize(l), outputSize(l), l.filters]);

/** Tile sizes by algorithm and kernel size. */
const tiles = { winograd: { 3: 4, 5: 2 }, winograd6: { 3: 6 } };

/** The plan's algorithm, or null when the algorithm does not serve this pass: then the plan would be another one's. */
function load(backend, layer, pass, algorithm) {
  const tile = tiles[algorithm]?.[layer.kernel];
  if (algorithm !== 'direct' && !tile) return null;
  const choice = algorithm === 'direct' ? { name: 'direct' } : { name: 'winograd', tile };
  const target = { workspace: (step) => backend.workspace(step), algorithm: () => choice };
  const attrs = {
    strides: both(layer.stride),
    padding: Array(4).fill(layer.padding),
    dilation: [1, 1],
    groups: layer.groups,
  };
  const loaded = loadPlan(backend, target, (graph) => passes[pass](graph, layer, attrs)[0]);
  if (tile && !loaded.plan.steps.some((step) => step.op.name.startsWith('winograd'))) return null;
  const usual = backend.algorithm(loaded.node);
  return {
    pass,
    algorithm,
    executable: loaded.executable,
    chosen: usual.name === choice.name && usual.tile === choice.tile,
  };
}

await answer(async ({ layer, threads, isa, seconds = 0.4, passNames, algorithms }) => {
  const backend = selectBackend({ backend: 'native', threads, isa });
  const entries = passNames
    .flatMap((pass) => algorithms.map((name) => load(backend, layer, pass, name)))
    .filter(Boolean);
  const executables = entries.map(({ executable }) => executable);
  const { results, peakGflops } = await timeInTurns(executables, { isa: backend.isa, threads, seconds });
  const lines = entries.map(({ pass, algorithm, chosen }, i) => ({ pass, algorithm, chosen, ...results[i] }));
  return { isa: backend.isa, peakGflops, lines };
});
