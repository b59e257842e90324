// What holds for every op row: its declaration, its cases, results that depend on nothing but inputs, and errors that
// name the op, the layer and the input.

import { describe, expect, test } from 'vitest';
import type { DType, NumericArray, TensorSpec } from '../../src/core/dtype.js';
import { OcellusError } from '../../src/core/errors.js';
import { sizeOf } from '../../src/core/shape.js';
import { allocate, caseInputs } from '../../src/ops/cases.js';
import { builtinOps } from '../../src/ops/index.js';
import { type AnyAttrs, type AnyOp, completeAttrs, type OpCase, signature } from '../../src/ops/op.js';
import { inferContext } from '../../src/ops/rules.js';
import { allCases, builtin } from './harness.js';

/** The vocabulary. A line here is a promise to saved plans and to the C++ rows of the same signature. */
const signatures = [
  'relu(x) -> (y) {}',
  'reluGrad(y, dy, other?) -> (dx) {}',
  'reluGradBias(y, dy, other?) -> (dx, dbias) {}',
  'relu6(x) -> (y) {}',
  'relu6Grad(y, dy, other?) -> (dx) {}',
  'relu6GradBias(y, dy, other?) -> (dx, dbias) {}',
  'leakyRelu(x) -> (y) {alpha:f}',
  'leakyReluGrad(y, dy) -> (dx) {alpha:f}',
  'sigmoid(x) -> (y) {}',
  'sigmoidGrad(y, dy) -> (dx) {}',
  'tanh(x) -> (y) {}',
  'tanhGrad(y, dy) -> (dx) {}',
  'softmax(x) -> (y) {}',
  'softmaxGrad(y, dy) -> (dx) {}',
  'logSoftmax(x) -> (y) {}',
  'logSoftmaxGrad(y, dy) -> (dx) {}',
  'elu(x) -> (y) {alpha:f, scale:f, inputScale:f}',
  'eluGrad(x, dy) -> (dx) {alpha:f, scale:f, inputScale:f}',
  'gelu(x) -> (y) {approximate:i}',
  'geluGrad(x, dy) -> (dx) {approximate:i}',
  'silu(x) -> (y) {}',
  'siluGrad(x, dy) -> (dx) {}',
  'mish(x) -> (y) {}',
  'mishGrad(x, dy) -> (dx) {}',
  'softplus(x) -> (y) {}',
  'softplusGrad(x, dy) -> (dx) {}',
  'softsign(x) -> (y) {}',
  'softsignGrad(x, dy) -> (dx) {}',
  'hardSigmoid(x) -> (y) {}',
  'hardSigmoidGrad(x, dy) -> (dx) {}',
  'hardSwish(x) -> (y) {}',
  'hardSwishGrad(x, dy) -> (dx) {}',
  'hardTanh(x) -> (y) {minValue:f, maxValue:f}',
  'hardTanhGrad(x, dy) -> (dx) {minValue:f, maxValue:f}',
  'rectify(x) -> (y) {threshold:f, maxValue:f, negativeSlope:f}',
  'rectifyGrad(x, dy) -> (dx) {threshold:f, maxValue:f, negativeSlope:f}',
  'threshold(x) -> (y) {threshold:f, value:f}',
  'thresholdGrad(x, dy) -> (dx) {threshold:f, value:f}',
  'add(a, b) -> (y) {activation:i}',
  'subtract(a, b) -> (y) {}',
  'multiply(a, b) -> (y) {}',
  'divide(a, b) -> (y) {}',
  'maximum(a, b) -> (y) {}',
  'minimum(a, b) -> (y) {}',
  'compare(a, b) -> (y) {}',
  'prelu(a, b) -> (y) {}',
  'preluSlope(a, b) -> (y) {}',
  'negate(x) -> (y) {}',
  'abs(x) -> (y) {}',
  'sign(x) -> (y) {}',
  'square(x) -> (y) {}',
  'sqrt(x) -> (y) {}',
  'exp(x) -> (y) {}',
  'log(x) -> (y) {}',
  'rescale(x) -> (y) {scale:f, offset:f}',
  'copy(x) -> (y) {}',
  'fill() -> (y) {value:f, shape:i9}',
  'oneHot(labels) -> (y) {depth:i}',
  'reduceSum(x) -> (y) {axes:i9, keepDims:i}',
  'reduceMean(x) -> (y) {axes:i9, keepDims:i}',
  'broadcastTo(x) -> (y) {shape:i9}',
  'matmul(a, b) -> (y) {transposeA:i, transposeB:i}',
  'batchMatmul(a, b) -> (y) {transposeA:i, transposeB:i}',
  'dense(x, weight, bias?) -> (y) {activation:i}',
  'conv2d(x, weight, bias?, residual?) -> (y) {strides:i2, padding:i4, dilation:i2, groups:i, activation:i}',
  'conv2dGradInput(dy, weight) -> (dx) {inputSize:i2, strides:i2, padding:i4, dilation:i2, groups:i}',
  'conv2dGradWeight(x, dy) -> (dw) {kernelSize:i2, strides:i2, padding:i4, dilation:i2, groups:i}',
  'conv2dTranspose(x, weight, bias?) -> (y) {outputSize:i2, strides:i2, padding:i4, dilation:i2, groups:i, activation:i}',
  'conv3d(x, weight, bias?, residual?) -> (y) {strides:i3, padding:i6, dilation:i3, groups:i, activation:i}',
  'conv3dGradInput(dy, weight) -> (dx) {inputSize:i3, strides:i3, padding:i6, dilation:i3, groups:i}',
  'conv3dGradWeight(x, dy) -> (dw) {kernelSize:i3, strides:i3, padding:i6, dilation:i3, groups:i}',
  'conv3dTranspose(x, weight, bias?) -> (y) {outputSize:i3, strides:i3, padding:i6, dilation:i3, groups:i, activation:i}',
  'maxPool2d(x) -> (y, indices) {poolSize:i2, strides:i2, padding:i4}',
  'maxPool2dGrad(indices, dy) -> (dx) {inputSize:i2, poolSize:i2, strides:i2, padding:i4}',
  'averagePool2d(x) -> (y) {poolSize:i2, strides:i2, padding:i4, countIncludePad:i}',
  'averagePool2dGrad(dy) -> (dx) {inputSize:i2, poolSize:i2, strides:i2, padding:i4, countIncludePad:i}',
  'maxPool3d(x) -> (y, indices) {poolSize:i3, strides:i3, padding:i6, dilation:i3}',
  'adaptiveMaxPool3d(x) -> (y, indices) {outputSize:i3}',
  'fractionalMaxPool3d(x, seed?) -> (y, indices) {poolSize:i3, outputSize:i3, samples:f3, salt:i}',
  'adaptiveAveragePool3d(x) -> (y) {outputSize:i3}',
  'adaptiveAveragePool3dGrad(dy) -> (dx) {inputSize:i3}',
  'maxUnpool(x, indices) -> (y) {outputSize:i3, accumulate:i}',
  'takeCells(x, indices) -> (y) {}',
  'resize(x) -> (y) {axis:i, size:i, mode:i, alignCorners:i, antialias:i}',
  'resizeGrad(dy) -> (dx) {axis:i, size:i, mode:i, alignCorners:i, antialias:i}',
  'affineMatrix(draws) -> (matrix) {height:i, width:i, flipColumns:f, flipRows:f, angleLow:f, angleHigh:f, downLow:f, downHigh:f, rightLow:f, rightHigh:f, tallLow:f, tallHigh:f, wideLow:f, wideHigh:f, proportional:i}',
  'affineWarp(x, matrix) -> (y) {interpolation:i, fillMode:i, fillValue:f}',
  'affineWarpGrad(dy, matrix) -> (dx) {interpolation:i, fillMode:i, fillValue:f}',
  'absPower(x) -> (y) {exponent:f, signed:i}',
  'batchNorm(x, gamma?, beta?) -> (y, mean, variance) {epsilon:f, activation:i}',
  'batchNormGrad(x, gamma?, mean, variance, dy, beta?) -> (dx, dgamma, dbeta) {epsilon:f, activation:i}',
  'batchNormInference(x, gamma?, beta?, mean, variance) -> (y) {epsilon:f, activation:i}',
  'batchNormInferenceGrad(x, gamma?, mean, variance, dy) -> (dx, dgamma, dbeta) {epsilon:f}',
  'updateAverage(average, value) -> (y) {momentum:f, correction:f}',
  'groupNorm(x, gamma?, beta?) -> (y) {groups:i, epsilon:f, centered:i}',
  'groupNormGrad(x, gamma?, dy) -> (dx, dgamma, dbeta) {groups:i, epsilon:f, centered:i}',
  'localResponseNorm(x) -> (y) {depthRadius:i, bias:f, alpha:f, beta:f}',
  'localResponseNormGrad(x, dy) -> (dx) {depthRadius:i, bias:f, alpha:f, beta:f}',
  'embedding(x, table) -> (y) {}',
  'embeddingGrad(x, dy) -> (dtable) {inputDim:i}',
  'dropout(x, seed) -> (y) {rate:f, salt:i}',
  'randomUniform(seed) -> (y) {shape:i9, minimum:f, maximum:f, salt:i}',
  'randomNormal(seed) -> (y) {shape:i9, mean:f, stddev:f, salt:i}',
  'pad(x) -> (y) {before:i9, after:i9, mode:i, value:f}',
  'padGrad(dy) -> (dx) {before:i9, after:i9, mode:i}',
  'reshape(x) -> (y) {shape:i9}',
  'slice(x) -> (y) {begin:i9, size:i9}',
  'concat(...xs) -> (y) {axis:i}',
  'transpose(x) -> (y) {permutation:i9}',
  'reverse(x) -> (y) {axes:i9}',
  'softmaxCrossEntropy(logits, labels) -> (loss, probabilities) {}',
  'softmaxCrossEntropyGrad(probabilities, labels, dloss) -> (dlogits) {}',
  'sparseSoftmaxCrossEntropy(logits, labels) -> (loss, probabilities) {ignoreIndex:i}',
  'sparseSoftmaxCrossEntropyGrad(probabilities, labels, dloss) -> (dlogits) {ignoreIndex:i}',
  'sigmoidCrossEntropy(logits, labels) -> (loss) {}',
  'sigmoidCrossEntropyGrad(logits, labels, dloss) -> (dlogits) {}',
  'sgd(parameter, gradient, learningRate, segments?, factors?, scale?) -> (updatedParameter) {weightDecay:f, decoupled:i, clipValue:f}',
  'sgdMomentum(parameter, gradient, momentum, learningRate, segments?, factors?, scale?) -> (updatedParameter, updatedMomentum) {weightDecay:f, decoupled:i, clipValue:f, momentum:f, nesterov:i}',
  'rmsprop(parameter, gradient, velocity, learningRate, segments?, factors?, scale?) -> (updatedParameter, updatedVelocity) {weightDecay:f, decoupled:i, clipValue:f, rho:f, epsilon:f}',
  'rmspropMomentum(parameter, gradient, velocity, momentum, learningRate, segments?, factors?, scale?) -> (updatedParameter, updatedVelocity, updatedMomentum) {weightDecay:f, decoupled:i, clipValue:f, rho:f, epsilon:f, momentum:f}',
  'rmspropCentered(parameter, gradient, velocity, averageGradient, learningRate, segments?, factors?, scale?) -> (updatedParameter, updatedVelocity, updatedAverageGradient) {weightDecay:f, decoupled:i, clipValue:f, rho:f, epsilon:f}',
  'rmspropCenteredMomentum(parameter, gradient, velocity, averageGradient, momentum, learningRate, segments?, factors?, scale?) -> (updatedParameter, updatedVelocity, updatedAverageGradient, updatedMomentum) {weightDecay:f, decoupled:i, clipValue:f, rho:f, epsilon:f, momentum:f}',
  'adagrad(parameter, gradient, accumulator, learningRate, segments?, factors?, scale?) -> (updatedParameter, updatedAccumulator) {weightDecay:f, decoupled:i, clipValue:f, epsilon:f}',
  'adadelta(parameter, gradient, accumulatedGradient, accumulatedDelta, learningRate, segments?, factors?, scale?) -> (updatedParameter, updatedAccumulatedGradient, updatedAccumulatedDelta) {weightDecay:f, decoupled:i, clipValue:f, rho:f, epsilon:f}',
  'adam(parameter, gradient, m, v, learningRate, correction, segments?, factors?, scale?) -> (updatedParameter, updatedM, updatedV) {weightDecay:f, decoupled:i, clipValue:f, beta1:f, beta2:f, epsilon:f}',
  'adamAmsgrad(parameter, gradient, m, v, vMax, learningRate, correction, segments?, factors?, scale?) -> (updatedParameter, updatedM, updatedV, updatedVMax) {weightDecay:f, decoupled:i, clipValue:f, beta1:f, beta2:f, epsilon:f}',
  'adamax(parameter, gradient, m, u, learningRate, correction, segments?, factors?, scale?) -> (updatedParameter, updatedM, updatedU) {weightDecay:f, decoupled:i, clipValue:f, beta1:f, beta2:f, epsilon:f}',
  'nadam(parameter, gradient, m, v, learningRate, mixture, segments?, factors?, scale?) -> (updatedParameter, updatedM, updatedV) {weightDecay:f, decoupled:i, clipValue:f, beta1:f, beta2:f, epsilon:f}',
  'lion(parameter, gradient, m, learningRate, segments?, factors?, scale?) -> (updatedParameter, updatedM) {weightDecay:f, decoupled:i, clipValue:f, beta1:f, beta2:f}',
  'lambDirection(parameter, gradient, m, v, correction, segments?, factors?, scale?) -> (direction, updatedM, updatedV) {weightDecay:f, decoupled:i, clipValue:f, beta1:f, beta2:f, epsilon:f}',
  'segmentSquares(x, segments?) -> (squares) {}',
  'clipScale(...squares) -> (scale) {limit:f, together:i}',
  'trustRatio(parameterSquares, updateSquares, learningRate, factors?) -> (ratio) {weightDecay:f}',
  'adafactorScale(parameterSquares, updateSquares, learningRate, limit, factors?) -> (scale) {size:f, epsilon:f, clipThreshold:f, weightDecay:f}',
  'averageWeights(parameter, average, control) -> (updatedParameter, updatedAverage) {}',
  // winograd
  'winogradFilter(weight) -> (u) {tile:i, rotate:i}',
  'winogradConv2d(x, u, bias?, residual?) -> (y) {tile:i, kernelSize:i, filters:i, padding:i4, activation:i}',
  'winogradConv2dGradWeight(x, dy) -> (dw) {tile:i, kernelSize:i, padding:i4}',
  // packed weights
  'packFilter(weight) -> (packed) {}',
  'packedConv2d(x, packed, bias?, residual?) -> (y) {kernelSize:i2, filters:i, strides:i2, padding:i4, dilation:i2, activation:i}',
  // folding
  'foldBatchNorm(weight, bias?, gamma?, beta?, mean, variance) -> (foldedWeight, foldedBias) {epsilon:f, axis:i}',
];

