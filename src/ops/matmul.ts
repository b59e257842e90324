// Matrix products, each matrix read as it stands or transposed: of two matrices, and of a whole batch of pairs.

import { shapeText } from '../core/shape.js';
import { gemm, gemmScratch, matrix } from './gemm.js';
import { attr, defineOp, floats, type GradientContext, type OpCase, type Value } from './op.js';
import { float32, floatInput } from './rules.js';

/** y = a * b as nodes of the graph; of every pair when they are batches. */
export function emitProduct(
  context: GradientContext,
  a: Value,
  b: Value,
  transposeA: boolean,
  transposeB: boolean,
): Value {
  const name = a.shape.length === 3 ? 'batchMatmul' : 'matmul';
  return context.emit(name, [a, b], { transposeA: Number(transposeA), transposeB: Number(transposeB) })[0];
}

/** The product of matrices with `lead` axes before their own two: 0, or 1 for a batch. */
function product(name: string, lead: 0 | 1, cases: readonly OpCase[]) {
  const depthOf = (shape: readonly number[] | undefined, transposeA: number): number =>
    shape?.[lead + (transposeA ? 0 : 1)] ?? 0;
  return defineOp({
    name,
    inputs: ['a', 'b'],
    outputs: ['y'],
    attrs: { transposeA: attr.int(0), transposeB: attr.int(0) },
    infer(context) {
      const { transposeA, transposeB } = context.attrs;
      const a = floatInput(context, 0, 'a', lead + 2).shape;
      const b = floatInput(context, 1, 'b', lead + 2).shape;
      if (lead && a[0] !== b[0]) context.fail(`'b' of the batch of 'a' (${a[0]})`, b[0]);
      const rows = a[lead + (transposeA ? 1 : 0)];
      const columns = b[lead + (transposeB ? 0 : 1)];
      if (depthOf(a, transposeA) !== b[lead + (transposeB ? 1 : 0)]) {
        const flags = `transposeA ${transposeA}, transposeB ${transposeB}`;
        context.fail(`inner sizes of 'a' and 'b' to be equal`, `${shapeText(a)} and ${shapeText(b)} (${flags})`);
      }
      return [float32([...a.slice(0, lead), rows, columns])];
    },
    run({ inputs, outputs, attrs: { transposeA, transposeB }, scratch }) {
      const [a, b, y] = [floats(inputs[0]), floats(inputs[1]), floats(outputs[0])];
      const [rows, columns] = outputs[0].shape.slice(lead);
      const batch = lead ? outputs[0].shape[0] : 1;
      const depth = depthOf(inputs[0]?.shape, transposeA);
      y.fill(0);
      for (let n = 0; n < batch; n++) {
        const [fromA, fromB] = [n * rows * depth, n * depth * columns];
        const left = transposeA ? matrix(a, fromA, 1, rows) : matrix(a, fromA, depth, 1);
        const right = transposeB ? matrix(b, fromB, depth, 1) : matrix(b, fromB, 1, columns);
        gemm(rows, columns, depth, left, right, y, n * rows * columns, columns, scratch);
      }
    },
    gradient(context) {
      const [a, b] = context.inputs as readonly Value[];
      const dy = context.dOutputs[0] as Value;
      const transposeA = context.attrs.transposeA !== 0;
      const transposeB = context.attrs.transposeB !== 0;
      const da = () =>
        transposeA ? emitProduct(context, b, dy, transposeB, true) : emitProduct(context, dy, b, false, !transposeB);
      const db = () =>
        transposeB ? emitProduct(context, dy, a, true, transposeA) : emitProduct(context, a, dy, !transposeA, false);
      return [context.needs[0] ? da() : null, context.needs[1] ? db() : null];
    },
    flops: (inputs, outputs, { transposeA }) =>
      2 * outputs[0].shape.reduce((a, b) => a * b, 1) * depthOf(inputs[0]?.shape, transposeA),
    scratch: (inputs, outputs, { transposeA }) =>
      gemmScratch(outputs[0].shape[lead], outputs[0].shape[lead + 1], depthOf(inputs[0]?.shape, transposeA)),
    cases,
  });
}

const matmulCases: OpCase[] = [
  { name: 'prime sizes', inputs: [{ shape: [7, 11] }, { shape: [11, 5] }] },
  { name: 'a transposed', inputs: [{ shape: [11, 7] }, { shape: [11, 5] }], attrs: { transposeA: 1 } },
  { name: 'b transposed', inputs: [{ shape: [7, 11] }, { shape: [5, 11] }], attrs: { transposeB: 1 } },
  {
    name: 'both transposed',
    inputs: [{ shape: [11, 7] }, { shape: [5, 11] }],
    attrs: { transposeA: 1, transposeB: 1 },
  },
  { name: 'row times column', inputs: [{ shape: [1, 13] }, { shape: [13, 1] }] },
  { name: 'column times row', inputs: [{ shape: [5, 1] }, { shape: [1, 3] }] },
  { name: 'one element', inputs: [{ shape: [1, 1] }, { shape: [1, 1] }] },
  { name: 'multiples of the tile', inputs: [{ shape: [8, 16] }, { shape: [16, 12] }] },
  { name: 'beyond one block', inputs: [{ shape: [67, 259] }, { shape: [259, 17] }], gradientOf: [] },
  { name: 'wide', inputs: [{ shape: [3, 5] }, { shape: [5, 519] }], gradientOf: [] },
  { name: 'empty batch', inputs: [{ shape: [0, 3] }, { shape: [3, 2] }] },
  { name: 'nothing to sum gives zero', inputs: [{ shape: [2, 0] }, { shape: [0, 3] }] },
];

const batchMatmulCases: OpCase[] = [
  { name: 'prime sizes', inputs: [{ shape: [3, 7, 11] }, { shape: [3, 11, 5] }] },
  { name: 'a transposed', inputs: [{ shape: [2, 11, 7] }, { shape: [2, 11, 5] }], attrs: { transposeA: 1 } },
  { name: 'b transposed', inputs: [{ shape: [2, 7, 11] }, { shape: [2, 5, 11] }], attrs: { transposeB: 1 } },
  {
    name: 'both transposed',
    inputs: [{ shape: [2, 11, 7] }, { shape: [2, 5, 11] }],
    attrs: { transposeA: 1, transposeB: 1 },
  },
  { name: 'rows times columns', inputs: [{ shape: [5, 1, 13] }, { shape: [5, 13, 1] }] },
  { name: 'columns times rows', inputs: [{ shape: [3, 5, 1] }, { shape: [3, 1, 3] }] },
  { name: 'beyond one block', inputs: [{ shape: [2, 67, 259] }, { shape: [2, 259, 17] }], gradientOf: [] },
  { name: 'empty batch', inputs: [{ shape: [0, 3, 4] }, { shape: [0, 4, 2] }] },
  { name: 'nothing to sum gives zero', inputs: [{ shape: [2, 2, 0] }, { shape: [2, 0, 3] }] },
];

export const matmulOps = [product('matmul', 0, matmulCases), product('batchMatmul', 1, batchMatmulCases)];
