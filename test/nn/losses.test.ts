// Losses against numbers worked out by hand, the fused forms against the plain ones, and gradients.

import { describe, expect, it } from 'vitest';
import { loadDouble } from '../../src/backend/typescript.js';
import { gradients } from '../../src/graph/autodiff.js';
import { compile } from '../../src/graph/compile.js';
import { Graph } from '../../src/graph/graph.js';
import { Variables } from '../../src/graph/variables.js';
import type { Expression } from '../../src/nn/expression.js';
import { type Loss, losses, resolveLoss } from '../../src/nn/losses.js';
import { errorOf, evaluate, noise, type RunData } from './harness.js';

/** Loss per sample. With `activation` the outputs are logits and the network ends in it. */
function lossOf(loss: Loss, target: RunData, output: RunData, activation?: 'softmax' | 'sigmoid'): number[] {
  const spec = { shape: output.shape, dtype: 'float32' as const };
  const dtype = loss.targetSpec(spec).dtype;
  return evaluate([{ ...target, dtype }, output], (graph, [y, x]) =>
    loss.build(graph, y, activation ? graph.emit(activation, [x])[0] : x),
  ).data;
}

const oneHot = { shape: [2, 3], data: [0, 1, 0, 0, 0, 1] };
const classes = { shape: [2], data: [1, 2] };
const probabilities = { shape: [2, 3], data: [0.1, 0.7, 0.2, 0.3, 0.3, 0.4] };
const closeTo = (expected: readonly number[], digits = 7) =>
  expected.map((value) => expect.closeTo(value, digits) as unknown as number);

describe('categorical crossentropy', () => {
  const expected = [-Math.log(0.7), -Math.log(0.4)];

  it('from probabilities', () => {
    expect(lossOf(losses.categoricalCrossentropy(), oneHot, probabilities)).toEqual(closeTo(expected));
    expect(lossOf(losses.sparseCategoricalCrossentropy(), classes, probabilities)).toEqual(closeTo(expected));
  });

  it('from logits', () => {
    const logits = { shape: [2, 3], data: probabilities.data.map((p) => Math.log(p) + 5) };
    expect(lossOf(losses.categoricalCrossentropy({ fromLogits: true }), oneHot, logits)).toEqual(closeTo(expected));
    expect(lossOf(losses.sparseCategoricalCrossentropy({ fromLogits: true }), classes, logits)).toEqual(
      closeTo(expected),
    );
  });

  it('leaves out what has the ignored number, 0 too', () => {
    const targets = { shape: [1, 3], data: [0, 1, 2] };
    const output = { shape: [1, 3, 3], data: [0.2, 0.2, 0.6, ...probabilities.data] };
    const loss = losses.sparseCategoricalCrossentropy({ ignoreIndex: 0 });
    expect(lossOf(loss, targets, output)).toEqual(closeTo([(expected[0] + expected[1]) / 2]));
  });

  it('normalizes probabilities that do not sum to 1 and clips zeros', () => {
    const output = { shape: [2, 3], data: [0.2, 1.4, 0.4, 0.5, 0.5, 0] };
    const [first, second] = lossOf(losses.categoricalCrossentropy(), oneHot, output);
    expect(first).toBeCloseTo(-Math.log(0.7), 7);
    expect(second).toBeCloseTo(-Math.log(1e-7), 5);
  });

  it('smooths labels', () => {
    const smooth = losses.categoricalCrossentropy({ labelSmoothing: 0.3 });
    const [first] = lossOf(smooth, oneHot, probabilities);
    expect(first).toBeCloseTo(-(0.1 * Math.log(0.1) + 0.8 * Math.log(0.7) + 0.1 * Math.log(0.2)), 6);
  });

  it('averages over the positions of a sample, on any class axis', () => {
    const output = { shape: [1, 2, 3], data: probabilities.data };
    const mean = [(expected[0] + expected[1]) / 2];
    expect(lossOf(losses.categoricalCrossentropy(), { shape: [1, 2, 3], data: oneHot.data }, output)).toEqual(
      closeTo(mean),
    );
    expect(lossOf(losses.sparseCategoricalCrossentropy(), { shape: [1, 2], data: [1, 2] }, output)).toEqual(
      closeTo(mean),
    );
    const turned = { shape: [1, 3, 2], data: [0.1, 0.3, 0.7, 0.3, 0.2, 0.4] };
    const turnedTarget = { shape: [1, 3, 2], data: [0, 0, 1, 0, 0, 1] };
    expect(lossOf(losses.categoricalCrossentropy({ axis: 1 }), turnedTarget, turned)).toEqual(closeTo(mean));
    const sparse = losses.sparseCategoricalCrossentropy({ axis: 1 });
    expect(lossOf(sparse, { shape: [1, 2], data: [1, 2] }, turned)).toEqual(closeTo(mean));
  });
});

