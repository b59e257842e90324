// Fills the test cases of op rows with data: deterministic, the same numbers on every machine and for every backend.

import type { DType, NumericArray, TensorView } from '../core/dtype.js';
import { hashName, Random } from '../core/random.js';
import { sizeOf } from '../core/shape.js';
import type { AnyOp, CaseInput, OpCase } from './op.js';

/** Float width of generated data: 64 for gradient checks. */
export type FloatBits = 32 | 64;

/** Zeros of a tensor; `float32` tensors hold doubles when `bits` is 64. */
export function allocate(dtype: DType, length: number, bits: FloatBits = 32): NumericArray {
  if (dtype === 'int32') return new Int32Array(length);
  if (dtype === 'uint8') return new Uint8Array(length);
  return bits === 64 ? new Float64Array(length) : new Float32Array(length);
}

/** The inputs of a case; null where an optional input is left out. */
export function caseInputs(op: AnyOp, opCase: OpCase, bits: FloatBits = 32): (TensorView | null)[] {
  return opCase.inputs.map((input, i) => {
    if (!input) return null;
    const dtype = input.dtype ?? 'float32';
    const data = allocate(dtype, sizeOf(input.shape), bits);
    fillInput(data, input, new Random(hashName(`${op.name}/${opCase.name}/${i}`)));
    return { shape: [...input.shape], dtype, data };
  });
}

function fillInput(data: NumericArray, input: CaseInput, random: Random): void {
  const values = input.values ?? 'normal';
  if (typeof values !== 'string') {
    data.set(values);
  } else if (values === 'probabilities') {
    fillProbabilities(data, input.shape[input.shape.length - 1] ?? 1, random);
  } else if (values === 'distinct') {
    const order = random.shuffle(Int32Array.from({ length: data.length }, (_, i) => i));
    for (let i = 0; i < data.length; i++) data[i] = (order[i] - data.length / 2) * 0.02;
  } else {
    const draw = drawers[values];
    for (let i = 0; i < data.length; i++) data[i] = draw(random, input.max ?? 2);
  }
}

const drawers = {
  normal: (random: Random) => random.normal(),
  positive: (random: Random) => 0.5 + random.uniform(),
  awayFromZero: (random: Random) => (0.2 + random.uniform()) * (random.uniform() < 0.5 ? -1 : 1),
  labels: (random: Random, max: number) => random.integer(max),
  bytes: (random: Random) => random.integer(256),
} satisfies Record<string, (random: Random, max: number) => number>;

function fillProbabilities(data: NumericArray, classes: number, random: Random): void {
  for (let start = 0; start < data.length; start += classes) {
    let sum = 0;
    for (let i = start; i < start + classes; i++) {
      data[i] = 0.05 + random.uniform();
      sum += data[i];
    }
    for (let i = start; i < start + classes; i++) data[i] /= sum;
  }
}
