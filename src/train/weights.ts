// The weights and running statistics of a network: found by building it once, declared in `state` so that trainable
// weights lie side by side, handed out again whenever the network is built.

import type { TensorSpec } from '../core/dtype.js';
import { check } from '../core/errors.js';
import { Graph } from '../graph/graph.js';
import type { Variable, Variables } from '../graph/variables.js';
import { dryVariables } from '../nn/build.js';
import type { Constraint } from '../nn/constraints.js';
import { initialValues } from '../nn/initializers.js';
import { buildNetwork, type LayerCall, Network, type VariableSource } from '../nn/network.js';
import { allLayers } from '../nn/select.js';

/** A weight or statistic as the network asks for it. */
export interface WeightSpec {
  /** Where it stands in the network: `conv2d_1/kernel`. */
  readonly path: string;
  readonly shape: readonly number[];
  readonly trainable: boolean;
  /** First values under a model's seed. */
  create(seed: number): Float32Array;
}

export interface Survey {
  /** In the order in which the layers run. */
  readonly weights: readonly WeightSpec[];
  /** Outputs for a batch of one. */
  readonly outputs: readonly TensorSpec[];
  readonly calls: readonly LayerCall[];
  /** Of trained weights, by path. */
  readonly constraints: ReadonlyMap<string, Constraint>;
}

/** Builds the network once, for a batch of one, and notes what it asks for. */
export function surveyNetwork(network: Network): Survey {
  const weights: WeightSpec[] = [];
  const calls: LayerCall[] = [];
  const constraints = new Map<string, Constraint>();
  const graph = new Graph();
  const outputs = buildNetwork(network, {
    graph,
    inputs: network.inputs.map(({ name, shape, dtype }) => {
      check(shape, 'ERR_OCELLUS_STATE', () => ({
        where: `input '${name}'`,
        expected: 'a known shape before the weights are made',
        got: 'none',
        help: 'give the first layer an inputShape ([height, width, channels]), or call fit first',
      }));
      return graph.input(name, [1, ...shape], dtype);
    }),
    training: true,
    variables: {
      weight(path, shape, initializer, trainable) {
        weights.push({ path, shape, trainable, create: (seed) => initialValues(initializer, shape, seed, path) });
        return dryVariables.weight(path, shape, initializer, trainable);
      },
      statistic(path, shape, initializer) {
        weights.push({
          path,
          shape,
          trainable: false,
          create: (seed) => initialValues(initializer, shape, seed, path),
        });
        return dryVariables.statistic(path, shape, initializer);
      },
      seed: dryVariables.seed,
    },
    onLayer: (call) => calls.push(call),
    onRuledWeight({ path, trainable, constraint }) {
      if (trainable && constraint) constraints.set(path, constraint);
    },
  });
  return { weights: takeOver(network, weights), outputs, calls, constraints };
}

/** The weights of models that are part of the network start as those models have them. */
function takeOver(network: Network, weights: readonly WeightSpec[]): WeightSpec[] {
  const parts = allLayers(network).flatMap(({ path, layer }) =>
    layer instanceof Network && layer.weightsFrom ? { prefix: `${path}/`, from: layer.weightsFrom } : [],
  );
  return weights.map((weight) => {
    const part = parts.find(({ prefix }) => weight.path.startsWith(prefix));
    if (!part) return weight;
    return { ...weight, create: (seed) => part.from()[weight.path.slice(part.prefix.length)] ?? weight.create(seed) };
  });
}

/** Variables of a network in `state`: trainable weights first, then the others, then the (seed, step) of dropout. */
export class WeightTable implements VariableSource {
  private readonly byPath = new Map<string, Variable>();
  private readonly seedVariable: Variable;

  constructor(specs: readonly WeightSpec[], variables: Variables) {
    const inMemory = [...specs.filter((spec) => spec.trainable), ...specs.filter((spec) => !spec.trainable)];
    for (const { path, shape } of inMemory) {
      this.byPath.set(path, variables.declare(path, shape, 'float32', 'state'));
    }
    // No layer can claim this name: names of weights have a slash.
    this.seedVariable = variables.declare('seed', [2], 'int32', 'state');
  }

  get(path: string): Variable {
    return this.byPath.get(path) as Variable;
  }

  weight(path: string): Variable {
    return this.get(path);
  }

  statistic(path: string): Variable {
    return this.get(path);
  }

  seed(): Variable {
    return this.seedVariable;
  }
}