describe('binary crossentropy', () => {
  const target = { shape: [2, 2], data: [1, 0, 0.5, 1] };
  const output = { shape: [2, 2], data: [0.9, 0.2, 0.5, 0.25] };
  const expected = [-(Math.log(0.9) + Math.log(0.8)) / 2, -(Math.log(0.5) + Math.log(0.25)) / 2];

  it('from probabilities and from logits', () => {
    expect(lossOf(losses.binaryCrossentropy(), target, output)).toEqual(closeTo(expected));
    const logits = { shape: [2, 2], data: output.data.map((p) => Math.log(p / (1 - p))) };
    expect(lossOf(losses.binaryCrossentropy({ fromLogits: true }), target, logits)).toEqual(closeTo(expected));
  });

  it('smooths labels', () => {
    const [first] = lossOf(
      losses.binaryCrossentropy({ labelSmoothing: 0.2 }),
      { shape: [1, 1], data: [1] },
      { shape: [1, 1], data: [0.9] },
    );
    expect(first).toBeCloseTo(-(0.9 * Math.log(0.9) + 0.1 * Math.log(0.1)), 7);
  });
});

it('differences: squared and absolute', () => {
  const target = { shape: [2, 2], data: [1, 2, 3, 4] };
  const output = { shape: [2, 2], data: [1, 4, 0, 4] };
  expect(lossOf(losses.meanSquaredError(), target, output)).toEqual([2, 4.5]);
  expect(lossOf(losses.meanAbsoluteError(), target, output)).toEqual([1, 1.5]);
  expect(lossOf(losses.meanSquaredError(), { shape: [2], data: [1, 2] }, { shape: [2], data: [0, 0] })).toEqual([1, 4]);
});

describe('the activation at the end of the network', () => {
  const logits = { shape: [2, 3], data: noise(6) };
  const plain = (loss: 'categoricalCrossentropy' | 'sparseCategoricalCrossentropy' | 'binaryCrossentropy') =>
    losses[loss]({ fromLogits: false });

  it('is folded in, which changes nothing', () => {
    for (const [name, target, activation] of [
      ['categoricalCrossentropy', oneHot, 'softmax'],
      ['sparseCategoricalCrossentropy', classes, 'softmax'],
      ['binaryCrossentropy', oneHot, 'sigmoid'],
    ] as const) {
      const fused = lossOf(losses[name](), target, logits, activation);
      expect(fused).toEqual(closeTo(lossOf(plain(name), target, logits, activation), 6));
    }
  });

  it('gives the fused ops', () => {
    for (const [name, activation, op] of [
      ['categoricalCrossentropy', 'softmax', 'softmaxCrossEntropy'],
      ['sparseCategoricalCrossentropy', 'softmax', 'sparseSoftmaxCrossEntropy'],
      ['binaryCrossentropy', 'sigmoid', 'sigmoidCrossEntropy'],
    ] as const) {
      const graph = new Graph();
      const output = graph.emit(activation, [graph.input('x', [2, 3])])[0];
      const loss = losses[name]();
      const spec = loss.targetSpec(output);
      loss.build(graph, graph.input('y', spec.shape, spec.dtype), output);
      expect(graph.nodes.map((node) => node.op.name)).toContain(op);
      expect(graph.nodes.map((node) => node.op.name)).not.toContain('log');
    }
  });

  it('stays exact where probabilities are 0', () => {
    const far = { shape: [2, 3], data: [1000, 0, 0, 0, 0, -1000] };
    expect(lossOf(losses.categoricalCrossentropy(), oneHot, far, 'softmax')).toEqual(
      closeTo([1000, 1000 + Math.log(2)]),
    );
  });

  it('may not be there when fromLogits is true', () => {
    const error = errorOf(() =>
      lossOf(losses.categoricalCrossentropy({ fromLogits: true }), oneHot, logits, 'softmax'),
    );
    expect(error.code).toBe('ERR_OCELLUS_OPTION');
    expect(error.message).toContain('fromLogits');
  });
});