test('the table is the vocabulary', () => {
  expect([...builtinOps.values()].map(signature)).toEqual(signatures);
});

test('every op has cases, each under its own name', () => {
  for (const op of builtinOps.values()) {
    const names = op.cases.map(({ name }) => name);
    expect(names.length, op.name).toBeGreaterThan(0);
    expect(new Set(names).size, `${op.name}: ${names.join(', ')}`).toBe(names.length);
  }
});

/** Runs a case over outputs and scratch that hold `rubbish`, at an odd place in memory. */
function runWith(op: AnyOp, opCase: OpCase, bits: 32 | 64, rubbish: number) {
  const inputs = caseInputs(op, opCase, bits);
  const attrs = completeAttrs(op, opCase.attrs ?? {}, op.name);
  const specs = op.infer(inferContext(op.name, inputs, attrs));
  const allocateRubbish = (dtype: DType, length: number) =>
    allocate(dtype, length + 1, bits)
      .fill(rubbish)
      .subarray(1);
  const outputs = specs.map((spec) => ({ ...spec, data: allocateRubbish(spec.dtype, sizeOf(spec.shape)) }));
  const scratch = allocateRubbish('float32', op.scratch?.(inputs, specs, attrs) ?? 0) as Float32Array | Float64Array;
  const before = inputs.map((input) => input && bytesOf(input.data.slice()));
  op.run({ inputs, outputs, attrs, scratch });
  inputs.forEach((input, i) => {
    if (input) expect(before[i]?.equals(bytesOf(input.data)), `input ${i} stays as it is`).toBe(true);
  });
  return outputs;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: NumericArray) => Buffer.from(buffer, byteOffset, byteLength);

