// Looking backwards through a prediction: how a score of the network, or the output of a layer, depends on inputs and on
// inner layers. The network is built as for inference; autodiff does the rest.

import { gradients } from '../graph/autodiff.js';
import type { Graph, GraphValue } from '../graph/graph.js';
import type { LayerCall } from '../nn/network.js';
import type { GradientContext, Value } from '../ops/op.js';

/**
 * The way back: gradient, or what takes the gradient's place in rectifiers. deconvnet (Zeiler & Fergus 2014): ReLU of the
 * signal that goes down. guided (Springenberg et al. 2015): that, where the gradient passes.
 */
export type BackwardRule = 'gradient' | 'deconvnet' | 'guided';

export const backwardRules: readonly BackwardRule[] = ['gradient', 'deconvnet', 'guided'];

export interface ProbeRequest {
  /** Path of the layer whose output is differentiated; null: the scores of the network's first output. */
  readonly of: string | null;
  /** Paths of the layers whose outputs it is differentiated by. */
  readonly by: readonly string[];
  /** By the network's inputs, too. */
  readonly byInputs: boolean;
  readonly rule: BackwardRule;
}

/** What a probe adds to a plan: `seed` says how much each element of the differentiated value counts. */
interface Probed {
  readonly seed: GraphValue;
  /** The differentiated value, then its gradients: by layers, by inputs. */
  readonly outputs: readonly Value[];
}

interface Built {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly calls: readonly LayerCall[];
}

export function emitProbe(graph: Graph, { of, by, byInputs, rule }: ProbeRequest, built: Built): Probed {
  const outputOf = (path: string) => (built.calls.findLast((call) => call.path === path) as LayerCall).output;
  const value = of === null ? scoresOf(built.outputs[0]) : outputOf(of);
  const seed = graph.input('seed', value.shape, 'float32');
  const targets = [...by.map(outputOf), ...(byInputs ? built.inputs : [])];
  const found = gradients(graph, value, targets, { seed, rules: rulesFor[rule] });
  const zeros = ({ shape }: Value) => graph.emit('fill', [], { value: 0, shape: [...shape] }, { name: 'unused' })[0];
  // A copy each: a gradient may be the seed itself, or the same value for two targets.
  const own = (gradient: Value) => graph.emit('copy', [gradient], {}, { name: 'probe' })[0];
  return { seed, outputs: [value, ...targets.map((target, i) => own(found[i] ?? zeros(target)))] };
}

/** Ops at the end of a classifier that turn scores into probabilities. */
const squashing = new Set(['softmax', 'logSoftmax', 'sigmoid']);

/** The scores behind probabilities; what is none of these stays as it is. */
export function scoresOf(output: Value): Value {
  const { node } = output as GraphValue;
  return node && squashing.has(node.op.name) ? (node.inputs[0] as Value) : output;
}

const rectifiers = ['relu', 'relu6', 'leakyRelu', 'elu', 'gelu', 'silu', 'mish', 'softplus', 'hardSwish'];
const forRectifiers = (rule: (context: GradientContext) => (Value | null)[]) =>
  Object.fromEntries(rectifiers.map((name) => [name, rule]));

const rectified = (context: GradientContext): Value => context.emit('relu', [context.dOutputs[0]])[0];

const rulesFor = {
  gradient: {},
  deconvnet: forRectifiers((context) => [rectified(context)]),
  guided: forRectifiers((context) => context.emit('reluGrad', [context.outputs[0], rectified(context)])),
} as const;