it('gradients agree with finite differences', () => {
  const positive = Float64Array.from(noise(6), (value) => 0.2 + 0.5 / (1 + Math.exp(-value)));
  for (const [name, target, from] of [
    ['categoricalCrossentropy', oneHot, 'probabilities'],
    ['categoricalCrossentropy', oneHot, 'logits'],
    ['sparseCategoricalCrossentropy', classes, 'probabilities'],
    ['sparseCategoricalCrossentropy', classes, 'logits'],
    ['binaryCrossentropy', oneHot, 'probabilities'],
    ['binaryCrossentropy', oneHot, 'logits'],
    ['meanSquaredError', oneHot, 'values'],
    ['meanAbsoluteError', oneHot, 'values'],
  ] as const) {
    const loss =
      from === 'values'
        ? losses[name as 'meanSquaredError']()
        : losses[name as 'binaryCrossentropy']({ fromLogits: from === 'logits' });
    const graph = new Graph();
    const x = graph.input('x', [2, 3]);
    const spec = loss.targetSpec(x);
    const value = loss.build(graph, graph.input('y', spec.shape, spec.dtype), x);
    const [gradient] = gradients(graph, value, [x]);
    const plan = compile(graph, {
      outputs: { value, gradient: gradient as NonNullable<typeof gradient> },
      variables: new Variables(),
    });
    const executable = loadDouble(plan);
    const view = (buffer: (typeof plan.inputs)[string]) => executable.view(buffer).data;
    view(plan.inputs.y).set(target.data);
    const inputs = view(plan.inputs.x);
    inputs.set(positive);
    const total = (): number => {
      executable.runSync();
      return [...view(plan.outputs.value)].reduce((sum, item) => sum + item, 0);
    };
    total();
    const analytic = [...view(plan.outputs.gradient)];
    for (let i = 0; i < 6; i++) {
      inputs[i] += 1e-6;
      const above = total();
      inputs[i] -= 2e-6;
      const below = total();
      inputs[i] += 1e-6;
      expect(analytic[i], `${name} from ${from}`).toBeCloseTo((above - below) / 2e-6, 5);
    }
  }
});

