// Gradients against central differences in double precision, for every differentiable op and case: the loss is the sum
// of all float outputs, each element times a random weight, so the gradient of the outputs is those weights.

import { describe, expect, test } from 'vitest';
import type { TensorView } from '../../src/core/dtype.js';
import { hashName, Random } from '../../src/core/random.js';
import { caseInputs } from '../../src/ops/cases.js';
import { runOp } from '../../src/ops/eager.js';
import { type AnyOp, completeAttrs, type OpCase } from '../../src/ops/op.js';
import { allCases, EagerEmitter } from './harness.js';

const step = 1e-5;
const tolerance = 1e-6;
/** Elements of one input that differences are taken for; larger inputs are sampled evenly. */
const maxElements = 150;

function checkedInputs(op: AnyOp, opCase: OpCase): readonly number[] {
  if (!op.gradient) return [];
  if (opCase.gradientOf) return opCase.gradientOf;
  return opCase.inputs.flatMap((input, i) => (input && (input.dtype ?? 'float32') === 'float32' ? [i] : []));
}

function weightsFor(outputs: readonly TensorView[], seed: string): (TensorView | null)[] {
  return outputs.map(({ shape, dtype, data }, k) => {
    if (dtype !== 'float32') return null;
    const random = new Random(hashName(`${seed}/weights/${k}`));
    return { shape, dtype, data: Float64Array.from(data, () => random.normal()) };
  });
}

function lossOf(outputs: readonly TensorView[], weights: readonly (TensorView | null)[]): number {
  let loss = 0;
  outputs.forEach(({ data }, k) => {
    const weight = weights[k]?.data;
    if (weight) for (let i = 0; i < data.length; i++) loss += data[i] * weight[i];
  });
  return loss;
}

function analyticGradients(
  op: AnyOp,
  opCase: OpCase,
  inputs: readonly (TensorView | null)[],
  outputs: readonly TensorView[],
  weights: readonly (TensorView | null)[],
  needs: readonly boolean[],
): (TensorView | null)[] {
  const emitter = new EagerEmitter(64);
  const gradients = op.gradient?.({
    emit: (row, operands, attrs) => emitter.emit(row, operands, attrs),
    inputs: inputs.map((input) => input && emitter.value(input)),
    outputs: outputs.map((output) => emitter.value(output)),
    attrs: completeAttrs(op, opCase.attrs ?? {}, op.name),
    dOutputs: weights.map((weight) => weight && emitter.value(weight)),
    needs,
  });
  return (gradients ?? []).map((gradient) => gradient && emitter.tensor(gradient));
}

const table = allCases().filter(([, , op, opCase]) => checkedInputs(op, opCase).length > 0);

describe('gradients equal finite differences', () => {
  test.each(table)('%s: %s', (_, __, op, opCase) => {
    const inputs = caseInputs(op, opCase, 64);
    const outputs = runOp(op, inputs, opCase.attrs, 64);
    const weights = weightsFor(outputs, `${op.name}/${opCase.name}`);
    const checked = checkedInputs(op, opCase);
    const needs = inputs.map((_, i) => checked.includes(i));
    const gradients = analyticGradients(op, opCase, inputs, outputs, weights, needs);
    expect(gradients).toHaveLength(inputs.length);

    for (const index of checked) {
      const input = inputs[index] as TensorView;
      const gradient = gradients[index];
      if (gradient) expect(gradient.shape).toEqual(input.shape);
      const { data } = input;
      const stride = Math.max(1, Math.floor(data.length / maxElements));
      let worst = 0;
      let largest = 1;
      for (let i = 0; i < data.length; i += stride) {
        const original = data[i];
        data[i] = original + step;
        const above = lossOf(runOp(op, inputs, opCase.attrs, 64), weights);
        data[i] = original - step;
        const below = lossOf(runOp(op, inputs, opCase.attrs, 64), weights);
        data[i] = original;
        const numeric = (above - below) / (2 * step);
        worst = Math.max(worst, Math.abs(numeric - (gradient ? gradient.data[i] : 0)));
        largest = Math.max(largest, Math.abs(numeric));
      }
      expect(worst / largest, `input ${index} (${op.inputs[index] ?? op.inputs.at(-1)})`).toBeLessThan(tolerance);
    }
  });

  test('inputs that nobody asks for may be left out', () => {
    for (const [, , op, opCase] of table) {
      const inputs = caseInputs(op, opCase, 64);
      const outputs = runOp(op, inputs, opCase.attrs, 64);
      const weights = weightsFor(outputs, op.name);
      for (const wanted of checkedInputs(op, opCase)) {
        const needs = inputs.map((_, i) => i === wanted);
        const all = analyticGradients(
          op,
          opCase,
          inputs,
          outputs,
          weights,
          inputs.map(() => true),
        );
        const one = analyticGradients(op, opCase, inputs, outputs, weights, needs);
        expect(one[wanted]?.data).toEqual(all[wanted]?.data);
      }
    }
  });

  test('outputs that nobody uses are skipped', () => {
    for (const [, , op, opCase] of table) {
      const inputs = caseInputs(op, opCase, 64);
      const outputs = runOp(op, inputs, opCase.attrs, 64);
      const weights = weightsFor(outputs, op.name);
      const used = weights.flatMap((weight, k) => (weight ? [k] : []));
      if (used.length < 2) continue;
      for (const only of used) {
        const parts = weights.map((weight, k) => (k === only ? weight : null));
        const zeroed = weights.map((weight, k) =>
          weight && k !== only ? { ...weight, data: new Float64Array(weight.data.length) } : weight,
        );
        const needs = inputs.map(() => true);
        const sparse = analyticGradients(op, opCase, inputs, outputs, parts, needs);
        const dense = analyticGradients(op, opCase, inputs, outputs, zeroed, needs);
        sparse.forEach((gradient, i) => {
          const other = dense[i];
          if (!other) return;
          for (let e = 0; e < other.data.length; e++) {
            expect(gradient ? gradient.data[e] : 0).toBeCloseTo(other.data[e], 10);
          }
        });
      }
    }
  });
});
