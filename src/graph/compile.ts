// From graph to plan: prune, fuse, fold, lower to algorithms, move constant ops to the front, ask for scratch, plan the
// memory. The passes in their order, nothing else.

import { check } from '../core/errors.js';
import type { Value } from '../ops/op.js';
import { foldNormalization } from './fold.js';
import { fuseGradients } from './fuse-gradients.js';
import type { Graph, GraphNode, GraphValue } from './graph.js';
import { type Algorithm, lower } from './lower.js';
import { planMemory } from './memory.js';
import type { Plan, PlanBuffer, PlanStep } from './plan.js';
import { constantValues, hoist } from './prologue.js';
import { fuseResiduals } from './residual.js';
import { fuse, prune } from './rewrite.js';
import type { Variables } from './variables.js';

/** What the executor a plan is made for wants. */
export interface CompileTarget {
  /** Bytes of scratch for a step beyond what the TypeScript row asks for. */
  workspace(step: PlanStep): number;
  /** How to compute an op; `weightIsFixed`: what depends on its weight alone is computed once for many runs. */
  algorithm(node: GraphNode, weightIsFixed: boolean): Algorithm;
}

export interface CompileOptions {
  /** Values to be read after a run, by the name they will have in the plan. */
  outputs: Readonly<Record<string, Value>>;
  variables: Variables;
  /** Default: an executor that wants nothing, as the TypeScript one. */
  target?: CompileTarget;
  /** false: no memory is shared and nothing is done in place; every value can be read after the run. */
  planMemory?: boolean;
  /** false: every op stays a step of its own. */
  fuse?: boolean;
  /**
   * true: ops that depend on nothing but weights become the prologue of the plan, to be run again only when weights
   * changed, batch normalization is folded into weights there, and convolutions add residuals. For plans that run often between two changes of
   * weights: inference.
   */
  prologue?: boolean;
}

/** Compiles what leads to `outputs` and to writes of variables. */
export function compile(graph: Graph, options: CompileOptions): Plan {
  const outputs = Object.entries(options.outputs) as [string, GraphValue][];
  const keep = new Set(outputs.map(([, value]) => value.id));
  const pruned = prune(graph.nodes, keep);
  const fused = options.fuse === false ? pruned : fuseGradients(graph, fuse(pruned, keep), keep);
  const infers = options.prologue && options.fuse !== false;
  const folded = infers ? fuseResiduals(graph, foldNormalization(graph, fused, keep), keep) : fused;
  const fixed = options.prologue ? constantValues(folded) : new Set<number>();
  const { target } = options;
  const lowered = target
    ? lower(graph, folded, (node) => target.algorithm(node, fixed.has(node.inputs[1]?.id ?? -1)))
    : folded;
  const { nodes, prologue } = options.prologue ? hoist(lowered) : { nodes: lowered, prologue: 0 };

  const unplaced = nodes.map((node) => toStep(node, (value) => toBuffer(value, 0, 'arena'), 0, 0));
  const scratchBytes = unplaced.map((step) => (step.op.alias ? 0 : scratchOf(step, options.target)));
  const memory = planMemory(nodes, graph.inputs, { keep, scratchBytes, share: options.planMemory !== false, prologue });

  const buffer = (value: GraphValue): PlanBuffer => {
    const place = memory.places.get(value.id);
    check(place, 'ERR_OCELLUS_PLAN', () => ({
      where: 'compile',
      expected: 'an output that an op, an input or a variable of this graph makes',
      got: `'${value.name}'`,
    }));
    return toBuffer(value, place.offset, place.region);
  };
  const placedValue = (value: GraphValue): PlanBuffer =>
    value.kind === 'variable' && value.variable
      ? toBuffer(value, value.variable.offset, value.variable.region)
      : buffer(value);
  const steps = nodes.map((node, index) => toStep(node, buffer, memory.scratch[index], scratchBytes[index]));
  return {
    steps: steps.filter((step) => !step.op.alias),
    prologue: nodes.slice(0, prologue).filter((node) => !node.op.alias).length,
    inputs: Object.fromEntries(graph.inputs.map((value) => [value.name, buffer(value)])),
    outputs: Object.fromEntries(outputs.map(([name, value]) => [name, placedValue(value)])),
    bytes: {
      state: options.variables.bytes('state'),
      training: options.variables.bytes('training'),
      arena: memory.arenaBytes,
    },
  };
}

function scratchOf(step: PlanStep, target?: CompileTarget): number {
  const own = 4 * (step.op.scratch?.(step.inputs, step.outputs, step.attrs) ?? 0);
  return Math.max(own, target?.workspace(step) ?? 0);
}

function toStep(
  node: GraphNode,
  buffer: (value: GraphValue) => PlanBuffer,
  scratchOffset: number,
  scratchBytes: number,
): PlanStep {
  const inputs = node.inputs.map((value) => value && buffer(value));
  while (inputs.length < node.op.inputs.length && node.op.inputs[inputs.length].endsWith('?')) inputs.push(null);
  const outputs = node.outputs.map(buffer);
  const flops = node.op.flops?.(inputs, outputs, node.attrs) ?? 0;
  return { name: node.name, op: node.op, attrs: node.attrs, inputs, outputs, scratchOffset, scratchBytes, flops };
}

function toBuffer(value: GraphValue, offset: number, region: PlanBuffer['region']): PlanBuffer {
  return { name: value.name, shape: value.shape, dtype: value.dtype, region, offset };
}