/** Largest difference relative to the largest exact value; infinite where NaN or infinities differ. */
function relativeDifference(actual: NumericArray, exact: NumericArray): number {
  let worst = 0;
  let largest = 1e-30;
  for (let i = 0; i < exact.length; i++) {
    if (Object.is(actual[i], exact[i])) continue;
    if (!Number.isFinite(exact[i])) return Number.POSITIVE_INFINITY;
    worst = Math.max(worst, Math.abs(actual[i] - exact[i]));
  }
  for (const value of exact) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  return worst / largest;
}

describe('results depend on the inputs alone', () => {
  test.each(allCases())('%s: %s', (_, __, op, opCase) => {
    const single = runWith(op, opCase, 32, Number.NaN);
    const double = runWith(op, opCase, 64, Number.NaN);
    const again = [...runWith(op, opCase, 32, 77), ...runWith(op, opCase, 64, 77)];
    [...single, ...double].forEach(({ data }, k) => {
      expect(bytesOf(data).equals(bytesOf(again[k].data)), `output ${k}`).toBe(true);
    });
    single.forEach(({ data }, k) => {
      const difference = relativeDifference(data, double[k].data);
      expect(difference, `single and double precision, output ${k}`).toBeLessThan(opCase.tolerance ?? 1e-5);
    });
  });
});

