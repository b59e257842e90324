// Whatever a user hands in as a tensor: what is taken, without copying where possible, and what is refused, how.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OcellusError } from '../../src/core/errors.js';
import { type TensorInput, type ToTensorOptions, toTensor } from '../../src/data/array.js';

function errorOf(input: unknown, options?: ToTensorOptions): OcellusError {
  try {
    toTensor('fit: x', input as TensorInput, options);
  } catch (error) {
    expect(error).toBeInstanceOf(OcellusError);
    return error as OcellusError;
  }
  throw new Error('nothing was thrown');
}

function detached<T extends ArrayBufferView<ArrayBuffer>>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

describe('element types', () => {
  it('keeps what fits, in place', () => {
    for (const array of [Float32Array.of(1, 2), Int32Array.of(1, 2), Uint8Array.of(1, 2)]) {
      expect(toTensor('x', array).data).toBe(array);
      expect(toTensor('x', { data: array, shape: [2, 1] }).data).toBe(array);
    }
    const clamped = Uint8ClampedArray.of(9, 10, 11).subarray(1);
    const view = toTensor('x', clamped);
    expect(view.data).toEqual(Uint8Array.of(10, 11));
    expect(view.data.buffer).toBe(clamped.buffer);
    const shared = new Float32Array(new SharedArrayBuffer(8));
    expect(toTensor('x', shared).data).toBe(shared);
  });

  it.each([
    ['Float64Array', Float64Array.of(0.5, 2), 'float32'],
    ['Int8Array', Int8Array.of(-1, 2), 'int32'],
    ['Int16Array', Int16Array.of(-1, 2), 'int32'],
    ['Uint16Array', Uint16Array.of(1, 65535), 'int32'],
    ['Uint32Array', Uint32Array.of(1, 2), 'int32'],
    ['BigInt64Array', BigInt64Array.of(-1n, 2n), 'int32'],
    ['number[]', [1, 2], 'float32'],
    ['Buffer', Buffer.from([1, 2]), 'uint8'],
  ])('%s', (_, input, dtype) => {
    const tensor = toTensor('x', input);
    expect(tensor).toMatchObject({ dtype, shape: [2] });
    expect([...tensor.data]).toEqual([...input].map(Number));
  });

  it('converts when asked, and refuses values that the type cannot hold', () => {
    expect(toTensor('y', Uint8Array.of(3, 9), { dtype: 'int32' }).data).toEqual(Int32Array.of(3, 9));
    expect(
      toTensor(
        'y',
        [
          [1, 0],
          [0, 1],
        ],
        { dtype: 'int32' },
      ),
    ).toMatchObject({ shape: [2, 2], dtype: 'int32' });
    expect(toTensor('x', Uint8Array.of(255), { dtype: 'float32' }).data).toEqual(Float32Array.of(255));
    expect(errorOf([1, 1.5], { dtype: 'int32' }).message).toBe(
      'fit: x[1]: expected a whole number from -2147483648 to 2147483647, got 1.5',
    );
    expect(errorOf([[0], [Number.NaN]], { dtype: 'int32' }).message).toMatch(/^fit: x\[1\]\[0\]: .*got NaN/);
    expect(errorOf([0, 256], { dtype: 'uint8' }).message).toMatch(/from 0 to 255, got 256/);
    expect(errorOf(BigInt64Array.of(2n ** 40n)).message).toMatch(/x\[0\].*got 1099511627776/);
    expect(errorOf(Uint32Array.of(2 ** 31)).code).toBe('ERR_OCELLUS_DATA');
    expect(errorOf([Infinity], { dtype: 'int32' }).code).toBe('ERR_OCELLUS_DATA');
  });
});

describe('shapes', () => {
  it('follows the nesting, typed rows included', () => {
    expect(
      toTensor('x', [
        [[1], [2]],
        [[3], [4]],
        [[5], [6]],
      ]),
    ).toEqual({
      data: Float32Array.of(1, 2, 3, 4, 5, 6),
      shape: [3, 2, 1],
      dtype: 'float32',
    });
    expect(toTensor('x', [Uint8Array.of(1, 2), Uint8Array.of(3, 4)])).toEqual({
      data: Uint8Array.of(1, 2, 3, 4),
      shape: [2, 2],
      dtype: 'uint8',
    });
  });

  it('cuts a flat array into samples', () => {
    expect(toTensor('x', new Float32Array(12), { itemShape: [2, 3] }).shape).toEqual([2, 2, 3]);
    expect(toTensor('x', [1, 2, 3, 4], { itemShape: [2] }).shape).toEqual([2, 2]);
    expect(toTensor('x', new Float32Array(12), { itemShape: [] }).shape).toEqual([12]);
    expect(toTensor('x', { data: new Float32Array(12), shape: [3, 4] }, { itemShape: [2] }).shape).toEqual([3, 4]);
    expect(errorOf(new Float32Array(13), { itemShape: [2, 3] }).message).toBe(
      'fit: x: expected a multiple of 6 numbers, for samples of shape [2,3], got 13',
    );
  });

  it('gives back any nested array', () => {
    const shape = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(shape, (dims) => {
        let next = 0;
        const build = (axis: number): unknown[] =>
          Array.from({ length: dims[axis] }, () => (axis === dims.length - 1 ? next++ : build(axis + 1)));
        const tensor = toTensor('x', build(0) as TensorInput);
        expect(tensor.shape).toEqual(dims);
        expect([...tensor.data]).toEqual(Array.from({ length: next }, (_, i) => i));
      }),
    );
  });
});

