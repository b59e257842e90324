// Element types and the typed arrays that hold them.

export type DType = 'float32' | 'int32' | 'uint8';

/** Float data: Float64Array appears only where a plan runs in double precision (gradient checks). */
export type FloatArray = Float32Array | Float64Array;
export type NumericArray = Float32Array | Float64Array | Int32Array | Uint8Array;

export const bytesPerElement: Record<DType, number> = { float32: 4, int32: 4, uint8: 1 };

/** Position in this list is the number that C++ knows the type by (native/kernel.h). */
export const dtypes: readonly DType[] = ['float32', 'int32', 'uint8'];

/** Shape (outermost axis first, row-major, dense) and element type of a tensor. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** A tensor's values with their shape. */
export interface TensorView extends TensorSpec {
  readonly data: NumericArray;
}

/** A view of `length` elements of `dtype` at `byteOffset`. */
export function viewOf(buffer: ArrayBufferLike, dtype: DType, byteOffset: number, length: number): NumericArray {
  if (dtype === 'float32') return new Float32Array(buffer, byteOffset, length);
  if (dtype === 'int32') return new Int32Array(buffer, byteOffset, length);
  return new Uint8Array(buffer, byteOffset, length);
}
