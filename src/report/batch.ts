// Pictures that were kept, as one batch again.

import type { Kept } from './gallery.js';

export interface PictureBatch {
  readonly data: Uint8Array | Float32Array;
  /** [pictures, height, width, channels] */
  readonly shape: number[];
}

/** @param kept at least one, of one shape */
export function batchOf(kept: readonly Kept[]): PictureBatch {
  const [{ sample }] = kept;
  const size = sample.data.length;
  const data = new (sample.data instanceof Uint8Array ? Uint8Array : Float32Array)(kept.length * size);
  kept.forEach((one, i) => void data.set(one.sample.data, i * size));
  return { data, shape: [kept.length, ...sample.shape] };
}