const float = (...shape: number[]): TensorSpec => ({ shape, dtype: 'float32' });
const int = (...shape: number[]): TensorSpec => ({ shape, dtype: 'int32' });
const byte = (...shape: number[]): TensorSpec => ({ shape, dtype: 'uint8' });

function errorOf(op: string, inputs: readonly (TensorSpec | null)[], attrs: AnyAttrs = {}): OcellusError {
  const row = builtin(op);
  const where = `${op} 'stem/layer'`;
  try {
    row.infer(inferContext(where, inputs, completeAttrs(row, attrs, where)));
  } catch (error) {
    if (error instanceof OcellusError) return error;
    throw error;
  }
  throw new Error(`${op}: nothing was thrown`);
}

const pool = { poolSize: [2, 2], strides: [2, 2] };
const cube = { poolSize: [2, 2, 2], strides: [1, 1, 1] };

const errors: [string, (TensorSpec | null)[], AnyAttrs, RegExp][] = [
  ['relu', [], {}, /an input 'x', got none/],
  ['relu', [int(2)], {}, /'x' of type float32, got int32 2/],
  ['reluGrad', [float(2, 3), float(3, 2)], {}, /'dy' of shape 2x3 \(the shape of 'y'\), got 3x2/],
  ['relu6GradBias', [float(2, 3), float(2, 3), float(3)], {}, /'other' of shape 2x3 \(the shape of 'y'\), got 3/],
  ['relu6GradBias', [float(), float()], {}, /rank 1 or more, got a scalar/],
  ['add', [float(2), float(2)], { activation: 'tanh' }, /one of linear, relu, relu6, got tanh/],
  ['leakyRelu', [float(2)], { alpha: -1 }, /alpha of at least 0, got -1/],
  ['softmax', [float()], {}, /rank 1 or more, got a scalar/],
  ['logSoftmax', [float(3, 0)], {}, /at least one class/],
  ['add', [float(2, 3), float(2)], {}, /two shapes that broadcast, got 2x3 and 2\n {2}help: aligned at the last axis/],
  ['multiply', [float(2), byte(2)], {}, /'b' of type float32, got uint8 2/],
  ['fill', [], { shape: [2, -1] }, /shape of at least 0/],
  ['oneHot', [float(3)], { depth: 2 }, /'labels' of type int32/],
  ['oneHot', [int(3)], { depth: 0 }, /depth of at least 1/],
  ['oneHot', [int(1, 1, 1, 1, 1, 1, 1, 1)], { depth: 2 }, /rank 7 or less/],
  ['reduceSum', [float(2, 3)], { axes: [2] }, /axes of 2x3, ascending/],
  ['reduceSum', [float(2, 3)], { axes: [1, 0] }, /ascending/],
  ['reduceMean', [float(2, 3)], { axes: [1, 1] }, /each once/],
  ['reduceMean', [float(2, 3)], { axes: [-1] }, /got \[-1\]/],
  ['broadcastTo', [float(3)], { shape: [3, 2] }, /'x' that broadcasts to 3x2, got 3/],
  ['broadcastTo', [float(2, 3)], { shape: [3] }, /'x' that broadcasts to 3, got 2x3/],
  ['matmul', [float(2, 3), float(2, 4)], {}, /inner sizes .* equal, got 2x3 and 2x4/],
  ['batchMatmul', [float(2, 3, 4), float(3, 4, 5)], {}, /'b' of the batch of 'a' \(2\), got 3/],
  ['batchMatmul', [float(2, 3, 4), float(2, 3, 4)], {}, /inner sizes .* equal, got 2x3x4 and 2x3x4/],
  ['matmul', [float(2, 3, 1), float(3, 4)], {}, /'a' of rank 2, got rank 3 \(2x3x1\)/],
  ['dense', [float(2, 3), float(4, 5), null], {}, /'x' with 4 features \(the weight is 4x5\), got 2x3/],
  ['dense', [float(2, 3), float(3, 5), float(3)], {}, /'bias' of shape 5/],
  ['dense', [float(2, 3, 4), float(4, 5), null], {}, /'x' of rank 2/],
  ['conv2d', [float(2, 3, 3), float(3, 3, 1, 1), null], {}, /'x' of rank 4, got rank 3/],
  ['conv2d', [byte(1, 5, 5, 3), float(3, 3, 3, 1), null], {}, /'x' of type float32, got uint8/],
  ['conv2d', [float(1, 5, 5, 3), float(3, 3, 4, 8), null], {}, /'weight' for 3 input channels, got 4 \(3x3x4x8\)/],
  [
    'conv2d',
    [float(1, 5, 5, 4), float(3, 3, 4, 8), null],
    { groups: 2 },
    /2 input channels per group \(4 \/ 2\), got 4/,
  ],
  [
    'conv2d',
    [float(1, 5, 5, 3), float(3, 3, 1, 8), null],
    { groups: 2 },
    /input channels that groups \(2\) divide, got 3/,
  ],
  ['conv2d', [float(1, 5, 5, 4), float(3, 3, 2, 7), null], { groups: 2 }, /filters that groups \(2\) divide, got 7/],
  ['conv2d', [float(1, 5, 5, 3), float(3, 3, 3, 8), float(3)], {}, /'bias' of shape 8 \(one per filter\), got 3/],
  [
    'conv2d',
    [float(1, 5, 5, 3), float(3, 3, 3, 8), null, float(1, 3, 3, 1)],
    {},
    /'residual' of shape 1x3x3x8 \(the shape of the output\), got 1x3x3x1/,
  ],
  [
    'conv2d',
    [float(1, 5, 5, 4), float(3, 3, 2, 8), null, float(1, 3, 3, 8)],
    { groups: 2 },
    /no 'residual' beside groups, got groups 2/,
  ],
  [
    'winogradConv2d',
    [float(1, 4, 4, 3), float(36, 1, 3, 32), null, float(4, 4, 5)],
    { tile: 4, kernelSize: 3, filters: 5, padding: [1, 1, 1, 1] },
    /'residual' of shape 1x4x4x5/,
  ],
  ['conv2d', [float(1, 2, 5, 3), float(3, 3, 3, 8), null], {}, /fits into the padded input of 2x5, got 3x3\n {2}help/],
  ['conv2d', [float(1, 4, 4, 3), float(3, 3, 3, 8), null], { dilation: [2, 2] }, /got 3x3, dilation 2,2/],
  ['conv2d', [float(1, 0, 4, 3), float(3, 3, 3, 8), null], {}, /sizes of at least 1 after the batch axis, got 1x0x4x3/],
  ['conv2d', [float(1, 4, 4, 3), float(3, 0, 3, 8), null], {}, /'weight' with sizes of at least 1/],
  ['conv2d', [float(1, 4, 4, 3), float(3, 3, 3, 8), null], { strides: [0, 1] }, /strides of at least 1, got \[0,1\]/],
  ['conv2d', [float(1, 4, 4, 3), float(3, 3, 3, 8), null], { padding: [0, 0, -1, 0] }, /padding of at least 0/],
  ['conv2d', [float(1, 4, 4, 3), float(3, 3, 3, 8), null], { groups: 0 }, /groups of at least 1/],
  [
    'conv2d',
    [float(1, 4, 4, 3), float(3, 3, 3, 8), null],
    { activation: 'gelu' },
    /one of linear, relu, sigmoid, tanh, relu6, got gelu/,
  ],
  [
    'conv2dGradInput',
    [float(1, 3, 3, 8), float(3, 3, 3, 8)],
    { inputSize: [6, 5] },
    /'dy' of 4x3 pixels, got 3x3\n {2}help/,
  ],
  [
    'conv2dGradInput',
    [float(1, 3, 3, 7), float(3, 3, 3, 8)],
    { inputSize: [5, 5] },
    /'dy' with 8 channels .*, got 1x3x3x7/,
  ],
  ['conv2dGradInput', [float(1, 3, 3, 8), float(3, 3, 3, 8)], { inputSize: [0, 5] }, /inputSize of at least 1/],
  ['conv2dGradWeight', [float(2, 5, 5, 3), float(1, 3, 3, 8)], { kernelSize: [3, 3] }, /batch of 'x' \(2\), got 1/],
  ['conv2dGradWeight', [float(1, 5, 5, 3), float(1, 3, 3, 8)], { kernelSize: [2, 3] }, /'dy' of 4x3 pixels, got 3x3/],
  ['conv2dTranspose', [float(1, 3, 3, 8), float(3, 3, 4, 8), float(8)], { outputSize: [5, 5] }, /'bias' of shape 4/],
  [
    'conv2dTranspose',
    [float(1, 3, 3, 8), float(3, 3, 4, 8), null],
    { outputSize: [4, 5] },
    /'x' of 2x3 pixels, got 3x3/,
  ],
  ['packFilter', [float(3, 3, 0, 8)], {}, /'weight' with sizes of at least 1, got 3x3x0x8/],
  [
    'packedConv2d',
    [float(1, 5, 5, 3), float(1, 27, 32), null],
    { kernelSize: [3, 3], filters: 40 },
    /'packed' of shape 2x27x32 \(the packed weight\), got 1x27x32/,
  ],
  [
    'packedConv2d',
    [float(1, 2, 5, 3), float(1, 27, 32), null],
    { kernelSize: [3, 3], filters: 8 },
    /fits into the padded input of 2x5, got 3x3/,
  ],
  [
    'packedConv2d',
    [float(1, 5, 5, 3), float(1, 27, 32), null],
    { kernelSize: [3, 3], filters: 0 },
    /filters of at least 1/,
  ],
  ['maxPool2d', [float(1, 4, 4)], pool, /'x' of rank 4/],
  ['maxPool2d', [float(1, 1, 4, 2)], pool, /a pool that fits into the padded input of 1x4, got 2x2/],
  ['maxPool2d', [float(1, 4, 4, 2)], { ...pool, padding: [0, 2, 0, 0] }, /padding smaller than the pool of 2x2/],
  ['averagePool2d', [float(1, 4, 4, 2)], { ...pool, poolSize: [0, 2] }, /poolSize of at least 1/],
  [
    'maxPool2dGrad',
    [int(1, 2, 2, 2), float(1, 2, 2, 2)],
    { ...pool, inputSize: [4, 4] },
    /'indices' of type uint8, got int32/,
  ],
  ['maxPool2dGrad', [byte(1, 2, 2, 2), float(1, 2, 2, 2)], { ...pool, inputSize: [6, 4] }, /'dy' of 3x2 pixels/],
  ['averagePool2dGrad', [float(1, 2, 2, 2)], { ...pool, inputSize: [4, 7] }, /'dy' of 2x3 pixels/],
  ['maxPool3d', [float(1, 4, 4, 2)], cube, /'x' of rank 5/],
  ['maxPool3d', [float(1, 2, 2, 1, 2)], cube, /a pool that fits into the padded input of 2x2x1, got 2x2x2/],
  ['maxPool3d', [float(1, 2, 2, 2, 2)], { ...cube, dilation: [1, 2, 1] }, /padded input of 2x2x2, got 2x3x2/],
  ['maxPool3d', [float(1, 2, 2, 2, 2)], { ...cube, padding: [0, 0, 2, 0, 0, 0] }, /padding smaller than the pool/],
  ['maxPool3d', [float(1, 2, 2, 2, 2)], { ...cube, strides: [1, 0, 1] }, /strides of at least 1/],
  ['maxPool3d', [float(1, 2, 0, 2, 2)], cube, /sizes of at least 1 after the batch axis/],
  ['adaptiveMaxPool3d', [float(1, 2, 2, 2, 2)], { outputSize: [1, 0, 1] }, /outputSize of at least 1/],
  ['adaptiveAveragePool3d', [float(1, 2, 2, 2)], { outputSize: [1, 1, 1] }, /'x' of rank 5/],
  ['adaptiveAveragePool3dGrad', [float(1, 2, 2, 2, 2)], { inputSize: [1, 0, 1] }, /inputSize of at least 1/],
  [
    'fractionalMaxPool3d',
    [float(1, 1, 5, 5, 2), null],
    { poolSize: [1, 2, 2], outputSize: [1, 5, 3] },
    /outputSize of at most 1x4x4 \(pool 1x2x2\), got 1x5x3/,
  ],
  [
    'fractionalMaxPool3d',
    [float(1, 1, 5, 5, 2), int(3)],
    { poolSize: [1, 2, 2], outputSize: [1, 3, 3] },
    /'seed' of two numbers/,
  ],
  [
    'fractionalMaxPool3d',
    [float(1, 1, 5, 5, 2), null],
    { poolSize: [1, 2, 2], outputSize: [1, 3, 3], samples: [0, 1, 0] },
    /samples in \[0, 1\), got 1/,
  ],
  [
    'maxUnpool',
    [float(1, 1, 2, 2, 1), int(1, 1, 2, 1, 1)],
    { outputSize: [1, 4, 4] },
    /'indices' of shape 1x1x2x2x1 \(the shape of 'x'\), got 1x1x2x1x1/,
  ],
  ['maxUnpool', [float(1, 1, 1, 1, 1), float(1, 1, 1, 1, 1)], { outputSize: [1, 1, 1] }, /'indices' of type int32/],
  ['takeCells', [float(1, 1, 4, 4, 2), int(1, 1, 2, 2, 3)], {}, /'indices' for 1 samples of 2 channels, got 1x1x2x2x3/],
  ['resize', [float(2, 3)], { axis: 2, size: 2 }, /axis in \[0, 2\), got 2/],
  ['resize', [float(2, 3)], { axis: 1, size: 0 }, /size of at least 1/],
  ['resizeGrad', [float(2, 0)], { axis: 1, size: 3 }, /'dy' with at least one cell along axis 1, got 2x0/],
  ['resize', [float(2, 3)], { axis: 1, size: 2, mode: 'bicubic' }, /one of nearest, linear, cubic, got bicubic/],
  ['absPower', [int(2)], {}, /'x' of type float32/],
  ['batchNorm', [float(2, 3), float(2), null], {}, /'gamma' of shape 3 \(one per channel\), got 2/],
  ['batchNorm', [float(0, 3), null, null], {}, /at least one value per channel, got 0x3/],
  ['batchNorm', [float(2, 3), null, null], { epsilon: -1 }, /epsilon of at least 0/],
  ['batchNormInference', [float(), null, null, float(1), float(1)], {}, /at least one channel/],
  ['batchNormInference', [float(2, 3), null, null, float(3), null], {}, /an input 'variance', got none/],
  ['batchNormGrad', [float(2, 3), null, float(3), float(3), float(3, 2)], {}, /'dy' of shape 2x3/],
  ['updateAverage', [float(2), float(3)], {}, /'value' of shape 2/],
  ['updateAverage', [float(2), float(2)], { momentum: 1.5 }, /momentum in \[0, 1\], got 1.5/],
  ['dropout', [float(2), int(2)], { rate: 1 }, /rate in \[0, 1\), got 1/],
  ['dropout', [float(2), int(1)], {}, /'seed' of two numbers/],
  ['reshape', [float(2, 3)], { shape: [4, -1] }, /a shape of 6 elements \(x is 2x3\), got 4x-1/],
  ['reshape', [float(2, 3)], { shape: [-1, -1] }, /at most one size may be -1/],
  ['reshape', [float(2, 3)], { shape: [7] }, /a shape of 6 elements/],
  ['conv3d', [float(1, 4, 4, 3), float(3, 3, 3, 3, 8), null], {}, /'x' of rank 5/],
  ['conv3d', [float(1, 2, 5, 4, 3), float(3, 3, 3, 3, 8), null], {}, /fits into the padded input of 2x5x4, got 3x3x3/],
  ['conv3d', [float(1, 4, 4, 4, 3), float(3, 3, 3, 2, 8), null], {}, /'weight' for 3 input channels/],
  [
    'conv3dGradInput',
    [float(1, 2, 2, 2, 4), float(3, 3, 3, 3, 4)],
    { inputSize: [4, 4, 5] },
    /'dy' of 2x2x3 pixels, got 2x2x2/,
  ],
  ['reverse', [float(2, 3)], { axes: [2] }, /axes in \[0, 2\), got 2/],
  ['reverse', [float(2, 3)], { axes: [1, 1] }, /axes that differ, got \[1,1\]/],
  ['pad', [float(2, 3)], { before: [1], after: [1, 1] }, /before with one number per axis of 2x3, got \[1\]/],
  ['pad', [float(2)], { before: [1], after: [-1] }, /after of at least 0/],
  [
    'pad',
    [float(2, 0)],
    { before: [0, 1], after: [0, 0], mode: 'circular' },
    /size of at least 1 on axis 1 .*, got 2x0/,
  ],
  ['padGrad', [float(4)], { before: [2], after: [2], mode: 'reflect' }, /longer than its paddings/],
  ['slice', [float(2, 3)], { begin: [0, 2], size: [2, 2] }, /a part of 2x3, got begin \[0,2\], size \[2,2\]/],
  ['concat', [float(2, 3), float(2, 4)], { axis: 0 }, /'xs\[1\]' to equal 2x3 on all axes but 0, got 2x4/],
  ['concat', [float(2, 3), byte(2, 3)], { axis: 0 }, /'xs\[1\]' of type float32/],
  ['concat', [float(2, 3)], { axis: 2 }, /axis in \[0, 2\), got 2/],
  ['transpose', [float(2, 3)], { permutation: [0, 0] }, /a permutation of the 2 axes/],
  ['softmaxCrossEntropy', [float(2, 3), float(2, 4)], {}, /'labels' of shape 2x3/],
  ['softmaxCrossEntropyGrad', [float(2, 3), float(2, 3), float(3)], {}, /'dloss' of shape 2 \(one per row\)/],
  ['sparseSoftmaxCrossEntropy', [float(2, 3), float(2)], {}, /'labels' of type int32/],
  ['sparseSoftmaxCrossEntropy', [float(2, 3), int(3)], {}, /2 labels, one per row of logits, got 3/],
  ['sigmoidCrossEntropy', [float(2, 1), float(2)], {}, /'labels' of shape 2x1/],
  ['sgd', [float(2), float(3), float(1)], {}, /'gradient' of shape 2/],
  ['sgd', [float(2), float(2), float()], {}, /'learningRate' of shape 1 \(one number\), got scalar/],
  ['sgdMomentum', [float(2), float(2), float(2), float(1)], { momentum: -0.1 }, /momentum in \[0, 1\]/],
  ['adam', [float(2), float(2), float(2), float(2), float(1), float(1)], {}, /'correction' of shape 2/],
  ['adam', [float(2), float(2), float(2), float(2), float(1), float(2)], { beta1: 1 }, /beta1 in \[0, 1\)/],
];

describe('infer rejects', () => {
  test.each(errors)('%s %j %j', (op, inputs, attrs, message) => {
    const error = errorOf(op, inputs, attrs);
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(`${op} 'stem/layer'`)).toBe(true);
    expect(error.code).toMatch(/^ERR_OCELLUS_(SHAPE|ARGUMENT)$/);
  });
});
