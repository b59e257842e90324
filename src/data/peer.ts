// Packages that Ocellus works with where they are installed, loaded on first use.

import { OcellusError } from '../core/errors.js';

/**
 * What `load` imports.
 *
 * @throws OcellusError ERR_OCELLUS_DATA when the package is absent, or does not load on this machine
 */
export async function loadPeer<T>(name: string, purpose: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const isAbsent = /cannot find (package|module)/i.test(message) && message.includes(`'${name}'`);
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: purpose,
      expected: `the package '${name}'`,
      got: isAbsent ? 'none installed' : (message.split('\n').find((line) => line.trim() !== '') ?? 'an error'),
      help: `npm install ${name}`,
      cause,
    });
  }
}