describe('options', () => {
  it('resolve by name, alias, object and function', () => {
    expect(resolveLoss('categoricalCrossentropy').name).toBe('categoricalCrossentropy');
    expect(resolveLoss('categoricalCrossEntropy').name).toBe('categoricalCrossentropy');
    expect(resolveLoss('sparse_categorical_crossentropy').name).toBe('sparseCategoricalCrossentropy');
    expect(resolveLoss('mse').name).toBe('meanSquaredError');
    const smooth = resolveLoss({ name: 'binaryCrossentropy', labelSmoothing: 0.1 });
    expect(smooth.config).toMatchObject({ name: 'binaryCrossentropy', fromLogits: 'auto', labelSmoothing: 0.1 });
    expect(resolveLoss(smooth.config).config).toEqual(smooth.config);
    expect(resolveLoss(smooth)).toBe(smooth);
    const cubed = resolveLoss(
      (graph: Graph, y: never, x: never) => graph.emit('square', [graph.emit('subtract', [x, y])[0]])[0],
    );
    expect(lossOf(cubed, { shape: [1, 2], data: [1, 2] }, { shape: [1, 2], data: [3, 3] })).toEqual([2.5]);
  });

  it("resolve by Keras's and PyTorch's names", () => {
    for (const [name, expected] of [
      ['MSE', 'meanSquaredError'],
      ['mape', 'meanAbsolutePercentageError'],
      ['msle', 'meanSquaredLogarithmicError'],
      ['kld', 'kullbackLeiblerDivergence'],
      ['kl_divergence', 'kullbackLeiblerDivergence'],
      ['bce', 'binaryCrossentropy'],
      ['BinaryFocalCrossentropy', 'binaryFocalCrossentropy'],
      ['log_cosh', 'logCosh'],
      ['logcosh', 'logCosh'],
      ['nllLoss', 'negativeLogLikelihood'],
      ['Dice', 'dice'],
    ]) {
      expect(resolveLoss(name).name).toBe(expected);
    }
  });

  it('survive JSON', () => {
    for (const make of Object.values(losses) as ((options?: object) => Loss)[]) {
      const { config } = make({ reduction: 'sum' });
      expect(config.reduction).toBe('sum');
      expect(resolveLoss(JSON.parse(JSON.stringify(config))).config).toEqual(config);
    }
  });

  it('let losses be written as expressions', () => {
    const squared = resolveLoss((yTrue: Expression, yPred: Expression) => yPred.sub(yTrue).square());
    expect(lossOf(squared, { shape: [1, 2], data: [1, 2] }, { shape: [1, 2], data: [3, 3] })).toEqual([2.5]);
    const target = { shape: [2, 2], data: [0.25, 1, 2, 3] };
    const output = { shape: [2, 2], data: [0.5, 2, 4, 1] };
    for (const [made, expected] of [
      [(y: Expression, x: Expression) => x.add(y).sub(1).neg().abs(), [1.125, 4]],
      [(y: Expression, x: Expression) => x.mul(y).div(2).maximum(1).minimum(3), [1, 2.25]],
      [(y: Expression, x: Expression) => x.pow(3).sub(y.pow(0.5)).sum(-1), [6.625, 65 - Math.sqrt(2) - Math.sqrt(3)]],
      [(_: Expression, x: Expression) => x.largest().mul(x.sign().mean(-1)), [2, 4]],
      [(_: Expression, x: Expression) => x.log().exp().sqrt().square(), [1.25, 2.5]],
      [(_: Expression, x: Expression) => x.softmax().log().sub(x.logSoftmax()).add(x.pow(0)), [1, 1]],
      [(_: Expression, x: Expression) => x.mul(2).sigmoid().mul(2).sub(1).sub(x.tanh()), [0, 0]],
      [(_: Expression, x: Expression) => x.clip(1, 3).broadcastTo([2, 2]), [1.5, 2]],
    ] as const) {
      expect(lossOf(resolveLoss(made), target, output)).toEqual(closeTo(expected));
    }
  });

  it('with a wrong value are one clear error', () => {
    const [output, target] = [
      { shape: [2, 3], data: probabilities.data },
      { shape: [2], data: [0, 1] },
    ];
    const wrong: [() => unknown, string][] = [
      [() => losses.huber({ delta: 0 }), "option 'delta'"],
      [() => losses.dice({ axis: 'all' as never }), "option 'axis'"],
      [() => losses.tversky({ alpha: -1 }), "option 'alpha'"],
      [() => losses.binaryFocalCrossentropy({ gamma: -1 }), "option 'gamma'"],
      [() => losses.binaryFocalCrossentropy({ alpha: 2 }), "option 'alpha'"],
      [() => losses.categoricalFocalCrossentropy({ alpha: [] }), "option 'alpha'"],
      [() => losses.sparseCategoricalCrossentropy({ ignoreIndex: 0.5 }), "option 'ignoreIndex'"],
      [() => losses.sparseCategoricalCrossentropy({ classWeight: [1, -1] }), "option 'classWeight'"],
      [() => losses.meanSquaredError({ reduction: 'none' as never }), 'loss.build'],
      [() => losses.meanSquaredError({ reduction: 'summ' as never }), "did you mean 'sum'?"],
      [() => losses.hinge({ margin: 1 } as never), "'margin'"],
      [() => lossOf(losses.cosineSimilarity({ axis: 2 }), output, output), "option 'axis'"],
      [() => lossOf(losses.binaryCrossentropy({ classWeight: [1] }), output, output), 'two numbers'],
      [() => lossOf(losses.negativeLogLikelihood({ classWeight: [1] }), target, output), '3 numbers, one per class'],
      [() => lossOf(resolveLoss((() => 5) as never), output, output), 'a value made of its arguments'],
      [
        () =>
          lossOf(
            resolveLoss((y: Expression) => y.sum()),
            output,
            output,
          ),
        'whose first axis is the batch',
      ],
    ];
    for (const [make, text] of wrong) expect(errorOf(make).message).toContain(text);
  });

  it('are checked', () => {
    expect(errorOf(() => resolveLoss('categoricalCrosentropy')).help).toBe("did you mean 'categoricalCrossentropy'?");
    expect(errorOf(() => resolveLoss(undefined)).code).toBe('ERR_OCELLUS_OPTION');
    expect(errorOf(() => resolveLoss({ name: 'mse', axis: 1 })).code).toBe('ERR_OCELLUS_OPTION');
    expect(errorOf(() => losses.categoricalCrossentropy({ labelSmoothing: 1 })).message).toContain('below 1, got 1');
    expect(errorOf(() => losses.binaryCrossentropy({ fromLogits: 'yes' as never })).message).toContain(
      "option 'fromLogits'",
    );
    expect(errorOf(() => losses.meanSquaredError({ labelSmoothing: 0.1 } as never)).code).toBe('ERR_OCELLUS_OPTION');
  });

  it('say what an output must be', () => {
    const one = { shape: [2, 1], data: [0.5, 0.5] };
    expect(errorOf(() => lossOf(losses.sparseCategoricalCrossentropy(), classes, one)).help).toContain(
      'binaryCrossentropy',
    );
    const vector = { shape: [2], data: [0.5, 0.5] };
    expect(errorOf(() => lossOf(losses.categoricalCrossentropy(), classes, vector)).message).toContain('class axis -1');
  });
});
