// Fewer passes over memory on the way back through a ReLU or ReLU6: its gradient is formed where a max pooling behind it
// has made the tensor small, is taken into the gradient of the batch normalization before it, reads both parts of a sum
// itself, and yields the bias gradient on the way.

import { isRectifier, type Rectifier } from '../ops/rectifier.js';
import type { Graph, GraphNode, GraphValue } from './graph.js';
import { Program } from './program.js';

/** What stands in the place of some ops: nothing, or another op. */
type Changes = Map<GraphNode, GraphNode | null>;
type Pass = (graph: Graph, program: Program, node: GraphNode, changes: Changes) => void;

/** The activation whose gradient this op is; null for other ops. */
function gradientOf({ op: { name } }: GraphNode): Rectifier | null {
  const forward = name.slice(0, -'Grad'.length);
  return name === `${forward}Grad` && isRectifier(forward) ? forward : null;
}

/** The program with the gradients of ReLU and ReLU6 fused with their neighbours. */
export function fuseGradients(graph: Graph, nodes: readonly GraphNode[], keep: ReadonlySet<number>): GraphNode[] {
  return [beforePooling, intoNormalization, withSum, withBias].reduce<readonly GraphNode[]>((current, pass) => {
    const program = new Program(current, keep);
    const changes: Changes = new Map();
    for (const node of current) pass(graph, program, node, changes);
    return current.flatMap((node) => (changes.has(node) ? (changes.get(node) ?? []) : [node]));
  }, nodes) as GraphNode[];
}

/**
 * reluGrad(y, maxPool2dGrad(indices, dy)): a gradient arrives only where a window has its maximum, so that the pooled
 * values tell which ones pass. y itself need not be kept, and sums over channels are the same before and after.
 */
const beforePooling: Pass = (graph, program, node, changes) => {
  if (!gradientOf(node) || node.inputs[2]) return;
  const [y, dy] = node.inputs;
  const back = program.maker(dy, 'maxPool2dGrad');
  const pooling = back && program.maker(back.inputs[0], 'maxPool2d');
  if (!dy || !back || !pooling || pooling.inputs[0] !== y || !program.isPassing(dy)) return;
  const [pooled] = pooling.outputs;
  if (pooled.variable || back.inputs[1]?.variable) return;
  const small = graph.derive(node.op, [pooled, back.inputs[1]], {}, `${node.name}/pooled`);
  const [dx] = node.outputs;
  changes.set(back, small);
  changes.set(node, graph.derive(back.op, [back.inputs[0], small.outputs[0]], back.attrs, back.name, [dx]));
  for (const sum of program.readersOf(dx)) {
    if (isSumPerChannel(sum)) {
      changes.set(sum, graph.derive(sum.op, [small.outputs[0]], sum.attrs, sum.name, sum.outputs));
    }
  }
};

/** batchNormGrad(x, …, reluGrad(y, dy)), y = batchNorm(x) with relu: y is not read at all. The same for relu6. */
const intoNormalization: Pass = (graph, program, node, changes) => {
  if (node.op.name !== 'batchNormGrad' || node.attrs.activation !== 'linear') return;
  const [x, gamma, mean, variance, through] = node.inputs;
  const relu = program.maker(through);
  const activation = relu && gradientOf(relu);
  const forward = relu && program.maker(relu.inputs[0], 'batchNorm');
  if (!through || !activation || !forward || relu.inputs[2] || !program.isPassing(through)) return;
  const [forwardX, , beta = null] = forward.inputs;
  const dy = relu.inputs[1] as GraphValue;
  const same = forward.outputs[0] === relu.inputs[0] && forwardX === x && forward.attrs.activation === activation;
  if (!same || dy.variable || (beta && !(beta.variable && program.isUntouched(beta.variable, forward, node)))) return;
  const inputs = [x, gamma, mean, variance, dy, beta];
  changes.set(relu, null);
  changes.set(node, graph.derive(node.op, inputs, { ...node.attrs, activation }, node.name, node.outputs));
};

/** reluGrad(y, a + b): the sum is never written. */
const withSum: Pass = (graph, program, node, changes) => {
  if (!gradientOf(node) || node.inputs[2]) return;
  const [y, dy] = node.inputs;
  const sum = program.maker(dy, 'add');
  if (!dy || !sum || sum.attrs.activation !== 'linear' || !program.isPassing(dy)) return;
  const terms = sum.inputs as readonly GraphValue[];
  // A variable could be written before the gradient is formed.
  if (terms.some(({ shape, variable }) => variable || shape.join() !== dy.shape.join())) return;
  changes.set(sum, null);
  changes.set(node, graph.derive(node.op, [y, ...terms], {}, node.name, node.outputs));
};

/** The sum of reluGrad over all axes but the last, which is a bias gradient as a rule. */
const withBias: Pass = (graph, program, node, changes) => {
  if (!gradientOf(node)) return;
  const [dx] = node.outputs;
  const sum = program.readersOf(dx).find(isSumPerChannel);
  const variable = sum?.outputs[0].variable;
  if (!sum || (variable && !program.isUntouched(variable, node, sum))) return;
  changes.set(sum, null);
  changes.set(node, graph.derive(`${node.op.name}Bias`, node.inputs, {}, node.name, [dx, sum.outputs[0]]));
};

/** Sums over all axes but the last. */
function isSumPerChannel({ op, attrs, inputs: [x] }: GraphNode): boolean {
  const others = [...(x?.shape.keys() ?? [])].slice(0, -1);
  return op.name === 'reduceSum' && !attrs.keepDims && others.length > 0 && attrs.axes.join() === others.join();
}