describe('what is refused', () => {
  const circular: unknown[] = [];
  circular.push(circular);
  const f = new Float32Array(6);
  const cases: [string, unknown, string, RegExp][] = [
    ['undefined', undefined, 'DATA', /^fit: x: expected a typed array, nested arrays.*got undefined/],
    ['null', null, 'DATA', /got null/],
    ['a number', 3, 'DATA', /got 3/],
    ['text', 'abc', 'DATA', /got abc/],
    ['an object', {}, 'DATA', /got \{\}/],
    ['an ArrayBuffer', new ArrayBuffer(8), 'DATA', /got an ArrayBuffer\n {2}help: wrap it/],
    ['a DataView', new DataView(new ArrayBuffer(8)), 'DATA', /expected a typed array/],
    ['an empty array', [], 'DATA', /at least one element, got an empty array \(shape \[0\]\)/],
    ['empty rows', [[], []], 'DATA', /at least one element, got an empty array \(shape \[2,0\]\)/],
    ['an empty typed array', new Float32Array(0), 'DATA', /at least one element/],
    ['a size of zero', { data: [], shape: [0, 3] }, 'DATA', /at least one element/],
    ['ragged rows', [[1, 2], [3]], 'DATA', /^fit: x\[1\]: expected 2 elements, like the rows before it, got 1/],
    ['longer rows', [[1], [2, 3]], 'DATA', /^fit: x\[1\]: expected 1 elements/],
    ['a number for a row', [[1, 2], 3], 'DATA', /^fit: x\[1\]: expected an array of 2/],
    ['a row for a number', [1, [2]], 'DATA', /^fit: x\[1\]: expected a number, got \[2\]/],
    ['deeper rows', [[[1]], [2]], 'DATA', /^fit: x\[1\]\[0\]: expected an array of 1/],
    ['a shallow typed row', [[[1], [2]], Float32Array.of(1, 2)], 'DATA', /^fit: x\[1\]: expected arrays nested 3 deep/],
    ['text inside', [[1, '2']], 'DATA', /^fit: x\[0\]\[1\]: expected a number, got 2/],
    ['null inside', [1, null], 'DATA', /^fit: x\[1\]: expected a number, got null/],
    ['a hole', new Array(3), 'DATA', /^fit: x\[0\]: expected a number, got undefined/],
    ['an array in itself', circular, 'DATA', /nested at most 8 deep/],
    ['a detached array', detached(new Float32Array(4)), 'DATA', /a detached Float32Array\n {2}help: /],
    ['detached data', { data: detached(new Uint8Array(4)), shape: [2, 2] }, 'DATA', /a detached Uint8Array/],
    ['a detached row', [Float32Array.of(1), detached(Float32Array.of(2))], 'DATA', /^fit: x\[1\].*detached/],
    ['data that is no array', { data: 'abc', shape: [3] }, 'DATA', /^fit: x\.data: expected/],
    ['nested data', { data: [[1], [2]], shape: [2] }, 'DATA', /^fit: x\[0\]: expected a number/],
    ['too few numbers', { data: f, shape: [2, 4] }, 'SHAPE', /expected 8 numbers, as shape \[2,4\] asks for, got 6/],
    ['too many numbers', { data: f, shape: [5] }, 'SHAPE', /expected 5 numbers.*got 6/],
    ['a negative size', { data: f, shape: [-2, -3] }, 'SHAPE', /^fit: x\.shape: .*none negative, got \[-2, -3\]/],
    ['a size of NaN', { data: f, shape: [Number.NaN, 6] }, 'SHAPE', /got \[NaN, 6\]/],
    ['a fractional size', { data: f, shape: [1.5, 4] }, 'SHAPE', /got \[1\.5, 4\]/],
    ['an infinite size', { data: f, shape: [Infinity] }, 'SHAPE', /got \[Infinity\]/],
    ['a size of text', { data: f, shape: ['6'] }, 'SHAPE', /whole numbers/],
    ['a shape of null', { data: f, shape: null }, 'SHAPE', /an array of at most 8 sizes, got null/],
    ['a shape of a number', { data: f, shape: 6 }, 'SHAPE', /an array of at most 8 sizes, got 6/],
    ['nine axes', { data: f, shape: [1, 1, 1, 1, 1, 1, 1, 1, 6] }, 'SHAPE', /at most 8 sizes/],
  ];
  it.each(cases)('%s', (_, input, code, message) => {
    const error = errorOf(input);
    expect(error.message).toMatch(message);
    expect(error.code).toBe(`ERR_OCELLUS_${code}`);
  });

  it('anything at all, with an OcellusError', () => {
    fc.assert(
      fc.property(fc.anything({ withTypedArray: true, withSparseArray: true }), (input) => {
        try {
          const { data, shape } = toTensor('x', input as TensorInput);
          expect(shape.reduce((a, b) => a * b, 1)).toBe(data.length);
        } catch (error) {
          if (!(error instanceof OcellusError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});
