// NumPy's npz files: zip archives of npy files, as np.savez and np.savez_compressed write them.

import type { TensorView } from '../core/dtype.js';
import { check, checkOptions } from '../core/errors.js';
import type { TensorInput } from './array.js';
import { defaultMaxBytes, readBytes } from './file.js';
import { decodeNpy, encodeNpy, writeBytes } from './npy.js';
import { readZip, writeZip } from './zip.js';

export interface NpzOptions {
  /** Deflate the arrays, as np.savez_compressed does. Default false. */
  readonly compressed?: boolean;
}

/**
 * Reads all arrays of an npz file by their names.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT (truncated, corrupt, no numbers, more than 4 GiB) | ERR_OCELLUS_DATA (cannot be read)
 *
 * @example
 * await writeNpz('digits.npz', { x: { data: new Uint8Array(12), shape: [3, 4] }, y: [0, 1, 2] });
 * const { x, y } = await readNpz('digits.npz');
 * x.shape; // [3, 4]
 */
export async function readNpz(file: string): Promise<Record<string, TensorView>> {
  return decodeNpz(await readBytes(file, 'an npz file'), file);
}

/**
 * Writes tensors as an npz file.
 *
 * @throws OcellusError ERR_OCELLUS_DATA (no tensors, or the file cannot be written)
 *
 * @example
 * await writeNpz('batch.npz', { x: [[1, 2]], y: [1] }, { compressed: true }); // np.load('batch.npz')['x']
 */
export async function writeNpz(
  file: string,
  tensors: Readonly<Record<string, TensorInput>>,
  options: NpzOptions = {},
): Promise<void> {
  await writeBytes(file, encodeNpz(tensors, options));
}

/**
 * Decodes an npz file in memory. `where` opens the error messages.
 *
 * @throws OcellusError ERR_OCELLUS_FORMAT
 *
 * @example
 * Object.keys(decodeNpz(encodeNpz({ x: [1], y: [2] }))); // ["x", "y"]
 */
export function decodeNpz(bytes: Uint8Array, where = 'decodeNpz'): Record<string, TensorView> {
  const tensors = [...readZip(bytes, where, defaultMaxBytes)].map(
    ([name, content]) => [name.replace(/\.npy$/, ''), decodeNpy(content, `${where}: ${name}`)] as const,
  );
  return Object.fromEntries(tensors);
}

/**
 * An npz file in memory.
 *
 * @throws OcellusError ERR_OCELLUS_DATA (no tensors)
 *
 * @example
 * decodeNpz(encodeNpz({ x: Uint8Array.of(1, 2) })).x.dtype; // 'uint8'
 */
export function encodeNpz(tensors: Readonly<Record<string, TensorInput>>, options: NpzOptions = {}): Uint8Array {
  checkOptions('encodeNpz', options, ['compressed']);
  const entries = Object.entries(tensors);
  check(entries.length > 0, 'ERR_OCELLUS_DATA', () => ({
    where: 'encodeNpz',
    expected: 'tensors by name',
    got: 'none',
  }));
  return writeZip(
    new Map(entries.map(([name, tensor]) => [`${name}.npy`, encodeNpy(tensor)])),
    options.compressed ?? false,
  );
}
